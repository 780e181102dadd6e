/* ferry/closure.h: being called by C.
 *
 * A closure is a C function pointer with a handler behind it: C may call it from any thread, any number of times, for
 * as long as it wants. The pointer never changes while the closure lives, whatever happens behind it.
 *
 *     C calls code(1, 2.5)  ->  handler(context, arguments, result)  ->  C gets what the handler wrote to result
 *
 * How the handler gets its values is the closure's convention, the same two as for bindings (ferry/binding.h):
 *
 *   slots     arguments: an array of 8-byte slots, each argument in size / 8 of them, rounded up. Integers narrower
 *             than a slot fill it, extended as their type says.
 *   pointers  arguments: an array of pointers, one for each argument, to a value of exactly its type, aligned for it.
 *
 * result points to memory for the result. An integer may be written with its own size or extended to 8 bytes; of
 * anything else exactly its own bytes may be written. The memory is aligned to 8 bytes and to the result's type; only
 * where C hands in the memory for a large struct it is that memory, aligned for the type. With a result of type void or
 * of size 0 it is not to be touched. The arguments belong to the handler until it returns; it may write to them.
 *
 * Lifetime. A closure is made with one reference. ferry_closure_retain and _release count; with the last reference the
 * closure ends. ferry_closure_revoke ends it at once, whoever still has references. A call that comes after the end is
 * reported through the engine (ferry_engine_options.report) and returns zeros, or the fallback of the options. The
 * memory of an ended closure is used again only after `quarantine` further closures have ended (ferry_engine_options);
 * a call that comes later still may reach another closure, as with any pointer that is used after its object's end.
 *
 * A call that is under way on another thread when the closure ends finishes with the handler and the context that it
 * began with: neither is touched before the memory is used again. Whoever must know when the last such call is over,
 * to free what context points to, gives a `finalize`: closures with one count the calls that are under way.
 *
 * Signal handlers and forks. A closure may be called in a signal handler if its handler may run there; one with a
 * finalizer, a boundary or a cursor may not, and nothing else here may be called there. A child of a fork has closures
 * of its own at the same addresses. Where the parent has several threads (the engine's own does not count) the child
 * may call them, but not make or end any, nor use cursors. Handles are recognised as long as their engine lives.
 */
#ifndef FERRY_CLOSURE_H
#define FERRY_CLOSURE_H

#include "ferry/binding.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A handle. Not an address: it carries a generation, so that a handle that outlived its closure is recognised. */
typedef struct ferry_closure ferry_closure;

/* Any C function; cast to its type before it is called. */
typedef void ferry_function(void);

typedef void (*ferry_handler)(void *context, void *arguments, void *result);

/* What happens when the handler is left by a C++ exception (any that unwinds), or by longjmp to a place beyond the
 * closure's caller. */
typedef enum ferry_boundary {
    FERRY_LET_THROUGH, /* it goes on through the C frames that called, as if the closure were one of them */
    FERRY_STOP         /* it ends at the closure: it is reported, and the call returns the fallback. An exception is
                          deleted. A longjmp can be stopped with glibc, on the thread's own stack and over frames with
                          unwind tables; elsewhere it goes through. pthread_exit and cancellation always go through. Costs some
                          20 ns a call. */
} ferry_boundary;

/* All zero is the default. */
typedef struct ferry_closure_options {
    ferry_convention convention;
    bool handler_errno; /* C sees errno as the handler left it; else errno is after each call what it was before */
    ferry_boundary boundary;
    const char *name;                /* in reports. NULL: none. Each different name is kept as long as the engine */
    const void *fallback;            /* a value of the result's type, copied; NULL: zeros */
    void (*finalize)(void *context); /* called once, when the closure has ended and no call is under way, on the thread
                                        where that becomes true; a call may still be returning to C then. Costs some
                                        20 ns a call. A call that was left by a longjmp which ferry could not notice
                                        (see FERRY_STOP) is under way for ever: then it is never called, and the engine
                                        stays in use */
} ferry_closure_options;

/* Makes a closure of signature. options may be NULL. Any thread. NULL on failure: a type that the target cannot pass,
 * no machine code and libffi cannot pass it exactly either (FERRY_NO_CODE; FERRY_UNSUPPORTED where the policy is
 * never), or no memory for thunks. After a failure context is the caller's as before: no finalizer is called.
 *
 * signature may be variadic without saying more, `int f(const char *, ...)`: the handler then finds, after the last
 * argument (in slots one more slot, in pointers one more element), a `ferry_cursor *` from which it fetches the further
 * arguments. A signature of ferry_signature_of_call stands for calls with just those arguments and has no cursor. */
FERRY_API ferry_closure *ferry_closure_create(ferry_engine *engine, const ferry_signature *signature,
                                              ferry_handler handler, void *context,
                                              const ferry_closure_options *options, ferry_error *error);

/* The function pointer to hand to C: cast it to the signature's type. It is valid for as long as the closure has
 * references; NULL for NULL and for a handle whose closure has none any more. */
FERRY_API ferry_function *ferry_closure_code(const ferry_closure *closure);

/* One reference more or less. Any thread, also while calls are under way. FERRY_STALE, and a report, for a handle
 * whose closure has no references any more; FERRY_TOO_LARGE when 2^31 references are reached. Releasing NULL is
 * allowed. */
FERRY_API ferry_code ferry_closure_retain(ferry_closure *closure, ferry_error *error);
FERRY_API ferry_code ferry_closure_release(ferry_closure *closure, ferry_error *error);

/* Ends the closure now, whoever has references; they still have to be released, or the engine stays in use. Any thread,
 * whether it has a reference or not. Doing it twice is allowed. FERRY_STALE as above. */
FERRY_API ferry_code ferry_closure_revoke(ferry_closure *closure, ferry_error *error);

/* Makes the stubs of many signatures in one compile; closures with these options then find them, those that exist
 * already as well: with their next but one call they leave the slow path. Of valid options only convention and
 * handler_errno matter. */
FERRY_API ferry_code ferry_closures_prepare(ferry_engine *engine, const ferry_signature *const *signatures,
                                            size_t count, const ferry_closure_options *options, ferry_error *error);

/* Looking. FERRY_PATH_LIBFFI, "", NULL for handles whose closures have no references any more. */
FERRY_API ferry_path ferry_closure_path(const ferry_closure *closure);
FERRY_API ferry_tier ferry_closure_tier(const ferry_closure *closure);
FERRY_API const char *ferry_closure_reason(const ferry_closure *closure); /* why it is on the slow path, else "" */
FERRY_API const ferry_signature *ferry_closure_signature(const ferry_closure *closure);
FERRY_API const void *ferry_closure_stub(const ferry_closure *closure, size_t *size); /* the shared code, or NULL */

/* The further arguments of one call of a variadic closure. Valid until the handler returns, on its thread. */
typedef struct ferry_cursor ferry_cursor;

/* Copies the next argument, which must have been passed as `type`, to value (aligned for the type) and goes on to the
 * one after it: C's va_arg, for every type that can be passed. As in C nothing tells how many there are or of which
 * types; types that no variadic argument has after C's promotions (float, short, ...) are refused. On the slow path so
 * is what fills more than 8 bytes of a vector register (FERRY_UNSUPPORTED): libffi does not hand that on. After a
 * failure the cursor is where it was. */
FERRY_API ferry_code ferry_cursor_next(ferry_cursor *cursor, const ferry_type *type, void *value, ferry_error *error);

/* Goes back to the first. */
FERRY_API void ferry_cursor_rewind(ferry_cursor *cursor);

#ifdef __cplusplus
}
#endif
#endif
