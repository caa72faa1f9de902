// Of Linux; the C library declares them under _GNU_SOURCE only, which Swift's module of it does not set.
#include <semaphore.h>
#include <stddef.h>
#include <sys/timex.h>
#include <time.h>

int sched_getaffinity(int thread, size_t bytes, void *mask);
int sched_setaffinity(int thread, size_t bytes, const void *mask);
int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until);
int gettid(void);
