/* Writers that are killed at any moment. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "ground.h"

enum { KILLS = 150 };

static Ground ground;

static void open_ground(void) {
    cr_assert(ground_open(&ground));
}

static void close_ground(void) {
    ground_close(&ground);
}

TestSuite(cache_killed, .init = open_ground, .fini = close_ground, .timeout = 120);

/* What a writer says of itself: cache_put returned for all samples below `done`; `writing`: it is at it. */
typedef struct Progress {
    _Atomic uint32_t done;
    _Atomic bool writing;
    _Atomic uint32_t failed;
} Progress;

static void write_for_ever(Progress *progress, size_t limit, uint32_t batch_most, uint32_t seed) {
    Cache *cache;
    ferry_error error = {0};
    uint32_t state = seed;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    if (cache_open(ground.folder, limit, NULL, &cache, &error) != FERRY_OK) _exit(1);
    for (;;) {
        size_t count = 1 + next_random(&state) % batch_most, written;
        uint32_t first = atomic_load(&progress->done);
        atomic_store(&progress->writing, true);
        if (samples_put(cache, first, count, &written, &error) == FERRY_OK)
            atomic_store(&progress->done, first + (uint32_t)count);
        else
            atomic_fetch_add(&progress->failed, 1);
    }
}

/* Kills it at a random moment, every other time after it could put something; or (wanted) right after that file came to
 * be. */
static void kill_one(Progress *progress, size_t limit, uint32_t batch_most, const char *wanted, uint32_t *state) {
    uint32_t before = atomic_load(&progress->done);
    bool waits = wanted == NULL && next_random(state) % 2 == 0;
    atomic_store(&progress->writing, false);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) write_for_ever(progress, limit, batch_most, *state);
    while (!atomic_load(&progress->writing)) sleep_microseconds(20);
    double end = seconds() + 0.2;
    while (wanted != NULL && access(wanted, F_OK) != 0 && seconds() < end) sleep_microseconds(1);
    while (waits && atomic_load(&progress->done) == before && seconds() < end) sleep_microseconds(20);
    sleep_microseconds(next_random(state) % (wanted == NULL ? 4000 : 200));
    kill(child, SIGKILL);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "status %x", (unsigned)status);
}

Test(cache_killed, in_the_middle_of_puts_nothing_is_lost_and_nobody_is_held_up) {
    Progress *progress = new_shared(sizeof *progress);
    uint32_t state = 1, checked = 0;
    for (int i = 0; i < KILLS; i++) {
        kill_one(progress, 0, 12, NULL, &state);
        if (access(ground.file, F_OK) == 0) expect_right(&ground);
        Cache *cache = open_cache(&ground, 0);
        uint32_t done = atomic_load(&progress->done);
        for (; checked < done; checked++) expect(cache, checked, HIT);
        for (int j = 0; j < 5 && done != 0; j++) expect(cache, next_random(&state) % done, HIT);
        cache_close(cache);
    }
    cr_assert_gt(checked, KILLS / 4);
    cr_assert_eq(atomic_load(&progress->failed), 0);
    Cache *cache = open_cache(&ground, 0);
    for (uint32_t i = 0; i < checked; i++) expect(cache, i, HIT);
    cache_close(cache);
    munmap(progress, sizeof *progress);
}

static bool is_whole(void *context, const CacheEntry *entry) {
    (void)context;
    cr_assert_null(entry->damage, "%s: %s", entry->name, entry->damage);
    return true;
}

/* The file is made anew every few puts; one that was left behind half-made is no obstacle. */
Test(cache_killed, while_room_is_made_the_file_stays_whole) {
    enum { LIMIT = 96 << 10 };
    Progress *progress = new_shared(sizeof *progress);
    uint32_t state = 2, left_behind = 0;
    char half_made[160];
    snprintf(half_made, sizeof half_made, "%s/data.new", ground.folder);
    for (int i = 0; i < KILLS; i++) {
        ferry_error error = {0};
        kill_one(progress, LIMIT, 3, i % 2 == 0 ? half_made : NULL, &state);
        left_behind += access(half_made, F_OK) == 0;
        if (access(ground.file, F_OK) != 0) continue;
        expect_right(&ground);
        Cache *cache = open_cache(&ground, LIMIT);
        cr_assert_eq(cache_list(cache, is_whole, NULL, &error), FERRY_OK, "%s", error.message);
        cache_close(cache);
    }
    cr_assert_gt(left_behind, 0, "none was killed while it made a file");
    cr_assert_eq(atomic_load(&progress->failed), 0);
    Cache *cache = open_cache(&ground, LIMIT);
    put(cache, 1000000, 3);
    cr_assert_neq(access(half_made, F_OK), 0);
    expect(cache, 1000000, HIT);
    cache_close(cache);
    munmap(progress, sizeof *progress);
}
