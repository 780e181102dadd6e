/* harness.c: the loops that are timed, the clocks, and how long a sample runs. */
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>

#include "bench/bench.h"

/* Loops start at a cache line, so that where the linker puts them does not show. */
#define TIMED __attribute__((noinline, aligned(64))) static void

/* Writes the slots as an interpreter does: one whole slot a time, never two at once. */
__attribute__((always_inline)) static inline void fill(Frame *frame, size_t count) {
    volatile uint64_t *slots = frame->slots;
#pragma GCC unroll 16
    for (size_t k = 0; k < count; k++) slots[k] = frame->values[k];
}

__attribute__((always_inline)) static inline void call_entries(const Subject *subject, size_t iterations,
                                                               size_t filled) {
    Entry *const *object = subject->object;
    const void *first = subject->first;
    const void *arguments = subject->arguments;
    Frame *frame = subject->frame;
    for (; iterations != 0; iterations--) {
        fill(frame, filled);
        Entry *entry = __atomic_load_n(object, __ATOMIC_RELAXED);
        entry(first, arguments, frame->result);
    }
}

__attribute__((always_inline)) static inline void call_ffi(const Subject *subject, size_t iterations, size_t filled) {
    ffi_cif *cif = subject->cif;
    Function *function = subject->row->function;
    Frame *frame = subject->frame;
    for (; iterations != 0; iterations--) {
        fill(frame, filled);
        /* libffi 3.4 makes the pointer to a large struct point to a copy of its own, which is dead when it returns. */
        frame->lent[0] = frame->pointers[0];
        ffi_call(cif, function, frame->result, frame->lent);
    }
}

#define LOOPS(n)                                                                                                       \
    TIMED entries_##n(const Subject *subject, size_t iterations) {                                                     \
        call_entries(subject, iterations, n);                                                                          \
    }                                                                                                                  \
    TIMED ffi_##n(const Subject *subject, size_t iterations) {                                                         \
        call_ffi(subject, iterations, n);                                                                              \
    }

LOOPS(0)
LOOPS(1)
LOOPS(2)
LOOPS(3)
LOOPS(4)
LOOPS(6)
LOOPS(8)
LOOPS(10)
LOOPS(12)

static Loop *const entry_loops[MOST_SLOTS] = {
    [0] = entries_0, [1] = entries_1, [2] = entries_2,   [3] = entries_3,   [4] = entries_4,
    [6] = entries_6, [8] = entries_8, [10] = entries_10, [12] = entries_12,
};
static Loop *const ffi_loops[MOST_SLOTS] = {
    [0] = ffi_0, [1] = ffi_1, [2] = ffi_2,   [3] = ffi_3,   [4] = ffi_4,
    [6] = ffi_6, [8] = ffi_8, [10] = ffi_10, [12] = ffi_12,
};

static void directly(const Subject *subject, size_t iterations) {
    subject->row->direct(subject->frame, iterations, subject->frame->result);
}

static void upwards(const Subject *subject, size_t iterations) {
    subject->row->call_back(subject->object, subject->frame, iterations, subject->frame->result);
}

Loop *loop_of_entry(size_t filled) {
    return filled < MOST_SLOTS ? entry_loops[filled] : NULL;
}

Loop *loop_of_ffi(size_t filled) {
    return filled < MOST_SLOTS ? ffi_loops[filled] : NULL;
}

Loop *loop_of_direct(void) {
    return directly;
}

Loop *loop_of_upcalls(void) {
    return upwards;
}

static double nanoseconds(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

Clock clock_now(void) {
    return (Clock){.real = nanoseconds(CLOCK_MONOTONIC), .cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID)};
}

double time_now(void) {
    return nanoseconds(CLOCK_MONOTONIC);
}

double process_cpu(void) {
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

static cpu_set_t given_cpus; /* what unpin() goes back to */

bool pin_to_one_cpu(void) {
    cpu_set_t set;
    int cpu = sched_getcpu();
    if (cpu < 0 || sched_getaffinity(0, sizeof given_cpus, &given_cpus) != 0) return false;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

void unpin(void) {
    if (CPU_COUNT(&given_cpus) != 0) sched_setaffinity(0, sizeof given_cpus, &given_cpus);
}

/* The least of several runs: one that was disturbed would ask for too few iterations, and the clocks would show. */
static double least_time(const Subject *subject, size_t iterations) {
    double least = 0;
    for (int k = 0; k < 7; k++) {
        Clock begin = clock_now();
        subject->run(subject, iterations);
        double taken = clock_now().cpu - begin.cpu;
        if (k == 0 || taken < least) least = taken;
    }
    return least > 1 ? least : 1;
}

size_t harness_calibrate(const Subject *subject, double sample_nanoseconds) {
    size_t iterations = 64;
    double taken = least_time(subject, iterations);
    while (taken < sample_nanoseconds / 4 && iterations < (size_t)1 << 40) {
        iterations *= 2;
        taken = least_time(subject, iterations);
    }
    double right = (double)iterations * sample_nanoseconds / taken;
    return right < 1 ? 1 : (size_t)right;
}

uint64_t next_random(uint64_t *seed) { /* Marsaglia's xorshift */
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* A new order each round (Fisher and Yates's), so that no variant always follows the same one. */
void harness_shuffle(size_t *order, size_t count, uint64_t *seed) {
    for (size_t left = count; left > 1; left--) {
        size_t other = (size_t)(next_random(seed) % left);
        size_t kept = order[left - 1];
        order[left - 1] = order[other];
        order[other] = kept;
    }
}
