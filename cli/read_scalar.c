/* Numbers of every kind. */
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* true, false, or an enumerator of the declarations. */
static bool read_name(Reader *reader, Integer *integer) {
    const char *start = reader->cursor;
    size_t length = name_length(start);
    const Values *values = reader->values;
    reader->cursor += length;
    *integer = (Integer){0};
    if (is_word(start, length, "true") || is_word(start, length, "false")) {
        integer->magnitude = *start == 't';
        return true;
    }
    const char *name = heap_copy(values->heap, start, length);
    const ferry_declaration *found = values->scope != NULL ? ferry_scope_find(values->scope, name) : NULL;
    if (found == NULL || found->what != FERRY_DECLARED_ENUMERATOR)
        return refuse_text(reader, start, "%s is neither a number nor an enumerator of the declarations", name);
    integer->negative = found->value < 0 && is_signed_type(found->type);
    integer->magnitude = integer->negative ? (Wide)0 - (Wide)found->value : (Wide)(uint64_t)found->value;
    return true;
}

/* Of an integer of that many bits. The largest magnitudes; all values between are in range. */
typedef struct Range {
    Wide least_magnitude; /* of the negative side */
    Wide most;
} Range;

static Range range_of(const Place *place, size_t size) {
    const ferry_type *type = strip_type(place->type);
    size_t bits = place->is_bitfield ? place->bits : 8 * size;
    if (ferry_type_kind(type) == FERRY_BOOL) return (Range){0, 1};
    Wide all = bits >= 8 * sizeof(Wide) ? ~(Wide)0 : ((Wide)1 << bits) - 1;
    if (!is_signed_type(type)) return (Range){0, all};
    return (Range){bits > 0 ? all / 2 + 1 : 0, all / 2};
}

static bool refuse_range(Reader *reader, const char *start, const Place *place, Range range) {
    char least[48], most[48], spelling[96];
    if (place->is_bitfield)
        snprintf(spelling, sizeof spelling, "a bit-field of %u bit%s", place->bits, place->bits == 1 ? "" : "s");
    else
        ferry_type_format(place->type, NULL, spelling, sizeof spelling);
    return refuse_text(reader, start, "%.*s is out of range for %s (%s to %s)", (int)(reader->cursor - start), start,
                       spelling, format_wide(range.least_magnitude, range.least_magnitude != 0, least),
                       format_wide(range.most, false, most));
}

bool read_integer(Reader *reader, const Place *place) {
    ferry_extent extent;
    if (!measure_type(reader->values, place->type, &extent, reader->problem)) return false;
    const char *start = reader->cursor;
    Integer integer;
    Scan scan = scan_integer(reader, &integer);
    if (scan == SCAN_FAILED) return false;
    if (scan == SCAN_NOTHING && name_length(start) == 0)
        return refuse_text(reader, start, *start == '\0' ? "an integer is missing" : "%.*s is not an integer",
                           (int)token_length(start), start);
    if (scan == SCAN_NOTHING && !read_name(reader, &integer)) return false;
    Range range = range_of(place, (size_t)extent.size);
    if (integer.magnitude > (integer.negative ? range.least_magnitude : range.most))
        return refuse_range(reader, start, place, range);
    store_integer(place, (size_t)extent.size, integer.negative ? (Wide)0 - integer.magnitude : integer.magnitude);
    return true;
}

/* The number at the cursor, which may go on behind it (1+2i). */
static bool scan_real(Reader *reader, ferry_kind kind, void *memory) {
    const char *start = reader->cursor;
    char *end;
    scan_float(kind, start, &end, memory);
    if (end == start)
        return refuse_text(reader, start, *start == '\0' ? "a number is missing" : "%.*s is not a number",
                           (int)token_length(start), start);
    reader->cursor = end;
    size_t length = (size_t)(end - start);
    bool is_named = memchr(start, 'n', length) != NULL || memchr(start, 'N', length) != NULL; /* inf, nan */
    if (is_named || !float_is_infinite(kind, memory)) return true;
    char spelling[48];
    const ferry_type *type = ferry_type_scalar(reader->values->engine, kind, &(ferry_error){0});
    if (type == NULL) return false;
    ferry_type_format(type, NULL, spelling, sizeof spelling);
    return refuse_text(reader, start, "%.*s is out of range for %s", (int)length, start, spelling);
}

bool read_real(Reader *reader, ferry_kind kind, void *memory) {
    const char *start = reader->cursor;
    if (!scan_real(reader, kind, memory)) return false;
    if (*reader->cursor != '\0' && strchr("fFlL", *reader->cursor) != NULL) reader->cursor++;
    if (at_delimiter(reader->cursor)) return true;
    return refuse_text(reader, start, "%.*s is not a number", (int)token_length(start), start);
}

static bool accept_unit(Reader *reader) {
    if (*reader->cursor == '\0' || strchr("iIjJ", *reader->cursor) == NULL || !at_delimiter(reader->cursor + 1))
        return false;
    reader->cursor++;
    return true;
}

/* What stands before an `i`: a number, or only its sign. */
static bool scan_imaginary(Reader *reader, ferry_kind kind, void *memory) {
    const char *start = reader->cursor;
    bool is_signed = *start == '+' || *start == '-';
    reader->cursor += is_signed;
    if (accept_unit(reader)) {
        char *end;
        scan_float(kind, *start == '-' ? "-1" : "1", &end, memory);
        return true;
    }
    reader->cursor = start;
    if (!scan_real(reader, kind, memory)) return false;
    return accept_unit(reader) || refuse_text(reader, reader->cursor, "expected 'i' behind the imaginary part");
}

/* 1+2i, 2i, -i, 1 */
static bool scan_complex(Reader *reader, ferry_kind kind, char *real, char *imaginary) {
    const char *start = reader->cursor, *unit = start + (*start == '+' || *start == '-');
    bool only_unit = *unit != '\0' && strchr("iIjJ", *unit) != NULL && at_delimiter(unit + 1);
    if (only_unit) return scan_imaginary(reader, kind, imaginary);
    if (!scan_real(reader, kind, real)) return false;
    if (accept_unit(reader)) {
        reader->cursor = start;
        char *end;
        scan_float(kind, "0", &end, real);
        return scan_imaginary(reader, kind, imaginary);
    }
    if (*reader->cursor == '+' || *reader->cursor == '-') return scan_imaginary(reader, kind, imaginary);
    return at_delimiter(reader->cursor) ||
           refuse_text(reader, start, "%.*s is not a complex number (write 1+2i)", (int)token_length(start), start);
}

bool read_complex(Reader *reader, const Place *place) {
    ferry_extent extent;
    if (!measure_type(reader->values, place->type, &extent, reader->problem)) return false;
    ferry_kind kind = complex_part(ferry_type_kind(strip_type(place->type)));
    char *real = place->memory, *imaginary = real + extent.size / 2;
    if (!accept_char(reader, '{')) return scan_complex(reader, kind, real, imaginary);
    skip_spaces(reader);
    if (!read_real(reader, kind, real) || !expect_char(reader, ',')) return false;
    skip_spaces(reader);
    return read_real(reader, kind, imaginary) && expect_char(reader, '}');
}
