// Kernels of bytes for AVX-512 without sums of quads.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), apply_to = function)
#define SUFFIX avx512
#define QUANTIZED_1 14
#define QUANTIZED_2 8
#define QUANTIZED_P 8
#include "quantized_avx512.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#pragma clang attribute pop
#endif
