/* runtime/engine.h: the engine, and the whole internal interface of this room on one page.
 *
 * Glossary of this room
 *   route   how calls of one signature with one set of options go: a shape's code, or a libffi plan with the reason
 *   pool    where bindings come from: cells of 48 bytes with a free list
 *   plan    libffi's view of one placement (slow path)
 * Closures have a page of their own: runtime/closure.h.
 *
 * Locks, all in the engine. Each is taken with those above it held or none, never the other way round:
 *   lock        types, layouts, shapes, routes, upcalls, code space, backend, ended interfaces
 *   pool.busy   the bindings; a spin lock, since one is popped in a few nanoseconds
 *   crowd.busy, depot_busy, the thunk space's mutex   cells of closures, in this order (closure_pool.c)
 *   details_busy                                      closures' details, looked at from outside (closure_pool.c)
 * Calls take none, but for those of ended closures (details_busy) and for cursors (lock). A route is published in its
 * signature's cell, and its entry in the route, with release order, so that ferry_bind finds both without the lock.
 *
 * fork: a child of a process with one thread goes on working with the engine. Where other threads exist, one of them
 * may hold a lock at the moment of the fork, as with malloc's own locks in other libraries: then the child may call
 * its bindings, and be called through its closures, but must not make or free anything, nor use cursors.
 */
#ifndef FERRY_RUNTIME_ENGINE_H
#define FERRY_RUNTIME_ENGINE_H

#include <pthread.h>

#include "abi/layout.h"
#include "abi/parse.h"
#include "abi/place.h"
#include "abi/shape.h"
#include "abi/type.h"
#include "runtime/binding.h"
#include "runtime/slow.h"

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

/* shape_table.c. One entry for each shape that was asked for.
 * Invariant: at most one of code and reason is set; with neither its code was not needed yet. */
typedef struct ShapeEntry {
    const Shape *shape;
    Code *code;
    const char *reason; /* why there can be no code */
    bool queued;        /* it is in a batch already */
} ShapeEntry;

MUST_USE ferry_code shape_entry_find(Engine *engine, const Shape *shape, ShapeEntry **entry, ferry_error *error);

/* shape_code.c. Under the engine's lock. */
typedef struct Batch {
    ShapeEntry **entries;
    const Shape **shapes;
    Code **codes;
    size_t count;
} Batch;

/* codes: one for each shape, NULL before; all are made or none. */
MUST_USE ferry_code shapes_compile(Engine *engine, const Shape *const *shapes, size_t count, const void *bound,
                                   Code **codes, ferry_error *error);
/* Afterwards the last entry has code, and the others that it needs too, or it has a reason. */
MUST_USE ferry_code shapes_complete(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error);
MUST_USE ferry_code reason_keep(Engine *engine, const ferry_error *failure, const char **reason, ferry_error *error);
MUST_USE ferry_code batch_open(Batch *batch, Arena *scratch, size_t most, ferry_error *error);
void batch_add(Batch *batch, ShapeEntry *entry);
MUST_USE ferry_code batch_make(Engine *engine, Batch *batch, ferry_error *error);
void batch_close(Batch *batch, bool made); /* after batch_open, whatever came of it */

/* route.c. All under the engine's lock. */
struct Route {
    Engine *engine;
    const Signature *signature;
    ShapeEntry *shape;            /* NULL: FERRY_NEVER */
    const SlowPlan *plan;         /* NULL: not needed yet */
    _Atomic(const Code *) code;   /* NULL: slow path */
    _Atomic(const char *) reason; /* "" with code */
    const char *bound_reason;     /* why no binding of it can have code of its own; NULL while that did not fail */
    const Layout *const *layouts; /* of the parameters, then of the result (NULL: void) */
    _Atomic(ferry_entry) entry;   /* NULL until one of the ways is ready; written last */
    bool capture_errno;
    ferry_convention convention;
};

/* Of the parameters, then of the result: placed already, so that this neither computes nor allocates. */
MUST_USE ferry_code layouts_find(Engine *engine, const Signature *signature, const Layout **layouts,
                                 ferry_error *error);
MUST_USE ferry_code route_find(Engine *engine, const Signature *signature, const ferry_binding_options *options,
                               Route **route, ferry_error *error);
MUST_USE ferry_code route_complete(Route *route, ferry_error *error); /* entry is set afterwards */
/* *code NULL on success: no machine code can be made, and *reason says why. */
MUST_USE ferry_code route_bound_code(Route *route, void (*function)(void), Code **code, const char **reason,
                                     ferry_error *error);
MUST_USE ferry_code route_plan(Route *route, ferry_error *error);
MUST_USE ferry_code routes_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                                   const ferry_binding_options *options, ferry_error *error);

/* host.c: what this machine can run, and where its C library keeps errno, from the thread pointer (false: unknown). */
bool host_errno_offset(intptr_t *offset);
const Target *host_best_target(void);                          /* NULL: none of the rows */
bool host_can_run(const Target *target, const char **missing); /* *missing names what it lacks */

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
    const Target *target;
    const char *backend_path; /* NULL: search */
    Arena arena;              /* layouts, shapes, routes, plans */
    TypeTable types;
    LayoutTable layouts;
    Table shapes; /* of ShapeEntry */
    CodeSpace *code;
    struct ThunkSpace *thunks;
    struct ClosurePool *closures;
    intptr_t errno_offset;
    int ffi_sharer;           /* see Detail; that of the first closure on the slow path */
    atomic_size_t interfaces; /* with references */
    InterfaceQueue ended_interfaces;
    ferry_report_function report; /* NULL: events are only counted */
    void *report_context;
    _Atomic uint64_t events[FERRY_STOPPED_LONGJMP + 1]; /* how often each happened */
    const char *no_code; /* why the system gives no memory for code; NULL while it does */
    Loaded loaded;
    uint64_t compile_nanoseconds;
    Pool pool;
    atomic_size_t scopes;
};

void engine_lock(Engine *engine);
void engine_unlock(Engine *engine);
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
