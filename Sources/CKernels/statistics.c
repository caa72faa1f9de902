#include "CKernels.h"

#include <math.h>

void ck_add_sums(const float *map, int32_t pixels, int32_t blocks, double *sums) {
    for (int32_t block = 0; block < blocks; block++)
        for (int32_t pixel = 0; pixel < pixels; pixel++)
            for (int lane = 0; lane < CK_LANES; lane++)
                sums[block * CK_LANES + lane] += map[((int64_t)block * pixels + pixel) * CK_LANES + lane];
}

void ck_add_squared_deviations(
    const float *map, int32_t pixels, int32_t blocks, const double *means, double *sums) {
    for (int32_t block = 0; block < blocks; block++)
        for (int32_t pixel = 0; pixel < pixels; pixel++)
            for (int lane = 0; lane < CK_LANES; lane++) {
                const int32_t channel = block * CK_LANES + lane;
                const double distance = map[((int64_t)block * pixels + pixel) * CK_LANES + lane] - means[channel];
                sums[channel] += distance * distance;
            }
}

static float activate(float x, const ck_epilogue *e) {
    const float open = x + 3.0f < 0.0f ? 0.0f : x + 3.0f > 6.0f ? 6.0f : x + 3.0f;
    switch (e->activation) {
        case CK_RELU: return x > 0.0f ? x : 0.0f;
        case CK_HARD_SWISH: return x * open / 6.0f;
        case CK_HARD_SIGMOID: return open / 6.0f;
        case CK_CLIP: return x < e->first ? e->first : x > e->second ? e->second : x;
        case CK_LEAKY_RELU: return x > 0.0f ? x : e->first * x;
        case CK_SIGMOID: return 1.0f / (1.0f + expf(-x));
        case CK_SILU: return x / (1.0f + expf(-x));
        default: return x;
    }
}

void ck_apply_epilogue(float *map, int32_t pixels, int32_t blocks, const ck_epilogue *e) {
    for (int32_t block = 0; block < blocks; block++)
        for (int32_t pixel = 0; pixel < pixels; pixel++)
            for (int lane = 0; lane < CK_LANES; lane++) {
                const int64_t at = ((int64_t)block * pixels + pixel) * CK_LANES + lane;
                const int32_t channel = block * CK_LANES + lane;
                const float residual = e->residual ? ((const float *)e->residual)[at] : 0.0f;
                const float sum = map[at] * e->scale[channel] + e->shift[channel];
                map[at] = e->order == CK_RESIDUAL_THEN_ACTIVATION ? activate(sum + residual, e)
                                                                  : activate(sum, e) + residual;
            }
}
