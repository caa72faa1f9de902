// Whether AMX's tiles can be used: by processor, system, and a trial.
#if defined(__x86_64__) && defined(__linux__)
#define _GNU_SOURCE
#endif
#include "tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CKernels.h"

void ck_quantized_convolution_amx(const void *, int32_t, int32_t);
void ck_quantized_convolution_portable(const void *, int32_t, int32_t);

static int processor_has_tiles(void) {
    uint32_t eax, ebx, ecx, edx, low, high;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    const uint32_t tile = 1u << 24, int8 = 1u << 25;
    if ((edx & tile) == 0 || (edx & int8) == 0) return 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & 1u << 27) == 0) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    const uint32_t tile_state = 3u << 17;
    return (low & tile_state) == tile_state;
}

// Linux gives the tiles' state, 8 KiB a thread, only to a process that asks for it (Documentation/arch/x86/xstate.rst).
static int system_gives_tiles(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

// A layer of 70 channels to 37 with 3x3 taps: full tiles and such that are not, in pixels, quads and panels. No processor
// with tiles was there when the kernel was written, so each has to show the portable kernel's bytes before it is used.
static int trial_passes(void) {
    enum { SIDE = 7, OUT = 5, INPUTS = 70, IN_BLOCKS = 5, OUT_BLOCKS = 3, TAPS = 9, QUADS = 18 };
    static uint8_t input[IN_BLOCKS * SIDE * SIDE * CK_LANES];
    static int8_t weights[OUT_BLOCKS * QUADS * TAPS * CK_LANES * 4];
    static int32_t start[OUT_BLOCKS * CK_LANES];
    static float scale[OUT_BLOCKS * CK_LANES], shift[OUT_BLOCKS * CK_LANES];
    static uint8_t results[2][OUT_BLOCKS * OUT * OUT * CK_LANES];
    uint32_t state = 12345;
    for (size_t i = 0; i < sizeof input; i++) input[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (size_t i = 0; i < sizeof weights; i++)
        weights[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (int i = 0; i < OUT_BLOCKS * CK_LANES; i++) {
        start[i] = i * 1000 - 20000;
        scale[i] = 1.0f / 4096;
        shift[i] = 128;
    }
    ck_quantized_convolution c = {
        .input = input, .weights = weights, .input_height = SIDE, .input_width = SIDE, .output_height = OUT,
        .output_width = OUT, .input_channels = INPUTS, .output_blocks = OUT_BLOCKS};
    c.window.kernel_height = c.window.kernel_width = 3;
    c.window.stride_y = c.window.stride_x = c.window.dilation_y = c.window.dilation_x = 1;
    c.epilogue.start = start;
    c.epilogue.scale = scale;
    c.epilogue.shift = shift;
    c.epilogue.high = 255;
    c.output = results[0];
    ck_quantized_convolution_portable(&c, 0, 1);
    c.output = results[1];
    ck_quantized_convolution_amx(&c, 0, 1);
    return memcmp(results[0], results[1], sizeof results[0]) == 0;
}

int ck_has_tiles(void) {
    enum { UNKNOWN, NO, YES };
    static _Atomic int answer = UNKNOWN;
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    int known = atomic_load(&answer);
    if (known != UNKNOWN) return known == YES;
    while (atomic_flag_test_and_set(&busy)) usleep(100);
    known = atomic_load(&answer);
    if (known == UNKNOWN) {
        known = processor_has_tiles() && system_gives_tiles() && trial_passes() ? YES : NO;
        atomic_store(&answer, known);
    }
    atomic_flag_clear(&busy);
    return known == YES;
}
#else
int ck_has_tiles(void) { return 0; }
#endif
