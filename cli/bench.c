/* ferry bench: hands over to the ferry-bench program that was built or installed with this one. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static int run(Invocation *invocation) {
    char *path = host_file(&invocation->heap, "ferry-bench");
    if (path == NULL) {
        complain("the program ferry-bench is missing: it is looked for next to ferry and in ../libexec/ferry");
        return EXIT_MACHINE;
    }
    char **words = heap_new(&invocation->heap, (invocation->argument_count + 2) * sizeof *words);
    words[0] = path;
    for (size_t i = 0; i < invocation->argument_count; i++) words[i + 1] = invocation->arguments[i];
    execv(path, words);
    complain("cannot start %s: %s", path, strerror(errno));
    return EXIT_MACHINE;
}

const Command bench_command = {
    .name = "bench",
    .summary = "measure calls beside direct calls, libffi and TinyCC",
    .usage = "[OPTIONS...]",
    .description = "Runs ferry-bench and hands all its arguments on; ferry bench --help shows them.",
    .examples = "  ferry bench\n  ferry bench --help",
    .raw = true,
    .run = run,
};
