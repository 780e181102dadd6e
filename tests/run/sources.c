/* sources.c: code that need not be made: the cache on disk, between engines. (Bundles: tests/aot. The prelude:
 * tests/prelude.) */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/run/support.h"

/* A cache of the test's own, removed afterwards. */
static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/ferry-sources-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void) {
    char path[512];
    DIR *all = opendir(folder);
    if (all == NULL) return;
    for (struct dirent *each = readdir(all); each != NULL; each = readdir(all)) {
        snprintf(path, sizeof path, "%s/%s", folder, each->d_name);
        if (each->d_name[0] != '.') unlink(path);
    }
    closedir(all);
    rmdir(folder);
}

TestSuite(sources, .init = make_folder, .fini = remove_folder);

typedef struct Told {
    int count;
    ferry_event event;
    char message[512];
} Told;

static void note(void *context, const ferry_report *report) {
    Told *told = context;
    told->count++;
    told->event = report->event;
    snprintf(told->message, sizeof told->message, "%s", report->message);
}

static ferry_engine *engine_with_cache(ferry_policy policy, ferry_quality quality, Told *told) {
    ferry_error error;
    const ferry_engine_options options = {.policy = policy,
                                          .quality = quality,
                                          .without = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES,
                                          .cache_folder = folder,
                                          .report = told != NULL ? note : NULL,
                                          .report_context = told};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

static long sum(long a, double b, long c) {
    return a + (long)b + c;
}

static ferry_tier call_in_new_engine(ferry_policy policy, ferry_quality quality, ferry_statistics *statistics) {
    ferry_engine *engine = engine_with_cache(policy, quality, NULL);
    ferry_binding *binding = bind(engine, "long sum(long, double, long)", FUNCTION(sum), NULL);
    const double number = 20;
    uint64_t slots[3] = {1, 0, 300}, result = 0;
    memcpy(&slots[1], &number, sizeof number);
    ferry_tier tier = ferry_binding_tier(binding);
    ferry_call(binding, slots, &result);
    cr_expect_eq(result, 321);
    ferry_engine_wait(engine, 20000, NULL);
    ferry_engine_statistics(engine, statistics);
    ferry_binding_free(binding);
    free_engine(engine);
    return tier;
}

Test(sources, the_second_engine_finds_the_code_of_the_first) {
    ferry_statistics statistics;
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics), FERRY_TIER_QUICK);
    cr_expect_eq(statistics.cache_written, 1);
    cr_expect_eq(statistics.cache_misses, 1);
    cr_expect_gt(statistics.cache_write_nanoseconds, 0);
    cr_expect_str_eq(statistics.cache_error, "");
    for (int policy = FERRY_BACKGROUND; policy < FERRY_NEVER; policy++) {
        cr_expect_eq(call_in_new_engine((ferry_policy)policy, FERRY_QUICK, &statistics), FERRY_TIER_CACHE);
        cr_expect_eq(statistics.from_cache, 1);
        cr_expect_eq(statistics.cache_misses, 0);
        cr_expect_eq(statistics.compiled, 0);
        cr_expect_not(statistics.backend_loaded);
        cr_expect_gt(statistics.cache_read_nanoseconds, 0);
    }
}

Test(sources, what_the_background_makes_is_kept_too) {
    ferry_statistics statistics;
    cr_expect_eq(call_in_new_engine(FERRY_BACKGROUND, FERRY_QUICK, &statistics), FERRY_TIER_WAITING);
    cr_expect_eq(statistics.cache_written, 1, "%s", statistics.cache_error);
    cr_expect_eq(call_in_new_engine(FERRY_BACKGROUND, FERRY_QUICK, &statistics), FERRY_TIER_CACHE);
}

Test(sources, code_of_another_quality_is_another_entry) {
    ferry_statistics statistics;
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics), FERRY_TIER_QUICK);
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_BETTER, &statistics), FERRY_TIER_BETTER);
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics), FERRY_TIER_CACHE);
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_BETTER, &statistics), FERRY_TIER_CACHE);
}

Test(sources, never_makes_no_memory_executable_so_it_leaves_the_cache_alone) {
    ferry_statistics statistics;
    call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics);
    cr_expect_eq(call_in_new_engine(FERRY_NEVER, FERRY_QUICK, &statistics), FERRY_TIER_LIBFFI);
    cr_expect_eq(statistics.slab_bytes_mapped, 0);
}

Test(sources, a_folder_that_others_may_write_to_is_not_used_and_that_is_said_once) {
    Told told = {.count = 0};
    ferry_statistics statistics;
    cr_assert_eq(chmod(folder, 0777), 0);
    ferry_engine *engine = engine_with_cache(FERRY_NOW, FERRY_QUICK, &told);
    ferry_binding *first = bind(engine, "long f(long)", FUNCTION(labs), NULL);
    ferry_binding *second = bind(engine, "double f(double)", FUNCTION(labs), NULL);
    ferry_engine_statistics(engine, &statistics);
    cr_expect_eq(ferry_binding_path(first), FERRY_PATH_CODE);
    cr_expect_eq(told.count, 1);
    cr_expect_eq(told.event, FERRY_IGNORED_CACHE);
    cr_expect_not_null(strstr(told.message, folder), "%s", told.message);
    cr_expect_not_null(strstr(statistics.cache_error, folder), "%s", statistics.cache_error);
    cr_expect_eq(statistics.cache_written, 0);
    ferry_binding_free(first);
    ferry_binding_free(second);
    free_engine(engine);
    cr_assert_eq(chmod(folder, 0700), 0);
}

/* Flips one bit in every 64 bytes. */
static void damage_cache(void) {
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    int file = open(path, O_RDWR);
    cr_assert_geq(file, 0);
    cr_assert_eq(fstat(file, &status), 0);
    for (off_t at = 5; at < status.st_size; at += 64) {
        unsigned char byte;
        cr_assert_eq(pread(file, &byte, 1, at), 1);
        byte ^= 0x10;
        cr_assert_eq(pwrite(file, &byte, 1, at), 1);
    }
    close(file);
}

Test(sources, a_damaged_cache_is_not_believed_and_made_anew) {
    ferry_statistics statistics;
    call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics);
    damage_cache();
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics), FERRY_TIER_QUICK);
    cr_expect_neq(statistics.cache_error[0], '\0');
    cr_expect_eq(call_in_new_engine(FERRY_NOW, FERRY_QUICK, &statistics), FERRY_TIER_CACHE, "%s",
                 statistics.cache_error);
}

Test(sources, the_environment_may_switch_it_off) {
    ferry_error error;
    ferry_statistics statistics;
    cr_assert_eq(setenv("FERRY_CACHE_DIR", "off", 1), 0);
    const ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_PRELUDE};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    ferry_binding *binding = bind(engine, "long f(long)", FUNCTION(labs), NULL);
    ferry_engine_statistics(engine, &statistics);
    cr_expect_eq(statistics.cache_written, 0);
    cr_expect_str_eq(statistics.cache_error, "");
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(sources, what_is_no_source_cannot_be_left_out) {
    ferry_error error;
    const ferry_engine_options options = {.without = 8};
    cr_expect_null(ferry_engine_create(&options, &error));
    cr_expect_eq(error.code, FERRY_INVALID);
    cr_expect_not_null(strstr(error.message, "without"), "%s", error.message);
}
