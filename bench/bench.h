/* bench.h: the whole internal interface of this room, under the name of the file that owns each part.
 *
 * What is measured of a call. Every variant of a row is run by the same machine code, a loop that (1) with `fill`
 * writes the argument slots, one 8-byte store each, (2) loads an entry from an object, and (3) calls it. Nothing is
 * subtracted: a figure is the time of one turn of that loop. ferry and the hand-specialised wrappers share one loop:
 *
 *               object             first argument     arguments               result
 *   ferry       &its copy          the binding        slots or pointers       the same buffer
 *   limit       &its copy          the C function     the same                the same
 *
 * ffi_call, which takes its four arguments in another order, has a loop of its own with the same fill; a direct call
 * has one for each signature, which takes the values from where fill takes them. All variants of a row use one frame:
 *
 *   Frame   slots[k]     where argument k is read
 *           values[k]    what fill writes to slots[k]
 *           pointers[k]  = &slots[k]
 *           lent[k]      = pointers[k], for ffi_call
 */
#ifndef FERRY_BENCH_BENCH_H
#define FERRY_BENCH_BENCH_H

#include <ffi.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>

#include "ferry/ferry.h"

enum { MOST_SLOTS = 16, MOST_COUNTERS = 6 };

typedef void Function(void);
typedef void Entry(const void *first, const void *arguments, void *result);

/* Position-independent code of one function. */
typedef struct Code {
    const void *start;
    size_t size;
} Code;

typedef struct Frame {
    uint64_t slots[MOST_SLOTS];
    uint64_t values[MOST_SLOTS];
    void *pointers[MOST_SLOTS];
    void *lent[MOST_SLOTS];
    uint64_t result[8];
} Frame;

/* ---- rows.c: what is called ---- */

typedef enum Maker { MAKER_GCC, MAKER_CLANG, MAKER_COUNT } Maker;

typedef struct Row {
    const char *name;        /* "long(long x6)" */
    const char *symbol;      /* "long6": its name in signatures.h */
    const char *declaration; /* for ferry */
    const char *parameters;  /* one letter each: int long double float short char *pointer, Pair, Triple */
    char result;             /* the same, or v for void */
    size_t fixed;            /* parameters before the `...`; 0: not variadic */
    Function *function;
    void (*direct)(const Frame *frame, size_t iterations, void *result);
    struct {
        const char *start, *stop;
    } limit[MAKER_COUNT][2]; /* code of limit.c, by maker and ferry_convention; NULL: not there */
    double expected[3];      /* the result, one number per slot */
} Row;

extern const Row rows[];
extern const size_t row_count;

size_t row_slots(const Row *row);
bool row_is_scalar(const Row *row); /* no struct and at most 12 arguments: what the goal for code size speaks of */
void row_fill(const Row *row, Frame *frame); /* arguments 1, 2, 3 ... in slots and values; pointers set */
void row_poison(Frame *frame);               /* forgets the result and that void(void) was called */
bool row_check(const Row *row, const Frame *frame, char *message, size_t size);

/* ---- variants.c: the ways to call one row ---- */

typedef enum Column {
    COLUMN_DIRECT,
    COLUMN_GCC_SLOTS,
    COLUMN_CLANG_SLOTS,
    COLUMN_SLOTS,
    COLUMN_SLOTS_BOUND,
    COLUMN_TINYCC,
    COLUMN_GCC_POINTERS,
    COLUMN_CLANG_POINTERS,
    COLUMN_POINTERS,
    COLUMN_POINTERS_BOUND,
    COLUMN_SLOW,
    COLUMN_LIBFFI,
    COLUMN_COUNT
} Column;

extern const char *const column_names[COLUMN_COUNT]; /* as benchmarks name them: "ferry_slots" */

typedef struct Subject Subject;
typedef void Loop(const Subject *subject, size_t iterations);

struct Subject {
    Loop *run;
    const void *object; /* its first word is the Entry */
    const void *first;
    const void *arguments;
    Frame *frame;
    const Row *row;
    ffi_cif *cif;
    Code code;    /* what is copied for each sample; size 0: it runs where it is */
    Entry *entry; /* the copy, or a wrapper that stays where it is: what object points at */
};

/* Everything that one row's variants need; subjects[c].run is NULL where column c cannot be measured. */
typedef struct Variants {
    Subject subjects[COLUMN_COUNT];
    ferry_binding *bindings[COLUMN_COUNT];
    ffi_cif cif;
    ffi_type *ffi_parameters[MOST_SLOTS];
    void *pages; /* what the frame lies in */
    Frame *frame;
    const char *why_not; /* ferry made no code: the reason */
} Variants;

typedef struct Engines {
    ferry_engine *code; /* policy now */
    ferry_engine *slow; /* policy never */
} Engines;

typedef struct TinyCC TinyCC;

/* false: a message was printed. */
bool variants_make(Variants *variants, const Row *row, bool fill, const Engines *engines, const TinyCC *tinycc);
bool engines_open(Engines *engines, bool better);
void engines_close(Engines *engines);
void variants_free(Variants *variants);

/* ---- ffi.c: libffi's side ---- */

/* Fills cif and the array of parameter types that it refers to. */
bool ffi_prepare(const Row *row, ffi_cif *cif, ffi_type **parameters);

/* ---- tinycc.c: the wrappers of limit.c, compiled by TinyCC ---- */

TinyCC *tinycc_open(void); /* NULL where libtcc is not there or refuses */
const void *tinycc_find(const TinyCC *tinycc, const char *symbol);
void tinycc_close(TinyCC *tinycc);
bool tinycc_compile_one(void); /* one wrapper, from text to callable, and gone again */

/* ---- area.c: where measured code lies ---- */

typedef struct Area Area;

Area *area_open(void); /* NULL where the system gives no executable memory */
void area_close(Area *area);
Entry *area_place(Area *area, Code code); /* a copy at a random place; it may overwrite an earlier one */

/* ---- harness.c: loops, clocks and rounds ---- */

Loop *loop_of_entry(size_t filled);
Loop *loop_of_ffi(size_t filled);
Loop *loop_of_direct(void);

typedef struct Clock {
    double real, cpu; /* nanoseconds */
} Clock;

Clock clock_now(void);
bool pin_to_one_cpu(void);
size_t harness_calibrate(const Subject *subject, double sample_nanoseconds); /* iterations that take about that long */
void harness_shuffle(size_t *order, size_t count, uint64_t *seed);
uint64_t next_random(uint64_t *seed);

/* ---- stats.c ---- */

typedef struct Summary {
    double median, low, high; /* low, high: the quartiles */
    double mean, deviation, least;
} Summary;

Summary summarize(const double *samples, size_t count);

/* Median of a[i] / b[i]: taken in the same round, so that what slows a whole round down falls out. */
double median_ratio(const double *a, const double *b, size_t count);

/* ---- results.c: everything that was measured, in order ---- */

typedef struct Counter {
    const char *name;
    double value;
} Counter;

typedef struct Measure {
    char name[96]; /* "long(long x6)/fill/ferry_slots" */
    size_t count;  /* repetitions */
    double *real;  /* nanoseconds for one iteration, one per repetition */
    double *cpu;
    size_t iterations; /* of each repetition */
    Counter counters[MOST_COUNTERS];
    size_t counter_count;
    Summary summary;
} Measure;

typedef struct RowResult {
    const Row *row;
    bool fill;
    Measure *measures[COLUMN_COUNT]; /* NULL: not measured */
    size_t code_bytes[COLUMN_COUNT];
} RowResult;

typedef struct Results {
    Measure **measures;
    size_t count;
    RowResult *rows;
    size_t row_count;
    bool wrong; /* something could not be measured, or a measured function returned something else than it must */
    char backend[32];
    char backend_error[376];
} Results;

Measure *results_add(Results *results, size_t repetitions, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void measure_sample(Measure *measure, size_t index, Clock begin, Clock end, size_t iterations);
void measure_count(Measure *measure, const char *name, double value);
void measure_done(Measure *measure, const double *samples); /* summarises its real or its cpu */
const Measure *results_find(const Results *results, const char *name);
double measure_counter(const Measure *measure, const char *name); /* NAN where there is none */
void results_free(Results *results);

/* The limit of a convention: the better one of gcc's and clang's. NULL where neither was measured. */
const Measure *row_limit(const RowResult *result, ferry_convention convention);
/* How many times as long as the limit of its convention a column takes; NAN where unknown. */
double row_ratio(const RowResult *result, Column column);
double row_ratio_to(const RowResult *result, Column column, const Measure *other);

/* ---- what main.c reads from the command line ---- */

typedef struct Options {
    bool quick;
    bool better; /* trampolines of the better quality */
    size_t rounds;
    double sample_nanoseconds;
    bool filtered;
    regex_t filter;
    FILE *json; /* NULL: not wanted */
    FILE *svg;
} Options;

bool wanted(const Options *options, const char *name); /* does the filter match? */

/* ---- one file per question ---- */

bool calls_measure(Results *results, const Options *options);   /* calls.c: how long does a call take? */
bool create_measure(Results *results, const Options *options);  /* create.c: what does a binding, a shape cost? */
bool process_measure(Results *results, const Options *options); /* process.c: what does a fresh process pay? */
int process_child(const char *what);                            /* the other side of process.c */

/* ---- report.c, goals.c: what people read; json.c, svg.c: what programs and browsers read ---- */

void report_begin(const Options *options, bool pinned);
void report_table_head(void);
void report_row(const RowResult *result);
void report_progress(const char *name, size_t done, size_t of); /* on a terminal only */
void report_progress_end(void);
void report_measure(const Measure *measure);
void report_heading(const char *text);
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void goals_report(const Results *results);
void json_write(const Results *results, FILE *file, const char *program);
void svg_write(const Results *results, FILE *file);

#endif
