/* A function that is called with the wrong declaration crashes easily: say so before the process dies. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/call.h"

/* Signal handlers receive no context: this one text is prepared for them. */
static char report[256];
static char alternate_stack[16384];

/* Only async-signal-safe calls. The default action comes back by itself (SA_RESETHAND), so that returning runs the
 * faulting instruction again and the process dies as it would have. */
static void tell(int signal_number) {
    (void)signal_number;
    ssize_t ignored = write(STDERR_FILENO, report, strlen(report));
    (void)ignored;
}

void crash_watch(const char *function) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    snprintf(report, sizeof report,
             "ferry: %.80s crashed. Check the declaration, and that its pointers point to enough memory.\n", function);
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_handler = tell, .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK)};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < LENGTH_OF(faults); i++) sigaction(faults[i], &action, NULL);
}
