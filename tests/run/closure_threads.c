/* closure_threads.c: calls, ends and makings at the same time. ThreadSanitizer runs these too. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "closure_support.h"

enum { CALLERS = 3, ROUNDS = 400, CALLS = 200 };

/* What a closure's context points to. The finalizer frees it: a handler that runs later would be found by the
 * sanitizers, and by its broken mark. */
typedef struct Object {
    uint64_t mark;
    uint64_t value;
} Object;

#define ALIVE UINT64_C(0xA11FE0B1EC7)

static void read_object(void *context, void *arguments, void *result) {
    const Object *object = context;
    (void)arguments;
    cr_assert_eq(object->mark, ALIVE);
    *(uint64_t *)result = object->value;
}

static atomic_size_t finalized;

static void free_object(void *context) {
    ((Object *)context)->mark = 0;
    free(context);
    atomic_fetch_add(&finalized, 1);
}

static atomic_size_t reported;

static void count_report(void *context, const ferry_report *report) {
    (void)context;
    if (report->event == FERRY_LATE_CALL) atomic_fetch_add(&reported, 1);
}

typedef struct Stage {
    _Atomic(uint64_t (*)(void)) code; /* what callers call now */
    atomic_bool over;
    atomic_size_t late; /* calls that came back with 0 */
    atomic_size_t calls;
} Stage;

static void *keep_calling(void *context) {
    Stage *stage = context;
    while (!atomic_load(&stage->over)) {
        uint64_t (*code)(void) = atomic_load(&stage->code);
        for (int i = 0; i < CALLS; i++) {
            if (code() == 0) atomic_fetch_add(&stage->late, 1);
            atomic_fetch_add_explicit(&stage->calls, 1, memory_order_relaxed);
        }
    }
    return NULL;
}

static ferry_closure *new_object_closure(ferry_engine *engine, ferry_convention convention) {
    Object *object = malloc(sizeof *object);
    *object = (Object){.mark = ALIVE, .value = 1};
    ferry_closure_options options = {.convention = convention, .finalize = free_object, .name = "object"};
    return new_closure(engine, "uint64_t f(void)", read_object, object, &options);
}

static void wait_for_calls(Stage *stage, size_t calls) {
    size_t now = atomic_load(&stage->calls);
    while (atomic_load(&stage->calls) < now + calls) usleep(50);
}

/* Each round the closure that all threads are calling ends under them. */
Test(closure_threads, one_may_end_while_others_call_it) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine_options options = {
            .policy = closure_ways[w].policy, .without = FERRY_SOURCE_ALL, .report = count_report};
        ferry_engine *engine = ferry_engine_create(&options, NULL);
        Stage stage = {0};
        pthread_t callers[CALLERS];
        atomic_store(&finalized, 0);
        atomic_store(&reported, 0);
        ferry_closure *closure = new_object_closure(engine, closure_ways[w].convention);
        atomic_store(&stage.code, (uint64_t (*)(void))ferry_closure_code(closure));
        for (size_t i = 0; i < CALLERS; i++) pthread_create(&callers[i], NULL, keep_calling, &stage);
        for (size_t round = 0; round < ROUNDS / CLOSURE_WAYS; round++) {
            wait_for_calls(&stage, 10);
            if (round % 2) ferry_closure_revoke(closure, NULL);
            release(closure);
            wait_for_calls(&stage, 10);
            closure = new_object_closure(engine, closure_ways[w].convention);
            atomic_store(&stage.code, (uint64_t (*)(void))ferry_closure_code(closure));
        }
        atomic_store(&stage.over, true);
        for (size_t i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
        release(closure);
        cr_expect_eq(atomic_load(&finalized), ROUNDS / CLOSURE_WAYS + 1);
        cr_expect_eq(atomic_load(&reported), atomic_load(&stage.late));
        cr_expect_gt(atomic_load(&stage.late), 0, "%s: some calls must have come late", closure_ways[w].name);
        free_engine(engine);
    }
}

/* ---- making and ending on many threads ---- */

static void return_context(void *context, void *arguments, void *result) {
    (void)arguments;
    *(uint64_t *)result = (uintptr_t)context;
}

typedef struct Worker {
    ferry_engine *engine;
    uintptr_t number;
    ferry_closure *(*handed)[CALLERS + 1]; /* closures that another thread will release */
    pthread_barrier_t *barrier;
} Worker;

enum { HELD = 500 };

static void *make_call_end(void *context) {
    Worker *worker = context;
    static _Thread_local ferry_closure *closures[HELD];
    for (int round = 0; round < 10; round++) {
        for (uintptr_t i = 0; i < HELD; i++)
            closures[i] = new_closure(worker->engine, "uint64_t f(void)", return_context,
                                      (void *)(worker->number << 32 | i), NULL);
        for (uintptr_t i = 0; i < HELD; i++) {
            uint64_t got = ((uint64_t (*)(void))ferry_closure_code(closures[i]))();
            cr_assert_eq(got, worker->number << 32 | i);
        }
        for (uintptr_t i = 1; i < HELD; i++) release(closures[i]);
        (*worker->handed)[worker->number] = closures[0];
        pthread_barrier_wait(worker->barrier);
        release((*worker->handed)[(worker->number + 1) % (CALLERS + 1)]);
        pthread_barrier_wait(worker->barrier);
    }
    return NULL;
}

Test(closure_threads, all_threads_may_make_call_and_end_at_once) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_closure *handed[CALLERS + 1];
    pthread_barrier_t barrier;
    pthread_t threads[CALLERS + 1];
    Worker workers[CALLERS + 1];
    pthread_barrier_init(&barrier, NULL, CALLERS + 1);
    for (size_t i = 0; i <= CALLERS; i++) {
        workers[i] = (Worker){.engine = engine, .number = i, .handed = &handed, .barrier = &barrier};
        pthread_create(&threads[i], NULL, make_call_end, &workers[i]);
    }
    for (size_t i = 0; i <= CALLERS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    free_engine(engine);
}

/* ---- references ---- */

static void *retain_and_release(void *context) {
    for (int i = 0; i < 20000; i++) {
        cr_assert_eq(ferry_closure_retain(context, NULL), FERRY_OK);
        cr_assert_eq(ferry_closure_release(context, NULL), FERRY_OK);
    }
    cr_assert_eq(ferry_closure_release(context, NULL), FERRY_OK);
    return NULL;
}

Test(closure_threads, references_are_counted_across_threads) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_closure *closure = new_object_closure(engine, FERRY_SLOTS);
    pthread_t threads[CALLERS];
    atomic_store(&finalized, 0);
    for (size_t i = 0; i < CALLERS; i++) {
        cr_assert_eq(ferry_closure_retain(closure, NULL), FERRY_OK);
        pthread_create(&threads[i], NULL, retain_and_release, closure);
    }
    for (size_t i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    cr_expect_eq(atomic_load(&finalized), 0);
    release(closure);
    cr_expect_eq(atomic_load(&finalized), 1);
    free_engine(engine);
}
