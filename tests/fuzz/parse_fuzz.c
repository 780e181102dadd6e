/* tests/fuzz/parse_fuzz.c: any bytes are a text.
 *
 * A first byte beyond ASCII says after how many allocations memory runs out; everything else is the text. Checked: an
 * error has its place and leaves the scope as it was, memory is given back, and what was declared is spelled so that
 * reading the spelling gives the same type again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/parse_internal.h"

#define SPELLING_BYTES       4096
#define ALLOCATIONS_PER_STEP 3

typedef struct Budget {
    size_t allocations; /* left before memory runs out; SIZE_MAX: never */
    size_t held;        /* bytes that were not given back */
} Budget;

static void check(bool condition, const char *rule) {
    if (condition) return;
    fprintf(stderr, "broken rule: %s\n", rule);
    abort();
}

static void *allocate(void *context, size_t size) {
    Budget *budget = context;
    if (budget->allocations == 0) return NULL;
    if (budget->allocations != SIZE_MAX) budget->allocations--;
    void *pointer = malloc(size);
    if (pointer != NULL) budget->held += size;
    return pointer;
}

static void give_back(void *context, void *pointer, size_t size) {
    Budget *budget = context;
    check(budget->held >= size, "no more is given back than was taken");
    budget->held -= size;
    free(pointer);
}

static void check_error(const ferry_error *error, size_t length) {
    check(error->code != FERRY_OK && error->message[0] != '\0', "an error says what is wrong");
    if (error->code == FERRY_OUT_OF_MEMORY) return;
    check(error->line >= 1 && error->column >= 1, "an error has its place");
    check(error->line <= length + 1 && error->column <= length + 1, "the place is in the text");
    const char *newline = strchr(error->excerpt, '\n');
    check(newline != NULL && strchr(newline, '^') != NULL, "the excerpt has a line and a caret");
    check(strlen(error->excerpt) < sizeof error->excerpt, "the excerpt is terminated");
}

/* Names that mean something else than the spelling of a kind would read as that. */
static bool redefines_known_names(const Scope *scope) {
    for (size_t index = 0; index < scope->count; index++)
        if (known_find(scope->symbols[index].key, scope->symbols[index].key_length) != NULL) return true;
    return false;
}

static void check_spelling(TypeTable *types, const ferry_allocator *allocator, Scope *scope, const Type *type) {
    static char spelling[SPELLING_BYTES];
    ferry_error error = {0};
    const Type *again;
    size_t length = type_spell(type, NULL, spelling, sizeof spelling);
    if (length >= sizeof spelling) return;
    check(strlen(spelling) == length, "the length of a spelling is its length");
    size_t before = scope_count(scope);
    ferry_code code = parse_type(types, allocator, scope, spelling, &again, &error);
    check(scope_count(scope) == before, "reading a type declares nothing");
    if (code == FERRY_OUT_OF_MEMORY || code == FERRY_TOO_LARGE)
        return; /* a declaration may be nested as deep as allowed */
    if (code != FERRY_OK || !types_agree(type, again)) fprintf(stderr, "%s\n%s\n", spelling, error.message);
    check(code == FERRY_OK, "a spelling can be read");
    check(types_agree(type, again), "a spelling means the type that was spelled");
}

static void check_declarations(TypeTable *types, const ferry_allocator *allocator, Scope *scope) {
    if (redefines_known_names(scope)) return;
    for (size_t index = 0; index < scope_count(scope) && index < 64; index++) {
        const ferry_declaration *declaration = scope_at(scope, index);
        check(declaration->name != NULL && declaration->type != NULL, "a declaration has a name and a type");
        check(scope_find(scope, declaration->name) != NULL, "what was declared is found");
        check_spelling(types, allocator, scope, declaration->type);
    }
}

static void read_text(TypeTable *types, const ferry_allocator *allocator, Scope *scope, const char *text,
                      size_t length) {
    ferry_error error = {0};
    ferry_code code = scope_parse(scope, "typedef struct { int x; } known; enum { ONE = 1 };", 50, &error);
    size_t before = scope_count(scope);
    if (code == FERRY_OK) code = scope_parse(scope, text, length, &error);
    if (code == FERRY_OK) {
        check_declarations(types, allocator, scope);
    } else {
        check(scope_count(scope) == before, "a text that fails declares nothing");
        check_error(&error, length < 50 ? 50 : length);
    }
}

static void read_signature(TypeTable *types, const ferry_allocator *allocator, const char *text, size_t length) {
    ferry_error error = {0};
    const Signature *signature;
    const char *name;
    char *terminated = malloc(length + 1);
    if (terminated == NULL) return;
    memcpy(terminated, text, length);
    terminated[length] = '\0';
    if (parse_signature(types, allocator, terminated, &signature, &name, &error) != FERRY_OK) {
        check_error(&error, length);
    }
    free(terminated);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    size_t prefix = size != 0 && bytes[0] >= 0x80 ? 1 : 0;
    Budget budget = {.allocations = prefix == 0 ? SIZE_MAX : (bytes[0] - 0x80U) * (size_t)ALLOCATIONS_PER_STEP};
    ferry_allocator allocator = {&budget, allocate, give_back};
    const char *text = (const char *)bytes + prefix;
    TypeTable types;
    Scope *scope;
    ferry_error error = {0};
    if (type_table_open(&types, &allocator, &error) != FERRY_OK) return 0;
    if (scope_open(&types, &allocator, &scope, &error) == FERRY_OK) {
        read_text(&types, &allocator, scope, text, size - prefix);
        read_signature(&types, &allocator, text, size - prefix);
        scope_close(scope);
    }
    type_table_close(&types);
    check(budget.held == 0, "all memory is given back");
    return 0;
}
