#include "columns.h"

#include "CKernels.h"

// Vectors are passed between inlined functions only, so no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang fp contract(off)

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(64)));
typedef float vec_unaligned __attribute__((vector_size(64), aligned(4)));

enum { LANES = 16, SUMS = 4 };

INLINE vec column(const float *rows, int32_t place) { return *(const vec_unaligned *)(rows + (int64_t)place * LANES); }

INLINE vec sum_of(const float *rows, const int32_t *places, const float *amounts, int32_t count) {
    vec sum[SUMS] = {{0}};
    int32_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        _Pragma("clang loop unroll(full)") for (int k = 0; k < SUMS; k++)
            sum[k] += amounts ? column(rows, places[i + k]) * amounts[i + k] : column(rows, places[i + k]);
    _Pragma("clang loop unroll(full)") for (int k = 0; k < SUMS - 1; k++)
        if (i + k < count) sum[k] += amounts ? column(rows, places[i + k]) * amounts[i + k] : column(rows, places[i + k]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// A block of weights meets all vectors before the next: it stays in the nearest cache.
INLINE void sum_all(const ck_columns *c) {
    for (int32_t block = 0; block < c->blocks; block++) {
        const float *rows = c->weights + (int64_t)block * c->inputs * LANES;
        const vec bias = *(const vec_unaligned *)(c->bias + block * LANES);
        for (int32_t i = 0; i < c->count; i++) {
            const int32_t *places = c->places + i * c->place_stride;
            const vec sum = c->amounts
                                ? sum_of(rows, places, c->amounts + i * c->place_stride, c->counts[i])
                                : sum_of(rows, places, NULL, c->counts[i]);
            *(vec_unaligned *)(c->values + i * c->value_stride + block * LANES) = sum + bias;
        }
    }
}

void ck_sum_columns_portable(const ck_columns *columns) { sum_all(columns); }

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void sum_avx2(const ck_columns *columns) { sum_all(columns); }
__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))) static void sum_avx512(const ck_columns *columns) {
    sum_all(columns);
}
#endif

void ck_sum_columns(const ck_columns *columns) {
#if defined(__x86_64__)
    if (ck_is_supported(CK_AVX512)) return sum_avx512(columns);
    if (ck_is_supported(CK_AVX2)) return sum_avx2(columns);
#endif
    sum_all(columns);
}

// Without branches, as they are hard to predict: every value is written, and passed over where it is not above zero.
int32_t ck_compact(const float *values, int32_t count, int32_t *places, float *amounts) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        places[found] = i;
        amounts[found] = values[i];
        found += values[i] > 0;
    }
    return found;
}
