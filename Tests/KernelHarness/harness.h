#ifndef HARNESS_H
#define HARNESS_H

#include "CKernels.h"

enum { MOST_RESULTS = 2 };

typedef struct {
    ck_operation operation;
    const void *parameters;
} step;

// What a case writes.
typedef struct {
    void **fields[64];       // where the parameters name it, up to a NULL
    int64_t count;
    const float *initial;    // for operations in place, or NULL
    const double *expected;
    const double *bound;     // how far a value may lie from what is expected; infinite where it has no meaning
    int is_sum_of_tiles;     // its rounding depends on the tiles
    float *actual;           // of the last run
} result;

int between(int low, int high);  // both may occur
float random_value(void);        // -1 to 1
// Freed by `check`.
float *floats(int64_t count);
double *doubles(int64_t count);
float *random_floats(int64_t count);

// Runs the steps with every row of the last step's operation, and ends the case.
void check(const step *steps, int step_count, result *results, int result_count);
void end_case(void);

void check_products(void);  // convolutions of every kind: products.c
void check_maps(void);      // the other operations: maps.c
void check_narrow(void);    // kernels for maps of bfloat16: narrow.c

// The first row of an operation on floats.
ck_function function_of(ck_operation operation, ck_instruction_set set);
int can_run(const ck_kernel *row);
void count_run(const ck_kernel *row);
void fail(const ck_kernel *row, const char *what, int64_t at, double value, double expected);

// Of a map or weights that hold floats.
static inline float float_at(const void *values, int64_t at) { return ((const float *)values)[at]; }

static inline int blocks_of(int channels) { return (channels + CK_LANES - 1) / CK_LANES; }

#endif
