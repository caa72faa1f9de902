// The convolution for AMX with its instructions emulated, after the pseudo-code of Intel's reference: what tests run
// where no processor has tiles. It is no row of the kernel table.
#define SUFFIX amx_emulated
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized_values.inc"
#include "quantized_epilogue.inc"

#include <string.h>

void ck_quantized_convolution_portable(const void *, int32_t, int32_t);
#define FALLBACK ck_quantized_convolution_portable
#define TILES_BEGIN(c) emulated_begin(c)
#define TILES_END() emulated_end()
#define TILE_ZERO(t) memset(tiles[t].bytes, 0, sizeof tiles[t].bytes)
#define TILE_LOAD(t, p) emulated_load(t, p, TILE_BYTES)
#define TILE_DOT(sum, pixels, weights) emulated_dot(sum, pixels, weights)
#define TILE_STORE(t, p) emulated_store(t, p, TILE_BYTES)

typedef struct {
    int rows, row_bytes;
    uint8_t bytes[16][64];
} emulated_tile;

static _Thread_local emulated_tile tiles[8];

// 64 bytes: palette, first row, 14 reserved, bytes a row by tile as 16 bits, rows by tile.
static void emulated_begin(const void *configuration) {
    const uint8_t *bytes = configuration;
    if (bytes[0] != 1 || bytes[1] != 0) __builtin_trap();
    memset(tiles, 0, sizeof tiles);
    for (int t = 0; t < 8; t++) {
        tiles[t].row_bytes = bytes[16 + 2 * t] | bytes[17 + 2 * t] << 8;
        tiles[t].rows = bytes[48 + t];
        if (tiles[t].rows > 16 || tiles[t].row_bytes > 64 || tiles[t].row_bytes % 4) __builtin_trap();
    }
}

static void emulated_end(void) { memset(tiles, 0, sizeof tiles); }

static void emulated_load(int t, const void *p, int64_t stride) {
    for (int row = 0; row < tiles[t].rows; row++)
        memcpy(tiles[t].bytes[row], (const uint8_t *)p + row * stride, (size_t)tiles[t].row_bytes);
}

static void emulated_store(int t, void *p, int64_t stride) {
    for (int row = 0; row < tiles[t].rows; row++)
        memcpy((uint8_t *)p + row * stride, tiles[t].bytes[row], (size_t)tiles[t].row_bytes);
}

// TDPBUSD: unsigned bytes of `a` with signed ones of `b`, four at a time.
static void emulated_dot(int sum, int a, int b) {
    if (tiles[a].row_bytes / 4 != tiles[b].rows || tiles[a].rows != tiles[sum].rows ||
        tiles[b].row_bytes != tiles[sum].row_bytes)
        __builtin_trap();
    for (int m = 0; m < tiles[sum].rows; m++)
        for (int k = 0; k < tiles[a].row_bytes / 4; k++)
            for (int n = 0; n < tiles[b].row_bytes / 4; n++) {
                uint32_t total;
                memcpy(&total, tiles[sum].bytes[m] + 4 * n, sizeof total);
                for (int i = 0; i < 4; i++)
                    total += (uint32_t)((int)tiles[a].bytes[m][4 * k + i] * (int)(int8_t)tiles[b].bytes[k][4 * n + i]);
                memcpy(tiles[sum].bytes[m] + 4 * n, &total, sizeof total);
            }
}

#include "quantized_tiles.inc"
