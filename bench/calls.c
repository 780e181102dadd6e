/* calls.c: how long does a call take, from the VM to C and from C to the VM?
 *
 * All variants of a row are measured in turns, in a new order each round, so that what disturbs the machine disturbs
 * all of them. What counts is the time on the CPU: another process that takes it away does not show. */
#include <stdlib.h>

#include "bench/bench.h"

enum { BATCHES = 10 };

typedef struct Turns {
    const Options *options;
    Results *results;
    RowResult *row;
    Variants *variants;
    const Makers *makers;
    Area *area;
    size_t iterations[COLUMN_COUNT];
    size_t order[COLUMN_COUNT]; /* the columns that are measured */
    size_t count;
    uint64_t seed;
    const char *why_not;
    bool told[COLUMN_COUNT]; /* of a wrong result */
} Turns;

static bool check(Turns *turns, Column column) {
    char message[128];
    if (row_check(turns->row->row, turns->variants->frame, message, sizeof message)) return true;
    report_progress_end();
    if (!turns->told[column])
        fprintf(stderr, "ferry-bench: wrong result: %s through %s\n", message, column_names[column]);
    turns->told[column] = turns->results->wrong = true;
    return false;
}

/* Moves the code elsewhere, and lets the processor learn it before it is timed. */
static void place(Turns *turns, Column column, size_t iterations) {
    Subject *subject = &turns->variants->subjects[column];
    if (subject->code.size != 0) subject->entry = area_place(turns->area, subject->code);
    if (subject->cell != NULL)
        subject->entry = thunks_place(turns->makers->thunks, subject->entry, subject->cell, subject->cell_size);
    row_poison(turns->variants->frame);
    subject->run(subject, iterations);
}

/* One turn of a variant that nothing has run yet must give the right result, or it is left out. */
static bool try_out(Turns *turns, Column column) {
    place(turns, column, 1);
    return check(turns, column);
}

static void sample(Turns *turns, Column column, size_t round) {
    const Subject *subject = &turns->variants->subjects[column];
    place(turns, column, 100);
    row_poison(turns->variants->frame);
    Clock begin = clock_now();
    subject->run(subject, turns->iterations[column]);
    Clock end = clock_now();
    check(turns, column);
    measure_sample(turns->row->measures[column], round, begin, end, turns->iterations[column]);
}

static bool set_up(Turns *turns) {
    RowResult *row = turns->row;
    for (Column column = 0; column < COLUMN_COUNT; column++) {
        if (turns->variants->subjects[column].run == NULL || !try_out(turns, column)) continue;
        row->measures[column] = results_add(turns->results, turns->options->rounds, "%s/%s/%s", row->row->name,
                                            mode_names[row->mode], column_names[column]);
        if (row->measures[column] == NULL) return false;
        turns->iterations[column] =
            harness_calibrate(&turns->variants->subjects[column], turns->options->sample_nanoseconds);
        turns->order[turns->count++] = column;
        row->code_bytes[column] = turns->variants->subjects[column].code.size;
    }
    return true;
}

static void take_turns(Turns *turns, size_t from, size_t to) {
    for (size_t round = from; round < to; round++) {
        report_progress(turns->row->row->name, round, turns->options->rounds);
        harness_shuffle(turns->order, turns->count, &turns->seed);
        for (size_t k = 0; k < turns->count; k++) sample(turns, (Column)turns->order[k], round);
    }
    report_progress_end();
}

static void finish(RowResult *row) {
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        Measure *measure = row->measures[column];
        if (measure == NULL) continue;
        measure_done(measure, measure->cpu);
        if (row->code_bytes[column] != 0) measure_count(measure, "code_bytes", (double)row->code_bytes[column]);
    }
}

/* The rounds are spread over several batches, for each of which everything is made anew: bindings, bound code, memory.
 * A processor can settle in a state where one variant is slow for as long as nothing changes; it does not survive
 * the compiles between batches, and the median leaves it out. */
static bool measure_batches(Turns *turns) {
    size_t rounds = turns->options->rounds;
    size_t batches = rounds < BATCHES ? rounds : BATCHES;
    for (size_t batch = 0; batch < batches; batch++) {
        Variants variants;
        if (!variants_make(&variants, turns->row->row, turns->row->mode, turns->makers)) return false;
        turns->variants = &variants;
        bool ready = batch != 0 || set_up(turns);
        if (ready) take_turns(turns, batch * rounds / batches, (batch + 1) * rounds / batches);
        turns->why_not = variants.why_not; /* the engine's, which lives on */
        variants_free(&variants);
        if (!ready) return false;
    }
    return true;
}

static bool measure_row(Results *results, const Options *options, const Row *row, Mode mode, const Makers *makers,
                        Area *area) {
    RowResult *result = &results->rows[results->row_count++];
    *result = (RowResult){.row = row, .mode = mode};
    Turns turns = {
        .options = options, .results = results, .row = result, .makers = makers, .area = area, .seed = 20260101};
    if (!measure_batches(&turns)) return false;
    finish(result);
    report_row(result);
    if (turns.why_not != NULL) {
        report_note("ferry made no code here: %s", turns.why_not);
        results->wrong = true;
    }
    return true;
}

static bool wants(const Options *options, const Row *row, Mode mode) {
    char name[96];
    if (!row_has(row, mode)) return false;
    snprintf(name, sizeof name, "%s/%s", row->name, mode_names[mode]);
    return wanted(options, name);
}

static bool measure_table(Results *results, const Options *options, Mode from, Mode to, const Makers *makers,
                          Area *area) {
    bool begun = false;
    for (size_t k = 0; k < row_count; k++)
        for (Mode mode = from; mode <= to; mode++) {
            if (!wants(options, &rows[k], mode)) continue;
            if (!begun) report_table_head(mode);
            begun = true;
            if (!measure_row(results, options, &rows[k], mode, makers, area)) return false;
        }
    return true;
}

static void note_backend(Results *results, ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    snprintf(results->backend, sizeof results->backend, "%s", statistics.backend_version);
    snprintf(results->backend_error, sizeof results->backend_error, "%s", statistics.backend_error);
}

static bool measure_tables(Results *results, const Options *options, Makers *makers, Area *area) {
    if (!engines_open(&makers->engines, options->better)) return false;
    bool done = measure_table(results, options, MODE_KEPT, MODE_FILL, makers, area) &&
                measure_table(results, options, MODE_UPCALL, MODE_UPCALL, makers, area);
    note_backend(results, makers->engines.code);
    engines_close(&makers->engines);
    return done;
}

bool calls_measure(Results *results, const Options *options) {
    Area *area = area_open();
    Makers makers = {.tinycc = tinycc_open(), .thunks = thunks_open()};
    results->rows = calloc(MODE_COUNT * row_count, sizeof *results->rows);
    bool done = false;
    if (area == NULL)
        fputs("ferry-bench: the system gives no executable memory\n", stderr);
    else if (results->rows != NULL)
        done = measure_tables(results, options, &makers, area);
    thunks_close(makers.thunks);
    tinycc_close(makers.tinycc);
    area_close(area);
    return done;
}
