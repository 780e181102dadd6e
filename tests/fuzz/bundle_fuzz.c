/* tests/fuzz/bundle_fuzz.c: libFuzzer on tables of code made ahead of time.
 *
 * The first byte chooses: bit 0 has the table's checksum put right, so that what is behind it is reached; bit 1 has the
 * digest and the size of every description put right too, as a liar would; bit 2 opens without code. Further bits move
 * the range of code. Nothing may crash or read outside; what was opened must hold what bundle.h says of it, and no code
 * lies outside of the range, or is handed out with the wrong checksum.
 */
#include <stdlib.h>
#include <string.h>

#include "trampolines/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECKSUM = 1, DIGESTS = 2, WITHOUT_CODE = 4 };

static void require(bool condition) {
    if (!condition) abort();
}

static bool lies_in(uint64_t at, uint64_t size, uint64_t whole) {
    return at <= whole && size <= whole - at;
}

/* ---- the liar ---- */

static void fix_digest(uint8_t *bytes, uint32_t table_size, size_t entry_at) {
    BundleEntry entry;
    memcpy(&entry, bytes + entry_at, sizeof entry);
    if (entry.shape_at < sizeof(BundleHeader) || entry.shape_size < BUNDLE_KEY_OFFSET) return;
    if (!lies_in(entry.shape_at, entry.shape_size, table_size)) return;
    memcpy(bytes + entry.shape_at + BUNDLE_BYTES_OFFSET, &entry.shape_size, 4);
    entry.digest = bundle_digest(bytes + entry.shape_at, entry.shape_size);
    memcpy(bytes + entry_at, &entry, sizeof entry);
}

static void lie(uint8_t *bytes, size_t size, unsigned mode) {
    BundleHeader header;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    if (header.size < sizeof header || header.size > size) return;
    size_t room = (header.size - sizeof header) / sizeof(BundleEntry);
    for (size_t i = 0; (mode & DIGESTS) && i < header.count && i < room; i++) {
        fix_digest(bytes, header.size, sizeof header + i * sizeof(BundleEntry));
    }
    if (mode & CHECKSUM) bundle_write_checksum(bytes);
}

/* ---- what an opened table promises ---- */

static void check_description(const Bundle *bundle, const BundleEntry *entry, size_t index) {
    const char *name = bundle_name(bundle, index);
    require(strlen(name) == entry->name_size);
    require(bundle_is_text(name, (size_t)entry->name_size + 1));
    if (entry->shape_size == 0) return;
    require(entry->shape_at % 8 == 0 && entry->shape_at >= bundle->header->shapes_at);
    require(lies_in(entry->shape_at, (uint64_t)entry->shape_size + entry->name_size + 1, bundle->header->size));
    Digest digest = bundle_digest(bundle->table + entry->shape_at, entry->shape_size);
    require(digest_compare(digest, entry->digest) == 0);
}

static void check_code(const Bundle *bundle, const BundleEntry *entry, size_t index) {
    const uint8_t *code = NULL;
    ferry_error error = {0};
    if (bundle_code(bundle, index, &code, &error) != FERRY_OK) {
        require(error.code == FERRY_UNFIT && error.message[0] != '\0');
        return;
    }
    require(bundle->distances != NULL && code >= bundle->code.start);
    require(lies_in((uint64_t)(code - bundle->code.start), entry->code_size, bundle->code.size));
    require(entry->code_size > 0 && checksum_of(0, code, entry->code_size) == entry->checksum);
}

static void check_bundle(const Bundle *bundle) {
    const BundleHeader *header = bundle->header;
    const char *const texts[] = {header->ferry, header->llvm, header->target, header->features};
    const size_t sizes[] = {sizeof header->ferry, sizeof header->llvm, sizeof header->target, sizeof header->features};
    for (size_t i = 0; i < COUNT_OF(texts); i++) require(bundle_is_text(texts[i], sizes[i]));
    for (size_t i = 0; i < header->count; i++) {
        const BundleEntry *entry = &bundle->entries[i];
        require(bundle_find(bundle, entry->digest) == (int64_t)i);
        Digest beside = {.low = entry->digest.low ^ 1, .high = entry->digest.high};
        int64_t found = bundle_find(bundle, beside);
        require(found == -1 || digest_compare(bundle->entries[found].digest, beside) == 0);
        check_description(bundle, entry, i);
        check_code(bundle, entry, i);
    }
}

/* ---- the ways in ---- */

static void open_as_table(const uint8_t *bytes, size_t size, unsigned mode) {
    Bundle bundle = {0};
    ferry_error error = {0};
    size_t skipped = (size_t)(mode >> 3) * 8 < size ? (size_t)(mode >> 3) * 8 : size;
    BundleRange code = {.start = bytes + skipped, .size = size - skipped};
    if (mode & WITHOUT_CODE) code = (BundleRange){0};
    if (bundle_open((BundleRange){.start = bytes, .size = size}, code, &bundle, &error) == FERRY_OK) {
        check_bundle(&bundle);
    } else {
        require(error.code == FERRY_UNFIT && error.message[0] != '\0' && bundle.table == NULL);
    }
}

static void scan(const uint8_t *bytes, size_t size) {
    Bundle bundle = {0};
    size_t at = 0;
    ferry_error error = {0};
    if (bundle_scan(bytes, size, &bundle, &at, &error) == FERRY_OK) {
        require(at % 8 == 0 && bundle.table == bytes + at && lies_in(at, bundle.header->size, size));
        check_bundle(&bundle);
    } else {
        require(error.code == FERRY_UNFIT && error.message[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    unsigned mode = *data;
    uint8_t *bytes = malloc(size - 1 + (size == 1)); /* so that reading over the end is seen, and all is aligned */
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, size - 1);
    lie(bytes, size - 1, mode);
    open_as_table(bytes, size - 1, mode);
    scan(bytes, size - 1);
    free(bytes);
    return 0;
}
