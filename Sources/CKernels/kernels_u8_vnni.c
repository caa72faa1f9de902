// Kernels of bytes for AVX-512 with VNNI's sums of quads and VBMI's shuffles of bytes: Ice Lake, Zen 4 and later.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target( \
    "avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512vbmi,fma"))), apply_to = function)
#define SUFFIX vnni
#define QUADS
#define QUANTIZED_1 28
#define QUANTIZED_2 14
#define QUANTIZED_4 6
#define QUANTIZED_R 7
#define QUANTIZED_P 8
#include "quantized_avx512.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#pragma clang attribute pop
#endif
