/* calls.c: how long does a call take?
 *
 * All variants of a row are measured in turns, in a new order each round, so that what disturbs the machine disturbs
 * all of them. What counts is the time on the CPU: another process that takes it away does not show. */
#include <stdlib.h>

#include "bench/bench.h"

typedef struct Turns {
    const Options *options;
    Results *results;
    RowResult *row;
    Variants *variants;
    size_t iterations[COLUMN_COUNT];
    size_t order[COLUMN_COUNT]; /* the columns that are measured */
    size_t count;
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

/* One turn of a variant that nothing has run yet must give the right result, or it is left out. */
static bool try_out(Turns *turns, Column column) {
    const Subject *subject = &turns->variants->subjects[column];
    row_poison(turns->variants->frame);
    subject->run(subject, 1);
    return check(turns, column);
}

static void sample(Turns *turns, Column column, size_t round) {
    const Subject *subject = &turns->variants->subjects[column];
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
        const Subject *subject = &turns->variants->subjects[column];
        if (subject->run == NULL || !try_out(turns, column)) continue;
        row->measures[column] = results_add(turns->results, turns->options->rounds, "%s/%s/%s", row->row->name,
                                            row->fill ? "fill" : "kept", column_names[column]);
        if (row->measures[column] == NULL) return false;
        turns->iterations[column] = harness_calibrate(subject, turns->options->sample_nanoseconds);
        turns->order[turns->count++] = column;
    }
    return true;
}

static void take_turns(Turns *turns) {
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (size_t round = 0; round < turns->options->rounds; round++) {
        report_progress(turns->row->row->name, round, turns->options->rounds);
        harness_shuffle(turns->order, turns->count, &seed);
        for (size_t k = 0; k < turns->count; k++) sample(turns, (Column)turns->order[k], round);
    }
    report_progress_end();
}

static void finish(Turns *turns) {
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        Measure *measure = turns->row->measures[column];
        if (measure == NULL) continue;
        measure_done(measure, measure->cpu);
        const ferry_binding *binding = turns->variants->bindings[column];
        if (binding == NULL) continue;
        ferry_binding_code(binding, &turns->row->code_bytes[column]);
        if (turns->row->code_bytes[column] != 0)
            measure_count(measure, "code_bytes", (double)turns->row->code_bytes[column]);
    }
}

static bool measure_row(Results *results, const Options *options, const Row *row, bool fill, const Engines *engines,
                        const TinyCC *tinycc) {
    Variants variants;
    if (!variants_make(&variants, row, fill, engines, tinycc)) return false;
    RowResult *result = &results->rows[results->row_count++];
    *result = (RowResult){.row = row, .fill = fill};
    Turns turns = {.options = options, .results = results, .row = result, .variants = &variants};
    bool done = set_up(&turns);
    if (done) {
        take_turns(&turns);
        finish(&turns);
        report_row(result);
        if (variants.why_not != NULL) report_note("ferry made no code here: %s", variants.why_not);
    }
    variants_free(&variants);
    return done;
}

static bool wants_any(const Options *options, const Row *row, int fill) {
    char name[96];
    if (fill && row_slots(row) == 0) return false; /* nothing to write */
    snprintf(name, sizeof name, "%s/%s", row->name, fill ? "fill" : "kept");
    return wanted(options, name);
}

static bool measure_rows(Results *results, const Options *options, const Engines *engines, const TinyCC *tinycc) {
    for (size_t k = 0; k < row_count; k++)
        for (int fill = 0; fill < 2; fill++) {
            if (!wants_any(options, &rows[k], fill)) continue;
            if (results->row_count == 0) report_table_head();
            if (!measure_row(results, options, &rows[k], fill, engines, tinycc)) return false;
        }
    return true;
}

bool calls_measure(Results *results, const Options *options) {
    Engines engines;
    results->rows = calloc(2 * row_count, sizeof *results->rows);
    if (results->rows == NULL || !engines_open(&engines, options->better)) return false;
    TinyCC *tinycc = tinycc_open();
    bool done = measure_rows(results, options, &engines, tinycc);
    ferry_statistics statistics;
    ferry_engine_statistics(engines.code, &statistics);
    snprintf(results->backend, sizeof results->backend, "%s", statistics.backend_version);
    snprintf(results->backend_error, sizeof results->backend_error, "%s", statistics.backend_error);
    tinycc_close(tinycc);
    engines_close(&engines);
    return done;
}
