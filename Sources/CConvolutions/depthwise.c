#include "convolutions.h"
#include "threads.h"

#include <string.h>

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), \
                             apply_to = function)

#include "vectors.h"

enum {
  /// Columns of outputs in registers.
  columns = 8,
  largest_kernel = 5,
};

struct convolution {
  const depthwise_shape *shape;
  const char *source;
  const float *weights;
  const float *bias;
  char *destination;
};

/// Columns of one row from `left` on, 16 channels of them.
/// - is_inside: none of them is beyond the destination, and no window looks beyond the source.
/// - source: the row's first source row, its first column.
INLINE void convolve_columns(const depthwise_shape *shape, convolution_type type, const int kernel, const int stride,
                             const bool is_inside, const char *source, const float *weights, __m512 bias, int left, char *target) {
  __m512 sums[columns];
  UNROLL for (int x = 0; x < columns; x++) sums[x] = bias;
  const size_t column_size = shape->channels * size_of(type);
  const int first = left * stride - shape->columns_before;
  for (int y = 0; y < kernel; y++, weights += kernel * lanes) {
    __m512 w[largest_kernel];
    UNROLL for (int k = 0; k < kernel; k++) w[k] = _mm512_load_ps(weights + k * lanes);
    const char *row = source + y * shape->source_width * column_size + first * (ptrdiff_t)column_size;
    UNROLL for (int x = 0; x < (columns - 1) * stride + kernel; x++) {
      if (!is_inside && (first + x < 0 || first + x >= shape->source_width)) continue;
      const __m512 value = load(type, row + x * column_size);
      UNROLL for (int k = 0; k < kernel; k++) {
        const int output = (x - k) / stride;
        if (x >= k && (x - k) % stride == 0 && output < columns) {
          sums[output] = _mm512_fmadd_ps(value, w[k], sums[output]);
        }
      }
    }
  }
  const __m512 lowest = _mm512_set1_ps(shape->ending.lowest), highest = _mm512_set1_ps(shape->ending.highest);
  const size_t target_size = shape->channels * size_of(shape->destination_type);
  UNROLL for (int x = 0; x < columns; x++) {
    if (!is_inside && left + x >= shape->width) break;
    const __m512 value = cut(sums[x], lowest, highest);
    if (shape->destination_type == CONVOLUTION_BF16) {
      // Only together with a source of bf16, which needs the instruction.
      _mm256_storeu_si256((__m256i *)(target + x * target_size), (__m256i)_mm512_cvtneps_pbh(value));
    } else {
      _mm512_storeu_ps(target + x * target_size, value);
    }
  }
}

INLINE void convolve_items(const struct convolution *c, convolution_type type, const int kernel, const int stride) {
  const depthwise_shape *shape = c->shape;
  const int groups = shape->channels / lanes, across = rounded_up(shape->width, columns);
  const size_t row_size = shape->source_width * (size_t)shape->channels * size_of(type);
  const size_t output_size = size_of(shape->destination_type);
  // Groups of channels are innermost: what a line of the cache holds serves several. Where there are few pixels, threads
  // have different channels.
  const bool divides_channels = shape->rows * across < 4 * omp_get_num_threads();
  const struct range items = divides_channels ? (struct range){0, shape->rows * across} : share(0, shape->rows * across);
  const struct range channels = divides_channels ? share(0, groups) : (struct range){0, groups};
  for (int item = items.first; item < items.end; item++) {
    const int y = item / across, left = item % across * columns;
    const char *source = c->source + y * stride * row_size;
    char *target = c->destination + ((size_t)y * shape->width + left) * shape->channels * output_size;
    const int first = left * stride - shape->columns_before;
    const bool is_inside = first >= 0 && first + (columns - 1) * stride + kernel <= shape->source_width &&
                           left + columns <= shape->width;
    const char *in = source + channels.first * lanes * size_of(type);
    const float *weights = c->weights + (size_t)channels.first * kernel * kernel * lanes;
    char *out = target + channels.first * lanes * output_size;
    for (int group = channels.first; group < channels.end; group++) {
      const __m512 bias = _mm512_loadu_ps(c->bias + group * lanes);
      if (is_inside) {
        convolve_columns(shape, type, kernel, stride, true, in, weights, bias, left, out);
      } else {
        convolve_columns(shape, type, kernel, stride, false, in, weights, bias, left, out);
      }
      in += lanes * size_of(type);
      weights += kernel * kernel * lanes;
      out += lanes * output_size;
    }
  }
}

#define CONVOLVE(name, type, kernel, stride) \
  static void name(void *data) { convolve_items(data, type, kernel, stride); }
CONVOLVE(fp32_3_1, CONVOLUTION_FP32, 3, 1)
CONVOLVE(fp32_3_2, CONVOLUTION_FP32, 3, 2)
CONVOLVE(fp32_5_1, CONVOLUTION_FP32, 5, 1)
CONVOLVE(fp32_5_2, CONVOLUTION_FP32, 5, 2)
CONVOLVE(bf16_3_1, CONVOLUTION_BF16, 3, 1)
CONVOLVE(bf16_3_2, CONVOLUTION_BF16, 3, 2)
CONVOLVE(bf16_5_1, CONVOLUTION_BF16, 5, 1)
CONVOLVE(bf16_5_2, CONVOLUTION_BF16, 5, 2)
#undef CONVOLVE

/// By type, kernel and stride.
static void (*const kernels[2][2][2])(void *) = {{{fp32_3_1, fp32_3_2}, {fp32_5_1, fp32_5_2}},
                                                 {{bf16_3_1, bf16_3_2}, {bf16_5_1, bf16_5_2}}};

void depthwise_convolve(const depthwise_shape *shape, const void *source, const float *weights, const float *bias,
                        void *destination) {
  struct convolution c = {shape, source, weights, bias, destination};
  GOMP_parallel(kernels[shape->source_type == CONVOLUTION_BF16][shape->kernel == 5][shape->stride == 2], &c,
                (unsigned)shape->threads, 0);
}

void depthwise_arrange_weights(const depthwise_shape *shape, const float *weights, float *arranged) {
  const int taps = shape->kernel * shape->kernel;
  for (int channel = 0; channel < shape->channels; channel++) {
    for (int tap = 0; tap < taps; tap++) {
      const __m512 weight = _mm512_set1_ps(weights[(size_t)channel * taps + tap]);
      arranged[((size_t)channel / lanes * taps + tap) * lanes + channel % lanes] =
          _mm512_cvtss_f32(shape->source_type == CONVOLUTION_BF16
                               ? _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded(weight)), 16))
                               : weight);
    }
  }
}

#pragma clang attribute pop

#endif
