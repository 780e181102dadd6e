#define _GNU_SOURCE
#include "thunk_ground.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "trampolines/parts.h"

__asm__(".text\n"
        ".globl static_chain\n"
        ".hidden static_chain\n"
        ".type static_chain, @function\n"
        "static_chain:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    mov %r10, %rax\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size static_chain, . - static_chain\n");

void *call_thunk(const void *cell) {
    void *(*function)(void);
    const void *code = thunk_code(cell);
    memcpy(&function, &code, sizeof function);
    void *result = function();
    __asm__ volatile(""); /* not a tail call: it is to be seen in backtraces */
    return result;
}

ThunkSpace *open_thunks(const ferry_allocator *allocator) {
    ThunkSpace *space = NULL;
    ferry_error error = {0};
    cr_assert_eq(thunk_space_open(allocator, &(CodeOptions){0}, &space, &error), FERRY_OK, "%s", error.message);
    return space;
}

static bool is_fresh(ThunkCell *cell) {
    for (size_t i = 0; i < CELL_WORDS; i++) {
        if ((*cell)[i] != 0) return false;
    }
    return (uintptr_t)cell % 16 == 0;
}

bool take_cells(ThunkSpace *space, size_t count, size_t most, ThunkCell **cells) {
    for (size_t done = 0; done < count;) {
        void *first = NULL;
        size_t taken = 0, wanted = count - done < most ? count - done : most;
        ferry_error error;
        if (thunk_take(space, wanted, &first, &taken, &error) != FERRY_OK) return false;
        if (taken == 0 || taken > wanted) return false;
        for (size_t i = 0; i < taken; i++) {
            ThunkCell *cell = (ThunkCell *)first + i;
            if (!is_fresh(cell)) return false;
            memset(cell, 0xff, sizeof *cell);
            (*cell)[0] = (uintptr_t)&static_chain;
            cells[done++] = cell;
        }
    }
    return true;
}

bool call_cells(ThunkCell **cells, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (call_thunk(cells[i]) != cells[i]) return false;
    }
    return true;
}

void use_up_supply(void) {
    ThunkLoan loan = {0};
    void *first;
    size_t count, taken = 0;
    while (thunk_supply_lend(&loan, &first, &count)) taken += count;
    cr_assert_eq(taken, thunk_supply_count());
}

size_t address_space(void) {
    if (SANITIZED) return 0;
    char text[128] = "";
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

size_t all_mappings(void) {
    if (SANITIZED) return 0;
    char text[4096];
    size_t count = 0;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t length; (length = read(file, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < length; i++) count += text[i] == '\n';
    }
    close(file);
    return count;
}

void permissions_at(const void *address, char permissions[5]) {
    FILE *maps = fopen("/proc/self/maps", "re");
    cr_assert_not_null(maps);
    char line[4096];
    permissions[0] = '\0';
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin, end;
        char found[5];
        cr_assert_eq(sscanf(line, "%lx-%lx %4s", &begin, &end, found), 3);
        cr_assert(strchr(found, 'w') == NULL || strchr(found, 'x') == NULL, "writable and executable: %s", line);
        if ((uintptr_t)address >= begin && (uintptr_t)address < end) memcpy(permissions, found, sizeof found);
    }
    fclose(maps);
}

void forbid_call(uint32_t number, uint32_t third) {
    uint8_t test = third == ANY_ARGUMENT ? BPF_JGE : BPF_JEQ;
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | test | BPF_K, third == ANY_ARGUMENT ? 0 : third, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = COUNT_OF(program), .filter = program};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}
