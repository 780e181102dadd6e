/* linked.c: a program with all its trampolines linked in, an engine that is told to compile nothing, and a system that
 * allows no memory to become executable. Both conventions, errno, closures, cursors; without prelude and cache, so that
 * every code is the program's own. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ferry/ferry.h"
#include "functions.h"
#include "linked_c.h"
#include "no_exec.h"

static int failures;

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("line %d: ", __LINE__);                                                                             \
            printf(__VA_ARGS__);                                                                                       \
            printf("\n");                                                                                              \
        }                                                                                                              \
    } while (0)

static const ferry_signature *parse(ferry_engine *engine, const char *text) {
    ferry_error error;
    const ferry_signature *signature = ferry_signature_parse(engine, text, NULL, &error);
    if (signature != NULL) return signature;
    printf("%s: %s\n", text, error.message);
    exit(1);
}

#define FUNCTION(name) ((void (*)(void))(name))

static double pow_of(double base, double exponent) {
    double power = 1;
    for (; exponent > 0; exponent--) power *= base;
    return power;
}

static int stranger(float a, int b, double c, char d, float e) {
    return (int)((double)a + b + c + d + (double)e);
}

static ferry_binding *bind(ferry_engine *engine, const char *text, void (*function)(void),
                           const ferry_binding_options *options, ferry_tier tier) {
    ferry_error error;
    ferry_binding *binding = ferry_bind(engine, parse(engine, text), function, options, &error);
    if (binding == NULL) {
        printf("%s: %s\n", text, error.message);
        exit(1);
    }
    CHECK(ferry_binding_tier(binding) == tier, "%s: %s", text, ferry_tier_text(ferry_binding_tier(binding)));
    return binding;
}

static void call(ferry_engine *engine, const char *text, void (*function)(void), const void *slots, void *result) {
    ferry_binding *binding = bind(engine, text, function, NULL, FERRY_TIER_BUNDLE);
    ferry_call(binding, slots, result);
    ferry_binding_free(binding);
}

static void check_scalars(ferry_engine *engine) {
    double power = 0;
    call(engine, "double pow(double, double)", FUNCTION(pow_of), (double[]){2, 10}, &power);
    CHECK(power == 1024, "pow: %g", power);
    int64_t absolute = 0;
    call(engine, "long labs(long)", FUNCTION(labs), (int64_t[]){-5}, &absolute);
    CHECK(absolute == 5, "labs: %" PRId64, absolute);
    char text[32] = "";
    int64_t length = 0;
    const union {
        const void *pointer;
        int64_t integer;
        double real;
    } arguments[] = {
        {.pointer = text}, {.integer = sizeof text}, {.pointer = "%d %.1f"}, {.integer = 7}, {.real = 2.5}};
    call(engine, "int snprintf(char *, size_t, const char *, ..., int, double)", FUNCTION(snprintf), arguments,
         &length);
    CHECK(length == 5 && strcmp(text, "7 2.5") == 0, "snprintf: %s", text);
}

static void check_structs(ferry_engine *engine) {
    div_t quotient = {0, 0};
    call(engine, "struct d { int q, r; }; struct d div(int, int)", FUNCTION(div), (int64_t[]){10, 3}, &quotient);
    CHECK(quotient.quot == 3 && quotient.rem == 1, "div: %d %d", quotient.quot, quotient.rem);
    struct point point = {0, 0};
    call(engine, "struct p { double x, y; }; struct b { struct p low, high; }; struct p middle(struct b)",
         FUNCTION(middle), (double[]){0, 2, 4, 8}, &point);
    CHECK(point.x == 2 && point.y == 5, "middle: %g %g", point.x, point.y);
}

static void check_options(ferry_engine *engine) {
    const ferry_binding_options with_errno = {.capture_errno = true}, by_pointers = {.convention = FERRY_POINTERS};
    ferry_binding *binding = bind(engine, "int close(int)", FUNCTION(close), &with_errno, FERRY_TIER_BUNDLE);
    int captured = 0;
    int64_t result = 0;
    const void *const after[] = {(const void *)(intptr_t)-1, &captured};
    ferry_call(binding, after, &result);
    CHECK(result == -1 && captured == EBADF, "close: %" PRId64 ", errno %d", result, captured);
    ferry_binding_free(binding);
    binding = bind(engine, "double pow(double, double)", FUNCTION(pow_of), &by_pointers, FERRY_TIER_BUNDLE);
    double base = 3, exponent = 3, power = 0;
    const void *const pointers[] = {&base, &exponent};
    ferry_call(binding, pointers, &power);
    CHECK(power == 27, "pow: %g", power);
    ferry_binding_free(binding);
}

/* ---- the other direction ---- */

static void compare(void *context, void *arguments, void *result) {
    const int *const *values = arguments;
    ++*(int *)context;
    *(int64_t *)result = (*values[0] > *values[1]) - (*values[0] < *values[1]);
}

static void visit(void *context, void *arguments, void *result) {
    const struct {
        void *context;
        struct point point;
        float weight;
    } *given = arguments;
    (void)result;
    *(double *)context += given->point.x * (double)given->weight + given->point.y;
}

static void add(void *context, void *arguments, void *result) {
    const struct {
        int64_t count;
        ferry_cursor *cursor;
    } *given = arguments;
    const ferry_type *type = context;
    int64_t sum = 0, value = 0;
    for (int64_t i = 0; i < given->count; i++) {
        CHECK(ferry_cursor_next(given->cursor, type, &value, NULL) == FERRY_OK, "argument %" PRId64, i);
        sum += value;
    }
    *(int64_t *)result = sum;
}

static ferry_closure *closure(ferry_engine *engine, const char *text, ferry_handler handler, void *context) {
    ferry_error error;
    ferry_closure *made = ferry_closure_create(engine, parse(engine, text), handler, context, NULL, &error);
    if (made == NULL) {
        printf("%s: %s\n", text, error.message);
        exit(1);
    }
    CHECK(ferry_closure_tier(made) == FERRY_TIER_BUNDLE, "%s: %s", text, ferry_tier_text(ferry_closure_tier(made)));
    return made;
}

static void check_closures(ferry_engine *engine) {
    int calls = 0, numbers[] = {3, 1, 2};
    ferry_closure *comparer = closure(engine, "int compare(const void *, const void *)", compare, &calls);
    qsort(numbers, 3, sizeof numbers[0], (int (*)(const void *, const void *))ferry_closure_code(comparer));
    CHECK(calls > 1 && numbers[0] == 1 && numbers[2] == 3, "qsort: %d calls", calls);
    double sum = 0;
    ferry_closure *visits =
        closure(engine, "struct p { double x, y; }; void visit(void *, struct p, float)", visit, &sum);
    visit_all((visitor)ferry_closure_code(visits), NULL, 4);
    CHECK(sum == 14, "visit_all: %g", sum);
    ferry_error error;
    const ferry_type *type = ferry_type_scalar(engine, FERRY_LONG, &error);
    ferry_closure *adds = closure(engine, "long add(int, ...)", add, (void *)(uintptr_t)type);
    long total = add_with((adder)ferry_closure_code(adds));
    CHECK(total == 60, "add_with: %ld", total);
    CHECK(ferry_closure_release(comparer, NULL) == FERRY_OK && ferry_closure_release(visits, NULL) == FERRY_OK &&
              ferry_closure_release(adds, NULL) == FERRY_OK,
          "release");
}

/* What the declarations do not have is called by libffi. */
static void check_stranger(ferry_engine *engine) {
    ferry_binding *binding =
        bind(engine, "int f(float, int, double, char, float)", FUNCTION(stranger), NULL, FERRY_TIER_LIBFFI);
    union {
        float single;
        int64_t integer;
        double real;
    } arguments[] = {{.single = 1}, {.integer = 2}, {.real = 3}, {.integer = 4}, {.single = 5}};
    int64_t result = 0;
    ferry_call(binding, arguments, &result);
    CHECK(result == 15, "a stranger: %" PRId64, result);
    ferry_binding_free(binding);
}

static void check_statistics(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    CHECK(statistics.from_bundles >= 10, "%zu shapes from bundles", statistics.from_bundles);
    CHECK(statistics.compiled == 0 && statistics.blobs == 0 && !statistics.backend_loaded, "something was compiled");
    CHECK(statistics.bundle_error[0] == '\0', "%s", statistics.bundle_error);
    CHECK(!is_mapped("LLVM") && !is_mapped("ferry-llvm"), "LLVM is mapped");
}

int main(void) {
    if (!forbid_executable_memory()) return 77; /* a kernel without seccomp */
    CHECK(executable_memory_is_deadly(), "the filter lets executable memory pass");
    const ferry_engine_options options = {
        .policy = FERRY_NEVER, .without = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_CACHE, .target = "x86_64-sysv"};
    ferry_error error;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL || ferry_engine_add_linked(engine, &linked_c, &error) != FERRY_OK) {
        printf("%s\n", error.message);
        return 1;
    }
    CHECK(ferry_engine_add_linked(engine, &linked_c, &error) == FERRY_OK, "twice: %s", error.message);
    check_scalars(engine);
    check_structs(engine);
    check_options(engine);
    check_closures(engine);
    check_stranger(engine);
    check_statistics(engine);
    CHECK(ferry_engine_free(engine, &error) == FERRY_OK, "%s", error.message);
    printf("%d failures\n", failures);
    return failures != 0;
}
