// Kernels of bytes for arm64 with sums of quads of unsigned and signed bytes: ARMv8.6.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#define SUFFIX neon_i8mm
#define MIXED_SIGNS
#define QUANTIZED_1 6
#define QUANTIZED_P 4
#include "quantized_neon.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#pragma clang attribute pop
#endif
