/* closure_bad_input.c: what closures refuse, with which words, and that nothing is lost by it. */
#include <sys/resource.h>

#include "closure_support.h"

static void nothing(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
}

static void expect_refused(ferry_engine *engine, const char *text, const ferry_closure_options *options,
                           ferry_code code, const char *words) {
    ferry_error error;
    ferry_closure *closure = ferry_closure_create(engine, parse(engine, text), nothing, NULL, options, &error);
    cr_assert_null(closure, "%s", text);
    cr_expect_eq(error.code, code, "%s: %s", text, error.message);
    cr_expect(strstr(error.message, words) != NULL, "%s: %s", text, error.message);
}

Test(closure_bad_input, null_and_unknown_values_are_named) {
    ferry_engine *engine = new_engine(FERRY_NOW), *stranger = new_engine(FERRY_NEVER);
    const ferry_signature *signature = parse(engine, "void f(void)");
    ferry_error error;
    cr_expect_null(ferry_closure_create(engine, signature, NULL, NULL, NULL, &error));
    cr_expect_str_eq(error.message, "handler is NULL");
    cr_expect_null(ferry_closure_create(NULL, signature, nothing, NULL, NULL, &error));
    cr_expect_str_eq(error.message, "engine is NULL");
    cr_expect_null(ferry_closure_create(engine, NULL, nothing, NULL, NULL, &error));
    cr_expect_str_eq(error.message, "signature is NULL");
    cr_expect_null(ferry_closure_create(stranger, signature, nothing, NULL, NULL, &error));
    cr_expect_eq(error.code, FERRY_FOREIGN);
    cr_expect_null(ferry_closure_create(engine, NULL, NULL, NULL, NULL, NULL), "no error wanted");
    expect_refused(engine, "void f(void)", &(ferry_closure_options){.convention = (ferry_convention)7}, FERRY_INVALID,
                   "options.convention 7");
    expect_refused(engine, "void f(void)", &(ferry_closure_options){.boundary = (ferry_boundary)7}, FERRY_INVALID,
                   "options.boundary 7");
    cr_expect_eq(ferry_closure_retain(NULL, &error), FERRY_INVALID);
    cr_expect_eq(ferry_closure_revoke(NULL, &error), FERRY_INVALID);
    cr_expect_eq(ferry_closure_release(NULL, &error), FERRY_OK);
    cr_expect_null(ferry_closure_code(NULL));
    cr_expect_null(ferry_closure_signature(NULL));
    cr_expect_null(ferry_closure_stub(NULL, NULL));
    cr_expect_str_eq(ferry_closure_reason(NULL), "");
    cr_expect_eq(ferry_closures_prepare(engine, NULL, 1, NULL, &error), FERRY_INVALID);
    cr_expect_eq(ferry_closures_prepare(engine, (const ferry_signature *[]){NULL}, 1, NULL, &error), FERRY_INVALID);
    cr_expect_str_eq(error.message, "signatures[0] is NULL");
    cr_expect_eq(ferry_closures_prepare(stranger, NULL, 0, NULL, &error), FERRY_OK);
    free_engine(engine);
    free_engine(stranger);
}

Test(closure_bad_input, a_shape_that_cannot_be_made_is_refused_with_the_reason) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_statistics before, after;
    expect_refused(engine, "struct s { char c[1 << 30]; char d; }; void f(struct s)", NULL, FERRY_TOO_LARGE,
                   "does not fit the stack");
    ferry_engine_statistics(engine, &before);
    for (int i = 0; i < 100; i++)
        expect_refused(engine, "struct s { char c[1 << 30]; char d; }; void f(struct s)", NULL, FERRY_TOO_LARGE, "");
    ferry_engine_statistics(engine, &after);
    cr_expect_eq(after.arena_bytes, before.arena_bytes);
    cr_expect_eq(after.closures, 0);
    free_engine(engine);
}

Test(closure_bad_input, what_libffi_cannot_pass_is_refused_on_the_slow_path) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    expect_refused(engine, "typedef int v __attribute__((vector_size(16))); void f(v)", NULL, FERRY_UNSUPPORTED,
                   "parameter 1");
    free_engine(engine);
}

/* ---- handles that outlived their closures ---- */

static void expect_stale(ferry_closure *closure, Reports *reports) {
    ferry_error error;
    size_t before = reports->count;
    cr_expect_eq(ferry_closure_release(closure, &error), FERRY_STALE);
    cr_expect(strstr(error.message, "released") != NULL, "%s", error.message);
    cr_expect_eq(ferry_closure_retain(closure, &error), FERRY_STALE);
    cr_expect(strstr(error.message, "retained") != NULL, "%s", error.message);
    cr_expect_eq(ferry_closure_revoke(closure, &error), FERRY_STALE);
    cr_expect_eq(reports->count, before + 3);
    cr_expect_eq(reports->event, FERRY_STALE_HANDLE);
    cr_expect_null(ferry_closure_code(closure));
    cr_expect_null(ferry_closure_signature(closure));
    ferry_callable callable;
    cr_expect_eq(ferry_closure_export(closure, &callable, &error), FERRY_STALE);
}

Test(closure_bad_input, a_second_release_and_a_use_after_it_are_errors_and_reported) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        Reports reports = {0};
        ferry_engine *engine = reporting_engine(closure_ways[w].policy, &reports);
        ferry_closure_options options = {.convention = closure_ways[w].convention, .name = w % 2 ? "odd" : NULL};
        ferry_closure *closure = new_closure(engine, "void f(void)", nothing, NULL, &options);
        release(closure);
        expect_stale(closure, &reports);
        if (w % 2) cr_expect_str_eq(reports.name, "odd");
        ferry_statistics statistics;
        ferry_engine_statistics(engine, &statistics);
        cr_expect_eq(statistics.closures, 0);
        cr_expect_eq(statistics.stale_handles, 4);
        free_engine(engine);
    }
}

Test(closure_bad_input, a_stale_handle_never_reaches_the_closure_that_has_its_memory_now) {
    Reports reports = {0};
    ferry_engine_options options = {.policy = FERRY_NOW,
                                    .without = FERRY_SOURCE_ALL,
                                    .report = note_report,
                                    .report_context = &reports,
                                    .quarantine = 1};
    ferry_error error;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    ferry_closure *first = new_closure(engine, "void f(void)", nothing, NULL, NULL);
    void (*code)(void) = ferry_closure_code(first);
    release(first);
    ferry_closure *closure = NULL;
    while (closure == NULL) {
        closure = new_closure(engine, "void f(void)", nothing, NULL, NULL);
        if (ferry_closure_code(closure) == code) break;
        release(closure);
        closure = NULL;
    }
    cr_expect_neq(closure, first);
    expect_stale(first, &reports);
    cr_expect_eq(ferry_closure_code(closure), code, "the new one lives");
    release(closure);
    free_engine(engine);
}

/* ---- a system that gives nothing ---- */

/* In a process of its own, as every test is. */
Test(closure_bad_input, out_of_memory_while_growing_fails_and_works_again_later) {
    enum { MOST = 4000000 };
    if (SANITIZED) cr_skip_test("limits of memory are no matter for sanitizers");
    ferry_engine *engine = new_engine(FERRY_NOW);
    const ferry_signature *signature = parse(engine, "void f(void)");
    ferry_closure *first = new_closure(engine, "void f(void)", nothing, NULL, NULL);
    static ferry_closure *closures[MOST];
    struct rlimit old, tight;
    getrlimit(RLIMIT_AS, &old);
    tight = old;
    ferry_error error = {0};
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_eq(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    tight.rlim_cur = pages * 4096 + ((rlim_t)24 << 20);
    cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
    size_t count = 0;
    while (count < MOST) {
        closures[count] = ferry_closure_create(engine, signature, nothing, NULL, NULL, &error);
        if (closures[count] == NULL) break;
        count++;
    }
    setrlimit(RLIMIT_AS, &old);
    cr_assert_lt(count, MOST);
    cr_expect_eq(error.code, FERRY_OUT_OF_MEMORY, "%s", error.message);
    for (size_t i = 0; i < count; i++) ferry_closure_code(closures[i])();
    ferry_closure *again = ferry_closure_create(engine, signature, nothing, NULL, NULL, &error);
    cr_expect_not_null(again, "%s", error.message);
    for (size_t i = 0; i < count; i++) release(closures[i]);
    release(again);
    release(first);
    free_engine(engine);
}

/* No file may be written, so there can be no pages for thunks: those that come with the library serve. */
Test(closure_bad_input, thunk_memory_that_the_system_forbids_is_named_and_done_without) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        const ferry_signature *signature = parse(engine, "void f(void)");
        const ferry_closure_options options = {.convention = closure_ways[w].convention, .name = "forbidden"};
        ferry_error error = {0};
        struct rlimit old, none;
        getrlimit(RLIMIT_FSIZE, &old);
        none = old;
        none.rlim_cur = 0;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
        ferry_closure *closure = ferry_closure_create(engine, signature, nothing, NULL, &options, &error);
        setrlimit(RLIMIT_FSIZE, &old);
        cr_assert_not_null(closure, "%s: %s", closure_ways[w].name, error.message);
        ferry_statistics statistics;
        ferry_engine_statistics(engine, &statistics);
        bool asked = closure_ways[w].policy != FERRY_NEVER; /* which takes the library's without asking */
        cr_expect_eq(strstr(statistics.thunk_error, "RLIMIT_FSIZE") != NULL, asked, "%s: %s", closure_ways[w].name,
                     statistics.thunk_error);
        ferry_closure_code(closure)();
        release(closure);
        free_engine(engine);
    }
}
