/* process.c: what does a fresh process pay for its first call?
 *
 * A child (child.c) does one thing: nothing, one call through libffi, or one through ferry, where the code comes from
 * one place alone. It prints
 *
 *   nanoseconds to the result on the clock, from exec and from main (from where it knows what it is to do)
 *   the same on the CPU, from main
 *   page faults, from main: there most of it goes. What one takes here (0.5 us on bare metal, in virtual machines up
 *   to 20 us) is measured by first touches of anonymous memory
 *   RSS; private memory that was written to; is libLLVM mapped?
 *
 * What a process pays before main, and its memory, is mostly this program's own (it is linked to more than ferry):
 * that is what `nothing` is for.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bench/bench.h"
#include "bench/callees.h"

#define DECLARATION "long f(long, long, long, long, long, long);"

typedef enum Place { NO_PLACE, IN_CACHE, IN_BUNDLE, PLACE_COUNT } Place;

typedef struct ChildKind {
    const char *name;
    bool (*first_call)(const struct ChildKind *kind, const char *path);
    ferry_policy policy;
    unsigned without;
    Place place;
    ferry_tier least, most; /* by which the first call goes */
} ChildKind;

/* ---- the child ---- */

static const long arguments[6] = {1, 2, 3, 4, 5, 6};
enum { RIGHT_RESULT = 51 };

static bool no_call(const ChildKind *kind, const char *path) {
    (void)kind, (void)path;
    return true;
}

static bool first_libffi_call(const ChildKind *kind, const char *path) {
    static ffi_cif cif;
    static ffi_type *parameters[6];
    void *pointers[6];
    long result = 0;
    (void)kind, (void)path;
    for (size_t k = 0; k < 6; k++) {
        parameters[k] = &ffi_type_slong;
        pointers[k] = (void *)(uintptr_t)&arguments[k];
    }
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 6, &ffi_type_slong, parameters) != FFI_OK) return false;
    ffi_call(&cif, (Function *)callee_long6, &result, pointers);
    return result == RIGHT_RESULT;
}

static ferry_engine *open_engine(const ChildKind *kind, const char *path, ferry_error *error) {
    ferry_engine_options options = {.policy = kind->policy, .without = kind->without};
    if (kind->place == IN_CACHE) options.cache_folder = path;
    ferry_engine *engine = ferry_engine_create(&options, error);
    if (engine != NULL && kind->place == IN_BUNDLE && ferry_engine_add_bundle(engine, path, error) != FERRY_OK)
        return NULL;
    return engine;
}

/* Nothing is freed: what the process holds while it works is what is looked at next. */
static ferry_binding *binding;

static bool first_ferry_call(const ChildKind *kind, const char *path) {
    ferry_error error = {0};
    long result = 0;
    ferry_engine *engine = open_engine(kind, path, &error);
    const ferry_signature *signature = engine != NULL ? ferry_signature_parse(engine, DECLARATION, NULL, &error) : NULL;
    if (signature != NULL) binding = ferry_bind(engine, signature, (Function *)callee_long6, NULL, &error);
    if (binding == NULL) {
        fprintf(stderr, "ferry-bench: %s: %s\n", kind->name, error.message);
        return false;
    }
    ferry_call(binding, arguments, &result);
    return result == RIGHT_RESULT;
}

enum {
    NOT_PRELUDE = FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE,
    NOT_BUNDLES = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_CACHE,
    NOT_CACHE = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES,
};

static const ChildKind kinds[] = {
    {.name = "nothing", no_call},
    {.name = "libffi", first_libffi_call},
    {"ferry_prelude", first_ferry_call, FERRY_BACKGROUND, NOT_PRELUDE, NO_PLACE, FERRY_TIER_PRELUDE,
     FERRY_TIER_PRELUDE},
    {"ferry_bundle", first_ferry_call, FERRY_BACKGROUND, NOT_BUNDLES, IN_BUNDLE, FERRY_TIER_BUNDLE, FERRY_TIER_BUNDLE},
    {"ferry_cache", first_ferry_call, FERRY_BACKGROUND, NOT_CACHE, IN_CACHE, FERRY_TIER_CACHE, FERRY_TIER_CACHE},
    {"ferry_background", first_ferry_call, FERRY_BACKGROUND, WITHOUT_ALL, NO_PLACE, FERRY_TIER_WAITING,
     FERRY_TIER_BETTER},
    {"ferry_never", first_ferry_call, FERRY_NEVER, WITHOUT_ALL, NO_PLACE, FERRY_TIER_LIBFFI, FERRY_TIER_LIBFFI},
    {"ferry_now", first_ferry_call, FERRY_NOW, WITHOUT_ALL, NO_PLACE, FERRY_TIER_QUICK, FERRY_TIER_BETTER},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* Fills the cache for IN_CACHE. Not measured. */
static const ChildKind warm_kind = {"warm",   first_ferry_call, FERRY_NOW,        NOT_CACHE,
                                    IN_CACHE, FERRY_TIER_CACHE, FERRY_TIER_BETTER};

static bool went_right(const ChildKind *kind) {
    if (kind->first_call != first_ferry_call) return true;
    ferry_tier tier = ferry_binding_tier(binding);
    bool right = tier >= kind->least && tier <= kind->most;
    if (!right) fprintf(stderr, "ferry-bench: %s: its call went by %s\n", kind->name, ferry_tier_text(tier));
    return right;
}

enum { SEEN_EXEC, SEEN_MAIN, SEEN_CPU, SEEN_FAULTS, SEEN_RSS, SEEN_PRIVATE, SEEN_LLVM, SEEN_TOUCH, SEEN_COUNT };

static double page_faults(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_minflt : 0;
}

/* Nanoseconds for one page. */
static double touch_pages(void) {
    enum { PAGES = 32, PAGE = 4096 };
    char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return 0;
    double begin = time_now();
    for (size_t k = 0; k < PAGES; k++) ((volatile char *)pages)[k * PAGE] = 1;
    return (time_now() - begin) / (double)PAGES;
}

static int run_kind(const ChildKind *kind, const Birth *birth) {
    double faults = page_faults(), cpu = clock_now().cpu;
    double begin = time_now();
    bool right = kind->first_call(kind, birth->path);
    double now = time_now();
    cpu = clock_now().cpu - cpu;
    faults = page_faults() - faults;
    /* What the engine's own thread does meanwhile is not looked at. */
    const double seen[SEEN_COUNT] = {
        now - child_exec(birth), now - begin,  cpu, faults, memory_bytes("Rss:"), memory_bytes("Private_Dirty:"),
        memory_maps("libLLVM"),  touch_pages()};
    if (!right || !went_right(kind)) return EXIT_FAILURE;
    return child_answer(seen, SEEN_COUNT);
}

static int run_warm(const Birth *birth) {
    ferry_error error = {0};
    ferry_statistics statistics;
    ferry_engine *engine = open_engine(&warm_kind, birth->path, &error);
    const ferry_signature *signature = engine != NULL ? ferry_signature_parse(engine, DECLARATION, NULL, &error) : NULL;
    if (signature == NULL || ferry_prepare(engine, &signature, 1, NULL, &error) != FERRY_OK ||
        ferry_engine_wait(engine, UINT64_MAX, &error) != FERRY_OK)
        return EXIT_FAILURE;
    ferry_engine_statistics(engine, &statistics);
    if (ferry_engine_free(engine, &error) != FERRY_OK) return EXIT_FAILURE;
    return child_answer(&(double){(double)statistics.cache_written}, 1);
}

int process_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "process");
    if (name == NULL) return -1;
    if (strcmp(name, warm_kind.name) == 0) return run_warm(birth);
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k], birth);
    return -1;
}

/* ---- the parent ---- */

enum { STAGE_MAIN, STAGE_EXEC }; /* what is measured from */
enum { KIND_NOTHING = 0 };

typedef struct Work {
    Rounds rounds;
    Folder folder;
    char bundle[512];
    double seen[KIND_COUNT][SEEN_COUNT][MOST_ROUNDS];
} Work;

static void measure_once(void *context, size_t kind, size_t round) {
    Work *work = context;
    const char *const paths[PLACE_COUNT] = {[IN_CACHE] = work->folder.path, [IN_BUNDLE] = work->bundle};
    double seen[SEEN_COUNT];
    if (!rounds_child(&work->rounds, kind, paths[kinds[kind].place], seen, SEEN_COUNT)) return;
    Clock none = {0, 0};
    Measure **measures = work->rounds.measures[kind];
    measure_sample(measures[STAGE_MAIN], round, none, (Clock){seen[SEEN_MAIN], seen[SEEN_CPU]}, 1);
    measure_sample(measures[STAGE_EXEC], round, none, (Clock){seen[SEEN_EXEC], seen[SEEN_CPU]}, 1);
    for (size_t k = 0; k < SEEN_COUNT; k++) work->seen[kind][k][round] = seen[k];
}

static double median_seen(const Work *work, size_t kind, size_t what) {
    return median_of(work->seen[kind][what], work->rounds.repetitions);
}

static void report_from_main(const Work *work, size_t kind) {
    Measure *measure = work->rounds.measures[kind][STAGE_MAIN];
    double rss = median_seen(work, kind, SEEN_RSS), private_dirty = median_seen(work, kind, SEEN_PRIVATE);
    if (measure->count == 0) return;
    measure_count(measure, "page_faults", median_seen(work, kind, SEEN_FAULTS));
    measure_count(measure, "rss_bytes", rss);
    measure_count(measure, "private_bytes", private_dirty);
    if (work->rounds.names[KIND_NOTHING] != NULL && kind != KIND_NOTHING) {
        measure_count(measure, "more_rss_bytes", rss - median_seen(work, KIND_NOTHING, SEEN_RSS));
        measure_count(measure, "more_private_bytes", private_dirty - median_seen(work, KIND_NOTHING, SEEN_PRIVATE));
    }
    measure_count(measure, "libllvm_mapped", median_seen(work, kind, SEEN_LLVM));
    if (kind == KIND_NOTHING) measure_count(measure, "ns_for_each_page_fault", median_seen(work, kind, SEEN_TOUCH));
    measure_done(measure, measure->real); /* who waits for a process waits for its disk too */
    report_measure(measure);
}

static void report_from_exec(const Work *work, size_t kind) {
    Measure *measure = work->rounds.measures[kind][STAGE_EXEC];
    if (measure->count == 0) return;
    measure_done(measure, measure->real);
    report_measure(measure);
}

static bool add_measures(Rounds *rounds) {
    for (size_t k = 0; k < KIND_COUNT; k++) {
        const char *name = rounds->names[k] = kinds[k].name;
        Measure **measures = rounds->measures[k];
        measures[STAGE_MAIN] = results_add(rounds->results, rounds->repetitions, "process/first_call_%s", name);
        measures[STAGE_EXEC] = results_add(rounds->results, rounds->repetitions, "process/from_exec_%s", name);
        if (measures[STAGE_MAIN] == NULL || measures[STAGE_EXEC] == NULL) return false;
    }
    return true;
}

static bool make_ready(Work *work) {
    double written = 0;
    if (!folder_make(&work->folder)) return false;
    bool warm = child_run("process_warm", work->folder.path, &written, 1) && written >= 1;
    bool bundle = bundle_make(&work->folder, DECLARATION "\n", work->bundle, sizeof work->bundle);
    for (size_t k = 0; k < KIND_COUNT; k++) {
        if (kinds[k].place == IN_BUNDLE && !bundle)
            rounds_leave_out(&work->rounds, k, "`ferry aot` or its linker is not there");
        if (kinds[k].place != IN_CACHE || warm) continue;
        work->rounds.results->wrong = true;
        rounds_leave_out(&work->rounds, k, "nothing was written to the cache");
    }
    return true;
}

bool process_measure(Results *results, const Options *options) {
    static Work work;
    if (!wanted(options, "process")) return true;
    report_heading("A fresh process: from main to its first call's result, and its memory then");
    work.rounds = (Rounds){results, "process", .kinds = KIND_COUNT, .repetitions = options->quick ? 7 : 31};
    if (!add_measures(&work.rounds) || !make_ready(&work)) return false;
    rounds_run(&work.rounds, measure_once, &work);
    folder_remove(&work.folder);
    for (size_t k = 0; k < KIND_COUNT; k++) report_from_main(&work, k);
    report_note("the same, from exec:");
    for (size_t k = 0; k < KIND_COUNT; k++) report_from_exec(&work, k);
    return true;
}
