#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

enum { lanes = 8 };
#include "kernels.h"

const struct kernels logreg_kernels_avx2 = {dot, add, add_moments, dot_double};

#pragma clang attribute pop
#endif
