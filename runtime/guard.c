/* guard.c: handlers that must not be left by exceptions and longjmps unseen. See guard.h. */
#include "runtime/guard.h"

/* AddressSanitizer moves what a function keeps to memory that is not the stack. The guard has to lie in the frame. */
#define IN_FRAME __attribute__((no_sanitize_address))

IN_FRAME Departure guard_call(ferry_handler handler, void *context, void *arguments, void *result, void (*left)(void *),
                              void *argument, char *what, size_t size) {
    Guard guard;
    guard.stops = true;
    guard.over = false;
    guard.left = left;
    guard.argument = argument;
    guard.what = what;
    guard.size = size;
    guard_watch(&guard);
    Departure departure = guard_enter(handler, context, arguments, result, &guard);
    guard_unwatch(&guard);
    return departure;
}

IN_FRAME void guard_pass(ferry_handler handler, void *context, void *arguments, void *result, void (*left)(void *),
                         void *argument) {
    Guard guard;
    guard.stops = false;
    guard.over = false;
    guard.left = left;
    guard.argument = argument;
    guard_watch(&guard);
    (void)guard_enter(handler, context, arguments, result, &guard);
    guard_unwatch(&guard);
}
