/* abi/parse_declaration.c: declarations outside of everything, and what they add to the scope. */
#include "abi/parse_internal.h"

static const char *const words[] = {
    [FERRY_DECLARED_TYPEDEF] = "a typedef",        [FERRY_DECLARED_TAG] = "a tag",
    [FERRY_DECLARED_ENUMERATOR] = "an enumerator", [FERRY_DECLARED_FUNCTION] = "a function",
    [FERRY_DECLARED_VARIABLE] = "a variable",
};

/* Functions may be declared again, with the types of another call. *known: nothing new is declared. */
static ferry_code check_redeclaration(Parser *parser, const Token *at, const ferry_declaration *new, bool *known) {
    const Symbol *old = scope_lookup(parser->scope, SPACE_ORDINARY, token_text(parser, at), at->length);
    *known = false;
    if (old == NULL) return FERRY_OK;
    char quote[QUOTE_BYTES];
    parse_quote(parser, at, quote);
    if (old->declaration.what != new->what) {
        return parse_fail(parser, at, FERRY_INVALID, "%s was declared before as %s", quote,
                          words[old->declaration.what]);
    }
    if (new->what == FERRY_DECLARED_FUNCTION) return FERRY_OK;
    const Type *type;
    TRY(parse_placed(parser, at, scope_refresh(parser->scope, old->declaration.type, &type, parser->error)));
    *known = types_agree(type, new->type);
    bool may_differ = new->what == FERRY_DECLARED_VARIABLE; /* extern int a[]; extern int a[3]; */
    if (*known || may_differ) return FERRY_OK;
    char spelling[128];
    type_spell(type, NULL, spelling, sizeof spelling);
    return parse_fail(parser, at, FERRY_INVALID, "the typedef %s was declared before with another type, '%s'", quote,
                      spelling);
}

static ferry_code declare(Parser *parser, const Token *at, ferry_declared what, const Type *type) {
    ferry_declaration declaration = {.what = what, .type = type};
    bool known;
    if (what == FERRY_DECLARED_FUNCTION) declaration.signature = type_strip(type)->signature;
    TRY(check_redeclaration(parser, at, &declaration, &known));
    if (known && what == FERRY_DECLARED_TYPEDEF) return FERRY_OK;
    TRY(type_intern_name(parser->types, token_text(parser, at), at->length, &declaration.name, parser->error));
    return scope_append(parser->scope, SPACE_ORDINARY, &declaration, NULL, parser->error);
}

static ferry_code declare_typedef(Parser *parser, const Specifiers *specifiers, const Declarator *declarator,
                                  const Type *type) {
    const Attributes *own = &declarator->attributes, *shared = &specifiers->attributes;
    const Attributes *strictest = own->alignment > shared->alignment ? own : shared;
    if (strictest->alignment != 0) {
        TRY(parse_placed(parser, &strictest->aligned_at,
                         type_aligned(parser->types, type, strictest->alignment, &type, parser->error)));
    }
    return declare(parser, &declarator->at, FERRY_DECLARED_TYPEDEF, type);
}

/* A signature's text may end with a function type that has no name. */
static ferry_code take_unnamed(Parser *parser, const Declarator *declarator, const Type *type) {
    if (type->kind != FERRY_FUNCTION) {
        char spelling[128];
        type_spell(type, NULL, spelling, sizeof spelling);
        return parse_fail(parser, &declarator->at, FERRY_SYNTAX,
                          "expected a name or a function type, found the type '%s'", spelling);
    }
    parser->unnamed = type->signature;
    return FERRY_OK;
}

/* The type is built; the attributes and _Alignas decide nothing more but for typedefs. */
static ferry_code declare_one(Parser *parser, const Specifiers *specifiers, const Declarator *declarator,
                              const Type *type) {
    bool is_function = type_strip(type)->kind == FERRY_FUNCTION;
    if (specifiers->alignas != 0 && (specifiers->is_typedef || is_function)) {
        return parse_fail(parser, &specifiers->alignas_at, FERRY_SYNTAX, "_Alignas cannot align a typedef or function");
    }
    if (!declarator->named) return take_unnamed(parser, declarator, type);
    parser->unnamed = NULL;
    if (specifiers->is_typedef) return declare_typedef(parser, specifiers, declarator, type);
    if (is_function) return declare(parser, &declarator->at, FERRY_DECLARED_FUNCTION, type);
    if (type->kind == FERRY_VOID) {
        return parse_fail(parser, &declarator->at, FERRY_INVALID, "a variable cannot be void");
    }
    return declare(parser, &declarator->at, FERRY_DECLARED_VARIABLE, type);
}

/* asm("name") tells the linker another name; the type stays. */
static ferry_code skip_asm(Parser *parser) {
    if (!token_is_keyword(&parser->token, KEYWORD_ASM)) return FERRY_OK;
    TRY(parse_advance(parser));
    TRY(parse_punctuator(parser, '(', "'('"));
    if (parser->token.kind != TOKEN_STRING) return parse_expected(parser, "a string");
    while (parser->token.kind == TOKEN_STRING) TRY(parse_advance(parser));
    return parse_punctuator(parser, ')', "')'");
}

static ferry_code read_declarator(Parser *parser, const Specifiers *specifiers, Declarator *declarator) {
    const Type *base, *type;
    NameRule rule = parser->names_optional && !specifiers->is_typedef ? NAME_OPTIONAL : NAME_REQUIRED;
    TRY(parse_declarator(parser, rule, declarator));
    TRY(skip_asm(parser));
    TRY(parse_gnu_attributes(parser, &declarator->attributes));
    TRY(parse_vector_base(parser, &declarator->attributes, specifiers->type, &base));
    TRY(parse_build(parser, base, declarator, !specifiers->is_typedef, &type));
    return declare_one(parser, specifiers, declarator, type);
}

static ferry_code end_declaration(Parser *parser, const Declarator *last) {
    if (parser->token.kind == TOKEN_END) return FERRY_OK; /* the last `;` may be missing */
    if (token_is(&parser->token, ';')) return parse_advance(parser);
    bool is_function = last->last != NULL && last->last->kind == DERIVE_FUNCTION;
    if (token_is(&parser->token, '{') && is_function) {
        return parse_fail(parser, &parser->token, FERRY_SYNTAX,
                          "expected ',' or ';', found '{': only declarations can be read, no bodies of functions");
    }
    if (token_is(&parser->token, '=')) {
        return parse_fail(parser, &parser->token, FERRY_SYNTAX,
                          "expected ',' or ';', found '=': only declarations can be read, no initial values");
    }
    return parse_expected(parser, last->first == NULL ? "'(', '[', ',' or ';'" : "',' or ';'");
}

static ferry_code read_declarators(Parser *parser, const Specifiers *specifiers) {
    Declarator declarator = {0};
    while (true) {
        TRY(read_declarator(parser, specifiers, &declarator));
        if (!token_is(&parser->token, ',')) break;
        TRY(parse_advance(parser));
        declarator = (Declarator){0};
        TRY(parse_gnu_attributes(parser, &declarator.attributes));
    }
    return end_declaration(parser, &declarator);
}

static bool ends(const Parser *parser) {
    return parser->token.kind == TOKEN_END || token_is(&parser->token, ';');
}

static ferry_code read_declaration(Parser *parser) {
    Specifiers specifiers;
    if (token_is(&parser->token, ';')) return parse_advance(parser);
    if (token_is_keyword(&parser->token, KEYWORD_ASSERT)) return parse_static_assert(parser);
    TRY(parse_specifiers(parser, CONTEXT_FILE, &specifiers));
    if (!ends(parser) || !specifiers.declares_tag || specifiers.is_typedef)
        return read_declarators(parser, &specifiers);
    return parser->token.kind == TOKEN_END ? FERRY_OK : parse_advance(parser);
}

ferry_code parse_declarations(Parser *parser) {
    while (parser->token.kind != TOKEN_END) TRY(read_declaration(parser));
    return FERRY_OK;
}
