/* abi/parse_specifier.c: what stands before the declarators: type, storage class, qualifiers, attributes. */
#include "abi/parse_internal.h"

#include <string.h>

/* C lets the words of a scalar type come in any order: what counts is which of them there are. */
static const struct Combination {
    uint32_t words;
    ferry_kind kind;
} combinations[] = {
    {WORD_VOID, FERRY_VOID},
    {WORD_BOOL, FERRY_BOOL},
    {WORD_CHAR, FERRY_CHAR},
    {WORD_SIGNED | WORD_CHAR, FERRY_SCHAR},
    {WORD_UNSIGNED | WORD_CHAR, FERRY_UCHAR},
    {WORD_SHORT, FERRY_SHORT},
    {WORD_SHORT | WORD_INT, FERRY_SHORT},
    {WORD_SIGNED | WORD_SHORT, FERRY_SHORT},
    {WORD_SIGNED | WORD_SHORT | WORD_INT, FERRY_SHORT},
    {WORD_UNSIGNED | WORD_SHORT, FERRY_USHORT},
    {WORD_UNSIGNED | WORD_SHORT | WORD_INT, FERRY_USHORT},
    {WORD_INT, FERRY_INT},
    {WORD_SIGNED, FERRY_INT},
    {WORD_SIGNED | WORD_INT, FERRY_INT},
    {WORD_UNSIGNED, FERRY_UINT},
    {WORD_UNSIGNED | WORD_INT, FERRY_UINT},
    {WORD_LONG, FERRY_LONG},
    {WORD_LONG | WORD_INT, FERRY_LONG},
    {WORD_SIGNED | WORD_LONG, FERRY_LONG},
    {WORD_SIGNED | WORD_LONG | WORD_INT, FERRY_LONG},
    {WORD_UNSIGNED | WORD_LONG, FERRY_ULONG},
    {WORD_UNSIGNED | WORD_LONG | WORD_INT, FERRY_ULONG},
    {WORD_LONG_LONG, FERRY_LLONG},
    {WORD_LONG_LONG | WORD_INT, FERRY_LLONG},
    {WORD_SIGNED | WORD_LONG_LONG, FERRY_LLONG},
    {WORD_SIGNED | WORD_LONG_LONG | WORD_INT, FERRY_LLONG},
    {WORD_UNSIGNED | WORD_LONG_LONG, FERRY_ULLONG},
    {WORD_UNSIGNED | WORD_LONG_LONG | WORD_INT, FERRY_ULLONG},
    {WORD_INT128, FERRY_INT128},
    {WORD_SIGNED | WORD_INT128, FERRY_INT128},
    {WORD_UNSIGNED | WORD_INT128, FERRY_UINT128},
    {WORD_FLOAT16, FERRY_FLOAT16},
    {WORD_BFLOAT16, FERRY_BFLOAT16},
    {WORD_FLOAT, FERRY_FLOAT},
    {WORD_FLOAT32, FERRY_FLOAT},
    {WORD_DOUBLE, FERRY_DOUBLE},
    {WORD_FLOAT64, FERRY_DOUBLE},
    {WORD_LONG | WORD_DOUBLE, FERRY_LONG_DOUBLE},
    {WORD_FLOAT128, FERRY_FLOAT128},
    {WORD_COMPLEX, FERRY_COMPLEX_DOUBLE}, /* as gcc and clang take it */
    {WORD_COMPLEX | WORD_FLOAT, FERRY_COMPLEX_FLOAT},
    {WORD_COMPLEX | WORD_FLOAT32, FERRY_COMPLEX_FLOAT},
    {WORD_COMPLEX | WORD_DOUBLE, FERRY_COMPLEX_DOUBLE},
    {WORD_COMPLEX | WORD_FLOAT64, FERRY_COMPLEX_DOUBLE},
    {WORD_COMPLEX | WORD_LONG | WORD_DOUBLE, FERRY_COMPLEX_LONG_DOUBLE},
    {WORD_COMPLEX | WORD_FLOAT128, FERRY_COMPLEX_FLOAT128},
};

/* The specifiers while they are read. */
typedef struct Reading {
    Specifiers *out;
    Context context;
    uint32_t words;
    bool has_storage;
    Token last_word;
} Reading;

static bool known_type_name(const Parser *parser, const Token *token) {
    const char *name = token_text(parser, token);
    const Symbol *symbol = scope_lookup(parser->scope, SPACE_ORDINARY, name, token->length);
    if (symbol != NULL) return symbol->declaration.what == FERRY_DECLARED_TYPEDEF;
    return known_find(name, token->length) != NULL;
}

bool token_starts_type(const Parser *parser, const Token *token) {
    if (token->kind == TOKEN_NAME) return known_type_name(parser, token);
    if (token->kind != TOKEN_KEYWORD) return false;
    switch (token->keyword->class) {
    case KEYWORD_WORD:
    case KEYWORD_QUALIFIER:
    case KEYWORD_TYPEDEF:
    case KEYWORD_STORAGE:
    case KEYWORD_REGISTER:
    case KEYWORD_FUNCTION:
    case KEYWORD_RECORD:
    case KEYWORD_ENUM:
    case KEYWORD_ALIGNAS:
    case KEYWORD_REFUSED: return true;
    default: return false;
    }
}

static bool fits_a_type(uint32_t words) {
    for (size_t index = 0; index < COUNT_OF(combinations); index++)
        if ((combinations[index].words & words) == words) return true;
    return false;
}

static ferry_code add_word(Parser *parser, Reading *reading, uint32_t word) {
    const Token *at = &parser->token;
    char quote[QUOTE_BYTES], before[QUOTE_BYTES];
    if (reading->out->type != NULL) {
        return parse_fail(parser, at, FERRY_SYNTAX, "%s cannot be combined with the type before it",
                          parse_quote(parser, at, quote));
    }
    bool twice = (reading->words & word) != 0 || (word == WORD_LONG && (reading->words & WORD_LONG_LONG) != 0);
    if (word == WORD_LONG && (reading->words & WORD_LONG) != 0) {
        reading->words &= ~(uint32_t)WORD_LONG;
        word = WORD_LONG_LONG;
    } else if (twice) {
        return parse_fail(parser, at, FERRY_SYNTAX, "one %s too many in this type", parse_quote(parser, at, quote));
    }
    uint32_t words = reading->words | word;
    if (!fits_a_type(words)) {
        bool is_complex = (words & WORD_COMPLEX) != 0;
        return parse_fail(parser, at, is_complex ? FERRY_UNSUPPORTED : FERRY_SYNTAX,
                          is_complex ? "%s after %s: only float, double, long double and __float128 can be complex here"
                                     : "%s cannot be combined with %s in one type",
                          parse_quote(parser, at, quote), parse_quote(parser, &reading->last_word, before));
    }
    reading->words = words;
    reading->last_word = *at;
    return parse_advance(parser);
}

/* Which storage classes the context allows. */
static ferry_code add_storage(Parser *parser, Reading *reading) {
    static const char *const places[] = {[CONTEXT_MEMBER] = "in a struct or union",
                                         [CONTEXT_PARAMETER] = "for a parameter",
                                         [CONTEXT_TYPE_NAME] = "in a type name",
                                         [CONTEXT_UNDERLYING] = "in the type of an enum"};
    const Token *at = &parser->token;
    KeywordClass class = at->keyword->class;
    bool allowed = reading->context == CONTEXT_FILE
                       ? class != KEYWORD_REGISTER
                       : reading->context == CONTEXT_PARAMETER && class == KEYWORD_REGISTER;
    if (!allowed) {
        return parse_fail(parser, at, FERRY_SYNTAX, "expected a type, found '%s', which cannot stand %s",
                          at->keyword->spelling,
                          reading->context == CONTEXT_FILE ? "outside of functions" : places[reading->context]);
    }
    bool thread_local_too = at->keyword->spelling[0] == '_' || at->keyword->spelling[1] == 'h';
    if (class == KEYWORD_TYPEDEF || (class == KEYWORD_STORAGE && !thread_local_too)) {
        if (reading->has_storage) {
            return parse_fail(parser, at, FERRY_SYNTAX, "'%s' after another storage class", at->keyword->spelling);
        }
        reading->has_storage = true;
    }
    if (class == KEYWORD_TYPEDEF) reading->out->is_typedef = true;
    return parse_advance(parser);
}

/* Whether a declarator may end before the token, or go on after a name: then the name is what stood before it. */
static ferry_code follows_name(Parser *parser, const Lexer *after, const Token *token, bool *follows) {
    Lexer ahead = *after;
    Token second;
    *follows = token->kind == TOKEN_END || token_is_keyword(token, KEYWORD_ATTRIBUTE) ||
               token_is_keyword(token, KEYWORD_ASM) || (token->kind == TOKEN_PUNCTUATOR && !token_is(token, '*'));
    if (!token_is(token, '(')) return FERRY_OK;
    TRY(lex_next(&ahead, &second, parser->error));
    *follows = !token_is(&second, '*'); /* double complex (*f)(void) */
    return FERRY_OK;
}

/* Whether `complex` is <complex.h>'s macro here: beside float or double, and not the name that is declared. */
static ferry_code is_complex_word(Parser *parser, const Reading *reading, bool *is_word) {
    const Token *token = &parser->token;
    *is_word = false;
    if (!token_is_word(parser, token, "complex") || reading->out->type != NULL) return FERRY_OK;
    if (scope_lookup(parser->scope, SPACE_ORDINARY, "complex", token->length) != NULL) return FERRY_OK;
    Lexer ahead = parser->lexer;
    Token next;
    bool follows;
    TRY(lex_next(&ahead, &next, parser->error));
    TRY(follows_name(parser, &ahead, &next, &follows));
    bool before = next.kind == TOKEN_KEYWORD && next.keyword->class == KEYWORD_WORD &&
                  (next.keyword->value & (WORD_FLOAT | WORD_DOUBLE | WORD_LONG)) != 0;
    bool after = (reading->words & (WORD_FLOAT | WORD_DOUBLE)) != 0;
    bool could_be_name =
        reading->context == CONTEXT_MEMBER || (reading->context == CONTEXT_FILE && !parser->names_optional);
    *is_word = before || (after && !(could_be_name && follows));
    return FERRY_OK;
}

static ferry_code read_type_name(Parser *parser, Reading *reading) {
    const Token at = parser->token;
    const char *name = token_text(parser, &at);
    const Symbol *symbol = scope_lookup(parser->scope, SPACE_ORDINARY, name, at.length);
    if (symbol != NULL) {
        TRY(parse_placed(parser, &at,
                         scope_refresh(parser->scope, symbol->declaration.type, &reading->out->type, parser->error)));
    } else {
        const KnownName *known = known_find(name, at.length);
        TRY(parse_placed(parser, &at, known_type(known, parser->types, &reading->out->type, parser->error)));
    }
    return parse_advance(parser);
}

/* A tag, or a word that stands for a whole type, after another type. */
static ferry_code want_first_type(Parser *parser, const Reading *reading) {
    if (reading->words == 0 && reading->out->type == NULL) return FERRY_OK;
    char quote[QUOTE_BYTES];
    return parse_fail(parser, &parser->token, FERRY_SYNTAX, "%s cannot be combined with the type before it",
                      parse_quote(parser, &parser->token, quote));
}

static ferry_code read_keyword(Parser *parser, Reading *reading, bool *done) {
    const Keyword *keyword = parser->token.keyword;
    switch (keyword->class) {
    case KEYWORD_WORD: return add_word(parser, reading, keyword->value);
    case KEYWORD_QUALIFIER:
    case KEYWORD_EXTENSION: return parse_advance(parser);
    case KEYWORD_TYPEDEF:
    case KEYWORD_STORAGE:
    case KEYWORD_REGISTER:
    case KEYWORD_FUNCTION: return add_storage(parser, reading);
    case KEYWORD_RECORD: TRY(want_first_type(parser, reading)); return parse_record(parser, reading->out);
    case KEYWORD_ENUM: TRY(want_first_type(parser, reading)); return parse_enum(parser, reading->out);
    case KEYWORD_ATTRIBUTE: return parse_gnu_attributes(parser, &reading->out->attributes);
    case KEYWORD_ALIGNAS:
        reading->out->alignas_at = parser->token;
        return parse_alignas(parser, &reading->out->alignas);
    case KEYWORD_REFUSED: return parse_refused(parser, &parser->token);
    default: *done = true; return FERRY_OK;
    }
}

/* [[...]] before the type is about what is declared, after it about the type itself. */
static ferry_code read_brackets(Parser *parser, Reading *reading, bool *done) {
    bool starts;
    TRY(parse_starts_brackets(parser, &starts));
    bool has_type = reading->words != 0 || reading->out->type != NULL;
    *done = !starts || has_type;
    return starts && !has_type ? parse_brackets(parser, &reading->out->attributes) : FERRY_OK;
}

static ferry_code read_all(Parser *parser, Reading *reading) {
    for (bool done = false; !done;) {
        const Token *token = &parser->token;
        bool has_type = reading->words != 0 || reading->out->type != NULL, is_complex = false;
        if (token->kind == TOKEN_KEYWORD) {
            TRY(read_keyword(parser, reading, &done));
            continue;
        }
        if (token->kind != TOKEN_NAME) {
            TRY(read_brackets(parser, reading, &done));
            continue;
        }
        TRY(is_complex_word(parser, reading, &is_complex));
        if (is_complex) {
            TRY(add_word(parser, reading, WORD_COMPLEX));
        } else if (!has_type && known_type_name(parser, token)) {
            TRY(read_type_name(parser, reading));
        } else {
            done = true;
        }
    }
    return FERRY_OK;
}

static ferry_code make_scalar(Parser *parser, const Reading *reading) {
    for (size_t index = 0; index < COUNT_OF(combinations); index++) {
        if (combinations[index].words != reading->words) continue;
        return type_scalar(parser->types, combinations[index].kind, &reading->out->type, parser->error);
    }
    char quote[QUOTE_BYTES]; /* complete words always make a type but for `_Complex long` */
    return parse_fail(parser, &reading->last_word, FERRY_SYNTAX, "expected 'double' to complete the type, found %s",
                      parse_quote(parser, &parser->token, quote));
}

/* GNU's vector_size is about the innermost part of the type; C23's attributes after it are about the type as a whole.
 */
static ferry_code finish(Parser *parser, Context context, Specifiers *out) {
    Attributes after = {0};
    TRY(parse_vector_base(parser, &out->attributes, out->type, &out->type));
    out->attributes.vector_bytes = 0;
    if (context == CONTEXT_UNDERLYING) return FERRY_OK;
    TRY(parse_brackets(parser, &after));
    TRY(parse_vector_base(parser, &after, out->type, &out->type));
    if (after.alignment == 0) return FERRY_OK;
    return parse_placed(parser, &after.aligned_at,
                        type_aligned(parser->types, out->type, after.alignment, &out->type, parser->error));
}

ferry_code parse_specifiers(Parser *parser, Context context, Specifiers *specifiers) {
    *specifiers = (Specifiers){.at = parser->token};
    Reading reading = {.out = specifiers, .context = context};
    TRY(read_all(parser, &reading));
    if (reading.words != 0) TRY(make_scalar(parser, &reading));
    if (specifiers->type == NULL) {
        if (parser->token.kind == TOKEN_NAME) return parse_unknown(parser, &parser->token, FERRY_DECLARED_TYPEDEF);
        if (parser->token.kind == TOKEN_STRING && reading.has_storage) {
            return parse_fail(parser, &parser->token, FERRY_SYNTAX,
                              "expected a type, found a string: extern \"C\" is C++, leave it out");
        }
        return parse_expected(parser, context == CONTEXT_FILE ? "a declaration" : "a type");
    }
    return finish(parser, context, specifiers);
}
