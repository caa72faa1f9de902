// For any machine: the compiler splits each vector into what the base instruction set has.
#define SUFFIX bf16_portable
#define BFLOAT16
#define TILE_1 2
#define ROW_PIXELS 2
#include "kernels.inc"
