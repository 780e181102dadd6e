/* create.c: what does it cost, in time and bytes, to make a binding, a blob, a shape?
 *
 * Distinct shapes are made by counting: 4 results times lists of long, double and float, shortest lists first
 * (bijective base 3), so that 1,000 of them have up to 5 parameters.
 */
#include <malloc.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/callees.h"

enum { SHAPES = 1000, MOST_PARAMETERS = 8 };

static bool fail(const char *what, const ferry_error *error) {
    fprintf(stderr, "ferry-bench: %s: %s\n", what, error->message);
    return false;
}

static ferry_engine *open_engine(const Options *options, ferry_policy policy, const ferry_allocator *allocator) {
    ferry_error error = {0};
    ferry_engine_options engine_options = {
        .policy = policy, .quality = options->better ? FERRY_BETTER : FERRY_QUICK, .without = WITHOUT_ALL};
    if (allocator != NULL) engine_options.allocator = *allocator;
    ferry_engine *engine = ferry_engine_create(&engine_options, &error);
    if (engine == NULL) fail("no engine", &error);
    return engine;
}

static bool close_engine(ferry_engine *engine) {
    ferry_error error = {0};
    return ferry_engine_free(engine, &error) == FERRY_OK || fail("an engine is not free", &error);
}

/* ---- signatures ---- */

const ferry_signature *numbered_signature(ferry_engine *engine, size_t number) {
    static const ferry_kind results[] = {FERRY_VOID, FERRY_LONG, FERRY_DOUBLE, FERRY_FLOAT};
    static const ferry_kind parameters[] = {FERRY_LONG, FERRY_DOUBLE, FERRY_FLOAT};
    const ferry_type *list[MOST_PARAMETERS];
    ferry_error error = {0};
    size_t count = 0;
    for (size_t rest = number / 4; rest != 0 && count < MOST_PARAMETERS; rest = (rest - 1) / 3)
        list[count++] = ferry_type_scalar(engine, parameters[(rest - 1) % 3], &error);
    const ferry_type *result = ferry_type_scalar(engine, results[number % 4], &error);
    const ferry_signature *signature =
        result != NULL ? ferry_signature_create(engine, result, list, count, false, &error) : NULL;
    if (signature == NULL) fail("a signature", &error);
    return signature;
}

/* ---- bindings of a known shape ---- */

typedef struct Crowd {
    ferry_engine *engine;
    const ferry_signature *signature;
    ferry_binding **bindings;
    size_t count;
} Crowd;

static bool crowd_open(Crowd *crowd, const Options *options, const ferry_allocator *allocator) {
    *crowd = (Crowd){.count = options->quick ? 20000 : 100000, .engine = open_engine(options, FERRY_NOW, allocator)};
    ferry_error error = {0};
    if (crowd->engine == NULL) return false;
    crowd->bindings = calloc(crowd->count, sizeof *crowd->bindings);
    crowd->signature = ferry_signature_parse(crowd->engine, "long f(long, long, long, long, long, long)", NULL, &error);
    return crowd->bindings != NULL && (crowd->signature != NULL || fail("a signature", &error));
}

static bool crowd_bind(Crowd *crowd) {
    ferry_error error = {0};
    for (size_t k = 0; k < crowd->count; k++) {
        crowd->bindings[k] = ferry_bind(crowd->engine, crowd->signature, (Function *)callee_long6, NULL, &error);
        if (crowd->bindings[k] == NULL) return fail("a binding", &error);
    }
    return true;
}

static void crowd_unbind(Crowd *crowd) {
    for (size_t k = 0; k < crowd->count; k++) {
        ferry_binding_free(crowd->bindings[k]);
        crowd->bindings[k] = NULL;
    }
}

static void crowd_close(Crowd *crowd) {
    if (crowd->bindings != NULL) crowd_unbind(crowd);
    if (crowd->engine != NULL) close_engine(crowd->engine);
    free(crowd->bindings);
}

static bool time_bindings(Crowd *crowd, Measure *bind, Measure *release) {
    bool done = true;
    for (size_t k = 0; done && k < bind->count; k++) {
        Clock begin = clock_now();
        done = crowd_bind(crowd);
        Clock bound = clock_now();
        crowd_unbind(crowd);
        measure_sample(release, k, bound, clock_now(), crowd->count);
        measure_sample(bind, k, begin, bound, crowd->count);
    }
    return done;
}

/* Bytes that a binding takes: as ferry asks for them, and as malloc hands them out. */
typedef struct Held {
    size_t bytes;
} Held;

static void *count_allocate(void *context, size_t size) {
    ((Held *)context)->bytes += size;
    return malloc(size != 0 ? size : 1);
}

static void count_release(void *context, void *pointer, size_t size) {
    if (pointer != NULL) ((Held *)context)->bytes -= size;
    free(pointer);
}

static double heap_bytes(void) {
    struct mallinfo2 heap = mallinfo2();
    return (double)heap.uordblks + (double)heap.hblkhd;
}

static bool weigh_bindings(const Options *options, Measure *bind) {
    Held held = {0};
    Crowd crowd;
    bool done = crowd_open(&crowd, options, &(ferry_allocator){&held, count_allocate, count_release});
    if (done) {
        /* One before, so that the shape and the first chunk of memory are not counted to the bindings. */
        ferry_error error = {0};
        ferry_binding *first = ferry_bind(crowd.engine, crowd.signature, (Function *)callee_long6, NULL, &error);
        double bytes = (double)held.bytes, heap = heap_bytes();
        done = crowd_bind(&crowd);
        ferry_statistics statistics;
        ferry_engine_statistics(crowd.engine, &statistics);
        measure_count(bind, "bytes", (double)statistics.binding_bytes);
        /* With what the pool around them takes, as ferry asks for it and as malloc hands it out. */
        measure_count(bind, "pool_bytes", ((double)held.bytes - bytes) / (double)crowd.count);
        measure_count(bind, "heap_bytes", (heap_bytes() - heap) / (double)crowd.count);
        ferry_binding_free(first);
    }
    crowd_close(&crowd);
    return done;
}

static bool measure_bindings(Results *results, const Options *options) {
    size_t repetitions = options->quick ? 5 : 21;
    Measure *bind = results_add(results, repetitions, "create/binding_of_known_shape");
    Measure *release = results_add(results, repetitions, "create/free_binding");
    Crowd crowd;
    if (bind == NULL || release == NULL) return false;
    bool done = crowd_open(&crowd, options, NULL) && time_bindings(&crowd, bind, release);
    crowd_close(&crowd);
    done = done && weigh_bindings(options, bind);
    measure_done(bind, bind->cpu);
    measure_done(release, release->cpu);
    report_measure(bind);
    report_measure(release);
    return done;
}

/* ---- shapes ---- */

/* What shapes and blobs took, between two looks at the engine. */
static void count_growth(Measure *measure, const ferry_statistics *before, const ferry_statistics *after) {
    double blobs = (double)(after->blobs - before->blobs);
    double shapes = (double)(after->shapes - before->shapes);
    if (blobs != 0) {
        measure_count(measure, "new_blobs", blobs);
        measure_count(measure, "code_bytes", (double)(after->code_bytes - before->code_bytes) / blobs);
        measure_count(measure, "unwind_bytes", (double)(after->unwind_bytes - before->unwind_bytes) / blobs);
        measure_count(measure, "slab_bytes", (double)(after->slab_bytes_used - before->slab_bytes_used) / blobs);
    }
    if (shapes != 0) measure_count(measure, "arena_bytes", (double)(after->arena_bytes - before->arena_bytes) / shapes);
}

/* Opens the backend by making one shape that no numbered signature has. */
static bool warm_up(ferry_engine *engine) {
    ferry_error error = {0};
    const ferry_signature *signature = ferry_signature_parse(
        engine, "long f(long, long, long, long, long, long, long, long, long, long, long, long)", NULL, &error);
    ferry_binding *binding =
        signature != NULL ? ferry_bind(engine, signature, (Function *)callee_long12, NULL, &error) : NULL;
    if (binding == NULL) return fail("a binding", &error);
    ferry_binding_free(binding);
    return true;
}

static bool bind_singly(ferry_engine *engine, Measure *measure) {
    ferry_error error = {0};
    for (size_t k = 0; k < measure->count; k++) {
        report_progress(measure->name, k, measure->count);
        const ferry_signature *signature = numbered_signature(engine, k * (SHAPES / measure->count));
        if (signature == NULL) return false;
        Clock begin = clock_now();
        /* Bound, never called: what stands behind it does not matter. */
        ferry_binding *binding = ferry_bind(engine, signature, (Function *)callee_none, NULL, &error);
        measure_sample(measure, k, begin, clock_now(), 1);
        if (binding == NULL) return fail("a binding", &error);
        ferry_binding_free(binding);
    }
    return true;
}

static bool measure_singly(Results *results, const Options *options, const char *name, ferry_policy policy) {
    Measure *measure = results_add(results, options->quick ? 50 : 200, "create/%s", name);
    ferry_engine *engine = measure != NULL ? open_engine(options, policy, NULL) : NULL;
    if (engine == NULL) return false;
    ferry_statistics before, after;
    bool done = warm_up(engine);
    ferry_engine_statistics(engine, &before);
    done = done && bind_singly(engine, measure);
    report_progress_end();
    ferry_engine_statistics(engine, &after);
    count_growth(measure, &before, &after);
    measure_done(measure, measure->cpu);
    if (done) report_measure(measure);
    return close_engine(engine) && done;
}

static bool prepare_once(const Options *options, Measure *measure, size_t index) {
    const ferry_signature *signatures[SHAPES];
    ferry_statistics before, after;
    ferry_error error = {0};
    ferry_engine *engine = open_engine(options, FERRY_NOW, NULL);
    if (engine == NULL) return false;
    bool done = warm_up(engine);
    for (size_t k = 0; done && k < SHAPES; k++) done = (signatures[k] = numbered_signature(engine, k)) != NULL;
    ferry_engine_statistics(engine, &before);
    Clock begin = clock_now();
    if (done && ferry_prepare(engine, signatures, SHAPES, NULL, &error) != FERRY_OK) done = fail("a batch", &error);
    measure_sample(measure, index, begin, clock_now(), 1);
    ferry_engine_statistics(engine, &after);
    if (index == 0) count_growth(measure, &before, &after);
    return close_engine(engine) && done;
}

static bool measure_batch(Results *results, const Options *options) {
    Measure *measure = results_add(results, options->quick ? 3 : 15, "create/batch_of_%d_shapes", SHAPES);
    if (measure == NULL) return false;
    for (size_t k = 0; k < measure->count; k++) {
        report_progress(measure->name, k, measure->count);
        if (!prepare_once(options, measure, k)) return false;
    }
    report_progress_end();
    measure_done(measure, measure->cpu);
    report_measure(measure);
    return true;
}

/* ---- what others take ---- */

static bool measure_libffi(Results *results, const Row *row) {
    enum { CIFS = 10000 };
    ffi_cif cif;
    ffi_type *parameters[MOST_SLOTS];
    Measure *measure = results_add(results, 21, "create/libffi_prep_cif");
    if (measure == NULL) return false;
    for (size_t k = 0; k < measure->count; k++) {
        Clock begin = clock_now();
        for (size_t j = 0; j < CIFS; j++)
            if (!ffi_prepare(row, &cif, parameters)) return false;
        measure_sample(measure, k, begin, clock_now(), CIFS);
    }
    measure_count(measure, "bytes", (double)(sizeof cif + row_slots(row) * sizeof parameters[0]));
    measure_done(measure, measure->cpu);
    report_measure(measure);
    return true;
}

static bool measure_tinycc(Results *results) {
    if (!tinycc_compile_one()) return true; /* not there */
    Measure *measure = results_add(results, 51, "create/tinycc_wrapper");
    if (measure == NULL) return false;
    for (size_t k = 0; k < measure->count; k++) {
        Clock begin = clock_now();
        if (!tinycc_compile_one()) return false;
        measure_sample(measure, k, begin, clock_now(), 1);
    }
    measure_done(measure, measure->cpu);
    report_measure(measure);
    return true;
}

static const Row *six_longs(void) {
    for (size_t k = 0; k < row_count; k++)
        if (rows[k].function == (Function *)callee_long6) return &rows[k];
    return NULL;
}

bool create_measure(Results *results, const Options *options) {
    if (!wanted(options, "create")) return true;
    report_heading("Creating");
    return measure_bindings(results, options) &&
           measure_singly(results, options, "new_shape_on_slow_path", FERRY_NEVER) &&
           measure_singly(results, options, "new_shape", FERRY_NOW) && measure_batch(results, options) &&
           measure_libffi(results, six_longs()) && measure_tinycc(results);
}
