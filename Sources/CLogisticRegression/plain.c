// For processors without the others' instructions: four lanes are every machine's.
enum { lanes = 4 };
#include "kernels.h"

const struct kernels logreg_kernels_plain = {dot, add, add_moments, dot_double};
