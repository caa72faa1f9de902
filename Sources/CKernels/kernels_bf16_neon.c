#if defined(__aarch64__)
#define SUFFIX bf16_neon
#define BFLOAT16
#define TILE_1 6
#define COLUMNS_2 3
#define COLUMNS_3 2
#define ROW_PIXELS 4
#define DEPTHWISE_IN_HALVES
#include "kernels.inc"
#endif
