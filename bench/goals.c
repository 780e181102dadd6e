/* goals.c: each goal that ferry set itself, whether this run meets it, and the figure. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench/bench.h"

static void verdict(bool met, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void verdict(bool met, const char *format, ...) {
    va_list arguments;
    printf("  %-8s", met ? "met" : "MISSED");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void unknown(const char *goal) {
    printf("  %-8s%s: not measured\n", "-", goal);
}

/* ---- goals of every row: how many reach it, and the one that is furthest away ---- */

typedef struct RowGoal {
    const char *text;
    double bound;
    bool at_most;                             /* else at least */
    double (*value)(const RowResult *result); /* NAN: this row does not count */
    const char *format;
    double (*limit)(const RowResult *result); /* what the limit itself reaches; NULL: does not apply */
} RowGoal;

static double slots_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_SLOTS);
}

static double bound_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_SLOTS_BOUND);
}

static double pointers_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_POINTERS);
}

static double times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_LIBFFI, result->measures[COLUMN_SLOTS]);
}

static double limit_times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_LIBFFI, row_limit(result, LIMIT_SLOTS));
}

static double up_slots_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_UP_SLOTS);
}

static double up_slots_handler_errno_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_UP_SLOTS_HANDLER_ERRNO);
}

static double up_pointers_ratio(const RowResult *result) {
    return row_ratio(result, COLUMN_UP_POINTERS);
}

static double up_times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_UP_LIBFFI, result->measures[COLUMN_UP_SLOTS]);
}

static double up_limit_times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_UP_LIBFFI, row_limit(result, LIMIT_UP_SLOTS_ERRNO));
}

static double up_pointers_times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_UP_LIBFFI, result->measures[COLUMN_UP_POINTERS]);
}

static double up_pointers_limit_times_faster(const RowResult *result) {
    return row_ratio_to(result, COLUMN_UP_LIBFFI, row_limit(result, LIMIT_UP_POINTERS_ERRNO));
}

static double scalar_code_bytes(const RowResult *result) {
    size_t bytes = result->code_bytes[COLUMN_SLOTS];
    return row_is_scalar(result->row) && bytes != 0 ? (double)bytes : NAN;
}

static const RowGoal row_goals[] = {
    {"slots within 5 % of the limit", 1.05, true, slots_ratio, "%.3f", NULL},
    {"slots, bound, within 5 % of the limit", 1.05, true, bound_ratio, "%.3f", NULL},
    {"pointers within 5 % of their limit", 1.05, true, pointers_ratio, "%.3f", NULL},
    {"slots at least 4 times as fast as ffi_call", 4, false, times_faster, "%.1f", limit_times_faster},
    {"code at most 160 bytes for up to 12 scalars", 160, true, scalar_code_bytes, "%.0f", NULL},
    {"upcalls to slots within 5 % of the limit", 1.05, true, up_slots_ratio, "%.3f", NULL},
    {"the same, errno left to the handler", 1.05, true, up_slots_handler_errno_ratio, "%.3f", NULL},
    {"upcalls to pointers within 5 % of their limit", 1.05, true, up_pointers_ratio, "%.3f", NULL},
    {"upcalls to slots at least 3 times as fast as libffi's", 3, false, up_times_faster, "%.1f", up_limit_times_faster},
    {"upcalls to pointers at least 3 times as fast as libffi's", 3, false, up_pointers_times_faster, "%.1f",
     up_pointers_limit_times_faster},
};

static void report_row_goal(const Results *results, const RowGoal *goal) {
    size_t counted = 0, reached = 0;
    const RowResult *worst = NULL;
    double worst_value = NAN;
    for (size_t k = 0; k < results->row_count; k++) {
        double value = goal->value(&results->rows[k]);
        if (isnan(value)) continue;
        counted++;
        if (goal->at_most ? value <= goal->bound : value >= goal->bound) reached++;
        if (worst != NULL && (goal->at_most ? value <= worst_value : value >= worst_value)) continue;
        worst = &results->rows[k];
        worst_value = value;
    }
    if (worst == NULL) {
        unknown(goal->text);
        return;
    }
    char figure[48];
    snprintf(figure, sizeof figure, goal->format, worst_value);
    if (goal->limit != NULL) {
        size_t length = strlen(figure);
        snprintf(figure + length, sizeof figure - length, " (the limit: %.1f)", goal->limit(worst));
    }
    verdict(reached == counted, "%s: %zu of %zu; worst %s, %s: %s", goal->text, reached, counted, worst->row->name,
            mode_names[worst->mode], figure);
}

/* ---- goals of one figure ---- */

typedef struct FigureGoal {
    const char *text;
    const char *measure;
    const char *counter; /* NULL: its time */
    double bound;        /* less than, or with `inclusive` at most */
    bool inclusive;
    double unit;
    const char *unit_name;
} FigureGoal;

static const FigureGoal figure_goals[] = {
    {"a further shape takes less than 256 bytes of the slab", "create/new_shape", "slab_bytes", 256, false, 1, "bytes"},
    {"a binding takes at most 64 bytes", "create/binding_of_known_shape", "bytes", 64, true, 1, "bytes"},
    {"a binding of a known shape in less than 65 ns", "create/binding_of_known_shape", NULL, 65, false, 1, "ns"},
    {"a new shape in less than 250 us", "create/new_shape", NULL, 250e3, false, 1e3, "us"},
    {"1,000 shapes in one batch in less than 80 ms", "create/batch_of_1000_shapes", NULL, 80e6, false, 1e6, "ms"},
    {"a process on the slow path never maps libLLVM", "process/first_call_ferry_never", "libllvm_mapped", 0, true, 1,
     "mappings"},
    {"prelude: a new process's first call in less than 100 us from main", "process/first_call_ferry_prelude", NULL,
     100e3, false, 1e3, "us"},
    {"the same, cache", "process/first_call_ferry_cache", NULL, 100e3, false, 1e3, "us"},
    {"the same, bundle", "process/first_call_ferry_bundle", NULL, 100e3, false, 1e3, "us"},
    {"prelude: libLLVM is not mapped", "process/first_call_ferry_prelude", "libllvm_mapped", 0, true, 1, "mappings"},
    {"the same, cache", "process/first_call_ferry_cache", "libllvm_mapped", 0, true, 1, "mappings"},
    {"prelude: less than 1 MiB more memory than an empty process", "process/first_call_ferry_prelude", "more_rss_bytes",
     1 << 20, false, 1024, "KiB"},
    {"the same, cache", "process/first_call_ferry_cache", "more_rss_bytes", 1 << 20, false, 1024, "KiB"},
    {"prelude: a binding in less than 100 ns", "tiers/prelude_known", NULL, 100, false, 1, "ns"},
    {"the same, cache", "tiers/cache_known", NULL, 100, false, 1, "ns"},
    {"unknown shape: bind and call at most 20 % over libffi's, LLVM loaded", "tiers/unknown_warm_ferry", "to_libffi",
     1.2, true, 1, "times"},
    {"the same, while LLVM is being loaded", "tiers/unknown_cold_ferry", "to_libffi", 1.2, true, 1, "times"},
    {"its fast code in place within 20 ms in a cold process", "tiers/in_place_cold", NULL, 20e6, true, 1e6, "ms"},
    {"the same, within 2 ms in a warm one", "tiers/in_place_warm", NULL, 2e6, true, 1e6, "ms"},
    {"500 functions bound within 2 ms with a warm cache", "startup/warm_cache_bound", NULL, 2e6, false, 1e6, "ms"},
    {"the same, without the prelude", "startup/warm_cache_alone_bound", NULL, 2e6, false, 1e6, "ms"},
    {"500 functions without a cache: at most 20 % over libffi's time", "startup/prelude_alone_bound", "to_libffi", 1.2,
     true, 1, "times"},
    {"the same, with a cache that is empty", "startup/cold_cache_bound", "to_libffi", 1.2, true, 1, "times"},
    {"the same, without prelude and cache", "startup/background_bound", "to_libffi", 1.2, true, 1, "times"},
    {"a closure in less than 30 ns", "closures/ferry_create", NULL, 30, false, 1, "ns"},
    {"the same, its memory given by the system for the first time", "closures/ferry_create_fresh", NULL, 30, false, 1,
     "ns"},
    {"a closure made and released in less than 20 ns, 1 alive", "closures/ferry_recycle", NULL, 20, false, 1, "ns"},
    {"the same, 1,000 alive in random order", "closures/ferry_recycle_of_1000", NULL, 20, false, 1, "ns"},
    {"a closure takes at most 64 bytes", "closures/ferry_create_fresh", "bytes", 64, true, 1, "bytes"},
    {"1,000,000 alive at once, each of them called", "closures/ferry_create_fresh", "called_wrong", 0, true, 1,
     "went wrong"},
};

static void report_figure_goal(const Results *results, const FigureGoal *goal) {
    const Measure *measure = results_find(results, goal->measure);
    double value = NAN;
    if (measure != NULL && measure->count != 0)
        value = goal->counter != NULL ? measure_counter(measure, goal->counter) : measure->summary.median;
    if (isnan(value)) {
        unknown(goal->text);
        return;
    }
    verdict(goal->inclusive ? value <= goal->bound : value < goal->bound, "%s: %.1f %s", goal->text, value / goal->unit,
            goal->unit_name);
}

void goals_report(const Results *results) {
    report_heading("Goals");
    for (size_t k = 0; k < sizeof row_goals / sizeof row_goals[0]; k++) report_row_goal(results, &row_goals[k]);
    for (size_t k = 0; k < sizeof figure_goals / sizeof figure_goals[0]; k++)
        report_figure_goal(results, &figure_goals[k]);
}
