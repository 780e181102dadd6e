/* table.c: pointers by hash, open addressing with linear probing. Nothing is ever taken out of a table. */
#include "abi/base.h"

#define TABLE_FIRST 64

static void put(struct TableCell *cells, size_t capacity, uint64_t hash, const void *value) {
    size_t index = (size_t)hash & (capacity - 1);
    while (cells[index].value != NULL) index = (index + 1) & (capacity - 1);
    cells[index] = (struct TableCell){.hash = hash, .value = value};
}

const void *table_find(const Table *table, uint64_t hash, TableEqual *equal, const void *key) {
    if (table->capacity == 0) return NULL;
    size_t mask = table->capacity - 1;
    for (size_t index = (size_t)hash & mask; table->cells[index].value != NULL; index = (index + 1) & mask) {
        const struct TableCell *cell = &table->cells[index];
        if (cell->hash == hash && equal(cell->value, key)) return cell->value;
    }
    return NULL;
}

bool table_reserve(Table *table) {
    if (table->count + 1 <= table->capacity / 4 * 3) return true;
    size_t capacity = table->capacity == 0 ? TABLE_FIRST : table->capacity * 2;
    struct TableCell *cells = memory_new(table->allocator, capacity * sizeof *cells);
    if (cells == NULL) return false;
    for (size_t i = 0; i < table->capacity; i++) {
        const struct TableCell *cell = &table->cells[i];
        if (cell->value != NULL) put(cells, capacity, cell->hash, cell->value);
    }
    memory_release(table->allocator, table->cells, table->capacity * sizeof *cells);
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void table_insert(Table *table, uint64_t hash, const void *value) {
    put(table->cells, table->capacity, hash, value);
    table->count++;
}

void table_free(Table *table) {
    memory_release(table->allocator, table->cells, table->capacity * sizeof *table->cells);
    table->cells = NULL;
    table->capacity = 0;
    table->count = 0;
}
