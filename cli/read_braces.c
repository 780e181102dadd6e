/* Braces: structs, unions, arrays, vectors, with C's designators. */
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

enum { OPEN_ARRAY_BYTES = 1 << 28 }; /* the most that an array without a bound may grow to */

static size_t spell(const ferry_type *type, char buffer[static 96]) {
    return ferry_type_format(type, NULL, buffer, 96);
}

/* `.name`, in a struct or union. */
static bool select_member(Reader *reader, const Place *record, Place *member) {
    const char *start = ++reader->cursor;
    size_t length = name_length(start);
    ferry_kind kind = ferry_type_kind(strip_type(record->type));
    reader->cursor += length;
    bool found = (kind == FERRY_STRUCT || kind == FERRY_UNION) &&
                 find_named_member(reader->values, record, start, length, member);
    if (found) return true;
    char spelling[96];
    spell(record->type, spelling);
    return refuse_text(reader, start - 1, "%s has no member '%.*s'", spelling, (int)length, start);
}

/* `[index]`; the bound is the caller's to check. */
static bool read_index(Reader *reader, uint64_t *index) {
    const char *start = reader->cursor++;
    skip_spaces(reader);
    char *end;
    *index = strtoull(reader->cursor, &end, 0);
    if (end == reader->cursor || *reader->cursor == '-') return refuse_text(reader, start, "expected [index]");
    reader->cursor = end;
    return expect_char(reader, ']');
}

static bool select_element(Reader *reader, const Place *array, Place *element) {
    const char *start = reader->cursor;
    const ferry_type *type = strip_type(array->type);
    uint64_t index;
    if (!read_index(reader, &index)) return false;
    ferry_kind kind = ferry_type_kind(type);
    char spelling[96];
    spell(type, spelling);
    if (kind != FERRY_ARRAY && kind != FERRY_VECTOR) return refuse_text(reader, start, "%s has no elements", spelling);
    if (index >= element_count(reader->values, type))
        return refuse_text(reader, start, "%s has no element %llu", spelling, (unsigned long long)index);
    *element = element_place(reader->values, array, index);
    return true;
}

/* What follows the first designator: more of them, or `= value`. */
static bool read_designated(Reader *reader, Place place) {
    for (;;) {
        skip_spaces(reader);
        Place inner;
        if (*reader->cursor == '.') {
            if (!select_member(reader, &place, &inner)) return false;
        } else if (*reader->cursor == '[') {
            if (!select_element(reader, &place, &inner)) return false;
        } else {
            return expect_char(reader, '=') && read_place(reader, &place);
        }
        place = inner;
    }
}

/* After a value: true and *done when the braces end. */
static bool next_item(Reader *reader, bool *done) {
    if (accept_char(reader, ',')) {
        *done = accept_char(reader, '}'); /* a comma may stand before the end */
        return true;
    }
    *done = true;
    return expect_char(reader, '}');
}

static bool refuse_excess(Reader *reader, const Place *place, const char *what, uint64_t count) {
    char spelling[96];
    spell(place->type, spelling);
    return refuse_text(reader, reader->cursor, "too many values for %s: it has %llu %s%s to set", spelling,
                       (unsigned long long)count, what, count == 1 ? "" : "s");
}

static size_t count_initialised(const ferry_type *record) {
    size_t count = 0, members = ferry_type_member_count(record);
    for (size_t i = next_initialised(record, 0); i < members; i = next_initialised(record, i + 1)) count++;
    return ferry_type_kind(record) == FERRY_UNION && count > 1 ? 1 : count;
}

/* The member after the one that a designator named: of one inside an anonymous member, the anonymous one's next. */
static size_t index_behind(const Values *values, const Place *record, const char *name, size_t length) {
    const ferry_type *type = strip_type(record->type);
    for (size_t i = 0; i < ferry_type_member_count(type); i++) {
        const ferry_member *row = ferry_type_member(type, i);
        Place inner, found;
        bool is_named = row->name != NULL && row->name[0] != '\0';
        bool matches = is_named ? strlen(row->name) == length && memcmp(row->name, name, length) == 0
                                : !row->is_bitfield && find_member(values, record, i, &inner) &&
                                      find_named_member(values, &inner, name, length, &found);
        if (matches) return i + 1;
    }
    return 0;
}

static bool read_designated_member(Reader *reader, const Place *record, size_t *index) {
    const char *name = reader->cursor + 1;
    Place member;
    if (!select_member(reader, record, &member) || !read_designated(reader, member)) return false;
    *index = index_behind(reader->values, record, name, name_length(name));
    return true;
}

static bool read_next_member(Reader *reader, const Place *record, size_t *index) {
    const ferry_type *type = strip_type(record->type);
    *index = next_initialised(type, *index);
    Place member;
    bool is_full = ferry_type_kind(type) == FERRY_UNION && *index > next_initialised(type, 0);
    if (is_full || *index >= ferry_type_member_count(type))
        return refuse_excess(reader, record, "member", count_initialised(type));
    if (!find_member(reader->values, record, *index, &member))
        return refuse_text(reader, reader->cursor, "this member has no place");
    ++*index;
    return read_place(reader, &member);
}

static bool read_record(Reader *reader, const Place *record) {
    size_t index = 0;
    bool done = accept_char(reader, '}');
    while (!done) {
        skip_spaces(reader);
        bool is_designated = *reader->cursor == '.' && name_length(reader->cursor + 1) > 0;
        bool good =
            is_designated ? read_designated_member(reader, record, &index) : read_next_member(reader, record, &index);
        if (!good || !next_item(reader, &done)) return false;
    }
    return true;
}

static bool read_elements(Reader *reader, const Place *array) {
    uint64_t index = 0, count = element_count(reader->values, array->type);
    bool done = accept_char(reader, '}');
    while (!done) {
        skip_spaces(reader);
        bool is_designated = *reader->cursor == '[';
        const char *start = reader->cursor;
        if (is_designated && !read_index(reader, &index)) return false;
        if (index >= count && is_designated)
            return refuse_text(reader, start, "the array has no element %llu", (unsigned long long)index);
        if (index >= count) return refuse_excess(reader, array, "element", count);
        Place element = element_place(reader->values, array, index++);
        bool good = is_designated ? read_designated(reader, element) : read_place(reader, &element);
        if (!good || !next_item(reader, &done)) return false;
    }
    return true;
}

bool read_aggregate(Reader *reader, const Place *place) {
    ferry_kind kind = ferry_type_kind(strip_type(place->type));
    if (!accept_char(reader, '{')) {
        char spelling[96];
        spell(place->type, spelling);
        return refuse_text(reader, reader->cursor, "expected '{': %s is written as {...}", spelling);
    }
    return kind == FERRY_STRUCT || kind == FERRY_UNION ? read_record(reader, place) : read_elements(reader, place);
}

bool read_string_array(Reader *reader, const Place *place) {
    const char *start = reader->cursor, *end = quoted_end(start);
    if (end == NULL) return refuse_text(reader, start, "the string has no closing quote");
    size_t length;
    const char *text = decode_text(reader, start + 1, end, &length);
    if (text == NULL) return false;
    uint64_t count = element_count(reader->values, place->type);
    if (length > count)
        return refuse_text(reader, start, "the string of %zu characters is too long for %llu", length,
                           (unsigned long long)count);
    memcpy(place->memory, text, length);
    reader->cursor = end + 1;
    return true;
}

/* Memory for elements 0 to index at least. */
static bool grow(Reader *reader, const char *start, uint64_t size, uint64_t index, char **memory, uint64_t *capacity) {
    if (index < *capacity) return true;
    uint64_t most = size == 0 ? UINT32_MAX : OPEN_ARRAY_BYTES / size;
    if (index >= most) return refuse_text(reader, start, "the array would be larger than %d bytes", OPEN_ARRAY_BYTES);
    uint64_t larger = 2 * index + 1 < most ? 2 * index + 1 : most;
    char *moved = heap_new(reader->values->heap, (size_t)(larger * size));
    if (*capacity > 0) memcpy(moved, *memory, (size_t)(*capacity * size));
    *memory = moved;
    *capacity = larger;
    return true;
}

bool read_open_array(Reader *reader, const ferry_type *base, char **memory, uint64_t *count) {
    ferry_extent extent;
    uint64_t capacity = 0, index = 0;
    *count = 0;
    if (!measure_type(reader->values, base, &extent, reader->problem) || !expect_char(reader, '{')) return false;
    if (!grow(reader, reader->cursor, extent.size, 0, memory, &capacity)) return false;
    bool done = accept_char(reader, '}');
    while (!done) {
        skip_spaces(reader);
        const char *start = reader->cursor;
        bool is_designated = *start == '[';
        if (is_designated && !read_index(reader, &index)) return false;
        if (!grow(reader, start, extent.size, index, memory, &capacity)) return false;
        Place element = {.type = base, .memory = *memory + index++ * extent.size};
        if (index > *count) *count = index;
        bool good = is_designated ? read_designated(reader, element) : read_place(reader, &element);
        if (!good || !next_item(reader, &done)) return false;
    }
    return true;
}
