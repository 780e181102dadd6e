/* closure.c: being called by C: conventions, errno, lifetime, the end. Every value's way is checked by tests/diff. */
#include <errno.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "closure_support.h"

/* ---- what the handler gets ---- */

static void add_slots(void *context, void *arguments, void *result) {
    uint64_t *slots = arguments;
    double second;
    memcpy(&second, &slots[1], sizeof second);
    *(int64_t *)result = (int32_t)slots[0] + (int64_t)second + *(int *)context;
}

static void add_pointers(void *context, void *arguments, void *result) {
    void **pointers = arguments;
    *(long *)result = *(int *)pointers[0] + (long)*(double *)pointers[1] + *(int *)context;
}

Test(closure, the_handler_gets_context_and_arguments_and_its_result_reaches_c) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        ferry_closure_options options = {.convention = closure_ways[w].convention};
        int context = 1000;
        ferry_handler handler = options.convention == FERRY_SLOTS ? add_slots : add_pointers;
        ferry_closure *closure = new_closure(engine, "long f(int, double)", handler, &context, &options);
        cr_expect_eq(ferry_closure_path(closure), closure_ways[w].path, "%s", ferry_closure_reason(closure));
        long (*code)(int, double) = (long (*)(int, double))ferry_closure_code(closure);
        cr_expect_eq(code(-7, 20.5), 1013);
        context = 0;
        cr_expect_eq(code(-7, 20.5), 13);
        release(closure);
        free_engine(engine);
    }
}

Test(closure, closures_of_one_signature_share_a_stub_and_have_code_of_their_own) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    int context = 0;
    size_t size;
    ferry_closure *one = new_closure(engine, "long f(int, double)", add_slots, &context, NULL);
    ferry_closure *other = new_closure(engine, "void *g(int, double)", add_slots, &context, NULL);
    cr_expect_neq(ferry_closure_code(one), ferry_closure_code(other));
    cr_expect_eq(ferry_closure_stub(one, &size), ferry_closure_stub(other, NULL));
    cr_expect(size > 0 && size < 256, "%zu", size);
    cr_expect_eq(ferry_closure_signature(other), parse(engine, "void *g(int, double)"));
    release(one);
    release(other);
    free_engine(engine);
}

/* ---- errno ---- */

static void spoil_errno(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
    errno = 77;
}

Test(closure, errno_is_what_it_was_unless_the_handler_s_is_asked_for) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        for (int handlers = 0; handlers < 2; handlers++) {
            ferry_closure_options options = {.convention = closure_ways[w].convention, .handler_errno = handlers};
            ferry_closure *closure = new_closure(engine, "void f(void)", spoil_errno, NULL, &options);
            errno = 5;
            ferry_closure_code(closure)();
            cr_expect_eq(errno, handlers ? 77 : 5, "%s", closure_ways[w].name);
            release(closure);
        }
        free_engine(engine);
    }
}

/* ---- the end ---- */

struct big {
    long a[5];
};

static void fill_big(void *context, void *arguments, void *result) {
    (void)arguments;
    *(struct big *)result = *(struct big *)context;
}

static const struct big some = {{1, 2, 3, 4, 5}}, other = {{-1, -2, -3, -4, -5}};

#define BIG "struct big { long a[5]; }; struct big f(long)"

Test(closure, after_the_end_a_call_is_reported_by_name_and_returns_zeros_or_the_fallback) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        Reports reports = {0};
        ferry_engine *engine = reporting_engine(closure_ways[w].policy, &reports);
        for (int fallback = 0; fallback < 2; fallback++) {
            reports = (Reports){0};
            ferry_closure_options options = {
                .convention = closure_ways[w].convention, .name = "painter", .fallback = fallback ? &other : NULL};
            ferry_closure *closure = new_closure(engine, BIG, fill_big, (void *)&some, &options);
            struct big (*code)(long) = (struct big (*)(long))ferry_closure_code(closure);
            struct big got = code(1), zeros = {{0}};
            cr_expect_eq(memcmp(&got, &some, sizeof got), 0);
            cr_expect_eq(reports.count, 0);
            release(closure);
            errno = 9;
            got = code(2);
            cr_expect_eq(memcmp(&got, fallback ? &other : &zeros, sizeof got), 0, "%s", closure_ways[w].name);
            cr_expect_eq(errno, 9);
            cr_assert_eq(reports.count, 1, "%s", closure_ways[w].name);
            cr_expect_eq(reports.event, FERRY_LATE_CALL);
            cr_expect_str_eq(reports.name, "painter");
            cr_expect_str_eq(reports.message, "struct big painter(long): was called after its end");
        }
        free_engine(engine);
    }
}

static void count_calls(void *context, void *arguments, void *result) {
    (void)arguments;
    *(int *)result = ++*(int *)context;
}

Test(closure, each_kind_of_late_result_is_zero) {
    static const char *const results[] = {
        "int",  "double",      "float",          "long double", "__int128",
        "void", "signed char", "float _Complex", "void *",      "struct {long a; double b;}"};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        char text[80];
        Reports reports = {0};
        ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
        snprintf(text, sizeof text, "%s f(void)", results[i]);
        ferry_closure *closure = new_closure(engine, text, count_calls, NULL, NULL);
        ferry_binding *binding =
            ferry_bind(engine, ferry_closure_signature(closure), ferry_closure_code(closure), NULL, NULL);
        cr_assert_not_null(binding);
        release(closure);
        unsigned char result[64], zeros[64] = {0};
        memset(result, 0, sizeof result);
        if (i != 5) memset(result, 0xAA, 1);
        ferry_call(binding, NULL, result);
        cr_expect_eq(memcmp(result, zeros, sizeof result), 0, "%s", text);
        cr_expect_eq(reports.count, 1);
        ferry_binding_free(binding);
        free_engine(engine);
    }
}

Test(closure, references_keep_it_and_revoking_ends_it_whoever_has_some) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        Reports reports = {0};
        ferry_error error;
        ferry_engine *engine = reporting_engine(closure_ways[w].policy, &reports);
        ferry_closure_options options = {.convention = closure_ways[w].convention};
        int calls = 0;
        ferry_closure *closure = new_closure(engine, "int f(void)", count_calls, &calls, &options);
        int (*code)(void) = (int (*)(void))ferry_closure_code(closure);
        cr_assert_eq(ferry_closure_retain(closure, &error), FERRY_OK);
        release(closure);
        cr_expect_eq(code(), 1);
        cr_expect_eq(ferry_closure_revoke(closure, &error), FERRY_OK);
        cr_expect_eq(ferry_closure_revoke(closure, &error), FERRY_OK, "twice is allowed");
        cr_expect_eq(code(), 0);
        cr_expect_eq(calls, 1);
        cr_expect_eq(reports.count, 1);
        cr_expect_eq(ferry_engine_free(engine, &error), FERRY_IN_USE);
        cr_expect(strstr(error.message, "1 live closure") != NULL, "%s", error.message);
        release(closure);
        free_engine(engine);
    }
}

/* ---- finalizers ---- */

static int finalized;

static void finalize(void *context) {
    finalized++;
    *(int *)context = -1;
}

Test(closure, the_finalizer_runs_once_at_the_end_however_it_comes) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        ferry_closure_options options = {.convention = closure_ways[w].convention, .finalize = finalize};
        for (int revoked = 0; revoked < 2; revoked++) {
            int calls = 0;
            finalized = 0;
            ferry_closure *closure = new_closure(engine, "int f(void)", count_calls, &calls, &options);
            cr_expect_eq(((int (*)(void))ferry_closure_code(closure))(), 1);
            cr_expect_eq(finalized, 0);
            if (revoked) ferry_closure_revoke(closure, NULL);
            if (revoked) cr_expect_eq(finalized, 1);
            release(closure);
            cr_expect_eq(finalized, 1);
            cr_expect_eq(calls, -1);
        }
        free_engine(engine);
    }
}

typedef struct Suicide {
    ferry_closure *closure;
    int finalized_inside;
    int context_word; /* finalize writes here */
} Suicide;

static void finalize_suicide(void *context) {
    ((Suicide *)context)->context_word = -1;
    finalized++;
}

static void release_itself(void *context, void *arguments, void *result) {
    Suicide *suicide = context;
    (void)arguments;
    release(suicide->closure);
    suicide->finalized_inside = finalized;
    *(int *)result = 42;
}

Test(closure, a_handler_may_release_its_own_closure_and_is_finalized_after_it_returned) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_closure_options options = {.finalize = finalize_suicide};
    Suicide suicide = {0};
    finalized = 0;
    suicide.closure = new_closure(engine, "int f(void)", release_itself, &suicide, &options);
    cr_expect_eq(((int (*)(void))ferry_closure_code(suicide.closure))(), 42);
    cr_expect_eq(suicide.finalized_inside, 0);
    cr_expect_eq(finalized, 1);
    free_engine(engine);
}

/* ---- many ---- */

static void own_number(void *context, void *arguments, void *result) {
    (void)arguments;
    *(uint64_t *)result = (uintptr_t)context;
}

Test(closure, a_million_are_alive_at_once_and_each_is_itself) {
    enum { MANY = 1000000 };
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_closure **closures = calloc(MANY, sizeof *closures);
    const ferry_signature *signature = parse(engine, "uint64_t f(void)");
    ferry_error error;
    for (uintptr_t i = 0; i < MANY; i++) {
        closures[i] = ferry_closure_create(engine, signature, own_number, (void *)i, NULL, &error);
        cr_assert_not_null(closures[i], "%s", error.message);
    }
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    cr_expect_eq(statistics.closures, MANY);
    cr_expect_leq(statistics.closure_bytes, 64);
    for (uintptr_t i = 0; i < MANY; i++) cr_assert_eq(((uint64_t (*)(void))ferry_closure_code(closures[i]))(), i);
    for (uintptr_t i = 0; i < MANY; i++) release(closures[i]);
    free(closures);
    free_engine(engine);
}

/* ---- fork ---- */

Test(closure, parent_and_child_of_a_fork_both_go_on) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        ferry_closure_options options = {.convention = closure_ways[w].convention};
        int calls = 0;
        ferry_closure *closure = new_closure(engine, "int f(void)", count_calls, &calls, &options);
        int (*code)(void) = (int (*)(void))ferry_closure_code(closure);
        pid_t child = fork();
        if (child == 0) {
            ferry_error error = {0};
            int own = 0, good = code() == 1;
            ferry_closure *made =
                ferry_closure_create(engine, parse(engine, "int f(void)"), count_calls, &own, &options, &error);
            good = good && made != NULL && ((int (*)(void))ferry_closure_code(made))() == 1;
            good = good && code() == 2;
            good = good && ferry_closure_release(closure, NULL) == FERRY_OK && code() == 0;
            good = good && ferry_closure_release(made, NULL) == FERRY_OK;
            _exit(good && ferry_engine_free(engine, NULL) == FERRY_OK ? 0 : 1);
        }
        int status = -1;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect_eq(status, 0, "%s", closure_ways[w].name);
        cr_expect_eq(code(), 1, "the child's end of the closure is the child's own");
        release(closure);
        free_engine(engine);
    }
}

/* ---- code on request ---- */

Test(closure, code_comes_on_request_and_the_pointer_stays) {
    ferry_engine *engine = new_engine(FERRY_ON_REQUEST);
    ferry_error error;
    int context = 0;
    const ferry_signature *signature = parse(engine, "long f(int, double)");
    ferry_closure *before = new_closure(engine, "long f(int, double)", add_slots, &context, NULL);
    void (*code)(void) = ferry_closure_code(before);
    cr_expect_eq(ferry_closure_path(before), FERRY_PATH_LIBFFI);
    cr_expect_str_neq(ferry_closure_reason(before), "");
    cr_expect_eq(((long (*)(int, double))code)(1, 2), 3);
    cr_assert_eq(ferry_closures_prepare(engine, &signature, 1, NULL, &error), FERRY_OK, "%s", error.message);
    ferry_closure *after = new_closure(engine, "long f(int, double)", add_slots, &context, NULL);
    cr_expect_eq(ferry_closure_path(after), FERRY_PATH_CODE);
    cr_expect_eq(((long (*)(int, double))code)(1, 2), 3);
    cr_expect_eq(ferry_closure_path(before), FERRY_PATH_CODE);
    cr_expect_str_eq(ferry_closure_reason(before), "");
    cr_expect_eq(ferry_closure_code(before), code);
    cr_expect_eq(((long (*)(int, double))code)(1, 2), 3);
    release(before);
    cr_expect_eq(((long (*)(int, double))code)(1, 2), 0);
    release(after);
    free_engine(engine);
}

Test(closure, bindings_move_on_to_code_that_was_requested) {
    ferry_engine *engine = new_engine(FERRY_ON_REQUEST);
    ferry_error error;
    const ferry_signature *signature = parse(engine, "int f(int)");
    ferry_binding *before = bind(engine, "int f(int)", FUNCTION(abs), NULL);
    int64_t slot = -5, result = 0;
    ferry_call(before, &slot, &result);
    cr_expect_eq(result, 5);
    cr_expect_eq(ferry_binding_path(before), FERRY_PATH_LIBFFI);
    cr_assert_eq(ferry_prepare(engine, &signature, 1, NULL, &error), FERRY_OK, "%s", error.message);
    ferry_binding *after = bind(engine, "int f(int)", FUNCTION(abs), NULL);
    cr_expect_eq(ferry_binding_path(after), FERRY_PATH_CODE);
    ferry_call(before, &slot, &result);
    ferry_call(before, &slot, &result);
    cr_expect_eq(result, 5);
    cr_expect_eq(ferry_binding_path(before), FERRY_PATH_CODE);
    cr_expect_str_eq(ferry_binding_reason(before), "");
    ferry_binding_free(before);
    ferry_binding_free(after);
    free_engine(engine);
}
