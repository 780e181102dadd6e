/* Values as C would write them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

typedef struct Writer {
    const Values *values;
    FILE *out;
} Writer;

static void write_place(const Writer *writer, const Place *place);

/* The length of the UTF-8 sequence at text, 0 when it is none. */
static size_t utf8_length(const unsigned char *text, size_t left) {
    size_t length = text[0] >= 0xF0 && text[0] < 0xF8 ? 4 : text[0] >= 0xE0 ? 3 : text[0] >= 0xC2 ? 2 : 0;
    if (text[0] >= 0xF8 || length == 0 || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    return length;
}

/* One byte between quotes of that kind; octal escapes have three digits, so that no digit can join them. */
static void write_byte(FILE *out, unsigned char byte, char quote) {
    static const char bytes[] = "\a\b\f\n\r\t\v\\", letters[] = "abfnrtv\\";
    const char *found = byte != 0 ? strchr(bytes, byte) : NULL;
    if (found != NULL)
        fprintf(out, "\\%c", letters[found - bytes]);
    else if (byte == (unsigned char)quote)
        fprintf(out, "\\%c", quote);
    else if (isprint(byte) && byte < 0x80)
        fputc(byte, out);
    else if (byte == 0 && quote == '\'')
        fputs("\\0", out);
    else
        fprintf(out, "\\%03o", byte);
}

static void write_text(FILE *out, const char *text, size_t length) {
    fputc('"', out);
    for (size_t i = 0; i < length;) {
        size_t sequence = utf8_length((const unsigned char *)text + i, length - i);
        if (sequence > 0)
            fwrite(text + i, 1, sequence, out);
        else
            write_byte(out, (unsigned char)text[i], '"');
        i += sequence > 0 ? sequence : 1;
    }
    fputc('"', out);
}

static const char *enumerator_name(const Values *values, const ferry_type *type, Wide value) {
    size_t count = values->scope != NULL ? ferry_scope_count(values->scope) : 0;
    for (size_t i = 0; i < count; i++) {
        const ferry_declaration *row = ferry_scope_at(values->scope, i);
        if (row->what != FERRY_DECLARED_ENUMERATOR || strip_type(row->type) != type) continue;
        Wide listed = is_signed_type(type) ? (Wide)row->value : (Wide)(uint64_t)row->value;
        if (listed == value) return row->name;
    }
    return NULL;
}

static void write_integer(const Writer *writer, const Place *place, size_t size) {
    const ferry_type *type = strip_type(place->type);
    bool is_signed = is_signed_type(type);
    Wide value = load_integer(place, size, is_signed);
    const char *name = ferry_type_kind(type) == FERRY_ENUM ? enumerator_name(writer->values, type, value) : NULL;
    char buffer[48];
    bool negative = is_signed && value >> (8 * sizeof value - 1) != 0;
    if (ferry_type_kind(type) == FERRY_BOOL) {
        fputs(value != 0 ? "true" : "false", writer->out);
    } else if (ferry_type_kind(type) == FERRY_CHAR) {
        fputc('\'', writer->out);
        write_byte(writer->out, (unsigned char)(value & 0xFF), '\'');
        fputc('\'', writer->out);
    } else {
        fputs(name != NULL ? name : format_wide(negative ? (Wide)0 - value : value, negative, buffer), writer->out);
    }
}

static void write_pointer(const Writer *writer, const Place *place) {
    const void *pointer;
    memcpy(&pointer, place->memory, sizeof pointer);
    if (pointer == NULL)
        fputs("NULL", writer->out);
    else if (writer->values->strings && is_char_pointer(place->type))
        write_text(writer->out, pointer, strlen(pointer));
    else
        fprintf(writer->out, "0x%" PRIxPTR, (uintptr_t)pointer);
}

/* -0.0 and nan have signs of their own. */
static void write_complex(const Writer *writer, const Place *place, ferry_kind part, size_t size) {
    char *text = NULL;
    size_t length = 0;
    write_float(writer->out, part, place->memory);
    FILE *buffer = open_memstream(&text, &length);
    if (buffer == NULL) return;
    write_float(buffer, part, place->memory + size / 2);
    fclose(buffer);
    fprintf(writer->out, "%s%si", text[0] == '-' ? "" : "+", text);
    free(text);
}

static void write_union(const Writer *writer, const Place *place, const ferry_type *type) {
    size_t count = ferry_type_member_count(type);
    const char *between = "";
    for (size_t i = next_initialised(type, 0); i < count; i = next_initialised(type, i + 1)) {
        const ferry_member *row = ferry_type_member(type, i);
        Place member;
        if (!find_member(writer->values, place, i, &member)) continue;
        fputs(between, writer->out);
        if (row->name != NULL && row->name[0] != '\0') fprintf(writer->out, ".%s = ", row->name);
        write_place(writer, &member);
        between = ", ";
    }
}

static void write_struct(const Writer *writer, const Place *place, const ferry_type *type) {
    size_t count = ferry_type_member_count(type);
    const char *between = "";
    for (size_t i = next_initialised(type, 0); i < count; i = next_initialised(type, i + 1)) {
        Place member;
        if (!find_member(writer->values, place, i, &member)) continue;
        fputs(between, writer->out);
        write_place(writer, &member);
        between = ", ";
    }
}

static void write_elements(const Writer *writer, const Place *place, const ferry_type *type) {
    uint64_t count = element_count(writer->values, type);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) fputs(", ", writer->out);
        Place element = element_place(writer->values, place, i);
        write_place(writer, &element);
    }
}

/* An array of char is a string up to the zeros that fill it. */
static bool write_char_array(const Writer *writer, const Place *place, const ferry_type *type) {
    bool is_text = ferry_type_kind(type) == FERRY_ARRAY && ferry_type_count(type) != FERRY_FLEXIBLE &&
                   ferry_type_kind(strip_type(ferry_type_base(type))) == FERRY_CHAR;
    if (!is_text) return false;
    size_t length = (size_t)ferry_type_count(type);
    while (length > 0 && place->memory[length - 1] == '\0') length--;
    write_text(writer->out, place->memory, length);
    return true;
}

static void write_aggregate(const Writer *writer, const Place *place, const ferry_type *type) {
    fputc('{', writer->out);
    if (ferry_type_kind(type) == FERRY_STRUCT)
        write_struct(writer, place, type);
    else if (ferry_type_kind(type) == FERRY_UNION)
        write_union(writer, place, type);
    else
        write_elements(writer, place, type);
    fputc('}', writer->out);
}

static void write_place(const Writer *writer, const Place *place) {
    const ferry_type *type = strip_type(place->type);
    ferry_kind kind = ferry_type_kind(type);
    ferry_extent extent = {0};
    ferry_error ignored = {0};
    if (ferry_type_measure(writer->values->engine, type, &extent, &ignored) != FERRY_OK) extent.size = 0;
    if (is_integer_type(type))
        write_integer(writer, place, (size_t)extent.size);
    else if (is_real_kind(kind))
        write_float(writer->out, kind, place->memory);
    else if (complex_part(kind) != FERRY_VOID)
        write_complex(writer, place, complex_part(kind), (size_t)extent.size);
    else if (kind == FERRY_POINTER)
        write_pointer(writer, place);
    else if (!write_char_array(writer, place, type))
        write_aggregate(writer, place, type);
}

void value_write(const Values *values, FILE *out, const ferry_type *type, const void *memory) {
    const Writer writer = {values, out};
    /* A place can be written through; this one is only read. */
    Place place = {.type = type, .memory = (char *)(uintptr_t)memory};
    write_place(&writer, &place);
}
