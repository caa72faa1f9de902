// Times the kernels of single layers in turn, peak included, and prints the least time of each, which a shared machine
// disturbs least: a layer's border, its direct kernel and Winograd's with its transforms, in us; GFLOP/s count the
// definition's operations.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "CKernels.h"

typedef struct { int side, inputs, outputs, kernel, stride, is_image; } layer;

static const layer layers[] = {
    {56, 64, 64, 3, 1}, {28, 128, 128, 3, 1}, {14, 256, 256, 3, 1}, {7, 512, 512, 3, 1},
    {56, 64, 128, 3, 2}, {28, 128, 256, 3, 2}, {14, 256, 512, 3, 2},
    {56, 64, 128, 1, 2}, {28, 128, 256, 1, 2}, {14, 256, 512, 1, 2},
    {32, 16, 16, 3, 1}, {16, 32, 32, 3, 1}, {8, 64, 64, 3, 1}, {32, 16, 32, 3, 2}, {28, 64, 64, 5, 1},
    {224, 3, 64, 7, 2, 1}, {224, 3, 32, 3, 2, 1}, {224, 3, 16, 3, 2, 1}, {32, 3, 16, 3, 1, 1},
};
enum { MOST_ROUNDS = 1000, NEAR_FLOATS = 150000 };

static double nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static float *values(int64_t count, int is_random) {
    const size_t page = 2 << 20, size = ((size_t)count * 4 + page - 1) / page * page;
    float *p = aligned_alloc(page, size);
    madvise(p, size, MADV_HUGEPAGE);
    for (int64_t i = 0; i < count; i++) p[i] = is_random ? (float)rand() / (float)RAND_MAX - 0.5f : 0.0f;
    return p;
}

static ck_function row(ck_operation operation, ck_instruction_set set) {
    size_t count;
    const ck_kernel *table = ck_kernel_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].operation == operation && table[i].instruction_set == set && table[i].element == CK_FLOAT32)
            return table[i].function;
    abort();
}

static double least(const double *times, int count) {
    double best = times[0];
    for (int i = 1; i < count; i++)
        if (times[i] < best) best = times[i];
    return best;
}

static double winograd(const ck_winograd *layer, ck_instruction_set set) {
    const int side = layer->side;
    const int tiles = (layer->output_height + side - 1) / side * ((layer->output_width + side - 1) / side);
    const int bands = (int)((ck_winograd_scratch(side, layer->input_channels, tiles) + NEAR_FLOATS - 1) / NEAR_FLOATS);
    const double start = nanoseconds();
    for (int band = 0; band < bands; band++) {
        ck_winograd c = *layer;
        c.first_tile = tiles * band / bands;
        c.tiles = tiles * (band + 1) / bands - c.first_tile;
        row(CK_OP_WINOGRAD_INPUT, set)(&c, 0, 1);
        row(CK_OP_WINOGRAD_OUTPUT, set)(&c, 0, 1);
    }
    return nanoseconds() - start;
}

static void measure(const layer *l, ck_instruction_set set, int rounds) {
    const int pad = (l->kernel - 1) / 2, bordered = l->side + 2 * pad, taps = l->kernel * l->kernel;
    const int side = (bordered - l->kernel) / l->stride + 1, blocks = (l->inputs + 15) / 16;
    const int is_winograd = l->kernel == 3 && l->stride == 1 && !l->is_image;
    float *zeros = values(l->outputs, 0), *input = values((int64_t)l->side * l->side * blocks * 16, 1);
    float *around = values((int64_t)bordered * bordered * blocks * 16, 1);
    float *output = values((int64_t)side * side * l->outputs, 0);
    float *weights = values((int64_t)taps * l->inputs * l->outputs, 1);
    float *packed = values((int64_t)36 * l->inputs * l->outputs, 0);
    float *packed_2 = values((int64_t)16 * l->inputs * l->outputs, 0);
    float *scratch = values(2 * ck_winograd_scratch(4, l->inputs, (side + 3) / 4 * ((side + 3) / 4)), 0);
    const ck_epilogue epilogue = {.scale = zeros, .shift = zeros, .activation = CK_RELU};
    const ck_border border = {input, around, l->side, l->side, pad, pad, pad, pad, blocks};
    const ck_convolution direct = {
        around, output, weights, epilogue, {l->kernel, l->kernel, l->stride, l->stride, 1, 1}, bordered, bordered,
        side, side, l->inputs, l->outputs / 16};
    const ck_winograd transformed = {
        input, output, scratch, packed, epilogue, l->side, l->side, side, side, pad, pad, l->inputs, l->outputs / 16,
        .side = 4};
    ck_winograd transformed_2 = transformed;
    transformed_2.weights = packed_2;
    transformed_2.side = 2;
    if (is_winograd) {
        ck_winograd_weights(4, weights, packed, l->outputs, l->inputs);
        ck_winograd_weights(2, weights, packed_2, l->outputs, l->inputs);
    }
    static double borders[MOST_ROUNDS], directs[MOST_ROUNDS], winograds[2][MOST_ROUNDS], peaks[MOST_ROUNDS];
    const ck_operation operation = l->is_image ? CK_OP_IMAGE_CONVOLUTION : CK_OP_CONVOLUTION;
    for (int round = 0; round < rounds; round++) {
        float result;
        double start = nanoseconds();
        if (pad && !l->is_image) row(CK_OP_BORDER, set)(&border, 0, 1);
        borders[round] = nanoseconds() - start;
        start = nanoseconds();
        row(operation, set)(&direct, 0, 1);
        directs[round] = nanoseconds() - start;
        if (is_winograd) {
            winograds[0][round] = winograd(&transformed, set);
            winograds[1][round] = winograd(&transformed_2, set);
        }
        start = nanoseconds();
        const int flops = ck_peak(set, 5000, &result);
        peaks[round] = (nanoseconds() - start) / (5000.0 * flops);
    }
    const double flops = 2.0 * taps * l->inputs * l->outputs * side * side;
    const double peak = 1 / least(peaks, rounds), time = least(directs, rounds);
    printf("| %dx%d /%d %dx%d %d->%d%s | %.0f | %.0f | %.0f | %.2f |", l->kernel, l->kernel, l->stride, l->side,
           l->side, l->inputs, l->outputs, l->is_image ? " image" : "", least(borders, rounds) / 1e3, time / 1e3,
           flops / time, flops / time / peak);
    for (int i = 0; i < 2; i++) {
        const double transformed_time = is_winograd ? least(winograds[i], rounds) : 0;
        if (is_winograd) printf(" %.0f | %.0f |", transformed_time / 1e3, flops / transformed_time);
        else printf(" - | - |");
    }
    printf("\n");
    float *all[] = {zeros, input, around, output, weights, packed, packed_2, scratch};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

int main(int count, char **arguments) {
    static const char *const names[] = {"portable", "avx2", "avx512"};
    int set = CK_INSTRUCTION_SET_COUNT - 1, rounds = 40;
    while (!ck_is_supported((ck_instruction_set)set)) set--;
    for (int i = 0; count > 1 && i < CK_INSTRUCTION_SET_COUNT; i++)
        if (strcmp(names[i], arguments[1]) == 0) set = i;
    if (count > 2) rounds = atoi(arguments[2]);
    if (rounds < 1 || rounds > MOST_ROUNDS || !ck_is_supported((ck_instruction_set)set)) return 64;
    printf("%s\n| layer | border us | direct us | GFLOP/s | of peak |", names[set]);
    printf(" F(4,3) us | GFLOP/s | F(2,3) us | GFLOP/s |\n");
    printf("|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        measure(&layers[i], (ck_instruction_set)set, rounds);
    return 0;
}
