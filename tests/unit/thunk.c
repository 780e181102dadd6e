/* Thunks: cells, the jump through them, how many there can be and what they cost. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "code_blobs.h"
#include "thunk_ground.h"

enum { MILLION = 1000 * 1000 };

static void *take_one(ThunkSpace *space) {
    void *cell = NULL;
    size_t count = 0;
    ferry_error error = {0};
    cr_assert_eq(thunk_take(space, 1, &cell, &count, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(count, 1);
    return cell;
}

static ThunkCell **room_for(size_t count) {
    ThunkCell **cells = malloc(count * sizeof(ThunkCell *));
    cr_assert_not_null(cells);
    memset(cells, 0, count * sizeof(ThunkCell *));
    return cells;
}

Test(thunk, cells_are_neighbours_zero_and_aligned_and_each_is_what_its_thunk_hands_on) {
    enum { COUNT = 3000 };
    ThunkSpace *space = open_thunks(NULL);
    ThunkCell **cells = room_for(COUNT);
    cr_assert(take_cells(space, COUNT, 64, cells));
    cr_assert_eq((uintptr_t)cells[1] - (uintptr_t)cells[0], THUNK_BYTES);
    cr_assert(call_cells(cells, COUNT));
    thunk_space_close(space);
    thunk_space_close(NULL);
    free(cells);
}

Test(thunk, opening_maps_nothing_and_closing_leaves_nothing) {
    Meter meter = {0};
    ferry_allocator allocator = meter_allocator(&meter);
    ThunkCell **cells = room_for(60000);
    size_t mappings = all_mappings(), bytes = address_space(), files = count_files(), data, code;
    ThunkSpace *space = open_thunks(&allocator);
    cr_assert_eq(all_mappings(), mappings);
    thunk_statistics(space, &data, &code);
    cr_assert_eq(data, 0);
    cr_assert_eq(code, 0);
    cr_assert(take_cells(space, 60000, SIZE_MAX, cells));
    cr_assert_eq(count_files(), files, "no descriptor stays open");
    thunk_statistics(space, &data, &code);
    cr_assert_geq(data, (size_t)60000 * THUNK_BYTES);
    if (!SANITIZED) cr_assert_eq(address_space() - bytes, data + code, "nothing else is mapped");
    thunk_space_close(space);
    cr_assert_eq(all_mappings(), mappings);
    cr_assert_eq(address_space(), bytes);
    cr_assert_eq(meter.blocks, 0);
    cr_assert_eq(meter.bytes, 0);
    free(cells);
}

Test(thunk, the_first_takes_a_few_pages) {
    ThunkSpace *space = open_thunks(NULL);
    size_t data = 0, code = 0;
    take_one(space);
    thunk_statistics(space, &data, &code);
    cr_assert_leq(data, 3 * 4096);
    cr_assert_leq(code, 3 * 4096);
    thunk_space_close(space);
}

Test(thunk, spaces_are_separate) {
    ThunkSpace *one = open_thunks(NULL), *other = open_thunks(NULL);
    ThunkCell *cells[500], *others[500];
    cr_assert(take_cells(one, 500, 10, cells));
    cr_assert(take_cells(other, 500, 10, others));
    thunk_space_close(one);
    cr_assert(call_cells(others, 500));
    thunk_space_close(other);
}

/* ---- what a thunk leaves alone ---- */

typedef struct Large {
    long words[5];
} Large;

static double all_registers(long a, long b, long c, long d, long e, long f, double g, double h, double i, double j,
                            double k, double l, double m, double n, long o, double p, Large q) {
    return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f) + g + 2 * h + 3 * i + 4 * j + 5 * k + 6 * l + 7 * m +
           8 * n + (double)o * 1000 + p * 10000 + (double)q.words[0] + (double)q.words[4];
}

static double sum_of(int count, ...) {
    double sum = 0;
    va_list list;
    va_start(list, count);
    for (int i = 0; i < count; i++) sum += va_arg(list, double);
    va_end(list);
    return sum;
}

Test(thunk, arguments_arrive_in_registers_and_on_the_stack) {
    ThunkSpace *space = open_thunks(NULL);
    uintptr_t *cell = take_one(space);
    const void *code = thunk_code(cell);
    double (*through)(long, long, long, long, long, long, double, double, double, double, double, double, double,
                      double, long, double, Large);
    double (*variadic)(int, ...);
    memcpy(&through, &code, sizeof through);
    memcpy(&variadic, &code, sizeof variadic);
    Large large = {{7, 0, 0, 0, 9}};
    cell[0] = (uintptr_t)&all_registers;
    cr_assert_eq(through(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, large),
                 all_registers(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, large));
    cell[0] = (uintptr_t)&sum_of; /* al holds the number of vector registers */
    cr_assert_eq(variadic(3, 1.0, 2.0, 4.5), 7.5);
    thunk_space_close(space);
}

Test(thunk, a_cell_may_be_pointed_elsewhere_at_any_time) {
    ThunkSpace *space = open_thunks(NULL);
    uintptr_t *cell = take_one(space);
    const void *code = thunk_code(cell);
    double (*variadic)(int, ...);
    memcpy(&variadic, &code, sizeof variadic);
    cell[0] = (uintptr_t)&static_chain;
    cr_assert_eq(call_thunk(cell), cell);
    cell[0] = (uintptr_t)&sum_of;
    cr_assert_eq(variadic(2, 1.0, 2.0), 3.0);
    thunk_space_close(space);
}

/* To code with a static chain of its own: such are libffi's closures for Go. */
Test(thunk, a_relay_goes_on_to_what_the_cell_points_to) {
    ThunkSpace *space = open_thunks(NULL);
    char *cell = take_one(space);
    uintptr_t other[4] = {(uintptr_t)&static_chain}, *chain = other;
    const void *relay = thunk_relay();
    memcpy(cell, &relay, sizeof relay);
    memcpy(cell + THUNK_RELAY_AT, &chain, sizeof chain);
    cr_assert_eq(call_thunk(cell), chain);
    other[0] = (uintptr_t)&all_registers;
    double (*through)(long, long, long, long, long, long, double, double, double, double, double, double, double,
                      double, long, double, Large);
    const void *code = thunk_code(cell);
    memcpy(&through, &code, sizeof through);
    Large large = {{7, 0, 0, 0, 9}};
    cr_assert_eq(through(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, large),
                 all_registers(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, large));
    thunk_space_close(space);
}

/* ---- many ---- */

/* A number of /proc/self/smaps_rollup, in bytes. */
static size_t memory_of(const char *what) {
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    cr_assert_not_null(file);
    char line[256];
    size_t kilobytes = 0, length = strlen(what);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, what, length) == 0) kilobytes = strtoul(line + length, NULL, 10);
    }
    fclose(file);
    cr_assert_neq(kilobytes, 0);
    return kilobytes * 1024;
}

Test(thunk, a_million_at_once_are_called_and_take_64_bytes_each_at_most) {
    ThunkCell **cells = room_for(MILLION);
    ThunkSpace *space = open_thunks(NULL);
    size_t mappings = all_mappings(), resident = memory_of("Rss:"), shared_out = memory_of("Pss:");
    cr_assert(take_cells(space, MILLION, 64, cells));
    cr_assert_leq(memory_of("Rss:") - resident, (size_t)MILLION * 64);
    cr_assert(call_cells(cells, MILLION));
    /* Rss counts a page as often as it is mapped, Pss once. */
    cr_assert_leq(memory_of("Pss:") - shared_out, (size_t)MILLION * 64);
    cr_assert_leq(all_mappings() - mappings, 300);
    thunk_space_close(space);
    cr_assert_leq(all_mappings(), mappings);
    free(cells);
}

Test(thunk, no_mapping_is_ever_writable_and_executable) {
    enum { COUNT = 120 * 1000 };
    ThunkSpace *space = open_thunks(NULL);
    size_t known = 0, data, code, steps = 0;
    char permissions[5];
    for (size_t i = 0; i < COUNT; i++) {
        void *cell = take_one(space);
        thunk_statistics(space, &data, &code);
        if (data == known) continue;
        known = data;
        steps++;
        permissions_at(thunk_code(cell), permissions);
        cr_assert_str_eq(permissions, "r-xs");
        permissions_at(cell, permissions);
        cr_assert_str_eq(permissions, "rw-p");
    }
    cr_assert_geq(steps, 6, "small and full chunks");
    thunk_space_close(space);
}

/* The kernel knows the seal and gives files that take it. */
static bool can_seal(void) {
    return memory_of("Rss:") != 0 && memfd_create("probe", 8U /* MFD_NOEXEC_SEAL */) >= 0;
}

Test(thunk, thunks_cannot_be_made_writable) {
    if (!can_seal()) cr_skip_test("this kernel has no MFD_NOEXEC_SEAL: %s", strerror(errno));
    enum { COUNT = 60 * 1000 };
    ThunkSpace *space = open_thunks(NULL);
    ThunkCell **cells = room_for(COUNT);
    cr_assert(take_cells(space, COUNT, 1000, cells));
    for (size_t i = 0; i < COUNT; i += 199) {
        uintptr_t page = (uintptr_t)thunk_code(cells[i]) & ~(uintptr_t)4095;
        errno = 0;
        cr_assert_neq(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE), 0);
        cr_assert_eq(errno, EACCES);
    }
    cr_assert(call_cells(cells, COUNT));
    thunk_space_close(space);
    free(cells);
}

/* ---- threads ---- */

enum { THREADS = 8, EACH = 20 * 1000 };

typedef struct Taker {
    pthread_t thread;
    ThunkSpace *space;
    size_t most;
    ThunkCell *cells[EACH];
    bool done;
} Taker;

static void *take_and_call(void *argument) {
    Taker *taker = argument;
    taker->done = true;
    for (size_t at = 0; at < EACH && taker->done; at += 100) {
        taker->done = take_cells(taker->space, 100, taker->most, taker->cells + at) &&
                      call_cells(taker->cells + at, 100); /* while others grow the space */
    }
    return NULL;
}

static int compare(const void *left, const void *right) {
    uintptr_t first = *(const uintptr_t *)left, second = *(const uintptr_t *)right;
    return first < second ? -1 : first > second;
}

Test(thunk, threads_take_at_the_same_time) {
    static Taker takers[THREADS];
    static ThunkCell *all[THREADS * EACH];
    ThunkSpace *space = open_thunks(NULL);
    for (size_t i = 0; i < THREADS; i++) {
        takers[i].space = space;
        takers[i].most = 1 + i * 9;
        cr_assert_eq(pthread_create(&takers[i].thread, NULL, take_and_call, &takers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(takers[i].thread, NULL), 0);
        cr_assert(takers[i].done);
        memcpy(all + i * EACH, takers[i].cells, sizeof takers[i].cells);
    }
    qsort(all, COUNT_OF(all), sizeof all[0], compare);
    for (size_t i = 1; i < COUNT_OF(all); i++) {
        if ((uintptr_t)all[i] - (uintptr_t)all[i - 1] < THUNK_BYTES) cr_assert_fail("a cell was given out twice");
    }
    cr_assert(call_cells(all, COUNT_OF(all)));
    thunk_space_close(space);
}
