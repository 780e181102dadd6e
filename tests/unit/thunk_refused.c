/* Thunks where the system refuses. Each test is a process of its own, so that what it forbids to itself stays
 * forbidden. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "code_blobs.h"
#include "thunk_ground.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum { FIRST_CHUNK = 256 - 1, MANY = 100 * 1000 };

static Meter meter;
static ferry_allocator allocator;
static ThunkCell *cells[MANY];

static ThunkSpace *open_space(void) {
    use_up_supply();
    allocator = meter_allocator(&meter);
    return open_thunks(&allocator);
}

/* What a failure must leave as it was. */
typedef struct Held {
    size_t mappings;
    size_t bytes;
    size_t files;
    size_t blocks;
    size_t data;
    size_t code;
} Held;

static Held held(ThunkSpace *space) {
    Held now = {.mappings = all_mappings(), .bytes = address_space(), .files = count_files(), .blocks = meter.blocks};
    thunk_statistics(space, &now.data, &now.code);
    return now;
}

typedef struct Refusal {
    ferry_code code;
    ferry_error error;
    bool unchanged;
} Refusal;

/* Takes one and asserts nothing, since there may be no memory for that. */
static Refusal take_in_vain(ThunkSpace *space) {
    Refusal refusal = {0};
    void *cell = NULL;
    size_t count = 0;
    Held before = held(space);
    refusal.code = thunk_take(space, 1, &cell, &count, &refusal.error);
    Held after = held(space);
    refusal.unchanged = memcmp(&before, &after, sizeof before) == 0 && cell == NULL && count == 0;
    return refusal;
}

static void check_refusal(const Refusal *refusal, ferry_code code, const char *call, const char *reason) {
    cr_assert_eq(refusal->code, code, "%d: %s", (int)refusal->code, refusal->error.message);
    cr_assert_eq(refusal->error.code, code);
    cr_assert_not_null(strstr(refusal->error.message, call), "%s", refusal->error.message);
    cr_assert_not_null(strstr(refusal->error.message, reason), "%s", refusal->error.message);
    cr_assert(refusal->unchanged, "%s", refusal->error.message);
}

static void expect_refusal(ThunkSpace *space, const char *call) {
    for (int i = 0; i < 3; i++) {
        Refusal refusal = take_in_vain(space);
        check_refusal(&refusal, FERRY_NO_CODE, call, "Operation not permitted");
    }
}

static void close_space(ThunkSpace *space) {
    thunk_space_close(space);
    cr_assert_eq(meter.blocks, 0);
    cr_assert_eq(count_mappings(), 0);
}

static void refuse_first(uint32_t number, uint32_t third, const char *call) {
    ThunkSpace *space = open_space();
    forbid_call(number, third);
    expect_refusal(space, call);
    close_space(space);
}

Test(thunk_refused, memfd_create_forbidden_by_a_filter) {
    refuse_first(SYS_memfd_create, ANY_ARGUMENT, "memfd_create");
}

Test(thunk_refused, writing_the_file_forbidden_by_a_filter) {
    refuse_first(SYS_pwritev, ANY_ARGUMENT, "pwritev");
}

Test(thunk_refused, executable_mappings_forbidden_by_a_filter) {
    refuse_first(SYS_mmap, PROT_READ | PROT_EXEC, "mmap(PROT_READ | PROT_EXEC)");
}

Test(thunk_refused, address_ranges_forbidden_by_a_filter) {
    refuse_first(SYS_mmap, PROT_NONE, "mmap(PROT_NONE)");
}

Test(thunk_refused, memory_of_cells_forbidden_by_a_filter) {
    refuse_first(SYS_mprotect, PROT_READ | PROT_WRITE, "mprotect(PROT_READ | PROT_WRITE)");
}

/* ---- a sandbox is closed after the first were taken ---- */

static ThunkSpace *begin(void) {
    ThunkSpace *space = open_space();
    cr_assert(take_cells(space, FIRST_CHUNK, 64, cells));
    return space;
}

static void go_on(ThunkSpace *space) {
    cr_assert(take_cells(space, MANY - FIRST_CHUNK, 64, cells + FIRST_CHUNK));
    cr_assert(call_cells(cells, MANY));
    close_space(space);
}

Test(thunk_refused, without_new_files_thunks_are_copied) {
    ThunkSpace *space = begin();
    forbid_call(SYS_memfd_create, ANY_ARGUMENT);
    go_on(space);
}

Test(thunk_refused, without_new_executable_mappings_thunks_are_copied) {
    ThunkSpace *space = begin();
    forbid_call(SYS_mmap, PROT_READ | PROT_EXEC);
    go_on(space);
}

Test(thunk_refused, without_copies_there_are_new_files) {
    ThunkSpace *space = begin();
    forbid_call(SYS_mremap, ANY_ARGUMENT);
    go_on(space);
}

Test(thunk_refused, with_neither_there_are_no_more_but_those_that_were_there_go_on) {
    ThunkSpace *space = begin();
    forbid_call(SYS_mremap, ANY_ARGUMENT);
    forbid_call(SYS_memfd_create, ANY_ARGUMENT);
    expect_refusal(space, "mremap");
    cr_assert(call_cells(cells, FIRST_CHUNK));
    close_space(space);
}

/* ---- limits: lifted again, they are forgotten ---- */

typedef struct Limit {
    int resource;
    struct rlimit before;
} Limit;

static void need_exact_limits(void) {
    if (SANITIZED) cr_skip_test("the sanitizer needs memory of its own");
}

static Limit lower_limit(int resource, rlim_t value) {
    Limit limit = {.resource = resource};
    cr_assert_eq(getrlimit((__rlimit_resource_t)resource, &limit.before), 0);
    struct rlimit tight = {.rlim_cur = value, .rlim_max = limit.before.rlim_max};
    cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &tight), 0);
    return limit;
}

static void lift_limit(const Limit *limit) {
    cr_assert_eq(setrlimit((__rlimit_resource_t)limit->resource, &limit->before), 0);
}

static void recover(ThunkSpace *space) {
    cr_assert(take_cells(space, 2000, 64, cells));
    cr_assert(call_cells(cells, 2000));
    close_space(space);
}

Test(thunk_refused, files_of_limited_size_then_allowed) {
    ThunkSpace *space = open_space();
    Limit limit = lower_limit(RLIMIT_FSIZE, 1024);
    Refusal refusal = take_in_vain(space);
    lift_limit(&limit);
    check_refusal(&refusal, FERRY_NO_CODE, "RLIMIT_FSIZE", "thunks");
    recover(space);
}

Test(thunk_refused, files_of_limited_size_suffice_for_many) {
    ThunkSpace *space = open_space();
    Limit limit = lower_limit(RLIMIT_FSIZE, 3 * 4096);
    cr_assert(take_cells(space, MANY, 64, cells));
    lift_limit(&limit);
    cr_assert(call_cells(cells, MANY));
    close_space(space);
}

Test(thunk_refused, no_more_files_then_allowed) {
    ThunkSpace *space = open_space();
    void *cell = NULL;
    size_t count = 0;
    Refusal refusal = {0};
    Held before = held(space);
    Limit limit = lower_limit(RLIMIT_NOFILE, 3);
    refusal.code = thunk_take(space, 1, &cell, &count, &refusal.error);
    lift_limit(&limit);
    Held after = held(space);
    refusal.unchanged = memcmp(&before, &after, sizeof before) == 0;
    check_refusal(&refusal, FERRY_OUT_OF_MEMORY, "memfd_create", "Too many open");
    recover(space);
}

/* Each growth fails first. */
static void grow_against_address_space(rlim_t room) {
    ThunkSpace *space = open_space();
    size_t failures = 0, data = 0, code = 0, taken = 0;
    ferry_error error;
    while (taken < MANY) {
        void *cell = NULL;
        size_t count = 0;
        Limit limit = lower_limit(RLIMIT_AS, address_space() + room);
        Refusal refusal = take_in_vain(space);
        lift_limit(&limit);
        check_refusal(&refusal, FERRY_OUT_OF_MEMORY, "mmap(PROT_NONE)", "Cannot allocate memory");
        failures++;
        cr_assert_eq(thunk_take(space, SIZE_MAX, &cell, &count, &error), FERRY_OK, "%s", error.message);
        taken += count;
    }
    thunk_statistics(space, &data, &code);
    cr_assert_geq(data, (size_t)MANY * THUNK_BYTES);
    cr_assert_geq(failures, 6);
    close_space(space);
}

Test(thunk_refused, no_more_address_space_then_allowed) {
    need_exact_limits();
    grow_against_address_space(0);
}

Test(thunk_refused, too_little_address_space_then_allowed) {
    need_exact_limits();
    grow_against_address_space(2 << 20);
}

Test(thunk_refused, no_more_data_then_allowed) {
    need_exact_limits();
    ThunkSpace *space = open_space();
    Limit limit = lower_limit(RLIMIT_DATA, 4096);
    Refusal refusal = take_in_vain(space);
    lift_limit(&limit);
    check_refusal(&refusal, FERRY_OUT_OF_MEMORY, "mprotect", "Cannot allocate memory");
    recover(space);
}

/* Splits a reserved range until the system allows no more mappings; gives a few back. */
static void *use_up_mappings(size_t size, size_t spare) {
    char *range = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t at = 0;
    if (range == MAP_FAILED) return NULL;
    while (at < size && mprotect(range + at, 4096, PROT_READ) == 0) at += 8192;
    if (at >= size) return NULL;
    for (size_t i = 1; i <= spare / 2; i++) munmap(range + at - 8192 * i, 8192); /* two mappings each */
    return range;
}

/* With 0 to many mappings to spare: whichever call meets the limit, nothing is left behind. */
static void grow_against_mappings(size_t taken_before) {
    enum { SIZE = 1 << 30, SPARES = 24 };
    static Refusal refusals[SPARES];
    size_t refused = 0;
    ThunkSpace *space = open_space();
    cr_assert(take_cells(space, taken_before, SIZE_MAX, cells));
    void *range = NULL;
    for (size_t spare = 0; spare < SPARES; spare += 2) {
        range = use_up_mappings(SIZE, spare);
        refusals[refused] = take_in_vain(space);
        munmap(range, SIZE);
        if (range == NULL || refusals[refused].code == FERRY_OK) break;
        refused++;
    }
    cr_assert_not_null(range, "there is no limit on mappings below %d", SIZE / 4096);
    cr_assert_gt(refused, 0);
    for (size_t i = 0; i < refused; i++) {
        check_refusal(&refusals[i], FERRY_OUT_OF_MEMORY, "m", "Cannot allocate memory");
    }
    recover(space);
}

Test(thunk_refused, no_more_mappings_at_first_then_allowed) {
    need_exact_limits();
    grow_against_mappings(0);
}

Test(thunk_refused, no_more_mappings_for_copies_then_allowed) {
    need_exact_limits();
    enum { SMALL_CHUNKS = 256 + 1024 + 4096 + 16384 - 4 };
    grow_against_mappings(SMALL_CHUNKS);
}

Test(thunk_refused, an_allocator_without_memory_then_with) {
    allocator = meter_allocator(&meter);
    ThunkSpace *space = NULL;
    ferry_error error = {0};
    meter.fail_at = 1;
    cr_assert_eq(thunk_space_open(&allocator, &(CodeOptions){0}, &space, &error), FERRY_OUT_OF_MEMORY);
    cr_assert_null(space);
    meter.fail_at = 0;
    space = open_space();
    for (int i = 0; i < 3; i++) {
        meter.fail_at = 1;
        Refusal refusal = take_in_vain(space);
        meter.fail_at = 0;
        check_refusal(&refusal, FERRY_OUT_OF_MEMORY, "no memory", "thunks");
    }
    recover(space);
}

/* ---- no memory may become executable ---- */

Test(thunk_refused, memory_deny_write_execute_is_no_obstacle) {
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) {
        cr_skip_test("this kernel has no PR_SET_MDWE: %s", strerror(errno));
    }
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_neq(mprotect(memory, 4096, PROT_READ | PROT_EXEC), 0, "it is in force");
    ThunkSpace *space = begin();
    cr_assert(call_cells(cells, FIRST_CHUNK));
    go_on(space);
}
