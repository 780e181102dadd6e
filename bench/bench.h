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
 *
 * Upcalls go the other way: C code, a loop for each signature, loads a function pointer from an object and calls it
 * with the values from where fill takes them. Behind the pointer stand
 *
 *   native      the C function itself
 *   ferry       thunk -> stub   -> handler
 *   limit       thunk -> stub   -> handler      the same thunk (thunks.c), the same handler
 *   libffi      its closure     -> handler
 *
 * Handlers are C as well (callees.c), one for each convention: what they compute, the C function has inlined.
 */
#ifndef FERRY_BENCH_BENCH_H
#define FERRY_BENCH_BENCH_H

#include <ffi.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>

#include "ferry/ferry.h"

#include "bench/limit.h"

enum { MOST_SLOTS = 16, MOST_COUNTERS = 14 };

/* Only what the engine makes itself. */
enum { WITHOUT_ALL = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE };

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

/* What is written by hand: wrappers of limit.c, stubs of stubs.c. */
typedef enum Limit {
    LIMIT_SLOTS,
    LIMIT_POINTERS,
    LIMIT_UP_SLOTS,
    LIMIT_UP_SLOTS_ERRNO,
    LIMIT_UP_SLOTS_STATIC,
    LIMIT_UP_POINTERS,
    LIMIT_UP_POINTERS_ERRNO,
    LIMIT_COUNT
} Limit;

/* How a row is called: from the VM, the argument slots kept or written just before each call; or by C. */
typedef enum Mode { MODE_KEPT, MODE_FILL, MODE_UPCALL, MODE_COUNT } Mode;

extern const char *const mode_names[MODE_COUNT]; /* as benchmarks name them */

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
    } limit[MAKER_COUNT][LIMIT_COUNT]; /* NULL: not there */
    double expected[3];                /* the result, one number per slot */
    /* For upcalls; NULL: there are none. */
    void (*call_back)(Function *const *object, const Frame *frame, size_t iterations, void *result);
    ferry_handler slots_handler, pointers_handler;
    void (*ffi_handler)(ffi_cif *cif, void *result, void **arguments, void *context);
} Row;

extern const Row rows[];
extern const size_t row_count;

size_t row_slots(const Row *row);
bool row_has(const Row *row, Mode mode);
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
    COLUMN_UP_NATIVE,
    COLUMN_UP_GCC_SLOTS,
    COLUMN_UP_CLANG_SLOTS,
    COLUMN_UP_GCC_SLOTS_ERRNO,
    COLUMN_UP_CLANG_SLOTS_ERRNO,
    COLUMN_UP_GCC_SLOTS_STATIC,
    COLUMN_UP_CLANG_SLOTS_STATIC,
    COLUMN_UP_SLOTS,
    COLUMN_UP_SLOTS_HANDLER_ERRNO,
    COLUMN_UP_TINYCC,
    COLUMN_UP_GCC_POINTERS,
    COLUMN_UP_CLANG_POINTERS,
    COLUMN_UP_GCC_POINTERS_ERRNO,
    COLUMN_UP_CLANG_POINTERS_ERRNO,
    COLUMN_UP_POINTERS,
    COLUMN_UP_POINTERS_HANDLER_ERRNO,
    COLUMN_UP_SLOW,
    COLUMN_UP_LIBFFI,
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
    Code code;        /* what is copied for each sample; size 0: it runs where it is */
    Entry *entry;     /* the copy, or what stays where it is: what object points at. With a cell, the copy's thunk */
    const void *cell; /* of a stub: what is copied beside the thunk; NULL: it is called without one */
    size_t cell_size;
};

/* Everything that one row's variants need; subjects[c].run is NULL where column c cannot be measured. */
typedef struct Variants {
    Subject subjects[COLUMN_COUNT];
    ferry_binding *bindings[COLUMN_COUNT];
    ferry_closure *closures[COLUMN_COUNT];
    ffi_closure *ffi_closure;
    LimitCell limit_cells[2]; /* by ferry_convention */
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
typedef struct Thunks Thunks;

/* What the variants of all rows are made with. */
typedef struct Makers {
    Engines engines;
    TinyCC *tinycc;
    Thunks *thunks; /* NULL: this machine's are not known here */
} Makers;

/* false: a message was printed. */
bool variants_make(Variants *variants, const Row *row, Mode mode, const Makers *makers);
bool engines_open(Engines *engines, bool better);
void engines_close(Engines *engines);
void variants_free(Variants *variants);
void variant_runs(Subject *subject, const void *code, size_t size, Loop *run); /* code, entry, object, run */
Code row_limit_code(const Row *row, Limit limit, Maker maker);

/* ---- callbacks.c: the same for upcalls ---- */

bool callbacks_make(Variants *variants, const Row *row, const Makers *makers);
void callbacks_free(Variants *variants);

/* ---- ffi.c: libffi's side ---- */

/* Fills cif and the array of parameter types that it refers to. */
bool ffi_prepare(const Row *row, ffi_cif *cif, ffi_type **parameters);

/* A type of ferry's as libffi has it. Structs are never freed. NULL: libffi has none. */
ffi_type *ffi_type_of(ferry_engine *engine, const ferry_type *type);

/* The parameters' types of a signature, and its result's behind them; to be freed. NULL: libffi cannot say it. */
ffi_type **ffi_types_of(ferry_engine *engine, const ferry_signature *signature);

/* ---- tinycc.c: limit.c and stubs.c, compiled by TinyCC ---- */

TinyCC *tinycc_open(void); /* NULL where libtcc is not there or refuses */
const void *tinycc_find(const TinyCC *tinycc, const char *kind, const char *symbol);
void tinycc_close(TinyCC *tinycc);
bool tinycc_compile_one(void); /* one wrapper, from text to callable, and gone again */

/* ---- area.c: where measured code lies ---- */

typedef struct Area Area;

Area *area_open(void); /* NULL where the system gives no executable memory */
void area_close(Area *area);
Entry *area_place(Area *area, Code code); /* a copy at a random place; it may overwrite an earlier one */

/* ---- thunks.c: what stands between C and a stub ---- */

Thunks *thunks_open(void); /* NULL: not known for this machine, or no executable memory */
void thunks_close(Thunks *thunks);
/* A random thunk that enters `entry` with a copy of the cell, the first word replaced by entry. */
Entry *thunks_place(Thunks *thunks, Entry *entry, const void *cell, size_t size);
LimitCell *thunks_static_cell(Thunks *thunks); /* NULL where something else lies at its address */
const void *thunk_cell(const void *code);      /* the cell of any thunk of this kind; NULL: it is none */
long errno_offset(void);                       /* from the thread pointer */

/* ---- harness.c: loops, clocks and rounds ---- */

Loop *loop_of_entry(size_t filled);
Loop *loop_of_ffi(size_t filled);
Loop *loop_of_direct(void);
Loop *loop_of_upcalls(void);

typedef struct Clock {
    double real, cpu; /* nanoseconds */
} Clock;

Clock clock_now(void);    /* cpu: of this thread */
double time_now(void);    /* the same clock as real: some 20 ns, where the other takes 300 */
double process_cpu(void); /* of all threads of the process */
bool pin_to_one_cpu(void);
void unpin(void); /* back to all that this program was given */
size_t harness_calibrate(const Subject *subject, double sample_nanoseconds); /* iterations that take about that long */
void harness_shuffle(size_t *order, size_t count, uint64_t *seed);
uint64_t next_random(uint64_t *seed);

/* ---- stats.c ---- */

typedef struct Summary {
    double median, low, high; /* low, high: the quartiles */
    double mean, deviation, least;
} Summary;

Summary summarize(const double *samples, size_t count);
double median_of(const double *samples, size_t count);

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
    Mode mode;
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

extern const Column limit_columns[LIMIT_COUNT][MAKER_COUNT];

Limit column_limit(Column column); /* what it is measured against */
/* The better one of gcc's and clang's. NULL where neither was measured. */
const Measure *row_limit(const RowResult *result, Limit limit);
/* How many times as long as its limit a column takes; NAN where unknown. */
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

/* ---- child.c: this program once more, in a fresh process ---- */

/* What a child knows of its birth. */
typedef struct Birth {
    double main;      /* when main began */
    const char *exec; /* time_now() of the parent just before it became this program, in digits: see child_exec */
    const char *path; /* a file or a folder to use; "": none */
} Birth;

bool child_is(int count, char **words); /* was main called for one? */
int child_main(char **words, double began);
double child_exec(const Birth *birth);
const char *child_word(const char *what, const char *part); /* what follows "PART_"; NULL: it begins otherwise */
int child_answer(const double *numbers, size_t count);      /* 0, for main to return */
/* Runs one and reads the numbers that it prints. path may be NULL. */
bool child_run(const char *what, const char *path, double *numbers, size_t count);

double memory_bytes(const char *name); /* the figure after a name in /proc/self/smaps_rollup */
bool memory_maps(const char *library); /* does a mapped file's path contain that? */

/* ---- rounds.c: several kinds of children, compared ---- */

enum { MOST_KINDS = 16, MOST_STAGES = 4, MOST_ROUNDS = 64 };

typedef struct Rounds {
    Results *results;
    const char *part; /* a child is told "PART_NAME" */
    size_t kinds, repetitions;
    const char *names[MOST_KINDS];              /* NULL: it cannot be measured (any more) */
    Measure *measures[MOST_KINDS][MOST_STAGES]; /* NULL: none */
} Rounds;

typedef void RoundStep(void *context, size_t kind, size_t round);

/* Calls step once for each kind in each round, the kinds in a new order each time. */
void rounds_run(Rounds *rounds, RoundStep *step, void *context);
/* child_run; false: it failed, which was told, and the kind is left out from now on. */
bool rounds_child(Rounds *rounds, size_t kind, const char *path, double *numbers, size_t count);
void rounds_leave_out(Rounds *rounds, size_t kind, const char *why);

/* ---- folder.c: folders of this run's own; the user's are never touched ---- */

typedef struct Folder {
    char path[256]; /* "": none */
} Folder;

void folders_forget_users(void); /* no engine of this process, or of one that it starts, uses the user's own cache */
bool folder_make(Folder *folder);
void folder_remove(Folder *folder);
/* Makes a bundle of declarations in folder; false where the command or a linker is missing. */
bool bundle_make(const Folder *folder, const char *declarations, char *bundle, size_t size);

/* ---- mix.c: some tens of functions, each of another shape, that tell whether they were called rightly ---- */

typedef struct Mix {
    const char *declaration;
    const char *parameters; /* "long, double": types of one word */
    char result;            /* the first letter of its type: l d f i v */
    size_t count;           /* of parameters */
    Function *function;
} Mix;

extern const Mix mixes[];
extern const size_t mix_count;

typedef struct MixFrame {
    uint64_t slots[8];
    uint64_t result[2];
    void *pointers[8]; /* = &slots[k] */
} MixFrame;

void mix_fill(const Mix *mix, MixFrame *frame);
bool mix_check(const Mix *mix, MixFrame *frame); /* is the result right? It is forgotten */

/* ---- functions.c: 500 functions of real libraries (startup_declarations.txt) ---- */

enum { MOST_FUNCTIONS = 512, MOST_LIBRARIES = 8 };

typedef struct Library {
    char name[32];
    void *handle; /* NULL: it is not there */
    size_t missing;
} Library;

typedef struct Functions {
    ferry_engine *engine;
    ferry_scope *scope;
    Library libraries[MOST_LIBRARIES];
    size_t library_count;
    size_t count;
    const ferry_signature *signatures[MOST_FUNCTIONS];
    Function *addresses[MOST_FUNCTIONS];
} Functions;

bool functions_read(Functions *functions, ferry_engine *engine); /* false: a message was printed, or there are none */
bool functions_tell(void);                                       /* tells which of them are not here */

/* ---- one file per question ---- */

bool calls_measure(Results *results, const Options *options);      /* calls.c: how long does a call take? */
bool create_measure(Results *results, const Options *options);     /* create.c: what does a binding, a shape cost? */
bool tiers_measure(Results *results, const Options *options);      /* tiers.c: where code is, or is not yet? */
bool contention_measure(Results *results, const Options *options); /* contention.c: and for two threads at once? */
bool closures_measure(Results *results, const Options *options);   /* closures.c: what does a closure cost? */
bool process_measure(Results *results, const Options *options);    /* process.c: what does a fresh process pay? */
bool startup_measure(Results *results, const Options *options);    /* startup.c: and one that binds 500 functions? */
bool early_measure(Results *results, const Options *options);      /* early.c: what does its first 100 ms bring? */

/* The other sides, in a child: the status for main to return; -1: that is none of its words. */
int tiers_child(const char *what, const Birth *birth);
int contention_child(const char *what, const Birth *birth);
int closures_child(const char *what, const Birth *birth);
int process_child(const char *what, const Birth *birth);
int startup_child(const char *what, const Birth *birth);
int early_child(const char *what, const Birth *birth);

/* create.c: signature `number` of many that all have different shapes. NULL: a message was printed. */
const ferry_signature *numbered_signature(ferry_engine *engine, size_t number);

/* ---- report.c, goals.c: what people read; json.c, svg.c: what programs and browsers read ---- */

void report_begin(const Options *options, bool pinned);
void report_table_head(Mode mode);
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
