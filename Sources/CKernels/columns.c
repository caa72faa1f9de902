#include "columns.h"

#include <stddef.h>

#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors are passed between inlined functions only, so no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang fp contract(off)

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(64)));
typedef float vec_unaligned __attribute__((vector_size(64), aligned(4)));

// Bytes of weights that all vectors meet before the next: they stay in the nearest cache.
enum { LANES = 16, SLICE_BYTES = 32768 };

INLINE vec at(const float *values) { return *(const vec_unaligned *)values; }

int32_t ck_column_group(int32_t blocks) {
    const int32_t groups = (blocks + CK_COLUMN_GROUP - 1) / CK_COLUMN_GROUP;
    return groups > 0 ? (blocks + groups - 1) / groups : 0;
}

// Adds the columns of a slice of inputs to `width` blocks of one vector; gives back where the next slice begins.
INLINE int32_t add_slice(const ck_columns *c, const float *rows, int64_t row, int32_t vector, int32_t block,
                         int32_t from, int32_t end, const int width) {
    const int32_t *places = c->places + vector * c->place_stride;
    const float *amounts = c->amounts ? c->amounts + vector * c->place_stride : NULL;
    const int32_t count = c->counts[vector];
    float *values = c->values + vector * c->value_stride + block * LANES;
    vec sums[CK_COLUMN_GROUP];
    const float *before = from < 0 ? c->bias + block * LANES : values;
    _Pragma("clang loop unroll(full)") for (int k = 0; k < width; k++) sums[k] = at(before + k * LANES);
    int32_t i = from < 0 ? 0 : from;
    for (; i < count && places[i] < end; i++) {
        const float *column = rows + places[i] * row;
        _Pragma("clang loop unroll(full)") for (int k = 0; k < width; k++)
            sums[k] += amounts ? at(column + k * LANES) * amounts[i] : at(column + k * LANES);
    }
    _Pragma("clang loop unroll(full)") for (int k = 0; k < width; k++) *(vec_unaligned *)(values + k * LANES) = sums[k];
    return i;
}

// `width` blocks of a group whose rows are `row` floats long, for all vectors.
INLINE void sum_part(const ck_columns *c, const float *rows, int64_t row, int32_t block, const int width) {
    int32_t next[CK_COLUMN_BATCH];
    for (int32_t vector = 0; vector < c->count; vector++) next[vector] = -1;
    const int32_t most = SLICE_BYTES / (width * (int32_t)sizeof(vec));
    const int32_t slices = (c->inputs + most - 1) / most;
    for (int32_t slice = 0; slice < slices; slice++) {
        const int32_t end = (int32_t)((int64_t)c->inputs * (slice + 1) / slices);
        for (int32_t vector = 0; vector < c->count; vector++) {
            next[vector] = add_slice(c, rows, row, vector, block, next[vector], end, width);
        }
    }
}

// In parts of at most `most` blocks, as many as there are registers for.
INLINE void sum_all(const ck_columns *c, const int most) {
    const float *rows = c->weights;
    for (int32_t block = 0; block < c->blocks;) {
        const int32_t group = ck_column_group(c->blocks - block);
        const int64_t row = (int64_t)group * LANES;
        for (int32_t part = 0; part < group;) {
            const int32_t left = group - part, width = left < most ? left : most;
            const float *first = rows + part * LANES;
            switch (width) {
                case 8: if (most >= 8) sum_part(c, first, row, block + part, 8); break;
                case 7: if (most >= 7) sum_part(c, first, row, block + part, 7); break;
                case 6: if (most >= 6) sum_part(c, first, row, block + part, 6); break;
                case 5: if (most >= 5) sum_part(c, first, row, block + part, 5); break;
                case 4: if (most >= 4) sum_part(c, first, row, block + part, 4); break;
                case 3: if (most >= 3) sum_part(c, first, row, block + part, 3); break;
                case 2: sum_part(c, first, row, block + part, 2); break;
                default: sum_part(c, first, row, block + part, 1); break;
            }
            part += width;
        }
        rows += row * c->inputs;
        block += group;
    }
}

INLINE float dot(const float *values, const float *weights, int32_t blocks) {
    vec sum = {0};
    for (int32_t block = 0; block < blocks; block++) {
        const vec value = at(values + block * LANES);
        sum += (vec)((value > 0) & (__typeof__(value > 0))value) * at(weights + block * LANES);
    }
    float total = 0;
    for (int lane = 0; lane < LANES; lane++) total += sum[lane];
    return total;
}

void ck_sum_columns_portable(const ck_columns *columns) {
#if defined(__aarch64__)
    sum_all(columns, 4);
#else
    sum_all(columns, 2);
#endif
}

float ck_dot_above_zero_portable(const float *values, const float *weights, int32_t blocks) {
    return dot(values, weights, blocks);
}

// Without branches, as they are hard to predict: every value is written, and passed over where it is not above zero.
int32_t ck_compact_portable(const float *values, int32_t count, int32_t *places, float *amounts) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        places[found] = i;
        amounts[found] = values[i];
        found += values[i] > 0;
    }
    return found;
}

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw")))

__attribute__((target("avx2"))) static void sum_avx2(const ck_columns *columns) { sum_all(columns, 4); }
__attribute__((target("avx2"))) static float dot_avx2(const float *values, const float *weights, int32_t blocks) {
    return dot(values, weights, blocks);
}
AVX512 static void sum_avx512(const ck_columns *columns) { sum_all(columns, 8); }
AVX512 static float dot_avx512(const float *values, const float *weights, int32_t blocks) {
    return dot(values, weights, blocks);
}

AVX512 static int32_t compact_avx512(const float *values, int32_t count, int32_t *places, float *amounts) {
    __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    int32_t found = 0;
    for (int32_t i = 0; i < count; i += LANES) {
        const __mmask16 inside = count - i < LANES ? (__mmask16)((1u << (count - i)) - 1) : 0xFFFF;
        const __m512 value = _mm512_maskz_loadu_ps(inside, values + i);
        const __mmask16 above = _mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_storeu_ps(amounts + found, _mm512_maskz_compress_ps(above, value));
        _mm512_storeu_si512(places + found, _mm512_maskz_compress_epi32(above, place));
        found += __builtin_popcount(above);
        place = _mm512_add_epi32(place, _mm512_set1_epi32(LANES));
    }
    return found;
}
#endif

void ck_sum_columns(const ck_columns *columns) {
#if defined(__x86_64__)
    if (ck_is_supported(CK_AVX512)) return sum_avx512(columns);
    if (ck_is_supported(CK_AVX2)) return sum_avx2(columns);
#endif
    ck_sum_columns_portable(columns);
}

int32_t ck_compact(const float *values, int32_t count, int32_t *places, float *amounts) {
#if defined(__x86_64__)
    if (ck_is_supported(CK_AVX512)) return compact_avx512(values, count, places, amounts);
#endif
    return ck_compact_portable(values, count, places, amounts);
}

float ck_dot_above_zero(const float *values, const float *weights, int32_t blocks) {
#if defined(__x86_64__)
    if (ck_is_supported(CK_AVX512)) return dot_avx512(values, weights, blocks);
    if (ck_is_supported(CK_AVX2)) return dot_avx2(values, weights, blocks);
#endif
    return dot(values, weights, blocks);
}
