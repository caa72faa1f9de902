// What moves, compares, adds or scales values.

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

static void check_pool(void) {
    ck_pool c = {.pixels = between(1, 70), .blocks = between(1, 5)};
    c.input = random_floats((int64_t)c.blocks * c.pixels * CK_LANES);
    result r = result_of(&c.output, c.blocks * CK_LANES);
    for (int i = 0; i < c.blocks * CK_LANES; i++) {
        double sum = 0;
        for (int pixel = 0; pixel < c.pixels; pixel++)
            sum += float_at(c.input, (i / CK_LANES * c.pixels + pixel) * CK_LANES + i % CK_LANES);
        expect(&r, i, sum / c.pixels, 1e-6);
    }
    check(&(step){CK_OP_POOL, &c}, 1, &r, 1);
}

static void check_scale(void) {
    ck_scale c = {.pixels = between(1, 40), .blocks = between(1, 5)};
    const int64_t count = (int64_t)c.blocks * c.pixels * CK_LANES;
    c.factors = random_floats(c.blocks * CK_LANES);
    result r = result_of(&c.map, count);
    r.initial = random_floats(count);
    for (int64_t i = 0; i < count; i++)
        expect(&r, i, r.initial[i] * c.factors[i / CK_LANES / c.pixels * CK_LANES + i % CK_LANES], 0);
    check(&(step){CK_OP_SCALE, &c}, 1, &r, 1);
}

static void check_scale_rows(void) {
    ck_scale_rows c = {.rows = between(1, 40), .panels = between(1, 5)};
    c.panel_stride = (c.rows + between(0, 9)) * CK_LANES;
    c.weights = random_floats(c.panels * c.panel_stride);
    c.factors = random_floats(c.rows);
    result r = result_of(&c.output, (int64_t)c.panels * c.rows * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t row = i / CK_LANES % c.rows, panel = i / CK_LANES / c.rows;
        const float weight = float_at(c.weights, panel * c.panel_stride + row * CK_LANES + i % CK_LANES);
        const float product = weight * c.factors[row];
        expect(&r, i, product, 0);
    }
    check(&(step){CK_OP_SCALE_ROWS, &c}, 1, &r, 1);
}

static void check_border(void) {
    ck_border c = {
        .height = between(1, 12), .width = between(1, 12), .top = between(0, 3), .left = between(0, 3),
        .bottom = between(0, 3), .right = between(0, 3), .blocks = between(1, 4)};
    const int height = c.height + c.top + c.bottom, width = c.width + c.left + c.right;
    c.input = random_floats((int64_t)c.blocks * c.height * c.width * CK_LANES);
    result r = result_of(&c.output, (int64_t)c.blocks * height * width * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / width / height;
        const int y = (int)(pixel / width % height) - c.top, x = (int)(pixel % width) - c.left;
        if (y >= 0 && y < c.height && x >= 0 && x < c.width)
            expect(&r, i, float_at(c.input, ((block * c.height + y) * c.width + x) * CK_LANES + i % CK_LANES), 0);
    }
    check(&(step){CK_OP_BORDER, &c}, 1, &r, 1);
}

// The value of one lane under a window whose first tap lies at (y, x).
static double pooled(const ck_window_pool *c, const float *map, int y, int x) {
    const ck_window *w = &c->window;
    double sum = 0, most = -INFINITY;
    int inside = 0, counted = 0;
    for (int ky = 0; ky < w->kernel_height; ky++)
        for (int kx = 0; kx < w->kernel_width; kx++) {
            const int row = y + ky * w->dilation_y, column = x + kx * w->dilation_x;
            counted += row < c->input_height + w->bottom && column < c->input_width + w->right;
            if (row < 0 || row >= c->input_height || column < 0 || column >= c->input_width) continue;
            const double value = map[((int64_t)row * c->input_width + column) * CK_LANES];
            inside++;
            sum += value;
            most = fmax(most, value);
        }
    if (c->kind == CK_POOL_MAX) return most;
    return sum / (c->kind == CK_POOL_AVERAGE ? inside : counted);
}

static void check_window_pool(void) {
    ck_window_pool c = {
        .window =
            {.kernel_height = between(1, 4), .kernel_width = between(1, 4), .stride_y = between(1, 3),
             .stride_x = between(1, 3), .dilation_y = 1, .dilation_x = 1},
        .blocks = between(1, 3), .kind = between(CK_POOL_MAX, CK_POOL_AVERAGE_OF_BORDER)};
    ck_window *w = &c.window;
    if (between(0, 2) == 0) w->kernel_height = w->kernel_width = 3;
    if (between(0, 2) == 0) w->dilation_y = w->dilation_x = 2;
    const int is_dilated = w->dilation_y > 1;
    // Every window has a tap inside the map.
    w->top = is_dilated ? 0 : between(0, w->kernel_height - 1);
    w->left = is_dilated ? 0 : between(0, w->kernel_width - 1);
    w->bottom = is_dilated ? 0 : between(0, w->kernel_height - 1);
    w->right = is_dilated ? 0 : between(0, w->kernel_width - 1);
    c.input_height = (w->kernel_height - 1) * w->dilation_y + between(1, 12);
    c.input_width = (w->kernel_width - 1) * w->dilation_x + between(1, 12);
    const int height = (w->kernel_height - 1) * w->dilation_y + 1, width = (w->kernel_width - 1) * w->dilation_x + 1;
    c.output_height = (c.input_height + w->top + w->bottom - height) / w->stride_y + 1;
    c.output_width = (c.input_width + w->left + w->right - width) / w->stride_x + 1;
    // Rounded up: the last window reaches beyond the border.
    if (w->stride_y == 2 && c.output_height * 2 - w->top < c.input_height) c.output_height++;
    const int64_t plane = (int64_t)c.input_height * c.input_width * CK_LANES;
    c.input = random_floats(c.blocks * plane);
    result r = result_of(&c.output, (int64_t)c.blocks * c.output_height * c.output_width * CK_LANES);
    for (int64_t i = 0; i < r.count; i++) {
        const int64_t pixel = i / CK_LANES, block = pixel / c.output_width / c.output_height;
        const int y = (int)(pixel / c.output_width % c.output_height) * w->stride_y - w->top;
        const int x = (int)(pixel % c.output_width) * w->stride_x - w->left;
        expect(&r, i, pooled(&c, (const float *)c.input + block * plane + i % CK_LANES, y, x), c.kind == CK_POOL_MAX ? 0 : 1e-6);
    }
    check(&(step){CK_OP_WINDOW_POOL, &c}, 1, &r, 1);
}

// Sums of numbers far out too, where an exponential overflows.
static void check_add(void) {
    static const float far[] = {1e4f, 200, 90, 20, -20, -90, -200, -1e4f};
    const int64_t count = between(1, 60) * CK_LANES;
    ck_add c = {
        .count = count, .activation = between(CK_NONE, CK_SILU), .first = 0.1f, .second = 0.75f,
        .other = between(0, 1) ? random_floats(count) : NULL};
    float *input = random_floats(count);
    for (int i = 0; i < 8; i++) input[between(0, (int)count - 1)] = far[i];
    const int is_in_place = between(0, 1);
    c.input = input;
    result r = result_of(&c.output, count);
    if (is_in_place) {
        r.initial = input;
        r.fields[1] = (void **)&c.input;
    }
    for (int64_t i = 0; i < count; i++) {
        const double x = input[i] + (c.other ? float_at(c.other, i) : 0);
        const double open = fmin(fmax(x + 3, 0), 6) / 6, sigmoid = 1 / (1 + exp(-x));
        const double values[] = {
            [CK_NONE] = x, [CK_RELU] = fmax(x, 0), [CK_HARD_SWISH] = x * open, [CK_HARD_SIGMOID] = open,
            [CK_CLIP] = fmin(fmax(x, c.first), c.second), [CK_LEAKY_RELU] = x > 0 ? x : c.first * x,
            [CK_SIGMOID] = sigmoid, [CK_SILU] = x * sigmoid};
        expect(&r, i, values[c.activation], 1e-6 * fmax(1, fabs(values[c.activation])));
    }
    check(&(step){CK_OP_ADD, &c}, 1, &r, 1);
}

void check_maps(void) {
    check_pool();
    check_scale();
    check_scale_rows();
    check_border();
    check_window_pool();
    check_add();
}
