/* The cache and damage: whatever the file says, reading neither crashes nor returns what was not put, and the next put
 * makes the file whole again, with all that could still be read. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <time.h>

#include "cache_ground.h"
#include "trampolines/cache_parts.h"

enum { COUNT = 64, NEW = 9000 };

static Ground ground;
static uint8_t *whole; /* the bytes of a file with the samples 0 to COUNT - 1 and some free pages */
static size_t size;

static void put(Cache *cache, uint32_t first, size_t count) {
    size_t written;
    ferry_error error = {0};
    cr_assert_eq(samples_put(cache, first, count, &written, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(written, count);
}

static Cache *open_cache(void) {
    Cache *cache;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground.folder, 0, NULL, &cache, &error), FERRY_OK, "%s", error.message);
    return cache;
}

static void make_file(void) {
    cr_assert(ground_open(&ground));
    Cache *cache = open_cache();
    for (uint32_t first = 0; first < COUNT; first += 8) put(cache, first, 8);
    cache_close(cache);
    whole = file_read(ground.file, &size);
}

static void remove_file(void) {
    free(whole);
    ground_close(&ground);
}

TestSuite(cache_damage, .init = make_file, .fini = remove_file);

static bool is_checked(ferry_error *error) {
    return file_is_right(ground.file, error);
}

/* How many samples can still be read. */
static size_t count_hits(Cache *cache, uint32_t step) {
    size_t hits = 0;
    ferry_error error = {0};
    for (uint32_t i = 0; i < COUNT; i += step) {
        Outcome outcome = sample_look(cache, i, &error);
        cr_assert(outcome == HIT || outcome == MISS || outcome == DAMAGED, "sample %u: %d %s", i, outcome,
                  error.message);
        hits += outcome == HIT;
    }
    return hits;
}

static bool mark_whole(void *context, const CacheEntry *entry) {
    unsigned number;
    if (entry->damage == NULL && sscanf(entry->name, "sample %u", &number) == 1 && number < COUNT)
        ((bool *)context)[number] = true;
    return true;
}

/* How many of the samples are in the list; a damaged file may have one twice. */
static size_t count_listed(Cache *cache) {
    bool marks[COUNT] = {false};
    size_t count = 0;
    ferry_error error;
    ferry_code code = cache_list(cache, mark_whole, marks, &error);
    cr_assert(code == FERRY_OK || code == FERRY_UNFIT);
    for (size_t i = 0; i < COUNT; i++) count += marks[i];
    return count;
}

static void read_only(uint32_t step) {
    Cache *cache = open_cache();
    count_hits(cache, step);
    cache_close(cache);
}

/* Reads a damaged file, repairs it by a put, and reads again. */
static void read_and_repair(uint32_t step) {
    Cache *cache = open_cache();
    size_t readable = count_hits(cache, step), listed = count_listed(cache);
    put(cache, NEW, 1);
    ferry_error error = {0};
    cr_assert(is_checked(&error), "%s", error.message);
    cr_assert_eq(sample_look(cache, NEW, &error), HIT, "%s", error.message);
    cr_assert_geq(count_listed(cache), listed, "nothing that could be read was lost");
    if (step == 1) cr_assert_geq(count_hits(cache, 1), readable < listed ? readable : listed);
    cache_close(cache);
}

Test(cache_damage, a_file_as_it_is_written_passes_every_check) {
    ferry_error error = {0};
    cr_assert(is_checked(&error), "%s", error.message);
    Cache *cache = open_cache();
    cr_assert_eq(count_hits(cache, 1), COUNT);
    for (uint32_t i = 1; i <= 100; i++) {
        put(cache, 1000 + i * 100, i % 7 == 0 ? 60 : 1);
        cr_assert(is_checked(&error), "after put %u: %s", i, error.message);
    }
    cr_assert_eq(count_hits(cache, 1), COUNT);
    cache_close(cache);
}

Test(cache_damage, cut_off_at_and_inside_every_page) {
    for (size_t at = 0; at < size; at += 4096) {
        for (size_t more = 0; more < 4096; more += 2500) {
            file_write(ground.file, whole, at + more);
            read_and_repair(16);
        }
    }
}

Test(cache_damage, cut_off_under_a_reader) {
    Cache *cache = open_cache();
    cr_assert_eq(count_hits(cache, 1), COUNT);
    for (size_t at = size; at > 4096; at -= 4096) {
        cr_assert_eq(truncate(ground.file, (off_t)(at - 1000)), 0);
        count_hits(cache, 8);
    }
    cr_assert_eq(truncate(ground.file, 0), 0);
    cr_assert_eq(count_hits(cache, 1), 0);
    cache_close(cache);
    read_and_repair(1);
}

/* The file with some bits turned over, all of them in the pages from first on. */
static void write_flipped(uint32_t *state, size_t first, size_t last, unsigned flips) {
    uint8_t *bytes = malloc(size);
    cr_assert_not_null(bytes);
    memcpy(bytes, whole, size);
    for (unsigned i = 0; i < flips; i++) {
        size_t at = first + ((size_t)next_random(state) << 12 ^ next_random(state)) % (last - first);
        bytes[at] ^= (uint8_t)(1u << next_random(state) % 8);
    }
    file_write(ground.file, bytes, size);
    free(bytes);
}

Test(cache_damage, bits_turned_over_anywhere) {
    uint32_t state = 20250101;
    for (int round = 0; round < 2500; round++) {
        write_flipped(&state, 0, size, 1 + (unsigned)round % 40);
        round % 8 == 0 ? read_and_repair(8) : read_only(4);
    }
}

Test(cache_damage, bits_turned_over_in_the_heads) {
    uint32_t state = 4;
    for (int round = 0; round < 1000; round++) {
        size_t head = round % 2 == 0 ? 0 : 4096;
        write_flipped(&state, head, head + sizeof(PageHead), 1 + (unsigned)round % 3);
        round % 10 < 3 ? read_and_repair(16) : read_only(10);
    }
}

/* The first bytes of each page: its kind, its bounds, where its nodes are. */
Test(cache_damage, bits_turned_over_where_pages_describe_themselves) {
    uint32_t state = 77;
    size_t pages = size / 4096;
    for (int round = 0; round < 2400; round++) {
        size_t page = 2 + next_random(&state) % (pages - 2);
        write_flipped(&state, page * 4096, page * 4096 + 64, 1 + (unsigned)round % 3);
        round % 6 == 0 ? read_and_repair(16) : read_only(10);
    }
}

Test(cache_damage, zeros_and_ones_in_place_of_whole_pages) {
    for (size_t at = 0; at < size; at += 4096) {
        for (int fill = 0; fill <= 0xff; fill += 0xff) {
            uint8_t *bytes = malloc(size);
            cr_assert_not_null(bytes);
            memcpy(bytes, whole, size);
            memset(bytes + at, fill, size - at < 4096 ? size - at : 4096);
            file_write(ground.file, bytes, size);
            free(bytes);
            read_and_repair(16);
        }
    }
}

Test(cache_damage, pages_in_each_others_places) {
    uint32_t state = 3;
    size_t pages = size / 4096;
    for (int round = 0; round < 150; round++) {
        uint8_t *bytes = malloc(size);
        cr_assert_not_null(bytes);
        memcpy(bytes, whole, size);
        size_t from = next_random(&state) % pages, to = next_random(&state) % pages;
        memcpy(bytes + to * 4096, whole + from * 4096, 4096);
        if (round % 2 == 0 && to >= 2) memcpy(bytes + to * 4096, &(uint64_t){to}, 8);
        file_write(ground.file, bytes, size);
        free(bytes);
        read_and_repair(16);
    }
}

/* A number in one of the heads; page is written where it lies. */
static void expect_refused_head(size_t offset, uint64_t value, size_t bytes) {
    uint8_t *copy = malloc(size);
    cr_assert_not_null(copy);
    memcpy(copy, whole, size);
    for (size_t head = 0; head <= 4096; head += 4096) memcpy(copy + head + offset, &value, bytes);
    file_write(ground.file, copy, size);
    free(copy);
    ferry_error error = {0};
    cr_assert_not(is_checked(&error), "%llu at %zu passed", (unsigned long long)value, offset);
    read_and_repair(16);
}

Test(cache_damage, heads_that_lie_are_not_believed) {
    expect_refused_head(offsetof(PageHead, magic), 1, 4);
    expect_refused_head(offsetof(PageHead, version), 999, 4);
    expect_refused_head(offsetof(PageHead, free.pad), 12345, 4);
    expect_refused_head(offsetof(PageHead, free.pad), 1 << 30, 4);
    expect_refused_head(offsetof(PageHead, main.flags), 4, 2); /* sorted duplicates */
    expect_refused_head(offsetof(PageHead, main.depth), 65535, 2);
    expect_refused_head(offsetof(PageHead, main.depth), 1, 2);
    expect_refused_head(offsetof(PageHead, main.root), UINT64_MAX - 1, 8);
    expect_refused_head(offsetof(PageHead, main.root), 1, 8);
    expect_refused_head(offsetof(PageHead, main.entries), 1, 8);
    expect_refused_head(offsetof(PageHead, free.root), 3, 8);
    expect_refused_head(offsetof(PageHead, last_page), UINT64_MAX, 8);
    expect_refused_head(offsetof(PageHead, last_page), 1 << 30, 8);
    expect_refused_head(offsetof(PageHead, last_page), 2, 8);
    expect_refused_head(offsetof(PageHead, transaction), UINT64_MAX, 8);
}

Test(cache_damage, a_damage_is_reported_with_the_files_name) {
    memset(whole, 'x', 8192);
    file_write(ground.file, whole, size);
    Cache *cache = open_cache();
    ferry_error error = {0};
    cr_assert_eq(sample_look(cache, 1, &error), DAMAGED);
    cr_assert_eq(strncmp(error.message, ground.file, strlen(ground.file)), 0, "%s", error.message);
    cache_close(cache);
}

/* All bytes of one value, one after the other: no change of it is ever taken for code. */
Test(cache_damage, no_byte_of_a_value_can_be_changed_unnoticed) {
    static Sample sample;
    static uint8_t value[2 * SAMPLE_CODE_MOST];
    sample_make(&sample, 3);
    size_t bytes = value_size(&sample.item);
    value_encode(&sample.item, time(NULL), value);
    Value decoded;
    cr_assert_null(value_decode(value, bytes, &decoded));
    cr_assert(value_is_of(&decoded, &sample.item.key) && blob_is(&decoded.blob, &sample.item.blob));
    for (size_t i = 0; i < bytes * 8; i++) {
        value[i / 8] ^= (uint8_t)(1 << i % 8);
        cr_assert_not_null(value_decode(value, bytes, &decoded), "bit %zu", i);
        value[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < bytes; i++) cr_assert_not_null(value_decode(value, i, &decoded), "%zu bytes", i);
}

/* Sizes that do not add up, under a checksum that is right. */
Test(cache_damage, a_value_whose_parts_do_not_fit_is_refused_even_with_a_right_checksum) {
    static Sample sample;
    static uint8_t value[2 * SAMPLE_CODE_MOST];
    sample_make(&sample, 3);
    size_t bytes = value_size(&sample.item);
    static const size_t fields[] = {offsetof(ValueHead, code_size),  offsetof(ValueHead, unwind_size),
                                    offsetof(ValueHead, shape_size), offsetof(ValueHead, maker_size),
                                    offsetof(ValueHead, name_size),  offsetof(ValueHead, unwind_fixup)};
    static const uint32_t numbers[] = {UINT32_MAX, 0x7fffffff, 0xfffff};
    for (size_t i = 0; i < COUNT_OF(fields) * COUNT_OF(numbers); i++) {
        Value decoded;
        value_encode(&sample.item, 1, value);
        memcpy(value + fields[i / COUNT_OF(numbers)], &numbers[i % COUNT_OF(numbers)], 4);
        value_renew(value, bytes, 1);
        cr_assert_str_eq(value_decode(value, bytes, &decoded), "its parts do not fit in it");
    }
}
