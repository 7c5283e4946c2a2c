#ifndef WINOGRAD_INTERNAL_H
#define WINOGRAD_INTERNAL_H

#include "winograd.h"

enum {
  /// Rows and columns of outputs of a tile,
  tile_outputs = 4,
  /// of its inputs,
  tile_inputs = 6,
  /// and how many of these there are: each is a matrix of its own, tiles × channels.
  matrices = tile_inputs * tile_inputs,
  chunk = WINOGRAD_CHUNK,
  panel = WINOGRAD_PANEL,
  /// Floats between two matrices beside their own: without them, all 36 would share the same sets of the first-level cache.
  gap = 16,
};

/// Some of a band's tiles, counted along the rows, on their way through transformed inputs and transformed outputs.
struct block {
  const winograd_shape *shape;
  const float *source;
  const float *bias;
  float *destination;
  int first_tile;
  /// Matrices of (channels / 16, capacity, 16).
  int capacity;
  float *inputs;
  float *outputs;
};

/// Floats from one matrix to the next.
static inline size_t matrix_stride(int capacity, int channels) { return (size_t)capacity * channels + gap; }

static inline int tiles_across(const winograd_shape *shape) { return (shape->width + tile_outputs - 1) / tile_outputs; }

static inline int tiles_down(const winograd_shape *shape) { return (shape->rows + tile_outputs - 1) / tile_outputs; }

/// The inner loops for one set of instructions. Ranges are `first..<end` and count a block's tiles.
struct kernels {
  void (*transform_inputs)(const struct block *block, int first, int end);
  /// One matrix's product with one panel of weights (input channels, 32).
  void (*multiply)(const struct block *block, int tiles, int matrix, int output_panel, const float *weights);
  void (*transform_outputs)(const struct block *block, int first, int end);
  /// Those of one panel.
  void (*transform_weights)(const winograd_shape *shape, int output_panel, const float *weights, float *transformed);
};

extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;

#endif
