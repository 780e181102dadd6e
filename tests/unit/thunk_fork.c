/* Thunks and fork: both processes have the same thunks and cells of their own. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thunk_ground.h"

enum { COUNT = 30 * 1000, FEW = 200 };

static ThunkCell *cells[COUNT];
static ThunkCell *more[COUNT];

static int exit_code_of(pid_t child) {
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "status %x", (unsigned)status);
    return WEXITSTATUS(status);
}

static void *other_target(void) {
    return cells;
}

/* In the child: 0, or the number of the step that went wrong. */
static int use_in_child(ThunkSpace *space, size_t known) {
    if (!call_cells(cells, known)) return 1;
    if (!take_cells(space, COUNT, 64, more)) return 2;
    if (!call_cells(more, COUNT)) return 3;
    if (!call_cells(cells, known)) return 4;
    (*cells[0])[0] = (uintptr_t)&other_target;
    if (call_thunk(cells[0]) != cells) return 5;
    thunk_space_close(space);
    return 0;
}

static void use_in_parent(ThunkSpace *space, size_t known, pid_t child) {
    cr_assert(take_cells(space, COUNT, 64, more));
    cr_assert(call_cells(more, COUNT));
    cr_assert_eq(exit_code_of(child), 0);
    cr_assert(call_cells(cells, known), "the child has written into its own cells");
    cr_assert(call_cells(more, COUNT));
    thunk_space_close(space);
}

static void fork_with(size_t known) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, known, 64, cells));
    pid_t child = fork();
    if (child == 0) _exit(use_in_child(space, known));
    use_in_parent(space, known, child);
}

Test(thunk_fork, few) {
    fork_with(FEW);
}

Test(thunk_fork, many) {
    fork_with(COUNT);
}

Test(thunk_fork, the_child_of_a_bare_system_call) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, FEW, 64, cells));
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) _exit(use_in_child(space, FEW));
    use_in_parent(space, FEW, child);
}

Test(thunk_fork, the_parent_closes_while_the_child_goes_on) {
    ThunkSpace *space = open_thunks(NULL);
    int way[2];
    cr_assert_eq(pipe(way), 0);
    cr_assert(take_cells(space, FEW, 64, cells));
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(way[1]);
        _exit(read(way[0], &byte, 1) == 1 ? use_in_child(space, FEW) : 9);
    }
    thunk_space_close(space);
    cr_assert_eq(write(way[1], "x", 1), 1);
    cr_assert_eq(exit_code_of(child), 0);
}

Test(thunk_fork, a_grandchild_goes_on_too) {
    ThunkSpace *space = open_thunks(NULL);
    cr_assert(take_cells(space, FEW, 64, cells));
    pid_t child = fork();
    if (child == 0) {
        if (!take_cells(space, FEW, 64, more) || !call_cells(more, FEW)) _exit(8);
        pid_t of_child = fork();
        if (of_child == 0) _exit(use_in_child(space, FEW));
        int status = -1;
        _exit(waitpid(of_child, &status, 0) == of_child && WIFEXITED(status) ? WEXITSTATUS(status) : 9);
    }
    cr_assert_eq(exit_code_of(child), 0);
    cr_assert(call_cells(cells, FEW));
    thunk_space_close(space);
}
