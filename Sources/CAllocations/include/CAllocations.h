// Counts heap allocations of one thread. Linking this target puts its malloc in front of the C library's, for the
// whole program; it is for measuring programs and tests, never for what runs on a board.
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

// The calling thread's allocations from here on are counted, from zero.
void ca_begin(void);

// Allocations of the calling thread since `ca_begin`; counting goes on.
int64_t ca_count(void);

// Whether this build counts at all: not under a sanitizer, which needs malloc for itself.
int ca_is_counting(void);

// The calling thread's heap is followed from here on, from zero: what it takes, less what it gives back.
void ca_begin_bytes(void);

// The most bytes that the calling thread had taken at once since `ca_begin_bytes`, which ends the following. Memory
// that is mapped without malloc is not seen.
int64_t ca_peak_bytes(void);

#endif
