// Where the processor has no AVX512_BF16. Fewer tiles: widening takes the time here.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), apply_to = function)
#define SUFFIX bf16_avx512
#define BFLOAT16
#define TILE_1 14
#define COLUMNS_2 6
#define ROW_PIXELS 8
#include "kernels.inc"
#pragma clang attribute pop
#endif
