/* closure_turnover.c: closures that end inside calls, while so many others come and go that memory is used again. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>

#include "closure_support.h"

static void nothing(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
}

/* More than the quarantine holds, each with a result and a fallback that are larger than any other here. */
#define STRANGER "struct large { long a[100]; }; struct large stranger(void)"

static void turn_over(ferry_engine *engine) {
    static const long fallback[100] = {-1};
    const ferry_closure_options options = {.name = "stranger", .fallback = fallback};
    for (int i = 0; i < 600; i++) release(new_closure(engine, STRANGER, nothing, NULL, &options));
}

/* ---- a call that is stopped ---- */

static jmp_buf far;

typedef struct Leaver {
    ferry_engine *engine;
    ferry_closure *closure;
} Leaver;

static void end_and_leave(void *context, void *arguments, void *result) {
    Leaver *leaver = context;
    (void)arguments;
    (void)result;
    release(leaver->closure);
    turn_over(leaver->engine);
    longjmp(far, 1);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_LONGJMP 1
#endif
#endif

Test(closure_turnover, a_stopped_call_holds_its_closure_to_the_end) {
#ifdef NO_LONGJMP
    cr_skip_test("longjmps cannot be stopped under ThreadSanitizer");
#endif
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        const int fallback = 77;
        Reports reports = {0};
        Leaver leaver = {.engine = reporting_engine(closure_ways[w].policy, &reports)};
        const ferry_closure_options options = {
            .convention = closure_ways[w].convention, .boundary = FERRY_STOP, .name = "leaver", .fallback = &fallback};
        leaver.closure = new_closure(leaver.engine, "int f(void)", end_and_leave, &leaver, &options);
        int (*code)(void) = (int (*)(void))ferry_closure_code(leaver.closure);
        volatile int got = 0;
        if (setjmp(far) == 0) got = code();
        cr_expect_eq(got, 77, "%s", closure_ways[w].name);
        cr_expect_eq(reports.event, FERRY_STOPPED_LONGJMP);
        cr_expect_str_eq(reports.name, "leaver");
        free_engine(leaver.engine);
    }
}

/* ---- a report that does more than to note ---- */

static size_t turned;

static void turn_over_in_report(void *context, const ferry_report *report) {
    if (report->event == FERRY_LATE_CALL && turned++ == 0) turn_over(*(ferry_engine **)context);
}

Test(closure_turnover, a_report_may_end_as_many_closures_as_it_likes) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        const int fallback = 55;
        ferry_engine *engine = NULL;
        ferry_error error;
        const ferry_engine_options watched = {.policy = closure_ways[w].policy,
                                              .without = FERRY_SOURCE_ALL,
                                              .report = turn_over_in_report,
                                              .report_context = &engine};
        engine = ferry_engine_create(&watched, &error);
        cr_assert_not_null(engine, "%s", error.message);
        const ferry_closure_options options = {.convention = closure_ways[w].convention, .fallback = &fallback};
        ferry_closure *closure = new_closure(engine, "int f(void)", nothing, NULL, &options);
        int (*code)(void) = (int (*)(void))ferry_closure_code(closure);
        release(closure);
        turned = 0;
        cr_expect_eq(code(), 55, "%s", closure_ways[w].name);
        cr_expect_eq(turned, 1);
        free_engine(engine);
    }
}

/* ---- a handle that is late by a whole quarantine ---- */

Test(closure_turnover, a_stale_handle_is_never_reported_under_another_s_name) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
    const ferry_closure_options options = {.name = "first"};
    ferry_closure *first = new_closure(engine, "int f(void)", nothing, NULL, &options);
    release(first);
    cr_expect_eq(ferry_closure_release(first, NULL), FERRY_STALE);
    cr_expect_str_eq(reports.name, "first");
    turn_over(engine);
    cr_expect_eq(ferry_closure_release(first, NULL), FERRY_STALE);
    cr_expect_str_eq(reports.name, "(none)");
    cr_expect_str_eq(reports.message, "a closure: was released after its end");
    free_engine(engine);
}

/* ---- revoked by one thread, released by another ---- */

typedef struct Race {
    ferry_closure *closure;
    pthread_barrier_t *barrier;
} Race;

static void *revoke_at_once(void *context) {
    Race *race = context;
    pthread_barrier_wait(race->barrier);
    (void)ferry_closure_revoke(race->closure, NULL); /* or it has ended already */
    return NULL;
}

static size_t finals;

static void count_final(void *context) {
    (void)context;
    __atomic_fetch_add(&finals, 1, __ATOMIC_RELAXED);
}

Test(closure_turnover, revoking_against_the_last_release_ends_it_once) {
    enum { ROUNDS = 300 };
    ferry_engine_options quick = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL, .quarantine = 1};
    ferry_engine *engine = ferry_engine_create(&quick, NULL);
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    finals = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const ferry_closure_options options = {.finalize = count_final};
        Race race = {.closure = new_closure(engine, "void f(void)", nothing, NULL, &options), .barrier = &barrier};
        pthread_t thread;
        pthread_create(&thread, NULL, revoke_at_once, &race);
        pthread_barrier_wait(&barrier);
        release(race.closure);
        for (int k = 0; k < 4; k++) {
            ferry_closure *other = new_closure(engine, "void f(void)", nothing, NULL, NULL);
            ferry_closure_code(other)();
            release(other);
        }
        pthread_join(thread, NULL);
    }
    cr_expect_eq(finals, ROUNDS);
    pthread_barrier_destroy(&barrier);
    free_engine(engine);
}
