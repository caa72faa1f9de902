// The convolution of bytes for AMX's tiles: Sapphire Rapids and later.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target( \
    "avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512vbmi,fma,amx-tile,amx-int8"))), apply_to = function)
#define SUFFIX amx
#define QUADS(acc, x, w) __builtin_ia32_vpdpbusd512(acc, x, w)
#include "quantized_avx512.inc"
#include "vectors.inc"
#include "activations.inc"
#include "windows.inc"
#include "quantized_values.inc"
#include "quantized_epilogue.inc"

void ck_quantized_convolution_vnni(const void *, int32_t, int32_t);
#define FALLBACK ck_quantized_convolution_vnni
#define TILES_BEGIN(c) _tile_loadconfig(c)
#define TILES_END() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, p) _tile_loadd(t, p, TILE_BYTES)
#define TILE_DOT(sum, pixels, weights) _tile_dpbusd(sum, pixels, weights)
#define TILE_STORE(t, p) _tile_stored(t, p, TILE_BYTES)
#include "quantized_tiles.inc"
#pragma clang attribute pop
#endif
