/* thunks.c: what stands between C and a stub, for ferry's copies and the limit's alike: the same code as ferry's own.
 *
 *   thunks   | thunk | thunk | ...      each 48 bytes
 *            : DISTANCE
 *   cells    | cell  | cell  | ...
 *
 *     thunk:   endbr64;  lea r10, [its cell];  jmp [r10]
 *
 * Each sample goes through another one of them, since where code and data lie shows in what a call takes (area.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"

enum { THUNK = 48, COUNT = 1024, SIZE = THUNK * COUNT, DISTANCE = 2 << 20 };

struct Thunks {
    char *memory; /* of DISTANCE + SIZE bytes */
    LimitCell *fixed;
    uint64_t seed;
};

#if defined(__x86_64__)

/* At which byte of it the number that lea adds begins, and the instruction behind. */
enum { NUMBER_AT = 7, BEHIND_LEA = 11 };

static const unsigned char code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0, 0, 0, 0, 0x41, 0xff, 0x22};

static bool write_thunk(unsigned char *thunk) {
    int32_t number = DISTANCE - BEHIND_LEA;
    memset(thunk, 0xcc, THUNK);
    memcpy(thunk, code, sizeof code);
    memcpy(thunk + NUMBER_AT, &number, sizeof number);
    return true;
}

const void *thunk_cell(const void *thunk) {
    unsigned char same[sizeof code];
    int32_t number;
    memcpy(same, thunk, sizeof same);
    memcpy(&number, same + NUMBER_AT, sizeof number);
    memset(same + NUMBER_AT, 0, sizeof number);
    if (memcmp(same, code, sizeof code) != 0) return NULL;
    return (const char *)thunk + BEHIND_LEA + number;
}

long errno_offset(void) {
    char *thread;
    __asm__("mov %%fs:0, %0" : "=r"(thread));
    return (char *)&errno - thread;
}

#else

static bool write_thunk(unsigned char *thunk) {
    (void)thunk;
    return false;
}

const void *thunk_cell(const void *thunk) {
    (void)thunk;
    return NULL;
}

long errno_offset(void) {
    return (char *)&errno - (char *)__builtin_thread_pointer();
}

#endif

static void *map(void *address, size_t size, int protection, int flags, int file) {
    void *memory = mmap(address, size, protection, flags, file, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

/* All the code is written to the file before it is mapped. */
static bool write_all(int file) {
    unsigned char thunk[THUNK];
    if (!write_thunk(thunk)) return false;
    for (size_t k = 0; k < COUNT; k++)
        if (write(file, thunk, THUNK) != THUNK) return false;
    return true;
}

static bool map_all(Thunks *thunks, int file) {
    thunks->memory = map(NULL, DISTANCE + SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    return thunks->memory != NULL &&
           map(thunks->memory, SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file) != NULL &&
           mprotect(thunks->memory + DISTANCE, SIZE, PROT_READ | PROT_WRITE) == 0;
}

static LimitCell *map_static_cell(void) {
    void *address = (void *)STATIC_CELL_ADDRESS; /* NOLINT(performance-no-int-to-ptr) */
    void *memory =
        map(address, sizeof(LimitCell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
    if (memory == NULL || memory == address) return memory;
    munmap(memory, sizeof(LimitCell)); /* a kernel that takes the address for a wish */
    return NULL;
}

Thunks *thunks_open(void) {
    Thunks *thunks = calloc(1, sizeof *thunks);
    int file = memfd_create("ferry-bench-thunks", MFD_CLOEXEC);
    bool made = thunks != NULL && file >= 0 && write_all(file) && map_all(thunks, file);
    if (file >= 0) close(file);
    if (!made) {
        thunks_close(thunks);
        return NULL;
    }
    thunks->seed = 0xd1b54a32d192ed03;
    thunks->fixed = map_static_cell();
    return thunks;
}

void thunks_close(Thunks *thunks) {
    if (thunks == NULL) return;
    if (thunks->memory != NULL) munmap(thunks->memory, DISTANCE + SIZE);
    if (thunks->fixed != NULL) munmap(thunks->fixed, sizeof *thunks->fixed);
    free(thunks);
}

Entry *thunks_place(Thunks *thunks, Entry *entry, const void *cell, size_t size) {
    char *thunk = thunks->memory + (size_t)(next_random(&thunks->seed) % COUNT) * THUNK;
    memcpy(thunk + DISTANCE, cell, size);
    memcpy(thunk + DISTANCE, &entry, sizeof entry);
    Entry *through;
    memcpy(&through, &thunk, sizeof through);
    return through;
}

LimitCell *thunks_static_cell(Thunks *thunks) {
    return thunks != NULL ? thunks->fixed : NULL;
}
