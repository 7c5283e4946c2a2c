#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)

enum { lanes = 16 };
#include "kernels.h"

const struct kernels logreg_kernels_avx512 = {dot, add, add_moments, dot_double};

#pragma clang attribute pop
#endif
