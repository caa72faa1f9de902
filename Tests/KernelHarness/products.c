// Convolutions of every kind and their epilogue.

#include "harness.h"

#include <math.h>

// A convolution's sums before its epilogue, and the sums of their products' magnitudes, blocked like the output.
typedef struct {
    int channels, pixels;
    double *sums, *magnitudes;
} raw;

static raw raw_of(int channels, int pixels) {
    const int64_t count = (int64_t)blocks_of(channels) * pixels * CK_LANES;
    raw r = {channels, pixels, doubles(count), doubles(count)};
    for (int64_t i = 0; i < count; i++) r.sums[i] = r.magnitudes[i] = 0;
    return r;
}

static int64_t place(const raw *r, int channel, int pixel) {
    return ((int64_t)(channel / CK_LANES) * r->pixels + pixel) * CK_LANES + channel % CK_LANES;
}

static void add_product(raw *r, int64_t at, float weight, float value) {
    r->sums[at] += (double)weight * value;
    r->magnitudes[at] += fabs((double)weight * value);
}

static double activated(double x, const ck_epilogue *e) {
    const double open = fmin(fmax(x + 3, 0), 6) / 6, sigmoid = 1 / (1 + exp(-x));
    switch (e->activation) {
        case CK_RELU: return fmax(x, 0);
        case CK_HARD_SWISH: return x * open;
        case CK_HARD_SIGMOID: return open;
        case CK_CLIP: return fmin(fmax(x, e->first), e->second);
        case CK_LEAKY_RELU: return x > 0 ? x : e->first * x;
        case CK_SIGMOID: return sigmoid;
        case CK_SILU: return x * sigmoid;
        default: return x;
    }
}

static ck_epilogue random_epilogue(const raw *r) {
    const int blocks = blocks_of(r->channels);
    return (ck_epilogue){
        .scale = random_floats(blocks * CK_LANES),
        .shift = random_floats(blocks * CK_LANES),
        .residual = between(0, 1) ? random_floats((int64_t)blocks * r->pixels * CK_LANES) : NULL,
        .activation = between(CK_NONE, CK_SILU),
        .order = between(0, 1),
        .first = between(0, 1) ? 0.1f : -0.25f,
        .second = 0.75f,
    };
}

// In place: sums become results, magnitudes bounds. `is_wide`: an error spreads to neighbouring pixels.
static void finish(raw *r, const ck_epilogue *e, int is_wide) {
    double most = 0;
    for (int64_t at = 0; at < (int64_t)blocks_of(r->channels) * r->pixels * CK_LANES; at++) {
        const int channel = (int)(at / CK_LANES / r->pixels * CK_LANES + at % CK_LANES);
        const double residual = e->residual ? float_at(e->residual, at) : 0;
        const double sum = r->sums[at] * e->scale[channel] + e->shift[channel];
        const double product = r->magnitudes[at] * (is_wide ? 1 : fabs(e->scale[channel]));
        r->sums[at] =
            e->order == CK_RESIDUAL_THEN_ACTIVATION ? activated(sum + residual, e) : activated(sum, e) + residual;
        r->magnitudes[at] = 2e-6 * (product + fabs(e->shift[channel]) + fabs(residual) + 1);
        if (channel >= r->channels) r->magnitudes[at] = INFINITY;
        else most = fmax(most, r->magnitudes[at]);
    }
    for (int64_t at = 0; is_wide && at < (int64_t)blocks_of(r->channels) * r->pixels * CK_LANES; at++)
        if (!isinf(r->magnitudes[at])) r->magnitudes[at] = 2 * most;
}

static result result_of(const raw *r, void *field) {
    return (result){
        .fields = {field}, .count = (int64_t)blocks_of(r->channels) * r->pixels * CK_LANES, .expected = r->sums,
        .bound = r->magnitudes};
}

// Blocked; spare lanes hold what no kernel may let through.
static float *random_map(int channels, int pixels) {
    float *map = random_floats((int64_t)blocks_of(channels) * pixels * CK_LANES);
    const raw shape = {channels, pixels, NULL, NULL};
    for (int channel = channels; channel < blocks_of(channels) * CK_LANES; channel++)
        for (int pixel = 0; pixel < pixels; pixel++) map[place(&shape, channel, pixel)] = 1e3f;
    return map;
}

enum { MOST_BLOCKS = 8 };

// A part of an operation, or all of it.
typedef struct {
    int is_partial;
    ck_mask mask;
    char reads[MOST_BLOCKS], computes[MOST_BLOCKS];
} part;

static int32_t *some_of(int blocks, char *chosen, int32_t *count) {
    int32_t *list = (int32_t *)floats(blocks);
    const int sure = between(0, blocks - 1);
    *count = 0;
    for (int block = 0; block < blocks; block++) {
        chosen[block] = block == sure || between(0, 1);
        if (chosen[block]) list[(*count)++] = block;
    }
    return list;
}

static part random_part(int inputs, int outputs, int height) {
    part p = {.is_partial = between(0, 1)};
    if (!p.is_partial || blocks_of(inputs) > MOST_BLOCKS || blocks_of(outputs) > MOST_BLOCKS) return (part){0};
    p.mask.inputs = some_of(blocks_of(inputs), p.reads, &p.mask.input_count);
    p.mask.outputs = some_of(blocks_of(outputs), p.computes, &p.mask.output_count);
    p.mask.first_row = between(0, height - 1);
    p.mask.end_row = between(p.mask.first_row + 1, height);
    return p;
}

static int reads(const part *p, int channel) { return !p->is_partial || p->reads[channel / CK_LANES]; }

// What is not computed stays as it was, to the bit.
static void leave(const part *p, raw *r, int width, result *written) {
    if (!p->is_partial) return;
    float *initial = random_floats(written->count);
    for (int64_t at = 0; at < written->count; at++) {
        const int row = (int)(at / CK_LANES % r->pixels) / width;
        if (p->computes[at / CK_LANES / r->pixels] && row >= p->mask.first_row && row < p->mask.end_row) continue;
        r->sums[at] = initial[at];
        r->magnitudes[at] = 0;
    }
    written->initial = initial;
}

static void check_pointwise(void) {
    const int width = between(1, 10), height = between(1, 7), pixels = between(0, 4) ? width * height : 1;
    const int channels = between(1, 70), outputs = between(1, 90);
    const part p = pixels == 1 ? (part){0} : random_part(channels, outputs, height);
    const int full = channels + between(0, 20), panels = blocks_of(outputs);
    raw r = raw_of(outputs, pixels);
    ck_pointwise c = {
        .input = random_map(channels, pixels),
        .weights = random_floats((int64_t)panels * full * CK_LANES),
        .epilogue = random_epilogue(&r),
        .panel_stride = full * CK_LANES,
        .pixels = pixels,
        .input_channels = channels,
        .output_channels = outputs,
    };
    if (!p.is_partial && between(0, 1)) c.upcoming = (ck_upcoming){c.weights, c.panel_stride, channels, panels};
    const raw in = {channels, pixels, NULL, NULL};
    for (int output = 0; output < outputs; output++)
        for (int pixel = 0; pixel < pixels; pixel++)
            for (int channel = 0; channel < channels; channel++) {
                if (!reads(&p, channel)) continue;
                add_product(
                    &r, place(&r, output, pixel),
                    float_at(c.weights, output / CK_LANES * c.panel_stride + channel * CK_LANES + output % CK_LANES),
                    float_at(c.input, place(&in, channel, pixel)));
            }
    finish(&r, &c.epilogue, 0);
    ck_masked_pointwise m = {c, p.mask, width};
    result results[] = {result_of(&r, p.is_partial ? &m.call.output : &c.output)};
    leave(&p, &r, width, results);
    check(p.is_partial ? &(step){CK_OP_MASKED_POINTWISE, &m} : &(step){CK_OP_POINTWISE, &c}, 1, results, 1);
}

static void check_depthwise(void) {
    static const int kernels[] = {3, 5, 7, 3, 5, 7, 1, 2, 4, 9, 11};
    const int kernel = kernels[between(0, 10)], stride = between(0, 5) ? between(1, 2) : between(3, 12);
    const int channels = between(1, 40);
    ck_depthwise c = {
        .kernel = kernel, .stride = stride, .input_height = between(1, 22), .input_width = between(1, 30),
        .top = between(0, kernel - 1), .left = between(0, kernel - 1), .blocks = blocks_of(channels),
        .row_tile = between(0, 8)};
    const int rest_height = c.input_height + c.top + between(0, kernel - 1) - kernel;
    const int rest_width = c.input_width + c.left + between(0, kernel - 1) - kernel;
    if (rest_height < 0 || rest_width < 0) return;
    c.output_height = rest_height / stride + 1;
    c.output_width = rest_width / stride + 1;
    const int pixels = c.output_height * c.output_width;
    raw r = raw_of(channels, pixels), in = {channels, c.input_height * c.input_width, NULL, NULL};
    c.input = random_map(channels, in.pixels);
    c.weights = random_floats((int64_t)c.blocks * kernel * kernel * CK_LANES);
    c.epilogue = random_epilogue(&r);
    for (int channel = 0; channel < channels; channel++)
        for (int pixel = 0; pixel < pixels; pixel++)
            for (int tap = 0; tap < kernel * kernel; tap++) {
                const int y = pixel / c.output_width * stride - c.top + tap / kernel;
                const int x = pixel % c.output_width * stride - c.left + tap % kernel;
                if (y < 0 || y >= c.input_height || x < 0 || x >= c.input_width) continue;
                add_product(
                    &r, place(&r, channel, pixel),
                    float_at(c.weights, (channel / CK_LANES * kernel * kernel + tap) * CK_LANES + channel % CK_LANES),
                    float_at(c.input, place(&in, channel, y * c.input_width + x)));
            }
    finish(&r, &c.epilogue, 0);
    const part p = random_part(channels, channels, c.output_height);
    if (p.is_partial) {
        ck_masked_depthwise m = {c, p.mask};
        result written[] = {result_of(&r, &m.call.output)};
        leave(&p, &r, c.output_width, written);
        check(&(step){CK_OP_MASKED_DEPTHWISE, &m}, 1, written, 1);
        return;
    }
    raw means = raw_of(channels, 1);
    for (int channel = 0; channel < c.blocks * CK_LANES; channel++) {
        for (int pixel = 0; pixel < pixels; pixel++) {
            means.sums[channel] += r.sums[place(&r, channel, pixel)] / pixels;
            means.magnitudes[channel] = fmax(means.magnitudes[channel], r.magnitudes[place(&r, channel, pixel)]);
        }
    }
    result results[] = {result_of(&r, &c.output), result_of(&means, &c.means)};
    results[1].is_sum_of_tiles = 1;
    check(&(step){CK_OP_DEPTHWISE, &c}, 1, results, between(1, 2));
}

static void check_stem(void) {
    const int channels = between(1, 4), outputs = between(1, 40);
    ck_stem c = {
        .input_height = between(1, 18), .input_width = between(1, 30), .input_channels = channels,
        .stride = between(1, 3), .output_blocks = blocks_of(outputs)};
    const int lines = c.input_height + 2, line = c.input_width + 2;
    c.output_height = (c.input_height - 1) / c.stride + 1;
    c.output_width = (c.input_width - 1) / c.stride + 1;
    const int pixels = c.output_height * c.output_width;
    raw r = raw_of(outputs, pixels);
    c.input = random_floats((int64_t)channels * lines * line);
    c.weights = random_floats((int64_t)c.output_blocks * channels * 9 * CK_LANES);
    c.epilogue = random_epilogue(&r);
    for (int output = 0; output < outputs; output++)
        for (int pixel = 0; pixel < pixels; pixel++)
            for (int i = 0; i < channels * 9; i++) {
                const int y = pixel / c.output_width * c.stride + i % 9 / 3;
                const int x = pixel % c.output_width * c.stride + i % 3;
                add_product(
                    &r, place(&r, output, pixel),
                    c.weights[(output / CK_LANES * channels * 9 + i) * CK_LANES + output % CK_LANES],
                    c.input[(i / 9 * lines + y) * line + x]);
            }
    finish(&r, &c.epilogue, 0);
    result results[] = {result_of(&r, &c.output)};
    check(&(step){CK_OP_STEM, &c}, 1, results, 1);
}

// Of a map, or of a planar image.
static void check_convolution(int is_image) {
    const int channels = between(1, is_image ? 4 : 40), outputs = between(1, 40);
    ck_convolution c = {
        .window =
            {.kernel_height = between(1, 5), .kernel_width = between(1, 5), .stride_y = between(1, 3),
             .stride_x = between(0, 3) ? between(1, 2) : between(3, 4), .dilation_y = between(1, 2),
             .dilation_x = between(1, 2)},
        .input_channels = channels, .output_blocks = blocks_of(outputs)};
    const ck_window *w = &c.window;
    const int taps = w->kernel_height * w->kernel_width;
    c.output_height = between(1, 9);
    c.output_width = between(1, between(0, 1) ? 9 : 35);
    c.input_height = (c.output_height - 1) * w->stride_y + (w->kernel_height - 1) * w->dilation_y + 1 + between(0, 1);
    c.input_width = (c.output_width - 1) * w->stride_x + (w->kernel_width - 1) * w->dilation_x + 1 + between(0, 1);
    const raw in = {channels, c.input_height * c.input_width, NULL, NULL};
    raw r = raw_of(outputs, c.output_height * c.output_width);
    c.input = is_image ? random_floats(channels * in.pixels) : random_map(channels, in.pixels);
    c.weights = random_floats((int64_t)c.output_blocks * channels * taps * CK_LANES);
    c.epilogue = random_epilogue(&r);
    const part p = is_image ? (part){0} : random_part(channels, outputs, c.output_height);
    for (int output = 0; output < outputs; output++)
        for (int channel = 0; channel < channels; channel++) {
            if (!reads(&p, channel)) continue;
            const int first = channel / CK_LANES * CK_LANES;
            const int rest = channels - first < CK_LANES ? channels - first : CK_LANES;
            for (int tap = 0; tap < taps; tap++) {
                const int row = is_image ? channel * taps + tap : first * taps + tap * rest + channel - first;
                const int64_t panel = (int64_t)(output / CK_LANES) * channels * taps;
                const float weight = float_at(c.weights, (panel + row) * CK_LANES + output % CK_LANES);
                for (int pixel = 0; pixel < r.pixels; pixel++) {
                    const int y = pixel / c.output_width * w->stride_y + tap / w->kernel_width * w->dilation_y;
                    const int x = pixel % c.output_width * w->stride_x + tap % w->kernel_width * w->dilation_x;
                    const int from = y * c.input_width + x;
                    add_product(
                        &r, place(&r, output, pixel), weight,
                        float_at(c.input, is_image ? channel * in.pixels + from : place(&in, channel, from)));
                }
            }
        }
    finish(&r, &c.epilogue, 0);
    ck_masked_convolution m = {c, p.mask};
    result results[] = {result_of(&r, p.is_partial ? &m.call.output : &c.output)};
    leave(&p, &r, c.output_width, results);
    if (p.is_partial) check(&(step){CK_OP_MASKED_CONVOLUTION, &m}, 1, results, 1);
    else check(&(step){is_image ? CK_OP_IMAGE_CONVOLUTION : CK_OP_CONVOLUTION, &c}, 1, results, 1);
}

enum { MOST_BANDS = 8 };

static void check_winograd(void) {
    const int channels = between(1, 40), outputs = between(1, 40), side = between(0, 1) ? 2 : 4;
    ck_winograd c = {
        .input_height = between(1, 13), .input_width = between(1, 17), .top = between(0, 3), .left = between(0, 3),
        .input_channels = channels, .output_blocks = blocks_of(outputs), .side = side};
    c.output_height = c.input_height + c.top + between(0, 3) - 2;
    c.output_width = c.input_width + c.left + between(0, 3) - 2;
    if (c.output_height < 1 || c.output_width < 1) return;
    const raw in = {channels, c.input_height * c.input_width, NULL, NULL};
    raw r = raw_of(outputs, c.output_height * c.output_width);
    c.input = random_map(channels, in.pixels);
    c.epilogue = random_epilogue(&r);
    const float *weights = random_floats(outputs * channels * 9);
    float *packed = floats((int64_t)c.output_blocks * (side + 2) * (side + 2) * channels * CK_LANES);
    ck_winograd_weights(side, weights, packed, outputs, channels);
    c.weights = packed;
    // Its tiles say which rows.
    part p = random_part(channels, outputs, 1);
    p.mask.end_row = c.output_height;
    for (int output = 0; output < outputs; output++)
        for (int pixel = 0; pixel < r.pixels; pixel++)
            for (int i = 0; i < channels * 9; i++) {
                if (!reads(&p, i / 9)) continue;
                const int y = pixel / c.output_width - c.top + i % 9 / 3, x = pixel % c.output_width - c.left + i % 3;
                if (y < 0 || y >= c.input_height || x < 0 || x >= c.input_width) continue;
                add_product(
                    &r, place(&r, output, pixel), weights[output * channels * 9 + i],
                    float_at(c.input, place(&in, i / 9, y * c.input_width + x)));
            }
    finish(&r, &c.epilogue, 1);
    const int tiles = ((c.output_height + side - 1) / side) * ((c.output_width + side - 1) / side);
    const int bands = between(1, tiles < MOST_BANDS ? tiles : MOST_BANDS);
    c.transformed = floats(ck_winograd_scratch(side, channels, tiles));
    ck_winograd of_band[MOST_BANDS];
    ck_masked_winograd masked[MOST_BANDS];
    step steps[2 * MOST_BANDS];
    result results[] = {result_of(&r, NULL)};
    leave(&p, &r, c.output_width, results);
    for (int band = 0; band < bands; band++) {
        of_band[band] = c;
        of_band[band].first_tile = tiles * band / bands;
        of_band[band].tiles = tiles * (band + 1) / bands - of_band[band].first_tile;
        steps[2 * band] = (step){CK_OP_WINOGRAD_INPUT, &of_band[band]};
        steps[2 * band + 1] = (step){CK_OP_WINOGRAD_OUTPUT, &of_band[band]};
        results[0].fields[band] = &of_band[band].output;
        if (!p.is_partial) continue;
        masked[band] = (ck_masked_winograd){of_band[band], p.mask};
        steps[2 * band] = (step){CK_OP_MASKED_WINOGRAD_INPUT, &masked[band]};
        steps[2 * band + 1] = (step){CK_OP_MASKED_WINOGRAD_OUTPUT, &masked[band]};
        results[0].fields[band] = &masked[band].call.output;
    }
    check(steps, 2 * bands, results, 1);
}

// Matrices that may lie over each other, or be read several times.
static void check_matrices(void) {
    enum { MOST_PRODUCTS = 6, ROOM = 4000 };
    ck_product c = {
        .products = between(1, MOST_PRODUCTS), .rows = between(1, 20), .inner = between(1, 40),
        .columns = between(1, 70)};
    int64_t left[MOST_PRODUCTS], right[MOST_PRODUCTS];
    for (int i = 0; i < c.products; i++) {
        left[i] = between(0, ROOM - c.rows * c.inner);
        right[i] = between(0, ROOM - c.inner * c.columns);
    }
    c.left = random_floats(ROOM);
    c.right = random_floats(ROOM);
    c.left_offsets = left;
    c.right_offsets = right;
    const int64_t each = (int64_t)c.rows * c.columns, count = c.products * each;
    double *sums = doubles(count), *bounds = doubles(count);
    for (int64_t at = 0; at < count; at++) {
        const int64_t row = at % each / c.columns, column = at % c.columns;
        sums[at] = bounds[at] = 0;
        for (int k = 0; k < c.inner; k++) {
            const float factor = c.left[left[at / each] + row * c.inner + k];
            const double product = (double)factor * c.right[right[at / each] + k * c.columns + column];
            sums[at] += product;
            bounds[at] += 2e-6 * fabs(product);
        }
        bounds[at] += 1e-9;
    }
    result results[] = {{.fields = {(void **)&c.output}, .count = count, .expected = sums, .bound = bounds}};
    check(&(step){CK_OP_PRODUCT, &c}, 1, results, 1);
}

void check_products(void) {
    check_matrices();
    check_pointwise();
    check_pointwise();
    check_depthwise();
    check_depthwise();
    check_stem();
    check_convolution(0);
    check_convolution(1);
    check_winograd();
    end_case();
}
