/* abi/parse_declarator.c: what stands around a name, and the type that it makes of the specifiers' type.
 *
 *     int (*f[3])(char)     read:   f  [3]  *  (char)
 *                           built:  int, function (char), pointer, array 3
 *
 * The list of derivations is kept in the order of building. Pointers stand before the name and are built as they are
 * read; suffixes stand behind it and are built from the last to the first; those of an inner declarator come after
 * both.
 */
#include "abi/parse_internal.h"

static Derivation *new_derivation(Parser *parser, DerivationKind kind) {
    Derivation *derivation = arena_new(&parser->scratch, sizeof *derivation);
    if (derivation == NULL) return NULL;
    derivation->kind = kind;
    derivation->at = parser->token;
    return derivation;
}

static ferry_code no_memory(Parser *parser) {
    return fail_out_of_memory(parser->error, "a declarator");
}

static void append(Declarator *declarator, Derivation *first, Derivation *last) {
    if (first == NULL) return;
    if (declarator->last == NULL) {
        declarator->first = first;
    } else {
        declarator->last->next = first;
    }
    declarator->last = last;
}

/* Attributes of a pointer or array itself; packed changes nothing there. */
static ferry_code keep_attributes(Parser *parser, Derivation *derivation, const Attributes *attributes) {
    if (attributes->vector_bytes != 0) return refuse_attributes(parser, attributes, "in this position");
    if (derivation->kind == DERIVE_FUNCTION) return refuse_attributes(parser, attributes, "on a function type");
    derivation->alignment = attributes->alignment;
    return FERRY_OK;
}

/* Qualifiers of a pointer, or of an array that is a parameter. */
static ferry_code skip_qualifiers(Parser *parser) {
    while (parser->token.kind == TOKEN_KEYWORD) {
        if (token_is_keyword(&parser->token, KEYWORD_REFUSED)) return parse_refused(parser, &parser->token);
        if (!token_is_keyword(&parser->token, KEYWORD_QUALIFIER)) break;
        TRY(parse_advance(parser));
    }
    return FERRY_OK;
}

static ferry_code read_pointers(Parser *parser, Declarator *declarator) {
    while (token_is(&parser->token, '*')) {
        Attributes attributes = {0};
        Derivation *pointer = new_derivation(parser, DERIVE_POINTER);
        if (pointer == NULL) return no_memory(parser);
        TRY(parse_advance(parser));
        TRY(skip_qualifiers(parser));
        TRY(parse_attributes(parser, &attributes));
        TRY(skip_qualifiers(parser));
        TRY(keep_attributes(parser, pointer, &attributes));
        append(declarator, pointer, pointer);
    }
    if (token_is_keyword(&parser->token, KEYWORD_REFUSED)) return parse_refused(parser, &parser->token);
    return FERRY_OK;
}

static ferry_code set_count(Parser *parser, const Token *at, Derivation *array, const Constant *bound) {
    array->is_variable = bound->is_variable;
    array->count = bound->bits;
    if (bound->is_variable) return FERRY_OK;
    if (constant_is_negative(bound)) {
        return parse_fail(parser, at, FERRY_INVALID, "the bound of an array is negative: %lld", (long long)bound->bits);
    }
    if (bound->bits <= INT64_MAX) return FERRY_OK;
    return parse_fail(parser, at, FERRY_TOO_LARGE, "an array of %llu elements is beyond every target",
                      (unsigned long long)bound->bits);
}

/* static and qualifiers in the brackets: only in parameters. */
static ferry_code skip_array_words(Parser *parser) {
    if (parser->parameter_lists == 0) return FERRY_OK;
    TRY(skip_qualifiers(parser));
    bool is_static = token_is_keyword(&parser->token, KEYWORD_STORAGE) && parser->token.keyword->spelling[0] == 's';
    if (!is_static) return FERRY_OK;
    TRY(parse_advance(parser));
    return skip_qualifiers(parser);
}

static ferry_code read_array(Parser *parser, Derivation **suffix) {
    Derivation *array = *suffix = new_derivation(parser, DERIVE_ARRAY);
    if (array == NULL) return no_memory(parser);
    Token next;
    Constant bound;
    TRY(parse_advance(parser));
    TRY(skip_array_words(parser));
    TRY(parse_peek(parser, &next));
    Token at = parser->token;
    if (token_is(&at, ']')) {
        array->count = FERRY_FLEXIBLE;
        return parse_advance(parser);
    }
    if (token_is(&at, '*') && token_is(&next, ']') && parser->parameter_lists != 0) {
        array->is_variable = true;
        TRY(parse_advance(parser));
        return parse_advance(parser);
    }
    TRY(parse_bound(parser, &bound));
    TRY(set_count(parser, &at, array, &bound));
    return parse_punctuator(parser, ']', "']'");
}

static ferry_code read_function(Parser *parser, Derivation **suffix) {
    Derivation *function = *suffix = new_derivation(parser, DERIVE_FUNCTION);
    if (function == NULL) return no_memory(parser);
    return parse_parameters(parser, function);
}

/* [[...]] after a suffix is about the array or function, after the name about what is declared. */
static ferry_code read_suffix_attributes(Parser *parser, Declarator *declarator, Derivation *suffix) {
    Attributes attributes = {0};
    if (suffix == NULL && declarator->named) return parse_brackets(parser, &declarator->attributes);
    TRY(parse_brackets(parser, &attributes));
    if (suffix == NULL) return refuse_attributes(parser, &attributes, "in this position");
    return keep_attributes(parser, suffix, &attributes);
}

/* *first, *last: the suffixes in the order of building, the last one read in front. */
static ferry_code read_suffixes(Parser *parser, Declarator *declarator, Derivation **first, Derivation **last) {
    Derivation *suffix = NULL;
    *first = *last = NULL;
    while (true) {
        TRY(read_suffix_attributes(parser, declarator, suffix));
        if (token_is(&parser->token, '[')) {
            TRY(read_array(parser, &suffix));
        } else if (token_is(&parser->token, '(')) {
            TRY(read_function(parser, &suffix));
        } else {
            return FERRY_OK;
        }
        suffix->next = *first;
        *first = suffix;
        if (*last == NULL) *last = suffix;
    }
}

/* Whether the parenthesis opens an inner declarator, not the parameters of a function without a name. */
static ferry_code is_inner(Parser *parser, NameRule rule, bool *inner) {
    *inner = false;
    if (!token_is(&parser->token, '(')) return FERRY_OK;
    Lexer ahead = parser->lexer;
    Token next, second = {0};
    TRY(lex_next(&ahead, &next, parser->error));
    if (token_is(&next, '[')) TRY(lex_next(&ahead, &second, parser->error));
    bool is_list = token_is(&next, ')') || token_is(&next, ELLIPSIS) || token_starts_type(parser, &next) ||
                   token_is(&second, '['); /* ([[maybe_unused]] int x) */
    *inner = rule == NAME_REQUIRED || !is_list;
    return FERRY_OK;
}

static ferry_code want_name(Parser *parser, NameRule rule) {
    if (rule != NAME_REQUIRED) return FERRY_OK;
    return parse_expected(parser, "a name");
}

static ferry_code read_inner(Parser *parser, NameRule rule, Declarator *inner) {
    Attributes attributes = {0};
    TRY(parse_enter(parser));
    TRY(parse_advance(parser));
    TRY(parse_gnu_attributes(parser, &attributes));
    TRY(refuse_attributes(parser, &attributes, "in this position"));
    TRY(parse_declarator(parser, rule, inner));
    parse_leave(parser);
    return parse_punctuator(parser, ')', "')'");
}

ferry_code parse_declarator(Parser *parser, NameRule rule, Declarator *declarator) {
    Declarator inner = {0};
    Derivation *first, *last;
    bool has_inner;
    TRY(read_pointers(parser, declarator));
    declarator->at = parser->token;
    TRY(is_inner(parser, rule, &has_inner));
    if (has_inner) {
        TRY(read_inner(parser, rule, &inner));
        declarator->at = inner.at;
        declarator->named = inner.named;
        if (inner.attributes.alignment != 0 || inner.attributes.packed) declarator->attributes = inner.attributes;
    } else if (parser->token.kind == TOKEN_NAME && rule != NAME_FORBIDDEN) {
        declarator->named = true;
        TRY(parse_advance(parser));
    } else {
        TRY(want_name(parser, rule));
    }
    TRY(read_suffixes(parser, declarator, &first, &last));
    append(declarator, first, last);
    append(declarator, inner.first, inner.last);
    return FERRY_OK;
}

ferry_code parse_vector_base(Parser *parser, const Attributes *attributes, const Type *base, const Type **vector) {
    *vector = base;
    if (attributes->vector_bytes == 0) return FERRY_OK;
    return parse_placed(parser, &attributes->vector_at,
                        type_vector(parser->types, base, attributes->vector_bytes, vector, parser->error));
}

static ferry_code build_array(Parser *parser, const Derivation *array, const Type *base, const Type **type) {
    if (array->is_variable) {
        return parse_fail(parser, &array->at, FERRY_UNSUPPORTED,
                          "an array of variable length is only supported as the outermost part of a parameter");
    }
    return type_array(parser->types, base, array->count, type, parser->error);
}

/* The argument of a call that C would promote, for the caret: the one that fails on its own. */
static const Token *culprit(Parser *parser, const Derivation *function, const Signature *fixed) {
    ferry_error ignored;
    const Signature *alone;
    for (size_t index = function->fixed; index < function->parameter_count; index++) {
        ferry_code code = signature_of_call(parser->types, fixed, &function->parameters[index], 1, &alone, &ignored);
        if (code != FERRY_OK) return &function->places[index];
    }
    return &function->at;
}

static ferry_code build_function(Parser *parser, const Derivation *function, const Type *base, bool call_allowed,
                                 const Type **type) {
    const Signature *signature, *call;
    TRY(signature_create(parser->types, base, function->parameters, function->fixed, function->is_variadic, &signature,
                         parser->error));
    if (function->is_call && !call_allowed) {
        return parse_fail(parser, &function->at, FERRY_SYNTAX,
                          "types after '...' belong to a call: only the function that is declared can have them, not a "
                          "pointer, parameter or typedef");
    }
    if (function->is_call) {
        size_t count = function->parameter_count - function->fixed;
        ferry_code code = signature_of_call(parser->types, signature, function->parameters + function->fixed, count,
                                            &call, parser->error);
        if (code != FERRY_OK) {
            ferry_error kept = *parser->error;
            const Token *at = culprit(parser, function, signature);
            *parser->error = kept;
            return parse_placed(parser, at, code);
        }
        signature = call;
    }
    return type_function(parser->types, signature, type, parser->error);
}

ferry_code parse_build(Parser *parser, const Type *base, const Declarator *declarator, bool call_allowed,
                       const Type **type) {
    *type = base;
    for (const Derivation *derivation = declarator->first; derivation != NULL; derivation = derivation->next) {
        const Type *inner = *type;
        ferry_code code = FERRY_OK;
        switch (derivation->kind) {
        case DERIVE_POINTER: code = type_pointer(parser->types, inner, type, parser->error); break;
        case DERIVE_ARRAY: code = build_array(parser, derivation, inner, type); break;
        case DERIVE_FUNCTION:
            code = build_function(parser, derivation, inner, call_allowed && derivation->next == NULL, type);
            break;
        }
        TRY(parse_placed(parser, &derivation->at, code));
        if (derivation->alignment == 0) continue;
        code = type_aligned(parser->types, *type, derivation->alignment, type, parser->error);
        TRY(parse_placed(parser, &derivation->at, code));
    }
    return FERRY_OK;
}

ferry_code parse_type_name(Parser *parser, bool call_allowed, const Type **type) {
    Specifiers specifiers;
    Declarator declarator = {0};
    TRY(parse_enter(parser));
    TRY(parse_specifiers(parser, CONTEXT_TYPE_NAME, &specifiers));
    if (specifiers.alignas != 0) {
        return parse_fail(parser, &specifiers.alignas_at, FERRY_SYNTAX, "_Alignas cannot stand in a type name");
    }
    TRY(parse_declarator(parser, NAME_FORBIDDEN, &declarator));
    TRY(parse_build(parser, specifiers.type, &declarator, call_allowed, type));
    parse_leave(parser);
    if (specifiers.attributes.alignment == 0) return FERRY_OK;
    return parse_placed(parser, &specifiers.attributes.aligned_at,
                        type_aligned(parser->types, *type, specifiers.attributes.alignment, type, parser->error));
}
