/* One text, one value. */
#include <string.h>

#include "cli/value.h"

static bool is_char_array(const ferry_type *type) {
    if (ferry_type_kind(type) != FERRY_ARRAY) return false;
    switch (ferry_type_kind(strip_type(ferry_type_base(type)))) {
    case FERRY_CHAR:
    case FERRY_SCHAR:
    case FERRY_UCHAR:
    case FERRY_INT8:
    case FERRY_UINT8: return true;
    default: return false;
    }
}

static bool read_scalar(Reader *reader, const Place *place) {
    ferry_kind kind = ferry_type_kind(strip_type(place->type));
    if (is_integer_type(place->type)) return read_integer(reader, place);
    if (is_real_kind(kind)) return read_real(reader, kind, place->memory);
    char spelling[96];
    ferry_type_format(place->type, NULL, spelling, sizeof spelling);
    return refuse_text(reader, reader->cursor, "%s has no values that could be written", spelling);
}

static bool read_inner(Reader *reader, const Place *place) {
    const ferry_type *type = strip_type(place->type);
    ferry_kind kind = ferry_type_kind(type);
    if (kind != FERRY_POINTER || reader->cursor != reader->text) skip_spaces(reader);
    if (kind == FERRY_POINTER) return read_pointer(reader, place);
    if (complex_part(kind) != FERRY_VOID) return read_complex(reader, place);
    if (*reader->cursor == '"' && is_char_array(type)) return read_string_array(reader, place);
    if (kind == FERRY_ARRAY || kind == FERRY_VECTOR || kind == FERRY_STRUCT || kind == FERRY_UNION)
        return read_aggregate(reader, place);
    if (!accept_char(reader, '{')) return read_scalar(reader, place);
    skip_spaces(reader); /* C allows braces around a scalar, once */
    return read_scalar(reader, place) && expect_char(reader, '}');
}

bool read_place(Reader *reader, const Place *place) {
    enum { DEPTH_LIMIT = 500 };
    if (reader->depth == DEPTH_LIMIT) return refuse_text(reader, reader->cursor, "the braces are nested too deeply");
    reader->depth++;
    bool good = read_inner(reader, place);
    reader->depth--;
    return good;
}

bool value_read(const Values *values, const ferry_type *type, const char *text, void *memory, Pointed *pointed,
                Problem *problem) {
    *problem = (Problem){0};
    Pointed unwanted;
    Reader reader = {.values = values,
                     .text = text,
                     .cursor = text,
                     .problem = problem,
                     .pointed = pointed != NULL ? pointed : &unwanted};
    if (!read_place(&reader, &(Place){.type = type, .memory = memory})) return false;
    skip_spaces(&reader);
    if (*reader.cursor == '\0') return true;
    return refuse_text(&reader, reader.cursor, "'%s' is left over", reader.cursor);
}

/* As C types a constant: the first of int, long, long long that holds it; unsigned ones with a u, or when it is not
 * decimal. */
static ferry_kind integer_kind(const Integer *integer) {
    Wide value = integer->magnitude;
    bool may_be_unsigned = integer->is_unsigned || !integer->is_decimal;
    bool may_be_signed = !integer->is_unsigned;
    if (integer->longs == 0) {
        if (may_be_signed && value <= INT32_MAX) return FERRY_INT;
        if (may_be_unsigned && value <= UINT32_MAX) return FERRY_UINT;
    }
    bool is_long_long = integer->longs > 1 || sizeof(long) < sizeof(long long);
    if (may_be_signed && value <= INT64_MAX) return is_long_long ? FERRY_LLONG : FERRY_LONG;
    if (may_be_unsigned && value <= UINT64_MAX) return is_long_long ? FERRY_ULLONG : FERRY_ULONG;
    return integer->is_unsigned ? FERRY_UINT128 : FERRY_INT128;
}

static bool is_float_literal(const char *text) {
    char value[16], *end;
    scan_float(FERRY_DOUBLE, text, &end, value);
    if (end == text) return false;
    return *end == '\0' || strcmp(end, "f") == 0 || strcmp(end, "F") == 0;
}

static bool is_long_double_literal(const char *text) {
    char value[16], *end;
    scan_float(FERRY_DOUBLE, text, &end, value);
    return end != text && (strcmp(end, "L") == 0 || strcmp(end, "l") == 0);
}

/* Kinds that C passes as they are; everything that is no number is a string. */
static ferry_kind infer_kind(Reader *reader) {
    Integer integer;
    Scan scan = scan_integer(reader, &integer);
    if (scan == SCAN_DONE && *reader->cursor == '\0') return integer_kind(&integer);
    if (is_float_literal(reader->text)) return FERRY_DOUBLE;
    if (is_long_double_literal(reader->text)) return FERRY_LONG_DOUBLE;
    return strcmp(reader->text, "NULL") == 0 ? FERRY_VOID : FERRY_CHAR;
}

const ferry_type *value_infer(const Values *values, const char *text, Problem *problem) {
    *problem = (Problem){0};
    Reader reader = {.values = values, .text = text, .cursor = text, .problem = problem};
    ferry_error error = {0};
    ferry_kind kind = infer_kind(&reader);
    const ferry_type *type = ferry_type_scalar(values->engine, kind, &error);
    bool is_pointer = kind == FERRY_CHAR || kind == FERRY_VOID;
    if (type != NULL && is_pointer) type = ferry_type_pointer(values->engine, type, &error);
    if (type == NULL) snprintf(problem->message, sizeof problem->message, "%.300s", error.message);
    return type;
}
