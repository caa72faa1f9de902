#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), apply_to = function)
#define SUFFIX avx512
#define TILE_1 28
#define TILE_2 14
#define TILE_3 9
#define COLUMNS_2 14
#define COLUMNS_3 9
#define COLUMNS_4 7
#define ROW_PIXELS 8
#define ADDS_BESIDE
#include "kernels.inc"
#pragma clang attribute pop
#endif
