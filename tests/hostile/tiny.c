/* tiny.c: the library built with tiny limits (see tests/CMakeLists.txt): what lies beyond them is refused cleanly, what
 * fits works. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "abi/type.h"
#include "ferry/ferry.h"

_Static_assert(TYPE_DEPTH_LIMIT <= 16 && TYPE_MEMBER_LIMIT <= 16 && SIGNATURE_PARAMETER_LIMIT <= 16,
               "this file is for a build with tiny limits");

static ferry_engine *new_engine(void) {
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

static void free_engine(ferry_engine *engine) {
    cr_assert_eq(ferry_engine_free(engine, NULL), FERRY_OK);
}

static long sum(long a, long b) {
    return a + b;
}

static const ferry_signature *signature_with(ferry_engine *engine, size_t count, ferry_error *error) {
    const ferry_type *types[SIGNATURE_PARAMETER_LIMIT + 1];
    for (size_t i = 0; i < count; i++) types[i] = ferry_type_scalar(engine, FERRY_LONG, error);
    return ferry_signature_create(engine, types[0], types, count, false, error);
}

Test(tiny, one_parameter_too_many_is_refused) {
    ferry_error error;
    ferry_engine *engine = new_engine();
    const ferry_signature *most = signature_with(engine, SIGNATURE_PARAMETER_LIMIT, &error);
    cr_assert_not_null(most, "%s", error.message);
    ferry_binding *binding = ferry_bind(engine, most, (void (*)(void))sum, NULL, &error);
    cr_assert_not_null(binding, "%s", error.message);
    long slots[SIGNATURE_PARAMETER_LIMIT] = {40, 2}, result = 0;
    ferry_call(binding, slots, &result);
    cr_expect_eq(result, 42);
    ferry_binding_free(binding);
    cr_assert_null(signature_with(engine, SIGNATURE_PARAMETER_LIMIT + 1, &error));
    cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s", error.message);
    free_engine(engine);
}

static const ferry_type *record_with(ferry_engine *engine, size_t count, ferry_error *error) {
    ferry_member members[TYPE_MEMBER_LIMIT + 1];
    char names[TYPE_MEMBER_LIMIT + 1][4];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "m%c", 'a' + (int)i);
        members[i] = (ferry_member){.name = names[i], .type = ferry_type_scalar(engine, FERRY_CHAR, error)};
    }
    return ferry_type_record(engine, FERRY_STRUCT, NULL, members, count, NULL, error);
}

Test(tiny, one_member_too_many_is_refused) {
    ferry_error error;
    ferry_extent extent;
    ferry_engine *engine = new_engine();
    const ferry_type *most = record_with(engine, TYPE_MEMBER_LIMIT, &error);
    cr_assert_not_null(most, "%s", error.message);
    cr_assert_eq(ferry_type_measure(engine, most, &extent, &error), FERRY_OK);
    cr_expect_eq(extent.size, TYPE_MEMBER_LIMIT);
    cr_assert_null(record_with(engine, TYPE_MEMBER_LIMIT + 1, &error));
    cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s", error.message);
    free_engine(engine);
}

Test(tiny, one_level_too_deep_is_refused) {
    ferry_error error;
    ferry_engine *engine = new_engine();
    const ferry_type *type = ferry_type_scalar(engine, FERRY_INT, &error);
    int depth = 0;
    for (const ferry_type *next = type; next != NULL && depth <= TYPE_DEPTH_LIMIT; depth++) {
        type = next;
        next = ferry_type_pointer(engine, type, &error);
    }
    cr_expect_leq(depth, TYPE_DEPTH_LIMIT, "nothing was refused");
    cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s", error.message);
    const ferry_signature *signature = ferry_signature_create(engine, type, NULL, 0, false, &error);
    if (signature == NULL) cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s", error.message);
    free_engine(engine);
}

/* The parser meets the same limits, in the same words. */
Test(tiny, declarations_beyond_the_limits_are_refused) {
    static const char *const texts[] = {
        "void f(int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int)",
        "int ****************f(void)",
        "struct s { int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q; } f(void)",
        "struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct {"
        "struct { struct { struct { struct { int a; } b; } b; } b; } b; } b; } b; } b; } b; } b; } b; } b; } b; } b; } "
        "b;"
        "} b; } b; } f(void)",
    };
    ferry_engine *engine = new_engine();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ferry_error error = {.code = FERRY_OK};
        cr_assert_null(ferry_signature_parse(engine, texts[i], NULL, &error), "%s", texts[i]);
        cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s: %s", texts[i], error.message);
    }
    free_engine(engine);
}
