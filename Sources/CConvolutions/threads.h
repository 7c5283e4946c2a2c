#ifndef THREADS_H
#define THREADS_H

// What GCC and clang make of `#pragma omp`, from the same libgomp that Debian's oneDNN runs on: one pool of threads for
// both. clang's -fopenmp would bring a second OpenMP with threads of its own.
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

struct range {
  int first;
  int end;
};

/// The calling thread's share of `first..<end`.
static inline struct range share(int first, int end) {
  const long thread = omp_get_thread_num(), threads = omp_get_num_threads(), count = end - first;
  return (struct range){first + (int)(count * thread / threads), first + (int)(count * (thread + 1) / threads)};
}

static inline int rounded_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

#endif
