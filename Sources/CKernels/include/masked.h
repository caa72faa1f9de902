// Operations that compute a part of their result and read a part of their input. Included by CKernels.h.
#ifndef CK_MASKED_H
#define CK_MASKED_H

// Blocks of CK_LANES channels to compute and to read, each list ascending, and rows of the result to compute. A block
// that is not read counts as zeros; what is not computed is not written.
typedef struct {
    const int32_t *outputs;
    const int32_t *inputs;
    int32_t output_count, input_count;
    int32_t first_row, end_row;
} ck_mask;

// CK_OP_MASKED_POINTWISE: of more than one pixel; nothing is called for in advance.
typedef struct {
    ck_pointwise call;
    ck_mask mask;
    int32_t width;  // of the map
} ck_masked_pointwise;

// CK_OP_MASKED_DEPTHWISE: blocks to compute and rows; without means.
typedef struct {
    ck_depthwise call;
    ck_mask mask;
} ck_masked_depthwise;

// CK_OP_MASKED_CONVOLUTION
typedef struct {
    ck_convolution call;
    ck_mask mask;
} ck_masked_convolution;

// CK_OP_MASKED_WINOGRAD_INPUT and _OUTPUT: the call's tiles say which rows.
typedef struct {
    ck_winograd call;
    ck_mask mask;
} ck_masked_winograd;

// Zeros of a map of floats, and blocks and tiles of neighbouring pixels of a row that are nothing else.
typedef struct {
    const float *map;
    int64_t zeros;        // result: of real channels
    int64_t zero_tiles;   // result: of `tile` pixels of a row and one block
    int64_t zero_blocks;  // result: of whole blocks
    int32_t height, width, channels;
    int32_t tile;         // pixels
} ck_sparsity;

void ck_count_zeros(ck_sparsity *counts);

#endif
