// Kernels of bytes for arm64; tiles as those of floats.
#if defined(__aarch64__)
#define SUFFIX neon
#define QUANTIZED_1 6
#define QUANTIZED_P 4
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
#endif
