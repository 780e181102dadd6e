/* contention.c: what does a binding cost when two threads bind at once?
 *
 * A child makes all signatures, then its threads begin at one moment, and each binds those that are its own, one after
 * the other. The figure is the time from the first one's beginning to the last one's end, for each binding that one
 * thread made: threads that are not in each other's way take as long as one alone; with one lock around everything two
 * take twice as long. cpu: of the thread that used more of it; what the engine's own thread uses is no part of it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/callees.h"

enum { MOST_THREADS = 2, SHAPES_EACH = 150, KNOWN_EACH = 50000 };

typedef enum Choice { CHOICE_KNOWN, CHOICE_SAME, CHOICE_DIFFERENT } Choice;

typedef struct ContentionKind {
    const char *name;
    size_t threads;
    ferry_policy policy;
    Choice choice;
} ContentionKind;

static const ContentionKind kinds[] = {
    {"known_shape_1_thread", 1, FERRY_NOW, CHOICE_KNOWN},
    {"known_shape_2_threads", 2, FERRY_NOW, CHOICE_KNOWN},
    {"now_1_thread", 1, FERRY_NOW, CHOICE_SAME},
    {"now_2_threads_same", 2, FERRY_NOW, CHOICE_SAME},
    {"now_2_threads_different", 2, FERRY_NOW, CHOICE_DIFFERENT},
    {"background_1_thread", 1, FERRY_BACKGROUND, CHOICE_SAME},
    {"background_2_threads_same", 2, FERRY_BACKGROUND, CHOICE_SAME},
    {"background_2_threads_different", 2, FERRY_BACKGROUND, CHOICE_DIFFERENT},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* ---- the child ---- */

typedef struct Worker {
    pthread_t thread;
    pthread_barrier_t *start;
    ferry_engine *engine;
    const ferry_signature **signatures;
    ferry_binding **bindings;
    size_t count;
    double begin, end;
    double cpu; /* of this thread */
    bool done;
} Worker;

static const ferry_signature *signatures[MOST_THREADS][KNOWN_EACH];
static ferry_binding *bindings[MOST_THREADS][KNOWN_EACH];

static void *bind_all(void *context) {
    Worker *worker = context;
    ferry_error error = {0};
    worker->done = true;
    pthread_barrier_wait(worker->start);
    double cpu = clock_now().cpu;
    worker->begin = time_now();
    for (size_t k = 0; worker->done && k < worker->count; k++) {
        worker->bindings[k] = ferry_bind(worker->engine, worker->signatures[k], (Function *)callee_none, NULL, &error);
        worker->done = worker->bindings[k] != NULL;
    }
    worker->end = time_now();
    worker->cpu = clock_now().cpu - cpu;
    if (!worker->done) fprintf(stderr, "ferry-bench: a binding: %s\n", error.message);
    return NULL;
}

static size_t each_of(const ContentionKind *kind) {
    return kind->choice == CHOICE_KNOWN ? KNOWN_EACH : SHAPES_EACH;
}

static const ferry_signature *choose(ferry_engine *engine, const ContentionKind *kind, size_t thread, size_t index) {
    if (kind->choice == CHOICE_KNOWN) return numbered_signature(engine, 0);
    return numbered_signature(engine, 8 + index + (kind->choice == CHOICE_DIFFERENT ? thread * SHAPES_EACH : 0));
}

/* The memory of many bindings of a known shape is there before, as far as the engine keeps it. */
static bool touch_bindings(ferry_engine *engine, const ContentionKind *kind) {
    ferry_error error = {0};
    bool done = true;
    for (size_t thread = 0; thread < kind->threads; thread++)
        for (size_t k = 0; done && k < KNOWN_EACH; k++) {
            bindings[thread][k] = ferry_bind(engine, signatures[thread][k], (Function *)callee_none, NULL, &error);
            done = bindings[thread][k] != NULL;
        }
    for (size_t thread = 0; thread < kind->threads; thread++)
        for (size_t k = 0; k < KNOWN_EACH; k++) ferry_binding_free(bindings[thread][k]);
    return done;
}

/* So is that for the handles; LLVM is loaded. */
static bool make_ready(ferry_engine *engine, const ContentionKind *kind) {
    ferry_error error = {0};
    for (size_t thread = 0; thread < kind->threads; thread++)
        for (size_t k = 0; k < each_of(kind); k++) {
            signatures[thread][k] = choose(engine, kind, thread, k);
            bindings[thread][k] = NULL;
            if (signatures[thread][k] == NULL) return false;
        }
    const ferry_signature *known = numbered_signature(engine, 0);
    return known != NULL && ferry_prepare(engine, &known, 1, NULL, &error) == FERRY_OK &&
           (kind->choice != CHOICE_KNOWN || touch_bindings(engine, kind));
}

static bool run_threads(ferry_engine *engine, const ContentionKind *kind, Worker *workers) {
    pthread_barrier_t start;
    if (pthread_barrier_init(&start, NULL, (unsigned)kind->threads) != 0) return false;
    for (size_t k = 0; k < kind->threads; k++) {
        workers[k] = (Worker){.start = &start,
                              .engine = engine,
                              .signatures = signatures[k],
                              .bindings = bindings[k],
                              .count = each_of(kind)};
        if (pthread_create(&workers[k].thread, NULL, bind_all, &workers[k]) != 0) exit(EXIT_FAILURE);
    }
    bool done = true;
    for (size_t k = 0; k < kind->threads; k++) {
        pthread_join(workers[k].thread, NULL);
        done = done && workers[k].done;
    }
    pthread_barrier_destroy(&start);
    return done;
}

enum { SEEN_REAL, SEEN_CPU, SEEN_IN_PLACE, SEEN_COUNT };

static int run_kind(const ContentionKind *kind) {
    Worker workers[MOST_THREADS] = {0};
    ferry_error error = {0};
    ferry_engine_options options = {.policy = kind->policy, .without = WITHOUT_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL || !make_ready(engine, kind)) return EXIT_FAILURE;
    if (!run_threads(engine, kind, workers)) return EXIT_FAILURE;
    double begin = workers[0].begin, end = workers[0].end, cpu = workers[0].cpu;
    for (size_t k = 1; k < MOST_THREADS && k < kind->threads; k++) {
        if (workers[k].begin < begin) begin = workers[k].begin;
        if (workers[k].end > end) end = workers[k].end;
        if (workers[k].cpu > cpu) cpu = workers[k].cpu;
    }
    if (ferry_engine_wait(engine, UINT64_MAX, &error) != FERRY_OK) return EXIT_FAILURE;
    const double seen[SEEN_COUNT] = {end - begin, cpu, time_now() - begin};
    return child_answer(seen, SEEN_COUNT);
}

int contention_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "contention");
    (void)birth;
    for (size_t k = 0; name != NULL && k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k]);
    return -1;
}

/* ---- the parent ---- */

typedef struct Work {
    Rounds rounds;
    double in_place[KIND_COUNT][MOST_ROUNDS];
} Work;

static void measure_once(void *context, size_t kind, size_t round) {
    Work *work = context;
    double seen[SEEN_COUNT];
    if (!rounds_child(&work->rounds, kind, NULL, seen, SEEN_COUNT)) return;
    measure_sample(work->rounds.measures[kind][0], round, (Clock){0, 0}, (Clock){seen[SEEN_REAL], seen[SEEN_CPU]},
                   each_of(&kinds[kind]));
    work->in_place[kind][round] = seen[SEEN_IN_PLACE];
}

/* The one with the same policy and one thread stands before its others. */
static void report_kind(Work *work, size_t kind) {
    Measure *measure = work->rounds.measures[kind][0];
    size_t alone = kind;
    while (kinds[alone].threads != 1) alone--;
    const Measure *other = work->rounds.measures[alone][0];
    if (measure->count == 0) return;
    measure_done(measure, measure->real);
    measure_count(measure, "cpu_ns", median_of(measure->cpu, measure->count));
    if (alone != kind && other->count != 0)
        measure_count(measure, "to_1_thread", median_ratio(measure->real, other->real, measure->count));
    if (kinds[kind].policy == FERRY_BACKGROUND)
        measure_count(measure, "all_in_place_us", median_of(work->in_place[kind], measure->count) / 1e3);
    report_measure(measure);
}

bool contention_measure(Results *results, const Options *options) {
    static Work work;
    Rounds *rounds = &work.rounds;
    if (!wanted(options, "contention")) return true;
    report_heading("Binding on two threads at once: time for each binding that a thread makes");
    *rounds = (Rounds){results, "contention", .kinds = KIND_COUNT, .repetitions = options->quick ? 3 : 11};
    for (size_t k = 0; k < KIND_COUNT; k++) {
        rounds->names[k] = kinds[k].name;
        rounds->measures[k][0] = results_add(results, rounds->repetitions, "contention/%s", kinds[k].name);
        if (rounds->measures[k][0] == NULL) return false;
    }
    rounds_run(rounds, measure_once, &work);
    for (size_t k = 0; k < KIND_COUNT; k++) report_kind(&work, k);
    return true;
}
