/* startup.c: what does a program pay that binds 500 functions when it starts?
 *
 * The functions are of libc, libm, zlib and SQLite (startup_declarations.txt). A child loads the libraries, reads the
 * declarations and looks up the addresses; none of that is counted, for libffi as little as for ferry. What is:
 *
 *   ferry    making the engine; ferry_bind for each function (bound); ferry_engine_wait (compiled)
 *   libffi   malloc and ffi_prep_cif for each function. Its arrays of types, which it needs as ferry needs signatures,
 *            are made before
 *
 * Time on the clock, and of all threads on the CPUs; how much more is resident, and private and written to. from_exec
 * is the whole instead, until all is bound: the process's start, the libraries, and the declarations, which ferry reads
 * for libffi as well.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

/* ---- the child ---- */

typedef enum Store { NO_CACHE, EMPTY_CACHE, WARM_CACHE, STORE_COUNT } Store;

typedef struct StartKind {
    const char *name;
    ferry_policy policy;
    unsigned without;
    Store store;
    bool is_libffi;
} StartKind;

static const StartKind kinds[] = {
    {.name = "libffi", FERRY_NEVER, WITHOUT_ALL, NO_CACHE, .is_libffi = true},
    {.name = "warm_cache", FERRY_BACKGROUND, FERRY_SOURCE_BUNDLES, WARM_CACHE},
    {.name = "warm_cache_alone", FERRY_BACKGROUND, FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES, WARM_CACHE},
    {.name = "cold_cache", FERRY_BACKGROUND, FERRY_SOURCE_BUNDLES, EMPTY_CACHE},
    {.name = "prelude_alone", FERRY_NEVER, FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE, NO_CACHE},
    {.name = "background", FERRY_BACKGROUND, WITHOUT_ALL, NO_CACHE},
    {.name = "never", FERRY_NEVER, WITHOUT_ALL, NO_CACHE},
    {.name = "now", FERRY_NOW, WITHOUT_ALL, NO_CACHE},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0], KIND_LIBFFI = 0 };

/* Fills the cache for WARM_CACHE. Not measured. */
static const StartKind warm_kind = {"warm", FERRY_BACKGROUND, FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES, WARM_CACHE,
                                    false};

typedef struct Look {
    double real, cpu, rss, private_dirty;
} Look;

enum { LOOK_NUMBERS = 4 };

static double looking; /* nanoseconds that looking took, which are no part of the whole */

static Look look(void) {
    double begin = time_now();
    Look now = {.rss = memory_bytes("Rss:"), .private_dirty = memory_bytes("Private_Dirty:")};
    now.cpu = process_cpu();
    now.real = time_now();
    looking += now.real - begin;
    return now;
}

/* The clocks are read before memory is looked at when something ends, after it when something begins. */
static void add_since(Look *sum, const Look *begin) {
    double real = time_now(), cpu = process_cpu();
    Look end = look();
    sum->real += real - begin->real;
    sum->cpu += cpu - begin->cpu;
    sum->rss += end.rss - begin->rss;
    sum->private_dirty += end.private_dirty - begin->private_dirty;
}

enum {
    SEEN_BOUND,
    SEEN_COMPILED = SEEN_BOUND + LOOK_NUMBERS,
    SEEN_LLVM = SEEN_COMPILED + LOOK_NUMBERS,
    SEEN_BINDINGS,
    SEEN_SHAPES,
    SEEN_PRELUDE,
    SEEN_CACHE,
    SEEN_MADE,
    SEEN_WITHOUT,
    SEEN_WRITTEN,
    SEEN_ENGINE, /* nanoseconds for making the engine, part of the others */
    SEEN_WHOLE,
    SEEN_COUNT
};

static void note_look(double *numbers, const Look *seen) {
    numbers[0] = seen->real;
    numbers[1] = seen->cpu;
    numbers[2] = seen->rss;
    numbers[3] = seen->private_dirty;
}

static bool bind_all(const Functions *functions) {
    for (size_t k = 0; k < functions->count; k++) {
        ferry_error error = {0};
        if (ferry_bind(functions->engine, functions->signatures[k], functions->addresses[k], NULL, &error) != NULL)
            continue;
        fprintf(stderr, "ferry-bench: function %zu cannot be bound: %s\n", k, error.message);
        return false;
    }
    return true;
}

static bool bind_with_ferry(const Functions *functions, Look *sum, double *seen) {
    ferry_error error = {0};
    Look begin = look();
    bool done = bind_all(functions);
    seen[SEEN_WHOLE] = time_now() - looking;
    add_since(sum, &begin);
    note_look(seen + SEEN_BOUND, sum);
    begin = look();
    if (done && ferry_engine_wait(functions->engine, UINT64_MAX, &error) != FERRY_OK) {
        fprintf(stderr, "ferry-bench: waiting: %s\n", error.message);
        done = false;
    }
    add_since(sum, &begin);
    note_look(seen + SEEN_COMPILED, sum);
    return done;
}

static bool prepare_all(const Functions *functions, ffi_type **const *types) {
    static ffi_cif *cifs[MOST_FUNCTIONS];
    for (size_t k = 0; k < functions->count; k++) {
        unsigned count = (unsigned)ferry_signature_count(functions->signatures[k]);
        ffi_cif *cif = cifs[k] = malloc(sizeof *cif);
        if (cif == NULL || ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, types[k][count], types[k]) != FFI_OK) return false;
    }
    return true;
}

static bool bind_with_libffi(const Functions *functions, double *seen) {
    static ffi_type **types[MOST_FUNCTIONS];
    Look sum = {0};
    for (size_t k = 0; k < functions->count; k++)
        if ((types[k] = ffi_types_of(functions->engine, functions->signatures[k])) == NULL) return false;
    Look begin = look();
    bool done = prepare_all(functions, types);
    seen[SEEN_WHOLE] = time_now() - looking;
    add_since(&sum, &begin);
    note_look(seen + SEEN_BOUND, &sum);
    return done;
}

static void note_statistics(const Functions *functions, double *seen) {
    ferry_statistics statistics;
    ferry_engine_statistics(functions->engine, &statistics);
    seen[SEEN_LLVM] = memory_maps("libLLVM");
    seen[SEEN_BINDINGS] = (double)functions->count;
    seen[SEEN_SHAPES] = (double)statistics.shapes;
    seen[SEEN_PRELUDE] = (double)statistics.from_prelude;
    seen[SEEN_CACHE] = (double)statistics.from_cache;
    seen[SEEN_MADE] = (double)statistics.compiled;
    seen[SEEN_WITHOUT] = (double)statistics.without_code;
}

static int run_kind(const StartKind *kind, const Birth *birth) {
    static Functions functions;
    double seen[SEEN_COUNT] = {0};
    ferry_error error = {0};
    Look sum = {0};
    ferry_engine_options options = {.policy = kind->policy, .without = kind->without};
    if (kind->store != NO_CACHE) options.cache_folder = birth->path;
    Look begin = look();
    ferry_engine *engine = ferry_engine_create(&options, &error);
    add_since(&sum, &begin);
    seen[SEEN_ENGINE] = sum.real;
    if (engine == NULL || !functions_read(&functions, engine)) return EXIT_FAILURE;
    bool done = kind->is_libffi ? bind_with_libffi(&functions, seen) : bind_with_ferry(&functions, &sum, seen);
    if (!done) return EXIT_FAILURE;
    seen[SEEN_WHOLE] -= child_exec(birth);
    note_statistics(&functions, seen);
    return child_answer(seen, SEEN_COUNT);
}

/* The bindings are freed here, since the engine must be: the thread that writes to the cache ends with it. */
static int run_warm(const Birth *birth) {
    static Functions functions;
    ferry_error error = {0};
    ferry_statistics statistics;
    ferry_engine_options options = {
        .policy = warm_kind.policy, .without = warm_kind.without, .cache_folder = birth->path};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL || !functions_read(&functions, engine) ||
        ferry_prepare(engine, functions.signatures, functions.count, NULL, &error) != FERRY_OK ||
        ferry_engine_wait(engine, UINT64_MAX, &error) != FERRY_OK) {
        fprintf(stderr, "ferry-bench: the cache cannot be filled: %s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_engine_statistics(engine, &statistics);
    if (statistics.cache_error[0] != 0) fprintf(stderr, "ferry-bench: %s\n", statistics.cache_error);
    ferry_scope_free(functions.scope);
    if (ferry_engine_free(engine, &error) != FERRY_OK) return EXIT_FAILURE;
    return child_answer(&(double){(double)statistics.cache_written}, 1);
}

int startup_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "startup");
    if (name == NULL) return -1;
    if (strcmp(name, warm_kind.name) == 0) return run_warm(birth);
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k], birth);
    return -1;
}

/* ---- the parent ---- */

enum { STAGE_BOUND, STAGE_COMPILED, STAGE_WHOLE, STAGE_COUNT };

static const char *const stage_names[STAGE_COUNT] = {"bound", "compiled", "from_exec"};

typedef struct Work {
    Rounds rounds;
    Folder warm;
    double rss[KIND_COUNT][STAGE_COUNT][MOST_ROUNDS], private_dirty[KIND_COUNT][STAGE_COUNT][MOST_ROUNDS];
    double last[KIND_COUNT][SEEN_COUNT];
} Work;

static bool run_child(Work *work, size_t kind, double *seen) {
    Folder empty = {0};
    if (kinds[kind].store != EMPTY_CACHE) return rounds_child(&work->rounds, kind, work->warm.path, seen, SEEN_COUNT);
    if (!folder_make(&empty)) return false;
    bool done = rounds_child(&work->rounds, kind, empty.path, seen, SEEN_COUNT);
    folder_remove(&empty);
    return done;
}

static void measure_once(void *context, size_t kind, size_t round) {
    Work *work = context;
    double *seen = work->last[kind];
    if (!run_child(work, kind, seen)) return;
    for (size_t stage = STAGE_BOUND; stage <= STAGE_COMPILED; stage++) {
        const double *at = seen + (stage == STAGE_BOUND ? SEEN_BOUND : SEEN_COMPILED);
        measure_sample(work->rounds.measures[kind][stage], round, (Clock){0, 0}, (Clock){at[0], at[1]}, 1);
        work->rss[kind][stage][round] = at[2];
        work->private_dirty[kind][stage][round] = at[3];
    }
    double whole = seen[SEEN_WHOLE];
    measure_sample(work->rounds.measures[kind][STAGE_WHOLE], round, (Clock){0, 0}, (Clock){whole, whole}, 1);
}

static void count_ratio(const Work *work, size_t kind, size_t stage) {
    Measure *measure = work->rounds.measures[kind][stage];
    const Measure *libffi = work->rounds.measures[KIND_LIBFFI][stage];
    if (kind != KIND_LIBFFI && libffi->count != 0)
        measure_count(measure, "to_libffi", median_ratio(measure->real, libffi->real, measure->count));
}

static void count_memory(const Work *work, size_t kind, size_t stage) {
    Measure *measure = work->rounds.measures[kind][stage];
    measure_count(measure, "cpu_us", median_of(measure->cpu, measure->count) / 1e3);
    measure_count(measure, "rss_bytes", median_of(work->rss[kind][stage], measure->count));
    measure_count(measure, "private_bytes", median_of(work->private_dirty[kind][stage], measure->count));
}

static void count_sources(Measure *measure, const double *seen) {
    measure_count(measure, "libllvm_mapped", seen[SEEN_LLVM]);
    measure_count(measure, "shapes", seen[SEEN_SHAPES]);
    measure_count(measure, "from_prelude", seen[SEEN_PRELUDE]);
    measure_count(measure, "from_cache", seen[SEEN_CACHE]);
    measure_count(measure, "made", seen[SEEN_MADE]);
    measure_count(measure, "without_code", seen[SEEN_WITHOUT]);
}

static void report_stage(Work *work, size_t kind, size_t stage) {
    Measure *measure = work->rounds.measures[kind][stage];
    const double *seen = work->last[kind];
    if (stage == STAGE_COMPILED && kind == KIND_LIBFFI) measure->count = 0; /* there is no such stage */
    if (measure->count == 0) return;
    if (stage != STAGE_COMPILED) count_ratio(work, kind, stage);
    if (stage != STAGE_WHOLE) count_memory(work, kind, stage);
    if (stage == STAGE_BOUND) {
        measure_count(measure, "engine_us", seen[SEEN_ENGINE] / 1e3);
        measure_count(measure, "bindings", seen[SEEN_BINDINGS]);
    }
    if (stage == STAGE_COMPILED) count_sources(measure, seen);
    measure_done(measure, measure->real);
    report_measure(measure);
}

static bool add_measures(Rounds *rounds) {
    for (size_t k = 0; k < KIND_COUNT; k++) {
        rounds->names[k] = kinds[k].name;
        for (size_t stage = 0; stage < STAGE_COUNT; stage++) {
            Measure *measure =
                results_add(rounds->results, rounds->repetitions, "startup/%s_%s", kinds[k].name, stage_names[stage]);
            if (measure == NULL) return false;
            rounds->measures[k][stage] = measure;
        }
    }
    return true;
}

static bool fill_cache(Work *work) {
    double written = 0;
    if (!folder_make(&work->warm)) return false;
    if (child_run("startup_warm", work->warm.path, &written, 1) && written >= 1) return true;
    work->rounds.results->wrong = true;
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (kinds[k].store == WARM_CACHE) rounds_leave_out(&work->rounds, k, "nothing was written to the cache");
    return true;
}

bool startup_measure(Results *results, const Options *options) {
    static Work work;
    if (!wanted(options, "startup")) return true;
    report_heading("A fresh process that binds 500 functions: all bound, all code there, and from exec until all is "
                   "bound");
    work.rounds = (Rounds){results, "startup", .kinds = KIND_COUNT, .repetitions = options->quick ? 3 : 21};
    if (!functions_tell() || !add_measures(&work.rounds) || !fill_cache(&work)) return false;
    rounds_run(&work.rounds, measure_once, &work);
    folder_remove(&work.warm);
    for (size_t stage = 0; stage < STAGE_COUNT; stage++)
        for (size_t k = 0; k < KIND_COUNT; k++) report_stage(&work, k, stage);
    return true;
}
