// Kernels for maps of bfloat16, on values that bfloat16 holds, against the portable kernels on floats: a result differs
// by its own rounding and no more; and in parts against the whole, bit for bit.

#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint16_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float value_of(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static float *coarse_floats(int64_t count) {
    float *result = floats(count);
    for (int64_t i = 0; i < count; i++) result[i] = value_of(bits_of(random_value()));
    return result;
}

static uint16_t *narrowed(const float *values, int64_t count) {
    uint16_t *result = (uint16_t *)floats((count + 1) / 2);
    for (int64_t i = 0; i < count; i++) result[i] = bits_of(values[i]);
    return result;
}

// Panels of rows in runs, each padded to whole pairs, pairs value by value beside each other.
static uint16_t *paired(const float *weights, int64_t panels, int64_t rows, int64_t run) {
    const int64_t pairs = (run + 1) / 2;
    const int64_t count = panels * (rows / run) * pairs * 2 * CK_LANES;
    uint16_t *result = (uint16_t *)floats(count / 2);
    memset(result, 0, (size_t)count * 2);
    for (int64_t i = 0; i < panels * rows * CK_LANES; i++) {
        const int64_t row = i / CK_LANES % run, first = i / CK_LANES / run * pairs;
        result[(first + row / 2) * 2 * CK_LANES + i % CK_LANES * 2 + row % 2] = bits_of(weights[i]);
    }
    return result;
}

typedef struct {
    ck_operation operation;
    const void *wide, *narrow;             // parameters
    void *wide_output, *narrow_output;     // where they name what is written
    int64_t count;
    const float *initial;                  // for an operation in place, or NULL
    int is_vector;                         // floats are written
    int is_spare_counted;                  // spare lanes have a meaning too
    int channels, pixels;
    float extra;                           // what may be lost beside the result's rounding
} pair;

static void compare(const ck_kernel *row, const pair *c, const void *actual, const float *expected) {
    float most = 0;
    for (int64_t i = 0; i < c->count; i++) most = fmaxf(most, fabsf(expected[i]));
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t channel = i / CK_LANES / c->pixels * CK_LANES + i % CK_LANES;
        if (!c->is_spare_counted && channel >= c->channels) continue;
        const float value = c->is_vector ? ((const float *)actual)[i] : value_of(((const uint16_t *)actual)[i]);
        const float rounding = c->is_vector ? 0 : fabsf(expected[i]) / 256;
        if (!(fabsf(value - expected[i]) <= rounding + 1e-5f * (1 + most) + c->extra))
            fail(row, "differs from the kernel on floats", i, value, expected[i]);
    }
}

static void check_pair(const pair *c) {
    float *expected = floats(c->count);
    if (c->initial) memcpy(expected, c->initial, (size_t)c->count * 4);
    *(void **)c->wide_output = expected;
    function_of(c->operation, CK_PORTABLE)(c->wide, 0, 1);
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    const size_t bytes = (size_t)c->count * (c->is_vector ? 4 : 2);
    for (const ck_kernel *row = rows; row < rows + count; row++) {
        if (row->operation != c->operation || row->element != CK_BFLOAT16 || !can_run(row)) continue;
        void *whole = NULL;
        count_run(row);
        for (int parts = 1; parts <= 3; parts++) {
            void *output = c->initial ? (void *)narrowed(c->initial, c->count) : (void *)floats(c->count);
            *(void **)c->narrow_output = output;
            for (int part = parts - 1; part >= 0; part--) row->function(c->narrow, part, parts);
            if (!whole) compare(row, c, whole = output, expected);
            else if (memcmp(whole, output, bytes)) fail(row, "differs between parts and whole", parts, 0, 0);
        }
    }
    end_case();
}

// An epilogue of floats, and the same with the residual as bfloat16.
static ck_epilogue epilogue_of(int blocks, int pixels, ck_epilogue *narrow) {
    const int64_t count = (int64_t)blocks * pixels * CK_LANES;
    ck_epilogue e = {
        .scale = random_floats(blocks * CK_LANES), .shift = random_floats(blocks * CK_LANES),
        .residual = between(0, 1) ? coarse_floats(count) : NULL, .activation = between(CK_NONE, CK_SILU),
        .order = between(0, 1), .first = between(0, 1) ? 0.1f : -0.25f, .second = 0.75f};
    *narrow = e;
    if (e.residual && pixels > 1) narrow->residual = narrowed(e.residual, count);
    return e;
}

static void check_pointwise(void) {
    const int channels = between(1, 70), outputs = between(1, 90), pixels = between(0, 4) ? between(2, 70) : 1;
    const int full = channels + between(0, 20), panels = blocks_of(outputs), blocks = blocks_of(channels);
    const float *input = coarse_floats((int64_t)blocks * pixels * CK_LANES);
    const float *weights = coarse_floats((int64_t)panels * full * CK_LANES);
    ck_pointwise wide = {
        .input = input, .weights = weights, .panel_stride = full * CK_LANES, .pixels = pixels,
        .input_channels = channels, .output_channels = outputs};
    ck_pointwise narrow = wide;
    wide.epilogue = epilogue_of(panels, pixels, &narrow.epilogue);
    if (pixels > 1) narrow.input = narrowed(input, (int64_t)blocks * pixels * CK_LANES);
    narrow.weights = paired(weights, panels, full, full);
    narrow.panel_stride = (full + 1) / 2 * 2 * CK_LANES;
    check_pair(&(pair){
        .operation = CK_OP_POINTWISE, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)panels * pixels * CK_LANES, .is_vector = pixels == 1,
        .channels = outputs, .pixels = pixels});
}

static void check_depthwise(void) {
    static const int kernels[] = {3, 5, 7, 3, 5, 7, 1, 2, 4};
    const int kernel = kernels[between(0, 8)], channels = between(1, 40), blocks = blocks_of(channels);
    ck_depthwise wide = {
        .kernel = kernel, .stride = between(0, 5) ? between(1, 2) : 3, .input_height = between(1, 22),
        .input_width = between(1, 30), .top = between(0, kernel - 1), .left = between(0, kernel - 1),
        .blocks = blocks, .row_tile = between(0, 8)};
    const int rest_height = wide.input_height + wide.top + between(0, kernel - 1) - kernel;
    const int rest_width = wide.input_width + wide.left + between(0, kernel - 1) - kernel;
    if (rest_height < 0 || rest_width < 0) return;
    wide.output_height = rest_height / wide.stride + 1;
    wide.output_width = rest_width / wide.stride + 1;
    const int pixels = wide.output_height * wide.output_width;
    const int64_t inputs = (int64_t)blocks * wide.input_height * wide.input_width * CK_LANES;
    const float *input = coarse_floats(inputs), *weights = coarse_floats(blocks * kernel * kernel * CK_LANES);
    ck_depthwise narrow = wide;
    // A residual of one pixel is stored as the map is.
    wide.epilogue = epilogue_of(blocks, pixels, &narrow.epilogue);
    if (wide.epilogue.residual && pixels == 1) narrow.epilogue.residual = narrowed(wide.epilogue.residual, blocks * 16);
    wide.input = input;
    wide.weights = weights;
    narrow.input = narrowed(input, inputs);
    narrow.weights = paired(weights, blocks, kernel * kernel, kernel);
    check_pair(&(pair){
        .operation = CK_OP_DEPTHWISE, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)blocks * pixels * CK_LANES, .channels = channels,
        .pixels = pixels});
}

static void check_convolution(ck_operation operation) {
    const int is_image = operation == CK_OP_IMAGE_CONVOLUTION;
    const int channels = between(1, is_image ? 4 : 40), panels = between(1, 3);
    ck_convolution wide = {
        .window =
            {.kernel_height = between(1, 5), .kernel_width = between(1, 5), .stride_y = between(1, 3),
             .stride_x = between(0, 3) ? between(1, 2) : 3, .dilation_y = between(1, 2), .dilation_x = between(1, 2)},
        .output_height = between(1, 9), .output_width = between(2, 35), .input_channels = channels,
        .output_blocks = panels};
    const ck_window *w = &wide.window;
    const int taps = w->kernel_height * w->kernel_width, pixels = wide.output_height * wide.output_width;
    wide.input_height = (wide.output_height - 1) * w->stride_y + (w->kernel_height - 1) * w->dilation_y + 1;
    wide.input_width = (wide.output_width - 1) * w->stride_x + (w->kernel_width - 1) * w->dilation_x + 1;
    const int64_t plane = (int64_t)wide.input_height * wide.input_width;
    const int64_t inputs = is_image ? channels * plane : blocks_of(channels) * plane * CK_LANES;
    const float *input = coarse_floats(inputs);
    const float *weights = coarse_floats((int64_t)panels * channels * taps * CK_LANES);
    ck_convolution narrow = wide;
    wide.epilogue = epilogue_of(panels, pixels, &narrow.epilogue);
    wide.input = narrow.input = input;
    wide.weights = narrow.weights = weights;
    if (!is_image) {
        narrow.input = narrowed(input, inputs);
        // Whole blocks have even runs; the last one is packed by itself, panel after panel.
        const int whole = channels / CK_LANES * CK_LANES, rest = channels - whole;
        const int64_t of_whole = (int64_t)whole * taps * CK_LANES;
        const int64_t of_rest = (int64_t)(rest + 1) / 2 * 2 * taps * CK_LANES;
        uint16_t *packed = (uint16_t *)floats(panels * (of_whole + of_rest) / 2);
        for (int panel = 0; panel < panels; panel++) {
            const float *from = weights + (int64_t)panel * channels * taps * CK_LANES;
            uint16_t *to = packed + panel * (of_whole + of_rest);
            if (whole) memcpy(to, paired(from, 1, whole * taps, CK_LANES), (size_t)of_whole * 2);
            if (rest) memcpy(to + of_whole, paired(from + of_whole, 1, rest * taps, rest), (size_t)of_rest * 2);
        }
        narrow.weights = packed;
    }
    check_pair(&(pair){
        .operation = operation, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)panels * pixels * CK_LANES, .channels = panels * CK_LANES,
        .pixels = pixels});
}

static void check_stem(void) {
    const int channels = between(1, 4), blocks = between(1, 3);
    ck_stem wide = {
        .input_height = between(1, 18), .input_width = between(2, 30), .input_channels = channels,
        .stride = between(1, 2), .output_blocks = blocks};
    wide.output_height = (wide.input_height - 1) / wide.stride + 1;
    wide.output_width = (wide.input_width - 1) / wide.stride + 1;
    const int pixels = wide.output_height * wide.output_width;
    wide.input = coarse_floats((int64_t)channels * (wide.input_height + 2) * (wide.input_width + 2));
    wide.weights = coarse_floats((int64_t)blocks * channels * 9 * CK_LANES);
    ck_stem narrow = wide;
    wide.epilogue = epilogue_of(blocks, pixels, &narrow.epilogue);
    if (wide.epilogue.residual && pixels == 1) narrow.epilogue.residual = narrowed(wide.epilogue.residual, blocks * 16);
    check_pair(&(pair){
        .operation = CK_OP_STEM, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)blocks * pixels * CK_LANES, .channels = blocks * CK_LANES,
        .pixels = pixels});
}

// The transform of a map, which is of floats and exact for both; then the products.
static void check_winograd(void) {
    const int channels = between(1, 40), panels = between(1, 3), side = between(0, 1) ? 2 : 4;
    ck_winograd wide = {
        .input_height = between(3, 13), .input_width = between(3, 17), .top = between(0, 2), .left = between(0, 2),
        .input_channels = channels, .output_blocks = panels, .side = side};
    wide.output_height = wide.input_height + wide.top - 1;
    wide.output_width = wide.input_width + wide.left - 1;
    const int pixels = wide.output_height * wide.output_width;
    const int64_t inputs = (int64_t)blocks_of(channels) * wide.input_height * wide.input_width * CK_LANES;
    wide.tiles = (wide.output_height + side - 1) / side * ((wide.output_width + side - 1) / side);
    float *packed = floats((int64_t)panels * (side + 2) * (side + 2) * channels * CK_LANES);
    ck_winograd_weights(side, coarse_floats(panels * 16 * channels * 9), packed, panels * 16, channels);
    const float *input = coarse_floats(inputs);
    wide.weights = packed;
    ck_winograd narrow = wide;
    wide.epilogue = epilogue_of(panels, pixels, &narrow.epilogue);
    wide.input = input;
    narrow.input = narrowed(input, inputs);
    const int64_t scratch = ck_winograd_scratch(side, channels, wide.tiles);
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    wide.transformed = narrow.transformed = floats(scratch);
    function_of(CK_OP_WINOGRAD_INPUT, CK_PORTABLE)(&wide, 0, 1);
    float *expected = floats(scratch);
    memcpy(expected, wide.transformed, (size_t)scratch * 4);
    for (const ck_kernel *row = rows; row < rows + count; row++) {
        if (row->operation != CK_OP_WINOGRAD_INPUT || row->element != CK_BFLOAT16 || !can_run(row)) continue;
        count_run(row);
        for (int part = 1; part >= 0; part--) row->function(&narrow, part, 2);
        const int64_t plane = scratch / ((side + 2) * (side + 2));
        const int64_t used = (int64_t)blocks_of(channels) * wide.tiles * CK_LANES;
        for (int64_t i = 0; i < scratch; i++)
            if (i % plane < used && !(fabsf(narrow.transformed[i] - expected[i]) <= 1e-4f))
                fail(row, "differs from the kernel on floats", i, narrow.transformed[i], expected[i]);
    }
    memcpy(wide.transformed, expected, (size_t)scratch * 4);
    check_pair(&(pair){
        .operation = CK_OP_WINOGRAD_OUTPUT, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)panels * pixels * CK_LANES, .channels = panels * CK_LANES,
        .pixels = pixels, .extra = 1e-3f});
}

static void check_plain_maps(void) {
    const int pixels = between(2, 50), blocks = between(1, 4);
    const int64_t count = (int64_t)blocks * pixels * CK_LANES;
    const float *input = coarse_floats(count), *other = coarse_floats(count);
    const pair base = {.count = count, .channels = blocks * CK_LANES, .pixels = pixels};
    ck_add wide = {
        .input = input, .other = between(0, 1) ? other : NULL, .count = count, .activation = between(CK_NONE, CK_SILU),
        .first = -0.25f, .second = 0.75f};
    ck_add narrow = wide;
    narrow.input = narrowed(input, count);
    if (wide.other) narrow.other = narrowed(other, count);
    pair sum = base;
    sum.operation = CK_OP_ADD;
    sum.wide = &wide, sum.narrow = &narrow, sum.wide_output = &wide.output, sum.narrow_output = &narrow.output;
    check_pair(&sum);

    ck_scale wide_scale = {.factors = random_floats(blocks * CK_LANES), .pixels = pixels, .blocks = blocks};
    ck_scale narrow_scale = wide_scale;
    pair scale = base;
    scale.operation = CK_OP_SCALE;
    scale.wide = &wide_scale, scale.narrow = &narrow_scale;
    scale.wide_output = &wide_scale.map, scale.narrow_output = &narrow_scale.map;
    scale.initial = coarse_floats(count);
    check_pair(&scale);

    const float *map = coarse_floats(count);
    ck_pool wide_pool = {.input = map, .pixels = pixels, .blocks = blocks};
    ck_pool narrow_pool = {.input = narrowed(map, count), .pixels = pixels, .blocks = blocks};
    check_pair(&(pair){
        .operation = CK_OP_POOL, .wide = &wide_pool, .narrow = &narrow_pool, .wide_output = &wide_pool.output,
        .narrow_output = &narrow_pool.output, .count = blocks * CK_LANES, .is_vector = 1,
        .channels = blocks * CK_LANES, .pixels = 1});
}

static void check_scaled_rows(void) {
    const int rows = between(1, 40), panels = between(1, 4), full = rows + between(0, 9);
    const float *weights = coarse_floats((int64_t)panels * full * CK_LANES), *factors = random_floats(rows + 1);
    const int pairs = (rows + 1) / 2;
    size_t count;
    const ck_kernel *table = ck_kernel_table(&count);
    uint16_t *output = (uint16_t *)floats((int64_t)panels * pairs * CK_LANES);
    const ck_scale_rows c = {
        .weights = paired(weights, panels, full, full), .factors = factors, .output = output,
        .panel_stride = (full + 1) / 2 * 2 * CK_LANES, .rows = rows, .panels = panels};
    for (const ck_kernel *row = table; row < table + count; row++) {
        if (row->operation != CK_OP_SCALE_ROWS || row->element != CK_BFLOAT16 || !can_run(row)) continue;
        count_run(row);
        for (int part = 2; part >= 0; part--) row->function(&c, part, 3);
        for (int64_t i = 0; i < (int64_t)panels * rows * CK_LANES; i++) {
            const int64_t panel = i / CK_LANES / rows, r = i / CK_LANES % rows, lane = i % CK_LANES;
            const uint16_t value = output[((panel * pairs + r / 2) * CK_LANES + lane) * 2 + r % 2];
            const float expected = weights[(panel * full + r) * CK_LANES + lane] * factors[r];
            if (value != bits_of(expected)) fail(row, "is not rounded to nearest", i, value_of(value), expected);
        }
    }
    end_case();
}

static void check_moves(void) {
    const int height = between(1, 12), width = between(2, 12), blocks = between(1, 3);
    const int64_t count = (int64_t)blocks * height * width * CK_LANES;
    const float *input = coarse_floats(count);
    ck_border wide = {
        .input = input, .height = height, .width = width, .top = between(0, 3), .left = between(0, 3),
        .bottom = between(0, 3), .right = between(0, 3), .blocks = blocks};
    ck_border narrow = wide;
    narrow.input = narrowed(input, count);
    const int pixels = (height + wide.top + wide.bottom) * (width + wide.left + wide.right);
    check_pair(&(pair){
        .operation = CK_OP_BORDER, .wide = &wide, .narrow = &narrow, .wide_output = &wide.output,
        .narrow_output = &narrow.output, .count = (int64_t)blocks * pixels * CK_LANES, .channels = blocks * CK_LANES,
        .pixels = pixels});

    const float *map = coarse_floats(count);
    const int kernel = between(1, 3);
    ck_window_pool wide_pool = {
        .input = map,
        .window = {kernel, kernel, between(1, 2), between(1, 2), 1, 1, kernel / 2, kernel / 2, kernel / 2, kernel / 2},
        .input_height = height, .input_width = width, .blocks = blocks, .kind = between(0, 2)};
    wide_pool.output_height = (height + kernel / 2 * 2 - kernel) / wide_pool.window.stride_y + 1;
    wide_pool.output_width = (width + kernel / 2 * 2 - kernel) / wide_pool.window.stride_x + 1;
    ck_window_pool narrow_pool = wide_pool;
    narrow_pool.input = narrowed(map, count);
    if (height < kernel) return end_case();
    const int pooled = wide_pool.output_height * wide_pool.output_width;
    check_pair(&(pair){
        .operation = CK_OP_WINDOW_POOL, .wide = &wide_pool, .narrow = &narrow_pool, .wide_output = &wide_pool.output,
        .narrow_output = &narrow_pool.output, .count = (int64_t)blocks * pooled * CK_LANES,
        .channels = blocks * CK_LANES, .pixels = pooled});
}

// Every kind of number, there and back.
static void check_conversions(void) {
    const int64_t count = between(1, 8) * CK_LANES;
    float *values = random_floats(count), *back = floats(count);
    values[0] = INFINITY, values[1] = -0.0f, values[2] = NAN, values[3] = 3.4e38f, values[4] = 1.00390625f;
    values[5] = 1.01171875f;
    uint16_t *bits = (uint16_t *)floats(count / 2);
    size_t rows_count;
    const ck_kernel *rows = ck_kernel_table(&rows_count);
    const ck_conversion narrow = {values, bits, count}, widen = {bits, back, count};
    for (const ck_kernel *row = rows; row < rows + rows_count; row++) {
        if (row->element != CK_BFLOAT16 || !can_run(row)) continue;
        if (row->operation != CK_OP_NARROW && row->operation != CK_OP_WIDEN) continue;
        count_run(row);
        for (int part = 1; part >= 0; part--) row->function(row->operation == CK_OP_NARROW ? &narrow : &widen, part, 2);
        for (int64_t i = 0; i < count; i++) {
            if (row->operation == CK_OP_WIDEN) {
                if (memcmp(&back[i], &(float){value_of(bits[i])}, 4)) fail(row, "is not the same", i, back[i], bits[i]);
            } else if (i == 2 ? !isnan(value_of(bits[i])) : bits[i] != bits_of(values[i])) {
                fail(row, "is not rounded to nearest", i, value_of(bits[i]), values[i]);
            }
        }
    }
    end_case();
}

void check_narrow(void) {
    check_pointwise();
    check_depthwise();
    check_convolution(CK_OP_CONVOLUTION);
    check_convolution(CK_OP_IMAGE_CONVOLUTION);
    check_stem();
    check_winograd();
    check_plain_maps();
    check_scaled_rows();
    check_moves();
    check_conversions();
    end_case();
}
