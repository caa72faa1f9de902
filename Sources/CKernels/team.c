#define _GNU_SOURCE
#include "team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// Operations are numbered through all runs: operation i of a run that began at `base` has finished when `finished` has
// reached base + i + 1. Every member of the team has a range of each operation's parts, the same in every run, so that
// weights and maps stay in the caches of the processor that used them last; who has none left takes the last ones of
// the others. A range holds base, end and next part in one word, so a helper that wakes up late, in a later run than it
// thinks, claims nothing: its base does not match. Two threads take 0.97 to 0.99 of the time that they took when
// whoever came next claimed a part, 0.81 to 0.96 where their processors share no cache (Benchmarks/README.md).
typedef struct {
    _Alignas(64) _Atomic uint64_t word;
} ck_range;

typedef struct {
    ck_team *team;
    int32_t index;
    pthread_t thread;
} ck_helper;

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
    int32_t helpers, members, capacity;
    ck_helper *threads;
    ck_range *ranges;  // of operation i and member m at i * members + m; member 0 is the caller
    struct {
        _Alignas(64) _Atomic uint32_t done;
        _Atomic int32_t parts;
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

enum { NONE_LEFT = -1, ANOTHER_RUN = -2 };

// The next part of one's own range, the last one of another's.
static int32_t claim(ck_range *range, uint32_t base, int is_own) {
    uint64_t word = atomic_load_explicit(&range->word, memory_order_acquire);
    for (;;) {
        const uint32_t end = (uint32_t)word >> 16, next = (uint32_t)word & 0xffff;
        if ((uint32_t)(word >> 32) != base) return ANOTHER_RUN;
        if (next == end) return NONE_LEFT;
        const uint64_t rest = is_own ? word + 1 : word - (1u << 16);
        if (atomic_compare_exchange_weak(&range->word, &word, rest)) return (int32_t)(is_own ? next : end - 1);
    }
}

// Claims and does parts until the operation has none left. Whether the run is still the one that began at `base`.
static int work(
    ck_team *team, uint32_t base, int32_t operation, int32_t member, ck_team_body body, const void *context) {
    ck_range *ranges = team->ranges + (size_t)operation * (size_t)team->members;
    // A helper that is late may read those of the next run, but then claims nothing.
    const int32_t parts = atomic_load_explicit(&team->operations[operation].parts, memory_order_relaxed);
    for (int32_t turn = 0; turn < team->members;) {
        const int32_t part = claim(&ranges[(member + turn) % team->members], base, turn == 0);
        if (part == ANOTHER_RUN) return 0;
        if (part == NONE_LEFT) {
            turn++;
            continue;
        }
        body(context, operation, part, parts);
        if (atomic_fetch_add(&team->operations[operation].done, 1) + 1 == (uint32_t)parts) {
            atomic_store(&team->finished, base + (uint32_t)operation + 1);
            wake(&team->finished, &team->waiting);
        }
    }
    return 1;
}

static void help(ck_team *team, int32_t member) {
    const uint32_t base = atomic_load(&team->base);
    const int32_t count = atomic_load(&team->count);
    ck_team_body body = atomic_load(&team->body);
    const void *context = atomic_load(&team->context);
    if (atomic_load(&team->base) != base) return;
    for (int32_t operation = 0; operation < count; operation++) {
        if (!work(team, base, operation, member, body, context)) return;
        wait_for(team, base + (uint32_t)operation + 1);
    }
}

static void *helper(void *argument) {
    const ck_helper *self = argument;
    ck_team *team = self->team;
    uint32_t seen = 0;
    for (;;) {
        int spin = 0;
        while (atomic_load_explicit(&team->runs, memory_order_acquire) == seen) {
            if (spin++ < SPINS) pause_briefly();
            else sleep_while(&team->runs, seen, &team->sleeping);
        }
        seen = atomic_load(&team->runs);
        if (atomic_load(&team->is_ending)) return NULL;
        help(team, self->index);
    }
}

static void *zeroed(size_t count, size_t size) {
    const size_t bytes = (count * size + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory) __builtin_memset(memory, 0, bytes);
    return memory;
}

ck_team *ck_team_create(int32_t threads, int32_t capacity) {
    ck_team *team = zeroed(1, sizeof(ck_team) + (size_t)capacity * sizeof(team->operations[0]));
    if (!team) return NULL;
    team->capacity = capacity;
    team->members = threads;
    team->threads = calloc((size_t)threads, sizeof(ck_helper));
    team->ranges = zeroed((size_t)capacity * (size_t)threads, sizeof(ck_range));
    while (team->threads && team->ranges && team->helpers < threads - 1) {
        ck_helper *next = &team->threads[team->helpers];
        *next = (ck_helper){.team = team, .index = team->helpers + 1};
        if (pthread_create(&next->thread, NULL, helper, next) != 0) break;
        team->helpers++;
    }
    if (team->threads && team->ranges && team->helpers == threads - 1) return team;
    ck_team_destroy(team);
    return NULL;
}

void ck_team_destroy(ck_team *team) {
    atomic_store(&team->is_ending, 1);
    atomic_fetch_add(&team->runs, 1);
    wake(&team->runs, &team->sleeping);
    for (int32_t index = 0; index < team->helpers; index++) pthread_join(team->threads[index].thread, NULL);
    free(team->threads);
    free(team->ranges);
    free(team);
}

void ck_team_cut(ck_team *team, int32_t operation, int32_t parts) {
    atomic_store_explicit(&team->operations[operation].parts, parts, memory_order_relaxed);
}

// The whole of an operation that is one part is the caller's.
static uint32_t first_part(const ck_team *team, int32_t parts, int32_t member) {
    return (uint32_t)((parts * (int64_t)member + team->members - 1) / team->members);
}

static void share_out(ck_team *team, uint32_t base, int32_t operation) {
    const int32_t parts = atomic_load_explicit(&team->operations[operation].parts, memory_order_relaxed);
    ck_range *ranges = team->ranges + (size_t)operation * (size_t)team->members;
    // `done` before the ranges: a part may be claimed as soon as its base matches.
    atomic_store_explicit(&team->operations[operation].done, 0, memory_order_relaxed);
    for (int32_t member = 0; member < team->members; member++) {
        const uint64_t next = first_part(team, parts, member), end = first_part(team, parts, member + 1);
        atomic_store_explicit(&ranges[member].word, (uint64_t)base << 32 | end << 16 | next, memory_order_release);
    }
}

void ck_team_run(ck_team *team, int32_t count, ck_team_body body, const void *context) {
    const uint32_t base = atomic_load(&team->finished);
    if (count < 1 || count > team->capacity) return;
    for (int32_t operation = 0; operation < count; operation++) share_out(team, base, operation);
    atomic_store(&team->body, body);
    atomic_store(&team->context, context);
    atomic_store(&team->count, count);
    atomic_store(&team->base, base);
    atomic_fetch_add(&team->runs, 1);
    wake(&team->runs, &team->sleeping);
    for (int32_t operation = 0; operation < count; operation++) {
        work(team, base, operation, 0, body, context);
        wait_for(team, base + (uint32_t)operation + 1);
    }
}
