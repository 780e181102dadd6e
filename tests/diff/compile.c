/* tests/diff/compile.c: gcc and clang, as child processes. */
#include <fcntl.h>
#include <ftw.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diff.h"

const char *const compiler_names[COMPILERS] = {"gcc", "clang"};

/* The environment variable that names the compiler, and the usual name. */
static const struct {
    const char *variable, *command;
} commands[COMPILERS] = {{"FERRY_DIFF_GCC", "gcc"}, {"FERRY_DIFF_CLANG", "clang-22"}};

static char directory[128];

const char *work_directory(void) {
    if (directory[0] != 0) return directory;
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%.90s/ferry-diff-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        exit(2);
    }
    return directory;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void work_remove(void) {
    if (directory[0] != 0) nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    directory[0] = 0;
}

static void become_compiler(const Build *build, const char *source) {
    const char *command = getenv(commands[build->compiler].variable);
    if (command == NULL || command[0] == 0) command = commands[build->compiler].command;
    char level[8], machine[16];
    snprintf(level, sizeof level, "-O%d", build->optimise);
    snprintf(machine, sizeof machine, "%s", build->machine[0] != 0 ? build->machine : "-m64");
    int log = open(build->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (log >= 0) dup2(log, 2);
    const char *limit = build->compiler == GCC ? "-fmax-errors=0" : "-ferror-limit=0";
    execlp(command, command, "-std=gnu17", "-w", "-shared", "-fPIC", level, machine, limit, "-o", build->object, source,
           (char *)NULL);
    perror(command);
    _exit(127);
}

void build_start(Build *build, const char *source, const char *stem) {
    const char *name = compiler_names[build->compiler];
    snprintf(build->object, sizeof build->object, "%s/%s-%s.so", work_directory(), stem, name);
    snprintf(build->log, sizeof build->log, "%s/%s-%s.log", work_directory(), stem, name);
    fflush(NULL);
    build->process = fork();
    if (build->process == 0) become_compiler(build, source);
}

bool build_wait(Build *build) {
    int status = 0;
    if (build->process < 0 || waitpid((pid_t)build->process, &status, 0) < 0) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* How compilers complain: where the number of the case and the complaint stand, and of which side it is. A line named
 * after the case alone, with what its types need, is of both. */
static const struct {
    const char *pattern;
    bool sides[SIDES];
} complaint_forms[] = {
#define ERRORS ":[0-9:]+ ((error|internal compiler error|fatal error): [^\n]*)"
    {"^case_([0-9]+)" ERRORS, {true, true}},
    {"^callee_([0-9]+)" ERRORS, {true, false}},
    {"^caller_([0-9]+)" ERRORS, {false, true}},
#undef ERRORS
    /* From the stack dump of a clang that has crashed. */
    {"^[0-9]+\\.\t.*callee_([0-9]+):[0-9:]+ (LLVM IR generation) of declaration", {true, false}},
    {"^[0-9]+\\.\t.*caller_([0-9]+):[0-9:]+ (LLVM IR generation) of declaration", {false, true}},
    {"^[0-9]+\\.\t.* on function '@case_([0-9]+)'()", {true, false}},
    {"^[0-9]+\\.\t.* on function '@drive_([0-9]+)'()", {false, true}},
};
#define FORMS (sizeof complaint_forms / sizeof complaint_forms[0])

static void note_complaint(const char *line, const regmatch_t match[3], const bool sides[SIDES], char **complaints,
                           size_t count) {
    int length = (int)(match[2].rm_eo - match[2].rm_so);
    const char *crash = line[0] >= '0' && line[0] <= '9' ? "crash " : "", *text = line + match[2].rm_so;
    size_t number = strtoull(line + match[1].rm_so, NULL, 10);
    for (Side side = 0; side < SIDES; side++) {
        size_t job = job_of(number, side);
        if (!sides[side] || job >= count || complaints[job] != NULL) continue;
        if (asprintf(&complaints[job], "%s%.*s", crash, length, text) < 0) abort();
    }
}

static void read_complaints(FILE *log, size_t form, char **complaints, size_t count) {
    char line[2048];
    regex_t pattern;
    regmatch_t match[3];
    if (regcomp(&pattern, complaint_forms[form].pattern, REG_EXTENDED | REG_NEWLINE) != 0) return;
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL)
        if (regexec(&pattern, line, 3, match, 0) == 0)
            note_complaint(line, match, complaint_forms[form].sides, complaints, count);
    regfree(&pattern);
}

size_t build_complaints(const Build *build, char **complaints, size_t count) {
    size_t marked = 0;
    FILE *log = fopen(build->log, "r");
    if (log == NULL) return 0;
    for (size_t form = 0; form < FORMS; form++) read_complaints(log, form, complaints, count);
    fclose(log);
    for (size_t i = 0; i < count; i++) marked += complaints[i] != NULL;
    return marked;
}
