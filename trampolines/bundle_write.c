/* trampolines/bundle_write.c: laying out a table. The same items give the same bytes, whatever order they come in. */
#include <string.h>

#include "trampolines/bundle.h"

/* Distances have 31 bits, so a table that is larger could not reach its code. */
#define TABLE_LIMIT (UINT32_C(1) << 30)
#define NAME_LIMIT  (UINT32_C(1) << 20)

/* ---- order ---- */

static void swap(BundleItem *left, BundleItem *right) {
    BundleItem kept = *left;
    *left = *right;
    *right = kept;
}

/* Lets items[at] sink to its place in the heap of count items, whose root is the greatest. */
static void sink(BundleItem *items, size_t at, size_t count) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && digest_compare(items[child].digest, items[child + 1].digest) < 0) child++;
        if (digest_compare(items[at].digest, items[child].digest) >= 0) return;
        swap(&items[at], &items[child]);
    }
}

/* Heap sort, since the C library's qsort may allocate. */
static void sort(BundleItem *items, size_t count) {
    for (size_t i = count / 2; i-- > 0;) {
        sink(items, i, count);
    }
    for (size_t end = count; end-- > 1;) {
        swap(&items[0], &items[end]);
        sink(items, 0, end);
    }
}

/* ---- what is asked for ---- */

static ferry_code check_shape(const BundleItem *item, ferry_error *error) {
    if (item->shape == NULL) return FERRY_OK;
    uint32_t bytes;
    if (item->shape_size < BUNDLE_KEY_OFFSET + 4 || item->shape_size > TABLE_LIMIT) {
        return fail(error, FERRY_INVALID, "a shape of %u bytes", item->shape_size);
    }
    memcpy(&bytes, (const uint8_t *)item->shape + BUNDLE_BYTES_OFFSET, sizeof bytes);
    if (bytes != item->shape_size) {
        return fail(error, FERRY_INVALID, "a shape of %u bytes that says it has %u", item->shape_size, bytes);
    }
    if (digest_compare(bundle_digest(item->shape, item->shape_size), item->digest) != 0) {
        return fail(error, FERRY_INVALID, "the digest of another shape than \"%s\"", item->name);
    }
    return FERRY_OK;
}

static ferry_code check_item(const BundleItem *item, ferry_error *error) {
    if (item->quality != FERRY_QUICK && item->quality != FERRY_BETTER) {
        return fail(error, FERRY_INVALID, "quality %d of a code is neither quick nor better", (int)item->quality);
    }
    if (item->shape == NULL) return FERRY_OK;
    if (item->name == NULL || !bundle_is_text(item->name, NAME_LIMIT)) {
        return fail(error, FERRY_INVALID, "a shape without a printable name");
    }
    return check_shape(item, error);
}

/* The bytes that the item's description takes, up to a multiple of 8. */
static size_t described_size(const BundleItem *item) {
    return item->shape == NULL ? 0 : round_up((uint64_t)item->shape_size + strlen(item->name) + 1, 8);
}

/* Checks sorted items and adds up what they take. */
static ferry_code measure(const BundleItem *items, size_t count, size_t *size, ferry_error *error) {
    if (count > TABLE_LIMIT / sizeof(BundleEntry)) {
        return fail(error, FERRY_TOO_LARGE, "%zu codes are more than a table can hold", count);
    }
    *size = sizeof(BundleHeader) + count * sizeof(BundleEntry);
    for (size_t i = 0; i < count; i++) {
        TRY(check_item(&items[i], error));
        if (i > 0 && digest_compare(items[i - 1].digest, items[i].digest) == 0) {
            return fail(error, FERRY_INVALID, "a shape comes twice: \"%s\"", items[i].name ? items[i].name : "");
        }
        *size += described_size(&items[i]);
        if (*size > TABLE_LIMIT) return fail(error, FERRY_TOO_LARGE, "a table of more than %u bytes", TABLE_LIMIT);
    }
    return FERRY_OK;
}

/* ---- laying out ---- */

static ferry_code fill_text(char *field, size_t size, const char *text, const char *what, ferry_error *error) {
    if (!bundle_is_text(text, size)) {
        return fail(error, FERRY_INVALID, "%s is no printable text of less than %zu bytes", what, size);
    }
    memcpy(field, text, strlen(text) + 1); /* the rest is zero */
    return FERRY_OK;
}

static ferry_code fill_header(BundleHeader *header, const BundleHeader *about, size_t count, size_t size,
                              ferry_error *error) {
    memcpy(header->magic, BUNDLE_MAGIC, sizeof header->magic);
    header->format = BUNDLE_FORMAT;
    header->contract = BUNDLE_CONTRACT;
    header->size = (uint32_t)size;
    header->count = (uint32_t)count;
    header->entries_at = sizeof *header;
    header->shapes_at = (uint32_t)(sizeof *header + count * sizeof(BundleEntry));
    TRY(fill_text(header->ferry, sizeof header->ferry, about->ferry, "ferry's version", error));
    TRY(fill_text(header->llvm, sizeof header->llvm, about->llvm, "LLVM's version", error));
    TRY(fill_text(header->target, sizeof header->target, about->target, "the target's name", error));
    return fill_text(header->features, sizeof header->features, about->features, "the list of features", error);
}

/* Writes the entry and the description, which begins at *at; moves that behind it. */
static void fill_entry(uint8_t *table, BundleEntry *entry, const BundleItem *item, size_t *at) {
    entry->digest = item->digest;
    entry->quality = (uint32_t)item->quality;
    if (item->shape == NULL) return;
    entry->shape_at = (uint32_t)*at;
    entry->shape_size = item->shape_size;
    entry->name_size = (uint32_t)strlen(item->name);
    memcpy(table + *at, item->shape, item->shape_size);
    memcpy(table + *at + item->shape_size, item->name, entry->name_size);
    *at += described_size(item);
}

static BundleEntry *entries_of(uint8_t *table) {
    return (BundleEntry *)(void *)(table + sizeof(BundleHeader));
}

ferry_code bundle_write(const BundleHeader *about, BundleItem *items, size_t count, Arena *arena, uint8_t **table,
                        size_t *size, ferry_error *error) {
    sort(items, count);
    size_t bytes;
    TRY(measure(items, count, &bytes, error));
    uint8_t *made = arena_new(arena, bytes);
    if (made == NULL) return fail_out_of_memory(error, "a table of codes");
    TRY(fill_header((BundleHeader *)(void *)made, about, count, bytes, error));
    size_t at = sizeof(BundleHeader) + count * sizeof(BundleEntry);
    for (size_t i = 0; i < count; i++) {
        fill_entry(made, &entries_of(made)[i], &items[i], &at);
    }
    *table = made;
    *size = bytes;
    return FERRY_OK;
}

void bundle_write_code(uint8_t *table, size_t index, const void *code, size_t size) {
    BundleEntry *entry = &entries_of(table)[index];
    entry->code_size = (uint32_t)size;
    entry->checksum = checksum_of(0, code, size);
}

void bundle_write_checksum(uint8_t *table) {
    BundleHeader *header = (BundleHeader *)(void *)table;
    header->checksum = checksum_of(0, table + BUNDLE_CHECKED_OFFSET, header->size - BUNDLE_CHECKED_OFFSET);
}
