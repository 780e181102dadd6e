/* threads.c: one engine, many threads: parsing, making, calling and freeing at once. Also run under TSan.
 *
 * The threads count what went wrong and the test looks at the count: Criterion's assertions belong to one thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "support.h"

enum { THREADS = 8, ROUNDS = 60 };

static long sum(long a, long b, long c) {
    return a + 2 * b + 3 * c;
}
static double scale(double a, int b) {
    return a * b;
}
static long count_bytes(const char *text) {
    return (long)strlen(text);
}
static int narrow(signed char a, unsigned short b) {
    return a + b;
}

static bool call_sum(const ferry_binding *binding, long seed) {
    long slots[] = {seed, 2, 3}, result = 0;
    ferry_call(binding, slots, &result);
    return result == sum(seed, 2, 3);
}

static bool call_scale(const ferry_binding *binding, long seed) {
    union {
        double real;
        int64_t integer;
    } slots[] = {{.real = 1.5}, {.integer = seed}}, result;
    ferry_call(binding, slots, &result);
    return result.real == scale(1.5, (int)seed);
}

static bool call_bytes(const ferry_binding *binding, long seed) {
    const char *slots[] = {&"abcdefgh"[seed % 8]};
    long result = 0;
    ferry_call(binding, slots, &result);
    return result == 8 - seed % 8;
}

static bool call_narrow(const ferry_binding *binding, long seed) {
    int64_t slots[] = {-seed % 100, 65000}, result = 0;
    ferry_call(binding, slots, &result);
    return result == 65000 - seed % 100;
}

typedef struct Job {
    const char *text;
    void (*function)(void);
    bool (*call)(const ferry_binding *binding, long seed);
} Job;

static const Job jobs[] = {
    {"long f(long, long, long)", FUNCTION(sum), call_sum},
    {"double f(double, int)", FUNCTION(scale), call_scale},
    {"long f(const char *)", FUNCTION(count_bytes), call_bytes},
    {"int f(signed char, unsigned short)", FUNCTION(narrow), call_narrow},
};
#define JOBS (sizeof jobs / sizeof jobs[0])

typedef struct Crew {
    ferry_engine *engine;
    const ferry_binding *shared;
    atomic_long next;
    atomic_long failures;
} Crew;

static bool work(Crew *crew, long seed) {
    const Job *job = &jobs[(size_t)seed % JOBS];
    ferry_binding_options options = {.bound = seed % 11 == 0};
    ferry_statistics statistics;
    const ferry_signature *signature = ferry_signature_parse(crew->engine, job->text, NULL, NULL);
    ferry_binding *binding = ferry_bind(crew->engine, signature, job->function, &options, NULL);
    if (binding == NULL) return false;
    bool right = job->call(binding, seed) && call_sum(crew->shared, seed);
    if (seed % 7 == 0) ferry_engine_statistics(crew->engine, &statistics);
    ferry_binding_free(binding);
    return right;
}

static void *labour(void *context) {
    Crew *crew = context;
    long first = atomic_fetch_add(&crew->next, ROUNDS);
    for (long i = 0; i < ROUNDS; i++) atomic_fetch_add(&crew->failures, !work(crew, first + i));
    return NULL;
}

static void run(ferry_policy policy) {
    Crew crew = {.engine = new_engine(policy)};
    ferry_binding *shared = bind(crew.engine, jobs[0].text, jobs[0].function, NULL);
    crew.shared = shared;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, labour, &crew), 0);
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_expect_eq(crew.failures, 0);
    ferry_binding_free(shared);
    ferry_statistics statistics;
    ferry_engine_statistics(crew.engine, &statistics);
    cr_expect_eq(statistics.bindings, 0);
    cr_expect_leq(statistics.blobs, JOBS);
    free_engine(crew.engine);
}

Test(threads, make_call_and_free_with_machine_code) {
    run(FERRY_NOW);
}

Test(threads, make_call_and_free_through_libffi) {
    run(FERRY_NEVER);
}

/* The pool alone, as fast as it goes. */
static void *bind_and_free(void *context) {
    Crew *crew = context;
    const ferry_signature *signature = ferry_binding_signature(crew->shared);
    for (int i = 0; i < 20000; i++) {
        ferry_binding *first = ferry_bind(crew->engine, signature, FUNCTION(sum), NULL, NULL);
        ferry_binding *second = ferry_bind(crew->engine, signature, FUNCTION(sum), NULL, NULL);
        bool right = first != NULL && second != NULL && first != second;
        ferry_binding_free(first);
        if (right && i % 100 == 0) right = call_sum(second, i);
        atomic_fetch_add(&crew->failures, !right);
        ferry_binding_free(second);
    }
    return NULL;
}

Test(threads, share_the_pool_of_bindings) {
    Crew crew = {.engine = new_engine(FERRY_NEVER)};
    ferry_binding *shared = bind(crew.engine, jobs[0].text, jobs[0].function, NULL);
    crew.shared = shared;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, bind_and_free, &crew), 0);
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_expect_eq(crew.failures, 0);
    ferry_binding_free(shared);
    free_engine(crew.engine);
}
