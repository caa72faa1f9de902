// Kernels of bytes for arm64 with the sums of quads of signed bytes of ARMv8.2: Cortex-A55, A76 and later.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define SUFFIX neon_dot
#define QUANTIZED_1 6
#define QUANTIZED_P 4
#include "quantized_neon.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#pragma clang attribute pop
#endif
