// Kernels for maps of bytes against their definition with exact sums: a byte may be the neighbouring one only where the
// value before rounding lies next to the middle of two; and in parts against the whole, bit for bit.

#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 256, MOST_BYTE_PARTS = 3 };

static uint8_t *some_bytes(int64_t count) { return (uint8_t *)floats((count + 3) / 4); }

static uint8_t *random_bytes(int64_t count) {
    uint8_t *result = some_bytes(count);
    for (int64_t i = 0; i < count; i++) result[i] = (uint8_t)between(0, 255);
    return result;
}

static int32_t *random_starts(int64_t count) {
    int32_t *result = (int32_t *)floats(count);
    for (int64_t i = 0; i < count; i++) result[i] = between(-20000, 20000);
    return result;
}

// What a case writes: bytes, or floats where they are real.
typedef struct {
    ck_operation operation;
    const void *parameters;
    void **field;
    int64_t count;
    int is_real;
    int32_t low, high;     // bounds of a byte
    const uint8_t *table;  // applied to a byte, or NULL
    double *expected;      // before the rounding
} byte_case;

static uint8_t byte_of(const byte_case *c, double value) {
    const double byte = fmin(fmax(rint(value), c->low), c->high);
    return c->table ? c->table[(int)byte] : (uint8_t)byte;
}

static void compare_value(const ck_kernel *row, const byte_case *c, const uint8_t *output, int64_t at) {
    const double expected = c->expected[at];
    if (c->is_real) {
        float value;
        memcpy(&value, output + at * 4, sizeof value);
        if (!(fabs(value - expected) <= 2e-5 * fmax(1, fabs(expected))))
            fail(row, "differs from its definition", at, value, expected);
        return;
    }
    const double slack = 1e-4 * fmax(1, fabs(expected) / 16);
    if (output[at] != byte_of(c, expected - slack) && output[at] != byte_of(c, expected + slack))
        fail(row, "differs from its definition", at, output[at], expected);
}

static void check_bytes(byte_case *c) {
    size_t rows;
    const ck_kernel *table = ck_kernel_table(&rows);
    const size_t size = (size_t)c->count * (c->is_real ? 4 : 1);
    uint8_t *whole = some_bytes((int64_t)size), *guarded = some_bytes((int64_t)size + 2 * GUARD_BYTES);
    uint8_t *output = guarded + GUARD_BYTES;
    for (size_t i = 0; i < rows; i++) {
        const ck_kernel *row = &table[i];
        if (row->operation != c->operation || row->element != CK_UINT8 || !can_run(row)) continue;
        count_run(row);
        for (int parts = 1; parts <= MOST_BYTE_PARTS; parts++) {
            memset(guarded, 0xa5, size + 2 * GUARD_BYTES);
            *c->field = output;
            for (int part = 0; part < parts; part++) row->function(c->parameters, part, parts);
            for (int k = 0; k < GUARD_BYTES; k++)
                if (guarded[k] != 0xa5 || output[size + (size_t)k] != 0xa5)
                    fail(row, "wrote outside its output", k, output[size + (size_t)k], 0xa5);
            if (parts > 1) {
                if (memcmp(whole, output, size)) fail(row, "differs between parts and whole", parts, 0, 0);
                continue;
            }
            memcpy(whole, output, size);
            for (int64_t at = 0; at < c->count; at++) compare_value(row, c, output, at);
        }
    }
    end_case();
}

// ---- how convolutions end

static double activated(int activation, double x, double first, double second) {
    const double open = fmin(fmax(x + 3, 0), 6) / 6, sigmoid = 1 / (1 + exp(-x));
    switch (activation) {
        case CK_RELU: return fmax(x, 0);
        case CK_HARD_SWISH: return x * open;
        case CK_HARD_SIGMOID: return open;
        case CK_CLIP: return fmin(fmax(x, first), second);
        case CK_LEAKY_RELU: return x > 0 ? x : first * x;
        case CK_SIGMOID: return sigmoid;
        case CK_SILU: return x * sigmoid;
        default: return x;
    }
}

// Sums lie mostly within `reach`.
static ck_quantized_epilogue random_epilogue(int blocks, int64_t count, double reach) {
    ck_quantized_epilogue e = {
        .start = random_starts(blocks * CK_LANES), .first = 0.1f, .second = 4, .final_scale = 1, .high = 255};
    const int is_direct = between(0, 1);
    float *scale = random_floats(blocks * CK_LANES), *shift = random_floats(blocks * CK_LANES);
    for (int i = 0; i < blocks * CK_LANES; i++) {
        scale[i] = (float)((0.6 + 0.4 * scale[i]) * (is_direct ? 200 : 8) / reach);
        shift[i] = is_direct ? 128 + 100 * shift[i] : 2 * shift[i];
    }
    e.scale = scale;
    e.shift = shift;
    if (between(0, 2) == 0) {
        e.low = between(0, 100);
        e.high = between(150, 255);
    }
    if (between(0, 2) == 0) e.table = random_bytes(256);
    if (is_direct) return e;
    e.activation = between(CK_NONE, CK_SILU);
    e.order = between(CK_ACTIVATION_THEN_RESIDUAL, CK_RESIDUAL_THEN_ACTIVATION);
    e.final_scale = 20;
    e.final_zero = (float)between(0, 120);
    if (between(0, 1)) {
        e.residual = random_bytes(count);
        e.residual_scale = 0.03f;
        e.residual_zero = -3;
    }
    e.is_real = between(0, 3) == 0;
    if (e.is_real) e.table = NULL;
    return e;
}

static double ended(const ck_quantized_epilogue *e, int64_t sum, int64_t channel, int64_t at) {
    double x = (double)sum * e->scale[channel] + e->shift[channel];
    if (e->activation == CK_NONE && !e->residual && !e->is_real) return x;
    const double residual = e->residual ? e->residual[at] * (double)e->residual_scale + e->residual_zero : 0;
    if (e->order == CK_RESIDUAL_THEN_ACTIVATION) x += residual;
    x = activated(e->activation, x, e->first, e->second);
    if (e->order == CK_ACTIVATION_THEN_RESIDUAL) x += residual;
    return e->is_real ? x : x * e->final_scale + e->final_zero;
}

static byte_case convolution_case(
    ck_operation operation, const void *parameters, void **field, const ck_quantized_epilogue *e, int64_t count) {
    return (byte_case){
        operation, parameters, field, count, e->is_real, e->low, e->high, e->table, doubles(count)};
}

// ---- convolutions

static void check_convolution(void) {
    ck_quantized_convolution c = {.is_image = between(0, 3) == 0};
    ck_window *w = &c.window;
    const int is_pointwise = !c.is_image && between(0, 2) == 0;
    w->kernel_height = is_pointwise ? 1 : between(1, 5);
    w->kernel_width = is_pointwise ? 1 : between(1, 5);
    w->stride_y = is_pointwise && between(0, 2) ? 1 : between(1, 3);
    w->stride_x = w->stride_y;
    w->dilation_y = w->dilation_x = between(0, 3) ? 1 : 2;
    c.input_channels = c.is_image ? between(1, 4) : between(1, 50);
    c.output_blocks = between(1, 6);
    c.output_height = between(1, 9);
    c.output_width = between(0, 3) ? between(1, 12) : between(25, 40);
    c.input_height = (c.output_height - 1) * w->stride_y + (w->kernel_height - 1) * w->dilation_y + 1;
    c.input_width = (c.output_width - 1) * w->stride_x + (w->kernel_width - 1) * w->dilation_x + 1;
    if (between(0, 1)) c.input_width += between(0, 2);
    const int taps = w->kernel_height * w->kernel_width, B = c.is_image ? 4 : CK_LANES;
    const int quads = (c.input_channels + 3) / 4;
    const int64_t plane = (int64_t)c.input_height * c.input_width * B;
    const int64_t panel = (int64_t)quads * taps * CK_LANES * 4;
    uint8_t *input = random_bytes(plane * (c.is_image ? 1 : blocks_of(c.input_channels)));
    int8_t *weights = (int8_t *)random_bytes(panel * c.output_blocks);
    c.input = input;
    c.weights = weights;
    const int64_t count = (int64_t)c.output_blocks * c.output_height * c.output_width * CK_LANES;
    c.epilogue = random_epilogue(c.output_blocks, count, 150 * 128 * sqrt(taps * c.input_channels));
    byte_case test = convolution_case(CK_OP_QUANTIZED_CONVOLUTION, &c, &c.output, &c.epilogue, count);
    // Where the weight of a channel lies in its panel's taps: blocks of four quads, the last one with fewer.
    for (int64_t i = 0; i < count; i++) {
        const int lane = (int)(i % CK_LANES), x = (int)(i / CK_LANES % c.output_width);
        const int y = (int)(i / CK_LANES / c.output_width % c.output_height);
        const int64_t block = i / CK_LANES / c.output_width / c.output_height;
        int64_t sum = c.epilogue.start[block * CK_LANES + lane];
        for (int channel = 0; channel < 4 * quads; channel++) {
            const int first = channel / CK_LANES * 4, quad = channel / 4 - first;
            const int of_block = quads - first < 4 ? quads - first : 4;
            for (int tap = 0; tap < taps; tap++) {
                int8_t *weight = weights + block * panel +
                                 (((int64_t)first * taps + tap * of_block + quad) * CK_LANES + lane) * 4 + channel % 4;
                if (channel >= c.input_channels) *weight = 0;
                const int row = y * w->stride_y + tap / w->kernel_width * w->dilation_y;
                const int column = x * w->stride_x + tap % w->kernel_width * w->dilation_x;
                sum += *weight * input[channel / B * plane + ((int64_t)row * c.input_width + column) * B + channel % B];
            }
        }
        test.expected[i] = ended(&c.epilogue, sum, block * CK_LANES + lane, i);
    }
    check_bytes(&test);
}

// Weights as they lie in quads of taps: the second of two quads has every tap one place later.
static int8_t *packed_taps(const int8_t *taps, int blocks, int height, int width) {
    const int quads = (width + 4) / 4;
    const int64_t count = (int64_t)blocks * height * quads * 2 * CK_LANES * 4;
    int8_t *packed = (int8_t *)some_bytes(count);
    for (int64_t i = 0; i < count; i++) {
        const int place = (int)(i % 4), lane = (int)(i / 4 % CK_LANES), later = (int)(i / 4 / CK_LANES % 2);
        const int64_t row = i / 8 / CK_LANES / quads;
        const int tap = (int)(i / 8 / CK_LANES % quads) * 4 + place - later;
        packed[i] = tap >= 0 && tap < width ? taps[(row * width + tap) * CK_LANES + lane] : 0;
    }
    return packed;
}

static void check_depthwise(void) {
    static const int kernels[] = {1, 3, 3, 4, 5, 5, 7, 7, 9};
    ck_quantized_depthwise c = {.blocks = between(1, 4), .zero = between(0, 255)};
    ck_window *w = &c.window;
    w->kernel_height = w->kernel_width = kernels[between(0, 8)];
    if (between(0, 5) == 0) w->kernel_width = between(1, 6);
    w->stride_y = w->stride_x = between(1, 2);
    if (between(0, 5) == 0) w->stride_x = 3;
    w->dilation_y = w->dilation_x = 1;
    w->top = between(0, w->kernel_height - 1);
    w->left = between(0, w->kernel_width - 1);
    w->bottom = w->kernel_height - 1 - w->top;
    w->right = w->kernel_width - 1 - w->left;
    c.input_height = between(1, 14);
    c.input_width = between(1, 18);
    c.output_height = (c.input_height - 1) / w->stride_y + 1;
    c.output_width = (c.input_width - 1) / w->stride_x + 1;
    const int taps = w->kernel_height * w->kernel_width;
    const int64_t plane = (int64_t)c.input_height * c.input_width * CK_LANES;
    const uint8_t *input = random_bytes(c.blocks * plane);
    const int8_t *weights = (const int8_t *)random_bytes((int64_t)c.blocks * taps * CK_LANES);
    c.input = input;
    c.weights = packed_taps(weights, c.blocks, w->kernel_height, w->kernel_width);
    const int64_t count = (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES;
    c.epilogue = random_epilogue(c.blocks, count, 150 * 128 * sqrt(taps));
    byte_case test = convolution_case(CK_OP_QUANTIZED_DEPTHWISE, &c, &c.output, &c.epilogue, count);
    for (int64_t i = 0; i < count; i++) {
        const int lane = (int)(i % CK_LANES), x = (int)(i / CK_LANES % c.output_width);
        const int y = (int)(i / CK_LANES / c.output_width % c.output_height);
        const int64_t block = i / CK_LANES / c.output_width / c.output_height;
        int64_t sum = c.epilogue.start[block * CK_LANES + lane];
        for (int tap = 0; tap < taps; tap++) {
            const int row = y * w->stride_y - w->top + tap / w->kernel_width;
            const int column = x * w->stride_x - w->left + tap % w->kernel_width;
            const int is_inside = row >= 0 && row < c.input_height && column >= 0 && column < c.input_width;
            const int64_t at = block * plane + ((int64_t)row * c.input_width + column) * CK_LANES + lane;
            sum += (is_inside ? input[at] : c.zero) * weights[(block * taps + tap) * CK_LANES + lane];
        }
        test.expected[i] = ended(&c.epilogue, sum, block * CK_LANES + lane, i);
    }
    check_bytes(&test);
}

// ---- maps

static byte_case map_case(ck_operation operation, const void *parameters, void *field, int64_t count) {
    return (byte_case){operation, parameters, field, count, .high = 255, .expected = doubles(count)};
}

static void check_border(void) {
    ck_quantized_border c = {
        .height = between(1, 9), .width = between(1, 9), .top = between(0, 3), .left = between(0, 3),
        .bottom = between(0, 3), .right = between(0, 3), .blocks = between(1, 4), .zero = between(0, 255)};
    const int height = c.height + c.top + c.bottom, width = c.width + c.left + c.right;
    const uint8_t *input = c.input = random_bytes((int64_t)c.blocks * c.height * c.width * CK_LANES);
    byte_case test = map_case(CK_OP_QUANTIZED_BORDER, &c, &c.output, (int64_t)c.blocks * height * width * CK_LANES);
    for (int64_t i = 0; i < test.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / width / height;
        const int y = (int)(pixel / width % height) - c.top, x = (int)(pixel % width) - c.left;
        const int is_inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
        test.expected[i] =
            is_inside ? input[((block * c.height + y) * c.width + x) * CK_LANES + i % CK_LANES] : c.zero;
    }
    check_bytes(&test);
}

static void check_image(void) {
    ck_quantized_image c = {
        .height = between(1, 7), .width = between(1, 40), .top = between(0, 3), .left = between(0, 3),
        .bottom = between(0, 3), .right = between(0, 3), .channels = between(1, 4), .zero = between(0, 255),
        .scale = 0.01f};
    const int width = c.width + c.left + c.right, height = c.height + c.top + c.bottom;
    const float *input = c.input = random_floats((int64_t)c.channels * c.height * c.width);
    byte_case test = map_case(CK_OP_QUANTIZED_IMAGE, &c, &c.output, (int64_t)height * width * 4);
    for (int64_t i = 0; i < test.count; i++) {
        const int channel = (int)(i % 4), x = (int)(i / 4 % width) - c.left, y = (int)(i / 4 / width) - c.top;
        const int is_inside = y >= 0 && y < c.height && x >= 0 && x < c.width && channel < c.channels;
        const int64_t at = ((int64_t)channel * c.height + y) * c.width + x;
        test.expected[i] = is_inside ? (double)(input[at] / c.scale) + c.zero : c.zero;
    }
    check_bytes(&test);
}

// The value of one lane under a window whose first tap lies at (y, x).
static double pooled(const ck_quantized_pool *c, const uint8_t *map, int y, int x) {
    const ck_window *w = &c->window;
    int sum = 0, most = 0, inside = 0, counted = 0;
    for (int ky = 0; ky < w->kernel_height; ky++)
        for (int kx = 0; kx < w->kernel_width; kx++) {
            const int row = y + ky * w->dilation_y, column = x + kx * w->dilation_x;
            counted += row < c->input_height + w->bottom && column < c->input_width + w->right;
            if (row < 0 || row >= c->input_height || column < 0 || column >= c->input_width) continue;
            const int value = map[((int64_t)row * c->input_width + column) * CK_LANES];
            inside++;
            sum += value - c->zero;
            most = value > most ? value : most;
        }
    if (c->kind == CK_POOL_MAX) return most;
    const double mean = sum * (double)c->scale / (c->kind == CK_POOL_AVERAGE ? inside : counted);
    return c->is_real ? mean : mean + c->output_zero;
}

static void check_pool(void) {
    ck_quantized_pool c = {
        .window =
            {.kernel_height = between(1, 7), .kernel_width = between(1, 7), .stride_y = between(1, 3),
             .stride_x = between(1, 3), .dilation_y = 1, .dilation_x = 1},
        .blocks = between(1, 3), .kind = between(CK_POOL_MAX, CK_POOL_AVERAGE_OF_BORDER), .zero = between(0, 255),
        .scale = 0.9f, .output_zero = between(0, 255)};
    ck_window *w = &c.window;
    if (between(0, 3) == 0) w->dilation_y = w->dilation_x = 2;
    const int is_dilated = w->dilation_y > 1;
    w->top = is_dilated ? 0 : between(0, w->kernel_height - 1);
    w->left = is_dilated ? 0 : between(0, w->kernel_width - 1);
    w->bottom = is_dilated ? 0 : between(0, w->kernel_height - 1);
    w->right = is_dilated ? 0 : between(0, w->kernel_width - 1);
    if (c.kind != CK_POOL_MAX) c.is_real = between(0, 1);
    c.input_height = (w->kernel_height - 1) * w->dilation_y + between(1, 9);
    c.input_width = (w->kernel_width - 1) * w->dilation_x + between(1, 9);
    const int height = (w->kernel_height - 1) * w->dilation_y + 1, width = (w->kernel_width - 1) * w->dilation_x + 1;
    c.output_height = (c.input_height + w->top + w->bottom - height) / w->stride_y + 1;
    c.output_width = (c.input_width + w->left + w->right - width) / w->stride_x + 1;
    const int64_t plane = (int64_t)c.input_height * c.input_width * CK_LANES;
    const uint8_t *input = c.input = random_bytes(c.blocks * plane);
    byte_case test = map_case(
        CK_OP_QUANTIZED_POOL, &c, &c.output, (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES);
    test.is_real = c.is_real;
    for (int64_t i = 0; i < test.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / c.output_width / c.output_height;
        const int y = (int)(pixel / c.output_width % c.output_height) * w->stride_y - w->top;
        const int x = (int)(pixel % c.output_width) * w->stride_x - w->left;
        test.expected[i] = pooled(&c, input + block * plane + i % CK_LANES, y, x);
    }
    check_bytes(&test);
}

static void check_add(void) {
    const int64_t count = between(1, 30) * CK_LANES;
    const int is_activated = between(0, 1);
    const uint8_t *input = random_bytes(count), *other = between(0, 2) ? random_bytes(count) : NULL;
    ck_quantized_add c = {
        .input = input, .other = other, .count = count, .first = 0.1f, .second = 4, .high = 255, .final_scale = 1};
    c.activation = is_activated ? between(CK_RELU, CK_SILU) : CK_NONE;
    c.is_real = between(0, 2) == 0;
    const int is_wide = is_activated || c.is_real;
    c.input_scale = is_wide ? 0.03f : 0.7f;
    c.other_scale = is_wide ? 0.02f : -0.6f;
    c.shift = is_wide ? -3 : 90;
    if (is_wide) {
        c.final_scale = 30;
        c.final_zero = (float)between(0, 120);
    }
    if (between(0, 2) == 0) c.low = 40, c.high = 200;
    byte_case test = map_case(CK_OP_QUANTIZED_ADD, &c, &c.output, count);
    test.is_real = c.is_real;
    test.low = c.low;
    test.high = c.high;
    for (int64_t i = 0; i < count; i++) {
        const double x =
            input[i] * (double)c.input_scale + (other ? other[i] * (double)c.other_scale : 0) + c.shift;
        const double y = activated(c.activation, x, c.first, c.second);
        test.expected[i] = c.is_real || !is_activated ? y : y * c.final_scale + c.final_zero;
    }
    check_bytes(&test);
}

static void check_scale(void) {
    ck_quantized_scale c = {
        .pixels = between(1, 40), .blocks = between(1, 5), .zero = between(0, 255), .factor_zero = between(0, 255),
        .output_zero = between(0, 255), .scale = 0.01f};
    const int64_t count = (int64_t)c.blocks * c.pixels * CK_LANES;
    const uint8_t *input = c.input = random_bytes(count), *factors = c.factors = random_bytes(c.blocks * CK_LANES);
    byte_case test = map_case(CK_OP_QUANTIZED_SCALE, &c, &c.output, count);
    for (int64_t i = 0; i < count; i++)
        test.expected[i] = (input[i] - c.zero) *
                               (factors[i / CK_LANES / c.pixels * CK_LANES + i % CK_LANES] - c.factor_zero) *
                               (double)c.scale +
                           c.output_zero;
    check_bytes(&test);
}

static void check_lookup(void) {
    const int64_t count = between(1, 30) * CK_LANES;
    const uint8_t *input = random_bytes(count), *table = random_bytes(256);
    ck_quantized_lookup c = {.input = input, .table = table, .count = count};
    if (between(0, 1)) c.reals = random_floats(256);
    byte_case test = map_case(CK_OP_QUANTIZED_LOOKUP, &c, &c.output, count);
    test.is_real = c.reals != NULL;
    for (int64_t i = 0; i < count; i++) test.expected[i] = c.reals ? c.reals[input[i]] : table[input[i]];
    check_bytes(&test);
}

static void check_quantize(void) {
    const int64_t count = between(1, 30) * CK_LANES;
    ck_quantize c = {.count = count, .scale = 0.007f, .zero = between(0, 255)};
    float *input = random_floats(count);
    input[0] = 1e30f;
    input[1] = -1e30f;
    input[2] = NAN;
    c.input = input;
    byte_case test = map_case(CK_OP_QUANTIZE, &c, &c.output, count);
    for (int64_t i = 0; i < count; i++)
        test.expected[i] = isnan(input[i]) ? 0 : (double)(input[i] / c.scale) + c.zero;
    check_bytes(&test);
}

void check_quantized(void) {
    check_convolution();
    check_depthwise();
    check_border();
    check_image();
    check_pool();
    check_add();
    check_scale();
    check_lookup();
    check_quantize();
}
