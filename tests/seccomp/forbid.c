/* forbid.c: linked into a program, it forbids it executable memory once the loader is done with it, before main, where
 * FERRY_TEST_FORBID says so: "executable" or "memfd". See forbid.h.
 *
 * A filter of system calls (seccomp) that is made of rows: such a call fails when a bit of its argument is set. What no
 * filter can see is whether the memory that mremap copies or moves is executable, so every copy (old size 0) is
 * refused, and every move to a given place. */
#define _GNU_SOURCE
#include "forbid.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { SKIPPED = 77, FAILED = 70 };

typedef struct Row {
    uint32_t call;
    uint32_t argument;
    uint32_t bits; /* one of them set: refused; */
    bool zero;     /* or: none of them */
    bool in_memfd; /* belongs to "memfd", else to "executable" */
    int reason;
} Row;

static const Row rows[] = {
    {.call = SYS_mmap, .argument = 2, .bits = PROT_EXEC, .reason = EPERM},
    {.call = SYS_mprotect, .argument = 2, .bits = PROT_EXEC, .reason = EACCES},
    {.call = SYS_pkey_mprotect, .argument = 2, .bits = PROT_EXEC, .reason = EACCES},
    {.call = SYS_mremap, .argument = 3, .bits = MREMAP_FIXED | MREMAP_DONTUNMAP, .reason = EPERM},
    {.call = SYS_mremap, .argument = 1, .bits = UINT32_MAX, .zero = true, .reason = EPERM},
    {.call = SYS_shmat, .argument = 2, .bits = SHM_EXEC, .reason = EPERM},
    {.call = SYS_memfd_create, .argument = 1, .bits = MFD_EXEC, .reason = EACCES},
    {.call = SYS_personality, .argument = 0, .bits = READ_IMPLIES_EXEC, .reason = EPERM},
    {.call = SYS_memfd_create, .argument = 1, .bits = 0, .zero = true, .in_memfd = true, .reason = EPERM},
};

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

enum { HEAD = 3, ROW = 5, TAIL = 1, ROWS = sizeof rows / sizeof *rows, LONGEST = HEAD + ROW * ROWS + TAIL };

typedef struct Program {
    struct sock_filter steps[LONGEST];
    unsigned short count;
} Program;

static void add(Program *program, uint16_t code, uint32_t number, uint8_t if_true, uint8_t if_false) {
    program->steps[program->count++] = (struct sock_filter){code, if_true, if_false, number};
}

static void add_row(Program *program, const Row *row) {
    size_t argument = offsetof(struct seccomp_data, args) + row->argument * sizeof(uint64_t); /* its low half */
    add(program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, row->call, 0, 3);
    add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)argument, 0, 0);
    add(program, BPF_JMP | BPF_JSET | BPF_K, row->bits, row->zero, !row->zero);
    add(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)row->reason, 0, 0);
}

static int install(bool memfd) {
    Program program = {.count = 0};
    add(&program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
    add(&program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    add(&program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].in_memfd == memfd) add_row(&program, &rows[i]);
    add(&program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog filter = {.len = program.count, .filter = program.steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

#else

static int install(bool memfd) {
    (void)memfd;
    errno = ENOSYS;
    return -1;
}

#endif

/* ---- what is forbidden must be refused, or the run proves nothing; what is not must work ---- */

static bool refuses(long result, int reason) {
    return result == -1 && errno == reason;
}

static const char *find_hole_in_executable(void *page) {
    if (!refuses(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EPERM))
        return "mmap";
    if (!refuses(syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC), EACCES)) return "mprotect";
    if (!refuses(syscall(SYS_pkey_mprotect, page, 4096, PROT_EXEC, -1), EACCES)) return "pkey_mprotect";
    if (!refuses(syscall(SYS_mremap, page, 0, 4096, MREMAP_MAYMOVE), EPERM)) return "mremap of a copy";
    if (!refuses(syscall(SYS_mremap, page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page), EPERM)) return "mremap";
    if (!refuses(syscall(SYS_shmat, -1, NULL, SHM_EXEC), EPERM)) return "shmat";
    if (!refuses(syscall(SYS_memfd_create, "executable", MFD_EXEC), EACCES)) return "memfd_create";
    if (!refuses(syscall(SYS_personality, READ_IMPLIES_EXEC), EPERM)) return "personality";
    if (mprotect(page, 4096, PROT_READ) != 0) return "mprotect that is not forbidden";
    if (mremap(page, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED) return "mremap that is not forbidden";
    return NULL;
}

static const char *find_hole_in_memfd(void) {
    if (!refuses(syscall(SYS_memfd_create, "any", 0), EPERM)) return "memfd_create";
    return refuses(syscall(SYS_memfd_create, "any", 8U /* MFD_NOEXEC_SEAL */), EPERM) ? NULL : "memfd_create sealed";
}

static _Noreturn void stop(int status, const char *what, const char *why) {
    fprintf(stderr, "forbid: %s: %s\n", what, why);
    _exit(status);
}

void forbid(const char *what) {
    bool memfd = strcmp(what, "memfd") == 0;
    if (!memfd && strcmp(what, "executable") != 0) stop(FAILED, what, "unknown word");
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) stop(FAILED, "mmap", strerror(errno));
    if (install(memfd) != 0) stop(SKIPPED, "this kernel has no filter of system calls", strerror(errno));
    const char *hole = memfd ? find_hole_in_memfd() : find_hole_in_executable(page);
    if (hole != NULL) stop(FAILED, hole, "not as it should be after the filter is in force");
    if (!memfd) return; /* moved */
    munmap(page, 4096);
}

__attribute__((constructor)) static void forbid_as_told(void) {
    const char *what = getenv("FERRY_TEST_FORBID");
    if (what != NULL) forbid(what);
}
