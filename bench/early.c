/* early.c: how much is called in the first 100 ms of a process?
 *
 * A child makes its engine, binds the mix (mix.c), all of it, and calls one after the other, round and round, until
 * 100 ms have gone by since main. How many calls had returned 1, 2, 5, ... ms after main:
 *
 *   |main   engine, 40 bindings   |call call call ...        ...
 *   0                             1 ms      2 ms          5 ms        10 ms             100 ms
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static const double marks[] = {1, 2, 5, 10, 20, 50, 100};
static const char *const mark_names[] = {"calls_1_ms",  "calls_2_ms",  "calls_5_ms",  "calls_10_ms",
                                         "calls_20_ms", "calls_50_ms", "calls_100_ms"};
enum { MARKS = sizeof marks / sizeof marks[0], MOST_MIXES = 64 };

/* ---- the child ---- */

typedef struct EarlyKind {
    const char *name;
    ferry_policy policy;
    unsigned without;
    bool is_libffi;
} EarlyKind;

static const EarlyKind kinds[] = {
    {.name = "libffi", .is_libffi = true},
    {.name = "prelude", FERRY_BACKGROUND, FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE},
    {.name = "background", FERRY_BACKGROUND, WITHOUT_ALL},
    {.name = "after_100_calls", FERRY_AFTER_CALLS, WITHOUT_ALL},
    {.name = "now", FERRY_NOW, WITHOUT_ALL},
    {.name = "never", FERRY_NEVER, WITHOUT_ALL},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

enum { SEEN_WRONG, SEEN_CPU, SEEN_PRELUDE, SEEN_MADE, SEEN_CALLS, SEEN_COUNT = SEEN_CALLS + MARKS };

typedef struct Caller {
    const Mix *mix;
    MixFrame frame;
    ferry_binding *binding;
    ffi_cif cif;
    ffi_type **types;
} Caller;

static Caller callers[MOST_MIXES];

static const ferry_signature *signature_of(ferry_engine *engine, const Mix *mix) {
    ferry_error error = {0};
    const ferry_signature *signature = ferry_signature_parse(engine, mix->declaration, NULL, &error);
    if (signature == NULL) fprintf(stderr, "ferry-bench: %s: %s\n", mix->declaration, error.message);
    return signature;
}

static bool bind_with_ferry(ferry_engine *engine, Caller *caller) {
    ferry_error error = {0};
    const ferry_signature *signature = signature_of(engine, caller->mix);
    if (signature == NULL) return false;
    caller->binding = ferry_bind(engine, signature, caller->mix->function, NULL, &error);
    if (caller->binding == NULL) fprintf(stderr, "ferry-bench: %s: %s\n", caller->mix->declaration, error.message);
    return caller->binding != NULL;
}

/* The types come from a signature, too: libffi has no declarations. */
static bool bind_with_libffi(ferry_engine *engine, Caller *caller) {
    const ferry_signature *signature = signature_of(engine, caller->mix);
    unsigned count = (unsigned)caller->mix->count;
    caller->types = signature != NULL ? ffi_types_of(engine, signature) : NULL;
    return caller->types != NULL &&
           ffi_prep_cif(&caller->cif, FFI_DEFAULT_ABI, count, caller->types[count], caller->types) == FFI_OK;
}

static bool bind_all(ferry_engine *engine, bool is_libffi) {
    for (size_t k = 0; k < mix_count; k++) {
        callers[k].mix = &mixes[k];
        mix_fill(&mixes[k], &callers[k].frame);
        if (!(is_libffi ? bind_with_libffi : bind_with_ferry)(engine, &callers[k])) return false;
    }
    return true;
}

__attribute__((noinline)) static void call_with_ferry(void) {
    for (size_t k = 0; k < mix_count; k++)
        ferry_call(callers[k].binding, callers[k].frame.slots, callers[k].frame.result);
}

__attribute__((noinline)) static void call_with_libffi(void) {
    for (size_t k = 0; k < mix_count; k++)
        ffi_call(&callers[k].cif, callers[k].mix->function, callers[k].frame.result, callers[k].frame.pointers);
}

static size_t count_wrong(void) {
    size_t wrong = 0;
    for (size_t k = 0; k < mix_count; k++) wrong += !mix_check(callers[k].mix, &callers[k].frame);
    return wrong;
}

/* The clock is read once for each turn of the mix: 20 ns for 40 calls. A turn that ends after a mark came too late. */
static void call_on(void (*call_all)(void), double began, double *seen) {
    double calls = 0;
    for (size_t mark = 0; mark < MARKS; calls += (double)mix_count) {
        call_all();
        double now = time_now();
        for (; mark < MARKS && now >= began + marks[mark] * 1e6; mark++) seen[SEEN_CALLS + mark] = calls;
        if (calls == 0) seen[SEEN_WRONG] += (double)count_wrong();
    }
    call_all();
    seen[SEEN_WRONG] += (double)count_wrong();
}

static int run_kind(const EarlyKind *kind, const Birth *birth) {
    double seen[SEEN_COUNT] = {0};
    ferry_error error = {0};
    ferry_statistics statistics;
    ferry_engine_options options = {.policy = kind->policy, .without = kind->without};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL || !bind_all(engine, kind->is_libffi)) return EXIT_FAILURE;
    call_on(kind->is_libffi ? call_with_libffi : call_with_ferry, birth->main, seen);
    ferry_engine_statistics(engine, &statistics);
    seen[SEEN_CPU] = process_cpu();
    seen[SEEN_PRELUDE] = (double)statistics.from_prelude;
    seen[SEEN_MADE] = (double)statistics.compiled;
    return child_answer(seen, SEEN_COUNT);
}

int early_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "early");
    for (size_t k = 0; name != NULL && k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k], birth);
    return -1;
}

/* ---- the parent ---- */

typedef struct Work {
    Rounds rounds;
    double calls[KIND_COUNT][MARKS][MOST_ROUNDS];
    double last[KIND_COUNT][SEEN_COUNT];
} Work;

static void measure_once(void *context, size_t kind, size_t round) {
    Work *work = context;
    double *seen = work->last[kind];
    if (!rounds_child(&work->rounds, kind, NULL, seen, SEEN_COUNT)) return;
    if (seen[SEEN_WRONG] != 0) {
        report_progress_end();
        work->rounds.results->wrong = true;
        rounds_leave_out(&work->rounds, kind, "it has wrong results");
        return;
    }
    double calls = seen[SEEN_CALLS + MARKS - 1]; /* may be none on a machine that is busy */
    measure_sample(work->rounds.measures[kind][0], round, (Clock){0, 0},
                   (Clock){marks[MARKS - 1] * 1e6, seen[SEEN_CPU]}, calls > 1 ? (size_t)calls : 1);
    for (size_t mark = 0; mark < MARKS; mark++) work->calls[kind][mark][round] = seen[SEEN_CALLS + mark];
}

static void print_count(double count) {
    if (count >= 1e6)
        printf("%9.2fM", count / 1e6);
    else if (count >= 1e4)
        printf("%9.0fk", count / 1e3);
    else
        printf("%10.0f", count);
}

static void report_kind(Work *work, size_t kind) {
    Measure *measure = work->rounds.measures[kind][0];
    const double *seen = work->last[kind];
    if (measure->count == 0) return;
    printf("  %-18s", kinds[kind].name);
    for (size_t mark = 0; mark < MARKS; mark++) {
        double calls = median_of(work->calls[kind][mark], measure->count);
        measure_count(measure, mark_names[mark], calls);
        print_count(calls);
    }
    measure_count(measure, "calls_per_second",
                  median_of(work->calls[kind][MARKS - 1], measure->count) / (marks[MARKS - 1] / 1e3));
    measure_count(measure, "from_prelude", seen[SEEN_PRELUDE]);
    measure_count(measure, "made", seen[SEEN_MADE]);
    measure_done(measure, measure->real);
    printf("%9.0f%9.0f\n", seen[SEEN_PRELUDE], seen[SEEN_MADE]);
}

static void report_head(void) {
    printf("  %-18s", "ms since main");
    for (size_t mark = 0; mark < MARKS; mark++) printf("%10.0f", marks[mark]);
    printf("%9s%9s\n", "prelude", "made");
}

bool early_measure(Results *results, const Options *options) {
    static Work work;
    Rounds *rounds = &work.rounds;
    char heading[96];
    if (!wanted(options, "early")) return true;
    snprintf(heading, sizeof heading, "Calls in the first 100 ms of a process, %zu functions of as many shapes in turn",
             mix_count);
    report_heading(heading);
    *rounds = (Rounds){results, "early", .kinds = KIND_COUNT, .repetitions = options->quick ? 3 : 15};
    for (size_t k = 0; k < KIND_COUNT; k++) {
        rounds->names[k] = kinds[k].name;
        rounds->measures[k][0] = results_add(results, rounds->repetitions, "early/%s", kinds[k].name);
        if (rounds->measures[k][0] == NULL) return false;
    }
    rounds_run(rounds, measure_once, &work);
    report_head();
    for (size_t k = 0; k < KIND_COUNT; k++) report_kind(&work, k);
    return true;
}
