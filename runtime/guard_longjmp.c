/* guard_longjmp.c: noticing a longjmp, and stopping it.
 *
 * glibc's longjmp calls, before it jumps, the routines of the cleanup buffers that lie in the frames to be jumped over:
 * those of the old pthread_cleanup_push, which it still has for old programs. A guard's frame has one, whose routine
 * may jump back to the guard, and the longjmp is never finished.
 *
 *     handler:  longjmp(far)
 *                 _longjmp_unwind -> __pthread_cleanup_upto -> jumped_over -> guard_return
 *
 * Which frames are jumped over glibc tells by comparing addresses, and the buffers are a list of the thread. Both are
 * right on the thread's own stack only: a coroutine's guard, with a stack from elsewhere, would leave its buffer in the
 * list when the coroutine is left. There a longjmp is not noticed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/guard.h"

#if defined(__x86_64__) && defined(__LP64__) && defined(__GLIBC__)

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

extern void _pthread_cleanup_push(struct _pthread_cleanup_buffer *buffer, void (*routine)(void *), void *argument)
    __attribute__((weak));
extern void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *buffer, int execute) __attribute__((weak));
extern void *__libc_stack_end __attribute__((weak));

static_assert(sizeof(CleanupBuffer) == sizeof(struct _pthread_cleanup_buffer), "it is glibc's");

/* ---- the thread's own stack ---- */

typedef struct Stack {
    uintptr_t low, high; /* both 0: not known yet */
} Stack;

/* Below the main thread's stack Linux keeps room for it to grow: what the limit said when the program began, but no
 * less than this. Further down mappings may lie, whatever the limit says today. */
static const rlim_t main_stack_most = (rlim_t)128 << 20;

static Stack main_stack(void) {
    struct rlimit limit;
    if (&__libc_stack_end == NULL || getrlimit(RLIMIT_STACK, &limit) != 0) return (Stack){1, 1};
    uintptr_t high = (uintptr_t)__libc_stack_end;
    return (Stack){high - (limit.rlim_cur < main_stack_most ? limit.rlim_cur : main_stack_most), high};
}

static Stack thread_stack(void) {
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return (Stack){1, 1};
    int code = pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return code == 0 ? (Stack){(uintptr_t)low, (uintptr_t)low + size} : (Stack){1, 1};
}

static bool lies_in(Stack stack, uintptr_t address) {
    return address - stack.low < stack.high - stack.low;
}

/* The main thread's is found without pthread_getattr_np, which reads a file for it, allocates, and believes the limit
 * of today. But the thread that called fork, main in its child, is on a stack that was made for it. */
static Stack find_stack(uintptr_t here) {
    int kept = errno;
    Stack main = main_stack(), found = main;
    if (gettid() != getpid() || !lies_in(main, here)) found = thread_stack();
    errno = kept;
    return lies_in(found, main.high - 1) ? main : found;
}

static bool on_own_stack(const void *address) {
    static _Thread_local Stack own;
    if (own.high == 0) own = find_stack((uintptr_t)address);
    return lies_in(own, (uintptr_t)address);
}

/* ---- stopping ---- */

typedef struct Walk {
    const Guard *guard;
    bool reached;
    bool in_signal;        /* there is a signal handler on the way, */
    uint64_t mask;         /* and this was the thread's signal mask before the outermost */
    _Unwind_Word previous; /* stack pointer of the frame before */
} Walk;

/* A frame that a signal interrupted comes after the one that returns from signal handlers, and that one's stack begins
 * with the ucontext. */
static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument) {
    Walk *walk = argument;
    int interrupted = 0;
    _Unwind_Word address = _Unwind_GetIPInfo(context, &interrupted), stack = _Unwind_GetCFA(context);
    if (interrupted != 0) {
        walk->in_signal = true;
        memcpy(&walk->mask, (const char *)walk->previous + offsetof(ucontext_t, uc_sigmask), sizeof walk->mask);
    }
    walk->previous = stack;
    walk->reached = address == (_Unwind_Word)guard_called && stack == (_Unwind_Word)walk->guard->stack;
    return walk->reached ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/* As the signal handlers that are left would have done by returning. */
static void restore_mask(const Walk *walk) {
    sigset_t mask;
    if (!walk->in_signal) return;
    sigemptyset(&mask);
    memcpy(&mask, &walk->mask, sizeof walk->mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* The routine of a guard's buffer. The end of a thread, too, comes here without the personality having been asked when
 * the unwinder met a frame without tables on its way, and must not be stopped. It is none if the way is clear. */
static void jumped_over(void *argument) {
    Guard *guard = argument;
    Walk walk = {.guard = guard};
    if (guard->over) return;
    if (guard->stops) _Unwind_Backtrace(visit, &walk);
    if (walk.reached) {
        restore_mask(&walk);
        guard_return(guard);
    }
    guard->over = true;
    if (guard->left != NULL) guard->left(guard->argument);
}

static struct _pthread_cleanup_buffer *buffer_of(Guard *guard) {
    return (struct _pthread_cleanup_buffer *)(void *)&guard->buffer;
}

void guard_watch(Guard *guard) {
    guard->watched = _pthread_cleanup_push != NULL && _pthread_cleanup_pop != NULL && on_own_stack(guard);
    if (guard->watched) _pthread_cleanup_push(buffer_of(guard), jumped_over, guard);
}

/* Also takes the buffers of inner frames out of the list, which a longjmp that was stopped has left there. */
void guard_unwatch(Guard *guard) {
    if (guard->watched) _pthread_cleanup_pop(buffer_of(guard), 0);
    guard->watched = false;
}

#else /* ---- other C libraries and architectures: longjmps are not noticed ---- */

void guard_watch(Guard *guard) {
    guard->watched = false;
}

void guard_unwatch(Guard *guard) {
    (void)guard;
}

#endif
