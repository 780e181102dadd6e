/* Systems that give no executable memory, or only under conditions. Each test is a process of its own, so that what it
 * forbids to itself stays forbidden. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "code_blobs.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

static Meter meter;
static ferry_allocator allocator;

static CodeSpace *open_space(void) {
    CodeSpace *space = NULL;
    ferry_error error;
    allocator = meter_allocator(&meter);
    cr_assert_eq(code_space_open(&allocator, &(CodeOptions){.gdb = true}, &space, &error), FERRY_OK);
    return space;
}

static ferry_code add(CodeSpace *space, Code **code, ferry_error *error) {
    HandMade made;
    hand_made_constant(&made, 77, 6);
    return code_add(space, &made.blob, code, error);
}

enum { ANY = UINT32_MAX };

/* The system call `number` fails with EPERM, where third is not ANY only with that third argument. */
static void forbid(uint32_t number, uint32_t third) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | (third == ANY ? BPF_JGE : BPF_JEQ) | BPF_K, third == ANY ? 0 : third, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = COUNT_OF(program), .filter = program};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/* The system refuses: the message says what and why, and nothing is left behind. */
static void expect_refusal(CodeSpace *space, const char *call, const char *reason) {
    size_t mappings = count_mappings(), files = count_files(), blocks = meter.blocks;
    for (int i = 0; i < 3; i++) {
        Code *code = NULL;
        ferry_error error = {0};
        cr_assert_eq(add(space, &code, &error), FERRY_NO_CODE);
        cr_assert_eq(error.code, FERRY_NO_CODE);
        cr_assert_not_null(strstr(error.message, call), "%s", error.message);
        cr_assert_not_null(strstr(error.message, reason), "%s", error.message);
        cr_assert_null(code);
    }
    cr_assert_eq(count_mappings(), mappings);
    cr_assert_eq(count_files(), files);
    cr_assert_eq(meter.blocks, blocks);
}

static void expect_success(CodeSpace *space) {
    Code *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(add(space, &code, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(call_constant(code), 77);
}

Test(code_refused, memfd_create_forbidden_by_a_filter) {
    CodeSpace *space = open_space();
    forbid(SYS_memfd_create, ANY);
    expect_refusal(space, "memfd_create", "Operation not permitted");
    code_space_close(space);
    cr_assert_eq(meter.blocks, 0);
}

Test(code_refused, executable_mappings_forbidden_by_a_filter) {
    CodeSpace *space = open_space();
    forbid(SYS_mmap, PROT_READ | PROT_EXEC);
    expect_refusal(space, "mmap(PROT_READ | PROT_EXEC)", "Operation not permitted");
    code_space_close(space);
    cr_assert_eq(meter.blocks, 0);
}

Test(code_refused, growing_forbidden_by_a_filter) {
    CodeSpace *space = open_space();
    forbid(SYS_fallocate, ANY);
    expect_refusal(space, "fallocate", "Operation not permitted");
    code_space_close(space);
    cr_assert_eq(meter.blocks, 0);
}

Test(code_refused, code_that_was_there_goes_on_running) {
    CodeSpace *space = open_space();
    Code *code = NULL;
    ferry_error error;
    cr_assert_eq(add(space, &code, &error), FERRY_OK);
    forbid(SYS_memfd_create, ANY);
    HandMade made;
    hand_made_constant(&made, 1, 300); /* needs another slab */
    Code *other = NULL;
    cr_assert_eq(code_add(space, &made.blob, &other, &error), FERRY_NO_CODE);
    cr_assert_eq(call_constant(code), 77);
    expect_success(space); /* there is room in the first */
    code_space_close(space);
}

/* A limit that is raised again shows that a refusal is not remembered. */
static void refuse_then_allow(int resource, rlim_t small, ferry_code expected, const char *call, const char *reason) {
    struct rlimit limit, tight;
    CodeSpace *space = open_space();
    cr_assert_eq(getrlimit((__rlimit_resource_t)resource, &limit), 0);
    tight = (struct rlimit){.rlim_cur = small, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &tight), 0);
    Code *code = NULL;
    ferry_error error = {0};
    ferry_code result = add(space, &code, &error);
    cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &limit), 0);
    cr_assert_eq(result, expected);
    cr_assert_not_null(strstr(error.message, call), "%s", error.message);
    cr_assert_not_null(strstr(error.message, reason), "%s", error.message);
    expect_success(space);
    code_space_close(space);
    cr_assert_eq(meter.blocks, 0);
    cr_assert_eq(count_mappings(), 0);
}

Test(code_refused, no_more_files_then_allowed) {
    refuse_then_allow(RLIMIT_NOFILE, 3, FERRY_OUT_OF_MEMORY, "memfd_create", "Too many open");
}

Test(code_refused, files_of_limited_size_then_allowed) {
    refuse_then_allow(RLIMIT_FSIZE, 1024, FERRY_NO_CODE, "RLIMIT_FSIZE", "slab");
}

Test(code_refused, memory_deny_write_execute_is_no_obstacle) {
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) {
        cr_skip_test("this kernel has no PR_SET_MDWE: %s", strerror(errno));
    }
    void *both = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(both, MAP_FAILED, "it is in force");
    CodeSpace *space = open_space();
    Code *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(add(space, &code, &error), FERRY_OK, "%s", error.message);
    code_remove(space, code);
    expect_success(space);
    code_space_close(space);
}
