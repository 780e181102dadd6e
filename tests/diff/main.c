/* tests/diff/main.c: options, batches, failures. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

#define BATCH            50
#define DEFAULT_SEED     20240229
#define DEFAULT_COUNT    600
#define MOST_REDUCED     5 /* failures that are reduced; the others are printed as they are */
#define REDUCE_SECONDS   30
#define OPTIMISE_LEVELS  3
#define GRAMMAR_ATTEMPTS 1000

static const struct {
    const char *name, *machine;
} targets[] = {{"x86_64-sysv", ""}, {"x86_64-sysv-avx", "-mavx"}, {"x86_64-sysv-avx512", "-mavx512f"}};
#define TARGETS (sizeof targets / sizeof targets[0])

static const char *const side_names[SIDES] = {"calls", "upcalls"};

typedef struct Options {
    uint64_t seed;
    size_t count;
    const char *replay; /* declarations */
    const char *cases;  /* a file of named declarations */
    const char *target; /* NULL: all that run here */
    bool forever, inject, print;
    bool omit[SIDES];
} Options;

typedef struct Session {
    Options options;
    Report report;
    size_t reduced[SIDES];       /* failures so far that were reduced */
    uint64_t last_failed[SIDES]; /* seed: a case that fails with both compilers is reduced once */
    bool runs[TARGETS];
    size_t running;
} Session;

static const char usage[] =
    "Usage: diff_tests [--seed N] [--count N] [--forever] [--target NAME] [--only calls|upcalls] [--print]\n"
    "                  [--inject]\n"
    "       diff_tests --replay 'DECLARATIONS' [--seed N] [--target NAME] [--inject]\n"
    "       diff_tests --cases FILE [--seed N] [--target NAME]\n"
    "Calls random functions through ferry, lets them call closures, and compares with what gcc and clang do.\n"
    "  --seed N     the first case's seed; case i has seed N + i\n"
    "  --count N    so many cases\n"
    "  --forever    go on until stopped\n"
    "  --replay D   the last function of these declarations, on every target and at every level\n"
    "  --cases F    the last function of each line `NAME | DECLARATIONS` of a file, on every target\n"
    "  --target T   only on this target\n"
    "  --only D     calls: ferry calls C; upcalls: C calls ferry\n"
    "  --print      print every declaration before it is tried\n"
    "  --inject     a deliberate fault in what ferry is given, that must be found: short members are off by a bit\n";

/* ---- failures ---- */

typedef struct Suspect {
    const Engines *engines;
    const Config *config;
    Compiler compiler;
    Side side;
    uint64_t seed;
} Suspect;

static bool fails_again(void *context, const ferry_signature *candidate) {
    const Suspect *suspect = context;
    ferry_error error;
    Case item;
    Outcome outcomes[COMPILERS][SIDES] = {0}, *rows[COMPILERS] = {outcomes[GCC], outcomes[CLANG]};
    char *reasons[COMPILERS][SIDES] = {0}, **skipped[COMPILERS] = {reasons[GCC], reasons[CLANG]};
    if (!case_prepare(&item, suspect->engines, candidate, suspect->seed, &error)) return false;
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++)
        for (Side side = 0; side < SIDES; side++)
            if (compiler != suspect->compiler || side != suspect->side)
                reasons[compiler][side] = strdup("not the one that failed");
    run_batch(suspect->engines, suspect->config, &item, 1, rows, skipped);
    bool skip = reasons[suspect->compiler][suspect->side] != NULL;
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++)
        for (Side side = 0; side < SIDES; side++) free(reasons[compiler][side]);
    return !skip && outcomes[suspect->compiler][suspect->side].verdict == FAILED;
}

static void print_failure(Session *session, const Engines *engines, const Config *config, const Case *item,
                          Compiler compiler, Side side, const Outcome *outcome) {
    Suspect suspect = {engines, config, compiler, side, item->seed};
    const ferry_signature *simplest = item->signature;
    char *text = declare_signature(simplest, "f");
    printf("FAILED seed %llu (%s, %s -O%d, %s): %s\n  %s\n", (unsigned long long)item->seed, config->target,
           compiler_names[compiler], config->optimise, way_names[outcome->way], outcome->message, text);
    fflush(stdout);
    free(text);
    if (session->last_failed[side] != item->seed && session->reduced[side]++ < MOST_REDUCED)
        simplest = reduce(engines->code, simplest, fails_again, &suspect, REDUCE_SECONDS);
    session->last_failed[side] = item->seed;
    text = declare_signature(simplest, "f");
    printf("replay: diff_tests%s --only %s --seed %llu --replay '%s'\n", config->inject ? " --inject" : "",
           side_names[side], (unsigned long long)item->seed, text);
    fflush(stdout);
    free(text);
}

/* ---- batches ---- */

static void run_cases(Session *session, const Engines *engines, const Config *config, const Case *cases, size_t count) {
    static Outcome outcomes[COMPILERS][SIDES * BATCH];
    Outcome *rows[COMPILERS] = {outcomes[GCC], outcomes[CLANG]};
    char *reasons[COMPILERS][SIDES * BATCH] = {0}, **skipped[COMPILERS] = {reasons[GCC], reasons[CLANG]};
    memset(outcomes, 0, sizeof outcomes);
    run_batch(engines, config, cases, count, rows, skipped);
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) {
        for (size_t job = 0; job < SIDES * count; job++) {
            const Outcome *outcome = &outcomes[compiler][job];
            char *reason = reasons[compiler][job];
            if (reason != NULL)
                report_skip(&session->report, reason);
            else
                report_outcome(&session->report, outcome);
            if (reason == NULL && outcome->verdict == FAILED)
                print_failure(session, engines, config, &cases[job / SIDES], compiler, (Side)(job % SIDES), outcome);
            free(reason);
        }
    }
}

static const ferry_signature *draw(const Engines *engines, uint64_t seed, size_t number) {
    Grammar grammar = {.engine = engines->code, .random = {mix(seed, 1)}, .prefix = number};
    for (unsigned attempt = 0; attempt < GRAMMAR_ATTEMPTS; attempt++) {
        const ferry_signature *signature = grammar_signature(&grammar);
        if (signature != NULL) return signature;
    }
    fprintf(stderr, "seed %llu: ferry refuses every signature, for example: %s\n", (unsigned long long)seed,
            grammar.refusal);
    exit(2);
}

static void add_case(Session *session, const Engines *engines, const ferry_signature *signature, uint64_t seed,
                     Case *cases, size_t *count) {
    ferry_error error;
    char reason[400];
    if (session->options.print) {
        char *text = declare_signature(signature, "f");
        printf("seed %llu: %s\n", (unsigned long long)seed, text);
        free(text);
    }
    if (case_prepare(&cases[*count], engines, signature, seed, &error)) {
        (*count)++;
        return;
    }
    snprintf(reason, sizeof reason, "ferry places it nowhere: %.300s", error.message);
    for (unsigned job = 0; job < (unsigned)COMPILERS * SIDES; job++) report_skip(&session->report, reason);
}

static void open_or_exit(Engines *engines, const char *target) {
    ferry_error error;
    if (engines_open(engines, target, &error)) return;
    fprintf(stderr, "%s: %s\n", target, error.message);
    exit(2);
}

static Config config_of(const Session *session, size_t target, size_t level) {
    const Options *options = &session->options;
    return (Config){targets[target].name,
                    targets[target].machine,
                    (int)level,
                    options->inject,
                    {options->omit[CALLEE], options->omit[CALLER]}};
}

static void run_random(Session *session, size_t target, size_t level, uint64_t seed, size_t count) {
    Engines engines;
    Case cases[BATCH];
    size_t prepared = 0;
    Config config = config_of(session, target, level);
    open_or_exit(&engines, config.target);
    for (size_t i = 0; i < count; i++)
        add_case(session, &engines, draw(&engines, seed + i, i), seed + i, cases, &prepared);
    run_cases(session, &engines, &config, cases, prepared);
    engines_close(&engines);
}

static void run_replay(Session *session, size_t target, size_t level) {
    Engines engines;
    Case item;
    ferry_error error;
    size_t prepared = 0;
    Config config = config_of(session, target, level);
    open_or_exit(&engines, config.target);
    const ferry_signature *signature = ferry_signature_parse(engines.code, session->options.replay, NULL, &error);
    if (signature == NULL) {
        fprintf(stderr, "%u:%u: %s\n%s\n", error.line, error.column, error.message, error.excerpt);
        exit(2);
    }
    if (ferry_signature_count(signature) > MAX_ARGUMENTS) {
        fprintf(stderr, "more than %d arguments\n", MAX_ARGUMENTS);
        exit(2);
    }
    signature = call_without_variadic(engines.code, signature);
    add_case(session, &engines, signature, session->options.seed, &item, &prepared);
    run_cases(session, &engines, &config, &item, prepared);
    engines_close(&engines);
}

/* ---- the whole ---- */

static void find_targets(Session *session) {
    for (size_t i = 0; i < TARGETS; i++) {
        Engines engines;
        ferry_error error;
        const char *only = session->options.target;
        if (only != NULL && strcmp(only, targets[i].name) != 0) continue;
        session->runs[i] = engines_open(&engines, targets[i].name, &error);
        session->running += session->runs[i];
        if (session->runs[i])
            engines_close(&engines);
        else
            printf("%s does not run here: %s\n", targets[i].name, error.message);
    }
    if (session->running > 0) return;
    fprintf(stderr, "no target runs here\n");
    exit(2);
}

static size_t nth_target(const Session *session, size_t number) {
    size_t target = 0;
    for (number %= session->running; !session->runs[target] || number-- > 0;) target++;
    return target;
}

static void run_all(Session *session) {
    const Options *options = &session->options;
    for (size_t done = 0, batch = 0; options->forever || done < options->count; batch++) {
        size_t left = options->count - done, count = options->forever || left > BATCH ? BATCH : left;
        size_t target = nth_target(session, batch), level = batch / session->running % OPTIMISE_LEVELS;
        run_random(session, target, level, options->seed + done, count);
        done += count;
        if (options->forever || options->count > BATCH)
            printf("%zu cases, seeds %llu to %llu, %s, -O%zu: %zu passed, %zu failed, %zu skipped so far\n", count,
                   (unsigned long long)(options->seed + done - count), (unsigned long long)(options->seed + done - 1),
                   targets[target].name, level, session->report.passed, session->report.failed,
                   session->report.skipped);
        fflush(stdout);
    }
}

/* Everything that a small run can be: each target at each level. */
static void run_everywhere(Session *session) {
    const Options *options = &session->options;
    for (size_t i = 0; i < session->running; i++) {
        for (size_t level = 0; level < OPTIMISE_LEVELS; level++) {
            if (options->replay != NULL)
                run_replay(session, nth_target(session, i), level);
            else
                run_random(session, nth_target(session, i), level, options->seed, options->count);
        }
    }
}

/* Tags of one line may stand in another: each is compiled alone. The levels take turns. */
static void run_named(Session *session, const char *name, size_t number) {
    for (size_t i = 0; i < session->running; i++) {
        size_t failed = session->report.failed;
        run_replay(session, nth_target(session, i), (number + i) % OPTIMISE_LEVELS);
        if (session->report.failed != failed) printf("FAILED case %s\n", name);
        fflush(stdout);
    }
}

static void run_file(Session *session) {
    FILE *file = fopen(session->options.cases, "r");
    if (file == NULL) {
        perror(session->options.cases);
        exit(2);
    }
    char *line = NULL;
    size_t size = 0, number = 0;
    while (getline(&line, &size, file) > 0) {
        char *bar = strstr(line, " | ");
        if (line[0] == '#' || bar == NULL) continue;
        *bar = '\0';
        session->options.replay = bar + 3;
        run_named(session, line, number++);
    }
    free(line);
    fclose(file);
    session->options.replay = NULL;
    printf("%zu named cases\n", number);
}

static void number_or_exit(const char *text, uint64_t *number) {
    char *end;
    *number = strtoull(text, &end, 0);
    if (*text != 0 && *end == 0) return;
    fprintf(stderr, "not a number: %s\n", text);
    exit(2);
}

static void only_or_exit(const char *name, bool omit[SIDES]) {
    bool known = false;
    for (Side side = 0; side < SIDES; side++) known |= !(omit[side] = strcmp(name, side_names[side]) != 0);
    if (known) return;
    fprintf(stderr, "neither calls nor upcalls: %s\n", name);
    exit(2);
}

static Options read_options(int argc, char **argv) {
    static const struct option names[] = {{"seed", required_argument, NULL, 's'},
                                          {"count", required_argument, NULL, 'n'},
                                          {"forever", no_argument, NULL, 'f'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {"cases", required_argument, NULL, 'c'},
                                          {"target", required_argument, NULL, 't'},
                                          {"inject", no_argument, NULL, 'i'},
                                          {"print", no_argument, NULL, 'p'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    Options options = {.seed = DEFAULT_SEED, .count = DEFAULT_COUNT};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t number = 0;
        if (option == 's' || option == 'n') number_or_exit(optarg, &number);
        switch (option) {
        case 's': options.seed = number; break;
        case 'n': options.count = number; break;
        case 'f': options.forever = true; break;
        case 'r': options.replay = optarg; break;
        case 'c': options.cases = optarg; break;
        case 't': options.target = optarg; break;
        case 'i': options.inject = true; break;
        case 'p': options.print = true; break;
        case 'o': only_or_exit(optarg, options.omit); break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    return options;
}

int main(int argc, char **argv) {
    Session session = {.options = read_options(argc, argv)};
    printf("seed %llu\n", (unsigned long long)session.options.seed);
    find_targets(&session);
    bool few = session.options.replay != NULL || session.options.count <= 3;
    if (session.options.cases != NULL)
        run_file(&session);
    else if (few && !session.options.forever)
        run_everywhere(&session);
    else
        run_all(&session);
    report_print(&session.report, stdout);
    bool failed = session.report.failed > 0;
    report_free(&session.report);
    work_remove();
    return failed;
}
