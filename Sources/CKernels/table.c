#include "CKernels.h"

#define DECLARE(set)                        \
    void ck_pointwise_##set(const void *);  \
    void ck_depthwise_##set(const void *);  \
    void ck_stem_##set(const void *);       \
    void ck_pool_##set(const void *);       \
    void ck_scale_##set(const void *);

#define ROWS(set, code)                                                       \
    {"f32-pointwise-" #set, CK_OP_POINTWISE, code, ck_pointwise_##set},       \
    {"f32-depthwise-" #set, CK_OP_DEPTHWISE, code, ck_depthwise_##set},       \
    {"f32-stem3x3-" #set, CK_OP_STEM, code, ck_stem_##set},                   \
    {"f32-averagepool-" #set, CK_OP_POOL, code, ck_pool_##set},               \
    {"f32-channelscale-" #set, CK_OP_SCALE, code, ck_scale_##set},

DECLARE(portable)
#if defined(__x86_64__)
DECLARE(avx2)
DECLARE(avx512)
#endif

static const ck_kernel table[] = {
    ROWS(portable, CK_PORTABLE)
#if defined(__x86_64__)
    ROWS(avx2, CK_AVX2)
    ROWS(avx512, CK_AVX512)
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
#endif
        default: return 0;
    }
}
