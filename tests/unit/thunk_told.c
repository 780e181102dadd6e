/* Who knows of thunks: the unwinder, and perf by its map. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include "thunk_ground.h"

enum { COUNT = 70 * 1000 };

static ThunkCell *cells[COUNT];

/* libgcc's, behind every throw. */
struct dwarf_eh_bases {
    void *text;
    void *data;
    void *function;
};
const void *_Unwind_Find_FDE(void *address, struct dwarf_eh_bases *bases);

static bool is_known(const void *address) {
    struct dwarf_eh_bases bases = {0};
    return _Unwind_Find_FDE((void *)(uintptr_t)address, &bases) != NULL && bases.function <= address;
}

Test(thunk_told, the_unwinder_finds_every_thunk_while_it_is_there) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, COUNT, 64, cells));
    for (size_t i = 0; i < COUNT; i++) {
        const char *code = thunk_code(cells[i]);
        if (!is_known(code) || !is_known(code + THUNK_BYTES - 1)) cr_assert_fail("thunk %zu", i);
    }
    thunk_space_close(space);
    for (size_t i = 0; i < COUNT; i += 1000) cr_assert(!is_known(thunk_code(cells[i])));
}

/* A signal in the middle of a thunk: its cell cannot be read for a moment, so that the jump faults. */
static struct Interruption {
    uintptr_t *cell;
    const void *fault;
    size_t size;
    uintptr_t frames[64];
    uintptr_t functions[64];
    size_t depth;
} interruption;

static uintptr_t page_of(const void *address) {
    return (uintptr_t)address & ~(uintptr_t)4095;
}

static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *argument) {
    struct Interruption *in = argument;
    if (in->depth < COUNT_OF(in->frames)) {
        in->frames[in->depth] = _Unwind_GetIP(context);
        in->functions[in->depth++] = _Unwind_GetRegionStart(context);
    }
    return _URC_NO_REASON;
}

static void on_fault(int signal, siginfo_t *information, void *ignored) {
    (void)signal;
    (void)ignored;
    interruption.fault = information->si_addr;
    _Unwind_Backtrace(note, &interruption);
    mprotect((void *)page_of(interruption.cell), 4096, PROT_READ | PROT_WRITE);
}

static __attribute__((noinline)) bool call_and_compare(void) {
    void *result = call_thunk(interruption.cell);
    __asm__ volatile("");
    return result == interruption.cell;
}

static void interrupt(ThunkCell *cell) {
    memset(&interruption, 0, sizeof interruption);
    interruption.cell = *cell;
    cr_assert_eq(mprotect((void *)page_of(cell), 4096, PROT_NONE), 0);
    cr_assert(call_and_compare(), "it goes on afterwards");
    cr_assert_eq(interruption.fault, cell);
    size_t i = 0;
    uintptr_t code = (uintptr_t)thunk_code(cell);
    while (i < interruption.depth && interruption.frames[i] - code >= THUNK_BYTES) i++;
    cr_assert_lt(i + 3, interruption.depth, "the thunk is in the backtrace, and callers behind it");
    cr_assert_eq(interruption.functions[i + 1], (uintptr_t)&call_thunk);
    cr_assert_eq(interruption.functions[i + 2], (uintptr_t)&call_and_compare);
}

Test(thunk_told, a_backtrace_from_a_signal_handler_goes_through_a_thunk) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, COUNT, 64, cells));
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
    for (size_t i = 0; i < COUNT; i += 9999) interrupt(cells[i]);
    interrupt(cells[COUNT - 1]);
    thunk_space_close(space);
}

/* ---- perf ---- */

static size_t lines_of_map(pid_t process) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)process);
    FILE *map = fopen(path, "re");
    size_t count = 0;
    while (map != NULL && fgets(line, sizeof line, map) != NULL) count += strstr(line, " ferry:thunks\n") != NULL;
    if (map != NULL) fclose(map);
    return count;
}

static bool map_covers(pid_t process, const void *code) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)process);
    FILE *map = fopen(path, "re");
    bool found = false;
    while (map != NULL && fgets(line, sizeof line, map) != NULL) {
        uintptr_t begin = 0;
        size_t size = 0;
        if (sscanf(line, "%lx %zx", &begin, &size) == 2) found |= (uintptr_t)code - begin < size;
    }
    if (map != NULL) fclose(map);
    return found;
}

static void remove_map(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)process);
    unlink(path);
}

static ThunkSpace *open_with_map(void) {
    ThunkSpace *space = NULL;
    ferry_error error = {0};
    remove_map(getpid());
    cr_assert_eq(thunk_space_open(NULL, &(CodeOptions){.perf_map = true}, &space, &error), FERRY_OK, "%s",
                 error.message);
    return space;
}

static int told_in_child(ThunkSpace *space, size_t known) {
    remove_map(getpid());
    if (!take_cells(space, 6000, 64, cells + known)) return 1;
    if (!map_covers(getpid(), thunk_code(cells[0]))) return 2;
    if (!map_covers(getpid(), thunk_code(cells[known + 5999]))) return 3;
    thunk_space_close(space);
    remove_map(getpid());
    return 0;
}

Test(thunk_told, the_perf_map_has_a_line_for_each_chunk) {
    ThunkSpace *space = open_with_map();
    cr_assert(take_cells(space, 1300, 64, cells));
    cr_assert_eq(lines_of_map(getpid()), 3);
    for (size_t i = 0; i < 1300; i++) cr_assert(map_covers(getpid(), thunk_code(cells[i])));
    pid_t child = fork();
    if (child == 0) _exit(told_in_child(space, 1300));
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
    cr_assert_eq(lines_of_map(getpid()), 3, "the child has a map of its own");
    thunk_space_close(space);
    remove_map(getpid());
}

Test(thunk_told, without_the_option_there_is_no_perf_map) {
    remove_map(getpid());
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, 300, 64, cells));
    cr_assert_eq(lines_of_map(getpid()), 0);
    thunk_space_close(space);
}

Test(thunk_told, a_perf_map_that_cannot_be_written_is_an_error_at_once) {
    char path[64];
    ThunkSpace *space = NULL;
    ferry_error error = {0};
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    unlink(path);
    cr_assert_eq(symlink("/tmp/ferry-not-a-map", path), 0);
    cr_assert_eq(thunk_space_open(NULL, &(CodeOptions){.perf_map = true}, &space, &error), FERRY_SYSTEM);
    cr_assert_not_null(strstr(error.message, path), "%s", error.message);
    cr_assert_null(space);
    unlink(path);
}
