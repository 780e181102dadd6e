/* Tables among the other bytes of a file. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_ground.h"

#define DAMAGED "its table is damaged: "

static ferry_code scan(const uint8_t *bytes, size_t size, size_t *at, ferry_error *error) {
    Bundle bundle = {0};
    ferry_code code = bundle_scan(bytes, size, &bundle, at, error);
    if (code != FERRY_OK) return code;
    cr_assert_eq(bundle.table, bytes + *at);
    cr_assert_null(bundle.distances);
    const uint8_t *found = NULL;
    cr_assert_eq(bundle_code(&bundle, 0, &found, error), FERRY_UNFIT);
    cr_assert_str_eq(error->message, "the table was read without its code");
    return FERRY_OK;
}

Test(bundle_scan, the_first_whole_table_is_found) {
    Made made;
    make_table(3, true, true, &made);
    size_t size = 3 * made.table_size + 64, at = 0;
    uint8_t *bytes = calloc(1, size);
    ferry_error error = {0};
    cr_assert_not_null(bytes);
    cr_assert_eq(scan(bytes, size, &at, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "there is no table of a bundle in it");
    memcpy(bytes + 8, "ferry\0\r\nand then some text", 26);
    cr_assert_eq(scan(bytes, size, &at, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "there is no table of a bundle in it");
    memcpy(bytes + 44, made.bytes, made.table_size);
    cr_assert_eq(scan(bytes, size, &at, &error), FERRY_UNFIT, "tables lie at multiples of 8");
    memcpy(bytes + 48, made.bytes, made.table_size);
    bytes[48 + made.table_size - 1] ^= 1;
    cr_assert_eq(scan(bytes, size, &at, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, DAMAGED "its checksum is wrong");
    memcpy(bytes + 64 + made.table_size, made.bytes, made.table_size);
    cr_assert_eq(scan(bytes, size, &at, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(at, 64 + made.table_size);
    free(bytes);
    free_made(&made);
}

Test(bundle_scan, files_cut_off_hold_no_table) {
    Made made;
    make_table(3, true, true, &made);
    for (size_t size = 0; size <= made.table_size; size++) {
        uint8_t *bytes = malloc(size + (size == 0));
        size_t at = 77;
        ferry_error error = {0};
        cr_assert_not_null(bytes);
        memcpy(bytes, made.bytes, size);
        cr_assert_eq(scan(bytes, size, &at, &error), size < made.table_size ? FERRY_UNFIT : FERRY_OK);
        cr_assert_eq(at, size < made.table_size ? 77 : 0);
        free(bytes);
    }
    free_made(&made);
}

/* A file of nothing but beginnings of tables that each claim all that follows: no time is spent on all of them. */
Test(bundle_scan, many_broken_tables_are_given_up) {
    enum { SIZE = 64 << 20 };
    uint8_t *bytes = calloc(1, SIZE);
    cr_assert_not_null(bytes);
    for (size_t at = 0; SIZE - at >= sizeof(BundleHeader); at += 1024) {
        BundleHeader header = {.format = BUNDLE_FORMAT, .contract = BUNDLE_CONTRACT, .size = (uint32_t)(SIZE - at)};
        memcpy(header.magic, BUNDLE_MAGIC, sizeof header.magic);
        memcpy(bytes + at, &header, sizeof header);
    }
    size_t at;
    ferry_error error = {0};
    cr_assert_eq(scan(bytes, SIZE, &at, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, DAMAGED "its checksum is wrong");
    free(bytes);
}
