/* Types as values see them. */
#include <limits.h>
#include <string.h>
#include <wchar.h>

#include "cli/value.h"

const ferry_type *strip_type(const ferry_type *type) {
    while (ferry_type_kind(type) == FERRY_ALIGNED) type = ferry_type_base(type);
    return type;
}

bool is_integer_type(const ferry_type *type) {
    ferry_kind kind = ferry_type_kind(strip_type(type));
    return kind == FERRY_ENUM || (kind >= FERRY_BOOL && kind <= FERRY_WCHAR);
}

bool is_signed_type(const ferry_type *type) {
    type = strip_type(type);
    if (ferry_type_kind(type) == FERRY_ENUM) type = strip_type(ferry_type_base(type));
    switch (ferry_type_kind(type)) {
    case FERRY_CHAR: return CHAR_MIN < 0;
    case FERRY_WCHAR: return WCHAR_MIN < 0;
    case FERRY_SCHAR:
    case FERRY_SHORT:
    case FERRY_INT:
    case FERRY_LONG:
    case FERRY_LLONG:
    case FERRY_INT128:
    case FERRY_INT8:
    case FERRY_INT16:
    case FERRY_INT32:
    case FERRY_INT64:
    case FERRY_INT_FAST16:
    case FERRY_INT_FAST32:
    case FERRY_INTPTR:
    case FERRY_SSIZE:
    case FERRY_PTRDIFF: return true;
    default: return false;
    }
}

bool is_real_kind(ferry_kind kind) {
    return kind >= FERRY_FLOAT16 && kind <= FERRY_FLOAT128;
}

ferry_kind complex_part(ferry_kind kind) {
    switch (kind) {
    case FERRY_COMPLEX_FLOAT: return FERRY_FLOAT;
    case FERRY_COMPLEX_DOUBLE: return FERRY_DOUBLE;
    case FERRY_COMPLEX_LONG_DOUBLE: return FERRY_LONG_DOUBLE;
    case FERRY_COMPLEX_FLOAT128: return FERRY_FLOAT128;
    default: return FERRY_VOID;
    }
}

static ferry_kind pointed_kind(const ferry_type *type) {
    type = strip_type(type);
    if (ferry_type_kind(type) != FERRY_POINTER) return FERRY_FUNCTION;
    return ferry_type_kind(strip_type(ferry_type_base(type)));
}

bool is_char_pointer(const ferry_type *type) {
    return pointed_kind(type) == FERRY_CHAR;
}

bool has_byte_target(const ferry_type *pointer) {
    switch (pointed_kind(pointer)) {
    case FERRY_VOID:
    case FERRY_CHAR:
    case FERRY_SCHAR:
    case FERRY_UCHAR:
    case FERRY_INT8:
    case FERRY_UINT8: return true;
    default: return false;
    }
}

bool measure_type(const Values *values, const ferry_type *type, ferry_extent *extent, Problem *problem) {
    ferry_error error = {0};
    if (ferry_type_measure(values->engine, type, extent, &error) == FERRY_OK) return true;
    snprintf(problem->message, sizeof problem->message, "%.300s", error.message);
    return false;
}

bool find_member(const Values *values, const Place *record, size_t index, Place *member) {
    const ferry_type *type = strip_type(record->type);
    const ferry_member *row = ferry_type_member(type, index);
    uint64_t bit = 0;
    ferry_error ignored = {0};
    if (row == NULL || ferry_type_locate(values->engine, type, index, &bit, &ignored) != FERRY_OK) return false;
    *member = (Place){.type = row->type,
                      .memory = record->memory + (row->is_bitfield ? 0 : bit / 8),
                      .bit = row->is_bitfield ? bit : 0,
                      .bits = row->bits,
                      .is_bitfield = row->is_bitfield};
    return true;
}

static bool is_named(const ferry_member *member) {
    return member->name != NULL && member->name[0] != '\0';
}

bool find_named_member(const Values *values, const Place *record, const char *name, size_t length, Place *member) {
    const ferry_type *type = strip_type(record->type);
    for (size_t i = 0; i < ferry_type_member_count(type); i++) {
        const ferry_member *row = ferry_type_member(type, i);
        bool matches = is_named(row) && strlen(row->name) == length && memcmp(row->name, name, length) == 0;
        if (matches) return find_member(values, record, i, member);
        Place inner; /* an anonymous struct's or union's members count as the outer one's */
        if (!is_named(row) && !row->is_bitfield && find_member(values, record, i, &inner) &&
            find_named_member(values, &inner, name, length, member))
            return true;
    }
    return false;
}

Place element_place(const Values *values, const Place *array, uint64_t index) {
    const ferry_type *base = ferry_type_base(strip_type(array->type));
    ferry_extent extent = {0};
    ferry_error ignored = {0};
    if (ferry_type_measure(values->engine, base, &extent, &ignored) != FERRY_OK) extent.size = 0;
    return (Place){.type = base, .memory = array->memory + index * extent.size};
}

uint64_t element_count(const Values *values, const ferry_type *type) {
    type = strip_type(type);
    uint64_t count = ferry_type_count(type);
    if (ferry_type_kind(type) == FERRY_ARRAY) return count == FERRY_FLEXIBLE ? 0 : count;
    ferry_extent extent = {0};
    ferry_error ignored = {0};
    if (ferry_type_kind(type) != FERRY_VECTOR ||
        ferry_type_measure(values->engine, ferry_type_base(type), &extent, &ignored) != FERRY_OK || extent.size == 0)
        return 0;
    return count / extent.size; /* a vector's count is its size in bytes */
}

size_t next_initialised(const ferry_type *record, size_t index) {
    size_t count = ferry_type_member_count(record);
    while (index < count) {
        const ferry_member *member = ferry_type_member(record, index);
        if (!member->is_bitfield || is_named(member)) break;
        index++;
    }
    return index;
}
