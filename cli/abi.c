/* ferry abi: where every piece of every argument and of the result travels. */
#include "cli/model.h"

/* One declaration on the command line: its last function. */
static bool show_one(Invocation *invocation, Model *model, const char *text, Json *json, int *status) {
    Function function;
    const Placement *placement;
    if (!model_function(model, text, &function, status) || !model_place(model, &function, &placement, status))
        return false;
    if (json != NULL)
        abi_write_json(json, &function, placement);
    else
        abi_print(invocation, &function, placement);
    return true;
}

/* A function that the target cannot pass is part of a file's answer, not the end of it. */
static void show_refused(const Screen *screen, const Function *function, Json *json, const ferry_error *error) {
    char declaration[2048];
    signature_spell(function->declared, function->name, declaration, sizeof declaration);
    if (json == NULL) {
        screen_print(screen, STYLE_BOLD, "%s\n\n", declaration);
        screen_print(screen, STYLE_YELLOW, "refused    ");
        fprintf(screen->out, "%s\n", error->message);
        return;
    }
    json_open(json, NULL, '{');
    json_string(json, "name", function->name);
    json_string(json, "declaration", declaration);
    json_string(json, "refused", error->message);
    json_close(json, '}');
}

static bool show_listed(Invocation *invocation, Model *model, const ferry_declaration *row, Json *json, int *status) {
    Function function = {.name = row->name, .signature = row->signature};
    const Placement *placement;
    ferry_error error = {0};
    if (!model_settle(model, &function, status)) return false;
    if (place_signature(&model->layouts, &model->arena, function.signature, &placement, &error) != FERRY_OK)
        show_refused(&invocation->screen, &function, json, &error);
    else if (json != NULL)
        abi_write_json(json, &function, placement);
    else
        abi_print(invocation, &function, placement);
    return true;
}

/* A file: each of its functions in turn. */
static bool show_all(Invocation *invocation, Model *model, const char *path, Json *json, int *status) {
    const char *text = heap_read_file(&invocation->heap, path);
    *status = EXIT_MACHINE;
    if (text == NULL || !model_parse(model, text, status)) return false;
    bool is_first = true, good = true;
    if (json != NULL) json_open(json, NULL, '[');
    for (size_t i = 0; good && i < scope_count(model->scope); i++) {
        const ferry_declaration *row = scope_at(model->scope, i);
        if (row->what != FERRY_DECLARED_FUNCTION) continue;
        if (!is_first && json == NULL) fputs("\n", invocation->screen.out);
        is_first = false;
        good = show_listed(invocation, model, row, json, status);
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
    bool good = path != NULL ? show_all(invocation, &model, path, json, &status)
                             : show_one(invocation, &model, invocation->arguments[0], json, &status);
    model_close(&model);
    return good ? EXIT_DONE : status;
}

const Command abi_command = {
    .name = "abi",
    .summary = "show where arguments and results travel",
    .usage = "[OPTIONS] DECLARATION | --file FILE",
    .description =
        "Shows for the last function that DECLARATION declares in which register, or where on the stack, each\n"
        "piece of each argument and of the result travels, by which rule, and whether compilers disagree.\n"
        "The types of variadic arguments follow the `...`.",
    .examples = "  ferry abi 'double pow(double, double)'\n"
                "  ferry abi 'struct s { double x; long n; }; struct s f(int, struct s, long double)'\n"
                "  ferry abi 'int printf(const char *, ..., int, double)'\n"
                "  ferry abi --file functions.h --json",
    .options = {{"target", "NAME", "the ABI, one of `ferry targets` (this machine's)", 't'},
                {"json", NULL, "for programs", 'j'},
                {"file", "FILE", "show each function that FILE declares (-: standard input)", 'f'},
                {"plain", NULL, "neither colour nor line drawing characters", 'p'}},
    .run = run,
};
