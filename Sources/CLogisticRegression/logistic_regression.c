#include "internal.h"

#include <math.h>
#include <string.h>

// From the same libgomp that Debian's oneDNN runs on: one pool of threads for both (see CConvolutions).
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

enum {
  /// Parts of a table with sums of their own, which are added up in order: as many threads can be of use.
  most_parts = 64,
};

static const struct kernels *kernels(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return &logreg_kernels_avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &logreg_kernels_avx2;
#endif
  return &logreg_kernels_plain;
}

/// Depends on the table alone.
static size_t part_count(const logreg_table *table) {
  const size_t runs = (table->count + run - 1) / run;
  return runs < most_parts ? runs : most_parts;
}

size_t logreg_scratch_count(const logreg_table *table) {
  // Per part: gradient, intercept and loss, and the sums of a run in fp32.
  return part_count(table) * (table->columns + 2 + (table->columns + 1) / 2);
}

static inline const float *row_at(const logreg_table *table, size_t index) {
  return (const float *)((const char *)table->values + table->stride * table->rows[index]);
}

struct evaluation {
  const logreg_table *table;
  const struct kernels *kernels;
  const logreg_samples *samples;
  const float *coefficients;
  double intercept;
  double *margins;
  double *curvatures;
  double *scratch;
  size_t parts;
};

/// Loss of one row; its derivative by z goes to `factor`.
static double judge(const struct evaluation *e, size_t index, double z, float *factor) {
  const double label = e->samples->labels[index], weight = e->samples->weights[index];
  // e^−|z| never overflows.
  const double small = exp(-fabs(z));
  const double probability = z >= 0 ? 1 / (1 + small) : small / (1 + small);
  *factor = (float)(weight * (probability - label));
  e->margins[index] = z;
  e->curvatures[index] = weight * small / ((1 + small) * (1 + small));
  return weight * (fmax(z, 0) + log1p(small) - label * z);
}

static void evaluate_part(const struct evaluation *e, size_t part) {
  const logreg_table *table = e->table;
  const size_t columns = table->columns;
  const size_t first = table->count * part / e->parts, end = table->count * (part + 1) / e->parts;
  double *gradient = e->scratch + part * (columns + 2);
  float *sums = (float *)(e->scratch + e->parts * (columns + 2)) + part * ((columns + 1) / 2 * 2);
  memset(gradient, 0, (columns + 2) * sizeof *gradient);
  double loss = 0, intercept = 0;
  for (size_t run_start = first; run_start < end; run_start += run) {
    const size_t run_end = run_start + run < end ? run_start + run : end;
    memset(sums, 0, columns * sizeof *sums);
    for (size_t start = run_start; start < run_end; start += block) {
      const size_t count = start + block < run_end ? block : run_end - start;
      const float *rows[block];
      double products[block];
      float factors[block];
      for (size_t index = 0; index < count; index++) rows[index] = row_at(table, start + index);
      for (size_t index = 0; index < count; index += group) {
        const size_t some = index + group < count ? group : count - index;
        e->kernels->dot(rows + index, some, columns, e->coefficients, products + index);
      }
      for (size_t index = 0; index < count; index++) {
        loss += judge(e, start + index, products[index] + e->intercept, factors + index);
        intercept += factors[index];
      }
      for (size_t index = 0; index < count; index += group) {
        const size_t some = index + group < count ? group : count - index;
        e->kernels->add(rows + index, some, columns, factors + index, sums);
      }
    }
    for (size_t column = 0; column < columns; column++) gradient[column] += sums[column];
  }
  gradient[columns] = intercept;
  gradient[columns + 1] = loss;
}

static void evaluate(void *data) {
  const struct evaluation *e = data;
  for (size_t part = (size_t)omp_get_thread_num(); part < e->parts; part += (size_t)omp_get_num_threads()) {
    evaluate_part(e, part);
  }
}

double logreg_evaluate(const logreg_table *table, const logreg_samples *samples, const float *coefficients,
                       double intercept, double *gradient, double *margins, double *curvatures, double *scratch) {
  struct evaluation e = {
      .table = table,
      .kernels = kernels(),
      .samples = samples,
      .coefficients = coefficients,
      .intercept = intercept,
      .margins = margins,
      .curvatures = curvatures,
      .scratch = scratch,
      .parts = part_count(table),
  };
  GOMP_parallel(evaluate, &e, (unsigned)table->threads, 0);
  const size_t width = table->columns + 2;
  memset(gradient, 0, (width - 1) * sizeof *gradient);
  double loss = 0;
  for (size_t part = 0; part < e.parts; part++) {
    const double *own = scratch + part * width;
    for (size_t column = 0; column < width - 1; column++) gradient[column] += own[column];
    loss += own[width - 1];
  }
  return loss;
}

static void multiply(void *data) {
  const struct evaluation *e = data;
  const logreg_table *table = e->table;
  const size_t thread = (size_t)omp_get_thread_num(), threads = (size_t)omp_get_num_threads();
  // Groups begin at the same rows for any number of threads.
  const size_t groups = (table->count + group - 1) / group;
  for (size_t index = groups * thread / threads; index < groups * (thread + 1) / threads; index++) {
    const size_t start = index * group, count = start + group < table->count ? group : table->count - start;
    const float *rows[group];
    for (size_t row = 0; row < count; row++) rows[row] = row_at(table, start + row);
    e->kernels->dot(rows, count, table->columns, e->coefficients, e->margins + start);
    for (size_t row = 0; row < count; row++) e->margins[start + row] += e->intercept;
  }
}

void logreg_margins(const logreg_table *table, const float *coefficients, double intercept, double *margins) {
  struct evaluation e = {.table = table,
                         .kernels = kernels(),
                         .coefficients = coefficients,
                         .intercept = intercept,
                         .margins = margins};
  GOMP_parallel(multiply, &e, (unsigned)table->threads, 0);
}

static void add_moments(void *data) {
  const struct evaluation *e = data;
  const logreg_table *table = e->table;
  const size_t columns = table->columns;
  for (size_t part = (size_t)omp_get_thread_num(); part < e->parts; part += (size_t)omp_get_num_threads()) {
    double *sums = e->scratch + 2 * columns * part;
    memset(sums, 0, 2 * columns * sizeof *sums);
    for (size_t index = table->count * part / e->parts; index < table->count * (part + 1) / e->parts; index++) {
      e->kernels->add_moments(row_at(table, index), columns, sums, sums + columns);
    }
  }
}

void logreg_moments(const logreg_table *table, double *sums, double *squares, double *scratch) {
  struct evaluation e = {.table = table, .kernels = kernels(), .scratch = scratch, .parts = part_count(table)};
  GOMP_parallel(add_moments, &e, (unsigned)table->threads, 0);
  const size_t columns = table->columns;
  memset(sums, 0, columns * sizeof *sums);
  memset(squares, 0, columns * sizeof *squares);
  for (size_t part = 0; part < e.parts; part++) {
    for (size_t column = 0; column < columns; column++) {
      sums[column] += scratch[2 * columns * part + column];
      squares[column] += scratch[2 * columns * part + columns + column];
    }
  }
}

struct gathering {
  const logreg_table *table;
  const uint32_t *columns;
  const float *shifts;
  const float *scales;
  size_t count;
  const float *factors;
  float *target;
};

static void gather(void *data) {
  const struct gathering *g = data;
  const size_t thread = (size_t)omp_get_thread_num(), threads = (size_t)omp_get_num_threads();
  for (size_t row = g->table->count * thread / threads; row < g->table->count * (thread + 1) / threads; row++) {
    const float *source = row_at(g->table, row);
    float *target = g->target + row * (g->count + 1);
    const float factor = g->factors[row];
    for (size_t index = 0; index < g->count; index++) {
      target[index] = factor * ((source[g->columns[index]] - g->shifts[index]) * g->scales[index]);
    }
    target[g->count] = factor;
  }
}

void logreg_gather(const logreg_table *table, const uint32_t *columns, const float *shifts, const float *scales,
                   size_t count, const float *factors, float *target) {
  struct gathering g = {table, columns, shifts, scales, count, factors, target};
  GOMP_parallel(gather, &g, (unsigned)table->threads, 0);
}

struct factoring {
  double *matrix;
  size_t n;
  const struct kernels *kernels;
  /// Columns first..<end are factored; below them, everything left of `first` is.
  size_t first;
  size_t end;
};

/// Rows of a panel below its own triangle, each for itself.
static void finish_panel(void *data) {
  const struct factoring *f = data;
  const size_t n = f->n, thread = (size_t)omp_get_thread_num(), threads = (size_t)omp_get_num_threads();
  for (size_t row = f->end + thread; row < n; row += threads) {
    double *target = f->matrix + row * n;
    for (size_t column = f->first; column < f->end; column++) {
      const double *other = f->matrix + column * n;
      target[column] = (target[column] - f->kernels->dot_double(target, other, column)) / other[column];
    }
  }
}

size_t logreg_cholesky(double *matrix, size_t n, int threads) {
  enum { panel = 32 };
  struct factoring f = {.matrix = matrix, .n = n, .kernels = kernels()};
  for (f.first = 0; f.first < n; f.first = f.end) {
    f.end = f.first + panel < n ? f.first + panel : n;
    for (size_t row = f.first; row < f.end; row++) {
      double *target = matrix + row * n;
      for (size_t column = f.first; column < row; column++) {
        const double *other = matrix + column * n;
        target[column] = (target[column] - f.kernels->dot_double(target, other, column)) / other[column];
      }
      const double pivot = target[row] - f.kernels->dot_double(target, target, row);
      if (!(pivot > 0)) return row + 1;
      target[row] = sqrt(pivot);
    }
    GOMP_parallel(finish_panel, &f, (unsigned)threads, 0);
  }
  return 0;
}
