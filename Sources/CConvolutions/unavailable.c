// Other processors have none of them, and nobody calls the others.
#include "convolutions.h"

#if !defined(__x86_64__)

bool convolution_supports(convolution_type source) {
  (void)source;
  return false;
}

size_t pointwise_weights_size(const pointwise_shape *shape) {
  (void)shape;
  __builtin_trap();
}

size_t pointwise_scratchpad_size(const pointwise_shape *shape) {
  (void)shape;
  __builtin_trap();
}

void pointwise_arrange_weights(const pointwise_shape *shape, const float *weights, void *arranged) {
  (void)shape, (void)weights, (void)arranged;
  __builtin_trap();
}

void pointwise_convolve(const pointwise_shape *shape, const void *source, const void *weights, const float *bias,
                        void *destination, void *scratchpad) {
  (void)shape, (void)source, (void)weights, (void)bias, (void)destination, (void)scratchpad;
  __builtin_trap();
}

void depthwise_arrange_weights(const depthwise_shape *shape, const float *weights, float *arranged) {
  (void)shape, (void)weights, (void)arranged;
  __builtin_trap();
}

void depthwise_convolve(const depthwise_shape *shape, const void *source, const float *weights, const float *bias,
                        void *destination) {
  (void)shape, (void)source, (void)weights, (void)bias, (void)destination;
  __builtin_trap();
}

#endif
