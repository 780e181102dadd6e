/* abi/parse_number.c: integer and character literals. */
#include "abi/parse_internal.h"

#include <string.h>

/* Widths of the integer kinds that are the same on every target. */
static const IntegerWidth widths[FERRY_SCALAR_COUNT] = {
    [FERRY_BOOL] = {1, false, false},      [FERRY_CHAR] = {8, true, true},
    [FERRY_SCHAR] = {8, true, false},      [FERRY_UCHAR] = {8, false, false},
    [FERRY_SHORT] = {16, true, false},     [FERRY_USHORT] = {16, false, false},
    [FERRY_INT] = {32, true, false},       [FERRY_UINT] = {32, false, false},
    [FERRY_LONG] = {0, true, false},       [FERRY_ULONG] = {0, false, false},
    [FERRY_LLONG] = {64, true, false},     [FERRY_ULLONG] = {64, false, false},
    [FERRY_INT128] = {128, true, false},   [FERRY_UINT128] = {128, false, false},
    [FERRY_INT8] = {8, true, false},       [FERRY_UINT8] = {8, false, false},
    [FERRY_INT16] = {16, true, false},     [FERRY_UINT16] = {16, false, false},
    [FERRY_INT32] = {32, true, false},     [FERRY_UINT32] = {32, false, false},
    [FERRY_INT64] = {64, true, false},     [FERRY_UINT64] = {64, false, false},
    [FERRY_INT_FAST16] = {0, true, false}, [FERRY_UINT_FAST16] = {0, false, false},
    [FERRY_INT_FAST32] = {0, true, false}, [FERRY_UINT_FAST32] = {0, false, false},
    [FERRY_INTPTR] = {0, true, false},     [FERRY_UINTPTR] = {0, false, false},
    [FERRY_SIZE] = {0, false, false},      [FERRY_SSIZE] = {0, true, false},
    [FERRY_PTRDIFF] = {0, true, false},    [FERRY_WCHAR] = {0, true, true},
};

IntegerWidth kind_width(ferry_kind kind) {
    return widths[kind];
}

/* A literal while it is read: text[position, length) is still to come. */
typedef struct Literal {
    const char *text;
    size_t length;
    size_t position;
    uint64_t value;
    bool too_large;
} Literal;

static int digit_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return 99;
}

static bool has_prefix(const Literal *literal, char letter) {
    return literal->length > 2 && literal->text[0] == '0' && (literal->text[1] | 0x20) == letter;
}

static unsigned base_of(Literal *literal) {
    unsigned base = has_prefix(literal, 'x') ? 16 : has_prefix(literal, 'b') ? 2 : has_prefix(literal, 'o') ? 8 : 0;
    if (base != 0) literal->position = 2;
    return base != 0 ? base : literal->text[0] == '0' ? 8 : 10;
}

/* Reads digits of the base with C23's separators between them; returns how many there were. */
static size_t read_digits(Literal *literal, unsigned base, size_t limit) {
    size_t digits = 0;
    for (; literal->position < literal->length && digits < limit; literal->position++) {
        char byte = literal->text[literal->position];
        if (byte == '\'' && digits != 0) continue;
        int digit = digit_value(byte);
        if (digit >= (int)base) break;
        literal->too_large |= __builtin_mul_overflow(literal->value, base, &literal->value);
        literal->too_large |= __builtin_add_overflow(literal->value, (uint64_t)digit, &literal->value);
        digits++;
    }
    return digits;
}

/* u, l, ll in any case and order; false: something else is left. */
static bool read_suffix(const Literal *literal, bool *is_unsigned, bool *is_wide) {
    const char *rest = literal->text + literal->position;
    size_t left = literal->length - literal->position;
    for (int part = 0; part < 2 && left != 0; part++) {
        size_t used = 0;
        if ((*rest | 0x20) == 'u' && !*is_unsigned) {
            *is_unsigned = true;
            used = 1;
        } else if ((*rest | 0x20) == 'l' && !*is_wide) {
            *is_wide = true;
            used = left > 1 && rest[1] == rest[0] ? 2 : 1;
        }
        rest += used;
        left -= used;
    }
    return left == 0;
}

/* The first of C's types for such a literal that holds it. `long` counts as 64 bits wide. */
static void give_type(Constant *constant, bool is_decimal) {
    bool may_be_unsigned = constant->is_unsigned || !is_decimal;
    if (!constant->is_wide) {
        uint64_t limit = constant->is_unsigned ? UINT32_MAX : INT32_MAX;
        if (constant->bits > limit && may_be_unsigned && constant->bits <= UINT32_MAX) constant->is_unsigned = true;
        if (constant->bits > UINT32_MAX || (constant->bits > limit && !may_be_unsigned)) constant->is_wide = true;
    }
    /* gcc takes a decimal beyond the largest signed type as unsigned, too */
    if (constant->is_wide && constant->bits > INT64_MAX) constant->is_unsigned = true;
}

ferry_code parse_number(Parser *parser, const Token *token, Constant *constant) {
    Literal literal = {.text = token_text(parser, token), .length = token->length};
    unsigned base = base_of(&literal);
    size_t digits = read_digits(&literal, base, SIZE_MAX);
    *constant = (Constant){.bits = literal.value};
    char quote[QUOTE_BYTES];
    parse_quote(parser, token, quote);
    bool known = digits != 0 && read_suffix(&literal, &constant->is_unsigned, &constant->is_wide);
    if (!known) return parse_fail(parser, token, FERRY_SYNTAX, "expected an integer, found %s", quote);
    if (literal.too_large) return parse_fail(parser, token, FERRY_TOO_LARGE, "%s does not fit 64 bits", quote);
    give_type(constant, base == 10);
    return FERRY_OK;
}

static const struct {
    char letter;
    char value;
} escapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'},  {'a', '\a'},  {'b', '\b'}, {'f', '\f'}, {'v', '\v'},
               {'e', 27},   {'E', 27},   {'\\', '\\'}, {'\'', '\''}, {'"', '"'},  {'?', '?'}};

/* Reads what follows a backslash; false: no escape sequence. */
static bool read_escape(Literal *literal) {
    if (literal->position >= literal->length) return false;
    char letter = literal->text[literal->position];
    literal->value = 0;
    if (digit_value(letter) < 8) return read_digits(literal, 8, 3) != 0;
    literal->position++;
    if (letter == 'x') return read_digits(literal, 16, SIZE_MAX) != 0;
    if (letter == 'u') return read_digits(literal, 16, 4) == 4;
    if (letter == 'U') return read_digits(literal, 16, 8) == 8;
    for (size_t index = 0; index < COUNT_OF(escapes); index++) {
        if (escapes[index].letter != letter) continue;
        literal->value = (uint64_t)escapes[index].value;
        return true;
    }
    return false;
}

/* Reads one character; false: malformed. */
static bool read_character(Literal *literal) {
    if (literal->position >= literal->length) return false;
    const char *text = literal->text + literal->position;
    if (*text == '\\') {
        literal->position++;
        return read_escape(literal);
    }
    size_t bytes = utf8_length(text, literal->length - literal->position);
    literal->position += bytes;
    if (bytes <= 1) {
        literal->value = (unsigned char)*text;
        return bytes == 1;
    }
    literal->value = (unsigned char)*text & (0x7fU >> bytes);
    for (size_t index = 1; index < bytes; index++)
        literal->value = literal->value << 6 | ((unsigned char)text[index] & 0x3f);
    return true;
}

ferry_code parse_character(Parser *parser, const Token *token, Constant *constant) {
    const char *text = token_text(parser, token);
    size_t prefix = (size_t)((const char *)memchr(text, '\'', token->length) - text);
    Literal literal = {.text = text, .length = token->length - 1, .position = prefix + 1};
    char quote[QUOTE_BYTES];
    parse_quote(parser, token, quote);
    if (!read_character(&literal) || literal.position != literal.length) {
        return parse_fail(parser, token, FERRY_SYNTAX, "expected one character between the quotes, found %s", quote);
    }
    bool is_utf8 = prefix == 2, is_plain = prefix == 0, is_16 = prefix == 1 && text[0] == 'u';
    uint64_t limit = is_utf8 || is_plain ? UINT8_MAX : is_16 ? UINT16_MAX : UINT32_MAX;
    if (literal.too_large || literal.value > limit) {
        return parse_fail(parser, token, FERRY_TOO_LARGE, "%s does not fit its character type", quote);
    }
    if ((is_plain && literal.value > INT8_MAX) || (text[0] == 'L' && literal.value > INT32_MAX)) {
        return parse_fail(parser, token, FERRY_UNSUPPORTED,
                          "the value of %s differs between targets: char and wchar_t are signed on some", quote);
    }
    *constant = (Constant){.bits = literal.value, .is_unsigned = text[0] == 'U'};
    return FERRY_OK;
}
