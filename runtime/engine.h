/* runtime/engine.h: the engine, and the whole internal interface of this room on one page.
 *
 * Glossary of this room
 *   route   how calls of one signature with one set of options go: a shape's code, or a libffi plan with the reason
 *   pool    where bindings come from: cells of 48 bytes with a free list
 *   plan    libffi's view of one placement (slow path)
 *   entry   of a shape: what is known of its code. Where it comes from: ready-made (ready.c), or made (shape_code.c),
 * at once or by the maker, the engine's thread (maker.c) Closures have a page of their own: runtime/closure.h.
 *
 * Locks, all in the engine but the first. Each is taken with those above it held or none, never the other way round:
 *   engines     the list of all engines of the process (engines.c): while one comes or goes, at fork and at exit
 *   work        whoever makes code: LLVM's state, writing to the cache. Held for milliseconds: never waited for with
 *               `lock` held
 *   lock        types, layouts, shapes, routes, upcalls, code space, ready-made code, ended interfaces
 *   pool.busy   the bindings; a spin lock, since one is popped in a few nanoseconds
 *   crowd.busy, depot_busy, the thunk space's mutex   cells of closures, in this order (closure_pool.c)
 *   details_busy                                      closures' details, looked at from outside (closure_pool.c)
 * Calls take none, but for those of ended closures (details_busy) and for cursors (lock). A route is published in its
 * signature's cell, its entry in the route, and code in its shape's entry, with release order, so that ferry_bind and
 * calls on the slow path find them without the lock.
 *
 * fork: the first four are held over a fork by the thread that forks, so that the child finds everything whole; the
 * maker is not there any more and is started anew when it is needed. Closures are another matter: see ferry/closure.h.
 */
#ifndef FERRY_RUNTIME_ENGINE_H
#define FERRY_RUNTIME_ENGINE_H

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "abi/layout.h"
#include "abi/parse.h"
#include "abi/place.h"
#include "abi/shape.h"
#include "abi/type.h"
#include "runtime/binding.h"
#include "runtime/slow.h"
#include "trampolines/bundle.h"
#include "trampolines/cache.h"

/* pool.c */
typedef struct PoolChunk PoolChunk;
typedef struct Pool {
    const ferry_allocator *allocator;
    atomic_int busy;
    Binding *free;  /* given back, newest first */
    Binding *fresh; /* never used: [fresh, end) of the newest chunk */
    Binding *end;
    PoolChunk *chunks; /* newest first */
    size_t live;
} Pool;

Binding *pool_pop(Pool *pool); /* NULL: no memory. Its words are not cleared */
void pool_push(Pool *pool, Binding *binding);
size_t pool_live(Pool *pool);
void pool_hold(Pool *pool); /* over a fork */
void pool_release(Pool *pool);
void pool_close(Pool *pool);

/* backend_load.c. Loaded when the first blob must be made; a failure is remembered and not tried again. */
typedef struct Loaded {
    void *library;          /* dlopen's */
    const Backend *backend; /* NULL: not loaded, or failed */
    void *state;            /* backend->open's; NULL: not opened yet */
    bool failed;
    ferry_error failure; /* valid when failed */
} Loaded;

MUST_USE ferry_code backend_load(Loaded *loaded, const char *path, const ferry_allocator *allocator,
                                 ferry_error *error);
void backend_unload(Loaded *loaded);
/* Says, without loading it, which module would be loaded and what it and its LLVM are on disk: sizes and times of
 * change. As snprintf; "" where there is none. */
void backend_identity(const char *path, char *buffer, size_t size);

/* shape_table.c. One entry for each shape that was asked for. All in it is atomic that calls and ferry_bind look at. */
typedef struct ShapeEntry ShapeEntry;
struct ShapeEntry {
    const Shape *shape;
    _Atomic(const Code *) code;   /* once there it stays */
    _Atomic(const char *) reason; /* why there can be no code; at most one of the two */
    atomic_bool queued;           /* somebody is making it, or will */
    ShapeEntry *_Atomic next;     /* in the maker's queue */
    _Atomic ferry_tier tier;      /* of code; written before it */
};

/* An entry that is new has looked for ready-made code. */
MUST_USE ferry_code shape_entry_find(Engine *engine, const Shape *shape, ShapeEntry **entry, ferry_error *error);
void shape_entry_each(Engine *engine, void (*each)(void *context, ShapeEntry *entry), void *context);

static inline const Code *shape_code(const ShapeEntry *entry) {
    return atomic_load_explicit(&entry->code, memory_order_acquire);
}

/* ready.c: code that need not be made. Under the engine's lock, but for ready_keep. */
typedef struct BundleLink BundleLink;
struct BundleLink {
    Bundle bundle;
    BundleLink *next;
};

typedef struct Ready {
    Bundle prelude;
    BundleLink *bundles;   /* in the order of adding */
    const char *makers[2]; /* see CacheKey: of quick and of better code; NULL: not composed yet */
    Cache *cache;          /* NULL: not opened, or not to be used */
    bool cache_tried;
    atomic_bool cache_refuses; /* writing failed once: it is not tried again */
    const char *cache_error;   /* the first of them; NULL: none */
    const char *bundle_error;
    bool told_cache; /* reported */
    bool told_bundle;
    atomic_bool has_news; /* one of the two is to be reported */
    uint64_t cache_read_nanoseconds;
    _Atomic uint64_t cache_write_nanoseconds;
    uint64_t cache_misses;
    _Atomic uint64_t cache_written;
} Ready;

/* What could not be used is reported by ready_report, which is called without a lock. */
MUST_USE ferry_code ready_open(Engine *engine, ferry_error *error);
void ready_report(Engine *engine);
void ready_close(Engine *engine);
/* Sets the entry's code, where there is some. Fails for want of memory only; what cannot be used is not there. */
MUST_USE ferry_code ready_find(Engine *engine, ShapeEntry *entry, ferry_error *error);
MUST_USE ferry_code ready_add(Engine *engine, const Bundle *bundle, ferry_error *error);
/* Keeps blobs in the cache. The work lock is held, the engine's is not. */
void ready_keep(Engine *engine, const Shape *const *shapes, const Blob *blobs, size_t count, ferry_quality quality);

/* shape_code.c: code that is made. */
/* Under the engine's lock, which is given up while LLVM works. shapes_make: all of them have code afterwards, or it
 * fails; shapes_prepare the same, but under FERRY_NEVER nothing is made. shapes_complete: afterwards the last entry has
 * code, and the others that it needs too, or it has a reason. shape_bound: code for one function, owned by the caller.
 */
MUST_USE ferry_code shapes_make(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error);
MUST_USE ferry_code shapes_prepare(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error);
MUST_USE ferry_code shapes_complete(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error);
MUST_USE ferry_code shape_bound(Engine *engine, const Shape *shape, const void *function, Code **code,
                                ferry_error *error);
/* The work lock is held, the engine's is not. Entries that could not be made have a reason afterwards. */
void shapes_make_queued(Engine *engine, ShapeEntry *const *entries, size_t count);

/* maker.c: the engine's thread, and the queue of what it is to make.
 *
 *     shape_request -> queue -> taken -> code
 *
 * Anybody may ask, also in the middle of a call: asking takes no lock. The thread must have been started for it. */
#define MAKER_BATCH 32

typedef struct Maker {
    pthread_mutex_t work;
    atomic_uint wanted;        /* others that wait for it: the thread lets them go first */
    ShapeEntry *_Atomic queue; /* newest first */
    ShapeEntry *_Atomic taken; /* from the queue, oldest first; under `work` */
    _Atomic uint64_t asked;    /* entries, over all time */
    uint64_t finished;         /* of those; under the engine's lock */
    pthread_cond_t made;       /* with the engine's lock: something was finished */
    sem_t bell;
    atomic_bool asleep;
    atomic_bool stop;
    bool in_thread; /* it is the thread that holds `work`; under that */
    pthread_t thread;
    atomic_bool orphaned; /* the parent of this process had a thread that is to be started here too: see maker_revive */
    atomic_bool running;  /* changes under the engine's lock */
    const char *error;    /* why no thread could be started; NULL */
} Maker;

MUST_USE ferry_code maker_open(Engine *engine, ferry_error *error);
void maker_close(Engine *engine);                      /* stops the thread first */
void maker_start(Engine *engine);                      /* under the engine's lock; does nothing where it runs already */
void maker_wake(Engine *engine);                       /* whoever waits, to look again; no lock held */
void maker_stop(Engine *engine);                       /* no lock held; what is queued stays there */
void shape_request(Engine *engine, ShapeEntry *entry); /* no lock needed; nothing happens to one that has code */
void work_lock(Engine *engine);
void work_unlock(Engine *engine);
/* Waits, under the engine's lock (given up meanwhile), until something was finished; makes it itself where there is no
 * thread. false: the time (of CLOCK_MONOTONIC; NULL: none) is over. */
bool maker_wait(Engine *engine, const struct timespec *until);
/* In the child of a fork the thread is started by whoever next binds, makes a closure, asks for a tier, or calls by
 * libffi (but no closure: C may call those in signal handlers). No lock held. */
void maker_revive(Engine *engine);
/* Under `work`, wherever it is held: */
bool maker_is_stopping(const Engine *engine); /* this is the thread, and it is to end */
void maker_look_round(const Engine *engine);  /* LLVM was just loaded: the thread waits whether the process is ending */
void maker_after_fork(Engine *engine);        /* in the child, before its locks are released */

/* engines.c: all engines of the process. */
MUST_USE ferry_code engines_add(Engine *engine, ferry_error *error);
void engines_remove(Engine *engine);
/* From now on exit waits for what is being made: when a thread is started (NULL), and again after a library was loaded
 * that has destructors. */
void engines_watch_exit(const void *library);
/* Whoever loads a library with destructors does it between these two; false: the process is ending, there is no end to
 * call. The other is for every thread on which a maker is started. */
MUST_USE bool engines_load_begin(void);
void engines_load_end(void);
void engines_watch_thread(void);
void engines_watch_again(void); /* after a compile */
bool engines_exiting(void);     /* the process is ending: no code is made any more */
#define ENDING_TEXT "the process is ending: no code is made any more"

/* route.c. All under the engine's lock, but for what is inline. */
struct Route {
    Engine *engine;
    const Signature *signature;
    ShapeEntry *shape;
    const SlowPlan *plan;         /* NULL: not needed yet */
    const char *bound_reason;     /* why no binding of it can have code of its own; NULL while that did not fail */
    const Layout *const *layouts; /* of the parameters, then of the result (NULL: void) */
    _Atomic(ferry_entry) entry;   /* NULL until one of the ways is ready; slow_call until there is code */
    _Atomic uint32_t calls;       /* FERRY_AFTER_CALLS: by libffi */
    bool capture_errno;
    ferry_convention convention;
};

static inline ferry_entry code_entry(const Code *code) {
    return (ferry_entry)(uintptr_t)code->entry; /* NOLINT(performance-no-int-to-ptr): code address */
}

/* How its bindings are called now; NULL: it is not ready. */
static inline ferry_entry route_entry(Route *route) {
    ferry_entry entry = atomic_load_explicit(&route->entry, memory_order_acquire);
    const Code *code = entry == slow_call ? shape_code(route->shape) : NULL;
    if (code == NULL) return entry;
    atomic_store_explicit(&route->entry, code_entry(code), memory_order_release);
    return code_entry(code);
}

/* Why there is no code of that shape, in an engine of that policy. */
const char *shape_reason(const Engine *engine, const ShapeEntry *entry);
ferry_tier shape_tier(const Engine *engine, const ShapeEntry *entry); /* api_binding.c */

/* Of the parameters, then of the result: placed already, so that this neither computes nor allocates. */
MUST_USE ferry_code layouts_find(Engine *engine, const Signature *signature, const Layout **layouts,
                                 ferry_error *error);
MUST_USE ferry_code route_find(Engine *engine, const Signature *signature, const ferry_binding_options *options,
                               Route **route, ferry_error *error);
/* For a route on the slow path, no lock held: asks again for what was not to be had, for want of memory or of a thread.
 */
void route_ask(Route *route);
MUST_USE ferry_code route_complete(Route *route, ferry_error *error); /* entry is set afterwards */
/* *code NULL on success: no machine code can be made, and *reason says why. */
/* Gives the engine's lock up while LLVM works. */
MUST_USE ferry_code route_bound_code(Route *route, void (*function)(void), Code **code, const char **reason,
                                     ferry_error *error);
MUST_USE ferry_code route_plan(Route *route, ferry_error *error);
MUST_USE ferry_code routes_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                                   const ferry_binding_options *options, ferry_error *error);

/* host.c: what this machine can run, and where its C library keeps errno, from the thread pointer (false: unknown). */
bool host_errno_offset(intptr_t *offset);
const Target *host_best_target(void);                          /* NULL: none of the rows */
bool host_can_run(const Target *target, const char **missing); /* *missing names what it lacks */
bool host_has(const char *features, const char **missing);     /* LLVM's list, as in a target's row */

/* api_interface.c: interfaces in quarantine. Under the engine's lock. */
typedef struct InterfaceQueue {
    struct ferry_interface *oldest;
    struct ferry_interface *newest;
    size_t count;
} InterfaceQueue;

void interfaces_close(Engine *engine); /* frees them */

/* engine.c */
struct ferry_engine {
    ferry_allocator own_allocator;
    const ferry_allocator *allocator; /* &own_allocator; NULL: malloc */
    pthread_mutex_t lock;
    ferry_policy policy;
    ferry_quality quality;
    uint32_t after_calls;
    unsigned without; /* ferry_source */
    const Target *target;
    const char *backend_path; /* NULL: search */
    const char *cache_folder; /* NULL: the environment's, or the usual one */
    size_t cache_limit;
    Arena arena;   /* layouts, shapes, routes, plans */
    Arena scratch; /* of one request, under the lock: see engine_scratch */
    TypeTable types;
    LayoutTable layouts;
    Table shapes; /* of ShapeEntry */
    CodeSpace *code;
    struct ThunkSpace *thunks;
    struct ClosurePool *closures;
    intptr_t errno_offset;
    atomic_size_t interfaces; /* with references */
    InterfaceQueue ended_interfaces;
    ferry_report_function report; /* NULL: events are only counted */
    void *report_context;
    _Atomic uint64_t events[FERRY_IGNORED_BUNDLE + 1]; /* how often each happened */
    Ready ready;
    Maker maker;
    Loaded loaded;          /* under maker.work; what others may know of it: */
    const char *llvm;       /* its version; NULL: not loaded */
    const char *no_backend; /* why it could not be; NULL */
    const char *no_code;    /* why the system gives no memory for code; NULL while it does */
    uint64_t load_nanoseconds;
    uint64_t compile_nanoseconds;
    uint64_t place_nanoseconds;
    uint64_t requests;
    Engine *next_engine; /* engines.c */
    Engine *previous_engine;
    Pool pool;
    atomic_size_t scopes;
};

/* The quality at which a shape's code is made. */
static inline ferry_quality engine_quality(const Engine *engine, const Shape *shape) {
    return engine->quality == FERRY_BY_SHAPE ? shape_best_quality(shape) : engine->quality;
}

/* clock.c: nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now(void);

/* Marks the beginning of a request's scratch memory, one block of which is kept for the next one. */
ArenaMark engine_scratch(Engine *engine);

void engine_lock(Engine *engine);
void engine_unlock(Engine *engine);
void engine_leave(Engine *engine); /* unlocks, and reports what could not be used */
Engine *engine_of_types(TypeTable *types);

/* check.c: FERRY_INVALID for NULL, FERRY_FOREIGN for an object of another engine; both name the parameter. */
MUST_USE ferry_code check_pointer(const void *pointer, const char *parameter, ferry_error *error);
MUST_USE ferry_code check_type(const Engine *engine, const Type *type, const char *parameter, ferry_error *error);
MUST_USE ferry_code check_types(const Engine *engine, const Type *const *types, size_t count, const char *parameter,
                                ferry_error *error);
MUST_USE ferry_code check_signature(const Engine *engine, const Signature *signature, const char *parameter,
                                    ferry_error *error);
MUST_USE ferry_code check_scope(const Engine *engine, const Scope *scope, const char *parameter, ferry_error *error);

#endif
