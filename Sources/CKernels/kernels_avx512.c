#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), apply_to = function)
#define SUFFIX avx512
#define TILE_PIXELS 14
#define TILE_PANELS 2
#define ROW_PIXELS 7
#include "kernels.inc"
#pragma clang attribute pop
#endif
