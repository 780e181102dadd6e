/* tiers_process.c: the engine's thread where the process forks, ends, or has other threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/run/support.h"

enum { SHAPES = 40 };

static long first_of(long a) {
    return a + 7;
}

/* Shape number n: a struct of n + 17 bytes travels on the stack beside the long. */
static const ferry_signature *shape(ferry_engine *engine, size_t n) {
    char text[96];
    snprintf(text, sizeof text, "typedef struct { char c[%zu]; } s; long f(long, s)", n + 17);
    return ferry_signature_parse(engine, text, NULL, NULL);
}

static bool works(const ferry_binding *binding) {
    char slots[512] = {35};
    long result = 0;
    ferry_call(binding, slots, &result);
    return result == 42;
}

static bool bind_and_call(ferry_engine *engine, size_t n) {
    const ferry_signature *signature = shape(engine, n);
    ferry_binding *binding = signature != NULL ? ferry_bind(engine, signature, FUNCTION(first_of), NULL, NULL) : NULL;
    bool right = binding != NULL && works(binding);
    ferry_binding_free(binding);
    return right;
}

static void nap(long microseconds) {
    const struct timespec time = {.tv_nsec = microseconds * 1000};
    nanosleep(&time, NULL);
}

/* 0: it ended well. */
static int status_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0) {
    }
    return status;
}

/* ---- fork ---- */

/* In a child: old bindings work, new shapes get their code, by a thread of the child's own. */
static int work_on(ferry_engine *engine, const ferry_binding *old, size_t n) {
    ferry_statistics statistics;
    if (!works(old)) return 1;
    if (!bind_and_call(engine, n)) return 2;
    if (ferry_engine_wait(engine, 20000, NULL) != FERRY_OK) return 3;
    ferry_engine_statistics(engine, &statistics);
    if (!statistics.thread_running) return 4;
    if (statistics.waiting != 0 || statistics.without_code != 0) return 5;
    return works(old) ? 0 : 6;
}

#define NO_CHILDREN "it takes a new thread in the child of a process with several threads for an end"

Test(tiers_process, the_child_of_a_fork_works_on_with_its_own_thread) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding = ferry_bind(engine, shape(engine, 0), FUNCTION(first_of), NULL, NULL);
    cr_assert_not_null(binding);
    for (size_t n = 1; n < SHAPES; n++) { /* the thread is loading, compiling or idle then */
        cr_assert(bind_and_call(engine, n));
        nap((long)(n * 37 % 900));
        pid_t child = fork();
        if (child == 0) _exit(work_on(engine, binding, n + SHAPES));
        cr_expect_eq(status_of(child), 0, "round %zu", n);
    }
    cr_expect_eq(ferry_engine_wait(engine, 20000, NULL), FERRY_OK);
    ferry_binding_free(binding);
    free_engine(engine);
}

/* A server that binds everything, then forks: what the parent has asked for, or counted, comes in the child too. */
static int only_call(ferry_engine *engine, ferry_binding *const *bindings, size_t count) {
    for (size_t round = 0; round < 2000; round++) { /* some seconds at most */
        size_t waiting = 0;
        for (size_t n = 0; n < count; n++) {
            if (!works(bindings[n])) return 1;
            const void *code = ferry_binding_code(bindings[n], NULL);
            waiting += code == NULL;
        }
        if (waiting == 0) return 0;
        nap(5000);
    }
    (void)engine;
    return 2;
}

static void fork_and_only_call(ferry_policy policy) {
    ferry_error error;
    const ferry_engine_options options = {.policy = policy, .after_calls = 50, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    ferry_binding *bindings[SHAPES];
    for (size_t n = 0; n < SHAPES; n++) {
        bindings[n] = ferry_bind(engine, shape(engine, n), FUNCTION(first_of), NULL, NULL);
        cr_assert_not_null(bindings[n]);
        cr_assert(works(bindings[n]));
    }
    pid_t child = fork();
    if (child == 0) _exit(only_call(engine, bindings, SHAPES));
    cr_expect_eq(status_of(child), 0);
    for (size_t n = 0; n < SHAPES; n++) ferry_binding_free(bindings[n]);
    free_engine(engine);
}

Test(tiers_process, a_child_that_only_calls_gets_the_code_that_was_asked_for) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    fork_and_only_call(FERRY_BACKGROUND);
}

Test(tiers_process, a_child_that_only_calls_goes_on_counting) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    fork_and_only_call(FERRY_AFTER_CALLS);
}

Test(tiers_process, a_child_without_a_thread_waits_no_longer_than_it_was_told) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    for (size_t n = 0; n < 200; n++)
        cr_assert(bind_and_call(engine, n)); /* several batches, of which the first is over */
    pid_t child = fork();
    if (child == 0) _exit(ferry_engine_wait(engine, 0, NULL) == FERRY_TIMEOUT ? 0 : 1);
    cr_expect_eq(status_of(child), 0);
    free_engine(engine);
}

typedef struct Busy {
    ferry_engine *engine;
    atomic_bool stop;
    atomic_size_t wrong;
    size_t first;
} Busy;

static void *bind_for_ever(void *argument) {
    Busy *busy = argument;
    for (size_t n = 0; !atomic_load(&busy->stop); n++)
        if (!bind_and_call(busy->engine, busy->first + n % 100)) atomic_fetch_add(&busy->wrong, 1);
    return NULL;
}

Test(tiers_process, so_does_the_child_of_a_process_whose_other_threads_are_binding) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding = ferry_bind(engine, shape(engine, 0), FUNCTION(first_of), NULL, NULL);
    Busy busy[2] = {{.engine = engine, .first = 100}, {.engine = engine, .first = 150}};
    pthread_t threads[2];
    for (size_t t = 0; t < 2; t++) cr_assert_eq(pthread_create(&threads[t], NULL, bind_for_ever, &busy[t]), 0);
    for (size_t n = 1; n < 20; n++) {
        pid_t child = fork();
        if (child == 0) _exit(work_on(engine, binding, n));
        cr_expect_eq(status_of(child), 0, "round %zu", n);
    }
    for (size_t t = 0; t < 2; t++) {
        atomic_store(&busy[t].stop, true);
        pthread_join(threads[t], NULL);
        cr_expect_eq(atomic_load(&busy[t].wrong), 0);
    }
    ferry_binding_free(binding);
    free_engine(engine);
}

/* ---- exit ---- */

static void leave(size_t round, bool at_once) {
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    bool right = true;
    for (size_t n = 0; n < 10; n++) right = bind_and_call(engine, n) && right;
    if (!at_once) nap((long)(round * 600));
    exit(right ? 0 : 1);
}

Test(tiers_process, a_process_may_exit_whatever_the_thread_is_doing) {
    for (size_t round = 0; round < 80; round++) { /* up to 48 ms: before, while and after LLVM is loaded */
        pid_t child = fork();
        if (child == 0) leave(round, false);
        cr_expect_eq(status_of(child), 0, "round %zu", round);
    }
}

/* Another thread is where LLVM is, or waits for it, when main returns. */
static void *wait_for_ever(void *argument) {
    ferry_engine_wait(argument, UINT64_MAX, NULL);
    return NULL;
}

static void *prepare_many(void *argument) {
    for (size_t n = 0; n < 30; n++) {
        const ferry_signature *signature = shape(argument, n);
        ferry_prepare(argument, &signature, 1, NULL, NULL);
    }
    return NULL;
}

static void leave_busy(void *(*busy)(void *), size_t round) {
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    pthread_t thread;
    for (size_t n = 50; n < 60; n++) bind_and_call(engine, n);
    if (pthread_create(&thread, NULL, busy, engine) != 0) _exit(1);
    nap((long)(round * 700));
    exit(0);
}

Test(tiers_process, a_process_may_exit_whatever_its_other_threads_are_doing) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    for (size_t round = 0; round < 40; round++) {
        pid_t child = fork();
        if (child == 0) leave_busy(round % 2 ? wait_for_ever : prepare_many, round);
        cr_expect_eq(status_of(child), 0, "round %zu", round);
    }
}

static ferry_engine *kept;

/* Runs after LLVM's destructors, as those of a C++ program's own globals do. */
static void use_kept(void) {
    const ferry_signature *signature = shape(kept, 77);
    ferry_error error;
    if (ferry_prepare(kept, &signature, 1, NULL, &error) != FERRY_BACKEND) _exit(2);
    if (!bind_and_call(kept, 78)) _exit(3);
    const ferry_binding_options bound = {.bound = true};
    ferry_binding *binding = ferry_bind(kept, signature, FUNCTION(first_of), &bound, &error);
    if (binding == NULL || !works(binding)) _exit(4);
    if (strstr(ferry_binding_reason(binding), "ending") == NULL) _exit(5);
    if (ferry_engine_wait(kept, UINT64_MAX, NULL) == FERRY_TIMEOUT) _exit(6);
}

static void leave_and_use(ferry_policy policy) {
    atexit(use_kept);
    kept = new_engine(policy);
    bool right = bind_and_call(kept, 1);
    ferry_engine_wait(kept, 20000, NULL);
    exit(right ? 0 : 1);
}

Test(tiers_process, an_exit_handler_may_still_bind_and_call) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test(NO_CHILDREN);
    for (int policy = FERRY_BACKGROUND; policy <= FERRY_NOW; policy++) {
        pid_t child = fork();
        if (child == 0) leave_and_use((ferry_policy)policy);
        cr_expect_eq(status_of(child), 0, "policy %d", policy);
    }
}

static void free_kept(void) {
    if (ferry_engine_free(kept, NULL) != FERRY_OK) _exit(9);
}

/* Registered before the engine's own handler, so it runs after it. */
static void leave_tidily(void) {
    atexit(free_kept);
    kept = new_engine(FERRY_BACKGROUND);
    exit(bind_and_call(kept, 1) ? 0 : 1);
}

Test(tiers_process, an_engine_may_be_freed_while_the_process_exits) {
    for (size_t round = 0; round < 10; round++) {
        pid_t child = fork();
        if (child == 0) leave_tidily();
        cr_expect_eq(status_of(child), 0, "round %zu", round);
    }
}

Test(tiers_process, an_engine_may_be_freed_whatever_the_thread_is_doing) {
    for (size_t round = 0; round < 30; round++) {
        ferry_engine *engine = new_engine(FERRY_BACKGROUND);
        for (size_t n = 0; n < 5; n++) cr_expect(bind_and_call(engine, n));
        nap((long)(round * 97));
        free_engine(engine);
    }
}

/* ---- threads ---- */

typedef struct Racer {
    ferry_engine *engine;
    size_t wrong;
    bool is_closure;
} Racer;

static void answer(void *context, void *arguments, void *result) {
    long value = 0;
    (void)context;
    memcpy(&value, arguments, sizeof value);
    value += 7;
    memcpy(result, &value, sizeof value);
}

static bool answers(ferry_engine *engine, const char *text) {
    ferry_closure *closure =
        ferry_closure_create(engine, ferry_signature_parse(engine, text, NULL, NULL), answer, NULL, NULL, NULL);
    if (closure == NULL) return false;
    bool right = ((long (*)(long))ferry_closure_code(closure))(35) == 42;
    ferry_closure_path(closure);
    right = ((long (*)(long))ferry_closure_code(closure))(35) == 42 && right;
    ferry_closure_release(closure, NULL);
    return right;
}

static void *race(void *argument) {
    Racer *racer = argument;
    for (size_t n = 0; n < SHAPES; n++) {
        bool right = racer->is_closure ? answers(racer->engine, n % 2 ? "long f(long)" : "long f(long, double)")
                                       : bind_and_call(racer->engine, n);
        if (!right) racer->wrong++;
        if (n % 8 == 7) ferry_engine_wait(racer->engine, 5, NULL);
    }
    return NULL;
}

static void race_under(ferry_policy policy) {
    ferry_error error;
    const ferry_engine_options options = {.policy = policy, .after_calls = 2, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    Racer racers[4];
    pthread_t threads[4];
    for (size_t t = 0; t < 4; t++) {
        racers[t] = (Racer){.engine = engine, .is_closure = t == 3};
        cr_assert_eq(pthread_create(&threads[t], NULL, race, &racers[t]), 0);
    }
    for (size_t t = 0; t < 4; t++) {
        pthread_join(threads[t], NULL);
        cr_expect_eq(racers[t].wrong, 0);
    }
    cr_expect_eq(ferry_engine_wait(engine, 20000, &error), FERRY_OK, "%s", error.message);
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    if (policy != FERRY_AFTER_CALLS) cr_expect_eq(statistics.without_code, 0);
    free_engine(engine);
}

Test(tiers_process, threads_that_bind_the_same_shapes_in_the_background) {
    race_under(FERRY_BACKGROUND);
}

Test(tiers_process, threads_that_bind_the_same_shapes_now) {
    race_under(FERRY_NOW);
}

Test(tiers_process, threads_that_count_the_same_calls) {
    race_under(FERRY_AFTER_CALLS);
}
