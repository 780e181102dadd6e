/* runtime/binding.h: what a ferry_binding is.
 *
 *     +0   entry            where ferry_call jumps: shared code, code of its own, or slow_call
 *     +8   target           the C function
 *     +16  errno_location   the C library's int *(*)(void)
 *     +24  route            what all bindings of its signature and options share, the engine among it
 *          next             while it is in the pool's free list
 *     +32  own              bound: its own code; else NULL
 *     +40  reason           bound: why it has no code of its own; else NULL
 *
 * The first three words are the contract with generated code (jit/backend.h). Bindings lie 48 bytes apart from a
 * multiple of 16 on, so that entry and target are always in one cache line.
 */
#ifndef FERRY_RUNTIME_BINDING_H
#define FERRY_RUNTIME_BINDING_H

#include <assert.h>
#include <stdatomic.h>

#include "ferry/binding.h"
#include "jit/backend.h"
#include "trampolines/code.h"

typedef struct ferry_engine Engine;
typedef struct ferry_binding Binding;
typedef struct Route Route;

struct ferry_binding {
    _Atomic(ferry_entry) entry;
    void (*target)(void);
    int *(*errno_location)(void);
    union {
        Route *route;
        Binding *next;
    };
    Code *own;
    const char *reason;
};

#define BINDING_BYTES     48
#define BINDING_ALIGNMENT 16

static_assert(offsetof(Binding, entry) == 0, "ferry_call reads the entry from the first word");
static_assert(offsetof(Binding, target) == BINDING_TARGET_OFFSET, "generated code loads the target from there");
static_assert(offsetof(Binding, errno_location) == BINDING_ERRNO_OFFSET, "generated code loads it from there");
static_assert(sizeof(Binding) == BINDING_BYTES, "what the pool counts with");
static_assert(sizeof(_Atomic(ferry_entry)) == sizeof(void *), "an atomic entry is a plain word");

#endif
