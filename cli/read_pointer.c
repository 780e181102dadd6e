/* Pointers, and the memory that they are given to point to. */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <string.h>

#include "cli/value.h"

static void store_pointer(const Place *place, const void *pointer) {
    memcpy(place->memory, &pointer, sizeof pointer);
}

/* Points the place at memory, and remembers the memory where it was asked for. */
static bool point_at(Reader *reader, const Place *place, const ferry_type *type, void *memory) {
    store_pointer(place, memory);
    if (reader->pointed != NULL) *reader->pointed = (Pointed){type, memory};
    reader->pointed = NULL;
    return true;
}

static const ferry_type *array_type(Reader *reader, const char *at, const ferry_type *base, uint64_t count) {
    ferry_error error = {0};
    const ferry_type *type = ferry_type_array(reader->values->engine, base, count, &error);
    if (type == NULL) refuse_text(reader, at, "%.300s", error.message);
    return type;
}

static const ferry_type *scalar_type(Reader *reader, ferry_kind kind) {
    return ferry_type_scalar(reader->values->engine, kind, &(ferry_error){0});
}

/* The text between start and end as an array of char with its terminating zero. */
static bool point_at_text(Reader *reader, const Place *place, const char *start, const char *end) {
    size_t length;
    char *text = decode_text(reader, start, end, &length);
    if (text == NULL) return false;
    const ferry_type *character = scalar_type(reader, FERRY_CHAR);
    const ferry_type *type = character != NULL ? array_type(reader, start, character, length + 1) : NULL;
    return type != NULL && point_at(reader, place, type, text);
}

static bool read_quoted(Reader *reader, const Place *place) {
    const char *start = reader->cursor, *end = quoted_end(start);
    if (end == NULL) return refuse_text(reader, start, "the string has no closing quote");
    if (!has_byte_target(place->type))
        return refuse_text(reader, start, "a string is nothing for a pointer to this type");
    reader->cursor = end + 1;
    return point_at_text(reader, place, start + 1, end);
}

/* &name: of a function or variable of the library. */
static bool read_symbol(Reader *reader, const Place *place) {
    const char *start = ++reader->cursor;
    size_t length = name_length(start);
    const char *name = heap_copy(reader->values->heap, start, length);
    void *library = reader->values->library;
    const void *found = dlsym(library != NULL ? library : RTLD_DEFAULT, name);
    if (found == NULL) found = dlsym(RTLD_DEFAULT, name);
    if (length == 0 || found == NULL)
        return refuse_text(reader, start - 1, "there is no symbol '%s' to point to", name);
    reader->cursor += length;
    store_pointer(place, found);
    return true;
}

/* A record's own braces and those of an array of records look alike: `{{1, 2}, {3, 4}}` is an array unless the record
 * begins with a part that has braces itself. */
static bool starts_array(const Reader *reader, const ferry_type *record) {
    const char *c = reader->cursor + 1;
    while (*c == ' ') c++;
    if (*c == '[') return true;
    size_t first = next_initialised(record, 0);
    if (*c != '{' || first >= ferry_type_member_count(record)) return false;
    switch (ferry_type_kind(strip_type(ferry_type_member(record, first)->type))) {
    case FERRY_STRUCT:
    case FERRY_UNION:
    case FERRY_ARRAY:
    case FERRY_VECTOR: return false;
    default: return true;
    }
}

static bool is_record(const ferry_type *type) {
    ferry_kind kind = ferry_type_kind(type);
    return kind == FERRY_STRUCT || kind == FERRY_UNION;
}

/* Memory of exactly that type, filled from braces or a string. */
static bool point_at_one(Reader *reader, const Place *place, const ferry_type *type) {
    ferry_extent extent;
    if (!measure_type(reader->values, type, &extent, reader->problem)) return false;
    char *memory = heap_new(reader->values->heap, (size_t)extent.size);
    Pointed *outer = reader->pointed;
    reader->pointed = NULL; /* pointers inside are not the argument's own memory */
    if (!read_place(reader, &(Place){.type = type, .memory = memory})) return false;
    reader->pointed = outer;
    return point_at(reader, place, type, memory);
}

static bool point_at_array(Reader *reader, const Place *place, const ferry_type *base) {
    const char *start = reader->cursor;
    char *memory;
    uint64_t count;
    Pointed *outer = reader->pointed;
    reader->pointed = NULL;
    if (!read_open_array(reader, base, &memory, &count)) return false;
    const ferry_type *type = array_type(reader, start, base, count);
    reader->pointed = outer;
    return type != NULL && point_at(reader, place, type, memory);
}

/* The braces behind a pointer to T: an array of T, or one T where T has braces of its own. */
static bool read_memory(Reader *reader, const Place *place) {
    const ferry_type *base = ferry_type_base(strip_type(place->type)), *bare = strip_type(base);
    ferry_kind kind = ferry_type_kind(bare);
    if (kind == FERRY_VOID || kind == FERRY_FUNCTION)
        return refuse_text(reader, reader->cursor, "what void * points to needs its type: (int[]){1, 2}");
    bool one = kind == FERRY_ARRAY || (is_record(bare) && !starts_array(reader, bare));
    return one ? point_at_one(reader, place, base) : point_at_array(reader, place, base);
}

/* The length of "(type)" when braces follow it, else 0. */
static size_t cast_length(const char *text) {
    size_t depth = 0, i = 0;
    do {
        if (text[i] == '(') depth++;
        if (text[i] == ')') depth--;
        if (text[i] == '\0') return 0;
        i++;
    } while (depth > 0);
    size_t end = i;
    while (text[i] == ' ') i++;
    return text[i] == '{' ? end : 0;
}

/* (T){...}, as in C. */
static bool read_compound(Reader *reader, const Place *place, size_t length) {
    const char *start = reader->cursor;
    const char *spelling = heap_copy(reader->values->heap, start + 1, length - 2);
    ferry_error error = {0};
    const ferry_type *type = ferry_type_parse(reader->values->engine, reader->values->scope, spelling, &error);
    if (type == NULL) {
        size_t column = error.line == 1 && error.column > 0 ? error.column - 1 : 0;
        return refuse_text(reader, start + 1 + column, "%.300s", error.message);
    }
    reader->cursor += length;
    skip_spaces(reader);
    const ferry_type *bare = strip_type(type);
    bool open = ferry_type_kind(bare) == FERRY_ARRAY && ferry_type_count(bare) == FERRY_FLEXIBLE;
    return open ? point_at_array(reader, place, ferry_type_base(bare)) : point_at_one(reader, place, type);
}

static bool read_address(Reader *reader, const Place *place) {
    const char *start = reader->cursor;
    size_t length = name_length(start);
    if ((length == 4 && memcmp(start, "NULL", 4) == 0) || (length == 7 && memcmp(start, "nullptr", 7) == 0)) {
        reader->cursor += length;
        return true; /* the memory is cleared */
    }
    Integer integer;
    Scan scan = scan_integer(reader, &integer);
    if (scan == SCAN_FAILED) return false;
    if (scan == SCAN_NOTHING)
        return refuse_text(reader, start, "%.*s is not a pointer: write NULL, 0x..., &symbol%s or braces",
                           (int)token_length(start), start, has_byte_target(place->type) ? ", \"text\"" : "");
    if (integer.negative || integer.magnitude > UINTPTR_MAX)
        return refuse_text(reader, start, "%.*s is out of range for a pointer", (int)(reader->cursor - start), start);
    uintptr_t address = (uintptr_t)integer.magnitude;
    memcpy(place->memory, &address, sizeof address);
    return true;
}

/* Only as a whole argument: any text that is not one of the other forms is the string itself. */
static bool read_bare_text(Reader *reader, const Place *place) {
    const char *start = reader->cursor, *end = start + strlen(start);
    reader->cursor = end;
    return point_at_text(reader, place, start, end);
}

bool read_pointer(Reader *reader, const Place *place) {
    const char *start = reader->cursor;
    bool is_whole = start == reader->text && reader->pointed != NULL;
    size_t cast = *start == '(' ? cast_length(start) : 0;
    if (cast > 0) return read_compound(reader, place, cast);
    if (*start == '"' && (!is_whole || quoted_end(start) != NULL)) return read_quoted(reader, place);
    if (is_whole && is_char_pointer(place->type) && strcmp(start, "NULL") != 0) return read_bare_text(reader, place);
    if (*start == '{') return read_memory(reader, place);
    if (*start == '&') return read_symbol(reader, place);
    return read_address(reader, place);
}
