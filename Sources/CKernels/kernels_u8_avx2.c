// Kernels of bytes for AVX2.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SUFFIX avx2
#define QUANTIZED_1 4
#define QUANTIZED_P 4
#include "quantized_avx2.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#pragma clang attribute pop
#endif
