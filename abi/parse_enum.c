/* abi/parse_enum.c: enumerations and the integer type that compilers choose for them. */
#include "abi/parse_internal.h"

/* The values that were read so far. */
typedef struct Values {
    bool has_negative;
    int64_t lowest;    /* of the negative ones */
    uint64_t highest;  /* of the others */
    const Type *fixed; /* `enum e : T`: T */
    Constant next;
    bool next_overflows;
} Values;

static bool fits_int(const Constant *value) {
    return constant_is_negative(value) ? (int64_t)value->bits >= INT32_MIN : value->bits <= INT32_MAX;
}

/* Enumerators that fit int are of type int. */
static Constant as_enumerator(Constant value) {
    bool fits = fits_int(&value);
    return (Constant){.bits = value.bits,
                      .is_wide = !fits && (value.is_wide || !value.is_unsigned),
                      .is_unsigned = !fits && value.is_unsigned};
}

/* Whether the type holds the value on every target. */
static bool fits_width(const Constant *value, IntegerWidth width) {
    uint32_t bits = width.bits == 0 || width.bits > 64 ? 64 : width.bits;
    if (constant_is_negative(value)) {
        int64_t lowest = bits == 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1));
        return width.is_signed && !width.sign_differs && (int64_t)value->bits >= lowest;
    }
    uint32_t value_bits = width.is_signed ? bits - 1 : bits;
    return value_bits == 64 || value->bits >> value_bits == 0;
}

static ferry_code count_value(Parser *parser, const Token *at, Values *values, const Constant *value) {
    char quote[QUOTE_BYTES];
    if (values->fixed != NULL && !fits_width(value, kind_width(values->fixed->kind))) {
        return parse_fail(parser, at, FERRY_TOO_LARGE, "the value of %s does not fit the underlying type '%s'",
                          parse_quote(parser, at, quote), kind_spelling(values->fixed->kind));
    }
    if (constant_is_negative(value)) {
        values->has_negative = true;
        if ((int64_t)value->bits < values->lowest) values->lowest = (int64_t)value->bits;
    } else if (value->bits > values->highest) {
        values->highest = value->bits;
    }
    return FERRY_OK;
}

static void prepare_next(Values *values, const Constant *value) {
    Constant next = *value;
    values->next_overflows = !constant_is_negative(value) && value->bits == UINT64_MAX;
    next.bits++;
    bool beyond = !constant_is_negative(value);
    if (beyond && !next.is_wide && next.bits > (next.is_unsigned ? UINT32_MAX : INT32_MAX)) next.is_wide = true;
    if (beyond && next.bits > INT64_MAX) next.is_unsigned = true;
    values->next = next;
}

static ferry_code declare(Parser *parser, const Token *at, const Constant *value) {
    const Symbol *known = scope_lookup(parser->scope, SPACE_ORDINARY, token_text(parser, at), at->length);
    char quote[QUOTE_BYTES];
    parse_quote(parser, at, quote);
    if (known != NULL && known->declaration.what == FERRY_DECLARED_ENUMERATOR) {
        if (known->declaration.type != NULL && known->constant.bits == value->bits) return FERRY_OK;
        return parse_fail(parser, at, FERRY_INVALID, "the enumerator %s was declared before", quote);
    }
    if (known != NULL) return parse_fail(parser, at, FERRY_INVALID, "%s was declared before as something else", quote);
    ferry_declaration declaration = {.what = FERRY_DECLARED_ENUMERATOR, .value = (int64_t)value->bits};
    TRY(type_intern_name(parser->types, token_text(parser, at), at->length, &declaration.name, parser->error));
    return scope_append(parser->scope, SPACE_ORDINARY, &declaration, value, parser->error);
}

static ferry_code read_enumerator(Parser *parser, Values *values) {
    Token at = parser->token;
    Attributes attributes = {0};
    Constant value = values->next;
    char quote[QUOTE_BYTES];
    if (at.kind != TOKEN_NAME) return parse_expected(parser, "the name of an enumerator");
    TRY(parse_advance(parser));
    TRY(parse_attributes(parser, &attributes));
    TRY(refuse_attributes(parser, &attributes, "on an enumerator"));
    if (token_is(&parser->token, '=')) {
        TRY(parse_advance(parser));
        TRY(parse_constant(parser, &value));
    } else if (values->next_overflows) {
        return parse_fail(parser, &at, FERRY_TOO_LARGE, "the value of %s does not fit 64 bits",
                          parse_quote(parser, &at, quote));
    }
    value = as_enumerator(value);
    TRY(count_value(parser, &at, values, &value));
    prepare_next(values, &value);
    return declare(parser, &at, &value);
}

static ferry_code read_body(Parser *parser, Values *values) {
    TRY(parse_enter(parser));
    TRY(parse_advance(parser));
    do {
        TRY(read_enumerator(parser, values));
        if (!token_is(&parser->token, ',')) break;
        TRY(parse_advance(parser));
    } while (!token_is(&parser->token, '}'));
    TRY(parse_punctuator(parser, '}', "',' or '}'"));
    parse_leave(parser);
    return FERRY_OK;
}

/* The first type, in gcc's order, that holds all values; false: none does. */
static bool choose_kind(const Values *values, bool packed, ferry_kind *kind) {
    static const struct {
        int64_t lowest;
        uint64_t highest;
        ferry_kind kind;
        bool only_packed;
    } choices[] = {
        {0, UINT8_MAX, FERRY_UCHAR, true},    {INT8_MIN, INT8_MAX, FERRY_SCHAR, true},
        {0, UINT16_MAX, FERRY_USHORT, true},  {INT16_MIN, INT16_MAX, FERRY_SHORT, true},
        {0, UINT32_MAX, FERRY_UINT, false},   {INT32_MIN, INT32_MAX, FERRY_INT, false},
        {0, UINT64_MAX, FERRY_UINT64, false}, {INT64_MIN, INT64_MAX, FERRY_INT64, false},
    };
    for (size_t index = 0; index < COUNT_OF(choices); index++) {
        if (choices[index].only_packed && !packed) continue;
        if (values->has_negative && values->lowest < choices[index].lowest) continue;
        if (values->highest > choices[index].highest) continue;
        *kind = choices[index].kind;
        return true;
    }
    return false;
}

/* The enumerators of this body are of the type that now is known. */
static void give_type(Parser *parser, size_t first, const Type *type) {
    for (size_t index = first; index < parser->scope->count; index++) {
        ferry_declaration *declaration = &parser->scope->symbols[index].declaration;
        if (declaration->type == NULL) declaration->type = type;
    }
}

static ferry_code make(Parser *parser, const Token *tag, const Type *underlying, const Type **type) {
    const char *name = NULL;
    if (tag != NULL) {
        TRY(type_intern_name(parser->types, token_text(parser, tag), tag->length, &name, parser->error));
    }
    TRY(type_enum(parser->types, name, underlying, type, parser->error));
    if (tag == NULL) return FERRY_OK;
    const Symbol *symbol;
    TRY(parse_find_tag(parser, tag, FERRY_ENUM, &symbol));
    if (symbol == NULL) return parse_declare_tag(parser, tag, *type);
    char quote[QUOTE_BYTES];
    if (symbol->declaration.type == *type) return FERRY_OK;
    return parse_fail(parser, tag, FERRY_INVALID, "enum %s was declared with another underlying type before",
                      parse_quote(parser, tag, quote));
}

static ferry_code define(Parser *parser, const Token *at, const Token *tag, const Type *fixed, Attributes *attributes,
                         const Type **type) {
    Values values = {.fixed = fixed};
    size_t first = parser->scope->count;
    ferry_kind kind;
    TRY(read_body(parser, &values));
    TRY(parse_gnu_attributes(parser, attributes));
    TRY(refuse_attributes(parser, attributes, "on an enum"));
    if (fixed == NULL) {
        if (!choose_kind(&values, attributes->packed, &kind)) {
            return parse_fail(parser, at, FERRY_TOO_LARGE, "no integer type holds all values of this enum");
        }
        TRY(type_scalar(parser->types, kind, &fixed, parser->error));
    }
    TRY(make(parser, tag, fixed, type));
    give_type(parser, first, *type);
    return FERRY_OK;
}

/* `: T` where it stands; a bit-field without a name looks alike: `enum e : 3`. */
static ferry_code read_underlying(Parser *parser, const Type **underlying) {
    Token next;
    *underlying = NULL;
    if (!token_is(&parser->token, ':')) return FERRY_OK;
    TRY(parse_peek(parser, &next));
    if (!token_starts_type(parser, &next)) return FERRY_OK;
    TRY(parse_advance(parser));
    Specifiers specifiers;
    TRY(parse_enter(parser));
    TRY(parse_specifiers(parser, CONTEXT_UNDERLYING, &specifiers));
    parse_leave(parser);
    TRY(refuse_attributes(parser, &specifiers.attributes, "on the underlying type of an enum"));
    *underlying = type_strip(specifiers.type);
    if (kind_is_integer((*underlying)->kind)) return FERRY_OK;
    return parse_fail(parser, &specifiers.at, FERRY_INVALID, "the underlying type of an enum must be an integer type");
}

static ferry_code refer(Parser *parser, const Token *tag, const Type **type) {
    const Symbol *symbol;
    char quote[QUOTE_BYTES];
    TRY(parse_find_tag(parser, tag, FERRY_ENUM, &symbol));
    if (symbol == NULL) {
        return parse_fail(parser, tag, FERRY_UNKNOWN_NAME,
                          "unknown enum %s: its values, and with them its size, must be declared before",
                          parse_quote(parser, tag, quote));
    }
    *type = symbol->declaration.type;
    return FERRY_OK;
}

ferry_code parse_enum(Parser *parser, Specifiers *specifiers) {
    Token at = parser->token, tag = {0};
    Attributes attributes = {0};
    const Type *underlying;
    TRY(parse_advance(parser));
    TRY(parse_attributes(parser, &attributes));
    bool has_tag = parser->token.kind == TOKEN_NAME;
    if (has_tag) {
        tag = parser->token;
        TRY(parse_advance(parser));
    }
    specifiers->declares_tag = true;
    TRY(read_underlying(parser, &underlying));
    if (token_is(&parser->token, '{')) {
        return define(parser, &at, has_tag ? &tag : NULL, underlying, &attributes, &specifiers->type);
    }
    /* `enum : T` without values is how an enum that has no tag is spelled */
    if (underlying != NULL) return make(parser, has_tag ? &tag : NULL, underlying, &specifiers->type);
    if (!has_tag) return parse_expected(parser, "a tag, ':' or '{'");
    return refer(parser, &tag, &specifiers->type);
}
