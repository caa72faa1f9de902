// Layers of perceptrons whose inputs are mostly zero. Included by CKernels.h.
#ifndef CK_COLUMNS_H
#define CK_COLUMNS_H

#include <stdint.h>

// For each of `count` vectors: the bias and, of its inputs that are not zero, the columns of weights times their
// amounts. Per value four sums of every fourth product, ((0 + 1) + (2 + 3)) + bias, each product and sum rounded on its
// own: the same bits by every instruction set.
typedef struct {
    const float *weights;    // [block][input][16]
    const float *bias;       // [block][16]
    const int32_t *places;   // [vector][place_stride]: the inputs that are not zero
    const float *amounts;    // likewise what they are, or NULL where all are 1
    const int32_t *counts;   // per vector: how many they are
    float *values;           // [vector][value_stride]: blocks * 16 are written
    int64_t place_stride, value_stride;
    int32_t inputs, blocks, count;
} ck_columns;

void ck_sum_columns(const ck_columns *columns);

// The same by the base instruction set.
void ck_sum_columns_portable(const ck_columns *columns);

// Finds the values above zero: writes their places and amounts from the first on, room for `count` and one more of each
// being there, and gives back how many they are.
int32_t ck_compact(const float *values, int32_t count, int32_t *places, float *amounts);

#endif
