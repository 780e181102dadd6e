/* The cache: what was put is found, and nothing else is. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <time.h>

#include "cache_ground.h"
#include "trampolines/cache_parts.h"

static Ground ground;

static void open_ground(void) {
    cr_assert(ground_open(&ground));
}

static void close_ground(void) {
    ground_close(&ground);
}

TestSuite(cache, .init = open_ground, .fini = close_ground);

static Cache *open_cache(size_t limit, const ferry_allocator *allocator) {
    Cache *cache = NULL;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground.folder, limit, allocator, &cache, &error), FERRY_OK, "%s", error.message);
    return cache;
}

static size_t put(Cache *cache, uint32_t first, size_t count) {
    size_t written = 0;
    ferry_error error = {0};
    cr_assert_eq(samples_put(cache, first, count, &written, &error), FERRY_OK, "%s", error.message);
    return written;
}

static void expect(Cache *cache, uint32_t number, Outcome outcome) {
    ferry_error error = {0};
    Outcome found = sample_look(cache, number, &error);
    cr_assert_eq(found, outcome, "sample %u: %d, not %d: %s", number, found, outcome, error.message);
}

static CacheStatistics statistics_of(Cache *cache) {
    CacheStatistics statistics;
    ferry_error error = {0};
    cr_assert_eq(cache_statistics(cache, &statistics, &error), FERRY_OK, "%s", error.message);
    return statistics;
}

/* ---- putting and finding ---- */

Test(cache, without_a_folder_it_is_empty_and_makes_nothing) {
    Cache *cache = open_cache(0, NULL);
    expect(cache, 1, MISS);
    size_t removed = 7;
    ferry_error error;
    cr_assert_eq(statistics_of(cache).entries, 0);
    cr_assert_eq(cache_clear(cache, &removed, &error), FERRY_OK);
    cr_assert_eq(removed, 0);
    cache_close(cache);
    cr_assert_neq(access(ground.folder, F_OK), 0);
    cache_close(NULL);
}

Test(cache, what_was_put_is_found_by_others_and_by_later_ones) {
    enum { COUNT = 500 };
    Cache *cache = open_cache(0, NULL), *other = open_cache(0, NULL);
    expect(other, 0, MISS);
    for (uint32_t first = 0; first < COUNT; first += 50) cr_assert_eq(put(cache, first, 50), 50);
    for (uint32_t i = 0; i < COUNT; i++) {
        expect(cache, i, HIT);
        expect(other, i, HIT);
        expect(cache, COUNT + i, MISS);
    }
    cache_close(cache);
    cache_close(other);
    cache = open_cache(0, NULL);
    for (uint32_t i = 0; i < COUNT; i++) expect(cache, i, HIT);
    expect(cache, COUNT, MISS);
    cache_close(cache);
}

Test(cache, folder_and_files_are_for_their_user_alone) {
    Cache *cache = open_cache(0, NULL);
    put(cache, 0, 1);
    struct stat status;
    cr_assert_eq(stat(ground.folder, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    cr_assert_eq(stat(ground.file, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    cr_assert_eq(stat(ground.lock, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    cache_close(cache);
}

Test(cache, parents_that_are_missing_are_made_for_their_user_alone) {
    Cache *cache;
    ferry_error error;
    struct stat status;
    size_t written;
    char parent[128], folder[160];
    snprintf(parent, sizeof parent, "%s/.cache", ground.root);
    snprintf(folder, sizeof folder, "%s/deep/ferry", parent);
    cr_assert_eq(cache_open(folder, 0, NULL, &cache, &error), FERRY_OK);
    cr_assert_eq(samples_put(cache, 0, 1, &written, &error), FERRY_OK, "%s", error.message);
    expect(cache, 0, HIT);
    cr_assert_eq(stat(parent, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    cache_close(cache);
}

Test(cache, what_is_there_is_not_written_again) {
    Cache *cache = open_cache(0, NULL);
    cr_assert_eq(put(cache, 0, 20), 20);
    size_t before, after;
    uint8_t *old = file_read(ground.file, &before);
    cr_assert_eq(put(cache, 0, 20), 0);
    uint8_t *new = file_read(ground.file, &after);
    cr_assert(before == after && memcmp(old, new, before) == 0);
    cr_assert_eq(put(cache, 10, 20), 10);
    free(old);
    free(new);
    cache_close(cache);
}

Test(cache, every_difference_of_a_key_is_a_miss) {
    static Sample sample;
    Cache *cache = open_cache(0, NULL);
    put(cache, 5, 1);
    sample_make(&sample, 5);
    for (size_t i = 0; i <= SAMPLE_SHAPE_SIZE + 2; i++) {
        CacheKey key = sample.item.key;
        Arena arena = {0};
        Blob blob;
        bool found = true;
        ferry_error error;
        char maker[80];
        if (i < SAMPLE_SHAPE_SIZE) sample.shape[i] ^= 1;
        if (i == SAMPLE_SHAPE_SIZE) key.shape_size--;
        snprintf(maker, sizeof maker, "%s%s", sample.maker, i == SAMPLE_SHAPE_SIZE + 1 ? "x" : "");
        if (i == SAMPLE_SHAPE_SIZE + 2) maker[0] ^= 1;
        key.maker = maker;
        cr_assert_eq(cache_get(cache, &key, &arena, &blob, &found, &error), FERRY_OK);
        cr_assert_not(found, "difference %zu", i);
        if (i < SAMPLE_SHAPE_SIZE) sample.shape[i] ^= 1;
        arena_free(&arena);
    }
    expect(cache, 5, HIT);
    cache_close(cache);
}

/* A value under a name that is not its own: as if two keys had one digest. */
Test(cache, a_value_that_describes_something_else_is_never_returned) {
    static Sample one, other;
    Cache *cache = open_cache(0, NULL);
    put(cache, 1, 1);
    sample_make(&one, 1);
    sample_make(&other, 2);
    CacheName names[2] = {cache_name_of(&one.item.key), cache_name_of(&other.item.key)};
    size_t size;
    uint8_t *bytes = file_read(ground.file, &size);
    uint8_t *at = memmem(bytes, size, &names[0], sizeof names[0]);
    cr_assert_not_null(at);
    for (; at != NULL; at = memmem(bytes, size, &names[0], sizeof names[0])) memcpy(at, &names[1], sizeof names[1]);
    file_write(ground.file, bytes, size);
    free(bytes);
    ferry_error error;
    cr_assert_eq(sample_look(cache, 2, &error), DAMAGED);
    cr_assert_not_null(strstr(error.message, "describes other code"), "%s", error.message);
    cr_assert_not_null(strstr(error.message, ground.file), "%s", error.message);
    cr_assert_eq(put(cache, 2, 1), 1, "and it is written anew");
    expect(cache, 2, HIT);
    cache_close(cache);
}

Test(cache, what_is_too_large_is_not_kept_and_is_no_failure) {
    static uint8_t code[CACHE_VALUE_LIMIT + 1];
    static Sample sample;
    Cache *cache = open_cache(0, NULL);
    size_t written = 1;
    ferry_error error;
    sample_make(&sample, 1);
    sample.item.blob.code = code;
    sample.item.blob.code_size = sizeof code;
    cr_assert_eq(cache_put(cache, &sample.item, 1, &written, &error), FERRY_OK);
    cr_assert_eq(written, 0);
    expect(cache, 1, MISS);
    sample.item.blob.code_size = CACHE_VALUE_LIMIT - 400;
    cr_assert_eq(cache_put(cache, &sample.item, 1, &written, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(written, 1);
    cr_assert_eq(statistics_of(cache).entries, 1);
    cache_close(cache);
}

Test(cache, empty_parts_and_a_missing_name_are_kept_as_they_are) {
    CacheItem item = {.key = {"maker", NULL, 0}, .blob = {.code = (const uint8_t *)"\xc3", .code_size = 1}};
    Cache *cache = open_cache(0, NULL);
    size_t written;
    ferry_error error;
    Arena arena = {0};
    Blob blob;
    bool found;
    cr_assert_eq(cache_put(cache, &item, 1, &written, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(cache_get(cache, &item.key, &arena, &blob, &found, &error), FERRY_OK);
    cr_assert(found);
    cr_assert(blob.code_size == 1 && blob.code[0] == 0xc3 && blob.unwind_size == 0 && strcmp(blob.name, "") == 0);
    arena_free(&arena);
    cache_close(cache);
}

/* ---- limits and time ---- */

/* The time at which a sample is said to have been used; its checksum made right again. */
static void set_used(uint32_t number, int64_t used) {
    static Sample sample;
    static uint8_t value[2 * SAMPLE_CODE_MOST];
    size_t size;
    sample_make(&sample, number);
    uint8_t *bytes = file_read(ground.file, &size);
    size_t value_bytes = value_size(&sample.item);
    value_encode(&sample.item, 0, value); /* head differs in times and checksum; from the code on it is the same */
    size_t head = sizeof(ValueHead);
    uint8_t *at = bytes;
    size_t changed = 0;
    while ((at = memmem(at, size - (size_t)(at - bytes), value + head, value_bytes - head)) != NULL) {
        value_renew(at - head, value_bytes, used);
        at++;
        changed++;
    }
    cr_assert_neq(changed, 0);
    file_write(ground.file, bytes, size);
    free(bytes);
}

static int64_t used_of(Cache *cache) {
    CacheStatistics statistics = statistics_of(cache);
    cr_assert_eq(statistics.oldest_use, statistics.newest_use);
    return statistics.newest_use;
}

Test(cache, the_file_never_grows_beyond_its_limit_and_the_newest_are_there) {
    enum { LIMIT = 256 << 10, ROUNDS = 60, BATCH = 20 };
    Cache *cache = open_cache(LIMIT, NULL);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        cr_assert_eq(put(cache, round * BATCH, BATCH), BATCH);
        cr_assert_leq(statistics_of(cache).file_bytes, LIMIT);
        for (uint32_t i = 0; i < BATCH; i++) expect(cache, round * BATCH + i, HIT);
    }
    CacheStatistics statistics = statistics_of(cache);
    cr_assert_lt(statistics.entries, ROUNDS * BATCH);
    cr_assert_gt(statistics.bytes, LIMIT / 3, "room is not wasted: %zu bytes are used", statistics.bytes);
    cache_close(cache);
}

Test(cache, those_not_used_for_the_longest_time_make_room) {
    enum { LIMIT = 256 << 10, OLD = 40 };
    Cache *cache = open_cache(LIMIT, NULL);
    put(cache, 0, OLD);
    int64_t now = time(NULL);
    for (uint32_t i = 0; i < OLD; i++) set_used(i, i % 2 == 0 ? now - 10 * 86400 : now - 5);
    size_t evicted = 0;
    for (uint32_t first = 1000; evicted == 0 && first < 2000; first += 10) {
        put(cache, first, 10);
        evicted = (first - 1000) + 10 + OLD - statistics_of(cache).entries;
    }
    cr_assert_neq(evicted, 0);
    size_t old = 0, recent = 0;
    ferry_error error;
    for (uint32_t i = 0; i < OLD; i++) *(i % 2 == 0 ? &old : &recent) += sample_look(cache, i, &error) == HIT;
    cr_assert(recent == OLD / 2 || old == 0, "%zu recent ones are there, %zu old ones", recent, old);
    cr_assert_lt(old, OLD / 2);
    cache_close(cache);
}

Test(cache, a_batch_beyond_the_limit_is_refused_and_changes_nothing) {
    Cache *cache = open_cache(CACHE_LIMIT_LEAST, NULL);
    put(cache, 0, 5);
    size_t written;
    ferry_error error;
    cr_assert_eq(samples_put(cache, 100, 400, &written, &error), FERRY_SYSTEM);
    cr_assert_not_null(strstr(error.message, "limit"), "%s", error.message);
    cr_assert_eq(written, 0);
    for (uint32_t i = 0; i < 5; i++) expect(cache, i, HIT);
    for (uint32_t i = 100; i < 500; i++) expect(cache, i, MISS);
    cr_assert_eq(put(cache, 100, 5), 5);
    cache_close(cache);
}

Test(cache, a_lower_limit_than_that_of_the_file_shrinks_it_with_the_next_put) {
    Cache *cache = open_cache(0, NULL);
    put(cache, 0, 400);
    cache_close(cache);
    cache = open_cache(128 << 10, NULL);
    cr_assert_eq(put(cache, 1000, 5), 5);
    cr_assert_leq(statistics_of(cache).file_bytes, 128 << 10);
    for (uint32_t i = 1000; i < 1005; i++) expect(cache, i, HIT);
    cache_close(cache);
}

Test(cache, a_use_after_more_than_a_day_is_noted_when_the_cache_is_closed_or_written) {
    for (int by_put = 0; by_put < 2; by_put++) {
        Cache *cache = open_cache(0, NULL);
        put(cache, 3, 1);
        int64_t old = time(NULL) - 3 * 86400;
        set_used(3, old);
        cr_assert_eq(used_of(cache), old);
        expect(cache, 3, HIT);
        if (by_put) put(cache, 4, 1);
        if (!by_put) cache_close(cache);
        if (!by_put) cache = open_cache(0, NULL);
        cr_assert_geq(statistics_of(cache).oldest_use, time(NULL) - 60);
        expect(cache, 3, HIT);
        cache_close(cache);
    }
}

Test(cache, a_use_on_the_same_day_writes_nothing) {
    Cache *cache = open_cache(0, NULL);
    put(cache, 3, 1);
    int64_t today = time(NULL) - 3600;
    set_used(3, today);
    expect(cache, 3, HIT);
    cache_close(cache);
    cache = open_cache(0, NULL);
    cr_assert_eq(used_of(cache), today);
    cache_close(cache);
}

/* ---- for people ---- */

static bool count_entry(void *context, const CacheEntry *entry) {
    size_t *count = context;
    cr_assert_null(entry->damage, "%s", entry->damage);
    cr_assert_eq(strncmp(entry->maker, "ferry 0.1.0, a test", 19), 0);
    cr_assert_eq(strncmp(entry->name, "sample ", 7), 0);
    cr_assert(entry->made >= time(NULL) - 60 && entry->used >= entry->made);
    cr_assert_gt(entry->bytes, entry->code_size);
    return ++*count != 30;
}

Test(cache, list_has_every_entry_and_stops_when_told) {
    Cache *cache = open_cache(0, NULL);
    ferry_error error;
    size_t count = 0;
    put(cache, 0, 25);
    cr_assert_eq(cache_list(cache, count_entry, &count, &error), FERRY_OK);
    cr_assert_eq(count, 25);
    put(cache, 25, 25);
    count = 0;
    cr_assert_eq(cache_list(cache, count_entry, &count, &error), FERRY_OK);
    cr_assert_eq(count, 30);
    cr_assert_eq(statistics_of(cache).entries, 50);
    cr_assert_eq(statistics_of(cache).limit, CACHE_LIMIT);
    cache_close(cache);
}

Test(cache, clear_removes_all_and_the_cache_goes_on) {
    Cache *cache = open_cache(0, NULL), *other = open_cache(0, NULL);
    size_t removed;
    ferry_error error;
    put(cache, 0, 25);
    expect(other, 3, HIT);
    cr_assert_eq(cache_clear(cache, &removed, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(removed, 25);
    expect(cache, 3, MISS);
    cr_assert_eq(put(cache, 3, 1), 1);
    expect(cache, 3, HIT);
    expect(other, 4, MISS);
    expect(other, 3, HIT);
    cache_close(cache);
    cache_close(other);
}

/* ---- memory ---- */

typedef struct Meter {
    size_t left; /* allocations before memory runs out */
    size_t bytes;
} Meter;

static void *meter_allocate(void *context, size_t size) {
    Meter *meter = context;
    if (meter->left == 0) return NULL;
    meter->left--;
    void *pointer = aligned_alloc(16, (size + 15) / 16 * 16);
    cr_assert_not_null(pointer);
    memset(pointer, 0xdb, size);
    meter->bytes += size;
    return pointer;
}

static void meter_release(void *context, void *pointer, size_t size) {
    Meter *meter = context;
    meter->bytes -= size;
    free(pointer);
}

/* All that a cache does; the first failure, or FERRY_OK. */
static ferry_code use_all(const ferry_allocator *allocator, Arena *arena, ferry_error *error) {
    static Sample samples[2];
    CacheItem items[2];
    Cache *cache;
    Blob blob;
    bool found;
    size_t written, count = 0;
    CacheStatistics statistics;
    for (uint32_t i = 0; i < 2; i++) sample_make(&samples[i], 6 + i);
    for (uint32_t i = 0; i < 2; i++) items[i] = samples[i].item;
    TRY(cache_open(ground.folder, 0, allocator, &cache, error));
    ferry_code code = cache_put(cache, items, 2, &written, error);
    for (int i = 0; i < 2 && code == FERRY_OK; i++) {
        code = cache_get(cache, &items[i].key, arena, &blob, &found, error);
        cr_assert(code != FERRY_OK || (found && blob_is(&blob, &items[i].blob)));
    }
    if (code == FERRY_OK) code = cache_list(cache, count_entry, &count, error);
    if (code == FERRY_OK) code = cache_statistics(cache, &statistics, error);
    if (code == FERRY_OK) code = cache_clear(cache, &written, error);
    cache_close(cache);
    return code;
}

Test(cache, without_memory_everything_fails_cleanly_and_nothing_is_leaked) {
    for (size_t fails = 0;; fails++) {
        Meter meter = {.left = fails};
        ferry_allocator allocator = {&meter, meter_allocate, meter_release};
        Arena arena = {.allocator = &allocator};
        ferry_error error = {0};
        ferry_code code = use_all(&allocator, &arena, &error);
        arena_free(&arena);
        cr_assert_eq(meter.bytes, 0, "after %zu allocations %zu bytes are left", fails, meter.bytes);
        if (code == FERRY_OK && meter.left != 0) break;
        cr_assert(code == FERRY_OUT_OF_MEMORY || code == FERRY_OK, "%zu: %d %s", fails, code, error.message);
        cr_assert_lt(fails, 200);
    }
}

/* ---- which folder ---- */

static const char *folder_of(const char *option, char *folder) {
    ferry_error error = {0};
    ferry_code code = cache_folder(option, folder, &error);
    if (code == FERRY_OK) return folder;
    cr_assert_eq(code, FERRY_NO_CODE);
    cr_assert_eq(strncmp(error.message, "no cache: ", 10), 0, "%s", error.message);
    return "none";
}

Test(cache, its_folder_is_the_option_then_FERRY_CACHE_DIR_then_XDG_CACHE_HOME_then_HOME) {
    char folder[PATH_MAX], here[PATH_MAX], relative[PATH_MAX + 8];
    setenv("FERRY_CACHE_DIR", "/a", 1);
    setenv("XDG_CACHE_HOME", "/b", 1);
    setenv("HOME", "/c", 1);
    cr_assert_str_eq(folder_of("/o", folder), "/o");
    cr_assert_str_eq(folder_of(NULL, folder), "/a");
    unsetenv("FERRY_CACHE_DIR");
    cr_assert_str_eq(folder_of(NULL, folder), "/b/ferry");
    setenv("XDG_CACHE_HOME", "relative", 1);
    cr_assert_str_eq(folder_of(NULL, folder), "/c/.cache/ferry");
    unsetenv("XDG_CACHE_HOME");
    cr_assert_str_eq(folder_of(NULL, folder), "/c/.cache/ferry");
    unsetenv("HOME");
    cr_assert_str_eq(folder_of(NULL, folder), "none");
    cr_assert_not_null(getcwd(here, sizeof here));
    snprintf(relative, sizeof relative, "%s/x/y", here);
    cr_assert_str_eq(folder_of("x/y", folder), relative);
}

Test(cache, off_empty_and_endless_names_are_none) {
    char folder[PATH_MAX], endless[PATH_MAX + 2];
    setenv("HOME", "/c", 1);
    setenv("FERRY_CACHE_DIR", "off", 1);
    cr_assert_str_eq(folder_of(NULL, folder), "none");
    setenv("FERRY_CACHE_DIR", "", 1);
    cr_assert_str_eq(folder_of(NULL, folder), "none");
    cr_assert_str_eq(folder_of("", folder), "none");
    memset(endless, 'a', sizeof endless);
    endless[0] = '/';
    endless[sizeof endless - 1] = '\0';
    cr_assert_str_eq(folder_of(endless, folder), "none");
}
