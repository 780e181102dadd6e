/* refusals.c: what a refusal leaves behind: nothing, but the way to try again. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support.h"

static long twice(long n) {
    return 2 * n;
}

static const ferry_type *parse_type(ferry_engine *engine, const char *text) {
    ferry_error error;
    const ferry_type *type = ferry_type_parse(engine, NULL, text, &error);
    cr_assert_not_null(type, "%s: %s", text, error.message);
    return type;
}

static size_t arena_bytes(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics.arena_bytes;
}

/* The first refusal may make what is kept for good (types, layouts); a thousand more may not. */
static void expect_no_growth(ferry_policy policy, const char *text, const ferry_binding_options *options,
                             const char *word) {
    ferry_error error;
    ferry_engine *engine = new_engine(policy);
    const ferry_signature *signature = parse(engine, text);
    cr_assert_null(ferry_bind(engine, signature, FUNCTION(twice), options, &error));
    cr_expect_not_null(strstr(error.message, word), "%s", error.message);
    size_t before = arena_bytes(engine);
    for (int i = 0; i < 1000; i++) cr_assert_null(ferry_bind(engine, signature, FUNCTION(twice), options, &error));
    cr_expect_eq(arena_bytes(engine), before);
    free_engine(engine);
}

Test(refusals, a_refused_placement_leaves_nothing) {
    expect_no_growth(FERRY_NOW, "void f(int, struct {char c[1L << 40];})", NULL, "parameter 2");
}

Test(refusals, a_refused_plan_leaves_nothing) {
    expect_no_growth(FERRY_NEVER, "void f(__float128)", NULL, "more than 8 bytes");
}

static void expect_no_layout(const char *text) {
    ferry_error error;
    ferry_extent extent;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *type = parse_type(engine, text);
    cr_assert_eq(ferry_type_measure(engine, type, &extent, &error), FERRY_TOO_LARGE, "%s", text);
    size_t before = arena_bytes(engine);
    for (int i = 0; i < 1000; i++) cr_assert_eq(ferry_type_measure(engine, type, &extent, &error), FERRY_TOO_LARGE);
    cr_expect_eq(arena_bytes(engine), before, "%s", text);
    free_engine(engine);
}

Test(refusals, a_refused_layout_leaves_nothing) {
    expect_no_layout("struct { char a[1LL << 60], b[1LL << 60]; }");
    expect_no_layout("struct { char a[1LL << 61]; }");
    expect_no_layout("struct { char a[1LL << 60]; _Alignas(64) char b; }");
}

Test(refusals, a_bound_binding_without_code_leaves_nothing) {
    ferry_error error;
    ferry_engine_options options = {
        .policy = FERRY_NOW, .without = FERRY_SOURCE_ALL, .backend = "/nonexistent/ferry-llvm.so"};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    ferry_binding_options bound = {.bound = true};
    ferry_binding_free(bind(engine, "long f(long)", FUNCTION(twice), &bound));
    size_t before = arena_bytes(engine);
    for (int i = 0; i < 1000; i++) ferry_binding_free(bind(engine, "long f(long)", FUNCTION(twice), &bound));
    cr_expect_eq(arena_bytes(engine), before);
    free_engine(engine);
}

Test(refusals, types_that_contain_one_another_without_end_are_refused_in_time) {
    char text[8192];
    int used = snprintf(text, sizeof text, "typedef union { int a, b; } u0; ");
    for (int i = 1; i <= 60; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "typedef union { u%d a, b; } u%d; ", i - 1, i);
    }
    snprintf(text + used, sizeof text - (size_t)used, "void f(u60);");
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_signature *signature = parse(engine, text);
    cr_expect_null(ferry_bind(engine, signature, FUNCTION(twice), NULL, &error));
    cr_expect_eq(error.code, FERRY_TOO_LARGE);
    cr_expect_not_null(strstr(error.message, "parameter 1"), "%s", error.message);
    free_engine(engine);
}

/* The shortage is over: code is made again. */
Test(refusals, a_shortage_of_descriptors_is_not_remembered) {
    ferry_error error;
    struct rlimit limit, tight;
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding *other = bind(engine, "double f(double)", FUNCTION(twice), NULL); /* loads LLVM */
    ferry_engine *short_of = new_engine(FERRY_NOW);
    ferry_binding_free(bind(engine, "float f(float)", FUNCTION(twice), NULL));
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(0);
    tight = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    close(next);
    const ferry_signature *signature = parse(short_of, "long f(long)");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    ferry_binding *binding = ferry_bind(short_of, signature, FUNCTION(twice), NULL, &error);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_null(binding);
    cr_expect_eq(error.code, FERRY_OUT_OF_MEMORY, "%s", error.message);
    binding = bind(short_of, "long g(long, long)", FUNCTION(twice), NULL);
    cr_expect_eq(ferry_binding_path(binding), FERRY_PATH_CODE, "%s", ferry_binding_reason(binding));
    ferry_binding_free(binding);
    free_engine(short_of);
    ferry_binding_free(other);
    free_engine(engine);
}

Test(refusals, a_batch_names_the_signature) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NOW);
    const ferry_signature *signatures[] = {parse(engine, "int f(int)"),
                                           parse(engine, "void f(struct {char c[1L << 40];})")};
    cr_expect_neq(ferry_prepare(engine, signatures, 2, NULL, &error), FERRY_OK);
    cr_expect_not_null(strstr(error.message, "signatures[1]: parameter 1"), "%s", error.message);
    free_engine(engine);
}

Test(refusals, an_array_without_a_bound_has_no_size) {
    ferry_error error;
    ferry_extent extent;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    cr_expect_eq(ferry_type_measure(engine, parse_type(engine, "int[]"), &extent, &error), FERRY_INCOMPLETE);
    free_engine(engine);
}
