#include "internal.h"
#include "threads.h"

enum {
  /// Tiles that a thread takes through all steps at a time: enough to be worth reading the weights, few enough for its
  /// second-level cache.
  own_tiles = 16,
  /// Tiles that all threads take through a step together, where there are more weights than that.
  shared_tiles = 64,
};

struct plan {
  /// Whether each thread has blocks of its own, or all work on one.
  bool shares;
  int blocks;
  int capacity;
};

static struct plan plan(const winograd_shape *shape) {
  const int tiles = tiles_across(shape) * tiles_down(shape);
  const bool shares = tiles < own_tiles / 2 * shape->threads;
  const int blocks = shares ? rounded_up(tiles, shared_tiles)
                            : rounded_up(rounded_up(tiles, own_tiles), shape->threads) * shape->threads;
  return (struct plan){shares, blocks, rounded_up(tiles, blocks)};
}

static const struct kernels *kernels_for(winograd_instructions instructions) {
#if defined(__x86_64__)
  return instructions == WINOGRAD_AVX512 ? &kernels_avx512 : &kernels_avx2;
#else
  return 0;
#endif
}

bool winograd_supports(winograd_instructions instructions) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  if (instructions == WINOGRAD_AVX2) return true;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

size_t winograd_weights_count(int input_channels, int output_channels) {
  return (size_t)matrices * input_channels * output_channels;
}

/// Floats of a block's matrices.
static size_t block_size(const winograd_shape *shape, int capacity) {
  return matrices * (matrix_stride(capacity, shape->input_channels) + matrix_stride(capacity, shape->output_channels));
}

size_t winograd_scratchpad_size(const winograd_shape *shape) {
  const struct plan p = plan(shape);
  return block_size(shape, p.capacity) * (p.shares ? 1 : shape->threads) * sizeof(float);
}

struct convolution {
  const winograd_shape *shape;
  const struct kernels *kernels;
  struct plan plan;
  const float *source;
  const float *weights;
  const float *bias;
  float *destination;
  float *scratchpad;
};

static void multiply(const struct convolution *c, const struct block *block, int tiles, struct range items) {
  const int panels = c->shape->output_channels / panel;
  for (int item = items.first; item < items.end; item++) {
    // Weights are in the order (36, O/32, I, 32).
    c->kernels->multiply(block, tiles, item / panels, item % panels,
                         c->weights + (size_t)item * c->shape->input_channels * panel);
  }
}

static void convolve(void *data) {
  const struct convolution *c = data;
  const winograd_shape *shape = c->shape;
  const int tiles = tiles_across(shape) * tiles_down(shape);
  const int products = matrices * (shape->output_channels / panel);
  const int part = c->plan.shares ? 0 : omp_get_thread_num();
  float *inputs = c->scratchpad + part * block_size(shape, c->plan.capacity);
  struct block block = {
      .shape = shape,
      .source = c->source,
      .bias = c->bias,
      .destination = c->destination,
      .capacity = c->plan.capacity,
      .inputs = inputs,
      .outputs = inputs + matrices * matrix_stride(c->plan.capacity, shape->input_channels),
  };
  const struct range blocks = c->plan.shares ? (struct range){0, c->plan.blocks} : share(0, c->plan.blocks);
  for (int index = blocks.first; index < blocks.end; index++) {
    block.first_tile = (int)((long)tiles * index / c->plan.blocks);
    const int count = (int)((long)tiles * (index + 1) / c->plan.blocks) - block.first_tile;
    if (c->plan.shares) {
      const struct range own = share(0, count);
      c->kernels->transform_inputs(&block, own.first, own.end);
      GOMP_barrier();
      multiply(c, &block, count, share(0, products));
      GOMP_barrier();
      c->kernels->transform_outputs(&block, own.first, own.end);
      // The next block's inputs do not disturb the outputs, and its products wait for everybody.
    } else {
      c->kernels->transform_inputs(&block, 0, count);
      multiply(c, &block, count, (struct range){0, products});
      c->kernels->transform_outputs(&block, 0, count);
    }
  }
}

void winograd_convolve(const winograd_shape *shape, const float *source, const float *weights, const float *bias,
                       float *destination, float *scratchpad) {
  struct convolution c = {
      .shape = shape,
      .kernels = kernels_for(shape->instructions),
      .plan = plan(shape),
      .source = source,
      .weights = weights,
      .bias = bias,
      .destination = destination,
      .scratchpad = scratchpad,
  };
  GOMP_parallel(convolve, &c, (unsigned)shape->threads, 0);
}

static void transform_weights(void *data) {
  const struct convolution *c = data;
  const struct range panels = share(0, c->shape->output_channels / panel);
  for (int index = panels.first; index < panels.end; index++) {
    c->kernels->transform_weights(c->shape, index, c->source, c->destination);
  }
}

void winograd_transform_weights(const winograd_shape *shape, const float *weights, float *transformed) {
  struct convolution c = {
      .shape = shape, .kernels = kernels_for(shape->instructions), .source = weights, .destination = transformed};
  GOMP_parallel(transform_weights, &c, (unsigned)shape->threads, 0);
}
