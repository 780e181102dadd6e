/* bundle_ground.h: tables with code made by hand, for the tests of bundles. */
#ifndef FERRY_TESTS_BUNDLE_GROUND_H
#define FERRY_TESTS_BUNDLE_GROUND_H

#include "trampolines/bundle.h"

/* Code number n is int (*)(void), returns n, and has code_size_of(n) bytes; its shape says n among other things. */
enum { MADE_NAME_ROOM = 32, MADE_SHAPE_ROOM = 64, MADE_CODE_ROOM = 64 };

typedef struct MadeItem {
    _Alignas(8) uint8_t shape[MADE_SHAPE_ROOM];
    uint32_t shape_size;
    char name[MADE_NAME_ROOM];
    uint8_t code[MADE_CODE_ROOM];
    uint32_t code_size;
    Digest digest;
} MadeItem;

void make_item(uint32_t number, MadeItem *item);

/* All in one mapping, page-aligned: the table, its distances, and at a multiple of 64 the codes, MADE_CODE_ROOM each.
 */
typedef struct Made {
    uint8_t *bytes;
    size_t size; /* of the mapping */
    size_t count;
    size_t table_size; /* without distances */
    size_t whole_size; /* with them */
    size_t code_at;    /* offset of all code, and its size */
    size_t code_size;
    MadeItem *items;   /* sorted as the table is */
    uint32_t *numbers; /* of those items */
} Made;

/* Writes the table with its checksums: described: with shapes and names; scrambled: the items come in another order.
 */
void make_table(size_t count, bool described, bool scrambled, Made *made);
void free_made(Made *made);

BundleHeader *made_header(const Made *made);
BundleEntry *made_entry(const Made *made, size_t index);
int32_t *made_distances(const Made *made);
BundleRange made_table(const Made *made);
BundleRange made_code(const Made *made);

ferry_code open_made(const Made *made, Bundle *bundle, ferry_error *error);

#endif
