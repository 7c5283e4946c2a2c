// Convolutions on AVX-512 that nothing has to be compiled for, whatever the size of the image. Rows of source and
// destination are channels last: (row, column, channel), without gaps; the rows' padding lies in memory. The threads are
// OpenMP's, shared with oneDNN.
#ifndef CONVOLUTIONS_H
#define CONVOLUTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { CONVOLUTION_FP32, CONVOLUTION_BF16 } convolution_type;

/// Whether this processor has what a convolution of this source needs.
bool convolution_supports(convolution_type source);

/// What becomes of a sum: the bias is added, then what the destination holds, then it is cut to a range, and rounded to the
/// destination's type.
typedef struct {
  bool adds;
  float lowest;
  float highest;
} convolution_ending;

/// 1×1.
typedef struct {
  convolution_type source_type;
  /// bf16 only if the source is.
  convolution_type destination_type;
  /// At most.
  int threads;
  /// Even.
  int input_channels;
  int output_channels;
  /// Of rows and columns.
  int stride;
  int source_width;
  /// Of the destination.
  int rows;
  int width;
  convolution_ending ending;
} pointwise_shape;

/// Bytes.
size_t pointwise_weights_size(const pointwise_shape *shape);
size_t pointwise_scratchpad_size(const pointwise_shape *shape);

/// - weights: (O, I), rounded to the source's type on the way.
/// - arranged: on a 64-byte boundary.
void pointwise_arrange_weights(const pointwise_shape *shape, const float *weights, void *arranged);

/// - weights: arranged.
/// - scratchpad: on a 64-byte boundary.
void pointwise_convolve(const pointwise_shape *shape, const void *source, const void *weights, const float *bias,
                        void *destination, void *scratchpad);

/// Every channel by itself; the weights are fp32 whatever the source is.
typedef struct {
  convolution_type source_type;
  /// bf16 only if the source is.
  convolution_type destination_type;
  /// At most.
  int threads;
  /// A multiple of 16.
  int channels;
  /// 3 or 5.
  int kernel;
  /// 1 or 2.
  int stride;
  int source_width;
  /// Zeros left of the source's first column. Right of the last one there are as many as the destination's columns need.
  int columns_before;
  /// Of the destination.
  int rows;
  int width;
  convolution_ending ending;
} depthwise_shape;

/// (C, k, k) becomes (C / 16, k, k, 16).
void depthwise_arrange_weights(const depthwise_shape *shape, const float *weights, float *arranged);

/// - weights: arranged, on a 64-byte boundary.
void depthwise_convolve(const depthwise_shape *shape, const void *source, const float *weights, const float *bias,
                        void *destination);

#endif
