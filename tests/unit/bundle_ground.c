#include "bundle_ground.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/shape.h"

_Static_assert(offsetof(Shape, bytes) == BUNDLE_BYTES_OFFSET, "bundles know where a shape's size is");
_Static_assert(offsetof(Shape, value_count) == BUNDLE_KEY_OFFSET, "bundles know where a shape's key begins");

void make_item(uint32_t number, MadeItem *item) {
    *item = (MadeItem){.shape_size = 16 + 4 * (number % 7), .code_size = 6 + number % 50};
    memset(item->shape, 0x5a, item->shape_size);
    memset(item->shape, 0x11, BUNDLE_BYTES_OFFSET);
    memcpy(item->shape + BUNDLE_BYTES_OFFSET, &item->shape_size, 4);
    memcpy(item->shape + BUNDLE_KEY_OFFSET, &number, 4);
    snprintf(item->name, sizeof item->name, "shape %u", number);
    memset(item->code, 0x90, sizeof item->code);
    item->code[0] = 0xb8; /* mov eax, number */
    memcpy(item->code + 1, &number, 4);
    item->code[5] = 0xc3; /* ret */
    item->digest = bundle_digest(item->shape, item->shape_size);
}

static int by_digest(const void *left, const void *right) {
    return digest_compare(((const BundleItem *)left)->digest, ((const BundleItem *)right)->digest);
}

/* The items as the writer gets them. */
static BundleItem *list_items(size_t count, bool described, bool scrambled, MadeItem *items) {
    BundleItem *list = calloc(count + 1, sizeof *list);
    cr_assert_not_null(list);
    for (size_t i = 0; i < count; i++) {
        size_t number = scrambled ? count - 1 - i : i;
        make_item((uint32_t)number, &items[number]);
        list[i] = (BundleItem){.digest = items[number].digest, .quality = number % 2 ? FERRY_QUICK : FERRY_BETTER};
        if (!described) continue;
        list[i].shape = items[number].shape;
        list[i].shape_size = items[number].shape_size;
        list[i].name = items[number].name;
    }
    return list;
}

/* Sorts what was made as the C library would, which the writer's order is compared with. */
static void sort_items(Made *made, MadeItem *items) {
    BundleItem *order = calloc(made->count + 1, sizeof *order);
    cr_assert_not_null(order);
    for (size_t i = 0; i < made->count; i++) order[i] = (BundleItem){.digest = items[i].digest, .shape = &items[i]};
    qsort(order, made->count, sizeof *order, by_digest);
    for (size_t i = 0; i < made->count; i++) {
        made->items[i] = *(const MadeItem *)order[i].shape;
        memcpy(&made->numbers[i], made->items[i].shape + BUNDLE_KEY_OFFSET, 4);
    }
    free(order);
}

/* Copies the table to its mapping and puts the code there, with the distances. */
static void place(Made *made, const uint8_t *table) {
    made->whole_size = made->table_size + 4 * made->count;
    made->code_at = round_up(made->whole_size, MADE_CODE_ROOM);
    made->code_size = made->count * MADE_CODE_ROOM;
    made->size = round_up(made->code_at + made->code_size + 1, 4096);
    made->bytes = mmap(NULL, made->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(made->bytes, MAP_FAILED);
    memcpy(made->bytes, table, made->table_size);
    for (size_t i = 0; i < made->count; i++) {
        size_t at = made->code_at + i * MADE_CODE_ROOM;
        memcpy(made->bytes + at, made->items[i].code, MADE_CODE_ROOM);
        made_distances(made)[i] = (int32_t)at;
        bundle_write_code(made->bytes, i, made->bytes + at, made->items[i].code_size);
    }
    bundle_write_checksum(made->bytes);
}

void make_table(size_t count, bool described, bool scrambled, Made *made) {
    static const BundleHeader about = {
        .ferry = "0.1.0", .llvm = "LLVM 22.1.8", .target = "x86_64-linux", .features = "+avx,+avx2"};
    MadeItem *items = calloc(count + 1, sizeof *items);
    *made = (Made){.count = count};
    made->items = calloc(count + 1, sizeof *made->items);
    made->numbers = calloc(count + 1, sizeof *made->numbers);
    cr_assert(items != NULL && made->items != NULL && made->numbers != NULL);
    BundleItem *list = list_items(count, described, scrambled, items);
    sort_items(made, items);
    Arena arena = {0};
    uint8_t *table;
    ferry_error error = {0};
    cr_assert_eq(bundle_write(&about, list, count, &arena, &table, &made->table_size, &error), FERRY_OK, "%s",
                 error.message);
    place(made, table);
    arena_free(&arena);
    free(list);
    free(items);
}

void free_made(Made *made) {
    munmap(made->bytes, made->size);
    free(made->items);
    free(made->numbers);
}

BundleHeader *made_header(const Made *made) {
    return (BundleHeader *)(void *)made->bytes;
}

BundleEntry *made_entry(const Made *made, size_t index) {
    return (BundleEntry *)(void *)(made->bytes + sizeof(BundleHeader)) + index;
}

int32_t *made_distances(const Made *made) {
    return (int32_t *)(void *)(made->bytes + made->table_size);
}

BundleRange made_table(const Made *made) {
    return (BundleRange){.start = made->bytes, .size = made->whole_size};
}

BundleRange made_code(const Made *made) {
    return (BundleRange){.start = made->bytes + made->code_at, .size = made->code_size};
}

ferry_code open_made(const Made *made, Bundle *bundle, ferry_error *error) {
    return bundle_open(made_table(made), made_code(made), bundle, error);
}
