#include "CKernels.h"

#include <string.h>

int64_t ck_winograd_scratch(int32_t side, int32_t input_channels, int32_t tiles) {
    const int64_t lines = (int64_t)(input_channels + CK_LANES - 1) / CK_LANES * tiles | 1;
    return (side + 2) * (side + 2) * lines * CK_LANES;
}

// In double: weights are transformed once, and the rounding of this step would show in every result.
void ck_winograd_weights(
    int32_t side, const float *weights, float *packed, int32_t output_channels, int32_t input_channels) {
    static const double four[6][3] = {
        {1.0 / 4, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
        {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1},
    };
    static const double two[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    const double(*g)[3] = side == 2 ? two : four;
    const int edge = side + 2, taps = edge * edge;
    const int64_t panels = (output_channels + CK_LANES - 1) / CK_LANES;
    memset(packed, 0, sizeof(float) * (size_t)(panels * taps * input_channels * CK_LANES));
    for (int64_t output = 0; output < output_channels; output++)
        for (int64_t input = 0; input < input_channels; input++) {
            const float *w = weights + (output * input_channels + input) * 9;
            float *to = packed + output / CK_LANES * taps * input_channels * CK_LANES + output % CK_LANES;
            for (int tap = 0; tap < taps; tap++) {
                double sum = 0;
                for (int i = 0; i < 9; i++) sum += g[tap / edge][i / 3] * (double)w[i] * g[tap % edge][i % 3];
                to[((int64_t)tap * input_channels + input) * CK_LANES] = (float)sum;
            }
        }
}
