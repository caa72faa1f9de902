// For any machine: the compiler splits each vector into what the base instruction set has.
#define SUFFIX portable
#define TILE_PIXELS 2
#define TILE_PANELS 1
#define ROW_PIXELS 2
#include "kernels.inc"
