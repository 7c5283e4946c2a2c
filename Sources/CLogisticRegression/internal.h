#ifndef LOGREG_INTERNAL_H
#define LOGREG_INTERNAL_H

#include "logistic_regression.h"

/// The inner loops for one set of instructions.
struct kernels {
  /// Products of `count` rows (at most `group`) with the coefficients.
  void (*dot)(const float *const *rows, size_t count, size_t columns, const float *coefficients, double *products);
  /// sums += Σ factors · rows, `count` of them (at most `group`).
  void (*add)(const float *const *rows, size_t count, size_t columns, const float *factors, float *sums);
  /// sums += x and squares += x² for one row.
  void (*add_moments)(const float *row, size_t columns, double *sums, double *squares);
  double (*dot_double)(const double *left, const double *right, size_t count);
};

enum {
  /// Rows that are worked on together, so that coefficients and sums are read once for them.
  group = 4,
  /// Rows between their product and their part of the gradient: those stay in the second-level cache.
  block = 16,
  /// Rows that are summed up in fp32 before they go to Double.
  run = 64,
};

extern const struct kernels logreg_kernels_plain;
extern const struct kernels logreg_kernels_avx2;
extern const struct kernels logreg_kernels_avx512;

#endif
