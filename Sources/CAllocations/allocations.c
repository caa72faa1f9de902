#include "CAllocations.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CA_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(CA_SANITIZED)

// The C library's own entry points, exported for this purpose ("Replacing malloc" in its manual).
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void __libc_free(void *);

#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))
PER_THREAD int64_t count;
// Of what this thread has taken and given back since `ca_begin_bytes`; not followed before the first call.
PER_THREAD int is_following;
PER_THREAD int64_t live;
PER_THREAD int64_t peak;

void ca_begin(void) { count = 0; }
int64_t ca_count(void) { return count; }
int ca_is_counting(void) { return 1; }

void ca_begin_bytes(void) {
    is_following = 1;
    live = peak = 0;
}

int64_t ca_peak_bytes(void) {
    is_following = 0;
    return peak;
}

static void *taken(void *block) {
    count++;
    if (is_following && block) {
        live += (int64_t)malloc_usable_size(block);
        if (live > peak) peak = live;
    }
    return block;
}

static void given(void *block) {
    if (is_following && block) live -= (int64_t)malloc_usable_size(block);
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return taken(__libc_calloc(number, size)); }

void *realloc(void *old, size_t size) {
    // While it moves, both blocks may exist.
    int64_t before = is_following && old ? (int64_t)malloc_usable_size(old) : 0;
    void *block = taken(__libc_realloc(old, size));
    if (block || size == 0) live -= before;
    return block;
}

void *memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

void free(void *block) {
    given(block);
    __libc_free(block);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void *found = memalign(alignment, size);
    if (!found) return ENOMEM;
    *result = found;
    return 0;
}

#else

void ca_begin(void) {}
int64_t ca_count(void) { return 0; }
int ca_is_counting(void) { return 0; }
void ca_begin_bytes(void) {}
int64_t ca_peak_bytes(void) { return 0; }

#endif
