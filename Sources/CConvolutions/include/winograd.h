// Convolutions 3×3 with stride 1 in fp32 by Winograd's minimal filtering F(4×4, 3×3): a tile of 4×4 outputs takes 36
// multiplications per pair of channels instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016). The interpolation points 0, ±5/8, ±3/2 and ∞ keep the rounding errors within twice those of a direct sum; with the
// usual 0, ±1, ±2 and ∞ they are twice as large again.
#ifndef WINOGRAD_H
#define WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

/// Vectors of 8 and of 16 floats.
typedef enum { WINOGRAD_AVX2, WINOGRAD_AVX512 } winograd_instructions;

enum {
  /// Input channels come in multiples of this,
  WINOGRAD_CHUNK = 16,
  /// and output channels in multiples of this.
  WINOGRAD_PANEL = 32,
};

/// Rows of source and destination are channels last: (row, column, channel), without gaps.
typedef struct {
  winograd_instructions instructions;
  /// At most; OpenMP's of the calling thread, shared with oneDNN.
  int threads;
  int input_channels;
  int output_channels;
  int source_rows;
  int source_width;
  /// Zeros left of the source's first column, 0 to 2. Right of the last one there are as many as the destination's columns
  /// need; the rows' padding lies in memory.
  int columns_before;
  int rows;
  int width;
  /// Whether the result is added to what the destination holds.
  bool adds;
  /// The result is cut to this range at the end; infinite: it is not.
  float lowest;
  float highest;
} winograd_shape;

/// Whether this processor has them.
bool winograd_supports(winograd_instructions instructions);

/// Floats of the transformed weights.
size_t winograd_weights_count(int input_channels, int output_channels);

/// Transforms weights; only the channels and the threads of the shape count.
/// - weights: (O, I, 3, 3).
/// - transformed: on a 64-byte boundary.
void winograd_transform_weights(const winograd_shape *shape, const float *weights, float *transformed);

/// Bytes.
size_t winograd_scratchpad_size(const winograd_shape *shape);

/// - weights: transformed.
/// - bias: one for each output channel.
/// - scratchpad: on a 64-byte boundary.
void winograd_convolve(const winograd_shape *shape, const float *source, const float *weights, const float *bias,
                       float *destination, float *scratchpad);

#endif
