#include "CKernels.h"
#include "tiles.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define FUNCTION(name, suffix) void ck_##name##_##suffix(const void *, int32_t, int32_t)
// `suffix` as the file that includes kernels.inc has it.
#define DECLARE(suffix)                  \
    FUNCTION(pointwise_1, suffix);       \
    FUNCTION(depthwise, suffix);         \
    FUNCTION(stem, suffix);              \
    FUNCTION(pool, suffix);              \
    FUNCTION(scale, suffix);             \
    FUNCTION(scale_rows, suffix);        \
    FUNCTION(convolution, suffix);       \
    FUNCTION(image_convolution, suffix); \
    FUNCTION(border, suffix);            \
    FUNCTION(winograd_input, suffix);    \
    FUNCTION(winograd_output, suffix);   \
    FUNCTION(window_pool, suffix);       \
    FUNCTION(add, suffix);               \
    FUNCTION(peak, suffix);
#define DECLARE_CONVERSIONS(suffix) \
    FUNCTION(narrow, suffix);       \
    FUNCTION(widen, suffix);

#define ROW(kernel, operation, name, function, suffix, code, element, features) \
    {kernel "-" name, operation, code, element, features, ck_##function##_##suffix, 0, 0},
// `name` of the set, with what it needs beyond it; `kind` of the element.
#define ROWS(kind, name, ...)                                                                          \
    ROW(kind "-depthwise", CK_OP_DEPTHWISE, name, depthwise, __VA_ARGS__)                              \
    ROW(kind "-stem3x3", CK_OP_STEM, name, stem, __VA_ARGS__)                                          \
    ROW(kind "-averagepool", CK_OP_POOL, name, pool, __VA_ARGS__)                                      \
    ROW(kind "-channelscale", CK_OP_SCALE, name, scale, __VA_ARGS__)                                   \
    ROW(kind "-rowscale", CK_OP_SCALE_ROWS, name, scale_rows, __VA_ARGS__)                             \
    ROW(kind "-convolution", CK_OP_CONVOLUTION, name, convolution, __VA_ARGS__)                        \
    ROW(kind "-imageconvolution", CK_OP_IMAGE_CONVOLUTION, name, image_convolution, __VA_ARGS__)       \
    ROW(kind "-border", CK_OP_BORDER, name, border, __VA_ARGS__)                                       \
    ROW(kind "-winogradinput", CK_OP_WINOGRAD_INPUT, name, winograd_input, __VA_ARGS__)                \
    ROW(kind "-winogradoutput", CK_OP_WINOGRAD_OUTPUT, name, winograd_output, __VA_ARGS__)             \
    ROW(kind "-windowpool", CK_OP_WINDOW_POOL, name, window_pool, __VA_ARGS__)                         \
    ROW(kind "-add", CK_OP_ADD, name, add, __VA_ARGS__)                                                \
    ROW(kind "-peak", CK_OP_PEAK, name, peak, __VA_ARGS__)
#define BFLOAT16_ROWS(name, ...)                                \
    ROWS("bf16", name, __VA_ARGS__)                             \
    ROW("bf16-narrow", CK_OP_NARROW, name, narrow, __VA_ARGS__) \
    ROW("bf16-widen", CK_OP_WIDEN, name, widen, __VA_ARGS__)

// Kernels that rearrange, combine and normalise maps of floats.
#define MAP_DECLARE(set)      \
    FUNCTION(from_rows, set); \
    FUNCTION(to_rows, set); \
    FUNCTION(gather, set); \
    FUNCTION(resample, set); \
    FUNCTION(interleave, set); \
    FUNCTION(combine, set); \
    FUNCTION(affine, set); \
    FUNCTION(softmax, set); \
    FUNCTION(layer_norm, set); \
    FUNCTION(grouped, set); \
    FUNCTION(filter, set); \
    FUNCTION(product, set); \
    FUNCTION(masked_pointwise, set); \
    FUNCTION(masked_depthwise, set); \
    FUNCTION(masked_convolution, set); \
    FUNCTION(masked_winograd_input, set); \
    FUNCTION(masked_winograd_output, set);

#define MAP_ROWS(set, code) \
    ROW("f32-fromrows", CK_OP_FROM_ROWS, #set, from_rows, set, code, CK_FLOAT32, 0) \
    ROW("f32-torows", CK_OP_TO_ROWS, #set, to_rows, set, code, CK_FLOAT32, 0) \
    ROW("f32-gather", CK_OP_GATHER, #set, gather, set, code, CK_FLOAT32, 0) \
    ROW("f32-resample", CK_OP_RESAMPLE, #set, resample, set, code, CK_FLOAT32, 0) \
    ROW("f32-interleave", CK_OP_INTERLEAVE, #set, interleave, set, code, CK_FLOAT32, 0) \
    ROW("f32-combine", CK_OP_COMBINE, #set, combine, set, code, CK_FLOAT32, 0) \
    ROW("f32-affine", CK_OP_AFFINE, #set, affine, set, code, CK_FLOAT32, 0) \
    ROW("f32-softmax", CK_OP_SOFTMAX, #set, softmax, set, code, CK_FLOAT32, 0) \
    ROW("f32-layernorm", CK_OP_LAYER_NORM, #set, layer_norm, set, code, CK_FLOAT32, 0) \
    ROW("f32-groupedconvolution", CK_OP_GROUPED, #set, grouped, set, code, CK_FLOAT32, 0) \
    ROW("f32-filter", CK_OP_FILTER, #set, filter, set, code, CK_FLOAT32, 0) \
    ROW("f32-product", CK_OP_PRODUCT, #set, product, set, code, CK_FLOAT32, 0) \
    ROW("f32-maskedpointwise", CK_OP_MASKED_POINTWISE, #set, masked_pointwise, set, code, CK_FLOAT32, 0) \
    ROW("f32-maskeddepthwise", CK_OP_MASKED_DEPTHWISE, #set, masked_depthwise, set, code, CK_FLOAT32, 0) \
    ROW("f32-maskedconvolution", CK_OP_MASKED_CONVOLUTION, #set, masked_convolution, set, code, CK_FLOAT32, 0) \
    ROW("f32-maskedwinogradinput", CK_OP_MASKED_WINOGRAD_INPUT, #set, masked_winograd_input, set, code, CK_FLOAT32, 0) \
    ROW("f32-maskedwinogradoutput", CK_OP_MASKED_WINOGRAD_OUTPUT, #set, masked_winograd_output, set, code, \
        CK_FLOAT32, 0)

#define POINTWISE(kind, name, suffix, code, element, features, pixels, panels)                              \
    {kind "-pointwise" #pixels "x" #panels "-" name, CK_OP_POINTWISE, code, element, features, \
     ck_pointwise_##panels##_##suffix, pixels, panels},
// One tile for each number of panels.
#define WIDE_POINTWISE(...)          \
    POINTWISE(__VA_ARGS__, 14, 2)    \
    POINTWISE(__VA_ARGS__, 28, 1)    \
    POINTWISE(__VA_ARGS__, 9, 3)

#define QUANTIZED_DECLARE(set)            \
    FUNCTION(quantized_convolution, set); \
    FUNCTION(quantized_depthwise, set);   \
    FUNCTION(quantized_border, set);      \
    FUNCTION(quantized_image, set);       \
    FUNCTION(quantized_pool, set);        \
    FUNCTION(quantized_add, set);         \
    FUNCTION(quantized_scale, set);       \
    FUNCTION(quantized_lookup, set);      \
    FUNCTION(quantize, set);              \
    FUNCTION(quantized_peak, set);

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
    {"u8-quantize-" #set, CK_OP_QUANTIZE, code, CK_UINT8, features, ck_quantize_##set, 0, 0},                       \
    {"u8-peak-" #set, CK_OP_PEAK, code, CK_UINT8, features, ck_quantized_peak_##set, 0, 0},

DECLARE(portable)
MAP_DECLARE(portable)
DECLARE(bf16_portable)
DECLARE_CONVERSIONS(bf16_portable)
QUANTIZED_DECLARE(portable)
#if defined(__x86_64__)
DECLARE(avx2)
MAP_DECLARE(avx2)
DECLARE(avx512)
MAP_DECLARE(avx512)
QUANTIZED_DECLARE(avx2)
QUANTIZED_DECLARE(avx512)
QUANTIZED_DECLARE(vnni)
FUNCTION(quantized_convolution, amx);
FUNCTION(pointwise_2, avx512);
FUNCTION(pointwise_3, avx512);
DECLARE(bf16_avx2)
DECLARE_CONVERSIONS(bf16_avx2)
DECLARE(bf16_avx512)
DECLARE_CONVERSIONS(bf16_avx512)
DECLARE(bf16_dot_avx512)
DECLARE_CONVERSIONS(bf16_dot_avx512)
FUNCTION(pointwise_2, bf16_dot_avx512);
FUNCTION(pointwise_3, bf16_dot_avx512);
#elif defined(__aarch64__)
DECLARE(neon)
MAP_DECLARE(neon)
DECLARE(bf16_neon)
DECLARE_CONVERSIONS(bf16_neon)
QUANTIZED_DECLARE(neon)
QUANTIZED_DECLARE(neon_dot)
QUANTIZED_DECLARE(neon_i8mm)
#endif

static const ck_kernel table[] = {
    POINTWISE("f32", "portable", portable, CK_PORTABLE, CK_FLOAT32, 0, 2, 1)
    ROWS("f32", "portable", portable, CK_PORTABLE, CK_FLOAT32, 0)
    MAP_ROWS(portable, CK_PORTABLE)
    POINTWISE("bf16", "portable", bf16_portable, CK_PORTABLE, CK_BFLOAT16, 0, 2, 1)
    BFLOAT16_ROWS("portable", bf16_portable, CK_PORTABLE, CK_BFLOAT16, 0)
    QUANTIZED_ROWS(portable, CK_PORTABLE, 0)
#if defined(__x86_64__)
    POINTWISE("f32", "avx2", avx2, CK_AVX2, CK_FLOAT32, 0, 6, 1)
    ROWS("f32", "avx2", avx2, CK_AVX2, CK_FLOAT32, 0)
    MAP_ROWS(avx2, CK_AVX2)
    WIDE_POINTWISE("f32", "avx512", avx512, CK_AVX512, CK_FLOAT32, 0)
    ROWS("f32", "avx512", avx512, CK_AVX512, CK_FLOAT32, 0)
    MAP_ROWS(avx512, CK_AVX512)
    POINTWISE("bf16", "avx2", bf16_avx2, CK_AVX2, CK_BFLOAT16, 0, 6, 1)
    BFLOAT16_ROWS("avx2", bf16_avx2, CK_AVX2, CK_BFLOAT16, 0)
    POINTWISE("bf16", "avx512", bf16_avx512, CK_AVX512, CK_BFLOAT16, 0, 14, 1)
    BFLOAT16_ROWS("avx512", bf16_avx512, CK_AVX512, CK_BFLOAT16, 0)
    WIDE_POINTWISE("bf16", "avx512-bf16", bf16_dot_avx512, CK_AVX512, CK_BFLOAT16, CK_AVX512_BF16)
    BFLOAT16_ROWS("avx512-bf16", bf16_dot_avx512, CK_AVX512, CK_BFLOAT16, CK_AVX512_BF16)
    QUANTIZED_ROWS(avx2, CK_AVX2, 0)
    QUANTIZED_ROWS(avx512, CK_AVX512, 0)
    QUANTIZED_ROWS(vnni, CK_AVX512, CK_AVX512_VNNI)
    {"u8-convolution-amx", CK_OP_QUANTIZED_CONVOLUTION, CK_AVX512, CK_UINT8, CK_AVX512_VNNI | CK_AMX_INT8,
     ck_quantized_convolution_amx, 0, 0},
#elif defined(__aarch64__)
    POINTWISE("f32", "neon", neon, CK_NEON, CK_FLOAT32, 0, 6, 1)
    ROWS("f32", "neon", neon, CK_NEON, CK_FLOAT32, 0)
    MAP_ROWS(neon, CK_NEON)
    POINTWISE("bf16", "neon", bf16_neon, CK_NEON, CK_BFLOAT16, 0, 6, 1)
    BFLOAT16_ROWS("neon", bf16_neon, CK_NEON, CK_BFLOAT16, 0)
    QUANTIZED_ROWS(neon, CK_NEON, 0)
    QUANTIZED_ROWS(neon_dot, CK_NEON, CK_NEON_DOTPROD)
    QUANTIZED_ROWS(neon_i8mm, CK_NEON, CK_NEON_DOTPROD | CK_NEON_I8MM)
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
    if ((features & CK_AVX512_VNNI) && ck_is_supported(CK_AVX512) && ck_has_tiles()) features |= CK_AMX_INT8;
#elif defined(__aarch64__) && defined(__linux__)
    // HWCAP_ASIMDDP and HWCAP2_I8MM of Linux's asm/hwcap.h.
    if (getauxval(AT_HWCAP) & (1ul << 20)) features |= CK_NEON_DOTPROD;
    if (getauxval(AT_HWCAP2) & (1ul << 13)) features |= CK_NEON_I8MM;
#endif
    return features;
}
