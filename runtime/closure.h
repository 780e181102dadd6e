/* runtime/closure.h: what a closure is, and the internal interface of upcalls on one page.
 *
 * Glossary
 *   cell      48 bytes of data beside a thunk: the closure
 *   upcall    how calls of closures of one signature with one set of options arrive, as a route is for downcalls
 *   detail    what few closures need: a name, a fallback, a finalizer, a boundary, libffi's closure
 *   mediate   the handler of closures with a boundary or a finalizer: it calls the real one
 *   late      what answers calls after the closure's end
 *
 *     cell     +0   entry       where the thunk jumps: the shared stub, the late stub, or the relay to libffi
 *              +8   handler     the user's, or mediate
 *              +16  context     the user's, or the cell itself
 *              +24  upcall
 *              +32  life        references (low half) and generation (high half), changed as one
 *              +40  detail      with LIFE_HAS_DETAIL
 *                   next        without, while it is in quarantine or free
 *
 * The life of a cell:
 *
 *     fresh -> live -> quarantine -> live -> ...
 *               |          |
 *               +- ended ->+    revoked, but with references
 *
 *   live        entry == stub, references > 0, not ended
 *   ended       entry == late stub (the relay stays: `enter` asks life)
 *   quarantine  as ended, references == 0; handler, context, upcall, detail are as they were, for calls under way.
 *               A mediated closure's cell comes here only when its calls are over
 *
 * A handle is the cell's address with the generation's low 16 bits above it:
 *
 *     | generation : 16 | address : 48 |
 *
 * Everything that C code reads or writes in a cell is atomic, since a handle that outlived its closure may be looked at
 * while the cell is made anew. What generated code reads is written before entry, with release order.
 */
#ifndef FERRY_RUNTIME_CLOSURE_H
#define FERRY_RUNTIME_CLOSURE_H

#include <assert.h>
#include <stdatomic.h>

#include "ferry/closure.h"
#include "jit/backend.h"
#include "runtime/engine.h"
#include "trampolines/thunk.h"

typedef struct Cell Cell;
typedef struct Upcall Upcall;
typedef struct Detail Detail;
typedef void LateFunction(Cell *cell, void *arguments, void *result);

/* | detail : 1 | generation : 31 | ended : 1 | references : 31 |   ended: revoked, whatever the references */
#define LIFE_REFERENCES UINT64_C(0x7fffffff)
#define LIFE_ENDED      UINT64_C(0x80000000)
#define LIFE_GENERATION UINT64_C(0x0000000100000000) /* one more */
#define LIFE_HAS_DETAIL UINT64_C(0x8000000000000000)

struct Cell {
    _Atomic(uintptr_t) entry;
    _Atomic(ferry_handler) handler;
    _Atomic(void *) context;
    _Atomic(Upcall *) upcall;
    _Atomic uint64_t life;
    union {
        _Atomic(Detail *) detail;
        _Atomic(Cell *) next;
    };
};

static_assert(sizeof(Cell) == THUNK_BYTES, "a cell stands beside its thunk");
static_assert(offsetof(Cell, entry) == 0, "the thunk jumps through the first word");
static_assert(offsetof(Cell, handler) == CELL_HANDLER_OFFSET, "generated code loads it from there");
static_assert(offsetof(Cell, context) == CELL_CONTEXT_OFFSET, "generated code loads it from there");
static_assert(offsetof(Cell, detail) == THUNK_RELAY_AT, "the relay takes it from there");
static_assert(offsetof(Cell, upcall) == CELL_UPCALL_OFFSET, "generated code loads it from there");

/* Immutable once it is in its signature's cell, but for what is atomic and for plan and its reason (engine's
 * lock; written once, before the first closure that goes by them). */
struct Upcall {
    LateFunction *late;
    intptr_t errno_offset;
    Engine *engine;
    const Signature *signature;   /* as the closure was asked for */
    const Signature *placed;      /* with a cursor: the call without further arguments; else the same */
    const Layout *const *layouts; /* of placed's parameters, then of the result (NULL: void) */
    ferry_convention convention;
    bool keep_errno;
    bool cursor;
    uint8_t used[BANK_COUNT]; /* with a cursor: registers that the fixed arguments took, */
    uint64_t stack;           /* and bytes of the stack */
    ShapeEntry *shape;
    ShapeEntry *late_shape;
    _Atomic uint32_t calls;        /* FERRY_AFTER_CALLS: by libffi */
    const struct SlowUpcall *plan; /* NULL: not needed yet */
    _Atomic(uintptr_t) entry;      /* the stub, 0: no code (yet) */
    _Atomic(uintptr_t) late_entry; /* the late stub; written before entry */
};

static_assert(offsetof(Upcall, late) == UPCALL_LATE_OFFSET, "generated code loads it from there");
static_assert(offsetof(Upcall, errno_offset) == UPCALL_ERRNO_OFFSET, "generated code loads it from there");

/* Lives from the closure's making until its cell is used again. */
struct Detail {
    void *ffi[3];          /* on the slow path libffi's closure, its code first; else NULL */
    _Atomic(Cell *) cell;  /* whose detail it is: libffi's function gets the detail */
    ferry_handler handler; /* the real ones */
    void *context;
    const char *name; /* interned, or NULL */
    ferry_boundary boundary;
    void (*finalize)(void *context);
    bool mediated;          /* with a boundary or a finalizer: */
    _Atomic uint64_t calls; /*   calls under way, plus one until the closure ends */
    _Atomic uint32_t holds; /*   the cell goes to quarantine when calls is 0 and there are no references */
    Cell *next;             /* while in quarantine or free */
    size_t fallback_size;   /* 0: zeros */
    unsigned char fallback[];
};

/* ---- closure_pool.c: cells, see there ---- */

#define CLOSURE_OWN        16
#define CLOSURE_CROWD      4
#define DEFAULT_QUARANTINE 256

/* Cells in the order in which they were given. */
typedef struct CellQueue {
    Cell *oldest;
    Cell *newest;
    size_t count;
} CellQueue;

typedef struct Shard {
    _Atomic(uintptr_t) owner; /* the thread that alone uses it; 0: nobody yet */
    atomic_int busy;          /* a lock, where there is no owner */
    bool is_crowd;
    CellQueue waiting; /* in quarantine */
    CellQueue ready;   /* have been */
    Cell *fresh;       /* never used: [fresh, end) */
    Cell *end;
    size_t run;           /* how many are taken next */
    _Atomic int64_t live; /* taken minus given here: the sum over all shards counts */
    char apart[64];       /* so that no two shards are used in one cache line */
} Shard;

typedef struct ClosurePool {
    ThunkSpace *thunks;
    const ferry_allocator *allocator;
    size_t quarantine;
    Shard own[CLOSURE_OWN];
    Shard crowd[CLOSURE_CROWD];
    atomic_int depot_busy;
    CellQueue depot;
    atomic_int details_busy; /* a detail is being looked at from outside, or taken away */
} ClosurePool;

void closure_pool_open(ClosurePool *pool, ThunkSpace *thunks, const ferry_allocator *allocator, size_t quarantine);
/* A cell without references and of a new generation; the detail of its former use is freed. */
MUST_USE ferry_code cell_take(ClosurePool *pool, Cell **cell, ferry_error *error);
void cell_give(ClosurePool *pool, Cell *cell); /* into quarantine */
size_t closure_pool_live(ClosurePool *pool);   /* taken and not given */
void closure_pool_close(ClosurePool *pool);    /* with the details in quarantine; the thunks are their owner's */
/* For whoever does not own the cell: the detail stays until details_unlock. false: not to be had now (in a signal
 * handler the thread itself may hold it). */
bool details_lock(ClosurePool *pool);
void details_unlock(ClosurePool *pool);
Detail *detail_new(ClosurePool *pool, size_t fallback_size); /* NULL: no memory */
void detail_free(ClosurePool *pool, Detail *detail);         /* NULL is allowed */

/* The stub, 0: there is none yet. late_entry is written before entry: see slow_upcall.c for the order. */
static inline uintptr_t upcall_entry(Upcall *upcall) {
    uintptr_t entry = atomic_load_explicit(&upcall->entry, memory_order_acquire);
    if (entry != 0) return entry;
    const Code *late = shape_code(upcall->late_shape), *code = shape_code(upcall->shape);
    if (late == NULL || code == NULL) return 0;
    atomic_store(&upcall->late_entry, (uintptr_t)late->entry);
    atomic_store(&upcall->entry, (uintptr_t)code->entry);
    return (uintptr_t)code->entry;
}

/* Where a signature keeps the upcall of these options. */
static inline void *_Atomic *upcall_cell(const Signature *signature, const ferry_closure_options *options) {
    return &signature->runtime[SIGNATURE_UPCALLS + options->convention * 2 + options->handler_errno];
}

static inline ferry_closure *handle_of(const Cell *cell, uint64_t life) {
    uintptr_t bits = (uintptr_t)cell | (uintptr_t)(life >> 32 & 0xffff) << 48;
    return (ferry_closure *)bits; /* NOLINT(performance-no-int-to-ptr): a handle, not an address */
}

static inline Cell *cell_of(const ferry_closure *closure) {
    uintptr_t bits = (uintptr_t)closure & (((uintptr_t)1 << 48) - 1);
    return (Cell *)bits; /* NOLINT(performance-no-int-to-ptr): a handle holds one */
}

static inline bool handle_is_of(const ferry_closure *closure, uint64_t life) {
    return (uintptr_t)closure >> 48 == (life >> 32 & 0xffff);
}

static inline bool handle_fits(const ferry_closure *closure, uint64_t life) {
    return handle_is_of(closure, life) && (life & LIFE_REFERENCES) != 0;
}

static inline Detail *cell_detail(const Cell *cell) {
    bool has = (atomic_load_explicit(&cell->life, memory_order_acquire) & LIFE_HAS_DETAIL) != 0;
    return has ? atomic_load_explicit(&cell->detail, memory_order_relaxed) : NULL;
}

static inline bool cell_has_ended(const Cell *cell) {
    uint64_t life = atomic_load(&cell->life);
    return (life & LIFE_REFERENCES) == 0 || (life & LIFE_ENDED) != 0;
}

/* ---- upcall.c: under the engine's lock ---- */
MUST_USE ferry_code upcall_find(Engine *engine, const Signature *signature, const ferry_closure_options *options,
                                Upcall **upcall, ferry_error *error);
MUST_USE ferry_code upcall_complete(Upcall *upcall, ferry_error *error); /* entry or plan is there afterwards */
MUST_USE ferry_code upcall_plan(Upcall *upcall, ferry_error *error);     /* makes plan */
void upcall_request(Upcall *upcall);                                     /* no lock needed */
const char *upcall_reason(const Upcall *upcall);                         /* why it has no stub; no lock needed */
MUST_USE ferry_code upcalls_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                                    const ferry_closure_options *options, ferry_error *error);

/* ---- mediate.c: what stands between a stub and a handler ---- */

/* The handler of closures with a boundary or a finalizer; context is the cell. */
void mediate(void *cell, void *arguments, void *result);
/* Answers a call of an ended closure: reports it and writes the fallback or zeros. An Upcall's `late`. */
void late_call(Cell *cell, void *arguments, void *result);
/* Drops one of detail->calls; the last one calls the finalizer, if there is one. */
void calls_drop(Cell *cell, Detail *detail);
void holds_drop(Cell *cell, Detail *detail); /* the last one gives the cell to quarantine */
/* Fills in the message, counts the event, and calls the engine's function. name and signature: the closure's, or NULL.
 */
void report_event(Engine *engine, ferry_event event, const char *name, const Signature *signature, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

/* ---- guard.c: handlers that must not be left by exceptions and longjmps ---- */
typedef enum Departure { RETURNED, THREW, JUMPED } Departure;

/* Calls the handler. THREW: an exception came out and was deleted; *what says what it was, as far as that can be known
 * ("an exception of class GNUCC++"). JUMPED: a longjmp beyond this call was stopped. What cannot be stopped goes on, as
 * in guard_pass. */
Departure guard_call(ferry_handler handler, void *context, void *arguments, void *result, void (*left)(void *),
                     void *argument, char *what, size_t size);
/* Calls the handler; when it is left otherwise than by returning (exception, longjmp, end of the thread),
 * left(argument) is called on the way, and that goes on. A longjmp is noticed as far as guard_call could stop it. */
void guard_pass(ferry_handler handler, void *context, void *arguments, void *result, void (*left)(void *),
                void *argument);

/* ---- slow_upcall.c: upcalls through libffi ---- */
typedef struct SlowUpcall SlowUpcall;

/* FERRY_UNSUPPORTED, naming value and rule, for what libffi cannot pass exactly. With a cursor libffi passes all
 * argument registers and the stack. */
MUST_USE ferry_code slow_upcall_plan(const Upcall *upcall, const Placement *placement, Arena *arena,
                                     const SlowUpcall **plan, ferry_error *error);
/* Makes libffi's closure for a cell, in its detail; the cell's entry is then thunk_relay(). */
MUST_USE ferry_code slow_upcall_open(const Upcall *upcall, Cell *cell, Detail *detail, ferry_error *error);
/* Moves a closure on from libffi, where there is a stub now; says whether it has ended. */
bool slow_upcall_move_on(Cell *cell, Upcall *upcall);

/* ---- cursor.c ---- */
struct ferry_cursor {
    const Upcall *upcall;
    const unsigned char *stack;
    uint32_t started; /* 0: at the first argument, the rest of the state is not yet set */
    uint8_t used[BANK_COUNT];
    uint8_t halves;  /* of the float registers only 8 bytes are known (libffi) */
    uint64_t offset; /* bytes of the stack that are used, from `stack` on */
    uint64_t general[CURSOR_GENERAL_COUNT];
    unsigned char vectors[CURSOR_FLOAT_COUNT][16];
};

static_assert(offsetof(ferry_cursor, upcall) == CURSOR_UPCALL_OFFSET, "generated code writes it there");
static_assert(offsetof(ferry_cursor, stack) == CURSOR_STACK_OFFSET, "generated code writes it there");
static_assert(offsetof(ferry_cursor, started) == CURSOR_STATE_OFFSET, "generated code clears it there");
static_assert(offsetof(ferry_cursor, general) == CURSOR_GENERAL_OFFSET, "generated code writes them there");
static_assert(offsetof(ferry_cursor, vectors) == CURSOR_FLOAT_OFFSET, "generated code writes them there");
static_assert(sizeof(ferry_cursor) == CURSOR_SIZE, "generated code has room for so much");

#endif
