#pragma once
#include <oneapi/dnnl/dnnl.h>

// Debian's oneDNN runs on GCC's OpenMP. omp.h belongs to the compiler, not to libgomp1: these three are its stable ABI.
void omp_set_num_threads(int count);
int omp_get_max_threads(void);
int omp_get_num_procs(void);
