/* ferry: the command. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static const Command *const commands[] = {&call_command, &abi_command,   &layout_command,  &ir_command,   &asm_command,
                                          &aot_command,  &cache_command, &targets_command, &bench_command};

static const Command *find_command(const char *name) {
    for (size_t i = 0; i < LENGTH_OF(commands); i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static void print_help(const Screen *screen) {
    screen_print(screen, STYLE_BOLD, "ferry COMMAND ...\n\n");
    fputs("Calls C functions by their declarations, and shows how the calls are made.\n", screen->out);
    screen_print(screen, STYLE_BOLD, "\nCommands\n");
    for (size_t i = 0; i < LENGTH_OF(commands); i++) {
        screen_print(screen, STYLE_CYAN, "  %-10s", commands[i]->name);
        fprintf(screen->out, "%s\n", commands[i]->summary);
    }
    fputs("\n  ferry COMMAND --help    tells more, with examples\n"
          "  ferry --version         versions of ferry, LLVM and libffi\n",
          screen->out);
    screen_print(screen, STYLE_BOLD, "\nExamples\n");
    fputs("  ferry call libm.so.6 'double pow(double, double)' 2 10\n"
          "  ferry abi 'struct point { double x, y; }; double length(struct point, int flags)'\n"
          "  ferry layout 'struct { char tag; double value; short count; }'\n",
          screen->out);
}

static bool is_word(const char *word, const char *long_name, const char *short_name) {
    return strcmp(word, long_name) == 0 || strcmp(word, short_name) == 0;
}

/* --help anywhere before an argument could be one of the called function's. */
static bool asks_for_help(const Command *command, char **words, size_t count) {
    if (command->raw) return false;
    for (size_t i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        if (is_word(words[i], "--help", "-h")) return true;
        if (command->options_first && words[i][0] != '-') return false;
    }
    return false;
}

static int run_command(Invocation *invocation, const Command *command, char **words, size_t count) {
    invocation->command = command;
    if (asks_for_help(command, words, count)) {
        options_help(&invocation->screen, command);
        return EXIT_DONE;
    }
    if (!options_parse(invocation, words, count)) return EXIT_USAGE;
    if (option_given(invocation, "plain")) screen_open(&invocation->screen, stdout, true);
    return command->run(invocation);
}

static int dispatch(Invocation *invocation, char **words, size_t count) {
    if (count == 0) {
        Screen screen;
        screen_open(&screen, stderr, false);
        print_help(&screen);
        return EXIT_USAGE;
    }
    if (is_word(words[0], "--version", "-V")) return print_version(invocation);
    bool asks = is_word(words[0], "--help", "-h") || strcmp(words[0], "help") == 0;
    if (asks && count == 1) {
        print_help(&invocation->screen);
        return EXIT_DONE;
    }
    const Command *command = find_command(words[asks ? 1 : 0]);
    if (command == NULL) {
        bool is_option = words[0][0] == '-' && !asks;
        complain("there is no %s '%s' (ferry --help lists them)", is_option ? "option" : "command",
                 words[asks ? 1 : 0]);
        return EXIT_USAGE;
    }
    if (!asks) return run_command(invocation, command, words + 1, count - 1);
    options_help(&invocation->screen, command);
    return EXIT_DONE;
}

int main(int count, char **words) {
    Invocation invocation = {0};
    screen_open(&invocation.screen, stdout, false);
    int status = dispatch(&invocation, words + 1, count > 0 ? (size_t)(count - 1) : 0);
    heap_free(&invocation.heap);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("cannot write the output: %s", strerror(errno));
        return EXIT_MACHINE;
    }
    return status;
}
