/* tests/unit/cache_ground.h: a folder for a cache, samples to put in it, and what must be true of what comes out. */
#ifndef FERRY_TESTS_UNIT_CACHE_GROUND_H
#define FERRY_TESTS_UNIT_CACHE_GROUND_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

enum { SAMPLE_CODE_MOST = 20000, SAMPLE_SHAPE_SIZE = 40, SAMPLE_UNWIND_SIZE = 72 };

/* What is put under a number: the same bytes in every process. */
typedef struct Sample {
    char maker[64];
    char name[32];
    uint8_t shape[SAMPLE_SHAPE_SIZE];
    uint8_t unwind[SAMPLE_UNWIND_SIZE];
    uint8_t code[SAMPLE_CODE_MOST];
    CacheItem item;
} Sample;

static inline uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static inline void fill_random(uint32_t *state, uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)next_random(state);
}

/* Mostly some hundred bytes; one in eight needs overflow pages. */
static inline void sample_make(Sample *sample, uint32_t number) {
    uint32_t state = number * 2654435761u + 12345;
    size_t size =
        number % 8 == 7 ? 3000 + next_random(&state) % (SAMPLE_CODE_MOST - 3000) : 16 + next_random(&state) % 900;
    snprintf(sample->maker, sizeof sample->maker, "ferry 0.1.0, a test, quality %u", (unsigned)(number % 3));
    snprintf(sample->name, sizeof sample->name, "sample %u", (unsigned)number);
    fill_random(&state, sample->shape, sizeof sample->shape);
    memcpy(sample->shape, &number, sizeof number);
    fill_random(&state, sample->unwind, sizeof sample->unwind);
    fill_random(&state, sample->code, size);
    sample->item = (CacheItem){.key = {sample->maker, sample->shape, sizeof sample->shape},
                               .blob = {.code = sample->code,
                                        .code_size = size,
                                        .unwind = sample->unwind,
                                        .unwind_size = sizeof sample->unwind,
                                        .unwind_fixup = 32,
                                        .name = sample->name}};
}

static inline bool blob_is(const Blob *blob, const Blob *right) {
    return blob->code_size == right->code_size && blob->unwind_size == right->unwind_size &&
           blob->unwind_fixup == right->unwind_fixup && memcmp(blob->code, right->code, right->code_size) == 0 &&
           memcmp(blob->unwind, right->unwind, right->unwind_size) == 0 && strcmp(blob->name, right->name) == 0;
}

typedef enum Outcome { HIT, MISS, DAMAGED, WRONG_BYTES, OTHER_ERROR } Outcome;

static inline Outcome sample_look(Cache *cache, uint32_t number, ferry_error *error) {
    static _Thread_local Sample sample;
    Arena arena = {0};
    Blob blob;
    bool found = false;
    sample_make(&sample, number);
    ferry_code code = cache_get(cache, &sample.item.key, &arena, &blob, &found, error);
    Outcome outcome = code == FERRY_UNFIT ? DAMAGED : code != FERRY_OK ? OTHER_ERROR : MISS;
    if (found) outcome = code == FERRY_OK && blob_is(&blob, &sample.item.blob) ? HIT : WRONG_BYTES;
    arena_free(&arena);
    return outcome;
}

/* Puts the samples from first on, in one batch. */
static inline ferry_code samples_put(Cache *cache, uint32_t first, size_t count, size_t *written, ferry_error *error) {
    Sample *samples = malloc(count * sizeof *samples);
    CacheItem *items = malloc(count * sizeof *items);
    if (samples == NULL || items == NULL) abort();
    for (size_t i = 0; i < count; i++) {
        sample_make(&samples[i], first + (uint32_t)i);
        items[i] = samples[i].item;
    }
    ferry_code code = cache_put(cache, items, count, written, error);
    free(items);
    free(samples);
    return code;
}

/* ---- folders and files ---- */

typedef struct Ground {
    char root[64];   /* a folder of this test's own */
    char folder[96]; /* the cache's: not there yet */
    char file[128], lock[128];
} Ground;

static inline bool ground_open(Ground *ground) {
    const char *shared = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(ground->root, sizeof ground->root, "%s/ferry-cache-XXXXXX", shared);
    if (mkdtemp(ground->root) == NULL) return false;
    snprintf(ground->folder, sizeof ground->folder, "%s/ferry", ground->root);
    snprintf(ground->file, sizeof ground->file, "%s/data.mdb", ground->folder);
    snprintf(ground->lock, sizeof ground->lock, "%s/ferry.lock", ground->folder);
    return true;
}

static inline void ground_close(const Ground *ground) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", ground->root);
    if (system(command) != 0) abort();
}

static inline uint8_t *file_read(const char *path, size_t *size) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) abort();
    uint8_t *bytes = malloc((size_t)status.st_size + 1);
    if (bytes == NULL || read(file, bytes, (size_t)status.st_size) != status.st_size) abort();
    close(file);
    *size = (size_t)status.st_size;
    return bytes;
}

static inline void file_write(const char *path, const void *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || (size != 0 && write(file, bytes, size) != (ssize_t)size)) abort();
    close(file);
}

/* Whether the file is as LMDB leaves one. */
static inline bool file_is_right(const char *path, ferry_error *error) {
    CachePages pages;
    bool changed;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    cache_pages_open(&pages, file, NULL);
    ferry_code code = cache_pages_refresh(&pages, &changed, error);
    if (code == FERRY_OK) code = cache_pages_check(&pages, error);
    cache_pages_close(&pages);
    close(file);
    return code == FERRY_OK;
}

#endif
