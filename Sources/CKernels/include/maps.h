// Kernels that rearrange, combine and normalise maps. Included by CKernels.h.
#ifndef CK_MAPS_H
#define CK_MAPS_H

// A row-major array into a map, or back (CK_OP_FROM_ROWS, CK_OP_TO_ROWS).
typedef struct {
    const float *input;
    float *output;
    int32_t pixels, channels;
    int32_t channels_last;  // the array is [pixel][channel]; else [channel][pixel]
} ck_rows;

// Neighbouring lanes of one output block that come from neighbouring channels of one map: lanes first ..< end of pixel
// p are read at `source` + p * CK_LANES + lane.
typedef struct {
    int64_t source;  // floats from the beginning of the arena; may lie up to CK_LANES - 1 before the map
    int32_t first, end;
} ck_lanes;

// A map whose channels are picked from others, or are zero: concatenation, selection and permutation of channels.
typedef struct {
    const float *arena;
    float *output;
    const ck_lanes *lanes;  // those of block b are numbers starts[b] ..< starts[b + 1]
    const int32_t *starts;
    int32_t pixels, blocks;
} ck_gather;

// What one output row or column is made of: the sum of two input rows or columns by weight. A weight of zero reads
// nothing.
typedef struct {
    int32_t first, second;
    float first_weight, second_weight;
} ck_tap;

// A map whose rows and columns are mixtures of others: interpolation, cropping, sampling, padding.
typedef struct {
    const float *input;
    float *output;
    const ck_tap *rows, *columns;  // one for each of the output
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t blocks;
} ck_resample;

// A map of stride * stride times the channels, in whole blocks, spread over the pixels: pixel (y, x) of the result is
// pixel ((y + top) / stride, (x + left) / stride) of phase ((y + top) % stride, (x + left) % stride), phases in rows.
typedef struct {
    const float *input;
    float *output;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t stride, top, left;
    int32_t blocks;  // of the output
} ck_interleave;

typedef enum {
    CK_ADD = 0,
    CK_SUBTRACT = 1,
    CK_MULTIPLY = 2,
    CK_DIVIDE = 3,
    CK_MAXIMUM = 4,
    CK_MINIMUM = 5,
    CK_SLOPE = 6,  // left where it is positive, left * right elsewhere
} ck_combination;

typedef enum {
    CK_EACH = 0,         // a map of the same shape
    CK_PER_CHANNEL = 1,  // one value per channel
    CK_PER_PIXEL = 2,    // the first channel of a map of one
} ck_operand;

// Two values into one, pixel by pixel, and an activation.
typedef struct {
    const float *left;
    const float *right;
    float *output;
    int32_t pixels, blocks, channels;
    int32_t combination;  // ck_combination
    int32_t operand;      // ck_operand: what `right` is
    int32_t is_reversed;  // right before left
    int32_t activation;
    float first, second;
} ck_combine;

// The epilogue of a convolution alone: scale, shift, activation, residual.
typedef struct {
    const float *input;
    float *output;
    ck_epilogue epilogue;
    int32_t pixels, blocks;
} ck_affine;

// Across the channels of every pixel: softmax (CK_OP_SOFTMAX), or normalisation to mean 0 and variance 1, times scale
// plus shift (CK_OP_LAYER_NORM).
typedef struct {
    const float *input;
    float *output;
    ck_epilogue epilogue;  // of a normalisation: scale and shift
    int32_t pixels, channels;
    float epsilon;
} ck_across;

// Convolution in groups, each of whole blocks of input and output channels: CK_OP_CONVOLUTION on each.
typedef struct {
    ck_convolution group;  // the first
    int32_t groups;
    int32_t input_blocks;   // of one group
    int64_t weight_stride;  // floats from group to group
} ck_grouped;

// Depthwise convolution with any window; the map has no border.
typedef struct {
    const float *input;
    float *output;
    const float *weights;  // [block][tap][CK_LANES]
    ck_epilogue epilogue;
    ck_window window;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t blocks;
} ck_filter;

// Products of row-major matrices that were both computed: `products` times [rows][inner] by [inner][columns].
typedef struct {
    const float *left;
    const float *right;
    float *output;                 // [product][row][column]
    const int64_t *left_offsets;   // per product: where its left matrix begins, in floats
    const int64_t *right_offsets;
    int32_t products, rows, inner, columns;  // inner > 0
} ck_product;

#endif
