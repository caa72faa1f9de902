#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma,avx512bf16"))), apply_to = function)
#define SUFFIX bf16_dot_avx512
#define BFLOAT16
#define NATIVE_BFLOAT16 "bfloat16_avx512.inc"
#define NATIVE_DEPTHWISE "depthwise_avx512.inc"
#define TILE_1 28
#define TILE_2 14
#define TILE_3 9
#define COLUMNS_2 14
#define COLUMNS_3 9
#define COLUMNS_4 7
#define ROW_PIXELS 8
#include "kernels.inc"
#pragma clang attribute pop
#endif
