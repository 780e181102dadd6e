/* ferry targets: the rows that placements can be asked for. */
#include <string.h>

#include "abi/target.h"
#include "cli/cli.h"

static void print_table(Invocation *invocation, const char *host) {
    Grid grid = {.heap = &invocation->heap,
                 .columns = 5,
                 .titles = {"target", "", "pointer", "slot", "what it is"},
                 .right = {[2] = true, [3] = true},
                 .styles = {STYLE_BOLD, STYLE_GREEN}};
    for (size_t i = 0; i < target_count(); i++) {
        const Target *target = target_at(i);
        bool is_host = host != NULL && strcmp(host, target->name) == 0;
        grid_add(&grid, (const char *const[]){target->name, is_host ? "this machine" : NULL,
                                              heap_format(&invocation->heap, "%d bits", 8 * target->pointer.size),
                                              heap_format(&invocation->heap, "%d bytes", target->slot_size),
                                              target->description});
    }
    grid_print(&grid, &invocation->screen);
}

static void print_json(const Invocation *invocation, const char *host) {
    Json json = {.out = invocation->screen.out};
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < target_count(); i++) {
        const Target *target = target_at(i);
        json_open(&json, NULL, '{');
        json_string(&json, "name", target->name);
        json_string(&json, "description", target->description);
        json_string(&json, "triple", target->triple);
        json_string(&json, "features", target->cpu_features);
        json_string(&json, "sources", target->sources);
        json_bool(&json, "host", host != NULL && strcmp(host, target->name) == 0);
        json_bool(&json, "big_endian", target->big_endian);
        json_number(&json, "pointer_size", target->pointer.size);
        json_number(&json, "slot_size", target->slot_size);
        json_number(&json, "stack_alignment", target->stack_alignment);
        json_close(&json, '}');
    }
    json_close(&json, ']');
}

static int run(Invocation *invocation) {
    if (!expect_arguments(invocation, 0, 0)) return EXIT_USAGE;
    ferry_error ignored = {0}; /* a machine without a target of its own may still ask for those of others */
    const char *host = host_target(&ignored);
    if (option_given(invocation, "json"))
        print_json(invocation, host);
    else
        print_table(invocation, host);
    return EXIT_DONE;
}

const Command targets_command = {
    .name = "targets",
    .summary = "list the ABIs that ferry knows",
    .usage = "[--json]",
    .description = "Lists the targets that --target takes; the one of this machine is marked.",
    .examples = "  ferry targets\n  ferry targets --json",
    .options = {{"json", NULL, "for programs", 'j'}},
    .run = run,
};
