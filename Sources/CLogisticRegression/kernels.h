// The inner loops, compiled once for each set of instructions. Before it is included: `lanes` floats to a vector, and the
// target's attributes pushed.

#include "internal.h"

#pragma STDC FP_CONTRACT ON

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vector __attribute__((ext_vector_type(lanes)));
typedef float unaligned __attribute__((ext_vector_type(lanes), aligned(4)));
typedef double wide __attribute__((ext_vector_type(lanes / 2)));
typedef double unaligned_wide __attribute__((ext_vector_type(lanes / 2), aligned(8)));

INLINE double sum(vector v) {
  double total = 0;
  for (int lane = 0; lane < lanes; lane++) total += v[lane];
  return total;
}

INLINE void dot_rows(const float *const *rows, const int count, size_t columns, const float *coefficients,
                     double *products) {
  vector sums[group][2] = {0};
  size_t column = 0;
  for (; column + 2 * lanes <= columns; column += 2 * lanes) {
    UNROLL for (int half = 0; half < 2; half++) {
      vector w = *(const unaligned *)(coefficients + column + half * lanes);
      UNROLL for (int row = 0; row < count; row++) {
        sums[row][half] += *(const unaligned *)(rows[row] + column + half * lanes) * w;
      }
    }
  }
  UNROLL for (int row = 0; row < count; row++) {
    double product = sum(sums[row][0] + sums[row][1]);
    for (size_t rest = column; rest < columns; rest++) product += (double)rows[row][rest] * coefficients[rest];
    products[row] = product;
  }
}

static void dot(const float *const *rows, size_t count, size_t columns, const float *coefficients, double *products) {
  if (count == group) {
    dot_rows(rows, group, columns, coefficients, products);
    return;
  }
  for (size_t row = 0; row < count; row++) dot_rows(rows + row, 1, columns, coefficients, products + row);
}

INLINE void add_rows(const float *const *rows, const int count, size_t columns, const float *factors, float *sums) {
  size_t column = 0;
  for (; column + lanes <= columns; column += lanes) {
    vector total = *(unaligned *)(sums + column);
    UNROLL for (int row = 0; row < count; row++) {
      total += *(const unaligned *)(rows[row] + column) * factors[row];
    }
    *(unaligned *)(sums + column) = total;
  }
  for (; column < columns; column++) {
    for (int row = 0; row < count; row++) sums[column] += rows[row][column] * factors[row];
  }
}

static void add(const float *const *rows, size_t count, size_t columns, const float *factors, float *sums) {
  if (count == group) {
    add_rows(rows, group, columns, factors, sums);
    return;
  }
  for (size_t row = 0; row < count; row++) add_rows(rows + row, 1, columns, factors + row, sums);
}

static void add_moments(const float *row, size_t columns, double *sums, double *squares) {
  for (size_t column = 0; column < columns; column++) {
    const double value = row[column];
    sums[column] += value;
    squares[column] += value * value;
  }
}

static double dot_double(const double *left, const double *right, size_t count) {
  wide sums[4] = {0};
  size_t index = 0;
  for (; index + 2 * lanes <= count; index += 2 * lanes) {
    UNROLL for (int part = 0; part < 4; part++) {
      sums[part] += *(const unaligned_wide *)(left + index + part * (lanes / 2)) *
                    *(const unaligned_wide *)(right + index + part * (lanes / 2));
    }
  }
  wide all = sums[0] + sums[1] + sums[2] + sums[3];
  double total = 0;
  for (int lane = 0; lane < lanes / 2; lane++) total += all[lane];
  for (; index < count; index++) total += left[index] * right[index];
  return total;
}
