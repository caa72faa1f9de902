// Every row of the kernel table that this machine can run, on random shapes and values, against plain loops in double
// precision; against the first row of its operation, the portable one; and in two and three parts against the whole,
// bit for bit. Plain C, so that it runs where Swift does not: Cluster/test-arm64 runs it under an emulator.
//
//   harness [SEED [ROUNDS]]

#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROWS = 256, GUARD = 64, MOST_PARTS = 3 };

static uint64_t state;
static long failures, failures_of[MOST_ROWS];
static long cases[MOST_ROWS], values[MOST_ROWS], equal_values[MOST_ROWS];

static uint32_t bits_of_next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

int between(int low, int high) { return low + (int)(bits_of_next() % (uint32_t)(high - low + 1)); }

float random_value(void) { return (float)between(-(1 << 23), 1 << 23) / (float)(1 << 23); }

// ---- memory that lives as long as a case

static void *blocks_of_case[128];
static int block_count;

static void *take(size_t bytes) {
    void *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!block || block_count == 128) abort();
    return blocks_of_case[block_count++] = block;
}

float *floats(int64_t count) { return take((size_t)(count > 0 ? count : 1) * sizeof(float)); }
double *doubles(int64_t count) { return take((size_t)count * sizeof(double)); }

float *random_floats(int64_t count) {
    float *result = floats(count);
    for (int64_t i = 0; i < count; i++) result[i] = random_value();
    return result;
}

void end_case(void) {
    while (block_count > 0) free(blocks_of_case[--block_count]);
}

// ---- comparison

void fail(const ck_kernel *row, const char *what, int64_t at, double value, double expected) {
    size_t count;
    failures++;
    if (failures_of[row - ck_kernel_table(&count)]++ < 3)
        printf("%s: %s at %lld: %.9g, expected %.9g\n", row->name, what, (long long)at, value, expected);
}

int can_run(const ck_kernel *row) {
    return ck_is_supported(row->instruction_set) && (row->features & ~ck_features()) == 0;
}

void count_run(const ck_kernel *row) {
    size_t count;
    cases[row - ck_kernel_table(&count)]++;
}

ck_function function_of(ck_operation operation, ck_instruction_set set) {
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].operation == operation && rows[i].instruction_set == set && rows[i].element == CK_FLOAT32)
            return rows[i].function;
    abort();
}

// Runs the steps of a case, the last one with `row`, into fresh memory with a guard on both sides.
static void run(const ck_kernel *row, const step *steps, int step_count, result *results, int result_count, int parts) {
    float *whole[MOST_RESULTS];
    for (int i = 0; i < result_count; i++) {
        const int64_t count = results[i].count;
        whole[i] = floats(count + 2 * GUARD);
        for (int64_t k = 0; k < count + 2 * GUARD; k++) whole[i][k] = NAN;
        if (results[i].initial) memcpy(whole[i] + GUARD, results[i].initial, (size_t)count * sizeof(float));
        results[i].actual = whole[i] + GUARD;
        for (int field = 0; field < 64 && results[i].fields[field]; field++)
            *results[i].fields[field] = results[i].actual;
    }
    for (int i = 0; i < step_count; i++) {
        const ck_function function = steps[i].operation == row->operation
                                         ? row->function
                                         : function_of(steps[i].operation, row->instruction_set);
        for (int part = 0; part < parts; part++) function(steps[i].parameters, part, parts);
    }
    for (int i = 0; i < result_count; i++)
        for (int k = 0; k < GUARD; k++)
            if (!isnan(whole[i][k]) || !isnan(whole[i][GUARD + results[i].count + k]))
                fail(row, "wrote outside its output", k, whole[i][k], NAN);
}

static void count_case(const ck_kernel *rows, size_t index, const step *steps, int step_count) {
    cases[index]++;
    size_t count;
    ck_kernel_table(&count);
    for (size_t other = 0; other < count; other++)
        if (step_count > 1 && rows[other].element == CK_FLOAT32 &&
            rows[other].instruction_set == rows[index].instruction_set &&
            rows[other].operation == steps[0].operation)
            cases[other]++;
}

// How far two sets' values may lie apart. On arm64 all sets have the same multiply-add, and every value is added up in
// one order.
static double bound_between_sets(const result *r, int64_t at) {
#if defined(__aarch64__)
    if (!r->is_sum_of_tiles) return 0;
#endif
    return 2 * r->bound[at];
}

static void compare(const ck_kernel *row, size_t index, const result *r, float **portable) {
    for (int64_t k = 0; k < r->count; k++) {
        const double bound = r->bound[k];
        if (!isfinite(r->actual[k])) fail(row, "not finite", k, r->actual[k], r->expected[k]);
        else if (!(fabs(r->actual[k] - r->expected[k]) <= bound))
            fail(row, "differs from its definition", k, r->actual[k], r->expected[k]);
        if (!*portable || isinf(bound)) continue;
        values[index]++;
        equal_values[index] += (*portable)[k] == r->actual[k];
        if (!(fabs((double)(*portable)[k] - r->actual[k]) <= bound_between_sets(r, k)))
            fail(row, "differs from the portable kernel", k, r->actual[k], (*portable)[k]);
    }
    if (!*portable) *portable = r->actual;
}

void check(const step *steps, int step_count, result *results, int result_count) {
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    float *portable[MOST_RESULTS] = {0};
    for (size_t index = 0; index < count; index++) {
        const ck_kernel *row = &rows[index];
        if (row->operation != steps[step_count - 1].operation || row->element != CK_FLOAT32 || !can_run(row)) continue;
        count_case(rows, index, steps, step_count);
        float *whole[MOST_RESULTS];
        run(row, steps, step_count, results, result_count, 1);
        for (int i = 0; i < result_count; i++) {
            compare(row, index, &results[i], &portable[i]);
            whole[i] = results[i].actual;
        }
        for (int parts = 2; parts <= MOST_PARTS; parts++) {
            run(row, steps, step_count, results, result_count, parts);
            for (int i = 0; i < result_count; i++)
                if (memcmp(whole[i], results[i].actual, (size_t)results[i].count * sizeof(float)))
                    fail(row, "differs between parts and whole", parts, 0, 0);
        }
    }
    end_case();
}

// ---- report

static void report(void) {
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!can_run(&rows[i])) {
            printf("%-34s not on this machine\n", rows[i].name);
            continue;
        }
        printf("%-34s %6ld cases", rows[i].name, cases[i]);
        if (values[i])
            printf(", %ld values, %5.1f %% with the portable bits", values[i],
                   100.0 * (double)equal_values[i] / (double)values[i]);
        if (failures_of[i]) printf(", %ld DIFFERENCES", failures_of[i]);
        printf("\n");
        if (cases[i] == 0) fail(&rows[i], "never ran", 0, 0, 1);
    }
}

// The yardsticks work.
static void check_peaks(void) {
    size_t count;
    const ck_kernel *rows = ck_kernel_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].operation != CK_OP_PEAK || !can_run(&rows[i])) continue;
        float value = NAN;
        int32_t flops = 0;
        const ck_peak call = {.rounds = 10, .flops = &flops, .result = &value};
        rows[i].function(&call, 0, 1);
        count_run(&rows[i]);
        if (flops <= 0) fail(&rows[i], "counts no operations", 0, flops, 1);
        if (!isfinite(value)) fail(&rows[i], "not finite", 0, value, 0);
    }
}

int main(int argc, char **argv) {
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    const int rounds = argc > 2 ? atoi(argv[2]) : 60;
    printf("seed %llu, %d rounds\n", (unsigned long long)seed, rounds);
    state = seed * 2654435761u + 1;
    for (int round = 0; round < rounds; round++) {
        check_products();
        check_maps();
        check_arrangements();
        check_narrow();
        check_quantized();
    }
    check_peaks();
    report();
    if (failures) printf("%ld differences\n", failures);
    else printf("no difference\n");
    return failures != 0;
}
