/* Tables that are damaged, cut off, or lie: each is refused with its reason, and none leads to wrong code. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bundle_ground.h"

static void expect_refused(const Made *made, const char *reason) {
    Bundle bundle = {0};
    ferry_error error = {0};
    cr_assert_eq(open_made(made, &bundle, &error), FERRY_UNFIT, "not refused: %s", reason);
    cr_assert_eq(error.code, FERRY_UNFIT);
    cr_assert_str_eq(error.message, reason);
    cr_assert_null(bundle.table, "a refused table is left alone");
}

static void expect_opened(const Made *made) {
    Bundle bundle = {0};
    ferry_error error = {0};
    cr_assert_eq(open_made(made, &bundle, &error), FERRY_OK, "%s", error.message);
}

/* ---- one number changed ---- */

typedef struct Lie {
    size_t at;
    size_t size; /* of the number */
    uint64_t value;
    const char *reason; /* without what every reason begins with, if it begins with ':' */
} Lie;

#define HEADER(field)       offsetof(BundleHeader, field), sizeof(((BundleHeader *)0)->field)
#define ENTRY(index, field) entry_at(index) + offsetof(BundleEntry, field), sizeof(((BundleEntry *)0)->field)
#define DAMAGED             "its table is damaged: "

static size_t entry_at(size_t index) {
    return sizeof(BundleHeader) + index * sizeof(BundleEntry);
}

/* The number becomes wrong, the checksum right (with it the lie is deliberate), and then all as it was. */
static void tell(const Made *made, const Lie *lie, bool sealed) {
    uint8_t kept[8];
    uint64_t checksum = made_header(made)->checksum;
    memcpy(kept, made->bytes + lie->at, lie->size);
    memcpy(made->bytes + lie->at, &lie->value, lie->size);
    cr_assert_neq(memcmp(kept, made->bytes + lie->at, lie->size), 0, "no lie: %s", lie->reason);
    if (sealed) bundle_write_checksum(made->bytes);
    expect_refused(made, lie->reason);
    memcpy(made->bytes + lie->at, kept, lie->size);
    made_header(made)->checksum = checksum;
}

static void tell_all(const Made *made, const Lie *lies, size_t count, bool sealed) {
    for (size_t i = 0; i < count; i++) {
        tell(made, &lies[i], sealed);
        expect_opened(made);
    }
}

Test(bundle_refused, headers_of_something_else) {
    Made made;
    make_table(5, true, true, &made);
    uint32_t size = (uint32_t)made.table_size;
    const Lie lies[] = {
        {0, 1, 'F', "there is no table of a bundle in it"},
        {7, 1, 0, "there is no table of a bundle in it"},
        {HEADER(format), 2, "its table has format 2; this version of ferry reads format 1"},
        {HEADER(contract), 77, "its code is made for contract 77; this version of ferry has contract 1"},
        {HEADER(checksum), 1, DAMAGED "its checksum is wrong"},
        {HEADER(count), 4, DAMAGED "its checksum is wrong"},
        {HEADER(size), 0, DAMAGED "its size cannot be right"},
        {HEADER(size), sizeof(BundleHeader) - 8, DAMAGED "its size cannot be right"},
        {HEADER(size), size + 4, DAMAGED "its size cannot be right"},
        {HEADER(size), size + 24, DAMAGED "its end is missing"}, /* the five distances take 20 */
        {HEADER(size), UINT32_MAX - 7, DAMAGED "its end is missing"},
    };
    tell_all(&made, lies, COUNT_OF(lies), false);
    free_made(&made);
}

Test(bundle_refused, headers_that_lie) {
    Made made;
    make_table(5, true, true, &made);
    uint32_t size = (uint32_t)made.table_size;
    const Lie lies[] = {
        {HEADER(size), size - 8, DAMAGED "entry 4: its description leaves the table"},
        {HEADER(size), size + 8, DAMAGED "the distances to its code are missing"},
        {HEADER(size), sizeof(BundleHeader), DAMAGED "it has no room for its entries"},
        {HEADER(count), UINT32_MAX, DAMAGED "it has no room for its entries"},
        {HEADER(count), 0x05555556, DAMAGED "it has no room for its entries"}, /* 48 times that is 2^32 and a little */
        {HEADER(count), 6, DAMAGED "its descriptions are not behind its entries"},
        {HEADER(count), 4, DAMAGED "its descriptions are not behind its entries"},
        {HEADER(count), 0, DAMAGED "its descriptions are not behind its entries"},
        {HEADER(entries_at), 0, DAMAGED "its entries are not behind its header"},
        {HEADER(entries_at), UINT32_MAX - 47, DAMAGED "its entries are not behind its header"},
        {HEADER(shapes_at), size, DAMAGED "its descriptions are not behind its entries"},
        {HEADER(shapes_at), UINT32_MAX, DAMAGED "its descriptions are not behind its entries"},
        {offsetof(BundleHeader, ferry) + 5, 1, '\n', DAMAGED "ferry's version is no text"},
        {offsetof(BundleHeader, ferry) + 15, 1, 'x', DAMAGED "ferry's version is no text"},
        {offsetof(BundleHeader, llvm), 1, 0, DAMAGED "LLVM's version is no text"},
        {offsetof(BundleHeader, target) + 1, 1, 0x7f, DAMAGED "the target's name is no text"},
        {offsetof(BundleHeader, features) + 87, 1, '+', DAMAGED "the list of features is no text"},
    };
    tell_all(&made, lies, COUNT_OF(lies), true);
    memset(made_header(&made)->features, '+', sizeof made_header(&made)->features);
    bundle_write_checksum(made.bytes);
    expect_refused(&made, DAMAGED "the list of features is no text");
    free_made(&made);
}

Test(bundle_refused, entries_that_lie) {
    Made made;
    make_table(5, true, true, &made);
    const BundleEntry *first = made_entry(&made, 0), *second = made_entry(&made, 1), *last = made_entry(&made, 4);
    uint32_t size = (uint32_t)made.table_size;
    size_t name_at = second->shape_at + second->shape_size;
    const Lie lies[] = {
        {ENTRY(1, digest.low), 0, DAMAGED "entry 1: its description is of another shape than its digest"},
        {ENTRY(1, digest.high), 0, DAMAGED "entry 1: it is not sorted"},
        {ENTRY(1, digest.high), UINT64_MAX, DAMAGED "entry 1: its description is of another shape than its digest"},
        {ENTRY(0, digest.high), UINT64_MAX, DAMAGED "entry 0: its description is of another shape than its digest"},
        {ENTRY(1, shape_at), first->shape_at, DAMAGED "entry 1: its description is not where it belongs"},
        {ENTRY(1, shape_at), 0, DAMAGED "entry 1: its description is not where it belongs"},
        {ENTRY(1, shape_at), size, DAMAGED "entry 1: its description is not where it belongs"},
        {ENTRY(1, shape_at), UINT32_MAX - 7, DAMAGED "entry 1: its description is not where it belongs"},
        {ENTRY(1, shape_size), 0, DAMAGED "entry 1: its description is too short"},
        {ENTRY(1, shape_size), 15, DAMAGED "entry 1: its description is too short"},
        {ENTRY(1, shape_size), second->shape_size + 4, DAMAGED "entry 1: its shape has another size"},
        {ENTRY(1, shape_size), UINT32_MAX, DAMAGED "entry 1: its description leaves the table"},
        {ENTRY(1, name_size), UINT32_MAX, DAMAGED "entry 1: its description leaves the table"},
        {ENTRY(1, name_size), second->name_size + 1, DAMAGED "entry 1: its name is no text"},
        {ENTRY(1, name_size), second->name_size - 1, DAMAGED "entry 1: its name is no text"},
        {ENTRY(4, name_size), size - last->shape_at - last->shape_size,
         DAMAGED "entry 4: its description leaves the table"},
        {ENTRY(4, name_size), last->name_size + 8, DAMAGED "entry 4: its description leaves the table"},
        {ENTRY(3, code_size), 0, DAMAGED "entry 3: it has no code"},
        {ENTRY(3, code_size), 5 * MADE_CODE_ROOM, DAMAGED "entry 3: its code is not where code may be"},
        {ENTRY(3, code_size), UINT32_MAX, DAMAGED "entry 3: its code is not where code may be"},
        {ENTRY(3, quality), FERRY_BY_SHAPE, DAMAGED "entry 3: its quality is none"},
        {ENTRY(3, quality), FERRY_BETTER + 1, DAMAGED "entry 3: its quality is none"},
        {ENTRY(3, quality), UINT32_MAX, DAMAGED "entry 3: its quality is none"},
        {ENTRY(3, zero), 1, DAMAGED "entry 3: its last field is not zero"},
        {second->shape_at + BUNDLE_BYTES_OFFSET, 4, 0, DAMAGED "entry 1: its shape has another size"},
        {second->shape_at + BUNDLE_KEY_OFFSET, 1, 99,
         DAMAGED "entry 1: its description is of another shape than its digest"},
        {name_at, 1, '\t', DAMAGED "entry 1: its name is no text"},
        {name_at + 2, 1, 0, DAMAGED "entry 1: its name is no text"},
        {name_at + second->name_size, 1, 'x', DAMAGED "entry 1: its name is no text"},
        {name_at + second->name_size + 1, 1, 1, DAMAGED "entry 1: bytes behind its name"},
    };
    cr_assert_neq((name_at + second->name_size + 1) % 8, 0, "there is a byte that fills up");
    tell_all(&made, lies, COUNT_OF(lies), true);
    free_made(&made);
}

/* ---- more than one number changed ---- */

Test(bundle_refused, a_description_of_another_shape_under_a_digest) {
    Made made;
    make_table(2, true, true, &made);
    Digest kept = made_entry(&made, 0)->digest;
    MadeItem other;
    make_item(77, &other);
    made_entry(&made, 0)->digest = (Digest){.low = other.digest.low, .high = 1};
    bundle_write_checksum(made.bytes);
    expect_refused(&made, DAMAGED "entry 0: its description is of another shape than its digest");
    made_entry(&made, 0)->digest = kept;
    made_entry(&made, 1)->digest = kept;
    bundle_write_checksum(made.bytes);
    expect_refused(&made, DAMAGED "entry 1: it is not sorted");
    free_made(&made);
}

Test(bundle_refused, entries_exchanged_with_their_descriptions_or_their_code) {
    Made made;
    make_table(4, true, true, &made);
    BundleEntry kept = *made_entry(&made, 1);
    *made_entry(&made, 1) = *made_entry(&made, 2);
    *made_entry(&made, 2) = kept;
    bundle_write_checksum(made.bytes);
    expect_refused(&made, DAMAGED "entry 1: its description is not where it belongs");
    free_made(&made);
    make_table(4, true, true, &made);
    int32_t distance = made_distances(&made)[1];
    made_distances(&made)[1] = made_distances(&made)[2];
    made_distances(&made)[2] = distance;
    Bundle bundle;
    ferry_error error = {0};
    cr_assert_eq(open_made(&made, &bundle, &error), FERRY_OK, "no checksum covers distances: %s", error.message);
    for (size_t i = 0; i < made.count; i++) {
        const uint8_t *code;
        cr_assert_eq(bundle_code(&bundle, i, &code, &error), i == 1 || i == 2 ? FERRY_UNFIT : FERRY_OK);
    }
    free_made(&made);
}

/* Something between the last description and the distances. */
Test(bundle_refused, a_table_with_a_tail) {
    Made made;
    make_table(3, true, true, &made);
    memset(made.bytes + made.table_size, 0, 8);
    made_header(&made)->size += 8;
    made.whole_size += 8;
    bundle_write_checksum(made.bytes);
    expect_refused(&made, DAMAGED "there is something behind its descriptions");
    free_made(&made);
}

Test(bundle_refused, without_descriptions_it_must_be_the_librarys_own) {
    Made made;
    make_table(3, false, true, &made);
    expect_refused(&made, DAMAGED "entry 0: its description is not where it belongs");
    Bundle bundle;
    ferry_error error = {0};
    cr_assert_eq(bundle_open(made_table(&made), (BundleRange){0}, &bundle, &error), FERRY_OK, "%s", error.message);
    cr_assert_str_eq(bundle_name(&bundle, 2), "");
    made_entry(&made, 1)->name_size = 1;
    bundle_write_checksum(made.bytes);
    cr_assert_eq(bundle_open(made_table(&made), (BundleRange){0}, &bundle, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, DAMAGED "entry 1: it has half a description");
    free_made(&made);
}

/* ---- code outside of where code may be ---- */

typedef struct Outside {
    int64_t distance; /* from the table */
    bool allowed;
} Outside;

Test(bundle_refused, code_that_leaves_the_range_of_code) {
    Made made;
    make_table(3, true, true, &made);
    int64_t start = (int64_t)made.code_at, end = start + (int64_t)made.code_size;
    int64_t size = made.items[1].code_size;
    const Outside places[] = {
        {start, true},           {end - size, true}, {start - 1, false},
        {end - size + 1, false}, {end, false},       {end + 1, false},
        {start - size, false},   {0, false},         {-1, false},
        {-start, false},         {INT32_MAX, false}, {INT32_MIN, false},
        {INT32_MIN + 1, false},  {start + 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        made_distances(&made)[1] = (int32_t)places[i].distance;
        if (places[i].allowed) expect_opened(&made);
        if (!places[i].allowed) expect_refused(&made, DAMAGED "entry 1: its code is not where code may be");
    }
    free_made(&made);
}

Test(bundle_refused, distances_that_change_after_opening) {
    Made made;
    make_table(3, true, true, &made);
    Bundle bundle;
    const uint8_t *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(open_made(&made, &bundle, &error), FERRY_OK);
    made_distances(&made)[1] = INT32_MIN;
    cr_assert_eq(bundle_code(&bundle, 1, &code, &error), FERRY_UNFIT);
    cr_assert_null(code);
    free_made(&made);
}

Test(bundle_refused, a_range_of_code_that_is_too_small) {
    Made made;
    make_table(3, true, true, &made);
    BundleRange code = made_code(&made);
    Bundle bundle;
    ferry_error error = {0};
    for (code.size = 0; code.size < made.code_size - MADE_CODE_ROOM + made.items[2].code_size; code.size++) {
        cr_assert_eq(bundle_open(made_table(&made), code, &bundle, &error), FERRY_UNFIT);
    }
    cr_assert_eq(bundle_open(made_table(&made), code, &bundle, &error), FERRY_OK, "%s", error.message);
    free_made(&made);
}

/* ---- cut off, out of place ---- */

/* The first size bytes, at the end of a page behind which nothing can be read, as far as the alignment of 8 allows. */
typedef struct Cut {
    uint8_t *pages;
    size_t size;
} Cut;

static Cut new_cut(size_t size) {
    Cut cut = {.size = round_up(size, 4096)};
    cut.pages = mmap(NULL, cut.size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(cut.pages, MAP_FAILED);
    cr_assert_eq(mprotect(cut.pages + cut.size, 4096, PROT_NONE), 0);
    return cut;
}

static BundleRange cut_off(const Cut *cut, const Made *made, size_t size) {
    uint8_t *start = cut->pages + cut->size - round_up(size, 8);
    memset(cut->pages, 0xa5, cut->size);
    memcpy(start, made->bytes, size);
    return (BundleRange){.start = start, .size = size};
}

Test(bundle_refused, tables_cut_off_at_every_length) {
    Made made;
    make_table(7, true, true, &made);
    Cut cut = new_cut(made.whole_size);
    for (size_t size = 0; size <= made.whole_size; size++) {
        BundleRange table = cut_off(&cut, &made, size);
        Bundle bundle = {0};
        ferry_error error = {0};
        BundleRange code = {.start = table.start + made.code_at, .size = made.code_size};
        cr_assert_eq(bundle_open(table, code, &bundle, &error), size < made.whole_size ? FERRY_UNFIT : FERRY_OK);
        const char *reason = size < sizeof(BundleHeader) ? DAMAGED "it ends within its header"
                             : size < made.table_size    ? DAMAGED "its end is missing"
                             : size < made.whole_size    ? DAMAGED "the distances to its code are missing"
                                                         : "";
        cr_assert_str_eq(error.message, reason);
        ferry_code without = bundle_open(table, (BundleRange){0}, &bundle, &error);
        cr_assert_eq(without, size < made.table_size ? FERRY_UNFIT : FERRY_OK, "no distances are needed without code");
    }
    munmap(cut.pages, cut.size + 4096);
    free_made(&made);
}

/* The same with the size in the header made to fit. */
Test(bundle_refused, tables_cut_off_that_say_so) {
    Made made;
    make_table(7, true, true, &made);
    Cut cut = new_cut(made.whole_size);
    for (size_t size = sizeof(BundleHeader); size < made.table_size; size += 8) {
        BundleRange table = cut_off(&cut, &made, size);
        BundleHeader *header = (BundleHeader *)(void *)(cut.pages + (table.start - cut.pages));
        header->size = (uint32_t)size;
        header->checksum = checksum_of(0, table.start + BUNDLE_CHECKED_OFFSET, size - BUNDLE_CHECKED_OFFSET);
        Bundle bundle;
        ferry_error error = {0};
        cr_assert_eq(bundle_open(table, (BundleRange){0}, &bundle, &error), FERRY_UNFIT);
    }
    munmap(cut.pages, cut.size + 4096);
    free_made(&made);
}

Test(bundle_refused, tables_that_are_not_aligned) {
    Made made;
    make_table(3, true, true, &made);
    uint8_t *bytes = malloc(made.table_size + 8);
    cr_assert_not_null(bytes);
    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(bytes + shift, made.bytes, made.table_size);
        Bundle bundle;
        ferry_error error = {0};
        BundleRange table = {.start = bytes + shift, .size = made.table_size};
        cr_assert_eq(bundle_open(table, (BundleRange){0}, &bundle, &error), shift == 0 ? FERRY_OK : FERRY_UNFIT);
        if (shift != 0) cr_assert_str_eq(error.message, DAMAGED "it does not lie at a multiple of 8");
    }
    free(bytes);
    free_made(&made);
}

/* ---- every bit ---- */

/* Whatever code is handed out for a digest is the one that was made for it. */
static void expect_right_code_or_none(const Made *made) {
    Bundle bundle;
    ferry_error error = {0};
    if (open_made(made, &bundle, &error) != FERRY_OK) {
        cr_assert_neq(error.message[0], '\0');
        return;
    }
    for (size_t i = 0; i < made->count; i++) {
        const MadeItem *item = &made->items[i];
        int64_t index = bundle_find(&bundle, item->digest);
        const uint8_t *code = NULL;
        if (index < 0 || bundle_code(&bundle, (size_t)index, &code, &error) != FERRY_OK) continue;
        cr_assert_eq(bundle.entries[index].code_size, item->code_size);
        cr_assert_eq(memcmp(code, item->code, item->code_size), 0);
    }
}

static void flip(const Made *made, size_t bit) {
    made->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

Test(bundle_refused, every_bit_of_a_table_counts) {
    Made made;
    make_table(3, true, true, &made);
    for (size_t bit = 0; bit < 8 * made.table_size; bit++) {
        Bundle bundle;
        ferry_error error = {0};
        flip(&made, bit);
        cr_assert_eq(open_made(&made, &bundle, &error), FERRY_UNFIT, "bit %zu", bit);
        flip(&made, bit);
    }
    expect_opened(&made);
    free_made(&made);
}

Test(bundle_refused, no_bit_makes_other_code_behind_the_table) {
    Made made;
    make_table(3, true, true, &made);
    for (size_t bit = 8 * made.table_size; bit < 8 * (made.code_at + made.code_size); bit++) {
        flip(&made, bit);
        expect_right_code_or_none(&made);
        flip(&made, bit);
    }
    free_made(&made);
}

/* With the checksum put right: what is wrong is then found by itself, or makes no difference to code. */
Test(bundle_refused, no_bit_makes_other_code_with_the_right_checksum) {
    Made made;
    make_table(3, true, true, &made);
    uint64_t checksum = made_header(&made)->checksum;
    for (size_t bit = 8 * BUNDLE_CHECKED_OFFSET; bit < 8 * made.table_size; bit++) {
        uint32_t size = made_header(&made)->size;
        flip(&made, bit);
        if (made_header(&made)->size == size) bundle_write_checksum(made.bytes);
        expect_right_code_or_none(&made);
        flip(&made, bit);
        made_header(&made)->checksum = checksum;
    }
    expect_opened(&made);
    free_made(&made);
}
