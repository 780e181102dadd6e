/* exit.c: functions that C calls when the process ends, in children that end. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

typedef struct Farewell {
    ferry_engine *engine;
    ferry_closure *closures[2]; /* that live till the end */
    int pipe[2];
} Farewell;

static Farewell farewell;

static void say(char letter) {
    if (write(farewell.pipe[1], &letter, 1) != 1) _exit(99);
}

static void say_letter(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    say(*(const char *)context);
}

static void report_late(void *context, const ferry_report *report) {
    (void)context;
    say(report->event == FERRY_LATE_CALL ? 'L' : '?');
}

static void open_farewell(const Way *way) {
    ferry_error error;
    const ferry_engine_options options = {.policy = way->policy, .without = FERRY_SOURCE_ALL, .report = report_late};
    farewell.engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(farewell.engine, "%s", error.message);
    cr_assert_eq(pipe(farewell.pipe), 0);
}

/* Registered first, so called last. */
static void end_engine(void) {
    for (int i = 0; i < 2; i++) release(farewell.closures[i]);
    if (ferry_engine_free(farewell.engine, NULL) != FERRY_OK) _exit(96);
}

/* Everything else of the engine has ended when C calls. */
static void say_goodbye(const Way *way) {
    static char first = '1', second = '2', ended = 'e';
    ferry_engine *engine = farewell.engine;
    farewell.closures[0] = new_closure(engine, way, "void f(void)", say_letter, &first);
    farewell.closures[1] = new_closure(engine, way, "void f(void)", say_letter, &second);
    ferry_closure *short_lived = new_closure(engine, way, "void f(void)", say_letter, &ended);
    int failures = atexit(end_engine);
    for (int i = 0; i < 2; i++) failures += atexit(ferry_closure_code(farewell.closures[i])) != 0;
    failures += atexit(ferry_closure_code(short_lived)) != 0;
    release(short_lived);
    if (failures != 0) _exit(98);
    exit(7);
}

/* The other way round than they were registered; the last one had been released. */
Test(uses, atexit_calls_closures_and_a_late_call_leaves_the_exit_alone) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        open_farewell(way);
        pid_t child = fork();
        cr_assert_neq(child, -1);
        if (child == 0) say_goodbye(way);
        int status = 0;
        char said[8] = "";
        close(farewell.pipe[1]);
        cr_assert_eq(waitpid(child, &status, 0), child);
        ssize_t length = read(farewell.pipe[0], said, sizeof said - 1);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%s: status %#x", way->name, (unsigned)status);
        cr_expect_eq(length, 3);
        cr_expect_str_eq(said, "L21", "%s", way->name);
        close(farewell.pipe[0]);
        free_engine(farewell.engine);
    }
}
