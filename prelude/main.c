/* ferry-prelude: makes the prelude, while ferry is built.
 *
 *   ferry-prelude [--budget BYTES] PATTERNS OBJECT LIST   makes OBJECT for the library and LIST for people and tests
 *   ferry-prelude --cover PATTERNS FILE...                counts the functions of preprocessed headers whose shapes the
 *                                                         patterns ask for (prelude/cover.sh)
 *
 * FERRY_BACKEND names the LLVM module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude/prelude.h"

#define DEFAULT_BUDGET ((size_t)256 * 1024)

typedef struct Invocation {
    size_t budget;
    const char *patterns;
    const char *object;
    const char *list;
} Invocation;

static void print_result(const WantedList *list, const AheadObject *object, const Bytes *bytes, size_t budget) {
    printf(
        "prelude: %zu of %zu shapes, %zu bytes of %zu: code %zu, unwind tables %zu and %zu to search them, table %zu\n",
        object->count, list->count, bytes_of_all(bytes), budget, bytes->code, bytes->unwind, bytes->search,
        bytes->table);
}

static ferry_code make(Model *model, Loaded *loaded, WantedList *list, const Invocation *invocation,
                       ferry_error *error) {
    AheadObject object;
    Bytes bytes;
    TRY(wanted_read(model, invocation->patterns, list, error));
    TRY(budget_make(model, loaded, list, invocation->budget, &object, error));
    TRY(object_measure(&object, &bytes, error));
    TRY(write_object(invocation->object, &object, error));
    TRY(write_list(invocation->list, model->target, &object, &model->arena, error));
    print_result(list, &object, &bytes, invocation->budget);
    return FERRY_OK;
}

static ferry_code make_all(const Target *target, const Invocation *invocation, ferry_error *error) {
    Model model;
    Loaded loaded = {.library = NULL};
    WantedList list = {.count = 0};
    ferry_code code = model_open(&model, target, error);
    if (code == FERRY_OK) code = backend_load(&loaded, NULL, NULL, error);
    if (code == FERRY_OK) code = make(&model, &loaded, &list, invocation, error);
    wanted_close(&list);
    backend_unload(&loaded);
    model_close(&model);
    return code;
}

static int print_usage(void) {
    fputs("usage: ferry-prelude [--budget BYTES] PATTERNS OBJECT LIST\n"
          "       ferry-prelude --cover PATTERNS FILE...\n",
          stderr);
    return 2;
}

static bool read_invocation(char **arguments, int count, Invocation *invocation) {
    if (count > 2 && strcmp(arguments[0], "--budget") == 0) {
        char *end;
        invocation->budget = strtoull(arguments[1], &end, 10);
        if (end == arguments[1] || *end != '\0') return false;
        arguments += 2;
        count -= 2;
    }
    if (count != 3) return false;
    invocation->patterns = arguments[0];
    invocation->object = arguments[1];
    invocation->list = arguments[2];
    return true;
}

int main(int count, char **arguments) {
    const Target *target;
    Invocation invocation = {.budget = DEFAULT_BUDGET};
    ferry_error error = {0};
    const bool cover = count > 3 && strcmp(arguments[1], "--cover") == 0;
    if (!cover && !read_invocation(arguments + 1, count - 1, &invocation)) return print_usage();
    ferry_code code = model_target(&target, &error);
    if (code == FERRY_OK) {
        code = cover ? cover_report(target, arguments[2], arguments + 3, count - 3, &error)
                     : make_all(target, &invocation, &error);
    }
    if (code != FERRY_OK) fprintf(stderr, "ferry-prelude: %s: %s\n", ferry_code_text(code), error.message);
    return code == FERRY_OK ? 0 : 1;
}
