// Kernels of networks in 8 bits. Included by CKernels.h.
//
// Maps are of bytes in blocks of CK_LANES channels, like maps of floats; an image is pixel by pixel, four channels
// each. A byte b stands for the real value scale * (b - zero). Weights are signed bytes whose zero is 0. Sums are exact
// 32-bit integers: a convolution has at most 65,000 products per value. Four input channels of a pixel (or four taps of
// a row) that meet one row of weights are a quad; what lies beyond the last channel meets weights of zero.
#ifndef CK_QUANTIZED_H
#define CK_QUANTIZED_H

// How a value ends. With x = sum * scale + shift:
//   y = activation(x), or with a residual r one of activation(x + r) and activation(x) + r, r being in x's units
//   byte = y * final_scale + final_zero, rounded to the nearest, ties to even, and kept within low and high
//   result = table[byte] where there is a table
// or y itself, as a float. Without activation and residual x is in units of the byte, and y not scaled again.
typedef struct {
    const int32_t *start;     // sums begin here: what the input's zero adds, taken away
    const float *scale;       // CK_LANES floats per output block
    const float *shift;       // CK_LANES floats per output block
    const uint8_t *residual;  // shaped like the output, or NULL
    const uint8_t *table;     // 256 bytes, or NULL
    float residual_scale, residual_zero;  // r = byte * residual_scale + residual_zero
    float final_scale, final_zero;
    float first, second;      // parameters of the activation
    int32_t activation;       // ck_activation
    int32_t order;            // ck_order
    int32_t low, high;        // 0 to 255
    int32_t is_real;          // the output is of floats
} ck_quantized_epilogue;

// Convolution of a map of bytes that has its border already: every tap of every output pixel lies inside.
typedef struct {
    const uint8_t *input;
    void *output;
    const int8_t *weights;  // [panel][input block][tap][quad][CK_LANES][4]
    ck_quantized_epilogue epilogue;
    ck_window window;       // its border is not read
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t input_channels, output_blocks;
    int32_t is_image;       // four bytes a pixel, and at most four channels
} ck_quantized_convolution;

// Such a convolution by the kernel for AMX's tiles with their instructions emulated, for tests: see tiles.h.
void ck_quantized_convolution_amx_emulated(const void *parameters, int32_t part, int32_t parts);

// Depthwise convolution of a map of bytes, without dilation. The border before the map is the window's; as much follows
// the map as the output asks for.
typedef struct {
    const uint8_t *input;
    void *output;
    // [block][kernel row][quad of taps][2][CK_LANES][4]: of the two, the first has the taps from its quad's first on,
    // the second from one before.
    const int8_t *weights;
    ck_quantized_epilogue epilogue;
    ck_window window;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t blocks;
    int32_t zero;  // byte that stands for 0 in the border
} ck_quantized_depthwise;

// A copy of a map with a border of one byte.
typedef struct {
    const uint8_t *input;
    uint8_t *output;
    int32_t height, width;  // of the input
    int32_t top, left, bottom, right;
    int32_t blocks;
    int32_t zero;
} ck_quantized_border;

// A planar image of floats [channel][row][column] as bytes, four channels a pixel, with a border:
// byte = value / scale + zero, rounded to the nearest, ties to even.
typedef struct {
    const float *input;
    uint8_t *output;
    int32_t height, width;  // of the input
    int32_t top, left, bottom, right;
    int32_t channels;       // at most 4; spare bytes are `zero`
    int32_t zero;
    float scale;
} ck_quantized_image;

// Largest or mean value in a window; for CK_POOL_MAX the epilogue is not read, else it follows the sum of the window.
// Its scale and shift are those of one value: of a whole window here, of the input's units.
typedef struct {
    const uint8_t *input;
    void *output;
    ck_window window;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t blocks;
    int32_t kind;       // ck_pool_kind
    int32_t zero;       // of the input
    float scale;        // of the input over that of the output; of the input alone where the output is real
    int32_t output_zero;
    int32_t is_real;    // the output is of floats
} ck_quantized_pool;

// Sum of two maps of bytes: byte = first * first_scale + second * second_scale + shift, or that as a float; with an
// activation first, then scaled, as a convolution ends. The second may be NULL. `count` is a multiple of CK_LANES.
typedef struct {
    const uint8_t *input, *other;
    void *output;
    int64_t count;
    float input_scale, other_scale, shift;
    float final_scale, final_zero;
    float first, second;
    int32_t activation;
    int32_t low, high;
    int32_t is_real;
} ck_quantized_add;

// Every channel of a map times its factor: byte = (x - zero) * (factor - factor_zero) * scale + output_zero.
typedef struct {
    const uint8_t *input;
    const uint8_t *factors;  // one a channel, in blocks
    uint8_t *output;
    int32_t pixels, blocks;
    int32_t zero, factor_zero, output_zero;
    float scale;
} ck_quantized_scale;

// A byte, or a float, for a byte.
typedef struct {
    const uint8_t *input;
    const uint8_t *table;  // 256 bytes
    const float *reals;    // 256 floats, for an output of floats, or NULL
    void *output;
    int64_t count;  // a multiple of CK_LANES
} ck_quantized_lookup;

// A map of floats as bytes: byte = value / scale + zero, rounded as above.
typedef struct {
    const float *input;
    uint8_t *output;
    int64_t count;  // a multiple of CK_LANES
    float scale;
    int32_t zero;
} ck_quantize;

#endif
