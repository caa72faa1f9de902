// Of Linux; the C library declares them under _GNU_SOURCE only, which Swift's module of it does not set.
#include <stddef.h>

int sched_getaffinity(int thread, size_t bytes, void *mask);
int sched_setaffinity(int thread, size_t bytes, const void *mask);
int gettid(void);
