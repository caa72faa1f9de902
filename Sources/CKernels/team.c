#define _GNU_SOURCE
#include "team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// Operations are numbered through all runs: operation i of a run that began at `base` has finished when `finished` has
// reached base + i + 1. `claims` holds base, number of parts and next part of an operation in one word, so a helper that
// wakes up late, in a later run than it thinks, claims nothing: its base does not match.
struct ck_team {
    _Alignas(64) _Atomic uint32_t finished;  // futex
    _Atomic uint32_t waiting;
    _Alignas(64) _Atomic uint32_t runs;  // futex
    _Atomic uint32_t sleeping;
    _Atomic uint32_t base;
    _Atomic int32_t count;
    _Atomic(ck_team_body) body;
    _Atomic(const void *) context;
    _Atomic int is_ending;
    int32_t helpers, capacity;
    pthread_t *threads;
    struct {
        _Alignas(64) _Atomic uint64_t claims;
        _Atomic uint32_t done;
        int32_t parts;
    } operations[];
};

// Pauses before sleeping: some tens of microseconds, a few times what a sleeper takes to wake.
enum { SPINS = 1500 };

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void sleep_while(_Atomic uint32_t *word, uint32_t value, _Atomic uint32_t *sleepers) {
    atomic_fetch_add(sleepers, 1);
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
    atomic_fetch_sub(sleepers, 1);
}

static void wake(_Atomic uint32_t *word, _Atomic uint32_t *sleepers) {
    if (atomic_load(sleepers) > 0) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static int has_reached(uint32_t finished, uint32_t target) { return (int32_t)(finished - target) >= 0; }

static void wait_for(ck_team *team, uint32_t target) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (has_reached(atomic_load_explicit(&team->finished, memory_order_acquire), target)) return;
        pause_briefly();
    }
    for (;;) {
        const uint32_t finished = atomic_load(&team->finished);
        if (has_reached(finished, target)) return;
        sleep_while(&team->finished, finished, &team->waiting);
    }
}

// Claims and does parts until the operation has none left. Whether the run is still the one that began at `base`.
static int work(ck_team *team, uint32_t base, int32_t operation, ck_team_body body, const void *context) {
    uint64_t word = atomic_load_explicit(&team->operations[operation].claims, memory_order_acquire);
    for (;;) {
        const uint32_t parts = (uint32_t)word >> 16, part = (uint32_t)word & 0xffff;
        if ((uint32_t)(word >> 32) != base) return 0;
        if (part == parts) return 1;
        if (!atomic_compare_exchange_weak(&team->operations[operation].claims, &word, word + 1)) continue;
        body(context, operation, (int32_t)part, (int32_t)parts);
        if (atomic_fetch_add(&team->operations[operation].done, 1) + 1 == parts) {
            atomic_store(&team->finished, base + (uint32_t)operation + 1);
            wake(&team->finished, &team->waiting);
        }
        word = atomic_load_explicit(&team->operations[operation].claims, memory_order_acquire);
    }
}

static void help(ck_team *team) {
    const uint32_t base = atomic_load(&team->base);
    const int32_t count = atomic_load(&team->count);
    ck_team_body body = atomic_load(&team->body);
    const void *context = atomic_load(&team->context);
    if (atomic_load(&team->base) != base) return;
    for (int32_t operation = 0; operation < count; operation++) {
        if (!work(team, base, operation, body, context)) return;
        wait_for(team, base + (uint32_t)operation + 1);
    }
}

static void *helper(void *argument) {
    ck_team *team = argument;
    uint32_t seen = 0;
    for (;;) {
        int spin = 0;
        while (atomic_load_explicit(&team->runs, memory_order_acquire) == seen) {
            if (spin++ < SPINS) pause_briefly();
            else sleep_while(&team->runs, seen, &team->sleeping);
        }
        seen = atomic_load(&team->runs);
        if (atomic_load(&team->is_ending)) return NULL;
        help(team);
    }
}

ck_team *ck_team_create(int32_t threads, int32_t capacity) {
    const size_t size = sizeof(ck_team) + (size_t)capacity * sizeof(((ck_team *)0)->operations[0]);
    ck_team *team = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!team) return NULL;
    __builtin_memset(team, 0, size);
    team->capacity = capacity;
    team->threads = calloc((size_t)threads, sizeof(pthread_t));
    while (team->threads && team->helpers < threads - 1) {
        if (pthread_create(&team->threads[team->helpers], NULL, helper, team) != 0) break;
        team->helpers++;
    }
    if (team->threads && team->helpers == threads - 1) return team;
    ck_team_destroy(team);
    return NULL;
}

void ck_team_destroy(ck_team *team) {
    atomic_store(&team->is_ending, 1);
    atomic_fetch_add(&team->runs, 1);
    wake(&team->runs, &team->sleeping);
    for (int32_t index = 0; index < team->helpers; index++) pthread_join(team->threads[index], NULL);
    free(team->threads);
    free(team);
}

void ck_team_cut(ck_team *team, int32_t operation, int32_t parts) { team->operations[operation].parts = parts; }

void ck_team_run(ck_team *team, int32_t count, ck_team_body body, const void *context) {
    const uint32_t base = atomic_load(&team->finished);
    if (count < 1 || count > team->capacity) return;
    // `done` before `claims`: a part may be claimed as soon as its base matches.
    for (int32_t operation = 0; operation < count; operation++) {
        atomic_store_explicit(&team->operations[operation].done, 0, memory_order_relaxed);
        atomic_store_explicit(
            &team->operations[operation].claims, (uint64_t)base << 32 | (uint32_t)team->operations[operation].parts << 16,
            memory_order_release);
    }
    atomic_store(&team->body, body);
    atomic_store(&team->context, context);
    atomic_store(&team->count, count);
    atomic_store(&team->base, base);
    atomic_fetch_add(&team->runs, 1);
    wake(&team->runs, &team->sleeping);
    for (int32_t operation = 0; operation < count; operation++) {
        work(team, base, operation, body, context);
        wait_for(team, base + (uint32_t)operation + 1);
    }
}
