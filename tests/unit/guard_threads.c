/* guard_threads.c: guards at the end of threads, on other stacks, under signals, in forked children. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/unit/guard.h"

__asm__(".pushsection .text\n"
        ".globl call_without_tables\n"
        ".type call_without_tables, @function\n"
        "call_without_tables:\n"
        "subq $8, %rsp\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "call *%rax\n"
        "addq $8, %rsp\n"
        "ret\n"
        ".size call_without_tables, . - call_without_tables\n"
        ".popsection\n");

/* ---- the end of a thread ---- */

typedef struct Ending {
    ferry_handler handler;
    bool stops;
    int left;
    int cleaned; /* by a pthread_cleanup_push inside the handler */
    atomic_int entered;
    int returned;
} Ending;

static int result_of_thread;

static void exit_thread(void *unused) {
    (void)unused;
    pthread_exit(&result_of_thread);
}

static void exit_plainly(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Ending *ending = context;
    pthread_cleanup_push(count, &ending->cleaned);
    exit_thread(NULL);
    pthread_cleanup_pop(0);
}

static void exit_without_tables(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    ++((Ending *)context)->cleaned;
    call_without_tables(exit_thread, NULL);
}

static void wait_for_cancel(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Ending *ending = context;
    pthread_cleanup_push(count, &ending->cleaned);
    ending->entered = 1;
    for (;;) pause();
    pthread_cleanup_pop(0);
}

static void spin_for_cancel(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Ending *ending = context;
    ++ending->cleaned;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    ending->entered = 1;
    for (;;) __asm__ volatile("" ::: "memory");
}

static void *end_in_a_handler(void *context) {
    Ending *ending = context;
    if (ending->stops)
        guarded(ending->handler, ending);
    else
        guard_pass(ending->handler, ending, NULL, NULL, count, &ending->left);
    ending->returned++;
    return NULL;
}

static void check_ending(ferry_handler handler, bool stops, bool cancel) {
    Ending ending = {.handler = handler, .stops = stops};
    pthread_t thread;
    void *end = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, end_in_a_handler, &ending), 0);
    if (cancel) {
        while (ending.entered == 0) sched_yield();
        cr_expect_eq(pthread_cancel(thread), 0);
    }
    cr_assert_eq(pthread_join(thread, &end), 0);
    cr_expect_eq(end, cancel ? PTHREAD_CANCELED : &result_of_thread);
    cr_expect_eq(ending.returned, 0);
    cr_expect_eq(ending.cleaned, 1);
    cr_expect_eq(ending.left, stops ? 0 : 1);
}

Test(guard_threads, the_end_of_a_thread_passes_and_is_told) {
    for (int stops = 0; stops < 2; stops++) {
        check_ending(exit_plainly, stops, false);
        check_ending(exit_without_tables, stops, false);
        check_ending(wait_for_cancel, stops, true);
        check_ending(spin_for_cancel, stops, true);
    }
}

/* A cancellation meets guards at every instruction. */
static void return_soon(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    ((Ending *)context)->entered++;
}

static void *guard_for_ever(void *context) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    while (((Ending *)context)->stops) guarded(return_soon, context);
    return NULL;
}

Test(guard_threads, cancelling_anywhere_in_a_guard_ends_the_thread) {
    for (int i = 0; i < 300; i++) {
        Ending ending = {.stops = true};
        pthread_t thread;
        void *end = NULL;
        cr_assert_eq(pthread_create(&thread, NULL, guard_for_ever, &ending), 0);
        while (ending.entered < 10) sched_yield();
        pthread_cancel(thread);
        cr_assert_eq(pthread_join(thread, &end), 0);
        cr_assert_eq(end, PTHREAD_CANCELED);
    }
}

/* ---- longjmp on other threads and in children ---- */

static void *jump_in_a_thread(void *unused) {
    (void)unused;
    jmp_buf far;
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    for (int i = 0; i < 1000; i++) cr_assert_eq(guarded(jump, far), JUMPED);
    return NULL;
}

Test(guard_threads, a_longjmp_is_stopped_on_every_thread) {
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, jump_in_a_thread, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
}

static bool stops_a_jump(void) {
    jmp_buf far;
    return setjmp(far) == 0 && guarded(jump, far) == JUMPED;
}

static void *jump_in_a_child(void *unused) {
    pid_t child = fork();
    if (child == 0) _exit(stops_a_jump() ? 7 : 8);
    int status = 0;
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
    return unused;
}

Test(guard_threads, a_longjmp_is_stopped_in_the_child_of_a_thread) {
    pthread_t thread;
    jump_in_a_child(NULL);
    cr_assert_eq(pthread_create(&thread, NULL, jump_in_a_child, NULL), 0);
    pthread_join(thread, NULL);
}

static void find_errno(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    *(int *)context = errno;
}

static void *look_at_errno(void *context) {
    errno = 77;
    guarded(find_errno, context);
    return NULL;
}

Test(guard_threads, the_handler_finds_errno_as_it_was) {
    pthread_t thread;
    int found = 0;
    look_at_errno(&found);
    cr_expect_eq(found, 77);
    found = 0;
    cr_assert_eq(pthread_create(&thread, NULL, look_at_errno, &found), 0);
    pthread_join(thread, NULL);
    cr_expect_eq(found, 77);
}

/* ---- what cannot be stopped goes through ---- */

static void jump_back(void *context) {
    jump(context, NULL, NULL);
}

static void jump_without_tables(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    call_without_tables(jump_back, context);
}

Test(guard_threads, a_longjmp_over_frames_without_tables_goes_through) {
    jmp_buf far;
    volatile bool arrived = false;
    if (setjmp(far) == 0)
        guarded(jump_without_tables, far);
    else
        arrived = true;
    cr_expect(arrived);
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    cr_expect_eq(guarded(jump, far), JUMPED);
}

/* ---- coroutines ---- */

enum { COROUTINES = 3, ROUNDS = 50, STACK_SIZE = 128 * 1024 };

static ucontext_t scheduler, coroutines[COROUTINES];
static int current, landed, finished;

static void yield_in_a_handler(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
    swapcontext(&coroutines[current], &scheduler);
}

static void run_coroutine(void) {
    for (volatile int round = 0; round < ROUNDS; round++) {
        jmp_buf near;
        guarded(yield_in_a_handler, NULL);
        if (setjmp(near) == 0)
            guarded(jump, near);
        else
            landed++; /* on such a stack it goes through */
        Foreign foreign = {.exception = {.exception_class = 1}};
        cr_assert_eq(guarded(raise_foreign, &foreign), THREW);
    }
    finished++;
}

static void resume_all(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
    for (current = 0; current < COROUTINES; current++) swapcontext(&scheduler, &coroutines[current]);
}

static void *schedule(void *unused) {
    char *stacks[COROUTINES];
    current = landed = finished = 0;
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&coroutines[i]);
        stacks[i] = malloc(STACK_SIZE);
        coroutines[i].uc_stack = (stack_t){.ss_sp = stacks[i], .ss_size = STACK_SIZE};
        coroutines[i].uc_link = &scheduler;
        makecontext(&coroutines[i], run_coroutine, 0);
    }
    jmp_buf far;
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    for (int round = 0; round < ROUNDS + 1; round++) {
        if (round % 2 == 0)
            resume_all(NULL, NULL, NULL);
        else
            cr_assert_eq(guarded(resume_all, NULL), RETURNED);
        cr_assert_eq(guarded(jump, far), JUMPED);
    }
    for (int i = 0; i < COROUTINES; i++) free(stacks[i]);
    return unused;
}

static void check_schedule(void) {
    cr_expect_eq(finished, COROUTINES);
    cr_expect_eq(landed, COROUTINES * ROUNDS);
}

Test(guard_threads, coroutines_that_leave_and_enter_guards_in_any_order) {
    schedule(NULL);
    check_schedule();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, schedule, NULL), 0);
    pthread_join(thread, NULL);
    check_schedule();
}

/* Begun on a coroutine, the thread's own stack is still found. */
static void begin_on_a_coroutine(void) {
    guarded(yield_in_a_handler, NULL);
}

static void *coroutine_first(void *unused) {
    static char stack[STACK_SIZE];
    current = 0;
    getcontext(&coroutines[0]);
    coroutines[0].uc_stack = (stack_t){.ss_sp = stack, .ss_size = sizeof stack};
    coroutines[0].uc_link = &scheduler;
    makecontext(&coroutines[0], begin_on_a_coroutine, 0);
    swapcontext(&scheduler, &coroutines[0]);
    jump_in_a_thread(NULL);
    swapcontext(&scheduler, &coroutines[0]);
    return unused;
}

Test(guard_threads, a_coroutine_may_have_the_first_guard_of_a_thread) {
    coroutine_first(NULL);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, coroutine_first, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- signals ---- */

static sigjmp_buf signal_far;
static volatile int inner_signals;

static void jump_from_signal(int number) {
    if (number == SIGUSR1 && inner_signals++ < 1) {
        raise(SIGUSR2);
    } else {
        siglongjmp(signal_far, 1);
    }
}

static void raise_signals(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    raise(*(int *)context);
}

static void check_signal(int number, int flags) {
    struct sigaction action = {.sa_handler = jump_from_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGWINCH);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    inner_signals = 0;
    if (sigsetjmp(signal_far, 1) != 0) cr_assert(false, "not stopped");
    cr_expect_eq(guarded(raise_signals, &number), JUMPED);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i <= 64; i++) cr_expect_eq(sigismember(&after, i) == 1, i == SIGWINCH, "%d", i);
}

static void *check_signals(void *unused) {
    static char stack[64 * 1024];
    check_signal(SIGUSR2, 0);
    check_signal(SIGUSR1, 0);
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&other, NULL);
    check_signal(SIGUSR2, SA_ONSTACK);
    check_signal(SIGUSR1, SA_ONSTACK);
    stack_t none = {.ss_flags = SS_DISABLE};
    cr_expect_eq(sigaltstack(&none, NULL), 0); /* not while the kernel takes it for used */
    return unused;
}

Test(guard_threads, a_jump_out_of_signal_handlers_is_stopped_and_the_mask_is_as_before_them) {
    check_signals(NULL);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, check_signals, NULL), 0);
    pthread_join(thread, NULL);
}
