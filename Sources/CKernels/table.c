#include "CKernels.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define FUNCTION(name, set) void ck_##name##_##set(const void *, int32_t, int32_t)
#define DECLARE(set)               \
    FUNCTION(pointwise_1, set);    \
    FUNCTION(depthwise, set);      \
    FUNCTION(stem, set);           \
    FUNCTION(pool, set);           \
    FUNCTION(scale, set);          \
    FUNCTION(scale_rows, set);     \
    FUNCTION(convolution, set);       \
    FUNCTION(image_convolution, set); \
    FUNCTION(border, set);            \
    FUNCTION(winograd_input, set);    \
    FUNCTION(winograd_output, set);   \
    FUNCTION(window_pool, set);       \
    FUNCTION(add, set);               \
    float ck_peak_##set(int32_t);  \
    int32_t ck_peak_flops_##set(void);

#define ROWS(set, code)                                                             \
    {"f32-depthwise-" #set, CK_OP_DEPTHWISE, code, CK_FLOAT32, 0, ck_depthwise_##set, 0, 0},       \
    {"f32-stem3x3-" #set, CK_OP_STEM, code, CK_FLOAT32, 0, ck_stem_##set, 0, 0},                   \
    {"f32-averagepool-" #set, CK_OP_POOL, code, CK_FLOAT32, 0, ck_pool_##set, 0, 0},               \
    {"f32-channelscale-" #set, CK_OP_SCALE, code, CK_FLOAT32, 0, ck_scale_##set, 0, 0},            \
    {"f32-rowscale-" #set, CK_OP_SCALE_ROWS, code, CK_FLOAT32, 0, ck_scale_rows_##set, 0, 0},            \
    {"f32-convolution-" #set, CK_OP_CONVOLUTION, code, CK_FLOAT32, 0, ck_convolution_##set, 0, 0},                   \
    {"f32-imageconvolution-" #set, CK_OP_IMAGE_CONVOLUTION, code, CK_FLOAT32, 0, ck_image_convolution_##set, 0, 0}, \
    {"f32-border-" #set, CK_OP_BORDER, code, CK_FLOAT32, 0, ck_border_##set, 0, 0},                                 \
    {"f32-winogradinput-" #set, CK_OP_WINOGRAD_INPUT, code, CK_FLOAT32, 0, ck_winograd_input_##set, 0, 0},          \
    {"f32-winogradoutput-" #set, CK_OP_WINOGRAD_OUTPUT, code, CK_FLOAT32, 0, ck_winograd_output_##set, 0, 0},       \
    {"f32-windowpool-" #set, CK_OP_WINDOW_POOL, code, CK_FLOAT32, 0, ck_window_pool_##set, 0, 0},                   \
    {"f32-add-" #set, CK_OP_ADD, code, CK_FLOAT32, 0, ck_add_##set, 0, 0},

#define POINTWISE(set, code, pixels, panels) \
    {"f32-pointwise" #pixels "x" #panels "-" #set, CK_OP_POINTWISE, code, CK_FLOAT32, 0, ck_pointwise_##panels##_##set, pixels, panels},

#define QUANTIZED_DECLARE(set)            \
    FUNCTION(quantized_convolution, set); \
    FUNCTION(quantized_depthwise, set);   \
    FUNCTION(quantized_border, set);      \
    FUNCTION(quantized_image, set);       \
    FUNCTION(quantized_pool, set);        \
    FUNCTION(quantized_add, set);         \
    FUNCTION(quantized_scale, set);       \
    FUNCTION(quantized_lookup, set);      \
    FUNCTION(quantize, set);

#define QUANTIZED_ROWS(set, code, features)                                                                         \
    {"u8-convolution-" #set, CK_OP_QUANTIZED_CONVOLUTION, code, CK_UINT8, features,                                 \
     ck_quantized_convolution_##set, 0, 0},                                                                         \
    {"u8-depthwise-" #set, CK_OP_QUANTIZED_DEPTHWISE, code, CK_UINT8, features, ck_quantized_depthwise_##set, 0, 0}, \
    {"u8-border-" #set, CK_OP_QUANTIZED_BORDER, code, CK_UINT8, features, ck_quantized_border_##set, 0, 0},         \
    {"u8-image-" #set, CK_OP_QUANTIZED_IMAGE, code, CK_UINT8, features, ck_quantized_image_##set, 0, 0},            \
    {"u8-pool-" #set, CK_OP_QUANTIZED_POOL, code, CK_UINT8, features, ck_quantized_pool_##set, 0, 0},               \
    {"u8-add-" #set, CK_OP_QUANTIZED_ADD, code, CK_UINT8, features, ck_quantized_add_##set, 0, 0},                  \
    {"u8-channelscale-" #set, CK_OP_QUANTIZED_SCALE, code, CK_UINT8, features, ck_quantized_scale_##set, 0, 0},     \
    {"u8-lookup-" #set, CK_OP_QUANTIZED_LOOKUP, code, CK_UINT8, features, ck_quantized_lookup_##set, 0, 0},         \
    {"u8-quantize-" #set, CK_OP_QUANTIZE, code, CK_UINT8, features, ck_quantize_##set, 0, 0},

DECLARE(portable)
QUANTIZED_DECLARE(portable)
#if defined(__x86_64__)
DECLARE(avx2)
DECLARE(avx512)
QUANTIZED_DECLARE(avx2)
QUANTIZED_DECLARE(avx512)
QUANTIZED_DECLARE(vnni)
FUNCTION(pointwise_2, avx512);
FUNCTION(pointwise_3, avx512);
#elif defined(__aarch64__)
DECLARE(neon)
QUANTIZED_DECLARE(neon)
#endif

static const ck_kernel table[] = {
    POINTWISE(portable, CK_PORTABLE, 2, 1)
    ROWS(portable, CK_PORTABLE)
    QUANTIZED_ROWS(portable, CK_PORTABLE, 0)
#if defined(__x86_64__)
    POINTWISE(avx2, CK_AVX2, 6, 1)
    ROWS(avx2, CK_AVX2)
    POINTWISE(avx512, CK_AVX512, 14, 2)
    POINTWISE(avx512, CK_AVX512, 28, 1)
    POINTWISE(avx512, CK_AVX512, 9, 3)
    ROWS(avx512, CK_AVX512)
    QUANTIZED_ROWS(avx2, CK_AVX2, 0)
    QUANTIZED_ROWS(avx512, CK_AVX512, 0)
    QUANTIZED_ROWS(vnni, CK_AVX512, CK_AVX512_VNNI)
#elif defined(__aarch64__)
    POINTWISE(neon, CK_NEON, 6, 1)
    ROWS(neon, CK_NEON)
    QUANTIZED_ROWS(neon, CK_NEON, 0)
#endif
};

const ck_kernel *ck_kernel_table(size_t *count) {
    *count = sizeof table / sizeof table[0];
    return table;
}

int ck_is_supported(ck_instruction_set set) {
    switch (set) {
        case CK_PORTABLE: return 1;
#if defined(__x86_64__)
        case CK_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case CK_AVX512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
        case CK_NEON: return 1;  // part of the base instruction set
#endif
        default: return 0;
    }
}

int32_t ck_features(void) {
    int32_t features = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bf16")) features |= CK_AVX512_BF16;
    // Kernels for sums of quads also shuffle bytes.
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi")) features |= CK_AVX512_VNNI;
    if (__builtin_cpu_supports("avxvnni")) features |= CK_AVX_VNNI;
#elif defined(__aarch64__) && defined(__linux__)
    // HWCAP_ASIMDDP and HWCAP2_BF16 of Linux's asm/hwcap.h.
    if (getauxval(AT_HWCAP) & (1ul << 20)) features |= CK_NEON_DOTPROD;
    if (getauxval(AT_HWCAP2) & (1ul << 14)) features |= CK_NEON_BF16;
#endif
    return features;
}

int32_t ck_peak(ck_instruction_set set, int32_t rounds, float *result) {
    switch (set) {
#if defined(__x86_64__)
        case CK_AVX2: *result = ck_peak_avx2(rounds); return ck_peak_flops_avx2();
        case CK_AVX512: *result = ck_peak_avx512(rounds); return ck_peak_flops_avx512();
#elif defined(__aarch64__)
        case CK_NEON: *result = ck_peak_neon(rounds); return ck_peak_flops_neon();
#endif
        default: *result = ck_peak_portable(rounds); return ck_peak_flops_portable();
    }
}
