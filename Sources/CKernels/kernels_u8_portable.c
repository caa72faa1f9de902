// Kernels of bytes for any machine.
#define SUFFIX portable
#define QUANTIZED_1 2
#define QUANTIZED_P 4
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized.inc"
