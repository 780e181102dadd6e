/* threads.c: start routines, once routines and destructors of thread-specific data. */
#include <pthread.h>

#include "support.h"

enum { THREADS = 8 };

typedef struct Starts {
    ferry_convention convention;
    int64_t offset;
    pthread_key_t key;
    _Atomic int64_t calls;
    _Atomic int64_t ended; /* sum of what the destructor got */
    pthread_t caller[THREADS];
} Starts;

/* void *start(void *): a number goes in as a pointer, its square and the context's come out. */
static void start(void *context, void *arguments, void *result) {
    Starts *starts = context;
    int64_t number = ARGUMENT(int64_t, starts->convention, arguments, 0);
    starts->calls++;
    starts->caller[number] = pthread_self();
    pthread_setspecific(starts->key, (void *)(uintptr_t)(number + 1));
    give(result, number * number + starts->offset);
}

static void end_thread(void *context, void *arguments, void *result) {
    (void)result;
    Starts *starts = context;
    starts->ended += ARGUMENT(int64_t, starts->convention, arguments, 0);
}

Test(uses, pthread_create_starts_in_a_closure_and_ends_in_another) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Starts starts = {.convention = way->convention, .offset = -5};
        ferry_closure *routine = new_closure(engine, way, "void *start(void *)", start, &starts);
        ferry_closure *destructor = new_closure(engine, way, "void end(void *)", end_thread, &starts);
        pthread_t threads[THREADS];
        cr_assert_eq(pthread_key_create(&starts.key, CODE(void (*)(void *), destructor)), 0);
        for (uintptr_t i = 0; i < THREADS; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, CODE(void *(*)(void *), routine), (void *)i), 0);
        for (int i = 0; i < THREADS; i++) {
            void *got = NULL;
            cr_assert_eq(pthread_join(threads[i], &got), 0);
            cr_expect_eq((intptr_t)got, i * i - 5, "%s, thread %d", way->name, i);
            cr_expect(pthread_equal(starts.caller[i], threads[i]));
        }
        cr_expect_eq(starts.calls, THREADS);
        cr_expect_eq(starts.ended, THREADS * (THREADS + 1) / 2);
        pthread_key_delete(starts.key);
        release(routine);
        release(destructor);
        free_engine(engine);
    }
}

static void count_call(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    ++*(_Atomic int *)context;
}

typedef struct Once {
    pthread_once_t once;
    void (*routine)(void);
} Once;

static void *do_once(void *argument) {
    Once *once = argument;
    pthread_once(&once->once, once->routine);
    return NULL;
}

Test(uses, pthread_once_calls_once) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        _Atomic int calls = 0;
        ferry_closure *closure = new_closure(engine, way, "void once(void)", count_call, &calls);
        Once once = {PTHREAD_ONCE_INIT, ferry_closure_code(closure)};
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, do_once, &once), 0);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        cr_expect_eq(calls, 1, "%s", way->name);
        release(closure);
        free_engine(engine);
    }
}
