/* process.c: what does a fresh process pay?
 *
 * This program starts itself again with a hidden option. The child does one thing (nothing; one call through libffi;
 * one call through ferry with policy never, or now), looks at its own memory, and prints one line:
 *
 *   nanoseconds from engine to the first call's return, on the clock and on the CPU; RSS; PSS; is libLLVM mapped?
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/callees.h"

typedef struct ChildKind {
    const char *name;
    bool (*first_call)(void);
} ChildKind;

/* ---- the child ---- */

static const long arguments[6] = {1, 2, 3, 4, 5, 6};
enum { RIGHT_RESULT = 51 };

static bool first_ferry_call(ferry_policy policy) {
    ferry_error error = {0};
    long result = 0;
    ferry_engine_options options = {.policy = policy};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL) return false;
    const ferry_signature *signature =
        ferry_signature_parse(engine, "long f(long, long, long, long, long, long)", NULL, &error);
    ferry_binding *binding =
        signature != NULL ? ferry_bind(engine, signature, (Function *)callee_long6, NULL, &error) : NULL;
    if (binding == NULL) return false;
    ferry_call(binding, arguments, &result);
    /* Not freed: what the process holds while it works is what is looked at next. */
    bool slow = ferry_binding_path(binding) == FERRY_PATH_LIBFFI;
    return result == RIGHT_RESULT && slow == (policy == FERRY_NEVER);
}

static bool first_call_now(void) {
    return first_ferry_call(FERRY_NOW);
}

static bool first_call_never(void) {
    return first_ferry_call(FERRY_NEVER);
}

static bool first_call_libffi(void) {
    static ffi_cif cif;
    static ffi_type *parameters[6];
    void *pointers[6];
    long result = 0;
    for (size_t k = 0; k < 6; k++) {
        parameters[k] = &ffi_type_slong;
        pointers[k] = (void *)(uintptr_t)&arguments[k];
    }
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 6, &ffi_type_slong, parameters) != FFI_OK) return false;
    ffi_call(&cif, (Function *)callee_long6, &result, pointers);
    return result == RIGHT_RESULT;
}

static bool no_call(void) {
    return true;
}

static const ChildKind kinds[] = {
    {"nothing", no_call},
    {"libffi", first_call_libffi},
    {"ferry_never", first_call_never},
    {"ferry_now", first_call_now},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* The number of kibibytes after a name in /proc/self/smaps_rollup, as bytes. */
double memory_bytes(const char *name) {
    char line[256];
    double kibibytes = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) kibibytes = strtod(line + strlen(name), NULL);
    fclose(file);
    return kibibytes * 1024;
}

static bool is_mapped(const char *library) {
    char line[4096];
    bool found = false;
    FILE *file = fopen("/proc/self/maps", "r");
    if (file == NULL) return false;
    while (!found && fgets(line, sizeof line, file) != NULL) found = strstr(line, library) != NULL;
    fclose(file);
    return found;
}

enum { SEEN_REAL, SEEN_CPU, SEEN_RSS, SEEN_PSS, SEEN_LLVM, SEEN_COUNT };

int process_child(const char *what) {
    for (size_t k = 0; k < KIND_COUNT; k++) {
        if (strcmp(kinds[k].name, what) != 0) continue;
        Clock begin = clock_now();
        bool right = kinds[k].first_call();
        Clock end = clock_now();
        if (!right) return 1;
        printf("%.0f %.0f %.0f %.0f %d\n", end.real - begin.real, end.cpu - begin.cpu, memory_bytes("Rss:"),
               memory_bytes("Pss:"), is_mapped("libLLVM"));
        return 0;
    }
    return 2;
}

/* ---- the parent ---- */

static void become_child(const char *what, int output) {
    char option[64];
    static char program[] = "ferry-bench";
    snprintf(option, sizeof option, "--child=%s", what);
    char *words[] = {program, option, NULL};
    if (dup2(output, STDOUT_FILENO) >= 0) execv("/proc/self/exe", words);
    _exit(127);
}

static bool read_line(int input, double *numbers, size_t count) {
    FILE *file = fdopen(input, "r");
    if (file == NULL) return false;
    char line[512];
    bool whole = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *rest = line;
    for (size_t k = 0; whole && k < count; k++) {
        const char *word = rest;
        numbers[k] = strtod(word, &rest);
        whole = rest != word;
    }
    return whole;
}

bool child_run(const char *what, double *numbers, size_t count) {
    int ends[2], status = 0;
    fflush(NULL);
    if (pipe(ends) != 0) return false;
    pid_t child = fork();
    if (child == 0) become_child(what, ends[1]);
    close(ends[1]);
    bool whole = child > 0 && read_line(ends[0], numbers, count);
    if (child > 0 && waitpid(child, &status, 0) != child) return false;
    return whole && status == 0;
}

static bool measure_kind(Results *results, const Options *options, const ChildKind *kind) {
    Measure *measure = results_add(results, options->quick ? 5 : 21, "process/first_call_%s", kind->name);
    if (measure == NULL) return false;
    double rss[32], pss[32];
    double seen[SEEN_COUNT] = {0};
    for (size_t k = 0; k < measure->count; k++) {
        report_progress(measure->name, k, measure->count);
        if (!child_run(kind->name, seen, SEEN_COUNT)) {
            report_progress_end();
            report_note("%s: not measured, the child process failed", kind->name);
            results->wrong = true;
            measure->count = 0; /* nothing that could be written anywhere */
            return true;
        }
        measure_sample(measure, k, (Clock){0, 0}, (Clock){seen[SEEN_REAL], seen[SEEN_CPU]}, 1);
        rss[k] = seen[SEEN_RSS];
        pss[k] = seen[SEEN_PSS];
    }
    report_progress_end();
    measure_count(measure, "rss_bytes", summarize(rss, measure->count).median);
    measure_count(measure, "pss_bytes", summarize(pss, measure->count).median);
    measure_count(measure, "libllvm_mapped", seen[SEEN_LLVM]);
    measure_done(measure, measure->real); /* who waits for a process waits for its disk too */
    report_measure(measure);
    return true;
}

bool process_measure(Results *results, const Options *options) {
    if (!wanted(options, "process")) return true;
    report_heading("A fresh process: from engine to the first call's return, and its memory then");
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (!measure_kind(results, options, &kinds[k])) return false;
    return true;
}
