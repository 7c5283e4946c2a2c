#include "convolutions.h"
#include "threads.h"

#include <string.h>

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), \
                             apply_to = function)

#include "vectors.h"

enum {
  /// Output channels whose weights lie together.
  panel = 2 * lanes,
  /// Pixels of a product in registers: 28 sums, two vectors of weights, and what is left for a value.
  tallest = 14,
  /// A word is one number of fp32 or two of bf16; a pixel's come in chunks of a cache line.
  chunk = 16,
  /// Bytes of pixels that a thread takes through all panels, for its second-level cache.
  block_size = 192 << 10,
  most_pixels = 12 * tallest,
};

INLINE int words(const pointwise_shape *shape) {
  return shape->input_channels / (shape->source_type == CONVOLUTION_BF16 ? 2 : 1);
}

INLINE int chunks(const pointwise_shape *shape) { return rounded_up(words(shape), chunk); }

INLINE int panels(const pointwise_shape *shape) { return rounded_up(shape->output_channels, panel); }

/// Pixels.
static int block_length(const pointwise_shape *shape) {
  const int count = block_size / (chunks(shape) * chunk * 4) / tallest * tallest;
  return count < 2 * tallest ? 2 * tallest : count > most_pixels ? most_pixels : count;
}

INLINE __m512 multiplied(convolution_type type, __m512 sum, __m512i value, __m512i weights) {
  if (type == CONVOLUTION_BF16) return _mm512_dpbf16_ps(sum, (__m512bh)value, (__m512bh)weights);
  return _mm512_fmadd_ps(_mm512_castsi512_ps(value), _mm512_castsi512_ps(weights), sum);
}

/// `count` words of each pixel times as many of each weight.
INLINE void multiply_chunk(convolution_type type, const int rows, const int vectors, const int *inputs,
                           const __m512i *weights, int count, __m512 (*sums)[2]) {
  _Pragma("clang loop unroll_count(4)") for (int c = 0; c < count; c++, weights += 2) {
    const __m512i w0 = weights[0], w1 = vectors > 1 ? weights[1] : w0;
    UNROLL for (int row = 0; row < rows; row++) {
      const __m512i value = _mm512_set1_epi32(inputs[row * chunk + c]);
      sums[row][0] = multiplied(type, sums[row][0], value, w0);
      if (vectors > 1) sums[row][1] = multiplied(type, sums[row][1], value, w1);
    }
  }
}

struct destination {
  convolution_type type;
  convolution_ending ending;
  const float *bias;
  char *place;
  /// Bytes from pixel to pixel.
  size_t stride;
  /// Output channels from here on.
  int channels;
};

INLINE void end(const int rows, const int vectors, convolution_type type, bool adds, const struct destination *d,
                __m512 (*sums)[2]) {
  const __m512 lowest = _mm512_set1_ps(d->ending.lowest), highest = _mm512_set1_ps(d->ending.highest);
  UNROLL for (int v = 0; v < vectors; v++) {
    const __mmask16 mask = mask_of(d->channels - v * lanes);
    const __m512 bias = _mm512_maskz_loadu_ps(mask, d->bias + v * lanes);
    UNROLL for (int row = 0; row < rows; row++) {
      char *place = d->place + row * d->stride + v * lanes * size_of(type);
      __m512 value = _mm512_add_ps(sums[row][v], bias);
      if (adds) value = _mm512_add_ps(value, load_some(type, mask, place));
      value = cut(value, lowest, highest);
      if (type == CONVOLUTION_BF16) {
        _mm256_mask_storeu_epi16(place, mask, (__m256i)_mm512_cvtneps_pbh(value));
      } else {
        _mm512_mask_storeu_ps(place, mask, value);
      }
    }
  }
}

/// - inputs: (chunks, rows, 16) words.
INLINE void multiply(convolution_type type, const int rows, const int vectors, const int *inputs,
                     const __m512i *weights, int words, const struct destination *d) {
  __m512 sums[tallest][2];
  UNROLL for (int row = 0; row < rows; row++) {
    sums[row][0] = sums[row][1] = _mm512_setzero_ps();
    // The results' place is rarely near: it comes while the sums are made.
    __builtin_prefetch(d->place + row * d->stride, 1);
    if (vectors > 1 && d->type == CONVOLUTION_FP32) __builtin_prefetch(d->place + row * d->stride + 64, 1);
  }
  int word = 0;
  for (; word + chunk <= words; word += chunk, inputs += rows * chunk, weights += 2 * chunk) {
    multiply_chunk(type, rows, vectors, inputs, weights, chunk, sums);
  }
  if (word < words) multiply_chunk(type, rows, vectors, inputs, weights, words - word, sums);
  if (d->type == CONVOLUTION_BF16) {
    if (d->ending.adds) {
      end(rows, vectors, CONVOLUTION_BF16, true, d, sums);
    } else {
      end(rows, vectors, CONVOLUTION_BF16, false, d, sums);
    }
  } else if (d->ending.adds) {
    end(rows, vectors, CONVOLUTION_FP32, true, d, sums);
  } else {
    end(rows, vectors, CONVOLUTION_FP32, false, d, sums);
  }
}

#define MULTIPLY(name, type, vectors)                                                                            \
  static void name(int rows, const int *inputs, const __m512i *weights, int words, const struct destination *d) { \
    switch (rows) {                                                                                              \
      ROWS(type, vectors, 1) ROWS(type, vectors, 2) ROWS(type, vectors, 3) ROWS(type, vectors, 4)                \
      ROWS(type, vectors, 5) ROWS(type, vectors, 6) ROWS(type, vectors, 7) ROWS(type, vectors, 8)                \
      ROWS(type, vectors, 9) ROWS(type, vectors, 10) ROWS(type, vectors, 11) ROWS(type, vectors, 12)             \
      ROWS(type, vectors, 13) ROWS(type, vectors, 14)                                                            \
    }                                                                                                            \
  }
#define ROWS(type, vectors, count)                                        \
  case count:                                                             \
    multiply(type, count, vectors, inputs, weights, words, d);            \
    break;
MULTIPLY(multiply_fp32, CONVOLUTION_FP32, 1)
MULTIPLY(multiply_fp32_pair, CONVOLUTION_FP32, 2)
MULTIPLY(multiply_bf16, CONVOLUTION_BF16, 1)
MULTIPLY(multiply_bf16_pair, CONVOLUTION_BF16, 2)
#undef ROWS
#undef MULTIPLY

struct convolution {
  const pointwise_shape *shape;
  const char *source;
  const char *weights;
  const float *bias;
  char *destination;
  char *scratchpad;
};

/// Into groups of at most `tallest` pixels: a group's chunks one behind the other, in each of them a line for each pixel.
/// Pixels as they come lie in the same few sets of the first-level cache if their channels are a large power of two.
static void gather(const struct convolution *c, int first, int pixels, int groups, char *target) {
  const pointwise_shape *shape = c->shape;
  const size_t size = words(shape) * (size_t)4;
  int pixel = 0, column = first % shape->width;
  const char *source_row = c->source + first / shape->width * shape->stride * (size_t)shape->source_width * size;
  for (int group = 0; group < groups; group++) {
    const int rows = (pixels - pixel) / (groups - group);
    for (int row = 0; row < rows; row++) {
      const char *source = source_row + column * shape->stride * size;
      if (++column == shape->width) {
        column = 0;
        source_row += shape->stride * (size_t)shape->source_width * size;
      }
      char *line = target + row * chunk * 4;
      size_t offset = 0;
      for (; offset + 64 <= size; offset += 64, line += rows * chunk * 4) {
        _mm512_store_si512(line, _mm512_loadu_si512(source + offset));
      }
      if (offset < size) {
        _mm512_store_si512(line, _mm512_maskz_loadu_epi32(mask_of((int)(size - offset) / 4), source + offset));
      }
    }
    target += (size_t)rows * chunks(shape) * chunk * 4;
    pixel += rows;
  }
}

/// These pixels' channels of these panels.
static void convolve_block(const struct convolution *c, int first, int pixels, struct range range, char *inputs) {
  const pointwise_shape *shape = c->shape;
  const size_t pixel_size = shape->output_channels * size_of(shape->destination_type);
  const int groups = rounded_up(pixels, tallest), k = words(shape);
  gather(c, first, pixels, groups, inputs);
  for (int index = range.first; index < range.end; index++) {
    const int channel = index * panel;
    struct destination d = {
        .type = shape->destination_type,
        .ending = shape->ending,
        .bias = c->bias + channel,
        .place = c->destination + first * pixel_size + channel * size_of(shape->destination_type),
        .stride = pixel_size,
        .channels = shape->output_channels - channel,
    };
    const __m512i *weights = (const __m512i *)(c->weights + (size_t)index * k * panel * 4);
    const bool is_pair = d.channels > lanes;
    const char *group_inputs = inputs;
    int pixel = 0;
    for (int group = 0; group < groups; group++) {
      const int rows = (pixels - pixel) / (groups - group);
      const int *in = (const int *)group_inputs;
      if (shape->source_type == CONVOLUTION_BF16) {
        (is_pair ? multiply_bf16_pair : multiply_bf16)(rows, in, weights, k, &d);
      } else {
        (is_pair ? multiply_fp32_pair : multiply_fp32)(rows, in, weights, k, &d);
      }
      d.place += rows * pixel_size;
      group_inputs += (size_t)rows * chunks(shape) * chunk * 4;
      pixel += rows;
    }
  }
}

static size_t part_size(const pointwise_shape *shape) { return (size_t)block_length(shape) * chunks(shape) * chunk * 4; }

static void convolve(void *data) {
  const struct convolution *c = data;
  const pointwise_shape *shape = c->shape;
  char *inputs = c->scratchpad + omp_get_thread_num() * part_size(shape);
  const int length = block_length(shape), count = shape->rows * shape->width;
  struct range pixels = {0, count}, range = {0, panels(shape)};
  // A few pixels are everybody's, and each thread takes other channels.
  if (count < 2 * tallest * omp_get_num_threads()) {
    range = share(0, range.end);
    if (range.first == range.end) return;
  } else {
    pixels = share(0, count);
  }
  const int blocks = rounded_up(pixels.end - pixels.first, length);
  int first = pixels.first;
  for (int block = 0; block < blocks; block++) {
    const int end = pixels.first + (int)((long)(pixels.end - pixels.first) * (block + 1) / blocks);
    convolve_block(c, first, end - first, range, inputs);
    first = end;
  }
}

void pointwise_convolve(const pointwise_shape *shape, const void *source, const void *weights, const float *bias,
                        void *destination, void *scratchpad) {
  struct convolution c = {shape, source, weights, bias, destination, scratchpad};
  GOMP_parallel(convolve, &c, (unsigned)shape->threads, 0);
}

size_t pointwise_scratchpad_size(const pointwise_shape *shape) { return part_size(shape) * shape->threads; }

size_t pointwise_weights_size(const pointwise_shape *shape) {
  return (size_t)panels(shape) * words(shape) * panel * 4;
}

void pointwise_arrange_weights(const pointwise_shape *shape, const float *weights, void *arranged) {
  const int inputs = shape->input_channels, outputs = shape->output_channels;
  const int pair = shape->source_type == CONVOLUTION_BF16 ? 2 : 1;
  size_t place = 0;
  for (int first = 0; first < outputs; first += panel) {
    for (int input = 0; input < inputs; input += pair) {
      for (int o = first; o < first + panel; o++) {
        for (int i = input; i < input + pair; i++, place++) {
          const float weight = o < outputs ? weights[(size_t)o * inputs + i] : 0;
          if (pair == 2) {
            ((unsigned short *)arranged)[place] = (unsigned short)_mm256_extract_epi16(rounded(_mm512_set1_ps(weight)), 0);
          } else {
            ((float *)arranged)[place] = weight;
          }
        }
      }
    }
  }
}

#pragma clang attribute pop

bool convolution_supports(convolution_type source) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         (source == CONVOLUTION_FP32 || __builtin_cpu_supports("avx512bf16"));
}

#endif
