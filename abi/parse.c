/* abi/parse.c: moving through the tokens, and the parser's entry points. */
#include "abi/parse_internal.h"

#include <string.h>

const char *token_text(const Parser *parser, const Token *token) {
    return parser->lexer.text + token->offset;
}

bool token_is_word(const Parser *parser, const Token *token, const char *word) {
    return token->kind == TOKEN_NAME && token->length == strlen(word) &&
           memcmp(token_text(parser, token), word, token->length) == 0;
}

ferry_code parse_advance(Parser *parser) {
    parser->last_end = parser->token.offset + parser->token.length;
    return lex_next(&parser->lexer, &parser->token, parser->error);
}

ferry_code parse_peek(Parser *parser, Token *token) {
    Lexer ahead = parser->lexer;
    return lex_next(&ahead, token, parser->error);
}

ferry_code parse_enter(Parser *parser) {
    if (parser->depth == PARSE_DEPTH_LIMIT) {
        return parse_fail(parser, &parser->token, FERRY_TOO_LARGE, "nested more than %d deep here", PARSE_DEPTH_LIMIT);
    }
    parser->depth++;
    return FERRY_OK;
}

ferry_code parse_punctuator(Parser *parser, uint32_t punctuator, const char *what) {
    if (!token_is(&parser->token, punctuator)) return parse_expected(parser, what);
    return parse_advance(parser);
}

void *parse_grow(Parser *parser, void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return array;
    size_t larger = *capacity == 0 ? 8 : *capacity * 2;
    void *grown = arena_array(&parser->scratch, larger, size);
    if (grown == NULL) return NULL;
    if (count != 0) memcpy(grown, array, count * size);
    *capacity = larger;
    return grown;
}

/* What a text is read as; runs with the first token read. */
typedef ferry_code Reader(Parser *parser, void *result);

/* Reads a text. A failure leaves the scope as it was; keep: else a success does too. */
static ferry_code run(Scope *scope, const char *text, size_t length, Reader *read, void *result, bool keep,
                      bool names_optional, ferry_error *error) {
    size_t before = scope->count;
    Parser parser = {.lexer = {text, length, 0},
                     .scope = scope,
                     .types = scope->types,
                     .scratch = {.allocator = scope->allocator},
                     .names_optional = names_optional,
                     .error = error};
    ferry_code code = parse_advance(&parser);
    if (code == FERRY_OK) code = read(&parser, result);
    if (code != FERRY_OK || !keep) scope_cut(scope, before);
    arena_free(&parser.scratch);
    return code;
}

static ferry_code read_declarations(Parser *parser, void *result) {
    (void)result;
    return parse_declarations(parser);
}

ferry_code scope_parse(Scope *scope, const char *text, size_t length, ferry_error *error) {
    return run(scope, text, length, read_declarations, NULL, true, false, error);
}

static ferry_code read_type(Parser *parser, void *result) {
    TRY(parse_type_name(parser, true, result));
    if (parser->token.kind != TOKEN_END) return parse_expected(parser, "the end of the type");
    return FERRY_OK;
}

ferry_code parse_type(TypeTable *types, const ferry_allocator *allocator, Scope *scope, const char *text,
                      const Type **type, ferry_error *error) {
    if (scope != NULL) return run(scope, text, strlen(text), read_type, (void *)type, false, false, error);
    Scope *own;
    TRY(scope_open(types, allocator, &own, error));
    ferry_code code = run(own, text, strlen(text), read_type, (void *)type, false, false, error);
    scope_close(own);
    return code;
}

typedef struct NamedSignature {
    const Signature *signature;
    const char *name;
} NamedSignature;

static ferry_code read_signature(Parser *parser, void *result) {
    NamedSignature *named = result;
    TRY(parse_declarations(parser));
    named->signature = parser->unnamed;
    named->name = NULL;
    for (size_t index = parser->scope->count; named->signature == NULL && index-- > 0;) {
        const ferry_declaration *declaration = &parser->scope->symbols[index].declaration;
        if (declaration->what != FERRY_DECLARED_FUNCTION) continue;
        named->signature = declaration->signature;
        named->name = declaration->name;
    }
    if (named->signature != NULL) return FERRY_OK;
    return parse_fail(parser, &parser->token, FERRY_SYNTAX,
                      "expected the declaration of a function, found none in the text");
}

ferry_code parse_signature(TypeTable *types, const ferry_allocator *allocator, const char *text,
                           const Signature **signature, const char **name, ferry_error *error) {
    Scope *scope;
    NamedSignature named;
    TRY(scope_open(types, allocator, &scope, error));
    ferry_code code = run(scope, text, strlen(text), read_signature, &named, true, true, error);
    scope_close(scope);
    if (code != FERRY_OK) return code;
    *signature = named.signature;
    if (name != NULL) *name = named.name;
    return FERRY_OK;
}
