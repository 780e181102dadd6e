/* runner.c: runs each test in a process of its own (see criterion/criterion.h beside this file).
 *
 * runner [--without SUITE[/TEST]]... [SUITE ...]: the tests of these suites, or all. Exit status 0 when all passed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum { EXIT_FAILED = 90, EXIT_SKIPPED = 91, SECONDS_A_TEST = 300, SUITES = 64 };

static SuiteTest *tests;
static struct {
    const char *suite;
    const SuiteOptions *options;
} suites[SUITES];
static size_t suite_count;
static bool failed; /* in the process of a test; its main thread alone checks */

void suite_register(SuiteTest *test) {
    test->next = tests;
    tests = test;
}

void suite_set_options(const char *suite, const SuiteOptions *options) {
    if (suite_count == SUITES) abort();
    suites[suite_count].suite = suite;
    suites[suite_count].options = options;
    suite_count++;
}

void suite_check(bool holds, bool fatal, const char *file, int line, const char *condition, const char *format, ...) {
    if (holds) return;
    fprintf(stderr, "%s:%d: failed: %s ", file, line, condition);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    failed = true;
    if (fatal) _exit(EXIT_FAILED);
}

void suite_skip(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    _exit(EXIT_SKIPPED);
}

static SuiteOptions options_of(const SuiteTest *test) {
    SuiteOptions options = test->options;
    for (size_t i = 0; i < suite_count; i++) {
        if (strcmp(suites[i].suite, test->suite) != 0) continue;
        if (options.init == NULL) options.init = suites[i].options->init;
        if (options.fini == NULL) options.fini = suites[i].options->fini;
    }
    return options;
}

static _Noreturn void run_here(const SuiteTest *test, const SuiteOptions *options) {
    alarm(SECONDS_A_TEST);
    if (options->init != NULL) options->init();
    test->run();
    if (options->fini != NULL) options->fini();
    exit(failed ? EXIT_FAILED : 0);
}

/* Returns whether the test ended as it should; *skipped when it did not want to run. */
static bool run(const SuiteTest *test, bool *skipped) {
    SuiteOptions options = options_of(test);
    pid_t child = fork();
    if (child == 0) run_here(test, &options);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    *skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
    if (options.signal != 0) return WIFSIGNALED(status) && WTERMSIG(status) == options.signal;
    return *skipped || (WIFEXITED(status) && WEXITSTATUS(status) == options.exit_code);
}

/* name: SUITE or SUITE/TEST */
static bool is_called(const SuiteTest *test, const char *name) {
    size_t length = strlen(test->suite);
    if (strncmp(name, test->suite, length) != 0) return false;
    return name[length] == '\0' || (name[length] == '/' && strcmp(name + length + 1, test->name) == 0);
}

static bool is_test(const char *name) {
    const SuiteTest *test = tests;
    while (test != NULL && !is_called(test, name)) test = test->next;
    return test != NULL;
}

/* What is left out must be there: so that it is not left out longer than there is a reason. */
static char **read_exclusions(char **arguments) {
    for (; *arguments != NULL && strcmp(*arguments, "--without") == 0; arguments += 2) {
        if (arguments[1] != NULL && is_test(arguments[1])) continue;
        fprintf(stderr, "there is no test called %s\n", arguments[1] != NULL ? arguments[1] : "nothing");
        exit(2);
    }
    return arguments;
}

/* arguments: exclusions up to `names`, then suites. */
static bool wanted(const SuiteTest *test, char **arguments, char **names) {
    for (; arguments < names; arguments += 2) {
        if (is_called(test, arguments[1])) return false;
    }
    if (*names == NULL) return true;
    for (; *names != NULL; names++) {
        if (strcmp(*names, test->suite) == 0) return true;
    }
    return false;
}

int main(int count, char **arguments) {
    (void)count;
    int tested = 0, passing = 0;
    char **names = read_exclusions(arguments + 1);
    for (const SuiteTest *test = tests; test != NULL; test = test->next) {
        bool skipped = false;
        if (test->options.disabled || !wanted(test, arguments + 1, names)) continue;
        bool good = run(test, &skipped);
        if (skipped) continue;
        tested++;
        passing += good;
        if (!good) printf("[FAIL] %s::%s\n", test->suite, test->name);
        fflush(stdout);
    }
    printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", tested, passing,
           tested - passing);
    return tested > 0 && passing == tested ? 0 : 1;
}
