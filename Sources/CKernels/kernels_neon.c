// 32 registers of 128 bits, a vector of 64 bytes being four of them: six pixels of sums and a row of weights are 28;
// half a depthwise tile of four pixels with a row of seven taps and a value is 24, and with six pixels and stride 2 the
// compiler spills. The tiles follow from this count alone: no arm64 processor was there to measure their speed on.
#if defined(__aarch64__)
#define SUFFIX neon
#define TILE_1 6
#define COLUMNS_2 3
#define COLUMNS_3 2
#define ROW_PIXELS 4
#define DEPTHWISE_IN_HALVES
#include "kernels.inc"
#endif
