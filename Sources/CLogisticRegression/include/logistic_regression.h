// Passes over a table of features that is larger than any cache, for logistic regression: memory is read once for the loss
// and its gradient together. Rows are fp32, sums over rows Double, and added up in an order that does not depend on the
// number of threads: the same table gives the same bits.
#ifndef LOGISTIC_REGRESSION_H
#define LOGISTIC_REGRESSION_H

#include <stddef.h>
#include <stdint.h>

/// Some rows of a table in memory.
typedef struct {
  /// The table's first value; rows lie `stride` bytes apart.
  const void *values;
  size_t stride;
  size_t columns;
  /// Which rows, and in which order.
  const uint32_t *rows;
  size_t count;
  /// At most; OpenMP's of the calling thread, shared with oneDNN.
  int threads;
} logreg_table;

/// Of each row in turn.
typedef struct {
  /// 1: generated, 0: real.
  const float *labels;
  /// What the row counts.
  const float *weights;
} logreg_samples;

/// Doubles that `logreg_evaluate` needs besides.
size_t logreg_scratch_count(const logreg_table *table);

/// Σ weight · (log(1 + e^z) − label · z) with z = row · coefficients + intercept, and its gradient.
/// - gradient: columns + 1; the last one is the intercept's.
/// - margins: z of each row in turn.
/// - curvatures: weight · p · (1 − p) of each row in turn.
double logreg_evaluate(const logreg_table *table, const logreg_samples *samples, const float *coefficients,
                       double intercept, double *gradient, double *margins, double *curvatures, double *scratch);

/// z alone.
void logreg_margins(const logreg_table *table, const float *coefficients, double intercept, double *margins);

/// Sums over the rows of x and x² in each column.
/// - scratch: twice `logreg_scratch_count`.
void logreg_moments(const logreg_table *table, double *sums, double *squares, double *scratch);

/// target(row, index) = factor(row) · (x(row, columns[index]) − shifts[index]) · scales[index], and factor(row) itself in
/// a last column more.
/// - factors: of each row in turn.
void logreg_gather(const logreg_table *table, const uint32_t *columns, const float *shifts, const float *scales,
                   size_t count, const float *factors, float *target);

/// Replaces the lower triangle of a symmetric matrix (n × n, row-major) by its Cholesky factor.
/// Returns 0, or the number from 1 on of the pivot that is not positive.
size_t logreg_cholesky(double *matrix, size_t n, int threads);

#endif
