/* tiers.c: what does a binding cost where its code is there already, and where it is not yet?
 *
 * In children, each with an engine of its own and the functions of the mix (mix.c), whose signatures are made before:
 *
 *   prelude, cache   new_shape: the first binding of a shape, whose code is found there; new_signature: of a signature
 *                    that is new, of a shape that has its code; known: of a signature that was bound before
 *   unknown          bind and call, no code anywhere, policy background; beside it ffi_prep_cif and ffi_call. first:
 *                    the first one in the process; cold: the others, while LLVM is being loaded; warm: after that
 *   in_place         from ferry_bind until the binding goes by machine code, which calls and looks at it in a loop;
 *                    cold: the first in the process; warm: later ones, one at a time
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/callees.h"

enum { MOST_MIXES = 64, KNOWN = 20000, NEW_SIGNATURES = 200, MOST_NUMBERS = 8 };

/* ---- the child ---- */

typedef struct Caller {
    const Mix *mix;
    MixFrame frame;
    const ferry_signature *signature;
    ferry_binding *binding;
    ffi_cif *cif;
    ffi_type **types;
} Caller;

static Caller callers[MOST_MIXES];

static bool complain(const char *what, const ferry_error *error) {
    fprintf(stderr, "ferry-bench: %s: %s\n", what, error->message);
    return false;
}

static bool make_callers(ferry_engine *engine) {
    for (size_t k = 0; k < mix_count; k++) {
        ferry_error error = {0};
        Caller *caller = &callers[k];
        caller->mix = &mixes[k];
        mix_fill(&mixes[k], &caller->frame);
        caller->signature = ferry_signature_parse(engine, mixes[k].declaration, NULL, &error);
        if (caller->signature == NULL) return complain(mixes[k].declaration, &error);
        caller->types = ffi_types_of(engine, caller->signature);
        caller->cif = calloc(1, sizeof *caller->cif);
        if (caller->types == NULL || caller->cif == NULL) return false;
    }
    return true;
}

static ferry_engine *open_engine(unsigned without, const char *path) {
    ferry_error error = {0};
    ferry_engine_options options = {.without = without};
    if (!(without & FERRY_SOURCE_CACHE)) options.cache_folder = path;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL) complain("no engine", &error);
    return engine != NULL && make_callers(engine) ? engine : NULL;
}

static bool bind(ferry_engine *engine, Caller *caller) {
    ferry_error error;
    caller->binding = ferry_bind(engine, caller->signature, caller->mix->function, NULL, &error);
    return caller->binding != NULL || complain(caller->mix->declaration, &error);
}

/* ---- code that is there ---- */

enum { HIT_NEW_SHAPE, HIT_NEW_SIGNATURE, HIT_KNOWN, HIT_COUNT_OF_SHAPES, HIT_NUMBERS };

/* Of those in the mix whose code is there; the others do not count. The last of them is returned. */
static const Caller *bind_new_shapes(ferry_engine *engine, ferry_tier tier, double *seen) {
    double samples[MOST_MIXES];
    size_t hits = 0;
    const Caller *last = NULL;
    for (size_t k = 0; k < mix_count; k++) {
        double begin = time_now();
        bool bound = bind(engine, &callers[k]);
        samples[hits] = time_now() - begin;
        if (!bound) return NULL;
        if (ferry_binding_tier(callers[k].binding) != tier) continue;
        hits++;
        last = &callers[k];
    }
    seen[HIT_NEW_SHAPE] = median_of(samples, hits);
    seen[HIT_COUNT_OF_SHAPES] = (double)hits;
    return last;
}

/* Pointers to different structs are different types, and all of one shape with long(long). */
static bool bind_new_signatures(ferry_engine *engine, ferry_tier tier, double *seen) {
    static const ferry_signature *signatures[NEW_SIGNATURES];
    double samples[NEW_SIGNATURES];
    ferry_error error = {0};
    for (size_t k = 0; k < NEW_SIGNATURES; k++) {
        char text[64];
        snprintf(text, sizeof text, "long f(struct s%zu *)", k);
        if ((signatures[k] = ferry_signature_parse(engine, text, NULL, &error)) == NULL) return complain(text, &error);
    }
    for (size_t k = 0; k < NEW_SIGNATURES; k++) {
        double begin = time_now();
        const ferry_binding *bound = ferry_bind(engine, signatures[k], (Function *)callee_long1, NULL, &error);
        samples[k] = time_now() - begin;
        if (bound == NULL || ferry_binding_tier(bound) != tier) return complain("a new signature", &error);
    }
    seen[HIT_NEW_SIGNATURE] = median_of(samples, NEW_SIGNATURES);
    return true;
}

/* All alive at once; twice, so that the system has given the memory before. */
static bool bind_known(ferry_engine *engine, const Caller *caller, double *seen) {
    static ferry_binding *known[KNOWN];
    ferry_error error;
    for (int round = 0; round < 2; round++) {
        double begin = time_now();
        for (size_t k = 0; k < KNOWN; k++) {
            known[k] = ferry_bind(engine, caller->signature, caller->mix->function, NULL, &error);
            if (known[k] == NULL) return complain(caller->mix->declaration, &error);
        }
        seen[HIT_KNOWN] = (time_now() - begin) / (double)KNOWN;
        for (size_t k = 0; k < KNOWN; k++) ferry_binding_free(known[k]);
    }
    return true;
}

static bool run_hits(unsigned without, ferry_tier tier, const char *path, double *seen) {
    ferry_engine *engine = open_engine(without, path);
    const Caller *last = engine != NULL ? bind_new_shapes(engine, tier, seen) : NULL;
    if (last == NULL) return false;
    ferry_call(last->binding, last->frame.slots, callers[last - callers].frame.result);
    return mix_check(last->mix, &callers[last - callers].frame) && bind_new_signatures(engine, tier, seen) &&
           bind_known(engine, last, seen);
}

static bool run_prelude(const char *path, double *seen) {
    return run_hits(FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE, FERRY_TIER_PRELUDE, path, seen);
}

static bool run_cache(const char *path, double *seen) {
    return run_hits(FERRY_SOURCE_BUNDLES | FERRY_SOURCE_PRELUDE, FERRY_TIER_CACHE, path, seen);
}

/* Fills the cache. */
static bool run_fill(const char *path, double *seen) {
    ferry_engine *engine = open_engine(FERRY_SOURCE_BUNDLES | FERRY_SOURCE_PRELUDE, path);
    const ferry_signature *signatures[MOST_MIXES];
    ferry_error error = {0};
    ferry_statistics statistics;
    for (size_t k = 0; k < mix_count; k++) signatures[k] = callers[k].signature;
    if (engine == NULL) return false;
    if (ferry_prepare(engine, signatures, mix_count, NULL, &error) != FERRY_OK ||
        ferry_engine_wait(engine, UINT64_MAX, &error) != FERRY_OK)
        return complain("the cache cannot be filled", &error);
    ferry_engine_statistics(engine, &statistics);
    seen[0] = (double)statistics.cache_written;
    return ferry_engine_free(engine, &error) == FERRY_OK;
}

/* ---- code that is not there ---- */

static bool first_call_by_ferry(ferry_engine *engine, Caller *caller, double *taken) {
    double begin = time_now();
    if (!bind(engine, caller)) return false;
    ferry_call(caller->binding, caller->frame.slots, caller->frame.result);
    *taken = time_now() - begin;
    return mix_check(caller->mix, &caller->frame);
}

static bool first_call_by_libffi(ferry_engine *engine, Caller *caller, double *taken) {
    unsigned count = (unsigned)caller->mix->count;
    (void)engine;
    double begin = time_now();
    if (ffi_prep_cif(caller->cif, FFI_DEFAULT_ABI, count, caller->types[count], caller->types) != FFI_OK) return false;
    ffi_call(caller->cif, caller->mix->function, caller->frame.result, caller->frame.pointers);
    *taken = time_now() - begin;
    return mix_check(caller->mix, &caller->frame);
}

enum { UNKNOWN_FERRY, UNKNOWN_LIBFFI, UNKNOWN_FIRST_FERRY, UNKNOWN_FIRST_LIBFFI, UNKNOWN_NUMBERS };

/* Who comes first changes from shape to shape: the second finds the function's code and its arguments in the caches. */
static bool call_unknown(ferry_engine *engine, double *seen) {
    double ferry[MOST_MIXES] = {0}, libffi[MOST_MIXES] = {0};
    for (size_t k = 0; k < mix_count; k++) {
        bool done = true;
        if (k % 2 == 0) done = first_call_by_ferry(engine, &callers[k], &ferry[k]);
        done = done && first_call_by_libffi(engine, &callers[k], &libffi[k]);
        if (k % 2 != 0) done = done && first_call_by_ferry(engine, &callers[k], &ferry[k]);
        if (!done) return complain(callers[k].mix->declaration, &(ferry_error){.message = "a call went wrong"});
    }
    seen[UNKNOWN_FERRY] = median_of(ferry + 1, mix_count - 1);
    seen[UNKNOWN_LIBFFI] = median_of(libffi + 1, mix_count - 1);
    seen[UNKNOWN_FIRST_FERRY] = ferry[0];
    seen[UNKNOWN_FIRST_LIBFFI] = libffi[0];
    return true;
}

static bool run_unknown_cold(const char *path, double *seen) {
    ferry_engine *engine = open_engine(WITHOUT_ALL, path);
    return engine != NULL && call_unknown(engine, seen);
}

static bool run_unknown_warm(const char *path, double *seen) {
    ferry_error error = {0};
    ferry_engine *engine = open_engine(WITHOUT_ALL, path);
    const ferry_signature *other =
        engine != NULL ? ferry_signature_parse(engine, "float f(double, float, long, char)", NULL, &error) : NULL;
    const ferry_binding *binding =
        other != NULL ? ferry_bind(engine, other, (Function *)callee_none, NULL, &error) : NULL;
    if (binding == NULL || ferry_engine_wait(engine, UINT64_MAX, &error) != FERRY_OK)
        return complain("warming up", &error);
    return call_unknown(engine, seen);
}

/* ---- until it is there ---- */

enum { PLACE_COLD, PLACE_WARM, PLACE_WARM_MOST, PLACE_LOAD, PLACE_NUMBERS };

static bool time_in_place(ferry_engine *engine, Caller *caller, double *taken) {
    static const double patience = 10e9;
    double begin = time_now();
    if (!bind(engine, caller)) return false;
    do {
        ferry_call(caller->binding, caller->frame.slots, caller->frame.result);
        if (!mix_check(caller->mix, &caller->frame)) return false;
        *taken = time_now() - begin;
        sched_yield();
    } while (ferry_binding_tier(caller->binding) < FERRY_TIER_QUICK && *taken < patience);
    return *taken < patience;
}

static bool run_in_place(const char *path, double *seen) {
    double warm[MOST_MIXES] = {0};
    ferry_statistics statistics;
    ferry_engine *engine = open_engine(WITHOUT_ALL, path);
    for (size_t k = 0; k < mix_count; k++)
        if (engine == NULL || !time_in_place(engine, &callers[k], &warm[k])) return false;
    ferry_engine_statistics(engine, &statistics);
    Summary later = summarize(warm + 1, mix_count - 1);
    seen[PLACE_COLD] = warm[0];
    seen[PLACE_WARM] = later.median;
    seen[PLACE_WARM_MOST] = later.high;
    seen[PLACE_LOAD] = (double)statistics.load_nanoseconds;
    return true;
}

/* ---- what is run, and what is told of it ---- */

typedef struct TierKind {
    const char *name;
    bool (*run)(const char *path, double *seen);
    size_t numbers;
} TierKind;

enum { KIND_PRELUDE, KIND_CACHE, KIND_UNKNOWN_COLD, KIND_UNKNOWN_WARM, KIND_IN_PLACE, KIND_COUNT };

static const TierKind kinds[KIND_COUNT] = {
    [KIND_PRELUDE] = {"prelude", run_prelude, HIT_NUMBERS},
    [KIND_CACHE] = {"cache", run_cache, HIT_NUMBERS},
    [KIND_UNKNOWN_COLD] = {"unknown_cold", run_unknown_cold, UNKNOWN_NUMBERS},
    [KIND_UNKNOWN_WARM] = {"unknown_warm", run_unknown_warm, UNKNOWN_NUMBERS},
    [KIND_IN_PLACE] = {"in_place", run_in_place, PLACE_NUMBERS},
};
static const TierKind fill_kind = {"fill", run_fill, 1};

/* Of a kind's numbers the first few, in this order; libffi's side stands before what is compared with it. */
static const struct Figure {
    const char *name;
    size_t kind, number;
    bool to_libffi; /* compared with the figure before it */
} figures[] = {
    {"prelude_new_shape", KIND_PRELUDE, HIT_NEW_SHAPE, false},
    {"prelude_new_signature", KIND_PRELUDE, HIT_NEW_SIGNATURE, false},
    {"prelude_known", KIND_PRELUDE, HIT_KNOWN, false},
    {"cache_new_shape", KIND_CACHE, HIT_NEW_SHAPE, false},
    {"cache_new_signature", KIND_CACHE, HIT_NEW_SIGNATURE, false},
    {"cache_known", KIND_CACHE, HIT_KNOWN, false},
    {"unknown_first_libffi", KIND_UNKNOWN_COLD, UNKNOWN_FIRST_LIBFFI, false},
    {"unknown_first_ferry", KIND_UNKNOWN_COLD, UNKNOWN_FIRST_FERRY, true},
    {"unknown_cold_libffi", KIND_UNKNOWN_COLD, UNKNOWN_LIBFFI, false},
    {"unknown_cold_ferry", KIND_UNKNOWN_COLD, UNKNOWN_FERRY, true},
    {"unknown_warm_libffi", KIND_UNKNOWN_WARM, UNKNOWN_LIBFFI, false},
    {"unknown_warm_ferry", KIND_UNKNOWN_WARM, UNKNOWN_FERRY, true},
    {"in_place_cold", KIND_IN_PLACE, PLACE_COLD, false},
    {"in_place_warm", KIND_IN_PLACE, PLACE_WARM, false},
};
enum { FIGURE_COUNT = sizeof figures / sizeof figures[0] };

static int run_kind(const TierKind *kind, const Birth *birth) {
    double seen[MOST_NUMBERS] = {0};
    return kind->run(birth->path, seen) ? child_answer(seen, kind->numbers) : EXIT_FAILURE;
}

int tiers_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "tiers");
    if (name == NULL) return -1;
    if (strcmp(name, fill_kind.name) == 0) return run_kind(&fill_kind, birth);
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k], birth);
    return -1;
}

/* ---- the parent ---- */

typedef struct Work {
    Rounds rounds;
    Folder folder;
    double last[KIND_COUNT][MOST_NUMBERS];
} Work;

static Measure *figure_measure(const Work *work, size_t index) {
    return work->rounds.measures[figures[index].kind][figures[index].number];
}

static void measure_once(void *context, size_t kind, size_t round) {
    Work *work = context;
    double *seen = work->last[kind];
    if (!rounds_child(&work->rounds, kind, work->folder.path, seen, kinds[kind].numbers)) return;
    for (size_t k = 0; k < MOST_STAGES; k++) {
        Measure *measure = work->rounds.measures[kind][k];
        if (measure != NULL) measure_sample(measure, round, (Clock){0, 0}, (Clock){seen[k], seen[k]}, 1);
    }
}

static void report_figure(const Work *work, size_t index) {
    const struct Figure *figure = &figures[index];
    Measure *measure = figure_measure(work, index);
    const double *seen = work->last[figure->kind];
    if (measure->count == 0) return;
    if (figure->to_libffi)
        measure_count(measure, "to_libffi",
                      median_ratio(measure->real, figure_measure(work, index - 1)->real, measure->count));
    if (figure->kind <= KIND_CACHE && figure->number == HIT_NEW_SHAPE)
        measure_count(measure, "shapes", seen[HIT_COUNT_OF_SHAPES]);
    if (figure->kind == KIND_IN_PLACE && figure->number == PLACE_COLD)
        measure_count(measure, "load_us", seen[PLACE_LOAD] / 1e3);
    if (figure->kind == KIND_IN_PLACE && figure->number == PLACE_WARM)
        measure_count(measure, "upper_quartile_us", seen[PLACE_WARM_MOST] / 1e3);
    measure_done(measure, measure->real);
    report_measure(measure);
}

static bool fill_cache(Work *work) {
    double written = 0;
    if (!folder_make(&work->folder)) return false;
    if (child_run("tiers_fill", work->folder.path, &written, 1) && written >= 1) return true;
    work->rounds.results->wrong = true;
    rounds_leave_out(&work->rounds, KIND_CACHE, "nothing was written to the cache");
    return true;
}

bool tiers_measure(Results *results, const Options *options) {
    static Work work;
    Rounds *rounds = &work.rounds;
    if (!wanted(options, "tiers")) return true;
    report_heading("Bindings whose code is there, and bindings whose code is not");
    *rounds = (Rounds){results, "tiers", .kinds = KIND_COUNT, .repetitions = options->quick ? 3 : 21};
    for (size_t k = 0; k < KIND_COUNT; k++) rounds->names[k] = kinds[k].name;
    for (size_t k = 0; k < FIGURE_COUNT; k++) {
        Measure *measure = results_add(results, rounds->repetitions, "tiers/%s", figures[k].name);
        if (measure == NULL) return false;
        rounds->measures[figures[k].kind][figures[k].number] = measure;
    }
    if (!fill_cache(&work)) return false;
    rounds_run(rounds, measure_once, &work);
    folder_remove(&work.folder);
    for (size_t k = 0; k < FIGURE_COUNT; k++) report_figure(&work, k);
    return true;
}
