// The inner loops, compiled once for each set of instructions. Before it is included: `lanes` floats to a vector, `tallest`
// rows of a product in registers, and the target's attributes pushed.

#include "internal.h"

#include <string.h>

// A product and a sum that stand together are one rounding: the errors above count on it.
#pragma STDC FP_CONTRACT ON

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vector __attribute__((ext_vector_type(lanes)));
typedef float unaligned __attribute__((ext_vector_type(lanes), aligned(4)));

enum { vectors = panel / lanes };

/// The interpolation points 0, ±a, ±b and ∞; both have few bits.
#define A 0.625f
#define B 1.5f

/// Bᵀd: six values of a tile's row or column.
INLINE void input_transform(const vector *d, vector *r) {
  const float aa = A * A, bb = B * B;
  vector even_a = d[4] - bb * d[2], odd_a = A * d[3] - (A * bb) * d[1];
  vector even_b = d[4] - aa * d[2], odd_b = B * d[3] - (B * aa) * d[1];
  r[0] = (aa * bb) * d[0] - (aa + bb) * d[2] + d[4];
  r[1] = even_a + odd_a;
  r[2] = even_a - odd_a;
  r[3] = even_b + odd_b;
  r[4] = even_b - odd_b;
  r[5] = (aa * bb) * d[1] - (aa + bb) * d[3] + d[5];
}

/// Aᵀm: six values become four.
INLINE void output_transform(const vector *m, vector *y) {
  vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = A * difference_a + B * difference_b;
  y[2] = (A * A) * sum_a + (B * B) * sum_b;
  y[3] = (A * A * A) * difference_a + (B * B * B) * difference_b + m[5];
}

/// Six rows of six vectors, `row_stride` and `column_stride` floats apart.
INLINE void transform_input_tile(const float *source, ptrdiff_t row_stride, ptrdiff_t column_stride, float *target,
                                 size_t stride) {
  vector columns[tile_inputs][tile_inputs];
  UNROLL for (int x = 0; x < tile_inputs; x++) {
    vector d[tile_inputs], r[tile_inputs];
    UNROLL for (int y = 0; y < tile_inputs; y++) {
      d[y] = *(const unaligned *)(source + y * row_stride + x * column_stride);
    }
    input_transform(d, r);
    UNROLL for (int y = 0; y < tile_inputs; y++) columns[y][x] = r[y];
  }
  UNROLL for (int y = 0; y < tile_inputs; y++) {
    vector r[tile_inputs];
    input_transform(columns[y], r);
    UNROLL for (int x = 0; x < tile_inputs; x++) *(vector *)(target + (y * tile_inputs + x) * stride) = r[x];
  }
}

static void transform_inputs(const struct block *block, int first, int end) {
  const winograd_shape *shape = block->shape;
  const int channels = shape->input_channels;
  const int across = tiles_across(shape);
  const size_t stride = matrix_stride(block->capacity, channels);
  const ptrdiff_t row_stride = (ptrdiff_t)shape->source_width * channels;
  // A tile that reaches beyond the source, with the zeros that lie there.
  _Alignas(64) float edge[matrices * chunk];
  for (int tile = first; tile < end; tile++) {
    const int top = (block->first_tile + tile) / across * tile_outputs;
    const int left = (block->first_tile + tile) % across * tile_outputs - shape->columns_before;
    const bool inside = left >= 0 && top + tile_inputs <= shape->source_rows &&
                        left + tile_inputs <= shape->source_width;
    for (int channel = 0; channel < channels; channel += chunk) {
      float *target = block->inputs + (size_t)channel * block->capacity + tile * chunk;
      if (inside) {
        const float *source = block->source + top * row_stride + (ptrdiff_t)left * channels + channel;
        for (int lane = 0; lane < chunk; lane += lanes) {
          transform_input_tile(source + lane, row_stride, channels, target + lane, stride);
        }
      } else {
        for (int y = 0; y < tile_inputs; y++) {
          for (int x = 0; x < tile_inputs; x++) {
            float *position = edge + (y * tile_inputs + x) * chunk;
            const int row = top + y, column = left + x;
            if (row < shape->source_rows && column >= 0 && column < shape->source_width) {
              const float *source = block->source + row * row_stride + (ptrdiff_t)column * channels + channel;
              memcpy(position, source, chunk * sizeof *position);
            } else {
              memset(position, 0, chunk * sizeof *position);
            }
          }
        }
        for (int lane = 0; lane < chunk; lane += lanes) {
          transform_input_tile(edge + lane, tile_inputs * chunk, chunk, target + lane, stride);
        }
      }
    }
  }
}

/// `rows` tiles times two vectors of output channels, all in registers. The tiles' channels are in chunks of 16, so that
/// a chunk's offsets are constants.
INLINE void multiply_rows(const int rows, const float *inputs, size_t chunk_stride, const float *weights, float *outputs,
                          float *second_outputs, int channels) {
  vector sums[tallest][2];
  UNROLL for (int row = 0; row < rows; row++) sums[row][0] = sums[row][1] = 0;
  for (int channel = 0; channel < channels; channel += chunk, inputs += chunk_stride) {
    _Pragma("clang loop unroll_count(4)") for (int c = 0; c < chunk; c++, weights += panel) {
      const vector w0 = *(const vector *)weights, w1 = *(const vector *)(weights + lanes);
      UNROLL for (int row = 0; row < rows; row++) {
        const float value = inputs[row * chunk + c];
        sums[row][0] += value * w0;
        sums[row][1] += value * w1;
      }
    }
  }
  UNROLL for (int row = 0; row < rows; row++) {
    *(vector *)(outputs + row * chunk) = sums[row][0];
    *(vector *)(second_outputs + row * chunk) = sums[row][1];
  }
}

static void multiply_some(int rows, const float *inputs, size_t chunk_stride, const float *weights, float *outputs,
                          float *second_outputs, int channels) {
#define ROWS(count)                                                                                 \
  case count:                                                                                       \
    multiply_rows(count, inputs, chunk_stride, weights, outputs, second_outputs, channels); \
    break;
  switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
#if tallest > 6
    ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12) ROWS(13) ROWS(14)
#endif
  }
#undef ROWS
}

static void multiply(const struct block *block, int tiles, int matrix, int output_panel, const float *weights) {
  const int channels = block->shape->input_channels;
  const size_t chunk_stride = (size_t)block->capacity * chunk;
  const float *inputs = block->inputs + matrix * matrix_stride(block->capacity, channels);
  float *outputs = block->outputs + matrix * matrix_stride(block->capacity, block->shape->output_channels) +
                   (size_t)output_panel * panel * block->capacity;
  const int groups = (tiles + tallest - 1) / tallest;
  for (int column = 0; column < vectors; column += 2) {
    // Where a vector's channels lie: in its chunk of 16, at its place there.
    float *first = outputs + column * lanes / chunk * chunk_stride + column * lanes % chunk;
    float *second = outputs + (column + 1) * lanes / chunk * chunk_stride + (column + 1) * lanes % chunk;
    for (int group = 0, tile = 0; group < groups; group++) {
      const int rows = (tiles - tile) / (groups - group);
      multiply_some(rows, inputs + tile * chunk, chunk_stride, weights + column * lanes, first + tile * chunk,
                    second + tile * chunk, channels);
      tile += rows;
    }
  }
}

/// - strides: floats between rows and columns of `target`.
INLINE void transform_output_tile(const winograd_shape *shape, const float *outputs, size_t stride, vector bias,
                                  float *target, ptrdiff_t row_stride, ptrdiff_t column_stride) {
  const vector lowest = shape->lowest, highest = shape->highest;
  vector columns[tile_outputs][tile_inputs];
  UNROLL for (int x = 0; x < tile_inputs; x++) {
    vector m[tile_inputs], y[tile_outputs];
    UNROLL for (int row = 0; row < tile_inputs; row++) {
      m[row] = *(const vector *)(outputs + (row * tile_inputs + x) * stride);
    }
    output_transform(m, y);
    UNROLL for (int row = 0; row < tile_outputs; row++) columns[row][x] = y[row];
  }
  UNROLL for (int row = 0; row < tile_outputs; row++) {
    vector y[tile_outputs];
    output_transform(columns[row], y);
    UNROLL for (int x = 0; x < tile_outputs; x++) {
      unaligned *place = (unaligned *)(target + row * row_stride + x * column_stride);
      vector value = y[x] + bias;
      if (shape->adds) value += *place;
      // In this order a NaN stays one.
      value = lowest > value ? lowest : value;
      value = highest < value ? highest : value;
      *place = value;
    }
  }
}

static void transform_outputs(const struct block *block, int first, int end) {
  const winograd_shape *shape = block->shape;
  const int channels = shape->output_channels;
  const int across = tiles_across(shape);
  const size_t stride = matrix_stride(block->capacity, channels);
  const ptrdiff_t row_stride = (ptrdiff_t)shape->width * channels;
  // A tile that reaches beyond the destination.
  _Alignas(64) float edge[tile_outputs * tile_outputs * lanes] = {0};
  for (int tile = first; tile < end; tile++) {
    const int top = (block->first_tile + tile) / across * tile_outputs;
    const int left = (block->first_tile + tile) % across * tile_outputs;
    const int rows = shape->rows - top < tile_outputs ? shape->rows - top : tile_outputs;
    const int columns = shape->width - left < tile_outputs ? shape->width - left : tile_outputs;
    for (int channel = 0; channel < channels; channel += lanes) {
      const float *outputs = block->outputs + (size_t)(channel / chunk * chunk) * block->capacity + tile * chunk +
                             channel % chunk;
      const vector bias = *(const unaligned *)(block->bias + channel);
      float *target = block->destination + top * row_stride + (ptrdiff_t)left * channels + channel;
      if (rows == tile_outputs && columns == tile_outputs) {
        transform_output_tile(shape, outputs, stride, bias, target, row_stride, channels);
        continue;
      }
      const size_t size = lanes * sizeof *edge;
      for (int y = 0; shape->adds && y < rows; y++) {
        for (int x = 0; x < columns; x++) {
          memcpy(edge + (y * tile_outputs + x) * lanes, target + y * row_stride + (ptrdiff_t)x * channels, size);
        }
      }
      transform_output_tile(shape, outputs, stride, bias, edge, tile_outputs * lanes, lanes);
      for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
          memcpy(target + y * row_stride + (ptrdiff_t)x * channels, edge + (y * tile_outputs + x) * lanes, size);
        }
      }
    }
  }
}

/// Gg: [1, p, p²] / ∏ (p − q) over the other finite points q; at ∞, the last weight.
static void weight_transform(const double g[3][panel], double r[tile_inputs][panel]) {
  const double a = A, b = B, aa = a * a, bb = b * b;
  const double zero = 1 / (aa * bb), at_a = 1 / (2 * aa * (aa - bb)), at_b = 1 / (2 * bb * (bb - aa));
  for (int o = 0; o < panel; o++) {
    r[0][o] = zero * g[0][o];
    r[1][o] = at_a * (g[0][o] + a * g[1][o] + aa * g[2][o]);
    r[2][o] = at_a * (g[0][o] - a * g[1][o] + aa * g[2][o]);
    r[3][o] = at_b * (g[0][o] + b * g[1][o] + bb * g[2][o]);
    r[4][o] = at_b * (g[0][o] - b * g[1][o] + bb * g[2][o]);
    r[5][o] = g[2][o];
  }
}

static void transform_weights(const winograd_shape *shape, int output_panel, const float *weights, float *transformed) {
  const int channels = shape->input_channels;
  const size_t panels = shape->output_channels / panel;
  for (int channel = 0; channel < channels; channel++) {
    double columns[3][tile_inputs][panel];
    for (int x = 0; x < 3; x++) {
      double g[3][panel];
      for (int o = 0; o < panel; o++) {
        const float *kernel = weights + (((size_t)output_panel * panel + o) * channels + channel) * 9;
        for (int y = 0; y < 3; y++) g[y][o] = kernel[3 * y + x];
      }
      weight_transform(g, columns[x]);
    }
    for (int y = 0; y < tile_inputs; y++) {
      double g[3][panel], r[tile_inputs][panel];
      for (int x = 0; x < 3; x++) memcpy(g[x], columns[x][y], sizeof g[x]);
      weight_transform(g, r);
      for (int x = 0; x < tile_inputs; x++) {
        const size_t matrix = y * tile_inputs + x;
        float *target = transformed + ((matrix * panels + output_panel) * channels + channel) * panel;
        for (int o = 0; o < panel; o++) target[o] = (float)r[x][o];
      }
    }
  }
}

#undef A
#undef B
