/* closures.c: what does it cost, in time and bytes, to make and release a closure? Against libffi's and a small malloc.
 *
 * A fresh process for each repetition makes 1,000,000 that are alive at once, calls each of them, releases all, and
 * makes and releases as many again:
 *
 *   create_fresh      the first round: the system gives memory, page by page, when it is first touched
 *   create, release   the second round: the memory is there
 *   recycle           one is made and released, over and over
 *   recycle_of_1000   one of 1,000 is released and made anew, chosen at random
 *
 * bytes: of memory for each, by what is resident more after the first round; mappings: how many more.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { COUNT = 1000000, ALIVE = 1000, CHOICES = 1 << 16 };
static const double each = COUNT;

typedef struct Ground {
    ferry_engine *engine;
    const ferry_signature *signature;
    ffi_cif cif;
    ffi_type *parameters[1];
    void **items; /* COUNT: closures, or blocks */
    void **codes; /* libffi's */
    uint16_t *choices;
    size_t wrong;
} Ground;

/* ---- three kinds ---- */

/* Adds its number: each closure is told from all others. */
static void add_context(void *context, void *arguments, void *result) {
    *(long *)result = *(const long *)arguments + (long)(intptr_t)context;
}

static void add_context_ffi(ffi_cif *cif, void *result, void **arguments, void *context) {
    (void)cif;
    *(long *)result = *(const long *)arguments[0] + (long)(intptr_t)context;
}

static void *number(size_t index) {
    return (void *)(uintptr_t)index; /* NOLINT(performance-no-int-to-ptr) */
}

static inline bool make_ferry(Ground *ground, size_t index) {
    ground->items[index] =
        ferry_closure_create(ground->engine, ground->signature, add_context, number(index), NULL, NULL);
    return ground->items[index] != NULL;
}

static inline bool drop_ferry(Ground *ground, size_t index) {
    return ferry_closure_release(ground->items[index], NULL) == FERRY_OK;
}

static inline bool make_ffi(Ground *ground, size_t index) {
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    ground->items[index] = closure;
    ground->codes[index] = code;
    return closure != NULL &&
           ffi_prep_closure_loc(closure, &ground->cif, add_context_ffi, number(index), code) == FFI_OK;
}

static inline bool drop_ffi(Ground *ground, size_t index) {
    ffi_closure_free(ground->items[index]);
    return true;
}

/* With the words that a VM would write there. */
static inline bool make_block(Ground *ground, size_t index) {
    void *volatile *block = malloc(64);
    ground->items[index] = (void *)block;
    if (block == NULL) return false;
    block[0] = block[1] = block[2] = ground;
    return true;
}

static inline bool drop_block(Ground *ground, size_t index) {
    free(ground->items[index]);
    return true;
}

static long call(void *code) {
    long (*function)(long);
    memcpy(&function, &code, sizeof function);
    return function(1);
}

static void call_ferry(Ground *ground) {
    for (size_t k = 0; k < COUNT; k++) {
        void (*code)(void) = ferry_closure_code(ground->items[k]);
        if (code == NULL || ((long (*)(long))code)(1) != (long)k + 1) ground->wrong++;
    }
}

static void call_ffi(Ground *ground) {
    for (size_t k = 0; k < COUNT; k++)
        if (call(ground->codes[k]) != (long)k + 1) ground->wrong++;
}

static void call_none(Ground *ground) {
    (void)ground;
}

/* ---- the child ---- */

typedef enum Figure { CREATE_FRESH, CREATE, RELEASE, RECYCLE, RECYCLE_OF_1000, FIGURE_COUNT } Figure;

static const char *const figure_names[FIGURE_COUNT] = {"create_fresh", "create", "release", "recycle",
                                                       "recycle_of_1000"};

enum { COUNTERS = 4, NUMBERS = 2 * FIGURE_COUNT + COUNTERS };

static const char *const counter_names[COUNTERS] = {"bytes", "called_bytes", "mappings", "called_wrong"};

static double mapping_count(void) {
    double lines = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    if (file == NULL) return 0;
    for (int byte; (byte = getc(file)) != EOF;) lines += byte == '\n';
    fclose(file);
    return lines;
}

static void time_of(double *numbers, Figure figure, Clock begin, Clock end) {
    numbers[2 * figure] = (end.real - begin.real) / each;
    numbers[2 * figure + 1] = (end.cpu - begin.cpu) / each;
}

typedef bool Step(Ground *ground, size_t index);

/* Inlined for each kind, so that no call through a pointer is measured with it. */
__attribute__((always_inline)) static inline bool make_and_drop(Ground *ground, double *numbers, Figure figure,
                                                                Step *make, Step *drop, void (*call_all)(Ground *)) {
    double rss = memory_bytes("Rss:"), pss = memory_bytes("Pss:"), mappings = mapping_count();
    bool done = true;
    Clock begin = clock_now();
    for (size_t k = 0; k < COUNT; k++) done = make(ground, k) && done;
    time_of(numbers, figure, begin, clock_now());
    if (!done) return false;
    if (figure == CREATE_FRESH) {
        double *counters = numbers + 2 * FIGURE_COUNT;
        counters[0] = (memory_bytes("Rss:") - rss) / each;
        counters[2] = mapping_count() - mappings;
        call_all(ground);
        counters[1] = (memory_bytes("Pss:") - pss) / each;
        counters[3] = (double)ground->wrong;
    }
    begin = clock_now();
    for (size_t k = 0; k < COUNT; k++) done = drop(ground, k) && done;
    time_of(numbers, RELEASE, begin, clock_now());
    return done;
}

__attribute__((always_inline)) static inline bool recycle(Ground *ground, double *numbers, Step *make, Step *drop) {
    bool done = true;
    Clock begin = clock_now();
    for (size_t k = 0; k < COUNT; k++) done = make(ground, 0) && drop(ground, 0) && done;
    time_of(numbers, RECYCLE, begin, clock_now());
    for (size_t k = 0; k < ALIVE; k++) done = make(ground, k) && done;
    begin = clock_now();
    for (size_t k = 0; k < COUNT; k++) {
        size_t index = ground->choices[k % CHOICES];
        done = drop(ground, index) && make(ground, index) && done;
    }
    time_of(numbers, RECYCLE_OF_1000, begin, clock_now());
    for (size_t k = 0; k < ALIVE; k++) done = drop(ground, k) && done;
    return done;
}

#define MEASURE(name, make, drop, call_all)                                                                            \
    static bool measure_##name(Ground *ground, double *numbers) {                                                      \
        return make_and_drop(ground, numbers, CREATE_FRESH, make, drop, call_all) &&                                   \
               make_and_drop(ground, numbers, CREATE, make, drop, call_all) && recycle(ground, numbers, make, drop);   \
    }
MEASURE(ferry, make_ferry, drop_ferry, call_ferry)
MEASURE(libffi, make_ffi, drop_ffi, call_ffi)
MEASURE(malloc, make_block, drop_block, call_none)

static const struct Kind {
    const char *name;
    bool (*measure)(Ground *ground, double *numbers);
} kinds[] = {{"ferry", measure_ferry}, {"libffi", measure_libffi}, {"malloc_64", measure_malloc}};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* Memory of the measurement's own: all of it is touched before anything is looked at. */
static bool make_room(Ground *ground) {
    uint64_t seed = 0x2545f4914f6cdd1d;
    ground->items = malloc(COUNT * sizeof *ground->items);
    ground->codes = malloc(COUNT * sizeof *ground->codes);
    ground->choices = malloc(CHOICES * sizeof *ground->choices);
    if (ground->items == NULL || ground->codes == NULL || ground->choices == NULL) return false;
    memset(ground->items, 1, COUNT * sizeof *ground->items);
    memset(ground->codes, 1, COUNT * sizeof *ground->codes);
    for (size_t k = 0; k < CHOICES; k++) ground->choices[k] = (uint16_t)(next_random(&seed) % ALIVE);
    return true;
}

/* One closure of each is made before: opening LLVM and the first compile belong to no closure. */
static bool open_ground(Ground *ground) {
    ferry_error error = {0};
    ground->parameters[0] = &ffi_type_slong;
    if (!make_room(ground) ||
        ffi_prep_cif(&ground->cif, FFI_DEFAULT_ABI, 1, &ffi_type_slong, ground->parameters) != FFI_OK)
        return false;
    const ferry_engine_options options = {.policy = FERRY_NOW, .without = WITHOUT_ALL};
    ground->engine = ferry_engine_create(&options, &error);
    if (ground->engine != NULL) ground->signature = ferry_signature_parse(ground->engine, "long f(long)", NULL, &error);
    if (ground->signature == NULL) return false;
    bool made = make_ferry(ground, 0) && ferry_closure_path(ground->items[0]) == FERRY_PATH_CODE;
    return made && drop_ferry(ground, 0) && make_ffi(ground, 0) && drop_ffi(ground, 0);
}

static void leave_ground(Ground *ground) {
    ferry_error error = {0};
    if (ferry_engine_free(ground->engine, &error) != FERRY_OK) fprintf(stderr, "ferry-bench: %s\n", error.message);
    free(ground->items);
    free(ground->codes);
    free(ground->choices);
}

static int run_kind(const struct Kind *kind) {
    Ground ground = {0};
    double numbers[NUMBERS] = {0};
    bool done = open_ground(&ground) && kind->measure(&ground, numbers);
    leave_ground(&ground);
    return done ? child_answer(numbers, NUMBERS) : EXIT_FAILURE;
}

int closures_child(const char *what, const Birth *birth) {
    const char *name = child_word(what, "closures");
    (void)birth;
    for (size_t k = 0; name != NULL && k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, name) == 0) return run_kind(&kinds[k]);
    return -1;
}

/* ---- the parent ---- */

static bool add_measures(Results *results, const Options *options, const struct Kind *kind, Measure **measures) {
    for (size_t k = 0; k < FIGURE_COUNT; k++) {
        measures[k] = results_add(results, options->quick ? 3 : 11, "closures/%s_%s", kind->name, figure_names[k]);
        if (measures[k] == NULL) return false;
    }
    return true;
}

static void give_up(Results *results, const struct Kind *kind, Measure **measures) {
    report_progress_end();
    report_note("%s: not measured, the child process failed", kind->name);
    results->wrong = true;
    for (size_t k = 0; k < FIGURE_COUNT; k++) measures[k]->count = 0; /* nothing that could be written anywhere */
}

static void count_memory(Results *results, const struct Kind *kind, Measure *measure, double counters[COUNTERS][32]) {
    for (size_t k = 0; k < COUNTERS; k++) {
        double median = summarize(counters[k], measure->count).median;
        if (kind->measure == measure_malloc && strstr(counter_names[k], "called") != NULL) continue;
        measure_count(measure, counter_names[k], median);
        if (strcmp(counter_names[k], "called_wrong") == 0 && median != 0) results->wrong = true;
    }
}

static bool measure_kind(Results *results, const Options *options, const struct Kind *kind) {
    Measure *measures[FIGURE_COUNT];
    double counters[COUNTERS][32], numbers[NUMBERS];
    char what[64];
    snprintf(what, sizeof what, "closures_%s", kind->name);
    if (!add_measures(results, options, kind, measures)) return false;
    size_t repetitions = measures[0]->count;
    for (size_t k = 0; k < repetitions; k++) {
        report_progress(what, k, repetitions);
        if (!child_run(what, NULL, numbers, NUMBERS)) {
            give_up(results, kind, measures);
            return true;
        }
        for (size_t j = 0; j < FIGURE_COUNT; j++)
            measure_sample(measures[j], k, (Clock){0, 0},
                           (Clock){.real = numbers[2 * j] * each, .cpu = numbers[2 * j + 1] * each}, COUNT);
        for (size_t j = 0; j < COUNTERS; j++) counters[j][k] = numbers[2 * FIGURE_COUNT + j];
    }
    report_progress_end();
    count_memory(results, kind, measures[CREATE_FRESH], counters);
    for (size_t k = 0; k < FIGURE_COUNT; k++) {
        measure_done(measures[k], measures[k]->cpu);
        report_measure(measures[k]);
    }
    return true;
}

bool closures_measure(Results *results, const Options *options) {
    if (!wanted(options, "closures")) return true;
    report_heading("Closures: 1,000,000 alive at once, one signature (fresh: with the first touch of their memory)");
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (!measure_kind(results, options, &kinds[k])) return false;
    return true;
}
