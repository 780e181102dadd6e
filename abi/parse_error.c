/* abi/parse_error.c: errors with their place: line, column, the line itself and a caret, in people's words. */
#include "abi/parse_internal.h"

#include <stdio.h>
#include <string.h>

/* An excerpt is two lines of at most 3 + EXCERPT_BYTES + 3 bytes, a newline, a caret and the zero. */
#define EXCERPT_BYTES 100
_Static_assert(2 * (EXCERPT_BYTES + 6) + 3 <= sizeof(((ferry_error *)0)->excerpt), "two lines fit an excerpt");

/* The part of a line that is shown. */
typedef struct Window {
    size_t start, end;
    bool cut_before, cut_after;
} Window;

static bool continues(const Lexer *lexer, size_t offset) {
    return offset < lexer->length && ((unsigned char)lexer->text[offset] & 0xc0) == 0x80;
}

static Window window_around(const Lexer *lexer, size_t offset) {
    size_t start = offset, end = offset;
    while (start > 0 && lexer->text[start - 1] != '\n') start--;
    while (end < lexer->length && lexer->text[end] != '\n') end++;
    if (end > start && lexer->text[end - 1] == '\r' && end > offset) end--;
    Window window = {start, end, false, false};
    if (end - start <= EXCERPT_BYTES) return window;
    if (offset - start > EXCERPT_BYTES / 2) window.start = offset - EXCERPT_BYTES / 2;
    if (end - window.start < EXCERPT_BYTES) window.start = end - EXCERPT_BYTES;
    window.end = window.start + EXCERPT_BYTES;
    while (window.start > start && window.start < offset && continues(lexer, window.start)) window.start++;
    while (window.end > offset && window.end < end && continues(lexer, window.end)) window.end--;
    window.cut_before = window.start > start;
    window.cut_after = window.end < end;
    return window;
}

/* Copies one character of the line; malformed and invisible ones become a question mark. Returns its bytes. */
static size_t copy_character(const Lexer *lexer, const Window *window, size_t offset, char *out) {
    unsigned char byte = (unsigned char)lexer->text[offset];
    size_t length = utf8_length(lexer->text + offset, window->end - offset);
    if (length == 0 || ((byte < ' ' || byte == 0x7f) && byte != '\t')) {
        *out = '?';
        return 1;
    }
    memcpy(out, lexer->text + offset, length);
    return length;
}

/* The caret's line has a blank for each character before the place, a tab for a tab. */
static void fill_excerpt(const Lexer *lexer, size_t place, char *excerpt) {
    Window window = window_around(lexer, place);
    char caret[EXCERPT_BYTES + 6];
    size_t length = 0, blanks = 0;
    if (window.cut_before) {
        memcpy(excerpt, "...", 3);
        memset(caret, ' ', 3);
        length = blanks = 3;
    }
    for (size_t offset = window.start; offset < window.end && length < EXCERPT_BYTES + 3;) {
        size_t bytes = copy_character(lexer, &window, offset, excerpt + length);
        if (offset < place) caret[blanks++] = lexer->text[offset] == '\t' ? '\t' : ' ';
        length += bytes;
        offset += bytes;
    }
    if (window.cut_after) {
        memcpy(excerpt + length, "...", 3);
        length += 3;
    }
    excerpt[length++] = '\n';
    memcpy(excerpt + length, caret, blanks);
    length += blanks;
    excerpt[length++] = '^';
    excerpt[length] = '\0';
}

static void place(const Lexer *lexer, size_t offset, ferry_error *error) {
    size_t line = 1, start = 0;
    if (offset > lexer->length) offset = lexer->length;
    for (size_t index = 0; index < offset; index++) {
        if (lexer->text[index] != '\n') continue;
        line++;
        start = index + 1;
    }
    size_t column = offset - start + 1;
    error->line = line > UINT32_MAX ? UINT32_MAX : (uint32_t)line;
    error->column = column > UINT32_MAX ? UINT32_MAX : (uint32_t)column;
    fill_excerpt(lexer, offset, error->excerpt);
}

ferry_code fail_in_text(const Lexer *lexer, size_t offset, ferry_error *error, ferry_code code, const char *format,
                        ...) {
    char message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fail(error, code, "%s", message);
    place(lexer, offset, error);
    return code;
}

/* The end of the text is shown right after the last token, not after trailing empty lines. */
static size_t place_of(const Parser *parser, const Token *token) {
    return token->kind == TOKEN_END && token->offset == parser->token.offset ? parser->last_end : token->offset;
}

ferry_code parse_fail(Parser *parser, const Token *at, ferry_code code, const char *format, ...) {
    char message[sizeof parser->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fail(parser->error, code, "%s", message);
    place(&parser->lexer, place_of(parser, at), parser->error);
    return code;
}

ferry_code parse_placed(Parser *parser, const Token *at, ferry_code code) {
    if (code != FERRY_OK && code != FERRY_OUT_OF_MEMORY && parser->error->line == 0) {
        place(&parser->lexer, place_of(parser, at), parser->error);
    }
    return code;
}

const char *parse_quote(const Parser *parser, const Token *token, char buffer[QUOTE_BYTES]) {
    if (token->kind == TOKEN_END) return "the end of the text";
    if (token->kind == TOKEN_STRING) return "a string";
    const char *around = token->kind == TOKEN_CHARACTER ? "" : "'"; /* it has its own quotes */
    const char *text = token_text(parser, token);
    size_t shown = token->length;
    const char *more = "";
    if (shown > 40) {
        for (shown = 40; ((unsigned char)text[shown] & 0xc0) == 0x80;) shown--;
        more = "...";
    }
    snprintf(buffer, QUOTE_BYTES, "%s%.*s%s%s", around, (int)shown, text, more, around);
    return buffer;
}

ferry_code parse_expected(Parser *parser, const char *what) {
    char quote[QUOTE_BYTES];
    return parse_fail(parser, &parser->token, FERRY_SYNTAX, "expected %s, found %s", what,
                      parse_quote(parser, &parser->token, quote));
}

ferry_code parse_refused(Parser *parser, const Token *keyword) {
    return parse_fail(parser, keyword, FERRY_UNSUPPORTED, "'%s' is not supported: %s", keyword->keyword->spelling,
                      keyword->keyword->reason);
}

/* Whether one letter more, less, another one, or two swapped make left into right. */
static bool one_edit_apart(const char *left, size_t left_length, const char *right, size_t right_length) {
    size_t same = 0;
    while (same < left_length && same < right_length && left[same] == right[same]) same++;
    const char *left_rest = left + same, *right_rest = right + same;
    size_t left_more = left_length - same, right_more = right_length - same;
    if (left_more == right_more + 1) return memcmp(left_rest + 1, right_rest, right_more) == 0;
    if (right_more == left_more + 1) return memcmp(left_rest, right_rest + 1, left_more) == 0;
    if (left_more != right_more || left_more == 0) return false;
    if (memcmp(left_rest + 1, right_rest + 1, left_more - 1) == 0) return true;
    return left_more >= 2 && left_rest[0] == right_rest[1] && left_rest[1] == right_rest[0] &&
           memcmp(left_rest + 2, right_rest + 2, left_more - 2) == 0;
}

/* A name of the wanted kind that is one slip of the finger away. */
static const char *suggest(const Parser *parser, const char *name, size_t length, ferry_declared what) {
    if (length < 3) return NULL; /* too many neighbours to be of help */
    const char *known;
    for (size_t index = parser->scope->count; index-- > 0;) {
        const Symbol *symbol = &parser->scope->symbols[index];
        if (symbol->declaration.what != what) continue;
        if (one_edit_apart(name, length, symbol->key, symbol->key_length)) return symbol->key;
    }
    if (what != FERRY_DECLARED_TYPEDEF) return NULL;
    for (size_t index = 0; known_at(index, &known); index++)
        if (one_edit_apart(name, length, known, strlen(known))) return known;
    for (size_t index = 0; lex_keyword_at(index, &known); index++)
        if (known != NULL && one_edit_apart(name, length, known, strlen(known))) return known;
    return NULL;
}

ferry_code parse_unknown(Parser *parser, const Token *name, ferry_declared wanted) {
    char quote[QUOTE_BYTES];
    const char *what = wanted == FERRY_DECLARED_TYPEDEF ? "type" : "constant";
    const char *near = suggest(parser, token_text(parser, name), name->length, wanted);
    parse_quote(parser, name, quote);
    if (near == NULL) return parse_fail(parser, name, FERRY_UNKNOWN_NAME, "unknown %s %s", what, quote);
    return parse_fail(parser, name, FERRY_UNKNOWN_NAME, "unknown %s %s, did you mean '%.40s'?", what, quote, near);
}
