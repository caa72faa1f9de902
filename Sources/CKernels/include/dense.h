// Kernels of ordinary convolutional networks beyond what a mobile supernet needs. Included by CKernels.h.
#ifndef CK_DENSE_H
#define CK_DENSE_H

// How a convolution or pooling window moves over a map.
typedef struct {
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x;
    int32_t dilation_y, dilation_x;
    int32_t top, left, bottom, right;  // rows and columns around the map
} ck_window;

// Convolution of a map (CK_OP_CONVOLUTION) or of a planar image [channel][row][column] (CK_OP_IMAGE_CONVOLUTION) that
// has its border already: every tap of every output pixel lies inside, the window's own border is not read.
typedef struct {
    const void *input;
    void *output;
    // Of a map: [panel][input block][tap][channel of the block][CK_LANES], the last block with the channels that there
    // are. Of an image: [panel][channel][tap][CK_LANES].
    const void *weights;
    ck_epilogue epilogue;
    ck_window window;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t input_channels, output_blocks;
} ck_convolution;

// A copy of a map with a border of zeros.
typedef struct {
    const void *input;
    void *output;
    int32_t height, width;  // of the input
    int32_t top, left, bottom, right;
    int32_t blocks;
} ck_border;

// Winograd's F(4x4, 3x3) or F(2x2, 3x3): 3x3 convolution with stride 1, in tiles of side x side output pixels, numbered
// row by row. A band is a range of tiles whose transformed input, (side + 2)^2 planes of
// [block][tile of the band][CK_LANES], stays in a near cache. CK_OP_WINOGRAD_INPUT transforms a band,
// CK_OP_WINOGRAD_OUTPUT multiplies and writes its pixels.
typedef struct {
    const void *input;
    void *output;
    float *transformed;
    const float *weights;  // ck_winograd_weights
    ck_epilogue epilogue;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t top, left;  // rows and columns of zeros before the map
    int32_t input_channels, output_blocks;
    int32_t first_tile, tiles;  // of the band
    int32_t side;               // 4 or 2
} ck_winograd;

// Floats of a band's transformed input.
int64_t ck_winograd_scratch(int32_t side, int32_t input_channels, int32_t tiles);

// Transforms weights [output][input][3][3] into [panel][tap][input channel][CK_LANES].
void ck_winograd_weights(
    int32_t side, const float *weights, float *packed, int32_t output_channels, int32_t input_channels);

typedef enum {
    CK_POOL_MAX = 0,                // of the pixels inside the map
    CK_POOL_AVERAGE = 1,            // of the pixels inside the map
    CK_POOL_AVERAGE_OF_BORDER = 2,  // the border counts as zeros
} ck_pool_kind;

typedef struct {
    const void *input;
    void *output;
    ck_window window;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t blocks;
    int32_t kind;  // ck_pool_kind
} ck_window_pool;

// A copy of a map of floats as one of another element (CK_OP_NARROW), or back (CK_OP_WIDEN).
typedef struct {
    const void *input;
    void *output;
    int64_t count;  // values, a multiple of CK_LANES
} ck_conversion;

// Sum of two maps with an activation, or the activation of one. The output may be either map.
typedef struct {
    const void *input;
    const void *other;  // or NULL
    void *output;
    int64_t count;  // values, a multiple of CK_LANES
    int32_t activation;
    float first, second;
} ck_add;

#endif
