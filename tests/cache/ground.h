/* tests/cache/ground.h: what the tests of this folder have in common. */
#ifndef FERRY_TESTS_CACHE_GROUND_H
#define FERRY_TESTS_CACHE_GROUND_H

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/cache_ground.h"

static inline Cache *open_cache(const Ground *ground, size_t limit) {
    Cache *cache = NULL;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground->folder, limit, NULL, &cache, &error), FERRY_OK, "%s", error.message);
    return cache;
}

static inline void expect(Cache *cache, uint32_t number, Outcome outcome) {
    ferry_error error = {0};
    Outcome found = sample_look(cache, number, &error);
    cr_assert_eq(found, outcome, "sample %u: %d, not %d: %s", number, found, outcome, error.message);
}

static inline void put(Cache *cache, uint32_t first, size_t count) {
    size_t written;
    ferry_error error = {0};
    cr_assert_eq(samples_put(cache, first, count, &written, &error), FERRY_OK, "%s", error.message);
}

static inline void expect_right(const Ground *ground) {
    ferry_error error = {0};
    cr_assert(file_is_right(ground->file, &error), "%s", error.message);
}

/* Memory that parent and children share. */
static inline void *new_shared(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

static inline double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void sleep_microseconds(long count) {
    struct timespec time = {count / 1000000, count % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static inline int exit_code_of(pid_t child) {
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "status %x", (unsigned)status);
    return WEXITSTATUS(status);
}

#endif
