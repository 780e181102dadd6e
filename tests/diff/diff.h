/* tests/diff/diff.h: differential tests against gcc and clang. The whole internal interface on one page.
 *
 *   random.c        seeded numbers
 *   grammar.c       random types and signatures, over ferry's builders
 *   rebuild.c       a signature again: in another engine, or one step simpler
 *   reduce.c        the simplest signature that still fails
 *   declare.c       a signature as declarations: for compilers, and for ferry's parser
 *   value.c         what every scalar of a value is; values in memory where ferry's layout says they lie
 *   leaves.c        C text that checks or makes such values where the compiler says they lie
 *   callee.c        a C function that checks its arguments and returns a value
 *   caller.c        a C function that calls another with values and checks what it returns
 *   source.c        the C file of a batch
 *   compile.c       gcc and clang
 *   probe.c         what the compiled functions talk to
 *   area.c          values between canaries and guard pages
 *   call.c          one call through ferry
 *   enter.c         the jump into a trampoline with garbage in every free register
 *   upcall.c        one call through a closure, and one after its end
 *   handler.c       the closures' handler
 *   gate.c          between a compiled caller and a closure: garbage, and what must be preserved
 *   run.c           cases in a child process, so that a crash is a result
 *   report.c        counts, failures, what was skipped and why
 *   main.c          options and batches
 *
 * Words: a *case* is a signature with a seed; its *sides* are the compiled callee (ferry calls C) and the compiled
 * caller (C calls ferry), each of which is a *job*; a *leaf* is a scalar inside a value; the *stream* of a value is the
 * sequence of its leaves' contents, a function of seed, argument number and leaf number that both sides compute.
 */
#ifndef FERRY_TESTS_DIFF_H
#define FERRY_TESTS_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/place.h"
#include "ferry/ferry.h"

#define MAX_ARGUMENTS   16
#define RESULT_NUMBER   255 /* argument number of the result, in streams and messages */
#define FALLBACK_NUMBER 254 /* the same of what ended closures return */

typedef enum Side { CALLEE, CALLER, SIDES } Side;

static inline size_t job_of(size_t item, Side side) {
    return item * SIDES + side;
}

/* random.c */
typedef struct Random {
    uint64_t state;
} Random;

uint64_t mix(uint64_t left, uint64_t right); /* a hash of both */
uint64_t random_next(Random *random);
uint32_t random_below(Random *random, uint32_t bound);
bool random_chance(Random *random, uint32_t percent);
void random_fill(Random *random, void *bytes, size_t size);

/* grammar.c. NULL when ferry refuses what was drawn: the caller draws again with another seed. */
typedef struct Grammar {
    ferry_engine *engine;
    Random random;
    uint32_t tag;      /* the last tag's number */
    uint64_t prefix;   /* makes tags unique among the cases of one file */
    bool with_bfloat;  /* draw __bf16 too */
    size_t refused;    /* drawn types that a builder refused */
    char refusal[376]; /* the newest of these refusals */
} Grammar;

const ferry_signature *grammar_signature(Grammar *grammar);
const ferry_type *grammar_value(Grammar *grammar); /* any type that a value can have */

/* rebuild.c */
typedef enum Grain { ARGUMENTS, MEMBERS, FINE } Grain; /* how small the simplifications may be */
typedef struct Rebuild {
    ferry_engine *engine; /* where the new types are made */
    Grain grain;
    int64_t edit; /* number of the simplification to apply; -1: none */
    bool rename;  /* give every tag a new name */
    uint32_t tag; /* the last new name's number */
} Rebuild;

const ferry_signature *call_without_variadic(ferry_engine *engine, const ferry_signature *signature);
const ferry_signature *rebuild_signature(Rebuild *rebuild, const ferry_signature *signature);

/* A test of a candidate: does it still fail? */
typedef bool StillFails(void *context, const ferry_signature *candidate);
const ferry_signature *reduce(ferry_engine *engine, const ferry_signature *signature, StillFails *fails, void *context,
                              unsigned seconds);

/* declare.c: the spelling of types and of what they need. */
typedef enum Dialect { FOR_COMPILER, FOR_FERRY } Dialect;
typedef struct Declare {
    FILE *out;
    Dialect dialect;
    size_t prefix;           /* of the names of typedefs */
    const ferry_type **seen; /* declared already; a typedef's number is its index */
    size_t count, capacity;
} Declare;

void declare_prelude(FILE *out);                              /* the headers and names of FOR_COMPILER */
void declare_needs(Declare *declare, const ferry_type *type); /* records, enums and typedefs inside type */
void declare_needs_of_signature(Declare *declare, const ferry_signature *signature);
void declare_type(Declare *declare, const ferry_type *type, const char *name);
void declare_free(Declare *declare);
char *declare_signature(const ferry_signature *signature, const char *name); /* FOR_FERRY, in one line; to be freed */

/* value.c */
typedef struct Stream {
    uint64_t seed;
    uint64_t leaf; /* number of the next leaf */
} Stream;

typedef struct Scalar {
    uint32_t size;  /* in memory */
    uint32_t value; /* bytes of it that carry the value */
    bool is_signed;
    bool is_integer;
} Scalar;

typedef unsigned __int128 Wide;

Scalar scalar_of(ferry_kind kind);
ferry_kind kind_of(const ferry_type *type);         /* enums and `aligned` looked through */
const ferry_type *strip(const ferry_type *type);    /* without `aligned` */
bool is_narrow_integer(const ferry_type *type);     /* under 8 bytes: extended in a slot */
bool is_padding_member(const ferry_member *member); /* an unnamed bit-field */
Stream stream_open(uint64_t seed, size_t number);
void stream_scalar(Stream *stream, ferry_kind kind, uint8_t bytes[32]);
Wide stream_bits(Stream *stream, uint32_t width, bool is_bool);
uint32_t stream_pick(Stream *stream, uint32_t count); /* which member of a union is alive */

/* Walks the leaves of a value in memory by ferry's layout. */
typedef struct MemoryWalk {
    ferry_engine *engine;
    Stream stream;
    uint8_t *bytes;
    bool check;        /* compare, else write */
    bool inject;       /* a deliberate fault: short members of records are off by one bit, as written or as found */
    char failure[256]; /* the first difference, "" for none */
} MemoryWalk;

void walk_memory(MemoryWalk *walk, const ferry_type *type, uint64_t bit_offset);

/* leaves.c: path is an lvalue in C */
void leaves_emit(FILE *out, const ferry_type *type, const char *path, bool put);

/* callee.c, caller.c: case_N, and drive_N, a void (void (*code)(void)). Lines of each are named by the side and N. */
void callee_emit(Declare *declare, const ferry_signature *signature, size_t number, bool gcc_unoptimised);
void caller_emit(Declare *declare, const ferry_signature *signature, size_t number);

/* source.c: jobs with a reason in skipped are left out. */
typedef struct Case Case;
void source_write(const char *path, const Case *cases, size_t count, char *const *skipped);

/* compile.c */
typedef enum Compiler { GCC, CLANG, COMPILERS } Compiler;
typedef struct Build {
    Compiler compiler;
    int optimise;        /* -O0 .. -O2 */
    const char *machine; /* "-mavx", or "" */
    char object[512];    /* the shared object */
    char log[512];       /* what the compiler said */
    long process;
} Build;

extern const char *const compiler_names[COMPILERS];
const char *work_directory(void); /* made at the first call, removed by work_remove */
void work_remove(void);
void build_start(Build *build, const char *source, const char *stem);
bool build_wait(Build *build);
/* Marks which of `count` jobs the log complains of ("callee_17:3:5: error: ...", or "case_17" for both sides), with the
 * first complaint of each, to be freed. The number of marked ones; 0: the log names none. */
size_t build_complaints(const Build *build, char **complaints, size_t count);

/* probe.c: what the compiled functions call. */
typedef struct Helpers {
    void (*argument)(int number);
    void (*check)(const void *value, int kind);
    void (*widened)(long long value); /* of the scalar checked last */
    void (*check_bits)(const Wide *value, int width, int is_bool);
    void (*put)(void *value, int kind);
    void (*put_bits)(Wide *value, int width, int is_bool);
    int (*pick)(int count);
    void (*garbage)(void *bytes, unsigned long size);
    void (*done)(void);    /* by the callee, at its end */
    void (*calling)(void); /* by the caller, right before the call, */
    void (*called)(void);  /* and right after it */
} Helpers;
#define HELPERS_SYMBOL "diff_helpers"

typedef enum Expected { STREAM, ZEROS, FALLBACK } Expected; /* of the result */

typedef struct Probe {
    uint64_t seed;
    Side side; /* that is compiled */
    Expected expected;
    Stream stream;
    int number;
    int calls;
    int errno_before, errno_after; /* of the caller's call */
    ferry_kind kind;               /* of the scalar checked last, and its value */
    uint8_t bytes[32];
    char failure[256];
} Probe;

extern Probe probe;
extern const Helpers helpers;
void probe_open(uint64_t seed, Side side, Expected expected);
unsigned long long first_bytes(const void *bytes, uint32_t size);
uint64_t extended(ferry_kind kind, const uint8_t *bytes); /* bytes: an integer of under 8 bytes */
int errno_of(uint64_t seed);                              /* what the called side sets errno to */

/* area.c */
#define AREA_BYTES (3 * 4096u)
#define CANARY     256u /* bytes of garbage that are watched in front of a value */
enum { AREA_ARRAY = MAX_ARGUMENTS, AREA_RESULT, AREAS };

/* One value in its area. */
typedef struct Place {
    uint8_t *bytes;
    size_t size;
    uint8_t copy[AREA_BYTES]; /* of canary and value, as they were before the call */
} Place;

extern Place places[AREAS];
uint8_t *area_end(size_t area);                              /* NULL: no memory; then for every area */
Place *place_open(size_t area, size_t size, Random *random); /* filled with garbage */
void place_note(Place *place);
/* Of the value itself only what lies at `from` and beyond must be as it was. */
bool place_unchanged(const Place *place, size_t from);
size_t rounded(size_t value, size_t to);
size_t size_of(ferry_engine *engine, const ferry_type *type, size_t *alignment); /* 0 for void; alignment or NULL */

/* gate.c */
typedef struct Junk {
    uint8_t general[6], vectors[8]; /* bytes of argument registers that carry something */
    struct {
        uint64_t offset;
        uint8_t bytes;      /* that carry something */
    } words[MAX_ARGUMENTS]; /* of the stack */
    size_t word_count;
    bool variadic, hidden_result;
} Junk;

void junk_of(Junk *junk, const Placement *placement);
void gate_open(const Junk *junk, void (*target)(void), Random *random);
void (*gate_code(void))(void);  /* what a caller calls to get to target */
const char *gate_failure(void); /* of that call, or NULL */
bool x87_is_empty(void);

/* call.c: the ways through ferry. */
typedef enum Way {
    SLOTS_SHARED,
    SLOTS_BOUND,
    POINTERS_SHARED,
    POINTERS_BOUND,
    SLOTS_SLOW,
    POINTERS_SLOW,
    UP_SLOTS,
    UP_POINTERS,
    UP_SLOTS_SLOW,
    UP_POINTERS_SLOW,
    UP_SLOTS_CURSOR,
    UP_POINTERS_CURSOR,
    UP_SLOTS_CURSOR_SLOW,
    UP_POINTERS_CURSOR_SLOW,
    WAYS
} Way;
extern const char *const way_names[WAYS];
static const Way first_way[SIDES + 1] = {SLOTS_SHARED, UP_SLOTS, WAYS}; /* of each side */

typedef struct Call {
    ferry_engine *engine;
    const ferry_signature *signature;
    void (*function)(void); /* the callee, or the caller */
    Way way;
    uint64_t seed;
    bool inject;
    const Junk *junk;
} Call;

/* What became of a call. */
typedef enum Verdict { PASSED, FAILED, REFUSED } Verdict;
Verdict call_case(const Call *call, char *message, size_t size);

/* enter.c: calls entry with garbage in the other registers and below the stack pointer; false when a register that
 * C preserves has changed. */
bool enter(ferry_entry entry, const ferry_binding *binding, const void *arguments, void *result,
           const uint64_t garbage[48]);

/* upcall.c */
typedef struct Upcall {
    const Call *call;
    Random random;
    ferry_closure_options options;
    bool slots, cursor;
    size_t count;   /* of arguments before the cursor */
    int errno_set;  /* by the handler */
    unsigned calls; /* of the handler */
    unsigned finalized;
    char failure[256];
    char refusal[200]; /* of the cursor */
} Upcall;

bool way_is_slow(Way way);
bool way_applies(Way way, const ferry_signature *signature);
Verdict upcall_case(const Call *call, char *message, size_t size);
void upcall_report(void *context, const ferry_report *report); /* the engines' */

/* handler.c: context is the Upcall */
void upcall_handler(void *context, void *arguments, void *result);

/* run.c */
struct Case {
    const ferry_signature *signature;      /* in the engine that makes code */
    const ferry_signature *slow_signature; /* the same in the engine that does not */
    uint64_t seed;
    char skip[COMPILERS][SIDES][160]; /* why a compiler's function is left out, "" when it is not */
    bool gcc_unoptimised;             /* gcc miscompiles its own va_arg of it */
    Junk junk;
};

typedef struct Config {
    const char *target;
    const char *machine; /* the compilers' flag for the target's features */
    int optimise;
    bool inject;
    bool omit[SIDES]; /* sides that were not asked for */
} Config;

typedef struct Outcome {
    Verdict verdict;
    Way way;
    char message[600];
    uint8_t passed[WAYS];
    uint8_t refused[WAYS];   /* ways that ferry refused */
    char refusal[WAYS][200]; /* why */
} Outcome;

typedef struct Engines {
    ferry_engine *code; /* policy FERRY_NOW */
    ferry_engine *slow; /* policy FERRY_NEVER */
} Engines;

bool engines_open(Engines *engines, const char *target, ferry_error *error);
void engines_close(Engines *engines);
bool case_prepare(Case *item, const Engines *engines, const ferry_signature *signature, uint64_t seed,
                  ferry_error *error);
/* Builds the cases with both compilers and calls them all. outcomes[compiler][job]; skipped[compiler][job]: why a job
 * was not run, to be freed, or NULL. */
void run_batch(const Engines *engines, const Config *config, const Case *cases, size_t count,
               Outcome *outcomes[COMPILERS], char **skipped[COMPILERS]);

/* report.c */
typedef struct Tally Tally;
typedef struct Report {
    size_t passed, failed, skipped;
    size_t called[WAYS], refused[WAYS]; /* by way */
    Tally *skips;                       /* reasons with their counts */
    Tally *refusals;
} Report;

void report_outcome(Report *report, const Outcome *outcome);
void report_skip(Report *report, const char *reason);
void report_print(const Report *report, FILE *out);
void report_free(Report *report);

#endif
