// What puts values elsewhere, combines maps, or goes across the channels of a pixel.

#include "harness.h"

#include <math.h>

static result result_of(void *field, int64_t count) {
    double *expected = doubles(count), *bound = doubles(count);
    for (int64_t i = 0; i < count; i++) expected[i] = bound[i] = 0;
    return (result){.fields = {field}, .count = count, .expected = expected, .bound = bound};
}

static void expect(result *r, int64_t at, double value, double bound) {
    ((double *)r->expected)[at] = value;
    ((double *)r->bound)[at] = bound;
}

static void check_rows(void) {
    ck_rows c = {.pixels = between(1, 40), .channels = between(1, 40), .channels_last = between(0, 1)};
    const int64_t count = (int64_t)c.pixels * c.channels, map = (int64_t)c.pixels * blocks_of(c.channels) * CK_LANES;
    for (int is_from = 0; is_from < 2; is_from++) {
        c.input = random_floats(is_from ? count : map);
        result r = result_of(&c.output, is_from ? map : count);
        for (int64_t i = 0; i < count; i++) {
            const int64_t channel = c.channels_last ? i % c.channels : i / c.pixels;
            const int64_t pixel = c.channels_last ? i / c.channels : i % c.pixels;
            const int64_t place = (channel / CK_LANES * c.pixels + pixel) * CK_LANES + channel % CK_LANES;
            if (is_from) expect(&r, place, c.input[i], 0);
            else expect(&r, i, c.input[place], 0);
        }
        check(&(step){is_from ? CK_OP_FROM_ROWS : CK_OP_TO_ROWS, &c}, 1, &r, 1);
    }
}

// Runs of lanes from anywhere, and lanes of zeros.
static void check_gather(void) {
    ck_gather c = {.pixels = between(1, 90), .blocks = between(1, 3)};
    const int64_t size = 4000;
    c.arena = random_floats(size);
    ck_lanes lanes[3 * CK_LANES];
    int32_t starts[4] = {0};
    result r = result_of(&c.output, (int64_t)c.blocks * c.pixels * CK_LANES);
    int count = 0;
    for (int block = 0; block < c.blocks; block++) {
        for (int lane = 0; lane < CK_LANES;) {
            const int end = between(0, 2) == 0 ? CK_LANES : between(lane + 1, CK_LANES);
            const int64_t source = between(CK_LANES, (int)(size - (c.pixels + 1) * CK_LANES));
            if (between(0, 4)) {
                lanes[count++] = (ck_lanes){.source = source, .first = lane, .end = end};
                for (int i = lane; i < end; i++)
                    for (int p = 0; p < c.pixels; p++)
                        expect(
                            &r, ((int64_t)block * c.pixels + p) * CK_LANES + i, c.arena[source + p * CK_LANES + i], 0);
            }
            lane = end;
        }
        starts[block + 1] = count;
    }
    c.lanes = lanes;
    c.starts = starts;
    check(&(step){CK_OP_GATHER, &c}, 1, &r, 1);
}

static void fill_taps(ck_tap *taps, int count, int size) {
    for (int i = 0; i < count; i++) {
        const float weight = between(0, 2) == 0 ? 1 : between(0, 3) == 0 ? 0 : 0.25f;
        taps[i] = (ck_tap){
            .first = between(0, size - 1), .second = between(0, size - 1), .first_weight = weight,
            .second_weight = weight == 0.25f ? 0.75f : 0};
    }
}

static void check_resample(void) {
    ck_resample c = {
        .input_height = between(1, 9), .input_width = between(1, 9), .output_height = between(1, 12),
        .output_width = between(1, 12), .blocks = between(1, 3)};
    ck_tap rows[12], columns[12];
    fill_taps(rows, c.output_height, c.input_height);
    fill_taps(columns, c.output_width, c.input_width);
    c.rows = rows;
    c.columns = columns;
    c.input = random_floats((int64_t)c.blocks * c.input_height * c.input_width * CK_LANES);
    result r = result_of(&c.output, (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / c.output_width / c.output_height;
        const ck_tap *y = rows + pixel / c.output_width % c.output_height, *x = columns + pixel % c.output_width;
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            const int row = k < 2 ? y->first : y->second, column = k % 2 == 0 ? x->first : x->second;
            const double weight = (double)(k < 2 ? y->first_weight : y->second_weight) *
                                  (k % 2 == 0 ? x->first_weight : x->second_weight);
            const int64_t place = ((block * c.input_height + row) * c.input_width + column) * CK_LANES;
            sum += weight * c.input[place + i % CK_LANES];
        }
        expect(&r, i, sum, 1e-6);
    }
    check(&(step){CK_OP_RESAMPLE, &c}, 1, &r, 1);
}

static void check_interleave(void) {
    ck_interleave c = {
        .input_height = between(2, 6), .input_width = between(2, 6), .stride = between(1, 3), .blocks = between(1, 3)};
    c.top = between(0, c.stride);
    c.left = between(0, c.stride);
    c.output_height = c.input_height * c.stride - c.top;
    c.output_width = c.input_width * c.stride - c.left;
    const int64_t plane = (int64_t)c.input_height * c.input_width * CK_LANES;
    c.input = random_floats(plane * c.blocks * c.stride * c.stride);
    result r = result_of(&c.output, (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / c.output_width / c.output_height;
        const int y = (int)(pixel / c.output_width % c.output_height) + c.top;
        const int x = (int)(pixel % c.output_width) + c.left;
        const int64_t from = (y % c.stride * c.stride + x % c.stride) * c.blocks + block;
        expect(
            &r, i, c.input[from * plane + (y / c.stride * c.input_width + x / c.stride) * CK_LANES + i % CK_LANES], 0);
    }
    check(&(step){CK_OP_INTERLEAVE, &c}, 1, &r, 1);
}

static void check_combine(void) {
    ck_combine c = {
        .pixels = between(1, 90), .blocks = between(1, 3), .combination = between(CK_ADD, CK_SLOPE),
        .operand = between(CK_EACH, CK_PER_PIXEL), .is_reversed = between(0, 1),
        .activation = between(0, 1) ? CK_NONE : CK_RELU};
    c.channels = c.blocks * CK_LANES - between(0, CK_LANES - 1);
    const int64_t count = (int64_t)c.blocks * c.pixels * CK_LANES;
    float *left = random_floats(count), *right = random_floats(count);
    // Not near zero, for quotients.
    for (int64_t i = 0; i < count; i++) left[i] += left[i] < 0 ? -0.5f : 0.5f, right[i] += right[i] < 0 ? -0.5f : 0.5f;
    c.left = left;
    c.right = right;
    result r = result_of(&c.output, count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t pixel = i / CK_LANES % c.pixels, block = i / CK_LANES / c.pixels;
        const int64_t place = c.operand == CK_EACH          ? i
                              : c.operand == CK_PER_CHANNEL ? block * CK_LANES + i % CK_LANES
                                                            : pixel * CK_LANES;
        const double x = c.is_reversed ? right[place] : left[i], y = c.is_reversed ? left[i] : right[place];
        const double values[] = {
            [CK_ADD] = x + y, [CK_SUBTRACT] = x - y, [CK_MULTIPLY] = x * y, [CK_DIVIDE] = x / y,
            [CK_MAXIMUM] = fmax(x, y), [CK_MINIMUM] = fmin(x, y), [CK_SLOPE] = x > 0 ? x : x * y};
        const int is_lane_beyond = block * CK_LANES + i % CK_LANES >= c.channels;
        const double value = c.combination == CK_DIVIDE && is_lane_beyond ? 0 : values[c.combination];
        expect(&r, i, c.activation == CK_RELU ? fmax(value, 0) : value, 1e-6 * fmax(1, fabs(value)));
    }
    check(&(step){CK_OP_COMBINE, &c}, 1, &r, 1);
}

static void check_affine(void) {
    ck_affine c = {.pixels = between(1, 90), .blocks = between(1, 3)};
    const int64_t count = (int64_t)c.blocks * c.pixels * CK_LANES;
    c.input = random_floats(count);
    c.epilogue = (ck_epilogue){
        .scale = random_floats(c.blocks * CK_LANES), .shift = random_floats(c.blocks * CK_LANES),
        .activation = CK_RELU};
    result r = result_of(&c.output, count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t channel = i / CK_LANES / c.pixels * CK_LANES + i % CK_LANES;
        expect(&r, i, fmax((double)c.input[i] * c.epilogue.scale[channel] + c.epilogue.shift[channel], 0), 1e-6);
    }
    check(&(step){CK_OP_AFFINE, &c}, 1, &r, 1);
}

static void check_across(void) {
    ck_across c = {.pixels = between(1, 12), .channels = between(1, 50), .epsilon = 1e-3f};
    const int blocks = blocks_of(c.channels);
    for (int is_softmax = 0; is_softmax < 2; is_softmax++) {
        c.input = random_floats((int64_t)blocks * c.pixels * CK_LANES);
        c.epilogue =
            (ck_epilogue){.scale = random_floats(blocks * CK_LANES), .shift = random_floats(blocks * CK_LANES)};
        result r = result_of(&c.output, (int64_t)blocks * c.pixels * CK_LANES);
        for (int pixel = 0; pixel < c.pixels; pixel++) {
            double sum = 0, squares = 0, powers = 0;
#define PLACE(i) (((int64_t)(i) / CK_LANES * c.pixels + pixel) * CK_LANES + (i) % CK_LANES)
            for (int i = 0; i < c.channels; i++) sum += c.input[PLACE(i)], powers += exp(c.input[PLACE(i)]);
            const double mean = sum / c.channels;
            for (int i = 0; i < c.channels; i++) squares += pow(c.input[PLACE(i)] - mean, 2);
            const double factor = 1 / sqrt(squares / c.channels + c.epsilon);
            for (int i = 0; i < blocks * CK_LANES; i++) {
                const double normal = (c.input[PLACE(i)] - mean) * factor * c.epilogue.scale[i] + c.epilogue.shift[i];
                // Spare lanes hold anything finite.
                expect(
                    &r, PLACE(i), is_softmax ? exp(c.input[PLACE(i)]) / powers : normal,
                    i < c.channels ? 1e-5 : INFINITY);
            }
#undef PLACE
        }
        check(&(step){is_softmax ? CK_OP_SOFTMAX : CK_OP_LAYER_NORM, &c}, 1, &r, 1);
    }
}

static void check_filter(void) {
    ck_filter c = {
        .window =
            {.kernel_height = between(1, 5), .kernel_width = between(1, 5), .stride_y = between(1, 2),
             .stride_x = between(1, 2), .dilation_y = between(1, 2), .dilation_x = between(1, 2)},
        .blocks = between(1, 2)};
    ck_window *w = &c.window;
    w->top = between(0, 2);
    w->left = between(0, 2);
    const int height = (w->kernel_height - 1) * w->dilation_y + 1, width = (w->kernel_width - 1) * w->dilation_x + 1;
    c.input_height = height + between(0, 9);
    c.input_width = width + between(0, 30);
    c.output_height = (c.input_height + 2 * w->top - height) / w->stride_y + 1;
    c.output_width = (c.input_width + 2 * w->left - width) / w->stride_x + 1;
    const int taps = w->kernel_height * w->kernel_width;
    c.input = random_floats((int64_t)c.blocks * c.input_height * c.input_width * CK_LANES);
    c.weights = random_floats((int64_t)c.blocks * taps * CK_LANES);
    c.epilogue = (ck_epilogue){
        .scale = random_floats(c.blocks * CK_LANES), .shift = random_floats(c.blocks * CK_LANES)};
    result r = result_of(&c.output, (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / c.output_width / c.output_height, lane = i % CK_LANES;
        double sum = 0;
        for (int tap = 0; tap < taps; tap++) {
            const int64_t y = pixel / c.output_width % c.output_height * w->stride_y - w->top +
                              tap / w->kernel_width * w->dilation_y;
            const int64_t x = pixel % c.output_width * w->stride_x - w->left + tap % w->kernel_width * w->dilation_x;
            if (y < 0 || y >= c.input_height || x < 0 || x >= c.input_width) continue;
            sum += (double)c.weights[(block * taps + tap) * CK_LANES + lane] *
                   c.input[((block * c.input_height + y) * c.input_width + x) * CK_LANES + lane];
        }
        const int64_t channel = block * CK_LANES + lane;
        expect(&r, i, sum * c.epilogue.scale[channel] + c.epilogue.shift[channel], 1e-5);
    }
    check(&(step){CK_OP_FILTER, &c}, 1, &r, 1);
}

// Groups of one or two blocks, without a border.
static void check_grouped(void) {
    ck_grouped c = {.groups = between(1, 4), .input_blocks = between(1, 2)};
    ck_convolution *g = &c.group;
    g->window = (ck_window){.kernel_height = between(1, 3), .kernel_width = between(1, 3), .stride_y = between(1, 2),
                            .stride_x = between(1, 2), .dilation_y = 1, .dilation_x = 1};
    const ck_window *w = &g->window;
    const int taps = w->kernel_height * w->kernel_width;
    g->input_channels = c.input_blocks * CK_LANES;
    g->output_blocks = between(1, 2);
    g->output_height = between(1, 6);
    g->output_width = between(1, 9);
    g->input_height = (g->output_height - 1) * w->stride_y + w->kernel_height;
    g->input_width = (g->output_width - 1) * w->stride_x + w->kernel_width;
    c.weight_stride = (int64_t)g->output_blocks * g->input_channels * taps * CK_LANES;
    const int outputs = c.groups * g->output_blocks;
    const float *input = random_floats((int64_t)c.groups * g->input_channels * g->input_height * g->input_width);
    const float *weights = random_floats(c.groups * c.weight_stride);
    g->input = input;
    g->weights = weights;
    g->epilogue = (ck_epilogue){.scale = random_floats(outputs * CK_LANES), .shift = random_floats(outputs * CK_LANES)};
    result r = result_of(&g->output, (int64_t)outputs * g->output_height * g->output_width * CK_LANES);
    r.is_sum_of_tiles = 1;
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / g->output_width / g->output_height, lane = i % CK_LANES;
        const int64_t group = block / g->output_blocks;
        const float *own = weights + group * c.weight_stride +
                           block % g->output_blocks * g->input_channels * taps * CK_LANES;
        double sum = 0;
        for (int channel = 0; channel < g->input_channels; channel++)
            for (int tap = 0; tap < taps; tap++) {
                const int64_t y = pixel / g->output_width % g->output_height * w->stride_y + tap / w->kernel_width;
                const int64_t x = pixel % g->output_width * w->stride_x + tap % w->kernel_width;
                const int64_t from = group * c.input_blocks + channel / CK_LANES;
                const int64_t weight =
                    ((int64_t)(channel / CK_LANES * taps + tap) * CK_LANES + channel % CK_LANES) * CK_LANES + lane;
                sum += (double)own[weight] *
                       input[((from * g->input_height + y) * g->input_width + x) * CK_LANES + channel % CK_LANES];
            }
        const int64_t channel = block * CK_LANES + lane;
        expect(&r, i, sum * g->epilogue.scale[channel] + g->epilogue.shift[channel], 1e-4);
    }
    check(&(step){CK_OP_GROUPED, &c}, 1, &r, 1);
}

void check_arrangements(void) {
    check_rows();
    check_gather();
    check_resample();
    check_interleave();
    check_combine();
    check_affine();
    check_across();
    check_filter();
    check_grouped();
}
