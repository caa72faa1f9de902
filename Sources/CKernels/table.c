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
    FUNCTION(from_rows, set);         \
    FUNCTION(to_rows, set);           \
    FUNCTION(gather, set);            \
    FUNCTION(resample, set);          \
    FUNCTION(interleave, set);        \
    FUNCTION(combine, set);           \
    FUNCTION(affine, set);            \
    FUNCTION(softmax, set);           \
    FUNCTION(layer_norm, set);        \
    FUNCTION(grouped, set);           \
    FUNCTION(filter, set);            \
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

// Kernels that rearrange, combine and normalise maps.
#define MAP_ROWS(set, code) \
    {"f32-fromrows-" #set, CK_OP_FROM_ROWS, code, CK_FLOAT32, 0, ck_from_rows_##set, 0, 0},          \
    {"f32-torows-" #set, CK_OP_TO_ROWS, code, CK_FLOAT32, 0, ck_to_rows_##set, 0, 0},                \
    {"f32-gather-" #set, CK_OP_GATHER, code, CK_FLOAT32, 0, ck_gather_##set, 0, 0},                  \
    {"f32-resample-" #set, CK_OP_RESAMPLE, code, CK_FLOAT32, 0, ck_resample_##set, 0, 0},            \
    {"f32-interleave-" #set, CK_OP_INTERLEAVE, code, CK_FLOAT32, 0, ck_interleave_##set, 0, 0},      \
    {"f32-combine-" #set, CK_OP_COMBINE, code, CK_FLOAT32, 0, ck_combine_##set, 0, 0},               \
    {"f32-affine-" #set, CK_OP_AFFINE, code, CK_FLOAT32, 0, ck_affine_##set, 0, 0},                  \
    {"f32-softmax-" #set, CK_OP_SOFTMAX, code, CK_FLOAT32, 0, ck_softmax_##set, 0, 0},               \
    {"f32-layernorm-" #set, CK_OP_LAYER_NORM, code, CK_FLOAT32, 0, ck_layer_norm_##set, 0, 0},       \
    {"f32-groupedconvolution-" #set, CK_OP_GROUPED, code, CK_FLOAT32, 0, ck_grouped_##set, 0, 0},    \
    {"f32-filter-" #set, CK_OP_FILTER, code, CK_FLOAT32, 0, ck_filter_##set, 0, 0},

#define POINTWISE(set, code, pixels, panels) \
    {"f32-pointwise" #pixels "x" #panels "-" #set, CK_OP_POINTWISE, code, CK_FLOAT32, 0, ck_pointwise_##panels##_##set, pixels, panels},

DECLARE(portable)
#if defined(__x86_64__)
DECLARE(avx2)
DECLARE(avx512)
FUNCTION(pointwise_2, avx512);
FUNCTION(pointwise_3, avx512);
#elif defined(__aarch64__)
DECLARE(neon)
#endif

static const ck_kernel table[] = {
    POINTWISE(portable, CK_PORTABLE, 2, 1)
    ROWS(portable, CK_PORTABLE)
    MAP_ROWS(portable, CK_PORTABLE)
#if defined(__x86_64__)
    POINTWISE(avx2, CK_AVX2, 6, 1)
    ROWS(avx2, CK_AVX2)
    MAP_ROWS(avx2, CK_AVX2)
    POINTWISE(avx512, CK_AVX512, 14, 2)
    POINTWISE(avx512, CK_AVX512, 28, 1)
    POINTWISE(avx512, CK_AVX512, 9, 3)
    ROWS(avx512, CK_AVX512)
    MAP_ROWS(avx512, CK_AVX512)
#elif defined(__aarch64__)
    POINTWISE(neon, CK_NEON, 6, 1)
    ROWS(neon, CK_NEON)
    MAP_ROWS(neon, CK_NEON)
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
    if (__builtin_cpu_supports("avx512vnni")) features |= CK_AVX512_VNNI;
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
