/* ferry aot: code ahead of time, from declarations. */
#include <string.h>

#include "abi/parse_internal.h"
#include "cli/aot.h"

static const char *const conventions[] = {"slots", "pointers", "both"};
static const char *const errno_choices[] = {"never", "also", "only"};
static const char *const upcall_choices[] = {"pointers", "all", "none"};
static const char *const qualities[] = {"better", "quick"};
static const ferry_quality quality_values[] = {FERRY_BETTER, FERRY_QUICK};

void *aot_grow(Heap *heap, void *list, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return list;
    size_t larger = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = heap_new(heap, larger * size);
    if (count > 0) memcpy(grown, list, count * size);
    *capacity = larger;
    return grown;
}

void aot_refuse(Aot *aot, Place place, const char *what, const ferry_error *error) {
    if (!aot->skip) {
        complain("%s:%u: %s: %s", place.file, place.line, what, error->message);
        aot->failed = true;
        return;
    }
    remark("%s:%u: left out: %s: %s", place.file, place.line, what, error->message);
    aot->skipped = aot_grow(aot->heap, aot->skipped, aot->skipped_count, &aot->skipped_capacity, sizeof *aot->skipped);
    aot->skipped[aot->skipped_count++] =
        (Skipped){.what = what, .reason = heap_format(aot->heap, "%s", error->message), .place = place};
}

/* ---- making ---- */

static ferry_code drop_blob(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)index, (void)blob, (void)error;
    return FERRY_OK;
}

static ferry_code try_shape(const Aot *aot, const Loaded *loaded, const Shape *shape, ferry_error *error) {
    const CompileRequest request = {.target = aot->model.target, .quality = aot->quality, .shapes = &shape, .count = 1};
    return loaded->backend->compile(loaded->state, &request, drop_blob, NULL, error);
}

/* Which of the shapes make the object fail: their uses are refused and taken out. False when that is none of them, or
 * all of them for the same reason, which then is not theirs. */
static bool refuse_failing(Aot *aot, const Loaded *loaded) {
    size_t kept = 0;
    ferry_error *errors = heap_new(aot->heap, aot->use_count * sizeof *errors);
    for (size_t i = 0; i < aot->use_count; i++) {
        if (try_shape(aot, loaded, aot->uses[i].shape, &errors[i]) == FERRY_OK) kept++;
    }
    if (kept == 0 || kept == aot->use_count) return false;
    size_t count = aot->use_count;
    aot->use_count = 0;
    for (size_t i = 0; i < count; i++) {
        const Callee *callee = aot->uses[i].callee;
        if (errors[i].code == FERRY_OK)
            aot->uses[aot->use_count++] = aot->uses[i];
        else if (i == 0 || errors[i - 1].code == FERRY_OK || aot->uses[i - 1].callee != callee)
            aot_refuse(aot, callee->place, callee->spelling, &errors[i]);
    }
    return true;
}

static ferry_code make(Aot *aot, Loaded *loaded, AheadObject *object, ferry_error *error) {
    const Shape **shapes = heap_new(aot->heap, (aot->use_count + 1) * sizeof *shapes);
    for (size_t i = 0; i < aot->use_count; i++) shapes[i] = aot->uses[i].shape;
    const bool bundle = option_given(aot->invocation, "bundle");
    const AheadRequest request = {.target = aot->model.target,
                                  .quality = aot->quality,
                                  .shapes = shapes,
                                  .count = aot->use_count,
                                  .table_name = aot->symbol,
                                  .table_hidden = !bundle,
                                  .described = true};
    return ahead_make(loaded, &request, &aot->model.arena, object, error);
}

static bool output(Aot *aot, const AheadObject *object, const char *llvm) {
    if (option_given(aot->invocation, "bundle")) return aot_link(aot, object);
    const char *path = heap_format(aot->heap, "%s.o", aot->stem);
    return aot_write_file(aot, path, object->bytes, object->size) && aot_write_header(aot, object) &&
           aot_write_manifest(aot, object, llvm);
}

static bool make_and_write(Aot *aot, Loaded *loaded) {
    ferry_error error = {0};
    AheadObject object;
    ferry_code code = make(aot, loaded, &object, &error);
    if (code != FERRY_OK && code != FERRY_OUT_OF_MEMORY && refuse_failing(aot, loaded)) {
        if (aot->failed) return false;
        code = make(aot, loaded, &object, &error);
    }
    if (code == FERRY_OK) return output(aot, &object, loaded->backend->llvm);
    aot->status = complain_error(&error);
    return false;
}

static bool compile(Aot *aot) {
    Loaded loaded = {0};
    ferry_error error = {0};
    bool good = backend_load(&loaded, NULL, NULL, &error) == FERRY_OK;
    if (good)
        good = make_and_write(aot, &loaded);
    else
        aot->status = complain_error(&error);
    backend_unload(&loaded);
    return good;
}

/* The whole way, one call a step. */
static bool run_steps(Aot *aot) {
    const Invocation *invocation = aot->invocation;
    for (size_t i = 0; i < invocation->argument_count; i++) {
        if (!aot_read(aot, invocation->arguments[i])) return false;
    }
    aot_find_uses(aot);
    if (aot->failed) return false;
    if (aot->use_count > 0) return compile(aot);
    complain("there is nothing to make code for: the declarations have no function%s",
             aot->skipped_count > 0 ? " that can be passed" : "");
    return false;
}

/* ---- options ---- */

static bool read_choices(Aot *aot) {
    const Invocation *invocation = aot->invocation;
    size_t convention = option_choice(invocation, "convention", conventions, LENGTH_OF(conventions));
    size_t with_errno = option_choice(invocation, "errno", errno_choices, LENGTH_OF(errno_choices));
    size_t upcalls = option_choice(invocation, "upcalls", upcall_choices, LENGTH_OF(upcall_choices));
    size_t quality = option_choice(invocation, "quality", qualities, LENGTH_OF(qualities));
    if (convention == SIZE_MAX || with_errno == SIZE_MAX || upcalls == SIZE_MAX || quality == SIZE_MAX) return false;
    aot->conventions[FERRY_SLOTS] = convention != 1;
    aot->conventions[FERRY_POINTERS] = convention != 0;
    aot->errnos[0] = with_errno != 2;
    aot->errnos[1] = with_errno != 0;
    aot->upcalls = (Upcalls)upcalls;
    aot->quality = quality_values[quality];
    aot->skip = option_given(invocation, "skip");
    return true;
}

static const char *without_ending(Heap *heap, const char *path, const char *ending) {
    size_t length = strlen(path), cut = strlen(ending);
    bool has_it = length > cut && strcmp(path + length - cut, ending) == 0 && path[length - cut - 1] != '/';
    return has_it ? heap_copy(heap, path, length - cut) : path;
}

/* "out/zlib-calls" -> zlib_calls */
static const char *symbol_of(Heap *heap, const char *stem) {
    const char *slash = strrchr(stem, '/');
    const char *base = slash != NULL ? slash + 1 : stem;
    char *name = heap_format(heap, "%s%s", base[0] >= '0' && base[0] <= '9' ? "code_" : "", base);
    for (char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && (*c < '0' || *c > '9')) *c = '_';
    }
    return name;
}

/* Names that C++ keeps for itself, and C does not. */
static const char *const cpp_keywords[] = {
    "and",       "and_eq",       "bitand",
    "bitor",     "catch",        "class",
    "co_await",  "co_return",    "co_yield",
    "compl",     "concept",      "consteval",
    "constinit", "const_cast",   "decltype",
    "delete",    "dynamic_cast", "explicit",
    "export",    "friend",       "mutable",
    "namespace", "new",          "noexcept",
    "not",       "not_eq",       "operator",
    "or",        "or_eq",        "private",
    "protected", "public",       "reinterpret_cast",
    "requires",  "static_cast",  "template",
    "this",      "throw",        "try",
    "typeid",    "typename",     "using",
    "virtual",   "wchar_t",      "xor",
    "xor_eq",
};

/* Asks the parser, which knows C's keywords and the names of <stdint.h> and <stddef.h>. ferry/bundle.h's own names are
 * taken too. */
static bool is_free_name(Aot *aot, const char *name) {
    Scope *scope;
    ferry_error error = {0};
    const char *text = heap_format(aot->heap, "extern char %s;", name);
    size_t word = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    for (size_t i = 0; i < LENGTH_OF(cpp_keywords); i++)
        if (strcmp(name, cpp_keywords[i]) == 0) return false;
    if (name[0] == '\0' || name[word] != '\0' || strncmp(name, "ferry_", 6) == 0) return false;
    if (known_find(name, word) != NULL) return false;
    if (scope_open(&aot->model.types, NULL, &scope, &error) != FERRY_OK) return false;
    bool free_name = scope_parse(scope, text, strlen(text), &error) == FERRY_OK && scope_count(scope) == 1;
    scope_close(scope);
    return free_name;
}

static bool read_symbol(Aot *aot) {
    const char *given = option_value(aot->invocation, "name");
    if (option_given(aot->invocation, "bundle")) {
        aot->symbol = BUNDLE_SYMBOL;
        if (given != NULL) complain("--name is for objects: a bundle's table is found without one");
        return given == NULL;
    }
    aot->symbol = given != NULL ? given : symbol_of(aot->heap, aot->stem);
    if (is_free_name(aot, aot->symbol)) return true;
    complain("'%s' cannot be the name of a variable in C and C++: give another with --name", aot->symbol);
    return false;
}

static bool read_output(Aot *aot) {
    const char *path = option_value(aot->invocation, "output");
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/') {
        complain("--output must name what is written: --output NAME makes NAME.o, NAME.h and NAME.json");
        return false;
    }
    aot->stem = without_ending(aot->heap, path, option_given(aot->invocation, "bundle") ? ".so" : ".o");
    return true;
}

/* As usual the row of this machine's family whose code runs on all of its machines: there it serves engines of every
 * row, but for the vectors that travel otherwise. */
static const Target *choose_target(const Invocation *invocation, int *status) {
    const Target *target = model_target(invocation, status);
    if (target == NULL || option_given(invocation, "target")) return target;
    const Target *baseline = target_find(target->baseline);
    return baseline != NULL ? baseline : target;
}

static bool check_words(const Invocation *invocation) {
    if (!expect_arguments(invocation, 1, SIZE_MAX)) return false;
    if (option_given(invocation, "linker") && !option_given(invocation, "bundle")) {
        complain("--linker is for --bundle: an object is not linked");
        return false;
    }
    if (!option_given(invocation, "json")) return true;
    complain("--json is for --inspect: an object's manifest is written anyway");
    return false;
}

static int run(Invocation *invocation) {
    if (option_given(invocation, "inspect")) return aot_inspect(invocation);
    Aot aot = {.invocation = invocation, .heap = &invocation->heap};
    if (!check_words(invocation) || !read_choices(&aot) || !read_output(&aot)) return EXIT_USAGE;
    int status = EXIT_USAGE;
    const Target *target = choose_target(invocation, &status);
    if (target == NULL || !model_open_for(&aot.model, target, &status)) return status;
    bool good = read_symbol(&aot) && run_steps(&aot);
    model_close(&aot.model);
    if (good) return EXIT_DONE;
    return aot.status != EXIT_DONE ? aot.status : EXIT_USAGE;
}

const Command aot_command = {
    .name = "aot",
    .summary = "make code ahead of time, and show what is in such a file",
    .usage = "[OPTIONS] --output NAME FILE... | --inspect FILE...",
    .description =
        "Makes the code for each function that the FILEs declare (-: standard input), and for closures of each\n"
        "type of functions that they mention, and writes it as\n"
        "  an object      NAME.o, NAME.h and the manifest NAME.json, to be linked into a program, which says\n"
        "                 ferry_engine_add_linked(engine, &NAME, &error)\n"
        "  with --bundle  NAME.so, for ferry_engine_add_bundle or the environment's FERRY_BUNDLES\n"
        "The same declarations and options give the same bytes. Headers go through the preprocessor first; from a\n"
        "variadic function's declaration code is made for calls with just the types that follow its `...`, as in\n"
        "int printf(const char *, ..., int, double); it may be declared once for each.\n"
        "What cannot be passed is an error. --inspect looks into objects, bundles, programs and libraries.",
    .examples = "  ferry aot -o libm_calls libm.decl\n"
                "  gcc -E -P zlib_calls.c | ferry aot --skip --bundle -o zlib -\n"
                "  ferry aot --upcalls all --errno also --convention both -o all declarations.txt\n"
                "  ferry aot --inspect zlib.so",
    .options = {{"output", "NAME", "what to write, without its ending", 'o'},
                {"bundle", NULL, "write a bundle, NAME.so", 'b'},
                {"name", "IDENTIFIER", "the variable that NAME.h declares (after the output)", 'n'},
                {"target", "NAME", "the ABI, one of `ferry targets` (this machine's, of the oldest processors)", 't'},
                {"convention", "NAME", "how values are handed over: slots (as usual), pointers or both", 'c'},
                {"errno", "WHEN", "code that captures errno, or leaves it to handlers: never (as usual), also, only",
                 'e'},
                {"upcalls", "WHICH",
                 "code for closures: of types of functions (pointers, as usual), of the functions\n"
                 "                                 too (all), or none",
                 'u'},
                {"quality", "NAME", "how much LLVM tries: better (as usual) or quick", 'q'},
                {"skip", NULL, "leave out what cannot be read or passed, and say so", 's'},
                {"linker", "FILE", "makes the bundle ($LD, else ld.lld, else ld)", 'l'},
                {"inspect", NULL, "list what is in each FILE, and whether it fits here", 'i'},
                {"json", NULL, "for programs, with --inspect", 'j'}},
    .run = run,
};
