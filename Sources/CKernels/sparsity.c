#include "CKernels.h"

void ck_count_zeros(ck_sparsity *c) {
    c->zeros = c->zero_tiles = c->zero_blocks = 0;
    const int blocks = (c->channels + CK_LANES - 1) / CK_LANES;
    for (int block = 0; block < blocks; block++) {
        const int rest = c->channels - block * CK_LANES, lanes = rest < CK_LANES ? rest : CK_LANES;
        int is_zero_block = 1;
        for (int row = 0; row < c->height; row++) {
            const float *line = c->map + ((int64_t)block * c->height + row) * c->width * CK_LANES;
            for (int first = 0; first < c->width; first += c->tile) {
                const int end = first + c->tile < c->width ? first + c->tile : c->width;
                int zeros = 0;
                for (int pixel = first; pixel < end; pixel++) {
                    for (int lane = 0; lane < lanes; lane++) zeros += line[pixel * CK_LANES + lane] == 0;
                }
                const int is_zero_tile = zeros == (end - first) * lanes;
                c->zeros += zeros;
                c->zero_tiles += is_zero_tile;
                is_zero_block &= is_zero_tile;
            }
        }
        c->zero_blocks += is_zero_block;
    }
}
