/* Tables of code: written, read, searched. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bundle_ground.h"
#include "code_blobs.h"

static Bundle opened(const Made *made) {
    Bundle bundle = {0};
    ferry_error error = {0};
    cr_assert_eq(open_made(made, &bundle, &error), FERRY_OK, "%s", error.message);
    return bundle;
}

static const uint8_t *code_of(const Bundle *bundle, size_t index) {
    const uint8_t *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(bundle_code(bundle, index, &code, &error), FERRY_OK, "%s", error.message);
    return code;
}

/* Everything that was put in comes out, and nothing else. */
static void check_contents(const Made *made, const Bundle *bundle, bool described) {
    cr_assert_eq(bundle->header->count, made->count);
    for (size_t i = 0; i < made->count; i++) {
        const MadeItem *item = &made->items[i];
        cr_assert_eq(bundle_find(bundle, item->digest), (int64_t)i);
        cr_assert_eq(bundle->entries[i].code_size, item->code_size);
        cr_assert_eq(bundle->entries[i].quality, made->numbers[i] % 2 ? FERRY_QUICK : FERRY_BETTER);
        cr_assert_eq(memcmp(code_of(bundle, i), item->code, item->code_size), 0);
        cr_assert_str_eq(bundle_name(bundle, i), described ? item->name : "");
        if (!described) continue;
        cr_assert_eq(bundle->entries[i].shape_at % 8, 0);
        cr_assert_eq(bundle->entries[i].shape_size, item->shape_size);
        cr_assert_eq(memcmp(bundle->table + bundle->entries[i].shape_at, item->shape, item->shape_size), 0);
    }
}

Test(bundle, what_is_written_is_read) {
    static const size_t counts[] = {0, 1, 2, 3, 4, 7, 64, 2000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        Made made;
        make_table(counts[i], true, i % 2, &made);
        Bundle bundle = opened(&made);
        check_contents(&made, &bundle, true);
        cr_assert_str_eq(bundle.header->ferry, "0.1.0");
        cr_assert_str_eq(bundle.header->llvm, "LLVM 22.1.8");
        cr_assert_str_eq(bundle.header->target, "x86_64-linux");
        cr_assert_str_eq(bundle.header->features, "+avx,+avx2");
        free_made(&made);
    }
}

Test(bundle, a_prelude_needs_no_descriptions) {
    Made made;
    make_table(300, false, true, &made);
    Bundle bundle;
    bundle_open_own(made.bytes, &bundle);
    check_contents(&made, &bundle, false);
    cr_assert_eq(made.table_size, sizeof(BundleHeader) + 300 * sizeof(BundleEntry));
    free_made(&made);
}

Test(bundle, a_prelude_of_another_version_is_an_empty_one) {
    Made made;
    make_table(3, false, true, &made);
    uint32_t *const fields[] = {&made_header(&made)->format, &made_header(&made)->contract,
                                (uint32_t *)(void *)made.bytes};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        Bundle bundle;
        *fields[i] += 1;
        bundle_open_own(made.bytes, &bundle);
        cr_assert_eq(bundle.header->count, 0u);
        cr_assert_eq(bundle_find(&bundle, made.items[0].digest), -1);
        *fields[i] -= 1;
        bundle_open_own(made.bytes, &bundle);
        cr_assert_eq(bundle.header->count, 3u);
    }
    free_made(&made);
}

Test(bundle, code_runs_where_it_lies) {
    Made made;
    make_table(50, true, true, &made);
    cr_assert_eq(mprotect(made.bytes, made.size, PROT_READ | PROT_EXEC), 0);
    Bundle bundle = opened(&made);
    for (size_t i = 0; i < made.count; i++) {
        const uint8_t *code = code_of(&bundle, i);
        int (*function)(void);
        memcpy(&function, &code, sizeof function);
        cr_assert_eq((uint32_t)function(), made.numbers[i]);
    }
    free_made(&made);
}

Test(bundle, the_same_items_in_any_order_give_the_same_bytes) {
    for (size_t count = 0; count < 40; count++) {
        Made left, right;
        make_table(count, true, false, &left);
        make_table(count, true, true, &right);
        cr_assert_eq(left.size, right.size);
        cr_assert_eq(memcmp(left.bytes, right.bytes, left.size), 0);
        free_made(&left);
        free_made(&right);
    }
}

/* ---- finding ---- */

static void expect_no(const Bundle *bundle, uint64_t high, uint64_t low) {
    cr_assert_eq(bundle_find(bundle, (Digest){.low = low, .high = high}), -1);
}

Test(bundle, what_is_not_there_is_not_found) {
    static const size_t counts[] = {0, 1, 2, 3, 5, 100};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        Made made;
        make_table(counts[c], true, true, &made);
        Bundle bundle = opened(&made);
        expect_no(&bundle, 0, 0);
        expect_no(&bundle, UINT64_MAX, UINT64_MAX);
        for (size_t i = 0; i < made.count; i++) {
            Digest digest = made.items[i].digest;
            expect_no(&bundle, digest.high, digest.low + 1);
            expect_no(&bundle, digest.high, digest.low - 1);
            expect_no(&bundle, digest.high + 1, digest.low);
            expect_no(&bundle, digest.high - 1, digest.low);
            expect_no(&bundle, digest.low, digest.high);
        }
        free_made(&made);
    }
}

/* Digests of which many begin in the same way: no shapes have such ones. */
Test(bundle, digests_with_the_same_half_are_told_apart) {
    enum { COUNT = 24 };
    BundleItem items[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = (BundleItem){.digest = {.high = i / 8, .low = 10 * (i % 8)}, .quality = FERRY_QUICK};
    }
    Arena arena = {0};
    uint8_t *table;
    size_t size;
    ferry_error error = {0};
    cr_assert_eq(bundle_write(&(BundleHeader){0}, items, COUNT, &arena, &table, &size, &error), FERRY_OK, "%s",
                 error.message);
    Bundle bundle;
    bundle_open_own(table, &bundle);
    for (uint64_t i = 0; i < COUNT; i++) {
        cr_assert_eq(bundle_find(&bundle, (Digest){.high = i / 8, .low = 10 * (i % 8)}), (int64_t)i);
        expect_no(&bundle, i / 8, 10 * (i % 8) + 1);
    }
    expect_no(&bundle, 3, 0);
    arena_free(&arena);
}

/* Texts such that the header, read as two entries, would hold what is looked for. */
Test(bundle, the_header_is_no_entry) {
    BundleHeader about = {0};
    memset(about.features, 'A', 60);
    memset(about.target, 'B', 39);
    Digest looked_for;
    memcpy(&looked_for.high, about.features, 8);
    memcpy(&looked_for.low, about.target + 32, 8);
    BundleItem item = {.digest = {.high = looked_for.high, .low = 1}, .quality = FERRY_QUICK};
    Arena arena = {0};
    uint8_t *table;
    size_t size;
    ferry_error error = {0};
    cr_assert_eq(bundle_write(&about, &item, 1, &arena, &table, &size, &error), FERRY_OK, "%s", error.message);
    Bundle bundle;
    bundle_open_own(table, &bundle);
    cr_assert_eq(bundle_find(&bundle, item.digest), 0);
    expect_no(&bundle, looked_for.high, looked_for.low);
    arena_free(&arena);
}

/* ---- code ---- */

Test(bundle, damaged_code_is_not_handed_out) {
    Made made;
    make_table(20, true, true, &made);
    Bundle bundle = opened(&made);
    for (size_t i = 0; i < made.count; i++) {
        uint8_t *code = made.bytes + made.code_at + i * MADE_CODE_ROOM;
        for (size_t bit = 0; bit < 8 * (size_t)made.items[i].code_size; bit++) {
            const uint8_t *found = NULL;
            ferry_error error = {0};
            code[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_eq(bundle_code(&bundle, i, &found, &error), FERRY_UNFIT);
            cr_assert_not_null(strstr(error.message, made.items[i].name), "%s", error.message);
            cr_assert_null(found);
            code[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    check_contents(&made, &bundle, true);
    free_made(&made);
}

Test(bundle, there_is_no_code_behind_the_last) {
    Made made;
    make_table(2, true, true, &made);
    Bundle bundle = opened(&made);
    const uint8_t *found = NULL;
    ferry_error error = {0};
    cr_assert_eq(bundle_code(&bundle, 2, &found, &error), FERRY_INVALID);
    cr_assert_str_eq(error.message, "the table has no entry 2");
    free_made(&made);
}

/* ---- what is not written ---- */

typedef struct Refusal {
    BundleItem item; /* of two: the first is a good one */
    const char *reason;
} Refusal;

static ferry_code write_two(const BundleHeader *about, const MadeItem *good, const BundleItem *item,
                            const ferry_allocator *allocator, ferry_error *error) {
    BundleItem items[] = {{good->shape, good->shape_size, good->digest, good->name, FERRY_QUICK}, *item};
    Arena arena = {.allocator = allocator};
    uint8_t *table;
    size_t size;
    ferry_code code = bundle_write(about, items, 2, &arena, &table, &size, error);
    arena_free(&arena);
    return code;
}

Test(bundle, items_that_cannot_be_right_are_not_written) {
    MadeItem good, item, other;
    make_item(1, &good);
    make_item(2, &item);
    make_item(3, &other);
    const Refusal refusals[] = {
        {{item.shape, item.shape_size, other.digest, "x", FERRY_QUICK}, "the digest of another shape than \"x\""},
        {{item.shape, item.shape_size + 8, item.digest, "x", FERRY_QUICK}, "a shape of 32 bytes that says it has 24"},
        {{item.shape, 8, item.digest, "x", FERRY_QUICK}, "a shape of 8 bytes"},
        {{item.shape, UINT32_MAX, item.digest, "x", FERRY_QUICK}, "a shape of 4294967295 bytes"},
        {{item.shape, item.shape_size, item.digest, NULL, FERRY_QUICK}, "a shape without a printable name"},
        {{item.shape, item.shape_size, item.digest, "a\nb", FERRY_QUICK}, "a shape without a printable name"},
        {{item.shape, item.shape_size, item.digest, "x", FERRY_BY_SHAPE},
         "quality 0 of a code is neither quick nor better"},
        {{NULL, 0, item.digest, NULL, (ferry_quality)3}, "quality 3 of a code is neither quick nor better"},
        {{good.shape, good.shape_size, good.digest, good.name, FERRY_BETTER}, "a shape comes twice: \"shape 1\""},
    };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        ferry_error error = {0};
        cr_assert_eq(write_two(&(BundleHeader){0}, &good, &refusals[i].item, NULL, &error), FERRY_INVALID, "%s",
                     refusals[i].reason);
        cr_assert_str_eq(error.message, refusals[i].reason);
    }
}

Test(bundle, headers_that_are_no_texts_are_not_written) {
    MadeItem good;
    make_item(1, &good);
    BundleItem more = {.digest = {1, 2}, .quality = FERRY_QUICK};
    BundleHeader about = {0};
    ferry_error error = {0};
    memset(about.target, 'x', sizeof about.target);
    cr_assert_eq(write_two(&about, &good, &more, NULL, &error), FERRY_INVALID);
    cr_assert_str_eq(error.message, "the target's name is no printable text of less than 40 bytes");
    about.target[39] = '\0';
    cr_assert_eq(write_two(&about, &good, &more, NULL, &error), FERRY_OK);
    about.llvm[0] = '\t';
    cr_assert_eq(write_two(&about, &good, &more, NULL, &error), FERRY_INVALID);
    cr_assert_str_eq(error.message, "LLVM's version is no printable text of less than 32 bytes");
}

/* Items of many shapes with one long name. */
static ferry_code write_named(const char *name, size_t count, Arena *arena, size_t *size, ferry_error *error) {
    MadeItem *made = calloc(count, sizeof *made);
    BundleItem *items = calloc(count, sizeof *items);
    cr_assert(made != NULL && items != NULL);
    for (size_t i = 0; i < count; i++) {
        make_item((uint32_t)i, &made[i]);
        items[i] = (BundleItem){made[i].shape, made[i].shape_size, made[i].digest, name, FERRY_QUICK};
    }
    uint8_t *table;
    ferry_code code = bundle_write(&(BundleHeader){0}, items, count, arena, &table, size, error);
    free(items);
    free(made);
    return code;
}

Test(bundle, names_and_tables_beyond_the_limit_are_not_written) {
    enum { NAME_LIMIT = 1 << 20 };
    Arena arena = {0};
    size_t size;
    ferry_error error = {0};
    char *name = malloc(NAME_LIMIT + 1);
    cr_assert_not_null(name);
    memset(name, 'n', NAME_LIMIT);
    name[NAME_LIMIT] = '\0';
    cr_assert_eq(write_named(name, 1, &arena, &size, &error), FERRY_INVALID);
    cr_assert_str_eq(error.message, "a shape without a printable name");
    name[NAME_LIMIT - 1] = '\0';
    cr_assert_eq(write_named(name, 1, &arena, &size, &error), FERRY_OK);
    cr_assert_eq(size, sizeof(BundleHeader) + sizeof(BundleEntry) + 16 + NAME_LIMIT);
    cr_assert_eq(write_named(name, 1024, &arena, &size, &error), FERRY_TOO_LARGE);
    cr_assert_str_eq(error.message, "a table of more than 1073741824 bytes");
    free(name);
    arena_free(&arena);
}

Test(bundle, no_memory_is_said) {
    MadeItem good;
    make_item(1, &good);
    BundleItem more = {.digest = {1, 2}, .quality = FERRY_QUICK};
    Meter meter = {.fail_at = 1};
    ferry_allocator allocator = meter_allocator(&meter);
    ferry_error error = {0};
    cr_assert_eq(write_two(&(BundleHeader){0}, &good, &more, &allocator, &error), FERRY_OUT_OF_MEMORY);
    cr_assert_eq(meter.blocks, 0);
}
