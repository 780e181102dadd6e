/* guard.h: what the tests of guards share: ways of leaving a handler. */
#ifndef FERRY_TESTS_UNIT_GUARD_H
#define FERRY_TESTS_UNIT_GUARD_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unwind.h>

#include "runtime/closure.h"

/* Calls function(argument) from a frame of which the unwinder knows nothing. */
void call_without_tables(void (*function)(void *), void *argument);

static inline void count(void *counter) {
    ++*(int *)counter;
}

/* guard_call for handlers that need their context only. */
static inline Departure guarded(ferry_handler handler, void *context) {
    char what[128];
    return guard_call(handler, context, NULL, NULL, NULL, NULL, what, sizeof what);
}

/* context: a jmp_buf */
static inline void jump(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    longjmp(*(jmp_buf *)context, 1);
}

/* An exception of no language that counts its deletions. */
typedef struct Foreign {
    struct _Unwind_Exception exception;
    int deleted;
    _Unwind_Reason_Code reason;
} Foreign;

static inline void delete_foreign(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception) {
    Foreign *foreign = (Foreign *)(void *)exception;
    foreign->deleted++;
    foreign->reason = reason;
}

/* context: a Foreign */
static inline void raise_foreign(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Foreign *foreign = context;
    foreign->exception.exception_cleanup = delete_foreign;
    _Unwind_RaiseException(&foreign->exception);
    cr_assert(false, "nobody caught it");
}

#endif
