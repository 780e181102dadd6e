/* ferry layout: what a type looks like in memory, in the manner of pahole. */
#include <ctype.h>
#include <string.h>

#include "cli/model.h"

/* alias: the typedef's name, for a record without a tag; NULL: none. */
static bool show_type(Invocation *invocation, Model *model, const Type *type, const char *alias, Json *json,
                      int *status) {
    if (json != NULL) return layout_write_json(json, model, type, status);
    return layout_print(invocation, model, type, alias, status);
}

static bool has_layout(const ferry_declaration *row) {
    bool is_type = row->what == FERRY_DECLARED_TAG || row->what == FERRY_DECLARED_TYPEDEF;
    return is_type && row->type->complete && type_strip(row->type)->kind != FERRY_FUNCTION;
}

/* Where the type begins that follows declarations, as in "typedef int T; struct { T x; }": behind the last semicolon
 * outside all braces. 0: there are none. */
static size_t end_of_declarations(const char *text) {
    size_t end = 0, depth = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '{' || text[i] == '(') depth++;
        if ((text[i] == '}' || text[i] == ')') && depth > 0) depth--;
        if (text[i] == ';' && depth == 0) end = i + 1;
    }
    return end;
}

/* Of declarations alone: the type that the last one of them declares. */
static bool show_last(Invocation *invocation, Model *model, Json *json, int *status) {
    for (size_t i = scope_count(model->scope); i-- > 0;) {
        const ferry_declaration *row = scope_at(model->scope, i);
        if (!has_layout(row) && row->what != FERRY_DECLARED_VARIABLE) continue;
        return show_type(invocation, model, row->type, row->what == FERRY_DECLARED_TYPEDEF ? row->name : NULL, json,
                         status);
    }
    complain("the declarations declare no type");
    return false;
}

static bool show_text(Invocation *invocation, Model *model, const char *text, Json *json, int *status) {
    size_t end = end_of_declarations(text);
    const char *rest = text + end;
    const char *declarations = heap_copy(&invocation->heap, text, end);
    if (end > 0 && !model_parse(model, declarations, status)) return false;
    while (isspace((unsigned char)*rest)) rest++;
    if (end > 0 && *rest == '\0') return show_last(invocation, model, json, status);
    const Type *type;
    ferry_error error = {0};
    bool is_name = strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(rest);
    if (parse_type(&model->types, NULL, model->scope, rest, &type, &error) == FERRY_OK)
        return show_type(invocation, model, type, is_name ? rest : NULL, json, status);
    *status = complain_error(&error);
    return false;
}

/* A file: all its types in turn. */
static bool show_file(Invocation *invocation, Model *model, const char *path, Json *json, int *status) {
    const char *text = heap_read_file(&invocation->heap, path);
    *status = EXIT_MACHINE;
    if (text == NULL || !model_parse(model, text, status)) return false;
    bool is_first = true, good = true;
    if (json != NULL) json_open(json, NULL, '[');
    for (size_t i = 0; good && i < scope_count(model->scope); i++) {
        const ferry_declaration *row = scope_at(model->scope, i);
        if (!has_layout(row)) continue;
        if (!is_first && json == NULL) fputs("\n", invocation->screen.out);
        is_first = false;
        const char *alias = row->what == FERRY_DECLARED_TYPEDEF ? row->name : NULL;
        good = show_type(invocation, model, row->type, alias, json, status);
    }
    if (json != NULL) json_close(json, ']');
    return good;
}

static int run(Invocation *invocation) {
    const char *path = option_value(invocation, "file");
    size_t wanted = path == NULL;
    if (!expect_arguments(invocation, wanted, wanted)) return EXIT_USAGE;
    Model model;
    int status = EXIT_USAGE;
    if (!model_open(&model, invocation, &status)) return status;
    Json writer = {.out = invocation->screen.out};
    Json *json = option_given(invocation, "json") ? &writer : NULL;
    bool good = path != NULL ? show_file(invocation, &model, path, json, &status)
                             : show_text(invocation, &model, invocation->arguments[0], json, &status);
    model_close(&model);
    return good ? EXIT_DONE : status;
}

const Command layout_command = {
    .name = "layout",
    .summary = "show a type in memory: offsets, sizes, holes",
    .usage = "[OPTIONS] TYPE | --file FILE",
    .description = "Shows where the members of a struct or union lie, and which bytes are wasted. TYPE may follow\n"
                   "declarations; of declarations alone the last type is shown. Bit-fields are at byte:bit.",
    .examples = "  ferry layout 'struct { char tag; double value; short count; }'\n"
                "  ferry layout 'typedef unsigned short u16; struct header { u16 kind : 4, size : 12; u16 sum; };'\n"
                "  ferry layout --file types.h --json",
    .options = {{"target", "NAME", "the ABI, one of `ferry targets` (this machine's)", 't'},
                {"json", NULL, "for programs", 'j'},
                {"file", "FILE", "show each type that FILE declares (-: standard input)", 'f'},
                {"plain", NULL, "no colour", 'p'}},
    .run = run,
};
