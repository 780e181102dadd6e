/* Any text as a value of any type: it is refused with a message, or read, and what was read can be written. */
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

static const char *const spellings[] = {
    "_Bool",
    "char",
    "int",
    "unsigned long",
    "__int128",
    "_Float16",
    "float",
    "double",
    "long double",
    "__float128",
    "double _Complex",
    "char *",
    "void *",
    "int *",
    "char **",
    "enum colour",
    "struct point",
    "struct point *",
    "struct nest",
    "struct nest *",
    "union { int i; double d; struct point p; }",
    "int (*)(void)",
    "int __attribute__((vector_size(16)))",
};

static const char declarations[] = "enum colour { RED, GREEN = 5 }; struct point { double x, y; };"
                                   "struct nest { char name[4]; struct { int a : 3; unsigned : 2; int b : 9; };"
                                   "struct point ends[2]; const char *label; union { int i; float f; }; };";

/* The message's own lengths are limited; a column lies in the text. */
static void check(const Problem *problem, const char *text) {
    if (problem->message[0] == '\0' || problem->column > strlen(text)) abort();
}

static void try(const Values *values, FILE *out, const ferry_type *type, const char *text) {
    ferry_extent extent;
    Problem problem;
    Pointed pointed = {0};
    if (!measure_type(values, type, &extent, &problem)) abort();
    void *memory = heap_new(values->heap, (size_t)extent.size);
    if (!value_read(values, type, text, memory, &pointed, &problem)) {
        check(&problem, text);
        return;
    }
    value_write(values, out, type, memory);
    if (pointed.type != NULL) value_write(values, out, pointed.type, pointed.memory);
}

/* The first byte picks the type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 4096) return 0;
    Heap heap = {0};
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_NEVER};
    Values values = {.heap = &heap, .engine = ferry_engine_create(&options, &error)};
    values.scope = ferry_scope_create(values.engine, &error);
    if (ferry_scope_parse(values.scope, declarations, &error) != FERRY_OK) abort();
    const char *text = heap_copy(&heap, (const char *)data + 1, size - 1);
    const ferry_type *type =
        ferry_type_parse(values.engine, values.scope, spellings[data[0] % LENGTH_OF(spellings)], &error);
    FILE *out = fopen("/dev/null", "w");
    if (type == NULL || out == NULL) abort();
    try(&values, out, type, text);
    Problem problem;
    const ferry_type *inferred = value_infer(&values, text, &problem);
    if (inferred == NULL) abort();
    try(&values, out, inferred, text);
    fclose(out);
    ferry_scope_free(values.scope);
    if (ferry_engine_free(values.engine, &error) != FERRY_OK) abort();
    heap_free(&heap);
    return 0;
}
