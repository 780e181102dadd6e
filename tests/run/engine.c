/* engine.c: what an engine owns, shares, refuses and reports. */
#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static long twice(long value) {
    return 2 * value;
}

static ferry_statistics statistics_of(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics;
}

static bool is_mapped(const char *library) {
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) found = found || strstr(line, library) != NULL;
    fclose(maps);
    return found;
}

static void check_twice(const ferry_binding *binding) {
    long argument = 21, result = 0;
    ferry_call(binding, &argument, &result);
    cr_assert_eq(result, 42);
}

/* ---- engines ---- */

Test(engine, many_live_at_once_and_share_nothing) {
    enum { ENGINES = 20 };
    ferry_engine *engines[ENGINES];
    ferry_binding *bindings[ENGINES];
    const ferry_type *types[ENGINES];
    for (int i = 0; i < ENGINES; i++) {
        engines[i] = new_engine(i % 2 == 0 ? FERRY_NOW : FERRY_NEVER);
        types[i] = ferry_type_scalar(engines[i], FERRY_INT, NULL);
        bindings[i] = bind(engines[i], "long f(long)", FUNCTION(twice), NULL);
        if (i != 0) cr_assert_neq(types[i], types[i - 1]);
    }
    for (int i = 0; i < ENGINES; i += 3) {
        ferry_binding_free(bindings[i]);
        free_engine(engines[i]);
        bindings[i] = NULL;
    }
    for (int i = 0; i < ENGINES; i++) {
        if (bindings[i] == NULL) continue;
        check_twice(bindings[i]);
        ferry_binding_free(bindings[i]);
        free_engine(engines[i]);
    }
}

Test(engine, tells_its_target_and_version) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    cr_expect_eq(strncmp(ferry_engine_target(engine), "x86_64-sysv", 11), 0);
    cr_expect_str_eq(ferry_version(), FERRY_VERSION);
    cr_expect_str_eq(ferry_code_text(FERRY_IN_USE), "still in use");
    cr_expect_str_eq(ferry_code_text((ferry_code)999), "unknown code");
    free_engine(engine);
}

Test(engine, refuses_a_target_that_it_does_not_know) {
    ferry_error error;
    ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL, .target = "pdp11"};
    cr_assert_null(ferry_engine_create(&options, &error));
    cr_expect_eq(error.code, FERRY_UNKNOWN_NAME);
    cr_expect(strstr(error.message, "pdp11") != NULL, "%s", error.message);
    options.target = "x86_64-sysv";
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    cr_expect_str_eq(ferry_engine_target(engine), "x86_64-sysv");
    free_engine(engine);
}

Test(engine, with_live_bindings_or_scopes_is_not_freed) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_binding *bindings[3];
    for (int i = 0; i < 3; i++) bindings[i] = bind(engine, "long f(long)", FUNCTION(twice), NULL);
    ferry_scope *scope = ferry_scope_create(engine, &error);
    cr_assert_not_null(scope);
    cr_assert_eq(ferry_engine_free(engine, &error), FERRY_IN_USE);
    cr_expect(strstr(error.message, "3 live bindings") != NULL, "%s", error.message);
    cr_expect(strstr(error.message, "1 live scope") != NULL, "%s", error.message);
    for (int i = 0; i < 3; i++) {
        check_twice(bindings[i]);
        ferry_binding_free(bindings[i]);
    }
    cr_assert_eq(ferry_engine_free(engine, NULL), FERRY_IN_USE);
    ferry_scope_free(scope);
    free_engine(engine);
    cr_assert_eq(ferry_engine_free(NULL, &error), FERRY_OK);
}

/* ---- sharing ---- */

Test(engine, bindings_of_one_shape_share_one_code) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    const char *const same[] = {"long f(long)", "void *f(void *)", "size_t f(uintptr_t)", "long long f(long (*)(void))",
                                "int64_t f(uint64_t)"};
    enum { SAME = sizeof same / sizeof same[0] };
    ferry_binding *bindings[SAME];
    size_t size = 0;
    for (size_t i = 0; i < SAME; i++) {
        bindings[i] = bind(engine, same[i], FUNCTION(twice), NULL);
        cr_expect_eq(ferry_binding_path(bindings[i]), FERRY_PATH_CODE);
        cr_expect_str_eq(ferry_binding_reason(bindings[i]), "");
        cr_expect_eq(ferry_binding_code(bindings[i], &size), ferry_binding_code(bindings[0], NULL));
        check_twice(bindings[i]);
    }
    cr_expect_gt(size, 0);
    ferry_statistics statistics = statistics_of(engine);
    cr_expect_eq(statistics.blobs, 1);
    cr_expect_eq(statistics.shapes, 1);
    cr_expect_eq(statistics.bindings, SAME);
    cr_expect_eq(statistics.code_bytes, size);
    cr_expect_leq(statistics.binding_bytes, 64);
    cr_expect(statistics.backend_loaded);
    cr_expect_str_eq(statistics.backend_error, "");
    cr_expect_eq(strncmp(statistics.backend_version, "LLVM ", 5), 0);
    for (size_t i = 0; i < SAME; i++) ferry_binding_free(bindings[i]);
    cr_expect_eq(statistics_of(engine).bindings, 0);
    free_engine(engine);
}

Test(engine, conventions_and_errno_capture_are_shapes_of_their_own) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding *bindings[4];
    for (int i = 0; i < 4; i++) {
        ferry_binding_options options = {.convention = i % 2 == 0 ? FERRY_SLOTS : FERRY_POINTERS,
                                         .capture_errno = i / 2 != 0};
        bindings[i] = bind(engine, "long f(long)", FUNCTION(twice), &options);
    }
    cr_expect_eq(statistics_of(engine).blobs, 4);
    for (int i = 0; i < 4; i++) ferry_binding_free(bindings[i]);
    free_engine(engine);
}

Test(engine, bound_code_lives_and_dies_with_its_binding) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding_options options = {.bound = true};
    ferry_binding *first = bind(engine, "long f(long)", FUNCTION(twice), &options);
    ferry_binding *second = bind(engine, "long f(long)", FUNCTION(twice), &options);
    cr_expect_eq(ferry_binding_path(first), FERRY_PATH_BOUND);
    cr_expect_neq(ferry_binding_code(first, NULL), ferry_binding_code(second, NULL));
    cr_expect_eq(statistics_of(engine).blobs, 2);
    ferry_binding_free(first);
    cr_expect_eq(statistics_of(engine).blobs, 1);
    check_twice(second);
    ferry_binding_free(second);
    free_engine(engine);
}

/* ---- memory of bindings ---- */

typedef struct Counter {
    size_t bytes;
} Counter;

static void *counted_allocate(void *context, size_t size) {
    ((Counter *)context)->bytes += size;
    return malloc(size);
}

static void counted_release(void *context, void *pointer, size_t size) {
    ((Counter *)context)->bytes -= size;
    free(pointer);
}

Test(engine, a_binding_costs_at_most_64_bytes_and_its_cell_is_used_again) {
    enum { MANY = 10000 };
    Counter counter = {0};
    ferry_engine_options options = {
        .policy = FERRY_NEVER, .without = FERRY_SOURCE_ALL, .allocator = {&counter, counted_allocate, counted_release}};
    ferry_engine *engine = ferry_engine_create(&options, NULL);
    ferry_binding **bindings = malloc(MANY * sizeof *bindings);
    cr_assert(engine != NULL && bindings != NULL);
    const ferry_signature *signature = parse(engine, "long f(long)");
    ferry_binding_free(ferry_bind(engine, signature, FUNCTION(twice), NULL, NULL));
    size_t before = counter.bytes;
    for (int i = 0; i < MANY; i++) {
        bindings[i] = ferry_bind(engine, signature, FUNCTION(twice), NULL, NULL);
        cr_assert_eq((uintptr_t)bindings[i] % 16, 0);
    }
    size_t used = counter.bytes - before;
    cr_expect_leq(used, MANY * 64 + 65536 + 4096, "%zu bytes", used); /* the last chunk is not full */
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) ferry_binding_free(bindings[i]);
        for (int i = 0; i < MANY; i++) bindings[i] = ferry_bind(engine, signature, FUNCTION(twice), NULL, NULL);
    }
    cr_expect_eq(counter.bytes - before, used);
    check_twice(bindings[MANY / 2]);
    for (int i = 0; i < MANY; i++) ferry_binding_free(bindings[i]);
    free(bindings);
    free_engine(engine);
    cr_expect_eq(counter.bytes, 0);
}

/* ---- preparing ---- */

Test(engine, prepare_makes_each_distinct_shape_once) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NOW);
    const ferry_signature *signatures[] = {
        parse(engine, "long f(long)"),       parse(engine, "void *f(char *)"), parse(engine, "double f(double)"),
        parse(engine, "void f(void)"),       parse(engine, "long f(long)"),    parse(engine, "float f(int, float)"),
        parse(engine, "unsigned f(size_t)"),
    };
    size_t count = sizeof signatures / sizeof signatures[0];
    cr_assert_eq(ferry_prepare(engine, signatures, count, NULL, &error), FERRY_OK, "%s", error.message);
    cr_expect_eq(statistics_of(engine).blobs, 5);
    cr_assert_eq(ferry_prepare(engine, signatures, count, NULL, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(ferry_prepare(engine, NULL, 0, NULL, &error), FERRY_OK);
    ferry_binding *binding = ferry_bind(engine, signatures[1], FUNCTION(twice), NULL, &error);
    check_twice(binding);
    cr_expect_eq(statistics_of(engine).blobs, 5);
    ferry_binding_options bound = {.bound = true};
    cr_expect_eq(ferry_prepare(engine, signatures, count, &bound, &error), FERRY_INVALID);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(engine, prepare_without_machine_code_says_so) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_signature *signature = parse(engine, "long f(long)");
    cr_expect_eq(ferry_prepare(engine, &signature, 1, NULL, &error), FERRY_NO_CODE);
    cr_expect(strstr(error.message, "never") != NULL, "%s", error.message);
    free_engine(engine);
}

/* ---- without LLVM ---- */

static ferry_engine *engine_without_backend(const char *path) {
    ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL, .backend = path};
    ferry_engine *engine = ferry_engine_create(&options, NULL);
    cr_assert_not_null(engine);
    return engine;
}

Test(engine, without_its_module_calls_go_through_libffi_and_say_why) {
    ferry_error error;
    ferry_engine *engine = engine_without_backend("/nowhere/ferry-llvm.so");
    ferry_binding_options bound = {.bound = true};
    ferry_binding *bindings[] = {bind(engine, "long f(long)", FUNCTION(twice), NULL),
                                 bind(engine, "long f(long)", FUNCTION(twice), NULL),
                                 bind(engine, "long f(long)", FUNCTION(twice), &bound)};
    for (int i = 0; i < 3; i++) {
        size_t size = 1;
        cr_expect_eq(ferry_binding_path(bindings[i]), FERRY_PATH_LIBFFI);
        cr_expect(strstr(ferry_binding_reason(bindings[i]), "/nowhere/ferry-llvm.so") != NULL, "%s",
                  ferry_binding_reason(bindings[i]));
        cr_expect_null(ferry_binding_code(bindings[i], &size));
        cr_expect_eq(size, 0);
        check_twice(bindings[i]);
        ferry_binding_free(bindings[i]);
    }
    ferry_statistics statistics = statistics_of(engine);
    cr_expect(strstr(statistics.backend_error, "/nowhere/ferry-llvm.so") != NULL);
    cr_expect(!statistics.backend_loaded);
    const ferry_signature *signature = parse(engine, "long f(long)");
    cr_expect_neq(ferry_prepare(engine, &signature, 1, NULL, &error), FERRY_OK);
    free_engine(engine);
}

Test(engine, what_neither_code_nor_libffi_can_do_fails_with_both_reasons) {
    ferry_error error;
    ferry_engine *engine = engine_without_backend("/nowhere/ferry-llvm.so");
    ferry_binding *binding =
        ferry_bind(engine, parse(engine, "__float128 f(__float128)"), FUNCTION(twice), NULL, &error);
    cr_assert_null(binding);
    cr_expect_eq(error.code, FERRY_NO_CODE);
    cr_expect(strstr(error.message, "/nowhere/") != NULL && strstr(error.message, "libffi") != NULL, "%s",
              error.message);
    free_engine(engine);
}

Test(engine, refuses_a_module_that_is_none) {
    ferry_engine *engine = engine_without_backend("libm.so.6");
    ferry_binding *binding = bind(engine, "long f(long)", FUNCTION(twice), NULL);
    cr_expect(strstr(ferry_binding_reason(binding), "ferry_backend") != NULL, "%s", ferry_binding_reason(binding));
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(engine, finds_its_module_where_the_environment_says) {
    cr_assert_eq(setenv("FERRY_BACKEND", "/elsewhere/module.so", 1), 0);
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding *binding = bind(engine, "long f(long)", FUNCTION(twice), NULL);
    cr_expect(strstr(ferry_binding_reason(binding), "/elsewhere/module.so") != NULL, "%s",
              ferry_binding_reason(binding));
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(engine, maps_llvm_only_when_code_must_be_made) {
    ferry_engine *never = new_engine(FERRY_NEVER);
    ferry_engine *now = new_engine(FERRY_NOW);
    ferry_binding *slow = bind(never, "long f(long)", FUNCTION(twice), NULL);
    check_twice(slow);
    cr_expect_not_null(strstr(ferry_binding_reason(slow), "the engine's policy is never"));
    cr_expect(!is_mapped("libLLVM"), "libLLVM is mapped though nothing needs it");
    ferry_binding *quick = bind(now, "long f(long)", FUNCTION(twice), NULL);
    check_twice(quick);
    cr_expect(is_mapped("libLLVM"), "the test looks for the wrong name");
    ferry_binding_free(slow);
    ferry_binding_free(quick);
    free_engine(never);
    free_engine(now);
}

/* ---- fork ---- */

Test(engine, works_on_in_a_child) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding *binding = bind(engine, "long f(long)", FUNCTION(twice), NULL);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        double argument = -2.5, result = 0;
        check_twice(binding);
        ferry_binding *other = bind(engine, "double f(double)", FUNCTION(fabs), NULL);
        ferry_call(other, &argument, &result);
        ferry_binding_free(other);
        _exit(result == 2.5 ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    check_twice(binding);
    ferry_binding_free(binding);
    free_engine(engine);
}
