/* main.c: ferry-bench, the program behind `ferry bench`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { EXIT_USAGE = 2 };

static const char help[] =
    "Usage: ferry-bench [OPTIONS]\n"
    "Measures calls from managed code to C and from C to managed code through ferry, beside direct calls, wrappers "
    "and\n"
    "stubs written by hand, libffi and TinyCC; then what bindings, shapes and closures cost, what a fresh process\n"
    "pays for its first call and for 500 bindings, and how soon it is fast.\n"
    "\n"
    "  --quick          some seconds instead of minutes; figures are rougher\n"
    "  --filter REGEX   only what the extended regular expression matches: rows as 'long(long x6)/fill',\n"
    "                   'long(long x6)/kept' and 'long(long x6)/upcall', and the parts 'create', 'tiers',\n"
    "                   'contention', 'closures', 'process', 'startup' and 'early'\n"
    "  --rounds N       measure each variant N times (default 101, with --quick 31)\n"
    "  --better         trampolines of the better quality (LLVM's default level) instead of the quick one\n"
    "  --json FILE      write all repetitions as JSON in the format of Google Benchmark\n"
    "  --svg FILE       write a plot of the ratios to the limit\n"
    "  --help           show this and exit\n"
    "\n"
    "Example:\n"
    "  ferry-bench --filter 'x12' --json calls.json --svg calls.svg\n"
    "\n"
    "Exit status: 0 measured; 1 a measured function returned a wrong result, or something could not be measured or\n"
    "written; 2 wrong usage. Goals that are missed do not change it.\n";

static int misuse(const char *format, const char *word) {
    fputs("ferry-bench: ", stderr);
    fprintf(stderr, format, word);
    fputs("\nferry-bench --help shows the options\n", stderr);
    return EXIT_USAGE;
}

bool wanted(const Options *options, const char *name) {
    return !options->filtered || regexec(&options->filter, name, 0, NULL, 0) == 0;
}

static int read_rounds(Options *options, const char *word) {
    char *end;
    errno = 0;
    unsigned long rounds = strtoul(word, &end, 10);
    if (errno != 0 || *end != 0 || strchr(word, '-') != NULL || rounds < 1 || rounds > 100000)
        return misuse("--rounds takes a number from 1 to 100000, not '%s'", word);
    options->rounds = rounds;
    return 0;
}

static int read_filter(Options *options, const char *word) {
    char message[128];
    if (options->filtered) return misuse("--filter is given twice%s", "");
    int failure = regcomp(&options->filter, word, REG_EXTENDED | REG_NOSUB);
    options->filtered = failure == 0;
    if (failure == 0) return 0;
    regerror(failure, &options->filter, message, sizeof message);
    return misuse("--filter: %s", message);
}

/* Opened before anything is measured, so that a wrong name costs no half a minute. */
static int open_file(FILE **file, const char *path) {
    if (*file != NULL) return misuse("'%s': that file is given twice", path);
    *file = fopen(path, "w");
    if (*file != NULL) return 0;
    fprintf(stderr, "ferry-bench: cannot write %s: %s\n", path, strerror(errno));
    return 1;
}

enum { OPTION_HELP = 256, OPTION_QUICK, OPTION_BETTER, OPTION_FILTER, OPTION_ROUNDS, OPTION_JSON, OPTION_SVG };

static const struct option words[] = {
    {"help", no_argument, NULL, OPTION_HELP},           {"quick", no_argument, NULL, OPTION_QUICK},
    {"better", no_argument, NULL, OPTION_BETTER},       {"filter", required_argument, NULL, OPTION_FILTER},
    {"rounds", required_argument, NULL, OPTION_ROUNDS}, {"json", required_argument, NULL, OPTION_JSON},
    {"svg", required_argument, NULL, OPTION_SVG},       {0},
};

static int read_option(Options *options, int option) {
    switch (option) {
    case OPTION_HELP: fputs(help, stdout); exit(EXIT_SUCCESS);
    case OPTION_QUICK: options->quick = true; return 0;
    case OPTION_BETTER: options->better = true; return 0;
    case OPTION_FILTER: return read_filter(options, optarg);
    case OPTION_ROUNDS: return read_rounds(options, optarg);
    case OPTION_JSON: return open_file(&options->json, optarg);
    case OPTION_SVG: return open_file(&options->svg, optarg);
    default: return misuse("wrong option%s", "");
    }
}

static int read_options(Options *options, int count, char **given) {
    for (int option; (option = getopt_long(count, given, "", words, NULL)) != -1;) {
        int failure = read_option(options, option);
        if (failure != 0) return failure;
    }
    if (optind < count) return misuse("'%s' is no option", given[optind]);
    if (options->rounds == 0) options->rounds = options->quick ? 31 : 101;
    options->sample_nanoseconds = options->quick ? 100e3 : 250e3;
    return 0;
}

static bool close_file(FILE *file, const char *what) {
    if (file == NULL) return true;
    bool written = ferror(file) == 0;
    written = fclose(file) == 0 && written;
    if (!written) fprintf(stderr, "ferry-bench: the %s could not be written\n", what);
    return written;
}

static int run(Options *options, const char *program) {
    Results results = {0};
    report_begin(options, pin_to_one_cpu());
    bool done = calls_measure(&results, options) && create_measure(&results, options) &&
                tiers_measure(&results, options) && contention_measure(&results, options) &&
                closures_measure(&results, options) && process_measure(&results, options) &&
                startup_measure(&results, options) && early_measure(&results, options);
    int status = done && !results.wrong ? EXIT_SUCCESS : EXIT_FAILURE;
    if (done && results.count == 0) status = misuse("--filter matches nothing%s", "");
    if (results.count != 0) goals_report(&results);
    if (options->json != NULL) json_write(&results, options->json, program);
    if (options->svg != NULL) svg_write(&results, options->svg);
    results_free(&results);
    return status;
}

int main(int count, char **given) {
    double began = time_now();
    if (child_is(count, given)) return child_main(given, began);
    Options options = {0};
    folders_forget_users();
    int status = read_options(&options, count, given);
    if (status == 0) status = run(&options, given[0]);
    if (!close_file(options.json, "JSON file")) status = EXIT_FAILURE;
    if (!close_file(options.svg, "plot")) status = EXIT_FAILURE;
    if (options.filtered) regfree(&options.filter);
    return status;
}
