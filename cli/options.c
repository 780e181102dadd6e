/* Options and help, both read from the commands' rows. */
#include <string.h>

#include "cli/cli.h"

static size_t count_options(const Command *command) {
    size_t count = 0;
    while (count < OPTION_LIMIT && command->options[count].name != NULL) count++;
    return count;
}

static size_t find_option(const Command *command, const char *word, size_t length) {
    bool is_long = word[0] == '-' && word[1] == '-';
    for (size_t i = 0; i < count_options(command); i++) {
        const OptionRow *row = &command->options[i];
        if (is_long ? strlen(row->name) == length - 2 && memcmp(row->name, word + 2, length - 2) == 0
                    : row->letter != 0 && length == 2 && row->letter == word[1])
            return i;
    }
    return SIZE_MAX;
}

static bool refuse(const Invocation *invocation, const char *problem, const char *word, size_t length) {
    complain("%s '%.*s' (ferry %s --help lists them)", problem, (int)length, word, invocation->command->name);
    return false;
}

/* One word that is an option; *used says how many words it took. */
static bool parse_option(Invocation *invocation, char **words, size_t left, size_t *used) {
    const char *word = words[0], *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    size_t index = find_option(invocation->command, word, length);
    *used = 1;
    if (index == SIZE_MAX) return refuse(invocation, "unknown option", word, length);
    bool takes_value = invocation->command->options[index].value != NULL;
    if (!takes_value) {
        if (equals != NULL) return refuse(invocation, "no value belongs to option", word, length);
        invocation->values[index] = "";
        return true;
    }
    if (equals == NULL && left < 2) return refuse(invocation, "a value is missing after option", word, length);
    invocation->values[index] = equals != NULL ? equals + 1 : words[1];
    *used = equals != NULL ? 1 : 2;
    return true;
}

bool options_parse(Invocation *invocation, char **words, size_t count) {
    invocation->arguments = words; /* compacted in place: arguments move to the front */
    bool options_over = invocation->command->raw;
    for (size_t i = 0, used = 1; i < count; i += used) {
        char *word = words[i];
        used = 1;
        if (!options_over && strcmp(word, "--") == 0) {
            options_over = true;
        } else if (!options_over && word[0] == '-' && word[1] != '\0') {
            if (!parse_option(invocation, words + i, count - i, &used)) return false;
        } else {
            words[invocation->argument_count++] = word;
            if (invocation->command->options_first) options_over = true;
        }
    }
    return true;
}

const char *option_value(const Invocation *invocation, const char *name) {
    for (size_t i = 0; i < count_options(invocation->command); i++)
        if (strcmp(invocation->command->options[i].name, name) == 0) return invocation->values[i];
    return NULL;
}

bool option_given(const Invocation *invocation, const char *name) {
    return option_value(invocation, name) != NULL;
}

size_t option_choice(const Invocation *invocation, const char *name, const char *const *choices, size_t count) {
    const char *value = option_value(invocation, name);
    if (value == NULL) return 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(value, choices[i]) == 0) return i;
    char list[128] = "";
    for (size_t i = 0, used = 0; i < count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i == 0           ? ""
                                 : i == count - 1 ? " or "
                                                  : ", ",
                                 choices[i]);
    complain("--%s is '%s'; it must be %s", name, value, list);
    return SIZE_MAX;
}

bool expect_arguments(const Invocation *invocation, size_t least, size_t most) {
    if (invocation->argument_count >= least && invocation->argument_count <= most) return true;
    const Command *command = invocation->command;
    if (invocation->argument_count < least)
        complain("%s needs more arguments: ferry %s %s", command->name, command->name, command->usage);
    else
        complain("'%s' is one argument too many: ferry %s %s", invocation->arguments[most], command->name,
                 command->usage);
    return false;
}

void options_help(const Screen *screen, const Command *command) {
    screen_print(screen, STYLE_BOLD, "ferry %s %s\n\n", command->name, command->usage);
    fprintf(screen->out, "%s\n", command->description);
    size_t count = count_options(command);
    if (count > 0) screen_print(screen, STYLE_BOLD, "\nOptions\n");
    for (size_t i = 0; i < count; i++) {
        const OptionRow *row = &command->options[i];
        char left[64];
        char letter[] = {'-', row->letter, ',', ' ', '\0'};
        snprintf(left, sizeof left, "%s--%s%s%s", row->letter != 0 ? letter : "    ", row->name,
                 row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
        fprintf(screen->out, "  %-30s %s\n", left, row->help);
    }
    screen_print(screen, STYLE_BOLD, "\nExamples\n");
    fprintf(screen->out, "%s\n", command->examples);
}
