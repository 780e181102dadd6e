/* report.c: the table, printed row by row while the bench runs. */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

/* ---- the tables of calls ---- */

/* A limit's cell is the better one of two columns. */
typedef struct Cell {
    const char *above, *title;
    Column column;
    bool is_limit;
    Limit limit;
} Cell;

enum { MOST_CELLS = 16 };

static const Cell downcall_cells[MOST_CELLS] = {
    {"", "direct", .column = COLUMN_DIRECT},       {"slots:", "limit", .is_limit = true, .limit = LIMIT_SLOTS},
    {"", "ferry", .column = COLUMN_SLOTS},         {"", "bound", .column = COLUMN_SLOTS_BOUND},
    {"", "TinyCC", .column = COLUMN_TINYCC},       {"pointers:", "limit", .is_limit = true, .limit = LIMIT_POINTERS},
    {"", "ferry", .column = COLUMN_POINTERS},      {"", "bound", .column = COLUMN_POINTERS_BOUND},
    {"slow path", "ferry", .column = COLUMN_SLOW}, {"", "libffi", .column = COLUMN_LIBFFI},
};

static const Cell upcall_cells[MOST_CELLS] = {
    {"", "native", .column = COLUMN_UP_NATIVE},
    {"slots:", "static", .is_limit = true, .limit = LIMIT_UP_SLOTS_STATIC},
    {"", "limit", .is_limit = true, .limit = LIMIT_UP_SLOTS},
    {"", "ferry", .column = COLUMN_UP_SLOTS_HANDLER_ERRNO},
    {"errno", "limit", .is_limit = true, .limit = LIMIT_UP_SLOTS_ERRNO},
    {"kept:", "ferry", .column = COLUMN_UP_SLOTS},
    {"", "TinyCC", .column = COLUMN_UP_TINYCC},
    {"pointers:", "limit", .is_limit = true, .limit = LIMIT_UP_POINTERS},
    {"", "ferry", .column = COLUMN_UP_POINTERS_HANDLER_ERRNO},
    {"errno", "limit", .is_limit = true, .limit = LIMIT_UP_POINTERS_ERRNO},
    {"kept:", "ferry", .column = COLUMN_UP_POINTERS},
    {"slow path", "ferry", .column = COLUMN_UP_SLOW},
    {"", "libffi", .column = COLUMN_UP_LIBFFI},
};

static const Cell *cells_of(Mode mode) {
    return mode == MODE_UPCALL ? upcall_cells : downcall_cells;
}

typedef enum Line { LINE_TIME, LINE_SPREAD, LINE_TO_LIMIT, LINE_TO_DIRECT, LINE_COUNT } Line;

static const char *const line_titles[LINE_COUNT] = {"ns", "+- %", "x limit", "x direct"};
static const char *const upcall_line_titles[LINE_COUNT] = {"ns", "+- %", "x limit", "x native"};

void report_begin(const Options *options, bool pinned) {
    printf("ferry %s: what a call from managed code to C takes, and one from C to managed code.\n\n", ferry_version());
    puts(
        "ns        one turn of a loop that loads the entry and calls it, in nanoseconds on the CPU; nothing "
        "subtracted\n"
        "fill      the loop writes the argument slots just before each call; kept: they stay as they are\n"
        "limit     a wrapper w(function, arguments, result) written by hand for the signature, in C, the better one\n"
        "          of gcc's (g) and clang's (c) code at -O2; one for slots, one for pointers\n"
        "          ferry's code and the limit's run as copies of the same bytes, at new random places for each sample\n"
        "+- %      half the distance between the quartiles; ratios are medians over the rounds of x / limit, x / "
        "direct\n"
        "          (slow path and libffi: to the limit of slots)");
    printf("\n%zu rounds of %.0f us for each variant%s.\n", options->rounds, options->sample_nanoseconds / 1000,
           pinned ? ", all on one CPU" : "; not bound to one CPU: that is not allowed here");
#ifndef BENCH_CLANG
    puts("No clang was found when this was built: the limit is gcc's code alone.");
#endif
#ifndef BENCH_TINYCC
    puts("No libtcc was found when this was built: its column is empty.");
#endif
}

static void explain_upcalls(void) {
    report_heading("Upcalls: C calls the VM");
    puts("ns        one turn of a loop in C that loads a function pointer and calls it\n"
         "native    the C function itself is behind it; everywhere else a handler(context, arguments, result), in C\n"
         "          as well, does the same, with all arguments in slots or behind pointers\n"
         "limit     a stub written by hand for the signature, entered through the same thunk as ferry's, from which\n"
         "          it knows its closure; static: no thunk, the address of its only closure stands in the stub\n"
         "kept:     errno is after the call what it was before, ferry's default; else the handler decides\n"
         "TinyCC    a stub of the static kind\n"
         "x limit   ferry's to the limit beside it; a limit's to that of its convention that leaves errno alone;\n"
         "          everything else to the one for slots");
}

void report_table_head(Mode mode) {
    if (mode == MODE_UPCALL) explain_upcalls();
    const Cell *cells = cells_of(mode);
    printf("\n%-26s%9s", "", "");
    for (size_t k = 0; k < MOST_CELLS && cells[k].title != NULL; k++) printf("%9s", cells[k].above);
    printf("\n%-26s%9s", "", "");
    for (size_t k = 0; k < MOST_CELLS && cells[k].title != NULL; k++) printf("%9s", cells[k].title);
    putchar('\n');
}

static const Measure *cell_measure(const RowResult *result, const Cell *cell) {
    return cell->is_limit ? row_limit(result, cell->limit) : result->measures[cell->column];
}

static Column cell_column(const RowResult *result, const Cell *cell) {
    const Measure *measure = cell_measure(result, cell);
    for (Column column = 0; column < COLUMN_COUNT; column++)
        if (measure != NULL && result->measures[column] == measure) return column;
    return cell->column;
}

static double cell_value(const RowResult *result, const Cell *cell, Line line) {
    const Measure *measure = cell_measure(result, cell);
    Column column = cell_column(result, cell);
    if (measure == NULL) return NAN;
    switch (line) {
    case LINE_TIME: return measure->summary.median;
    case LINE_SPREAD: return 50 * (measure->summary.high - measure->summary.low) / measure->summary.median;
    case LINE_TO_LIMIT: return row_ratio(result, column);
    default:
        return row_ratio_to(result, column,
                            result->measures[result->mode == MODE_UPCALL ? COLUMN_UP_NATIVE : COLUMN_DIRECT]);
    }
}

static bool is_by_clang(Column column) {
    for (size_t k = 0; k < LIMIT_COUNT; k++)
        if (limit_columns[k][MAKER_CLANG] == column) return true;
    return false;
}

static void print_cell(const RowResult *result, const Cell *cell, Line line) {
    double value = cell_value(result, cell, line);
    Column column = cell_column(result, cell);
    if (isnan(value))
        printf("%9s", "-");
    else if (line == LINE_TIME && cell->is_limit)
        printf("%7.2f %c", value, is_by_clang(column) ? 'c' : 'g');
    else
        printf("%9.*f", line == LINE_SPREAD || value >= 100 ? 1 : 2, value);
}

void report_row(const RowResult *result) {
    static const char *const second[MODE_COUNT] = {"  kept", "  fill", ""};
    const Cell *cells = cells_of(result->mode);
    const char *const *titles = result->mode == MODE_UPCALL ? upcall_line_titles : line_titles;
    for (Line line = 0; line < LINE_COUNT; line++) {
        const char *name = line == 0 ? result->row->name : line == 1 ? second[result->mode] : "";
        printf("%-26s%9s", name, titles[line]);
        for (size_t k = 0; k < MOST_CELLS && cells[k].title != NULL; k++) print_cell(result, &cells[k], line);
        putchar('\n');
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- everything else ---- */

static bool progress_shown;

void report_progress(const char *name, size_t done, size_t of) {
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\r\033[K%s: %zu of %zu", name, done, of);
    progress_shown = true;
}

void report_progress_end(void) {
    if (progress_shown) fputs("\r\033[K", stderr);
    progress_shown = false;
}

void report_heading(const char *text) {
    printf("\n%s\n", text);
}

void report_note(const char *format, ...) {
    va_list arguments;
    fputs("  note: ", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void print_time(double nanoseconds) {
    static const struct {
        double factor;
        const char *unit;
    } units[] = {{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    size_t k = 0;
    while (k < 3 && nanoseconds >= 1000 * units[k].factor) k++;
    printf("%8.1f %-2s", nanoseconds / units[k].factor, units[k].unit);
}

static void print_counter(const Counter *counter) {
    const char *bytes = strstr(counter->name, "_bytes");
    int length = bytes != NULL ? (int)(bytes - counter->name) : (int)strlen(counter->name);
    if (strcmp(counter->name, "bytes") == 0)
        printf(", %.0f bytes", counter->value);
    else if (bytes != NULL && counter->value >= 1 << 20)
        printf(", %.*s %.1f MiB", length, counter->name, counter->value / (1 << 20));
    else if (bytes != NULL && counter->value >= 1 << 16)
        printf(", %.*s %.0f KiB", length, counter->name, counter->value / (1 << 10));
    else
        printf(", %.*s %.*f%s", length, counter->name, counter->value == floor(counter->value) ? 0 : 1, counter->value,
               bytes != NULL ? " bytes" : "");
}

void report_measure(const Measure *measure) {
    const char *name = strchr(measure->name, '/');
    printf("  %-31s", name != NULL ? name + 1 : measure->name);
    print_time(measure->summary.median);
    printf(" +- %.1f %%", 50 * (measure->summary.high - measure->summary.low) / measure->summary.median);
    for (size_t k = 0; k < measure->counter_count; k++) print_counter(&measure->counters[k]);
    putchar('\n');
    fflush(stdout);
}
