/* child.c: this program once more, in a fresh process, and what a process can see of itself.
 *
 *     parent                              child
 *     fork, note the time, exec   ->      main: note the time, do what the first word says
 *     read the line, wait         <-      print one line of numbers, return
 *
 * A child runs on all the CPUs that this program was given, bound to none of them, as programs do.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static const char option[] = "--child=";

enum { WORD_PROGRAM, WORD_WHAT, WORD_EXEC, WORD_PATH, WORD_COUNT };

/* ---- the child ---- */

typedef int Part(const char *what, const Birth *birth);

static Part *const parts[] = {process_child, startup_child, early_child, tiers_child, contention_child, closures_child};

bool child_is(int count, char **words) {
    return count == WORD_COUNT && strncmp(words[WORD_WHAT], option, sizeof option - 1) == 0;
}

/* Nothing is done here that touches more memory than it must: it would be counted to what comes next. */
int child_main(char **words, double began) {
    const Birth birth = {.main = began, .exec = words[WORD_EXEC], .path = words[WORD_PATH]};
    int status = -1;
    for (size_t k = 0; status < 0 && k < sizeof parts / sizeof parts[0]; k++)
        status = parts[k](words[WORD_WHAT] + sizeof option - 1, &birth);
    return status >= 0 ? status : 2;
}

double child_exec(const Birth *birth) {
    return strtod(birth->exec, NULL);
}

const char *child_word(const char *what, const char *part) {
    size_t length = strlen(part);
    return strncmp(what, part, length) == 0 && what[length] == '_' ? what + length + 1 : NULL;
}

int child_answer(const double *numbers, size_t count) {
    for (size_t k = 0; k < count; k++) printf("%.17g ", numbers[k]);
    putchar('\n');
    return EXIT_SUCCESS;
}

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

bool memory_maps(const char *library) {
    char line[4096];
    bool found = false;
    FILE *file = fopen("/proc/self/maps", "r");
    if (file == NULL) return false;
    while (!found && fgets(line, sizeof line, file) != NULL) found = strstr(line, library) != NULL;
    fclose(file);
    return found;
}

/* ---- the parent ---- */

static void become_child(const char *what, const char *path, int output) {
    char first[96], second[32];
    static char program[] = "ferry-bench";
    char *words[WORD_COUNT + 1] = {program, first, second, (char *)(uintptr_t)path, NULL};
    snprintf(first, sizeof first, "%s%s", option, what);
    unpin();
    if (dup2(output, STDOUT_FILENO) < 0) _exit(127);
    snprintf(second, sizeof second, "%.0f", time_now());
    execv("/proc/self/exe", words);
    _exit(127);
}

static bool read_line(int input, double *numbers, size_t count) {
    FILE *file = fdopen(input, "r");
    if (file == NULL) return false;
    char line[1024];
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

bool child_run(const char *what, const char *path, double *numbers, size_t count) {
    int ends[2], status = 0;
    fflush(NULL);
    if (pipe(ends) != 0) return false;
    pid_t child = fork();
    if (child == 0) become_child(what, path != NULL ? path : "", ends[1]);
    close(ends[1]);
    bool whole = child > 0 && read_line(ends[0], numbers, count);
    if (child > 0 && waitpid(child, &status, 0) != child) return false;
    if (status != 0)
        fprintf(stderr, "ferry-bench: %s: its process ended with %s %d\n", what,
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return whole && status == 0;
}
