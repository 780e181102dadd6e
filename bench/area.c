/* area.c: where measured code lies.
 *
 * What a call takes depends on where the code happens to lie, by 15 % and more: how far from its caller, and what its
 * address shares with others in the tables of the branch predictor. So every sample runs a fresh copy of the
 * same bytes at a random address of one area, limit and ferry alike; where code lies becomes noise, and is no bias.
 * As in ferry's own slabs, code starts at a multiple of 16 and no page is ever writable and executable.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"

enum { AREA_SIZE = 2 << 20, ALIGNMENT = 16 };

struct Area {
    char *writable, *executable; /* the same memory */
    uint64_t seed;
};

static void *map(int file, int protection) {
    void *memory = mmap(NULL, AREA_SIZE, protection, MAP_SHARED, file, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

Area *area_open(void) {
    Area *area = calloc(1, sizeof *area);
    int file = memfd_create("ferry-bench", MFD_CLOEXEC);
    if (area != NULL && file >= 0 && ftruncate(file, AREA_SIZE) == 0) {
        area->seed = 0x9e3779b97f4a7c15;
        area->writable = map(file, PROT_READ | PROT_WRITE);
        area->executable = map(file, PROT_READ | PROT_EXEC);
    }
    if (file >= 0) close(file);
    if (area != NULL && area->writable != NULL && area->executable != NULL) return area;
    area_close(area);
    return NULL;
}

void area_close(Area *area) {
    if (area == NULL) return;
    if (area->writable != NULL) munmap(area->writable, AREA_SIZE);
    if (area->executable != NULL) munmap(area->executable, AREA_SIZE);
    free(area);
}

Entry *area_place(Area *area, Code code) {
    size_t places = (AREA_SIZE - code.size) / ALIGNMENT;
    size_t offset = (size_t)(next_random(&area->seed) % places) * ALIGNMENT;
    char *executable = area->executable + offset;
    memcpy(area->writable + offset, code.start, code.size);
    __builtin___clear_cache(executable, executable + code.size);
    Entry *entry;
    memcpy(&entry, &executable, sizeof entry);
    return entry;
}
