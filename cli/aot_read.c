/* Texts to declarations. A text is read declaration by declaration, so that each has its place, and so that --skip can
 * leave out one without the rest. */
#include <string.h>

#include "abi/parse_internal.h"
#include "cli/aot.h"

typedef struct Text {
    const char *file;
    Lexer lexer;
} Text;

/* One declaration: bytes [start, end). */
typedef struct Stretch {
    size_t start, end;
    Place place;
    uint32_t column;
} Stretch;

/* Where the stretch begins, counted as the parser counts: from 1, in bytes. */
static void locate(const Text *text, Stretch *stretch, Place *from) {
    size_t line_start = stretch->start;
    while (line_start > 0 && text->lexer.text[line_start - 1] != '\n') line_start--;
    stretch->column = (uint32_t)(stretch->start - line_start) + 1;
    stretch->place = *from;
}

static uint32_t count_lines(const char *text, size_t start, size_t end) {
    uint32_t lines = 0;
    for (size_t i = start; i < end; i++) lines += text[i] == '\n';
    return lines;
}

/* How deep inside of brackets the lexer is, and whether what is inside of braces is a function's body. */
typedef struct Nesting {
    size_t depth;
    Token before_list; /* the token before the outermost parenthesis that was opened last */
    Token last;
    bool in_body;
} Nesting;

static bool is_one(const Token *token, const char *characters) {
    return token->kind == TOKEN_PUNCTUATOR && token->punctuator < 128 && token->punctuator != 0 &&
           strchr(characters, (int)token->punctuator) != NULL;
}

static bool begins_body(const Nesting *nesting, const Token *token) {
    const Token *before = &nesting->before_list;
    bool is_attribute = before->kind == TOKEN_KEYWORD &&
                        (before->keyword->class == KEYWORD_ATTRIBUTE || before->keyword->class == KEYWORD_ALIGNAS);
    return nesting->depth == 0 && is_one(token, "{") && is_one(&nesting->last, ")") && !is_attribute;
}

/* True: the token is the declaration's last. */
static bool step(Nesting *nesting, const Token *token) {
    if (begins_body(nesting, token)) nesting->in_body = true;
    if (nesting->depth == 0 && is_one(token, "(")) nesting->before_list = nesting->last;
    if (is_one(token, "([{")) nesting->depth++;
    if (is_one(token, ")]}") && nesting->depth > 0) nesting->depth--;
    nesting->last = *token;
    return nesting->depth == 0 && (is_one(token, ";") || (nesting->in_body && is_one(token, "}")));
}

/* The next declaration; *found false: there is none. */
static ferry_code next_stretch(Text *text, Stretch *stretch, bool *found, ferry_error *error) {
    Nesting nesting = {0};
    Token token;
    *found = false;
    for (;;) {
        TRY(lex_next(&text->lexer, &token, error));
        if (token.kind == TOKEN_END) return FERRY_OK; /* an unfinished one is the parser's to complain about */
        if (!*found) stretch->start = token.offset;
        *found = true;
        stretch->end = token.offset + token.length;
        if (step(&nesting, &token)) return FERRY_OK;
    }
}

/* An error of a stretch as one of the whole text; its excerpt shows the stretch's own line already. */
static void place_error(const Stretch *stretch, ferry_error *error) {
    if (error->line == 1) error->column += stretch->column - 1;
    if (error->line > 0) error->line += stretch->place.line - 1;
}

static void note_places(Aot *aot, size_t first, Place place) {
    size_t count = scope_count(aot->model.scope);
    for (size_t i = first; i < count; i++) {
        aot->places = aot_grow(aot->heap, aot->places, i, &aot->place_capacity, sizeof *aot->places);
        aot->places[i] = place;
    }
}

/* The first line of what was declared, for the list of what was left out. */
static const char *shorten(Heap *heap, const char *text, size_t length) {
    enum { SHOWN = 60 };
    size_t line = 0;
    if (length > 0 && text[length - 1] == ';') length--;
    while (line < length && text[line] != '\n') line++;
    if (line == length && length <= SHOWN) return heap_copy(heap, text, length);
    return heap_format(heap, "%.*s...", (int)(line < SHOWN ? line : SHOWN), text);
}

static bool read_stretch(Aot *aot, const Text *text, const Stretch *stretch) {
    ferry_error error = {0};
    const char *start = text->lexer.text + stretch->start;
    size_t first = scope_count(aot->model.scope), length = stretch->end - stretch->start;
    if (scope_parse(aot->model.scope, start, length, &error) == FERRY_OK) {
        note_places(aot, first, stretch->place);
        return true;
    }
    if (aot->skip && error.code != FERRY_OUT_OF_MEMORY) {
        aot_refuse(aot, stretch->place, shorten(aot->heap, start, length), &error);
        return true;
    }
    place_error(stretch, &error);
    aot->status = complain_error_in(text->file, &error);
    return false;
}

static bool read_stretchs(Aot *aot, Text *text) {
    Place place = {.file = text->file, .line = 1};
    for (size_t counted = 0;;) {
        Stretch stretch = {0};
        ferry_error error = {0};
        bool found;
        if (next_stretch(text, &stretch, &found, &error) != FERRY_OK) {
            aot->status = complain_error_in(text->file, &error);
            return false;
        }
        if (!found) return true;
        place.line += count_lines(text->lexer.text, counted, stretch.start);
        counted = stretch.start;
        locate(text, &stretch, &place);
        if (!read_stretch(aot, text, &stretch)) return false;
    }
}

bool aot_read(Aot *aot, const char *path) {
    size_t length;
    const char *bytes = heap_read_bytes(aot->heap, path, &length);
    aot->status = EXIT_MACHINE;
    if (bytes == NULL) return false;
    aot->status = EXIT_DONE;
    bool is_input = strcmp(path, "-") == 0;
    Text text = {.file = is_input ? "standard input" : path, .lexer = {.text = bytes, .length = length}};
    return read_stretchs(aot, &text);
}
