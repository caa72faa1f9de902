// Layers of perceptrons whose inputs are mostly zero. Included by CKernels.h.
#ifndef CK_COLUMNS_H
#define CK_COLUMNS_H

#include <stdint.h>

// The most vectors of one call, and the most blocks of 16 outputs whose weights stand together.
#define CK_COLUMN_BATCH 64
#define CK_COLUMN_GROUP 8

// For each of `count` vectors: the bias and then, one after another, the columns of weights times their amounts of its
// inputs that are not zero, each product and sum rounded on its own: the same bits by every instruction set.
typedef struct {
    const float *weights;    // [group][input][blocks of the group][16], groups as by ck_column_group
    const float *bias;       // [block][16]
    const int32_t *places;   // [vector][place_stride]: the inputs that are not zero, rising
    const float *amounts;    // likewise what they are, or NULL where all are 1
    const int32_t *counts;   // per vector: how many they are
    float *values;           // [vector][value_stride]: blocks * 16 are written
    int64_t place_stride, value_stride;
    int32_t inputs, blocks, count;
} ck_columns;

// How many blocks the next group holds when so many are left: groups are about equally large.
int32_t ck_column_group(int32_t blocks);

void ck_sum_columns(const ck_columns *columns);

// Finds the values above zero: writes their places and amounts from the first on, room for `count` and 16 more of each
// being there, and gives back how many they are.
int32_t ck_compact(const float *values, int32_t count, int32_t *places, float *amounts);

// The sum of blocks * 16 weights times their values, those not above zero left out, lane by lane and then over lanes.
float ck_dot_above_zero(const float *values, const float *weights, int32_t blocks);

// The same by the base instruction set.
void ck_sum_columns_portable(const ck_columns *columns);
int32_t ck_compact_portable(const float *values, int32_t count, int32_t *places, float *amounts);
float ck_dot_above_zero_portable(const float *values, const float *weights, int32_t blocks);

#endif
