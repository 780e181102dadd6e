/* ferry/binding.h: calling C.
 *
 * A binding is a C function made callable from managed code. How the managed side hands over its values is the
 * binding's convention:
 *
 *   slots     arguments: an array of 8-byte slots. Each argument takes size / 8 slots, rounded up, in order, and lies
 * at the start of its first slot as it would lie in memory; one of size 0 takes none. Integers narrower than a slot
 * fill it, extended as their type says. result: the same way. Narrow integers fill their slot, extended; of a float
 * only its own 4 bytes are written. pointers  arguments: an array of pointers, one for each argument, to a value of
 * exactly its type, aligned for it. result: a pointer to memory for the result, aligned for it. As with libffi, an
 * integer narrower than 8 bytes is written as 8 bytes, extended: the memory must have room for them.
 *
 * A result of type void or of size 0 is not written and its pointer may be NULL; so may the array when there are no
 * arguments.
 */
#ifndef FERRY_BINDING_H
#define FERRY_BINDING_H

#include "ferry/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_binding ferry_binding;

typedef enum ferry_convention { FERRY_SLOTS, FERRY_POINTERS } ferry_convention;

/* What a binding's first word points to. */
typedef void (*ferry_entry)(const ferry_binding *binding, const void *arguments, void *result);

/* All zero is the default. */
typedef struct ferry_binding_options {
    ferry_convention convention;
    bool bound;         /* put the function's address into code of this binding's own: about 0.3 ns less a call,
                           at the price of a compile for each binding, which is made at once under
                           every policy but FERRY_NEVER */
    bool capture_errno; /* after the last argument comes one more, an `int *`: errno as it was right after the call is
                           written there. In slots one more slot, in pointers one more element, which is the
                           `int *` itself. It must not be NULL. */
} ferry_binding_options;

/* Which way the calls of a binding go. */
typedef enum ferry_path {
    FERRY_PATH_CODE,  /* machine code of its shape */
    FERRY_PATH_BOUND, /* machine code of its own */
    FERRY_PATH_LIBFFI /* the slow path */
} ferry_path;

/* Where the code comes from that a binding, or a closure, goes by now. */
typedef enum ferry_tier {
    FERRY_TIER_LIBFFI,  /* it goes by libffi, and no code is on its way */
    FERRY_TIER_WAITING, /* it goes by libffi until its code is made: in the background, or after so many calls (which
                           ferry_engine_wait does not wait for) */
    FERRY_TIER_PRELUDE, /* ready-made code: of this library, */
    FERRY_TIER_BUNDLE,  /* of a bundle, */
    FERRY_TIER_CACHE,   /* of the cache on disk */
    FERRY_TIER_QUICK,   /* made by this engine, at that quality */
    FERRY_TIER_BETTER
} ferry_tier;

/* "libffi", "waiting", "prelude", ...; static. */
FERRY_API const char *ferry_tier_text(ferry_tier tier);

/* Binds function (any C function of that signature) for calls. options may be NULL. The binding belongs to the caller
 * and must be freed before its engine. A signature of a variadic function must come from ferry_signature_of_call.
 * NULL on failure: a type that the target cannot pass, or, where no machine code can be made, one that libffi cannot
 * pass exactly. */
FERRY_API ferry_binding *ferry_bind(ferry_engine *engine, const ferry_signature *signature, void (*function)(void),
                                    const ferry_binding_options *options, ferry_error *error);

/* No call may be under way. NULL is allowed. */
FERRY_API void ferry_binding_free(ferry_binding *binding);

/* Makes the code of many signatures in one compile, which is several times quicker for each than one by one; bindings
 * with these options then find it, those that exist already as well: with their next call. It returns when the code is
 * there, whatever the policy (FERRY_NEVER: only ready-made code). options as for ferry_bind, `bound` not allowed. */
FERRY_API ferry_code ferry_prepare(ferry_engine *engine, const ferry_signature *const *signatures, size_t count,
                                   const ferry_binding_options *options, ferry_error *error);

/* Calls the bound function. Any thread; no lock, no allocation, no check. */
static inline void ferry_call(const ferry_binding *binding, const void *arguments, void *result) {
    ferry_entry entry = __atomic_load_n((const ferry_entry *)(const void *)binding, __ATOMIC_RELAXED);
    entry(binding, arguments, result);
}

/* The same with the pointers checked: FERRY_INVALID when one that is needed is NULL or not aligned (slots: to 8;
 * pointers: each to its type's alignment), naming the argument. */
FERRY_API ferry_code ferry_call_checked(const ferry_binding *binding, const void *arguments, void *result,
                                        ferry_error *error);

/* How it would be called now. Code that was made since its last call is taken up by these two as by a call. NULL:
 * libffi. */
FERRY_API ferry_path ferry_binding_path(const ferry_binding *binding);
FERRY_API ferry_tier ferry_binding_tier(const ferry_binding *binding);

/* Why the binding is on the slow path, "" where it is not; lives as long as the engine. */
FERRY_API const char *ferry_binding_reason(const ferry_binding *binding);

FERRY_API const ferry_signature *ferry_binding_signature(const ferry_binding *binding);

/* The trampoline that a binding uses now, and its size in bytes: for disassemblers and benchmarks. NULL and 0 on the
 * slow path. */
FERRY_API const void *ferry_binding_code(const ferry_binding *binding, size_t *size);

#ifdef __cplusplus
}
#endif
#endif
