/* runtime/guard.h: the record of one guarded call, which lies in the frame of guard_call or guard_pass.
 *
 *     guard_call, guard_pass     record, with the C library's cleanup buffer: hears of a longjmp
 *       guard_enter              personality: hears of an unwinding
 *         handler
 *
 * The order matters: at the end of a thread the C library unwinds, and calls the routines of the buffers in the frames
 * that it has left. Since guard_enter's frame is the inner one, its personality has spoken by then, and the routine can
 * tell this from a longjmp. */
#ifndef FERRY_RUNTIME_GUARD_H
#define FERRY_RUNTIME_GUARD_H

#include <assert.h>

#include "runtime/closure.h"

struct _Unwind_Exception;

/* glibc's struct _pthread_cleanup_buffer; its own header shows it with reserved names only. */
typedef struct CleanupBuffer {
    void (*routine)(void *);
    void *argument;
    int cancel_type;
    struct CleanupBuffer *previous;
} CleanupBuffer;

typedef struct Guard {
    void *stack;          /* guard_enter's: the registers to give back lie there */
    bool stops;           /* guard_call's, else guard_pass's */
    bool watched;         /* buffer is in the thread's list */
    bool over;            /* the call was left by unwinding: nothing is to be done any more */
    char *what;           /* guard_call: where to say what was thrown, */
    size_t size;          /* with so many bytes */
    void (*left)(void *); /* NULL: nobody is to be told */
    void *argument;
    CleanupBuffer buffer;
} Guard;

#define GUARD_STACK_OFFSET 0
static_assert(offsetof(Guard, stack) == GUARD_STACK_OFFSET, "guard_enter writes it there");

/* ---- guard_unwind.c ---- */
#define GUARD_FRAME_SYMBOL __attribute__((visibility("hidden")))

/* Calls the handler. Returns as guard_call does; with !guard->stops, RETURNED only. */
GUARD_FRAME_SYMBOL Departure guard_enter(ferry_handler handler, void *context, void *arguments, void *result,
                                         Guard *guard);
/* Leaves everything that guard_enter has called, which returns JUMPED. */
GUARD_FRAME_SYMBOL _Noreturn void guard_return(const Guard *guard);
extern GUARD_FRAME_SYMBOL const char guard_called[]; /* where guard_enter's handler returns to */

/* ---- guard_longjmp.c ---- */
void guard_watch(Guard *guard);   /* from now on a longjmp out of the caller's frame is noticed, where possible */
void guard_unwatch(Guard *guard); /* may be called when nothing is watched */

/* ---- guard_exception.c ---- */
/* Fills guard->what and deletes the exception, as a handler of its language would. */
void guard_delete(struct _Unwind_Exception *exception, const Guard *guard);

#endif
