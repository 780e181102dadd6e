/* slow_closure_moving.c: closures that leave libffi for machine code while others call or end them. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "closure_support.h"

typedef void (*Code)(void);

static void add(void *context, void *arguments, void *result) {
    const int64_t *slots = arguments;
    *(int64_t *)result = slots[0] + slots[1] + (int64_t)(uintptr_t)context;
}

typedef long Add(long, long);

static ferry_closure *new_adder(ferry_engine *engine, ferry_closure_options *options) {
    return new_closure(engine, "long f(long, long)", add, (void *)1000, options);
}

static void prepare_adders(ferry_engine *engine) {
    ferry_error error;
    const ferry_signature *signature = parse(engine, "long f(long, long)");
    cr_assert_eq(ferry_closures_prepare(engine, &signature, 1, NULL, &error), FERRY_OK, "%s", error.message);
}

#define THREADS 4

typedef struct Caller {
    Add *code;
    atomic_bool *stop;
    atomic_size_t *calls;
    size_t wrong;
} Caller;

static void *call_until_stopped(void *argument) {
    Caller *caller = argument;
    for (long i = 0; !atomic_load_explicit(caller->stop, memory_order_relaxed); i++) {
        if (caller->code(i, 7) != i + 1007) caller->wrong++;
        atomic_fetch_add_explicit(caller->calls, 1, memory_order_relaxed);
    }
    return NULL;
}

static void wait_for_calls(atomic_size_t *calls, size_t more) {
    size_t start = atomic_load(calls);
    while (atomic_load(calls) < start + more) sched_yield();
}

Test(slow_closure_moving, threads_go_on_calling_while_the_code_arrives) {
    ferry_engine *engine = new_engine(FERRY_ON_REQUEST);
    ferry_closure *closure = new_adder(engine, NULL);
    Code before = ferry_closure_code(closure);
    atomic_bool stop = false;
    atomic_size_t calls = 0;
    pthread_t threads[THREADS];
    Caller callers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        callers[i] = (Caller){.code = (Add *)before, .stop = &stop, .calls = &calls};
        cr_assert_eq(pthread_create(&threads[i], NULL, call_until_stopped, &callers[i]), 0);
    }
    wait_for_calls(&calls, 1000);
    cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_LIBFFI);
    prepare_adders(engine);
    wait_for_calls(&calls, 1000);
    cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_CODE);
    cr_expect_eq(ferry_closure_code(closure), before);
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(callers[i].wrong, 0);
    }
    release(closure);
    free_engine(engine);
}

/* A call that moves its closure on, the closure's end, and the coming of the code, all at once. The wrong orders would
 * leave the stub in the cell of a closure that has ended. */
#define RACES 300

typedef struct Race {
    ferry_engine *engine;
    const ferry_signature *signatures[RACES];
    ferry_closure *closures[RACES];
    Code codes[RACES];
    pthread_barrier_t start;
    size_t wrong_calls; /* each of one thread */
    size_t wrong_prepares;
} Race;

static void *call_each(void *argument) {
    Race *race = argument;
    for (size_t i = 0; i < RACES; i++) {
        Add *code = (Add *)race->codes[i];
        pthread_barrier_wait(&race->start);
        for (size_t k = 0; k < 3; k++) {
            long got = code(1, 2);
            if (got != 1003 && got != 0) race->wrong_calls++;
        }
    }
    return NULL;
}

static void *prepare_each(void *argument) {
    Race *race = argument;
    for (size_t i = 0; i < RACES; i++) {
        pthread_barrier_wait(&race->start);
        if (ferry_closures_prepare(race->engine, &race->signatures[i], 1, NULL, NULL) != FERRY_OK)
            race->wrong_prepares++;
    }
    return NULL;
}

/* Signatures of their own, whose code comes one by one; but of one shape, so that it comes fast. */
static void open_race(Race *race) {
    const ferry_engine_options options = {
        .policy = FERRY_ON_REQUEST, .without = FERRY_SOURCE_ALL, .quarantine = 2 * RACES};
    *race = (Race){.engine = ferry_engine_create(&options, NULL)};
    cr_assert_not_null(race->engine);
    for (size_t i = 0; i < RACES; i++) {
        char text[64];
        snprintf(text, sizeof text, "long f(struct s%zu *, long)", i);
        race->signatures[i] = parse(race->engine, text);
        race->closures[i] = ferry_closure_create(race->engine, race->signatures[i], add, (void *)1000, NULL, NULL);
        cr_assert_not_null(race->closures[i]);
        race->codes[i] = ferry_closure_code(race->closures[i]);
        cr_assert_eq(ferry_closure_path(race->closures[i]), FERRY_PATH_LIBFFI);
    }
    prepare_adders(race->engine);
    cr_assert_eq(pthread_barrier_init(&race->start, NULL, 3), 0);
}

Test(slow_closure_moving, a_closure_that_ends_while_it_moves_on_stays_ended) {
    static Race race;
    pthread_t caller, preparer;
    open_race(&race);
    cr_assert_eq(pthread_create(&caller, NULL, call_each, &race), 0);
    cr_assert_eq(pthread_create(&preparer, NULL, prepare_each, &race), 0);
    for (size_t i = 0; i < RACES; i++) {
        pthread_barrier_wait(&race.start);
        release(race.closures[i]);
    }
    cr_assert_eq(pthread_join(caller, NULL), 0);
    cr_assert_eq(pthread_join(preparer, NULL), 0);
    cr_expect_eq(race.wrong_calls, 0);
    cr_expect_eq(race.wrong_prepares, 0);
    for (size_t i = 0; i < 2 * RACES; i++)
        cr_assert_eq(((Add *)race.codes[i % RACES])(1, 2), 0, "closure %zu is called after its end", i % RACES);
    pthread_barrier_destroy(&race.start);
    free_engine(race.engine);
}

Test(slow_closure_moving, a_closure_that_ended_before_the_code_came_is_late_with_and_without_it) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_ON_REQUEST, &reports);
    const long fallback = -1;
    ferry_closure_options options = {.name = "adder", .fallback = &fallback};
    ferry_closure *closure = new_adder(engine, &options);
    Add *code = (Add *)ferry_closure_code(closure);
    cr_expect_eq(code(1, 2), 1003);
    release(closure);
    cr_expect_eq(code(1, 2), -1);
    prepare_adders(engine);
    for (size_t i = 0; i < 3; i++) cr_expect_eq(code(1, 2), -1);
    cr_expect_eq(reports.count, 4);
    cr_expect_eq(reports.event, FERRY_LATE_CALL);
    cr_expect_str_eq(reports.name, "adder");
    free_engine(engine);
}

/* libffi's closures are given back with the cells. */
Test(slow_closure_moving, many_one_after_another) {
    ferry_engine_options options = {.policy = FERRY_NEVER, .without = FERRY_SOURCE_ALL, .quarantine = 16};
    ferry_engine *engine = ferry_engine_create(&options, NULL);
    cr_assert_not_null(engine);
    for (size_t i = 0; i < 5000; i++) {
        ferry_closure *closure = new_adder(engine, NULL);
        cr_assert_eq(((Add *)ferry_closure_code(closure))((long)i, 5), (long)i + 1005);
        release(closure);
    }
    free_engine(engine);
}
