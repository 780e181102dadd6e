/* Disks that are full, and processes that may not write large files. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "ground.h"

static Ground ground;

static void open_ground(void) {
    cr_assert(ground_open(&ground));
}

static void close_ground(void) {
    ground_close(&ground);
}

TestSuite(cache_full, .init = open_ground, .fini = close_ground, .timeout = 60);

enum { SKIPPED = 77, FILLER = 100 << 10 };

/* Everything below is done in a child: 0, SKIPPED, or the line that went wrong. */
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) return __LINE__ % 250;                                                                       \
    } while (0)

static void run_in_child(int (*function)(void)) {
    pid_t child = fork();
    if (child == 0) _exit(function());
    int code = exit_code_of(child);
    if (code == SKIPPED) cr_skip_test("no file system can be mounted here");
    cr_assert_eq(code, 0, "line %d, modulo 250", code);
}

/* How many samples could be put, one by one, before it failed. */
static uint32_t put_until_refused(Cache *cache, uint32_t most, ferry_error *error) {
    uint32_t done = 0;
    size_t written;
    while (done < most && samples_put(cache, done, 1, &written, error) == FERRY_OK) done++;
    return done;
}

static int is_all_there(Cache *cache, uint32_t count) {
    ferry_error error;
    for (uint32_t i = 0; i < count; i++) EXPECT(sample_look(cache, i, &error) == HIT);
    EXPECT(sample_look(cache, count, &error) == MISS);
    EXPECT(file_is_right(ground.file, &error));
    return 0;
}

static bool mount_small(const char *options) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", ground.root, "tmpfs", 0, options) == 0;
}

static int fill_disk(void) {
    Cache *cache;
    ferry_error error = {0};
    size_t written;
    char filler[160];
    static char bytes[FILLER];
    if (!mount_small("size=1m")) return SKIPPED;
    snprintf(filler, sizeof filler, "%s/filler", ground.root);
    file_write(filler, bytes, sizeof bytes);
    EXPECT(cache_open(ground.folder, 0, NULL, &cache, &error) == FERRY_OK);
    uint32_t done = put_until_refused(cache, 100000, &error);
    EXPECT(done > 50 && done < 100000);
    EXPECT(error.code == FERRY_SYSTEM && strstr(error.message, "nothing was written") != NULL);
    EXPECT(is_all_there(cache, done) == 0);
    for (uint32_t i = 0; i < 20; i++) /* again and again, in other places of the file */
        EXPECT(samples_put(cache, 200000 + i, 20, &written, &error) == FERRY_SYSTEM && written == 0);
    EXPECT(is_all_there(cache, done) == 0);
    EXPECT(unlink(filler) == 0);
    EXPECT(samples_put(cache, done, 1, &written, &error) == FERRY_OK);
    EXPECT(is_all_there(cache, done + 1) == 0);
    cache_close(cache);
    return 0;
}

Test(cache_full, on_a_full_disk_nothing_is_written_and_nothing_lost) {
    run_in_child(fill_disk);
}

/* There is no room for the new file beside the old one. */
static int fill_disk_while_making_room(void) {
    Cache *cache;
    ferry_error error = {0};
    size_t written;
    char half_made[160];
    if (!mount_small("size=320k")) return SKIPPED;
    snprintf(half_made, sizeof half_made, "%s/data.new", ground.folder);
    EXPECT(cache_open(ground.folder, 256 << 10, NULL, &cache, &error) == FERRY_OK);
    uint32_t done = put_until_refused(cache, 100000, &error);
    EXPECT(done > 20 && done < 100000);
    EXPECT(error.code == FERRY_SYSTEM);
    EXPECT(is_all_there(cache, done) == 0);
    EXPECT(access(half_made, F_OK) != 0);
    EXPECT(cache_clear(cache, &written, &error) == FERRY_OK && written == done);
    EXPECT(samples_put(cache, 0, 1, &written, &error) == FERRY_OK);
    cache_close(cache);
    return 0;
}

Test(cache_full, a_new_file_that_finds_no_room_leaves_the_old_one) {
    run_in_child(fill_disk_while_making_room);
}

static int fill_empty_disk(void) {
    Cache *cache;
    ferry_error error = {0};
    size_t written;
    if (!mount_small("size=8k")) return SKIPPED;
    EXPECT(cache_open(ground.folder, 0, NULL, &cache, &error) == FERRY_OK);
    EXPECT(samples_put(cache, 0, 5, &written, &error) == FERRY_SYSTEM);
    EXPECT(sample_look(cache, 0, &error) == MISS);
    EXPECT(access(ground.file, F_OK) != 0);
    cache_close(cache);
    return 0;
}

Test(cache_full, a_disk_without_room_for_the_first_file_is_no_harm) {
    run_in_child(fill_empty_disk);
}

/* The signal that comes with a file that is too large ends a process: it must not come. */
static int stay_below_file_limit(void) {
    Cache *cache;
    ferry_error error = {0};
    size_t written;
    struct rlimit limit = {200 << 10, 200 << 10};
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(cache_open(ground.folder, 0, NULL, &cache, &error) == FERRY_OK);
    for (uint32_t i = 0; i < 120; i++) {
        EXPECT(samples_put(cache, i, 1, &written, &error) == FERRY_OK);
        EXPECT(sample_look(cache, i, &error) == HIT);
    }
    EXPECT(file_is_right(ground.file, &error));
    cache_close(cache);
    return 0;
}

Test(cache_full, a_process_that_may_not_write_large_files_makes_room_in_time) {
    run_in_child(stay_below_file_limit);
}

static int stay_above_file_limit(void) {
    Cache *cache;
    ferry_error error = {0};
    size_t written;
    EXPECT(cache_open(ground.folder, 0, NULL, &cache, &error) == FERRY_OK);
    EXPECT(samples_put(cache, 0, 200, &written, &error) == FERRY_OK);
    struct rlimit limit = {20 << 10, 20 << 10};
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(samples_put(cache, 1000, 1, &written, &error) == FERRY_SYSTEM);
    EXPECT(strstr(error.message, "limited to 20480 bytes") != NULL);
    EXPECT(is_all_there(cache, 200) == 0);
    cache_close(cache);
    return 0;
}

Test(cache_full, a_process_that_may_hardly_write_files_only_reads) {
    run_in_child(stay_above_file_limit);
}
