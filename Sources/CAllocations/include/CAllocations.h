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

#endif
