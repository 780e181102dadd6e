/* trampolines/cache_rows.c: all values of a file, as a table. */
#include <string.h>

#include "trampolines/cache_parts.h"

typedef struct Reading {
    CacheRows *rows;
    const CachePages *pages;
    uint8_t *buffer; /* for values with pages of their own */
    size_t buffer_size;
    ferry_code code; /* of want of memory */
    ferry_error *error;
} Reading;

static bool grow(CacheRows *rows, const ferry_allocator *allocator) {
    if (rows->count < rows->capacity) return true;
    size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
    CacheRow *more = memory_new(allocator, capacity * sizeof *more);
    if (more == NULL) return false;
    if (rows->count != 0) memcpy(more, rows->rows, rows->count * sizeof *more);
    memory_release(allocator, rows->rows, rows->capacity * sizeof *more);
    rows->rows = more;
    rows->capacity = capacity;
    return true;
}

static bool add_texts(CacheRows *rows, CacheRow *row, const Value *value) {
    if (!rows->with_texts) return true;
    row->maker = arena_string(&rows->arena, value->maker);
    row->title = arena_string(&rows->arena, value->blob.name);
    return row->maker != NULL && row->title != NULL;
}

static bool make_room(Reading *reading, size_t size) {
    if (reading->buffer_size >= size) return true;
    const ferry_allocator *allocator = reading->pages->allocator;
    memory_release(allocator, reading->buffer, reading->buffer_size);
    reading->buffer = memory_new(allocator, size);
    reading->buffer_size = reading->buffer == NULL ? 0 : size;
    return reading->buffer != NULL;
}

/* The value's bytes; NULL with what is wrong in row->damage, or for want of memory. */
static const uint8_t *bytes_of(Reading *reading, const PageNode *node, CacheRow *row) {
    ferry_error ignored;
    if (node->bytes != NULL) return node->bytes;
    if (node->size > CACHE_VALUE_LIMIT) {
        row->damage = "its size is wrong";
        return NULL;
    }
    if (!make_room(reading, node->size)) return NULL;
    if (cache_pages_read(reading->pages, node->offset, reading->buffer, node->size, &ignored) == FERRY_OK)
        return reading->buffer;
    row->damage = "the file ends before it does";
    return NULL;
}

static uint32_t space_of(const CachePages *pages, const PageNode *node) {
    uint64_t beside = node->node_size + 2U;
    if (node->bytes != NULL) return (uint32_t)beside;
    return (uint32_t)(beside + round_up(sizeof(PageStart) + (uint64_t)node->size, pages->page_size));
}

static bool add_row(void *context, const PageNode *node) {
    Reading *reading = context;
    CacheRows *rows = reading->rows;
    CacheRow row = {.offset = node->offset, .size = node->size, .maker = "", .title = ""};
    Value value;
    memcpy(row.name.bytes, node->key, sizeof row.name.bytes);
    row.in_file = space_of(reading->pages, node);
    const uint8_t *bytes = bytes_of(reading, node, &row);
    if (bytes == NULL || !value_is_marked(bytes, node->size)) rows->all_marked = false;
    if (bytes != NULL) row.damage = value_decode(bytes, node->size, &value);
    bool enough_memory = (bytes != NULL || row.damage != NULL) && grow(rows, reading->pages->allocator);
    if (row.damage == NULL && enough_memory) {
        row.made = value.head.made;
        row.used = value.head.used;
        row.code_size = value.head.code_size;
        enough_memory = add_texts(rows, &row, &value);
    }
    if (!enough_memory)
        reading->code = fail_out_of_memory(reading->error, "the entries of the cache");
    else
        rows->rows[rows->count++] = row;
    return enough_memory;
}

static void add_damage(void *context, const ferry_error *error) {
    Reading *reading = context;
    (void)error;
    reading->rows->damaged++;
}

ferry_code rows_read(CacheRows *rows, const CachePages *pages, bool with_texts, ferry_error *error) {
    *rows = (CacheRows){.arena = {.allocator = pages->allocator}, .with_texts = with_texts, .all_marked = true};
    Reading reading = {.rows = rows, .pages = pages, .error = error};
    PageVisitor visitor = {.context = &reading, .entry = add_row, .damage = add_damage};
    /* What the walk says of a damage goes no further than to add_damage. */
    ferry_error inner = {0};
    ferry_code code = cache_pages_visit(pages, &visitor, &inner);
    if (code != FERRY_OK) *error = inner;
    memory_release(pages->allocator, reading.buffer, reading.buffer_size);
    if (code == FERRY_OK) code = reading.code;
    if (code != FERRY_OK) rows_free(rows);
    return code;
}

void rows_free(CacheRows *rows) {
    memory_release(rows->arena.allocator, rows->rows, rows->capacity * sizeof *rows->rows);
    arena_free(&rows->arena);
    rows->rows = NULL;
    rows->count = rows->capacity = 0;
}
