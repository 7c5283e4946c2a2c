#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

enum { lanes = 8 };
/// 12 sums, two vectors of weights, a value and one register to spare.
#define tallest 6
#include "kernels.h"

const struct kernels kernels_avx2 = {transform_inputs, multiply, transform_outputs, transform_weights};

#pragma clang attribute pop
#endif
