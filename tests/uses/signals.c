/* signals.c: closures as signal handlers, on the thread's stack and on one of their own. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "vm.h"

typedef struct Alarm {
    ferry_convention convention;
    volatile sig_atomic_t calls;
    int number;
    int value;
    pid_t sender;
    uintptr_t frame; /* an address on the handler's stack */
    void *machine;   /* the third argument */
} Alarm;

#define ACTION "void action(int, void *, void *)"
typedef void Action(int, siginfo_t *, void *);

static void note_signal(void *context, void *arguments, void *result) {
    (void)result;
    Alarm *alarm = context;
    const siginfo_t *info = ARGUMENT(siginfo_t *, alarm->convention, arguments, 1);
    alarm->number = ARGUMENT(int, alarm->convention, arguments, 0);
    alarm->machine = ARGUMENT(void *, alarm->convention, arguments, 2);
    alarm->value = info->si_value.sival_int;
    alarm->sender = info->si_pid;
    alarm->frame = (uintptr_t)__builtin_frame_address(0);
    alarm->calls++;
    errno = 77;
}

static void install(int number, ferry_closure *closure, int flags, struct sigaction *before) {
    struct sigaction action = {.sa_sigaction = CODE(Action *, closure), .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    cr_assert_eq(sigaction(number, &action, before), 0);
}

static void send(int number, int value) {
    cr_assert_eq(sigqueue(getpid(), number, (union sigval){.sival_int = value}), 0);
}

Test(uses, a_signal_handler_gets_its_arguments_and_keeps_errno) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Alarm alarm = {.convention = way->convention};
        struct sigaction before;
        ferry_closure *closure = new_closure(engine, way, ACTION, note_signal, &alarm);
        install(SIGUSR1, closure, 0, &before);
        errno = 5;
        send(SIGUSR1, -1234567);
        cr_expect_eq(errno, 5, "%s", way->name);
        cr_expect_eq(alarm.calls, 1);
        cr_expect_eq(alarm.number, SIGUSR1);
        cr_expect_eq(alarm.value, -1234567);
        cr_expect_eq(alarm.sender, getpid());
        cr_expect_not_null(alarm.machine);
        sigaction(SIGUSR1, &before, NULL);
        release(closure);
        free_engine(engine);
    }
}

Test(uses, a_signal_handler_on_a_stack_of_its_own) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Alarm alarm = {.convention = way->convention};
        struct sigaction before;
        static _Alignas(16) unsigned char memory[65536];
        const stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory}, none = {.ss_flags = SS_DISABLE};
        stack_t former;
        ferry_closure *closure = new_closure(engine, way, ACTION, note_signal, &alarm);
        cr_assert_eq(sigaltstack(&stack, &former), 0);
        install(SIGUSR2, closure, SA_ONSTACK, &before);
        for (int i = 1; i <= 100; i++) {
            errno = i;
            send(SIGUSR2, i * 1000);
            cr_assert_eq(errno, i);
            cr_assert_eq(alarm.value, i * 1000, "%s", way->name);
        }
        cr_expect_eq(alarm.calls, 100);
        cr_expect(alarm.frame > (uintptr_t)memory && alarm.frame < (uintptr_t)memory + sizeof memory);
        sigaction(SIGUSR2, &before, NULL);
        cr_assert_eq(sigaltstack(former.ss_sp != NULL ? &former : &none, NULL), 0);
        release(closure);
        free_engine(engine);
    }
}

/* ---- a timer that interrupts closures wherever they are ---- */

static int compare_in_c(const void *a, const void *b) {
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

static void tick(void *context, void *arguments, void *result) {
    (void)result;
    Alarm *alarm = context;
    alarm->number = ARGUMENT(int, alarm->convention, arguments, 0);
    alarm->calls++;
    errno = 77;
}

Test(uses, signals_interrupt_upcalls_and_nothing_is_lost) {
    enum { COUNT = 4096, TICKS = 100 };
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Alarm alarm = {.convention = way->convention};
        Program program = {way->convention, compare_ints, 0};
        ferry_closure *ticker = new_closure(engine, way, "void tick(int)", tick, &alarm);
        ferry_closure *compare = new_closure(engine, way, "int compare(const void *, const void *)", vm_run, &program);
        struct sigaction before, action = {.sa_handler = CODE(void (*)(int), ticker)};
        sigemptyset(&action.sa_mask);
        cr_assert_eq(sigaction(SIGALRM, &action, &before), 0);
        const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
        int values[COUNT], expected[COUNT], wrong = 0;
        uint64_t state = 3;
        errno = 5;
        cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
        while (alarm.calls < TICKS) {
            for (int i = 0; i < COUNT; i++) values[i] = expected[i] = (int)next_random(&state);
            qsort(values, COUNT, sizeof values[0], CODE(int (*)(const void *, const void *), compare));
            qsort(expected, COUNT, sizeof expected[0], compare_in_c);
            wrong += memcmp(values, expected, sizeof values) != 0 || errno != 5;
        }
        setitimer(ITIMER_REAL, &never, NULL);
        cr_expect_eq(wrong, 0, "%s", way->name);
        cr_expect_eq(alarm.number, SIGALRM);
        sigaction(SIGALRM, &before, NULL);
        release(ticker);
        release(compare);
        free_engine(engine);
    }
}
