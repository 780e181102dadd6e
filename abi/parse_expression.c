/* abi/parse_expression.c: integer constant expressions, worked out while they are read.
 *
 * They are worked out with int of 32 bits and everything longer of 64. What a target would decide differently (sizeof,
 * the sign of char, a conversion to long that loses bits) is refused.
 */
#include "abi/parse_internal.h"

#include <string.h>

/* Binary operators; a higher level binds tighter. */
static const struct Operator {
    uint32_t punctuator;
    int level;
} operators[] = {
    {PUNCTUATOR('|', '|'), 1},
    {PUNCTUATOR('&', '&'), 2},
    {'|', 3},
    {'^', 4},
    {'&', 5},
    {PUNCTUATOR('=', '='), 6},
    {PUNCTUATOR('!', '='), 6},
    {'<', 7},
    {'>', 7},
    {PUNCTUATOR('<', '='), 7},
    {PUNCTUATOR('>', '='), 7},
    {PUNCTUATOR('<', '<'), 8},
    {PUNCTUATOR('>', '>'), 8},
    {'+', 9},
    {'-', 9},
    {'*', 10},
    {'/', 10},
    {'%', 10},
};

static ferry_code read_unary(Parser *parser, Constant *value);
static ferry_code read_conditional(Parser *parser, Constant *value);

static Constant constant_of_int(bool value) {
    return (Constant){.bits = value};
}

/* Brings the bits into the form that belongs to the type. */
static void normalise(Constant *value) {
    if (value->is_wide) return;
    value->bits = value->is_unsigned ? (uint32_t)value->bits : (uint64_t)(int64_t)(int32_t)(uint32_t)value->bits;
}

/* Both operands get the common type of C's usual arithmetic conversions. */
static void convert_both(Constant *left, Constant *right) {
    bool is_wide = left->is_wide || right->is_wide;
    bool is_unsigned =
        (left->is_unsigned && left->is_wide == is_wide) || (right->is_unsigned && right->is_wide == is_wide);
    bool is_variable = left->is_variable || right->is_variable;
    *left = (Constant){left->bits, is_unsigned, is_wide, is_variable};
    *right = (Constant){right->bits, is_unsigned, is_wide, is_variable};
    normalise(left);
    normalise(right);
}

/* Errors of a branch that does not count, and of a bound that is no constant, are none. */
static ferry_code fail_value(Parser *parser, const Token *at, const Constant *value, const char *message) {
    if (parser->unevaluated != 0 || value->is_variable) return FERRY_OK;
    return parse_fail(parser, at, FERRY_INVALID, "%s", message);
}

static bool overflows(const Constant *value, bool beyond_64, int64_t result) {
    return !value->is_unsigned && (beyond_64 || (!value->is_wide && result != (int32_t)result));
}

static ferry_code apply_sum(Parser *parser, const Token *at, Constant *left, const Constant *right) {
    int64_t a = (int64_t)left->bits, b = (int64_t)right->bits, result;
    bool beyond = at->punctuator == '+'   ? __builtin_add_overflow(a, b, &result)
                  : at->punctuator == '-' ? __builtin_sub_overflow(a, b, &result)
                                          : __builtin_mul_overflow(a, b, &result);
    if (overflows(left, beyond, result)) TRY(fail_value(parser, at, left, "this constant expression overflows"));
    left->bits = (uint64_t)result;
    return FERRY_OK;
}

static ferry_code apply_quotient(Parser *parser, const Token *at, Constant *left, const Constant *right) {
    if (right->bits == 0) return fail_value(parser, at, left, "division by zero in a constant expression");
    bool divide = at->punctuator == '/';
    if (left->is_unsigned) {
        left->bits = divide ? left->bits / right->bits : left->bits % right->bits;
        return FERRY_OK;
    }
    int64_t a = (int64_t)left->bits, b = (int64_t)right->bits;
    bool beyond = a == INT64_MIN && b == -1;
    if (beyond || (!left->is_wide && a == INT32_MIN && b == -1)) {
        return fail_value(parser, at, left, "this constant expression overflows");
    }
    left->bits = (uint64_t)(divide ? a / b : a % b);
    return FERRY_OK;
}

static ferry_code apply_shift(Parser *parser, const Token *at, Constant *left, const Constant *right) {
    left->is_variable |= right->is_variable;
    uint64_t width = left->is_wide ? 64 : 32;
    if (constant_is_negative(right) || right->bits >= width) {
        return fail_value(parser, at, left, "the shift in this constant expression is negative or beyond the width");
    }
    if (at->punctuator == PUNCTUATOR('<', '<')) {
        left->bits <<= right->bits;
    } else if (constant_is_negative(left)) {
        left->bits = ~(~left->bits >> right->bits);
    } else {
        left->bits >>= right->bits;
    }
    return FERRY_OK;
}

static bool compare(uint32_t operator, const Constant *left, const Constant *right) {
    bool equal = left->bits == right->bits;
    bool less = left->is_unsigned ? left->bits < right->bits : (int64_t)left->bits < (int64_t)right->bits;
    switch (operator) {
    case PUNCTUATOR('=', '='): return equal;
    case PUNCTUATOR('!', '='): return !equal;
    case '<': return less;
    case '>': return !less && !equal;
    case PUNCTUATOR('<', '='): return less || equal;
    default: return !less;
    }
}

static ferry_code apply(Parser *parser, const Token *at, Constant *left, Constant *right) {
    uint32_t operator = at->punctuator;
    ferry_code code = FERRY_OK;
    bool is_shift = operator == PUNCTUATOR('<', '<') || operator == PUNCTUATOR('>', '>');
    if (!is_shift) convert_both(left, right);
    switch (operator) {
    case '+':
    case '-':
    case '*': code = apply_sum(parser, at, left, right); break;
    case '/':
    case '%': code = apply_quotient(parser, at, left, right); break;
    case '&': left->bits &= right->bits; break;
    case '|': left->bits |= right->bits; break;
    case '^': left->bits ^= right->bits; break;
    default:
        if (is_shift) {
            code = apply_shift(parser, at, left, right);
        } else {
            *left = (Constant){.bits = compare(operator, left, right), .is_variable = left->is_variable};
        }
    }
    normalise(left);
    return code;
}

static int level_of(const Token *token) {
    if (token->kind != TOKEN_PUNCTUATOR) return 0;
    for (size_t index = 0; index < COUNT_OF(operators); index++)
        if (operators[index].punctuator == token->punctuator) return operators[index].level;
    return 0;
}

static ferry_code read_binary(Parser *parser, int level, Constant *left) {
    TRY(read_unary(parser, left));
    for (Token at = parser->token; level_of(&at) >= level; at = parser->token) {
        Constant right;
        bool is_and = at.punctuator == PUNCTUATOR('&', '&'), is_or = at.punctuator == PUNCTUATOR('|', '|');
        bool skips = (is_and && left->bits == 0) || (is_or && left->bits != 0);
        TRY(parse_advance(parser));
        parser->unevaluated += skips;
        TRY(read_binary(parser, level_of(&at) + 1, &right));
        parser->unevaluated -= skips;
        if (!is_and && !is_or) {
            TRY(apply(parser, &at, left, &right));
            continue;
        }
        bool is_variable = left->is_variable || (!skips && right.is_variable);
        *left = constant_of_int(is_and ? left->bits != 0 && right.bits != 0 : left->bits != 0 || right.bits != 0);
        left->is_variable = is_variable;
    }
    return FERRY_OK;
}

static ferry_code read_branches(Parser *parser, Constant *value) {
    bool taken = value->bits != 0;
    Constant first = *value, second;
    if (!token_is(&parser->token, ':')) { /* GNU's x ?: y repeats x */
        parser->unevaluated += !taken;
        TRY(read_conditional(parser, &first));
        parser->unevaluated -= !taken;
    }
    TRY(parse_punctuator(parser, ':', "':'"));
    parser->unevaluated += taken;
    TRY(read_conditional(parser, &second));
    parser->unevaluated -= taken;
    bool is_variable = value->is_variable || (taken ? first : second).is_variable;
    convert_both(&first, &second);
    *value = taken ? first : second;
    value->is_variable = is_variable;
    return FERRY_OK;
}

static ferry_code read_conditional(Parser *parser, Constant *value) {
    TRY(read_binary(parser, 1, value));
    if (!token_is(&parser->token, '?')) return FERRY_OK;
    TRY(parse_enter(parser));
    TRY(parse_advance(parser));
    TRY(read_branches(parser, value));
    parse_leave(parser);
    return FERRY_OK;
}

/* Conversions to a type whose width is the target's keep their value only where every target does. */
static bool converts_everywhere(const Constant *value, IntegerWidth width) {
    bool differs = width.bits == 0 || width.sign_differs;
    if (!differs) return true;
    if (width.bits == 0)
        return value->bits <= INT32_MAX ||
               (width.is_signed && !width.sign_differs && (int64_t)value->bits == (int32_t)value->bits);
    return value->bits <= INT8_MAX;
}

static ferry_code cast(Parser *parser, const Token *at, const Type *type, Constant *value) {
    const Type *stripped = type_strip(type);
    if (stripped->kind == FERRY_ENUM) stripped = stripped->base;
    if (!kind_is_integer(stripped->kind)) {
        return parse_fail(parser, at, FERRY_INVALID, "a constant expression can only be cast to an integer type");
    }
    IntegerWidth width = kind_width(stripped->kind);
    bool refused = width.bits == 128 || !converts_everywhere(value, width);
    if (refused && parser->unevaluated == 0 && !value->is_variable) {
        return parse_fail(parser, at, FERRY_UNSUPPORTED, "the result of this cast differs between targets");
    }
    if (stripped->kind == FERRY_BOOL) value->bits = value->bits != 0;
    if (width.bits > 1 && width.bits < 64) {
        value->bits &= (UINT64_C(1) << width.bits) - 1;
        bool negative = width.is_signed && (value->bits >> (width.bits - 1) & 1) != 0;
        if (negative) value->bits |= ~((UINT64_C(1) << width.bits) - 1);
    }
    value->is_wide = width.bits == 0 || width.bits >= 64;
    value->is_unsigned = !width.is_signed && (width.bits == 0 || width.bits >= 32); /* narrower ones become int */
    return FERRY_OK;
}

static ferry_code read_parentheses(Parser *parser, Constant *value) {
    Token at = parser->token;
    TRY(parse_advance(parser));
    if (!token_starts_type(parser, &parser->token)) {
        TRY(read_conditional(parser, value));
        return parse_punctuator(parser, ')', "an operator or ')'");
    }
    const Type *type;
    TRY(parse_type_name(parser, false, &type));
    TRY(parse_punctuator(parser, ')', "')'"));
    TRY(read_unary(parser, value));
    return cast(parser, &at, type, value);
}

static ferry_code read_named(Parser *parser, Constant *value) {
    const Token *token = &parser->token;
    const Symbol *symbol = scope_lookup(parser->scope, SPACE_ORDINARY, token_text(parser, token), token->length);
    if (symbol != NULL && symbol->declaration.what == FERRY_DECLARED_ENUMERATOR) {
        *value = symbol->constant;
    } else if (symbol == NULL && (token_is_word(parser, token, "true") || token_is_word(parser, token, "false"))) {
        *value = constant_of_int(token->length == 4);
    } else if (parser->parameter_lists != 0) {
        *value = (Constant){.is_variable = true}; /* perhaps another parameter: f(int n, int a[n]) */
    } else if (symbol != NULL) {
        return parse_expected(parser, "an integer constant expression");
    } else {
        return parse_unknown(parser, token, FERRY_DECLARED_ENUMERATOR);
    }
    return parse_advance(parser);
}

static ferry_code read_primary(Parser *parser, Constant *value) {
    const Token *token = &parser->token;
    if (token_is(token, '(')) return read_parentheses(parser, value);
    if (token->kind == TOKEN_NAME) return read_named(parser, value);
    if (token_is_keyword(token, KEYWORD_SIZEOF)) {
        return parse_fail(parser, token, FERRY_UNSUPPORTED,
                          "'%s' is not supported: types are the same on every target, and their sizes are not",
                          token->keyword->spelling);
    }
    if (token->kind != TOKEN_NUMBER && token->kind != TOKEN_CHARACTER) {
        return parse_expected(parser, "an integer constant expression");
    }
    TRY(token->kind == TOKEN_NUMBER ? parse_number(parser, token, value) : parse_character(parser, token, value));
    return parse_advance(parser);
}

static ferry_code apply_unary(Parser *parser, const Token *at, Constant *value) {
    Constant zero = {0};
    switch (at->punctuator) {
    case '!': *value = (Constant){.bits = value->bits == 0, .is_variable = value->is_variable}; break;
    case '~': value->bits = ~value->bits; break;
    case '-':
        convert_both(&zero, value);
        TRY(apply_sum(parser, at, &zero, value));
        *value = zero;
        break;
    default: break;
    }
    normalise(value);
    return FERRY_OK;
}

static ferry_code read_unary(Parser *parser, Constant *value) {
    Token at = parser->token;
    TRY(parse_enter(parser));
    if (token_is(&at, '+') || token_is(&at, '-') || token_is(&at, '!') || token_is(&at, '~')) {
        TRY(parse_advance(parser));
        TRY(read_unary(parser, value));
        TRY(apply_unary(parser, &at, value));
    } else if (token_is_keyword(&at, KEYWORD_EXTENSION)) {
        TRY(parse_advance(parser));
        TRY(read_unary(parser, value));
    } else {
        TRY(read_primary(parser, value));
    }
    parse_leave(parser);
    return FERRY_OK;
}

ferry_code parse_bound(Parser *parser, Constant *constant) {
    return read_conditional(parser, constant);
}

ferry_code parse_constant(Parser *parser, Constant *constant) {
    Token at = parser->token;
    TRY(read_conditional(parser, constant));
    if (!constant->is_variable) return FERRY_OK;
    return parse_fail(parser, &at, FERRY_SYNTAX, "expected an integer constant expression, found one with a variable");
}

/* The message of a static assertion, which may be several strings; *text: the first as it is written. */
static ferry_code read_message(Parser *parser, Token *text) {
    TRY(parse_advance(parser));
    *text = parser->token;
    if (text->kind != TOKEN_STRING) return parse_expected(parser, "a string");
    while (parser->token.kind == TOKEN_STRING) TRY(parse_advance(parser));
    return FERRY_OK;
}

ferry_code parse_static_assert(Parser *parser) {
    Token at = parser->token, text = {0};
    Constant condition;
    TRY(parse_advance(parser));
    TRY(parse_punctuator(parser, '(', "'('"));
    TRY(parse_constant(parser, &condition));
    if (token_is(&parser->token, ',')) TRY(read_message(parser, &text));
    TRY(parse_punctuator(parser, ')', "',' or ')'"));
    if (condition.bits == 0) {
        int shown = text.length < 200 ? (int)text.length : 200;
        return parse_fail(parser, &at, FERRY_INVALID, "this static assertion is false%s%.*s", shown != 0 ? ": " : "",
                          shown, token_text(parser, &text));
    }
    return parse_punctuator(parser, ';', "';'");
}
