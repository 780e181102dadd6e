/* Living code and fork: parent and child share the slabs that were there. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code_blobs.h"

static CodeSpace *open_space(void) {
    CodeSpace *space = NULL;
    ferry_error error;
    cr_assert_eq(code_space_open(NULL, &(CodeOptions){.gdb = true}, &space, &error), FERRY_OK);
    return space;
}

/* NULL where it fails: usable in a child, in which Criterion's assertions are not. */
static Code *add_constant(CodeSpace *space, int value, size_t size) {
    HandMade made;
    Code *code = NULL;
    ferry_error error;
    hand_made_constant(&made, value, size);
    return code_add(space, &made.blob, &code, &error) == FERRY_OK ? code : NULL;
}

static bool is_near(const Code *left, const Code *right) { /* in one slab, of which the first has one page */
    return (uintptr_t)left->entry / 4096 == (uintptr_t)right->entry / 4096;
}

static int exit_code_of(pid_t child) {
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "status %x", (unsigned)status);
    return WEXITSTATUS(status);
}

Test(code_fork, code_from_before_runs_in_the_child) {
    CodeSpace *space = open_space();
    const Code *code = add_constant(space, 11, 6);
    pid_t child = fork();
    if (child == 0) {
        int result = call_constant(code);
        code_space_close(space);
        _exit(result);
    }
    cr_assert_eq(exit_code_of(child), 11);
    code_space_close(space);
}

/* In the child: 0, or the number of the step that went wrong. */
static int use_in_child(CodeSpace *space, Code *old, Code *kept) {
    Code *own = add_constant(space, 21, 6);
    if (own == NULL || call_constant(own) != 21) return 1;
    if (is_near(own, kept)) return 2;
    code_remove(space, old);
    Code *again = add_constant(space, 22, 6);
    if (again == NULL || call_constant(again) != 22) return 3;
    if (is_near(again, kept)) return 4;
    if (!is_near(again, own)) return 5;
    const void *place = again->entry;
    code_remove(space, again);
    again = add_constant(space, 23, 6);
    if (again == NULL || again->entry != place) return 6;
    if (call_constant(kept) != 12) return 7;
    code_remove(space, kept);
    code_space_close(space);
    return 0;
}

Test(code_fork, the_child_writes_into_new_slabs_only) {
    CodeSpace *space = open_space();
    Code *removed = add_constant(space, 10, 6), *old = add_constant(space, 11, 6), *kept = add_constant(space, 12, 6);
    code_remove(space, removed);
    uint8_t before[4096], after[4096];
    const uint8_t *page = (const uint8_t *)((uintptr_t)old->entry & ~(uintptr_t)4095);
    memcpy(before, page, sizeof before);
    pid_t child = fork();
    if (child == 0) _exit(use_in_child(space, old, kept));
    cr_assert_eq(exit_code_of(child), 0);
    memcpy(after, page, sizeof after);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_eq(call_constant(old), 11);
    cr_assert_eq(call_constant(kept), 12);
    code_space_close(space);
}

Test(code_fork, the_child_of_a_bare_system_call_writes_into_new_slabs_too) {
    CodeSpace *space = open_space();
    Code *old = add_constant(space, 11, 6), *kept = add_constant(space, 12, 6);
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) _exit(use_in_child(space, old, kept));
    cr_assert_eq(exit_code_of(child), 0);
    cr_assert_eq(call_constant(old), 11);
    code_space_close(space);
}

/* The child waits until the parent has removed code and made new, then runs its own view of the old. */
Test(code_fork, the_parent_does_not_write_over_what_the_child_may_run) {
    CodeSpace *space = open_space();
    Code *old = add_constant(space, 11, 6);
    const void *place = old->entry;
    int way[2];
    cr_assert_eq(pipe(way), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(way[1]);
        int result = read(way[0], &byte, 1) == 1 ? call_constant(old) : 0;
        code_space_close(space);
        _exit(result);
    }
    code_remove(space, old);
    Code *first = add_constant(space, 31, 6), *second = add_constant(space, 32, 6);
    cr_assert_neq(first->entry, place);
    cr_assert_neq(second->entry, place);
    cr_assert_eq(write(way[1], "x", 1), 1);
    cr_assert_eq(exit_code_of(child), 11);
    place = first->entry;
    code_remove(space, first);
    cr_assert_eq(add_constant(space, 33, 6)->entry, place, "what was made after the fork is reused");
    code_space_close(space);
}

static int grandchild(CodeSpace *space, const Code *oldest, const Code *older) {
    Code *own = add_constant(space, 43, 6);
    if (own == NULL || is_near(own, oldest) || is_near(own, older)) return 1;
    bool all_run = call_constant(oldest) == 41 && call_constant(older) == 42 && call_constant(own) == 43;
    code_space_close(space);
    return all_run ? 0 : 2;
}

Test(code_fork, a_grandchild_runs_the_code_of_both) {
    CodeSpace *space = open_space();
    const Code *oldest = add_constant(space, 41, 6);
    pid_t child = fork();
    if (child == 0) {
        const Code *older = add_constant(space, 42, 6);
        pid_t of_child = fork();
        if (of_child == 0) _exit(grandchild(space, oldest, older));
        int status = -1;
        code_space_close(space);
        _exit(waitpid(of_child, &status, 0) == of_child && WIFEXITED(status) ? WEXITSTATUS(status) : 9);
    }
    cr_assert_eq(exit_code_of(child), 0);
    code_space_close(space);
}
