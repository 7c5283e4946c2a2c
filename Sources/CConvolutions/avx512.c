#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)

enum { lanes = 16 };
/// 28 sums, two vectors of weights, and what is left for a value.
#define tallest 14
#include "kernels.h"

const struct kernels kernels_avx512 = {transform_inputs, multiply, transform_outputs, transform_weights};

#pragma clang attribute pop
#endif
