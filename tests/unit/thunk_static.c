/* The thunks that come with the library: who has them, what they do, and when they are used. Each test is a process of
 * its own. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "code_blobs.h"
#include "thunk_ground.h"
#include "trampolines/parts.h"

static ThunkCell *cells[THUNK_SUPPLY];

static void need_supply(void) {
    if (thunk_supply_count() == 0) cr_skip_test("no thunks come with the library on this architecture");
}

static void forbid_mappings(void) {
    need_supply();
    forbid_call(SYS_mmap, PROT_READ | PROT_EXEC);
}

static bool is_of_library(const void *cell) {
    uintptr_t offset = (uintptr_t)cell - (uintptr_t)thunk_supply_cells;
    return offset < sizeof(ThunkCell) * THUNK_SUPPLY && offset % sizeof(ThunkCell) == 0;
}

/* How many there are still to take. */
static size_t count_left(ThunkSpace *space) {
    size_t left = 0;
    ThunkCell *cell;
    while (left <= THUNK_SUPPLY && take_cells(space, 1, 1, &cell)) left++;
    return left;
}

static ferry_code take_in_vain(ThunkSpace *space, ferry_error *error) {
    void *first = NULL;
    size_t count = 0;
    *error = (ferry_error){0};
    ferry_code code = thunk_take(space, 1, &first, &count, error);
    cr_assert_null(first);
    cr_assert_eq(count, 0);
    return code;
}

/* ---- the code ---- */

Test(thunk_static, each_hands_on_its_own_cell) {
    forbid_mappings();
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, THUNK_SUPPLY, 7, cells));
    for (size_t i = 0; i < THUNK_SUPPLY; i++) {
        if (!is_of_library(cells[i])) cr_assert_fail("cell %zu is not the library's", i);
        if (thunk_code(cells[i]) == thunk_code(cells[(i + 1) % THUNK_SUPPLY])) cr_assert_fail("thunk %zu twice", i);
    }
    cr_assert(call_cells(cells, THUNK_SUPPLY));
    thunk_space_close(space);
}

Test(thunk_static, code_is_read_only_and_cells_cannot_be_executed) {
    forbid_mappings();
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, THUNK_SUPPLY, THUNK_SUPPLY, cells));
    char permissions[5];
    for (size_t i = 0; i < THUNK_SUPPLY; i += THUNK_SUPPLY - 1) {
        permissions_at(thunk_code(cells[i]), permissions);
        cr_assert_str_eq(permissions, "r-xp");
        permissions_at(cells[i], permissions);
        cr_assert_str_eq(permissions, "rw-p");
    }
    thunk_space_close(space);
}

/* The first has them too: code of clang's -fsanitize=function reads them. */
Test(thunk_static, the_eight_bytes_before_a_thunk_can_be_read) {
    need_supply();
    uint64_t before;
    volatile uintptr_t first = (uintptr_t)thunk_code(thunk_supply_cells);
    memcpy(&before, (const void *)(first - sizeof before), sizeof before); /* NOLINT(performance-no-int-to-ptr) */
    cr_assert_eq(before, UINT64_C(0xcccccccccccccccc), "%lx", (unsigned long)before);
}

/* ---- unwinding: every instruction of a thunk is interrupted ---- */

enum { DEPTH_LIMIT = 32 };

static struct {
    uintptr_t begin, end; /* of the thunk, and */
    uintptr_t caller;     /* what called it */
    size_t interrupted;   /* in the thunk, */
    size_t found;         /* and the frame below it was the caller's */
} watch;

typedef struct Trace {
    uintptr_t frames[DEPTH_LIMIT];
    size_t depth;
} Trace;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *data) {
    Trace *trace = data;
    if (trace->depth == DEPTH_LIMIT) return _URC_END_OF_STACK;
    trace->frames[trace->depth++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static void *call_watched(const void *cell) {
    return call_thunk(cell);
}

#if defined(__x86_64__)

enum { TRAP_FLAG = 0x100 };

static void note_step(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (at < watch.begin || at >= watch.end) return;
    Trace trace = {.depth = 0};
    _Unwind_Backtrace(note_frame, &trace);
    watch.interrupted++;
    for (size_t i = 0; i + 1 < trace.depth; i++) {
        uintptr_t next = trace.frames[i + 1];
        if (trace.frames[i] == at && next > (uintptr_t)&call_thunk && next < (uintptr_t)&call_thunk + 256)
            watch.found++;
    }
}

static void step(bool on) {
    uint64_t flag = TRAP_FLAG;
    if (on)
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; or %0, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
                         :
                         : "r"(flag)
                         : "cc", "memory");
    else
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; and %0, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
                         :
                         : "r"(~flag)
                         : "cc", "memory");
}

Test(thunk_static, a_backtrace_from_any_instruction_finds_the_caller) {
    forbid_mappings();
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, THUNK_SUPPLY, 16, cells));
    struct sigaction action = {.sa_sigaction = note_step, .sa_flags = SA_SIGINFO};
    cr_assert_eq(sigaction(SIGTRAP, &action, NULL), 0);
    for (size_t i = 0; i < THUNK_SUPPLY; i += THUNK_SUPPLY - 1) {
        watch.begin = (uintptr_t)thunk_code(cells[i]);
        watch.end = watch.begin + 16;
        watch.interrupted = watch.found = 0;
        step(true);
        void *got = call_watched(cells[i]);
        step(false);
        cr_assert_eq(got, cells[i]);
        cr_assert_eq(watch.interrupted, 3, "%zu instructions", watch.interrupted);
        cr_assert_eq(watch.found, 3, "%zu backtraces", watch.found);
    }
    thunk_space_close(space);
}

#endif

/* ---- when they are used ---- */

Test(thunk_static, none_is_used_while_mapping_works) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, THUNK_SUPPLY, 512, cells));
    for (size_t i = 0; i < THUNK_SUPPLY; i++) {
        if (is_of_library(cells[i])) cr_assert_fail("cell %zu is the library's", i);
    }
    cr_assert_str_empty(thunk_error(space));
    thunk_space_close(space);
}

Test(thunk_static, the_reason_is_kept_and_the_end_of_the_supply_says_both) {
    forbid_mappings();
    ThunkSpace *space = open_thunks(NULL);
    ferry_error error;
    char number[16];
    cr_assert_str_empty(thunk_error(space), "nothing was refused yet");
    cr_assert(take_cells(space, THUNK_SUPPLY, 512, cells));
    cr_assert_not_null(strstr(thunk_error(space), "mmap(PROT_READ | PROT_EXEC)"), "%s", thunk_error(space));
    snprintf(number, sizeof number, "%d", THUNK_SUPPLY);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(take_in_vain(space, &error), FERRY_NO_CODE);
        cr_assert_not_null(strstr(error.message, number), "%s", error.message);
        cr_assert_not_null(strstr(error.message, thunk_error(space)), "%s", error.message);
        cr_assert_not_null(strstr(error.message, "Operation not permitted"), "%s", error.message);
    }
    cr_assert(call_cells(cells, THUNK_SUPPLY));
    thunk_space_close(space);
}

Test(thunk_static, mapped_ones_go_on_beside_them) {
    enum { MAPPED = 255 };
    need_supply();
    ThunkSpace *space = open_thunks(NULL);
    static ThunkCell *mapped[MAPPED];
    cr_assert(take_cells(space, MAPPED, 64, mapped));
    forbid_call(SYS_mremap, ANY_ARGUMENT);
    forbid_call(SYS_memfd_create, ANY_ARGUMENT);
    cr_assert(take_cells(space, THUNK_SUPPLY, 64, cells));
    cr_assert(is_of_library(cells[0]));
    cr_assert(!is_of_library(mapped[0]));
    cr_assert(call_cells(mapped, MAPPED));
    cr_assert(call_cells(cells, THUNK_SUPPLY));
    thunk_space_close(space);
}

/* A limit is lifted while the supply is at its end. */
Test(thunk_static, what_was_refused_is_asked_for_again_when_they_are_taken) {
    need_supply();
    ThunkSpace *space = open_thunks(NULL);
    ferry_error error;
    struct rlimit before, tight;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 1024, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    bool taken = take_cells(space, THUNK_SUPPLY, 512, cells);
    ferry_code code = take_in_vain(space, &error);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert(taken);
    cr_assert_eq(code, FERRY_NO_CODE);
    cr_assert_not_null(strstr(thunk_error(space), "RLIMIT_FSIZE"), "%s", thunk_error(space));
    static ThunkCell *mapped[THUNK_SUPPLY];
    cr_assert(take_cells(space, THUNK_SUPPLY, 512, mapped));
    cr_assert(!is_of_library(mapped[0]));
    cr_assert_str_empty(thunk_error(space));
    cr_assert(call_cells(mapped, THUNK_SUPPLY));
    cr_assert(call_cells(cells, THUNK_SUPPLY));
    thunk_space_close(space);
}

Test(thunk_static, where_they_are_to_be_used_first_memory_is_made_executable_only_once_all_are_taken) {
    need_supply();
    ThunkSpace *space = NULL;
    ferry_error error = {0};
    size_t mappings = all_mappings();
    cr_assert_eq(thunk_space_open(NULL, &(CodeOptions){.library_thunks = true}, &space, &error), FERRY_OK);
    cr_assert(take_cells(space, THUNK_SUPPLY, 100, cells));
    cr_assert(call_cells(cells, THUNK_SUPPLY));
    cr_assert_str_empty(thunk_error(space), "nothing failed");
    cr_assert_eq(all_mappings(), mappings);
    cr_assert_eq(count_mappings(), 0, "of memfds");
    static ThunkCell *mapped[100];
    cr_assert(take_cells(space, 100, 100, mapped));
    cr_assert(!is_of_library(mapped[0]));
    cr_assert(call_cells(mapped, 100));
    cr_assert_gt(count_mappings(), 0, "of memfds");
    thunk_space_close(space);
}

/* ---- who has them ---- */

Test(thunk_static, spaces_share_them_and_give_them_back_as_they_were) {
    forbid_mappings();
    ThunkSpace *one = open_thunks(NULL), *other = open_thunks(NULL);
    ferry_error error;
    size_t data, code;
    cr_assert(take_cells(one, 100, 512, cells));
    thunk_statistics(one, &data, &code);
    cr_assert_geq(data, 100 * THUNK_BYTES);
    cr_assert_lt(data, 200 * THUNK_BYTES, "they come in small runs");
    cr_assert_eq(code, 0);
    size_t others = count_left(other);
    cr_assert_geq(others, THUNK_SUPPLY - 200);
    cr_assert_lt(others, THUNK_SUPPLY - 99);
    cr_assert_eq(count_left(one), THUNK_SUPPLY - 100 - others, "the rest of its last run");
    cr_assert_eq(take_in_vain(one, &error), FERRY_NO_CODE);
    cr_assert(call_cells(cells, 100));
    thunk_space_close(other);
    cr_assert(call_cells(cells, 100), "what the other had is gone, not these");
    cr_assert_eq(count_left(one), others, "take_cells sees that they are zero");
    thunk_space_close(one);
    for (size_t i = 0; i < sizeof(ThunkCell) * THUNK_SUPPLY; i++) {
        if (thunk_supply_cells[i] != 0) cr_assert_fail("byte %zu", i);
    }
}

Test(thunk_static, opening_and_closing_many_loses_none) {
    forbid_mappings();
    for (size_t i = 0; i < 1000; i++) {
        ThunkSpace *space = open_thunks(NULL);
        cr_assert(take_cells(space, 50, 512, cells), "round %zu", i);
        cr_assert(call_cells(cells, 50));
        thunk_space_close(space);
    }
    ThunkSpace *space = open_thunks(NULL);
    cr_assert_eq(count_left(space), THUNK_SUPPLY);
    thunk_space_close(space);
}

/* ---- threads: each with a space of its own takes what it gets, calls it, and gives it back ---- */

enum { THREADS = 8, ROUNDS = 300, SHARE = THUNK_SUPPLY / THREADS };

typedef struct Borrower {
    pthread_t thread;
    size_t done; /* rounds */
} Borrower;

static void *borrow_and_return(void *argument) {
    Borrower *borrower = argument;
    static _Thread_local ThunkCell *own[SHARE];
    for (; borrower->done < ROUNDS; borrower->done++) {
        ThunkSpace *space = NULL;
        ferry_error error;
        size_t count = 1 + borrower->done % SHARE;
        if (thunk_space_open(NULL, &(CodeOptions){0}, &space, &error) != FERRY_OK) break;
        bool right = take_cells(space, count, 16, own) && call_cells(own, count);
        thunk_space_close(space);
        if (!right) break;
    }
    return NULL;
}

Test(thunk_static, threads_borrow_and_return_at_the_same_time) {
    static Borrower borrowers[THREADS];
    forbid_mappings();
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&borrowers[i].thread, NULL, borrow_and_return, &borrowers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(borrowers[i].thread, NULL), 0);
        cr_assert_eq(borrowers[i].done, ROUNDS, "thread %zu", i);
    }
    ThunkSpace *space = open_thunks(NULL);
    cr_assert_eq(count_left(space), THUNK_SUPPLY);
    thunk_space_close(space);
}

/* ---- fork ---- */

static int use_in_child(ThunkSpace *space) {
    if (!call_cells(cells, 500)) return 1;
    for (size_t i = 0; i < 500; i++) (*cells[i])[0] = 0;
    if (count_left(space) != THUNK_SUPPLY - 500) return 2;
    thunk_space_close(space);
    ThunkSpace *next = NULL;
    ferry_error error;
    if (thunk_space_open(NULL, &(CodeOptions){0}, &next, &error) != FERRY_OK) return 3;
    if (!take_cells(next, THUNK_SUPPLY, 64, cells)) return 4;
    if (!call_cells(cells, THUNK_SUPPLY)) return 5;
    thunk_space_close(next);
    return 0;
}

Test(thunk_static, a_child_has_its_own) {
    forbid_mappings();
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, 500, 64, cells));
    pid_t child = fork();
    if (child == 0) _exit(use_in_child(space));
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "status %x", (unsigned)status);
    cr_assert_eq(WEXITSTATUS(status), 0, "step %d", WEXITSTATUS(status));
    cr_assert(call_cells(cells, 500));
    cr_assert_eq(count_left(space), THUNK_SUPPLY - 500);
    thunk_space_close(space);
}
