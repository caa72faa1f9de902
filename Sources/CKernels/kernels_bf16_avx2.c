#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SUFFIX bf16_avx2
#define BFLOAT16
#define TILE_1 6
#define COLUMNS_2 3
#define COLUMNS_3 2
#define ROW_PIXELS 6
#include "kernels.inc"
#pragma clang attribute pop
#endif
