/* Pieces of text: names, numbers, characters, strings. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "cli/value.h"

bool refuse_text(Reader *reader, const char *at, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(reader->problem->message, sizeof reader->problem->message, format, list);
    va_end(list);
    reader->problem->column = (size_t)(at - reader->text);
    return false;
}

void skip_spaces(Reader *reader) {
    while (isspace((unsigned char)*reader->cursor)) reader->cursor++;
}

bool accept_char(Reader *reader, char c) {
    skip_spaces(reader);
    if (*reader->cursor != c) return false;
    reader->cursor++;
    return true;
}

bool expect_char(Reader *reader, char c) {
    if (accept_char(reader, c)) return true;
    if (*reader->cursor == '\0') return refuse_text(reader, reader->cursor, "expected '%c' at the end", c);
    return refuse_text(reader, reader->cursor, "expected '%c' instead of '%.*s'", c,
                       (int)(token_length(reader->cursor) + (token_length(reader->cursor) == 0)), reader->cursor);
}

bool at_delimiter(const char *text) {
    return *text == '\0' || isspace((unsigned char)*text) || strchr(",{}=", *text) != NULL;
}

size_t token_length(const char *text) {
    const char *end = text;
    while (!at_delimiter(end)) end++;
    return (size_t)(end - text);
}

size_t name_length(const char *text) {
    size_t length = 0;
    if (isdigit((unsigned char)text[0])) return 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_') length++;
    return length;
}

const char *quoted_end(const char *text) {
    for (const char *c = text + 1; *c != '\0'; c++) {
        if (*c == *text) return c;
        if (*c == '\\' && c[1] != '\0') c++;
    }
    return NULL;
}

static int digit_value(char c, unsigned base) {
    int value = -1;
    if (c >= '0' && c <= '9') value = c - '0';
    if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    return value >= 0 && (unsigned)value < base ? value : -1;
}

/* At most `most` digits; *cursor moves behind them. */
static unsigned scan_digits(const char **cursor, const char *end, unsigned base, size_t most) {
    unsigned value = 0;
    for (; most > 0 && *cursor < end && digit_value(**cursor, base) >= 0; most--)
        value = value * base + (unsigned)digit_value(*(*cursor)++, base);
    return value;
}

static char *put_utf8(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* *cursor stands behind the backslash. */
static bool decode_escape(Reader *reader, const char **cursor, const char *end, char **out) {
    static const char letters[] = "abefnrtv\\'\"?", bytes[] = "\a\b\x1b\f\n\r\t\v\\'\"?";
    const char *start = *cursor - 1, *found;
    char c = *cursor < end ? *(*cursor)++ : '\0';
    if (c != '\0' && (found = strchr(letters, c)) != NULL) {
        *(*out)++ = bytes[found - letters];
        return true;
    }
    if (digit_value(c, 8) >= 0) {
        (*cursor)--;
        *(*out)++ = (char)scan_digits(cursor, end, 8, 3);
        return true;
    }
    const char *digits = *cursor;
    unsigned code = c == 'x' || c == 'u' || c == 'U' ? scan_digits(cursor, end, 16,
                                                                   c == 'x'   ? 2
                                                                   : c == 'u' ? 4
                                                                              : 8)
                                                     : 0;
    if (*cursor == digits || code > 0x10FFFF)
        return refuse_text(reader, start, "unknown escape '\\%.1s' (a backslash itself is \\\\)", start + 1);
    if (c == 'x')
        *(*out)++ = (char)code;
    else
        *out = put_utf8(*out, code);
    return true;
}

char *decode_text(Reader *reader, const char *start, const char *end, size_t *length) {
    char *text = heap_new(reader->values->heap, (size_t)(end - start) + 1); /* an escape never grows */
    char *out = text;
    while (start < end) {
        if (*start != '\\')
            *out++ = *start++;
        else if (start++, !decode_escape(reader, &start, end, &out))
            return NULL;
    }
    *length = (size_t)(out - text);
    return text;
}

static Scan scan_character(Reader *reader, Integer *integer) {
    const char *start = reader->cursor, *end = quoted_end(start);
    size_t length = 0;
    if (end == NULL) {
        refuse_text(reader, start, "the character constant has no closing quote");
        return SCAN_FAILED;
    }
    const char *text = decode_text(reader, start + 1, end, &length);
    if (text == NULL) return SCAN_FAILED;
    if (length != 1) {
        refuse_text(reader, start, "%.*s is not one character", (int)(end + 1 - start), start);
        return SCAN_FAILED;
    }
    unsigned byte = (unsigned char)text[0];
    bool negative = CHAR_MIN < 0 && byte > SCHAR_MAX; /* as char is, as in C */
    *integer = (Integer){.magnitude = negative ? UCHAR_MAX + 1 - byte : byte, .negative = negative};
    reader->cursor = end + 1;
    return SCAN_DONE;
}

/* u, l, ll, ul, ull, lu, llu in either case. */
static void scan_suffix(const char **cursor, Integer *integer) {
    for (; **cursor != '\0' && strchr("uUlL", **cursor) != NULL; (*cursor)++) {
        if (**cursor == 'u' || **cursor == 'U')
            integer->is_unsigned = true;
        else
            integer->longs++;
    }
}

Scan scan_integer(Reader *reader, Integer *integer) {
    const char *start = reader->cursor, *cursor = start;
    *integer = (Integer){0};
    if (*cursor == '\'') return scan_character(reader, integer);
    if (*cursor == '-' || *cursor == '+') integer->negative = *cursor++ == '-';
    unsigned base = 10;
    if (cursor[0] == '0' && (cursor[1] == 'x' || cursor[1] == 'X')) base = 16;
    if (cursor[0] == '0' && (cursor[1] == 'b' || cursor[1] == 'B')) base = 2;
    if (base != 10) cursor += 2;
    if (base == 10 && cursor[0] == '0') base = 8;
    integer->is_decimal = base == 10;
    const char *digits = cursor;
    bool overflow = false;
    for (; digit_value(*cursor, base) >= 0; cursor++) {
        unsigned digit = (unsigned)digit_value(*cursor, base);
        overflow |= integer->magnitude > (~(Wide)0 - digit) / base;
        integer->magnitude = integer->magnitude * base + digit;
    }
    if (cursor == digits) return SCAN_NOTHING;
    scan_suffix(&cursor, integer);
    if (!at_delimiter(cursor)) return SCAN_NOTHING;
    if (overflow) {
        refuse_text(reader, start, "%.*s is too large for any integer type", (int)(cursor - start), start);
        return SCAN_FAILED;
    }
    reader->cursor = cursor;
    return SCAN_DONE;
}
