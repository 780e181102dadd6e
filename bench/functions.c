/* functions.c: the functions of startup_declarations.txt, read and looked up. */
#include <dlfcn.h>
#include <string.h>

#include "bench/bench.h"

__asm__(".section .rodata\n"
        "bench_startup_text:\n"
        ".incbin \"" BENCH_FOLDER "/startup_declarations.txt\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char bench_startup_text[];

static void add_function(Functions *functions, Library *library, const ferry_declaration *declaration) {
    if (declaration->what != FERRY_DECLARED_FUNCTION || functions->count == MOST_FUNCTIONS) return;
    void *address = library->handle != NULL ? dlsym(library->handle, declaration->name) : NULL;
    if (address == NULL) {
        library->missing++;
        return;
    }
    memcpy(&functions->addresses[functions->count], &address, sizeof address);
    functions->signatures[functions->count++] = declaration->signature;
}

/* A part begins with a comment that names its library, and ends where the next one does. */
static bool add_part(Functions *functions, const char *text, size_t length) {
    ferry_error error = {0};
    Library *library = &functions->libraries[functions->library_count++];
    size_t before = ferry_scope_count(functions->scope);
    if (sscanf(text, "/* library %31s", library->name) != 1) return false;
    library->handle = dlopen(library->name, RTLD_LAZY);
    if (ferry_scope_parse_bytes(functions->scope, text, length, &error) != FERRY_OK) {
        fprintf(stderr, "ferry-bench: %s: %u:%u: %s\n%s\n", library->name, error.line, error.column, error.message,
                error.excerpt);
        return false;
    }
    for (size_t k = before; k < ferry_scope_count(functions->scope); k++)
        add_function(functions, library, ferry_scope_at(functions->scope, k));
    return true;
}

bool functions_read(Functions *functions, ferry_engine *engine) {
    static const char mark[] = "/* library ";
    ferry_error error = {0};
    *functions = (Functions){.engine = engine, .scope = ferry_scope_create(engine, &error)};
    bool done = functions->scope != NULL;
    for (const char *part = strstr(bench_startup_text, mark), *next; done && part != NULL; part = next) {
        next = strstr(part + 1, mark);
        done = functions->library_count < MOST_LIBRARIES &&
               add_part(functions, part, next != NULL ? (size_t)(next - part) : strlen(part));
    }
    return done && functions->count != 0;
}

bool functions_tell(void) {
    static Functions functions;
    ferry_error error = {0};
    const ferry_engine_options options = {.policy = FERRY_NEVER, .without = WITHOUT_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    bool done = engine != NULL && functions_read(&functions, engine);
    for (size_t k = 0; k < functions.library_count; k++) {
        const Library *library = &functions.libraries[k];
        if (library->missing != 0)
            report_note("%s: %zu functions are left out, %s", library->name, library->missing,
                        library->handle != NULL ? "it has none of these names" : "it is not here");
        if (library->handle != NULL) dlclose(library->handle);
    }
    ferry_scope_free(functions.scope);
    return ferry_engine_free(engine, &error) == FERRY_OK && done;
}
