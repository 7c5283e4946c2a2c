// Sixteen numbers of any type as fp32. Included where the target's attributes are pushed.
#include "convolutions.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

enum { lanes = 16 };

INLINE size_t size_of(convolution_type type) { return type == CONVOLUTION_FP32 ? 4 : 2; }

/// Of the first `count` lanes; all from 16 on.
INLINE __mmask16 mask_of(int count) { return count >= lanes ? 0xFFFF : (__mmask16)((1u << count) - 1); }

INLINE __m512 load(convolution_type type, const void *place) {
  if (type == CONVOLUTION_FP32) return _mm512_loadu_ps(place);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(place)), 16));
}

INLINE __m512 load_some(convolution_type type, __mmask16 mask, const void *place) {
  if (type == CONVOLUTION_FP32) return _mm512_maskz_loadu_ps(mask, place);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, place)), 16));
}

/// To the nearest, ties to even. Not for NaN.
INLINE __m256i rounded(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i sum = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16));
}

/// In this order a NaN stays one.
INLINE __m512 cut(__m512 value, __m512 lowest, __m512 highest) {
  return _mm512_min_ps(highest, _mm512_max_ps(lowest, value));
}
