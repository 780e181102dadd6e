/* guard.c: closures whose handlers are left by longjmp or by the end of the thread, in every way of calling them.
 * Exceptions are thrown in tests/unwind. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

#include "closure_support.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER
#endif

/* ThreadSanitizer takes a longjmp for finished before glibc has asked the guards, and loses count of the frames. */
static void skip_under_thread_sanitizer(void) {
#ifdef THREAD_SANITIZER
    cr_skip_test("longjmps cannot be stopped under ThreadSanitizer");
#endif
}

typedef long Code(long);

typedef struct Jumper {
    sigjmp_buf far;
    bool jumps;
    int finalized;
    Code *next; /* called instead */
} Jumper;

static void jump_or_answer(void *context, void *arguments, void *result) {
    Jumper *jumper = context;
    (void)arguments;
    errno = 77;
    if (jumper->jumps) siglongjmp(jumper->far, 1);
    *(long *)result = jumper->next != NULL ? jumper->next(1) + 1 : 7;
}

static void note_end(void *context) {
    ((Jumper *)context)->finalized++;
}

static Code *code_of(const ferry_closure *closure) {
    return (Code *)ferry_closure_code(closure);
}

static const long fallback = -5;

static ferry_closure *new_jumper(ferry_engine *engine, size_t way, ferry_boundary boundary, bool counted,
                                 Jumper *jumper) {
    ferry_closure_options options = {.convention = closure_ways[way].convention,
                                     .boundary = boundary,
                                     .name = "jumper",
                                     .fallback = &fallback,
                                     .finalize = counted ? note_end : NULL};
    ferry_closure *closure = new_closure(engine, "long f(long)", jump_or_answer, jumper, &options);
    cr_assert_eq(ferry_closure_path(closure), closure_ways[way].path, "%s", ferry_closure_reason(closure));
    return closure;
}

static void check_stop(ferry_engine *engine, Reports *reports, size_t way, bool counted) {
    static Jumper jumper;
    jumper = (Jumper){.finalized = 0};
    ferry_closure *closure = new_jumper(engine, way, FERRY_STOP, counted, &jumper);
    if (sigsetjmp(jumper.far, 0) != 0) cr_assert(false, "%s: not stopped", closure_ways[way].name);
    for (int i = 0; i < 6; i++) {
        size_t before = reports->count;
        jumper.jumps = i % 3 != 0;
        errno = 5;
        cr_expect_eq(code_of(closure)(1), jumper.jumps ? fallback : 7);
        cr_expect_eq(errno, 5);
        cr_expect_eq(reports->count, before + jumper.jumps);
        if (!jumper.jumps) continue;
        cr_expect_eq(reports->event, FERRY_STOPPED_LONGJMP);
        cr_expect_str_eq(reports->name, "jumper");
        cr_expect_str_eq(reports->message, "long jumper(long): a longjmp was stopped at the boundary");
    }
    release(closure);
    cr_expect_eq(jumper.finalized, counted);
}

Test(guard, a_longjmp_is_stopped_and_reported_and_the_closure_is_as_good_as_before) {
    skip_under_thread_sanitizer();
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        Reports reports = {.count = 0};
        ferry_engine *engine = reporting_engine(closure_ways[way].policy, &reports);
        for (int counted = 0; counted < 2; counted++) check_stop(engine, &reports, way, counted);
        ferry_statistics statistics;
        ferry_engine_statistics(engine, &statistics);
        cr_expect_eq(statistics.stopped, 8);
        free_engine(engine);
    }
}

static void check_passage(ferry_engine *engine, size_t way, bool counted) {
    static Jumper jumper;
    jumper = (Jumper){.jumps = true};
    static volatile int landed;
    ferry_closure *closure = new_jumper(engine, way, FERRY_LET_THROUGH, counted, &jumper);
    for (landed = 0; landed < 3;) {
        if (sigsetjmp(jumper.far, 0) != 0) {
            landed++;
            continue;
        }
        code_of(closure)(1);
        cr_assert(false, "%s: stopped", closure_ways[way].name);
    }
    jumper.jumps = false;
    cr_expect_eq(code_of(closure)(1), 7);
    cr_expect_eq(jumper.finalized, 0);
    release(closure);
    cr_expect_eq(jumper.finalized, counted, "calls that were left do not end");
}

Test(guard, a_longjmp_is_let_through_and_ends_the_call) {
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        Reports reports = {.count = 0};
        ferry_engine *engine = reporting_engine(closure_ways[way].policy, &reports);
        check_passage(engine, way, false);
        check_passage(engine, way, true);
        cr_expect_eq(reports.count, 0);
        free_engine(engine);
    }
}

static void check_nest(ferry_engine *engine, size_t way) {
    static Jumper inner, outer;
    inner = (Jumper){.jumps = true};
    ferry_closure *stopping = new_jumper(engine, way, FERRY_STOP, true, &inner);
    ferry_closure *letting = new_jumper(engine, way, FERRY_LET_THROUGH, true, &inner);
    outer = (Jumper){.next = code_of(stopping)};
    ferry_closure *caller = new_jumper(engine, way, FERRY_STOP, true, &outer);
    if (sigsetjmp(inner.far, 0) != 0) cr_assert(false, "%s: not stopped", closure_ways[way].name);
    cr_expect_eq(code_of(caller)(1), fallback + 1);
    outer.next = code_of(letting);
    cr_expect_eq(code_of(caller)(1), fallback);
    release(stopping);
    release(letting);
    release(caller);
    cr_expect_eq(inner.finalized, 2);
    cr_expect_eq(outer.finalized, 1);
}

Test(guard, the_innermost_boundary_stops) {
    skip_under_thread_sanitizer();
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        ferry_engine *engine = new_engine(closure_ways[way].policy);
        check_nest(engine, way);
        free_engine(engine);
    }
}

/* ---- results ---- */

static void jump_half_done(void *context, void *arguments, void *result) {
    (void)arguments;
    memset(result, 0x5a, 24);
    longjmp(*(jmp_buf *)context, 1);
}

typedef struct Triple {
    long a, b, c;
} Triple;

static void check_zeros(ferry_engine *engine, ferry_convention convention) {
    static jmp_buf far;
    ferry_closure_options options = {.convention = convention, .boundary = FERRY_STOP};
    ferry_closure *closure =
        new_closure(engine, "struct T {long a, b, c;}; struct T f(int)", jump_half_done, &far, &options);
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    Triple triple = ((Triple (*)(int))ferry_closure_code(closure))(1);
    cr_expect(triple.a == 0 && triple.b == 0 && triple.c == 0);
    release(closure);
}

Test(guard, a_stopped_call_returns_zeros_where_no_fallback_was_given) {
    skip_under_thread_sanitizer();
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        ferry_engine *engine = new_engine(closure_ways[way].policy);
        check_zeros(engine, closure_ways[way].convention);
        free_engine(engine);
    }
}

/* ---- signals ---- */

static void check_signals(ferry_engine *engine, ferry_convention convention) {
    static Jumper jumper;
    jumper = (Jumper){.jumps = true};
    ferry_closure_options options = {.convention = convention, .boundary = FERRY_STOP};
    ferry_closure *closure = new_closure(engine, "void f(int)", jump_or_answer, &jumper, &options);
    struct sigaction action = {.sa_handler = (void (*)(int))ferry_closure_code(closure)}, before;
    sigaction(SIGUSR1, &action, &before);
    if (sigsetjmp(jumper.far, 1) != 0) cr_assert(false, "not stopped");
    for (int i = 0; i < 3; i++) raise(SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    release(closure);
}

Test(guard, a_closure_as_signal_handler_whose_jump_is_stopped) {
    skip_under_thread_sanitizer();
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        ferry_engine *engine = new_engine(closure_ways[way].policy);
        ferry_statistics statistics;
        check_signals(engine, closure_ways[way].convention);
        ferry_engine_statistics(engine, &statistics);
        cr_expect_eq(statistics.stopped, 3);
        free_engine(engine);
    }
}

/* ---- the end of a thread ---- */

static void end_thread(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    pthread_exit(context);
}

static void *run_closure(void *code) {
    ((Code *)code)(1);
    return NULL;
}

static void check_end_of_thread(ferry_engine *engine, size_t way, ferry_boundary boundary) {
    Jumper jumper = {.finalized = 0};
    ferry_closure_options options = {
        .convention = closure_ways[way].convention, .boundary = boundary, .finalize = note_end};
    ferry_closure *closure = new_closure(engine, "long f(long)", end_thread, &jumper, &options);
    pthread_t thread;
    void *end = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, run_closure, (void *)code_of(closure)), 0);
    pthread_join(thread, &end);
    cr_expect_eq(end, &jumper);
    cr_expect_eq(jumper.finalized, 0);
    release(closure);
    cr_expect_eq(jumper.finalized, 1);
}

Test(guard, the_end_of_a_thread_goes_through_every_boundary) {
    for (size_t way = 0; way < CLOSURE_WAYS; way++) {
        Reports reports = {.count = 0};
        ferry_engine *engine = reporting_engine(closure_ways[way].policy, &reports);
        check_end_of_thread(engine, way, FERRY_LET_THROUGH);
        check_end_of_thread(engine, way, FERRY_STOP);
        cr_expect_eq(reports.count, 0);
        free_engine(engine);
    }
}

/* ---- real C in between ---- */

static int comparisons;

static void jump_after_some(void *context, void *arguments, void *result) {
    int **const *pointers = arguments; /* to the arguments, which are pointers themselves */
    int first = **pointers[0], second = **pointers[1];
    if (++comparisons > 300) longjmp(*(jmp_buf *)context, 1);
    *(int *)result = (first > second) - (first < second);
}

static void check_sort(ferry_engine *engine, ferry_boundary boundary) {
    static jmp_buf far;
    static int numbers[200]; /* few enough for qsort not to allocate: what is left by a longjmp frees nothing */
    static volatile bool jumped;
    ferry_closure_options options = {.convention = FERRY_POINTERS, .boundary = boundary};
    ferry_closure *closure = new_closure(engine, "int f(const void *, const void *)", jump_after_some, &far, &options);
    for (int i = 0; i < 200; i++) numbers[i] = i * 7919 % 200;
    comparisons = 0;
    jumped = false;
    if (setjmp(far) == 0)
        qsort(numbers, 200, sizeof(int), (int (*)(const void *, const void *))ferry_closure_code(closure));
    else
        jumped = true;
    cr_expect_eq(jumped, boundary == FERRY_LET_THROUGH);
    cr_expect(boundary == FERRY_STOP ? comparisons > 301 : comparisons == 301, "%d", comparisons);
    release(closure);
}

Test(guard, qsort_goes_on_with_a_stopped_comparison_and_is_left_by_one_that_passes) {
    skip_under_thread_sanitizer();
    ferry_engine *engine = new_engine(FERRY_NOW);
    check_sort(engine, FERRY_LET_THROUGH);
    check_sort(engine, FERRY_STOP);
    free_engine(engine);
}
