/* ferry ir, ferry asm: the trampoline of a signature at both stages. */
#include "cli/model.h"
#include "runtime/engine.h"

static const char *const conventions[] = {[FERRY_SLOTS] = "slots", [FERRY_POINTERS] = "pointers"};
static const char *const qualities[] = {[FERRY_QUICK] = "quick", [FERRY_BETTER] = "better"};

typedef struct Wish {
    ferry_convention convention;
    ferry_quality quality;
    bool capture_errno;
    DumpStage stage;
} Wish;

static int dump(const Screen *screen, const Model *model, const Shape *shape, const Wish *wish) {
    Loaded loaded = {0};
    ferry_error error = {0};
    char *text = NULL;
    const CompileRequest request = {.target = model->target, .quality = wish->quality, .shapes = &shape, .count = 1};
    ferry_code code = backend_load(&loaded, NULL, NULL, &error);
    if (code == FERRY_OK) code = loaded.backend->dump(loaded.state, &request, wish->stage, &text, &error);
    int status = EXIT_DONE;
    if (code == FERRY_OK) {
        fputs(text, screen->out);
        loaded.backend->free_text(text);
    } else {
        status = complain_error(&error);
    }
    backend_unload(&loaded);
    return status;
}

static int show(const Invocation *invocation, Model *model, const Wish *wish) {
    Function function;
    const Placement *placement;
    const Shape *shape;
    ferry_error error = {0};
    int status = EXIT_USAGE;
    if (!model_function(model, invocation->arguments[0], &function, &status) ||
        !model_place(model, &function, &placement, &status))
        return status;
    if (shape_of(placement, wish->convention, wish->capture_errno, &model->arena, &shape, &error) != FERRY_OK)
        return complain_error(&error);
    return dump(&invocation->screen, model, shape, wish);
}

static int run_stage(Invocation *invocation, DumpStage stage) {
    if (!expect_arguments(invocation, 1, 1)) return EXIT_USAGE;
    size_t convention = option_choice(invocation, "convention", conventions, LENGTH_OF(conventions));
    size_t quality = option_choice(invocation, "quality", qualities, LENGTH_OF(qualities));
    if (convention == SIZE_MAX || quality == SIZE_MAX) return EXIT_USAGE;
    const Wish wish = {(ferry_convention)convention, (ferry_quality)quality, option_given(invocation, "errno"), stage};
    Model model;
    int status = EXIT_USAGE;
    if (!model_open(&model, invocation, &status)) return status;
    status = show(invocation, &model, &wish);
    model_close(&model);
    return status;
}

static int run_ir(Invocation *invocation) {
    return run_stage(invocation, DUMP_IR);
}

static int run_asm(Invocation *invocation) {
    return run_stage(invocation, DUMP_ASSEMBLY);
}

#define CODE_OPTIONS                                                                                                   \
    {{"target", "NAME", "the ABI, one of `ferry targets` (this machine's)", 't'},                                      \
     {"convention", "NAME", "how values are handed over: slots (as usual) or pointers", 'c'},                          \
     {"quality", "NAME", "how much LLVM tries: quick (as usual) or better", 'q'},                                      \
     {"errno", NULL, "with errno captured right after the call", 'e'}}

const Command ir_command = {
    .name = "ir",
    .summary = "show a trampoline as LLVM IR",
    .usage = "[OPTIONS] DECLARATION",
    .description = "Shows the trampoline of the last function that DECLARATION declares as it is handed to LLVM:\n"
                   "it receives the binding, the arguments, and where the result goes.",
    .examples = "  ferry ir 'double pow(double, double)'\n"
                "  ferry ir --convention pointers 'int puts(const char *)'",
    .options = CODE_OPTIONS,
    .run = run_ir,
};

const Command asm_command = {
    .name = "asm",
    .summary = "show a trampoline as machine code",
    .usage = "[OPTIONS] DECLARATION",
    .description = "Shows the trampoline of the last function that DECLARATION declares as LLVM's assembly:\n"
                   "it receives the binding, the arguments, and where the result goes.",
    .examples = "  ferry asm 'double pow(double, double)'\n"
                "  ferry asm --quality better --errno 'int close(int)'",
    .options = CODE_OPTIONS,
    .run = run_asm,
};
