// Micro-kernels of the engine and the table that lists them.
//
// Activations are stored in blocks of CK_LANES channels ("NCHW16c"): block b of a map with P pixels starts at
// b * P * CK_LANES, pixel p of it at p * CK_LANES. The last block may hold fewer real channels; its spare lanes
// hold finite garbage that no kernel reads as an input channel. Weights are packed once: output channels in
// panels of CK_LANES, input channels in order inside a panel, so that a prefix of either dimension is a
// pointer and a count.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "checksum.h"
#include "columns.h"
#include "team.h"

#define CK_LANES 16

typedef enum {
    CK_NONE = 0,
    CK_RELU = 1,
    CK_HARD_SWISH = 2,    // x * clamp(x + 3, 0, 6) / 6
    CK_HARD_SIGMOID = 3,  // clamp(x + 3, 0, 6) / 6
    CK_CLIP = 4,          // clamp(x, first, second); ReLU6 is 0 to 6
    CK_LEAKY_RELU = 5,    // x where it is positive, first * x elsewhere
    CK_SIGMOID = 6,
    CK_SILU = 7,          // x * sigmoid(x)
    CK_TANH = 8,
    CK_ELU = 9,           // x where it is positive, first * (e^x - 1) elsewhere
    CK_GELU = 10,         // x * (1 + erf(x / sqrt(2))) / 2
    CK_GELU_TANH = 11,    // the approximation of CK_GELU by tanh
    CK_SOFTPLUS = 12,     // log(1 + e^x)
    CK_MISH = 13,         // x * tanh(softplus(x))
    CK_LINEAR_GATE = 14,  // clamp(first * x + second, 0, 1)
} ck_activation;

typedef enum {
    CK_ACTIVATION_THEN_RESIDUAL = 0,  // y = activation(acc * scale + shift) + residual
    CK_RESIDUAL_THEN_ACTIVATION = 1,  // y = activation(acc * scale + shift + residual)
} ck_order;

// How every convolution ends, per output channel.
typedef struct {
    const float *scale;     // CK_LANES floats per output block
    const float *shift;     // CK_LANES floats per output block
    const void *residual;   // shaped like the output and of its element, or NULL
    int32_t activation;     // ck_activation
    int32_t order;          // ck_order
    float first, second;    // parameters of the activation
} ck_epilogue;

// Packed weights that a later operation will need, to be called for from memory during this one.
typedef struct {
    const void *weights;   // or NULL
    int64_t panel_stride;  // bytes
    int32_t rows;          // rows of 64 bytes in use of each panel
    int32_t panels;
} ck_upcoming;

// 1x1 convolution, stride 1; with one pixel also a fully connected layer.
typedef struct {
    const void *input;
    void *output;
    const void *weights;  // [panel][input channel][CK_LANES]
    ck_epilogue epilogue;
    int64_t panel_stride;  // weights from one panel to the next: full input channels * CK_LANES
    int32_t pixels;
    int32_t input_channels;
    int32_t output_channels;
    ck_upcoming upcoming;
} ck_pointwise;

// In place of a row tile: fewer products and more additions, for 7x7 with stride 1 where there is such a kernel.
#define CK_QUADS 16

// Depthwise convolution.
typedef struct {
    const void *input;
    void *output;
    const void *weights;  // [block][kernel * kernel][CK_LANES]
    ck_epilogue epilogue;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t kernel, stride;
    int32_t blocks;
    int32_t row_tile;  // pixels of a row that are computed at once, 4 to 8, where the registers hold so many; CK_QUADS
    float *means;      // mean of the result over all pixels, one value per channel, or NULL
    int32_t top, left;  // rows and columns of zeros before the map; as many follow it as the output asks for
} ck_depthwise;

// 3x3 convolution from a planar image with a border of one zero pixel on every side.
typedef struct {
    const float *input;  // [channel][input_height + 2][input_width + 2]
    void *output;
    const float *weights;  // [panel][channel * 9][CK_LANES]
    ck_epilogue epilogue;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t input_channels, stride;
    int32_t output_blocks;
} ck_stem;

// Mean over all pixels: one value per channel.
typedef struct {
    const void *input;
    float *output;
    int32_t pixels;
    int32_t blocks;
} ck_pool;

// In place: every pixel of a map times one factor per channel.
typedef struct {
    void *map;
    const float *factors;
    int32_t pixels;
    int32_t blocks;
} ck_scale;

// A copy of packed weights with every row (input channel) times a factor: channel factors of a convolution's input
// folded into its weights.
typedef struct {
    const void *weights;   // [panel][row][CK_LANES]
    const float *factors;  // one per row
    void *output;          // panels of exactly `rows` rows
    int64_t panel_stride;  // weights from one panel to the next
    int32_t rows;
    int32_t panels;
} ck_scale_rows;

// Multiply-adds from registers to registers, to measure a core's peak by.
typedef struct {
    int32_t rounds;
    int32_t *flops;  // of one round, written
    float *result;   // keeps the compiler from leaving them out
} ck_peak;

#include "dense.h"
#include "maps.h"
#include "masked.h"
#include "quantized.h"

typedef enum {
    CK_OP_POINTWISE = 0,
    CK_OP_DEPTHWISE = 1,
    CK_OP_STEM = 2,
    CK_OP_POOL = 3,
    CK_OP_SCALE = 4,
    CK_OP_SCALE_ROWS = 5,
    CK_OP_CONVOLUTION = 6,
    CK_OP_IMAGE_CONVOLUTION = 7,
    CK_OP_BORDER = 8,
    CK_OP_WINOGRAD_INPUT = 9,
    CK_OP_WINOGRAD_OUTPUT = 10,
    CK_OP_WINDOW_POOL = 11,
    CK_OP_ADD = 12,
    CK_OP_NARROW = 13,
    CK_OP_WIDEN = 14,
    CK_OP_QUANTIZED_CONVOLUTION = 15,
    CK_OP_QUANTIZED_DEPTHWISE = 16,
    CK_OP_QUANTIZED_BORDER = 17,
    CK_OP_QUANTIZED_IMAGE = 18,
    CK_OP_QUANTIZED_POOL = 19,
    CK_OP_QUANTIZED_ADD = 20,
    CK_OP_QUANTIZED_SCALE = 21,
    CK_OP_QUANTIZED_LOOKUP = 22,
    CK_OP_QUANTIZE = 23,
    CK_OP_FROM_ROWS = 24,
    CK_OP_TO_ROWS = 25,
    CK_OP_GATHER = 26,
    CK_OP_RESAMPLE = 27,
    CK_OP_INTERLEAVE = 28,
    CK_OP_COMBINE = 29,
    CK_OP_AFFINE = 30,
    CK_OP_SOFTMAX = 31,
    CK_OP_LAYER_NORM = 32,
    CK_OP_GROUPED = 33,
    CK_OP_FILTER = 34,
    CK_OP_MASKED_POINTWISE = 35,
    CK_OP_MASKED_DEPTHWISE = 36,
    CK_OP_MASKED_CONVOLUTION = 37,
    CK_OP_MASKED_WINOGRAD_INPUT = 38,
    CK_OP_MASKED_WINOGRAD_OUTPUT = 39,
    CK_OP_PRODUCT = 40,
    CK_OP_PEAK = 41,
    CK_OPERATION_COUNT = 42,
} ck_operation;

// Ordered from plainest to fastest, of those that one architecture has. The numbers are those of the cases of Swift's
// InstructionSet.
typedef enum {
    CK_PORTABLE = 0,
    CK_AVX2 = 1,
    CK_AVX512 = 2,
    CK_NEON = 3,
    CK_INSTRUCTION_SET_COUNT = 4,
} ck_instruction_set;

// What the values of a map, and the weights that meet them, are stored as. Sums, scales and shifts are floats. The
// numbers are those of the cases of Swift's MapElement.
typedef enum {
    CK_FLOAT32 = 0,
    CK_BFLOAT16 = 1,  // the upper half of a float, rounded to nearest even
    CK_UINT8 = 2,
    CK_ELEMENT_COUNT = 3,
} ck_element;

// What a kernel needs of the processor beyond its instruction set. The numbers are those of Swift's ProcessorFeatures.
typedef enum {
    CK_AVX512_BF16 = 1,
    CK_AVX512_VNNI = 2,  // with VBMI
    CK_NEON_DOTPROD = 4,
    CK_NEON_I8MM = 8,
    CK_AMX_INT8 = 16,
} ck_feature;

// Does share `part` of `parts` of an operation; 0 of 1 is all of it. Shares may run at the same time.
typedef void (*ck_function)(const void *parameters, int32_t part, int32_t parts);

typedef struct {
    const char *name;
    ck_operation operation;
    ck_instruction_set instruction_set;
    ck_element element;  // of the maps that it reads
    int32_t features;    // of ck_feature; of several rows alike, the later one that a machine can run is the faster
    ck_function function;
    // Largest micro-tile of a pointwise kernel; 0 elsewhere.
    int32_t tile_pixels, tile_panels;
} ck_kernel;

// All kernels in this build. Selection, tests and benchmarks read the same table.
const ck_kernel *ck_kernel_table(size_t *count);

// Whether this machine can run kernels of the set.
int ck_is_supported(ck_instruction_set set);

// The features of ck_feature that this machine has.
int32_t ck_features(void);

// Per channel over all pixels of one map, added to the sums: for batch normalisation statistics.
void ck_add_sums(const float *map, int32_t pixels, int32_t blocks, double *sums);
// Per channel, squared distance from a mean, added to the sums.
void ck_add_squared_deviations(
    const float *map, int32_t pixels, int32_t blocks, const double *means, double *sums);
// In place: the epilogue of a convolution, applied to its raw result.
void ck_apply_epilogue(float *map, int32_t pixels, int32_t blocks, const ck_epilogue *epilogue);

#endif
