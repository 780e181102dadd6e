/* results.c: everything that was measured, in order. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static bool grow(Results *results) {
    if ((results->count & (results->count - 1)) != 0) return true; /* grown at powers of two */
    size_t room = results->count != 0 ? 2 * results->count : 1;
    Measure **moved = realloc(results->measures, room * sizeof *moved);
    if (moved == NULL) return false;
    results->measures = moved;
    return true;
}

static void release(Measure *measure) {
    if (measure == NULL) return;
    free(measure->real);
    free(measure->cpu);
    free(measure);
}

Measure *results_add(Results *results, size_t repetitions, const char *format, ...) {
    Measure *measure = calloc(1, sizeof *measure);
    if (measure != NULL) {
        measure->real = calloc(repetitions, sizeof *measure->real);
        measure->cpu = calloc(repetitions, sizeof *measure->cpu);
    }
    if (measure == NULL || measure->real == NULL || measure->cpu == NULL || !grow(results)) {
        fputs("ferry-bench: out of memory\n", stderr);
        release(measure);
        results->wrong = true;
        return NULL;
    }
    measure->count = repetitions;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(measure->name, sizeof measure->name, format, arguments);
    va_end(arguments);
    return results->measures[results->count++] = measure;
}

void measure_sample(Measure *measure, size_t index, Clock begin, Clock end, size_t iterations) {
    measure->iterations = iterations;
    measure->real[index] = (end.real - begin.real) / (double)iterations;
    measure->cpu[index] = (end.cpu - begin.cpu) / (double)iterations;
}

void measure_count(Measure *measure, const char *name, double value) {
    if (measure->counter_count == MOST_COUNTERS) return;
    measure->counters[measure->counter_count++] = (Counter){name, value};
}

void measure_done(Measure *measure, const double *samples) {
    measure->summary = summarize(samples, measure->count);
}

const Measure *results_find(const Results *results, const char *name) {
    for (size_t k = 0; k < results->count; k++)
        if (strcmp(results->measures[k]->name, name) == 0) return results->measures[k];
    return NULL;
}

double measure_counter(const Measure *measure, const char *name) {
    for (size_t k = 0; measure != NULL && k < measure->counter_count; k++)
        if (strcmp(measure->counters[k].name, name) == 0) return measure->counters[k].value;
    return NAN;
}

void results_free(Results *results) {
    for (size_t k = 0; k < results->count; k++) release(results->measures[k]);
    free(results->measures);
    free(results->rows);
    *results = (Results){0};
}

const Column limit_columns[LIMIT_COUNT][MAKER_COUNT] = {
    [LIMIT_SLOTS] = {COLUMN_GCC_SLOTS, COLUMN_CLANG_SLOTS},
    [LIMIT_POINTERS] = {COLUMN_GCC_POINTERS, COLUMN_CLANG_POINTERS},
    [LIMIT_UP_SLOTS] = {COLUMN_UP_GCC_SLOTS, COLUMN_UP_CLANG_SLOTS},
    [LIMIT_UP_SLOTS_ERRNO] = {COLUMN_UP_GCC_SLOTS_ERRNO, COLUMN_UP_CLANG_SLOTS_ERRNO},
    [LIMIT_UP_SLOTS_STATIC] = {COLUMN_UP_GCC_SLOTS_STATIC, COLUMN_UP_CLANG_SLOTS_STATIC},
    [LIMIT_UP_POINTERS] = {COLUMN_UP_GCC_POINTERS, COLUMN_UP_CLANG_POINTERS},
    [LIMIT_UP_POINTERS_ERRNO] = {COLUMN_UP_GCC_POINTERS_ERRNO, COLUMN_UP_CLANG_POINTERS_ERRNO},
};

/* Like with like: who keeps errno with who keeps errno. What is written by hand otherwise, and everything that is no
 * ferry's code, with the plain one for slots. */
Limit column_limit(Column column) {
    switch (column) {
    case COLUMN_GCC_POINTERS:
    case COLUMN_CLANG_POINTERS:
    case COLUMN_POINTERS:
    case COLUMN_POINTERS_BOUND: return LIMIT_POINTERS;
    case COLUMN_UP_SLOTS: return LIMIT_UP_SLOTS_ERRNO;
    case COLUMN_UP_GCC_POINTERS:
    case COLUMN_UP_CLANG_POINTERS:
    case COLUMN_UP_GCC_POINTERS_ERRNO:
    case COLUMN_UP_CLANG_POINTERS_ERRNO:
    case COLUMN_UP_POINTERS_HANDLER_ERRNO: return LIMIT_UP_POINTERS;
    case COLUMN_UP_POINTERS: return LIMIT_UP_POINTERS_ERRNO;
    default: return column < COLUMN_UP_NATIVE ? LIMIT_SLOTS : LIMIT_UP_SLOTS;
    }
}

const Measure *row_limit(const RowResult *result, Limit limit) {
    const Measure *gcc = result->measures[limit_columns[limit][MAKER_GCC]];
    const Measure *clang = result->measures[limit_columns[limit][MAKER_CLANG]];
    if (gcc == NULL || clang == NULL) return gcc != NULL ? gcc : clang;
    return clang->summary.median < gcc->summary.median ? clang : gcc;
}

double row_ratio_to(const RowResult *result, Column column, const Measure *other) {
    const Measure *measure = result->measures[column];
    if (measure == NULL || other == NULL || measure->count != other->count) return NAN;
    return median_ratio(measure->cpu, other->cpu, measure->count);
}

double row_ratio(const RowResult *result, Column column) {
    return row_ratio_to(result, column, row_limit(result, column_limit(column)));
}
