/* ferry ir, ferry asm: the trampoline or the stub of a signature at both stages. */
#include "cli/model.h"
#include "runtime/engine.h"

static const char *const conventions[] = {[FERRY_SLOTS] = "slots", [FERRY_POINTERS] = "pointers"};
static const char *const qualities[] = {"quick", "better"};
static const ferry_quality quality_values[] = {FERRY_QUICK, FERRY_BETTER};

typedef struct Wish {
    Direction direction;
    ferry_convention convention;
    ferry_quality quality;
    bool with_errno; /* downcall: captured; upcall: the handler's */
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

static ShapeOptions shape_options(const Wish *wish, const Function *function) {
    bool downcall = wish->direction == DOWNCALL;
    return (ShapeOptions){.direction = wish->direction,
                          .convention = wish->convention,
                          .capture_errno = downcall && wish->with_errno,
                          .keep_errno = !downcall && !wish->with_errno,
                          .cursor = !downcall && function->is_open};
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
    const ShapeOptions options = shape_options(wish, &function);
    if (shape_of(placement, &options, &model->arena, &shape, &error) != FERRY_OK) return complain_error(&error);
    return dump(&invocation->screen, model, shape, wish);
}

static int run_stage(Invocation *invocation, DumpStage stage) {
    if (!expect_arguments(invocation, 1, 1)) return EXIT_USAGE;
    size_t convention = option_choice(invocation, "convention", conventions, LENGTH_OF(conventions));
    size_t quality = option_choice(invocation, "quality", qualities, LENGTH_OF(qualities));
    if (convention == SIZE_MAX || quality == SIZE_MAX) return EXIT_USAGE;
    const bool upcall = option_given(invocation, "upcall"), late = option_given(invocation, "late");
    const Wish wish = {.direction = late     ? UPCALL_LATE
                                    : upcall ? UPCALL
                                             : DOWNCALL,
                       .convention = (ferry_convention)convention,
                       .quality = quality_values[quality],
                       .with_errno = option_given(invocation, "errno"),
                       .stage = stage};
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
     {"errno", NULL, "with errno captured right after the call; with --upcall: with the handler's errno", 'e'},        \
     {"upcall", NULL, "the stub by which C calls a closure of that type", 'u'},                                        \
     {"late", NULL, "what answers C once such a closure has ended", 'l'}}

const Command ir_command = {
    .name = "ir",
    .summary = "show a trampoline or a stub as LLVM IR",
    .usage = "[OPTIONS] DECLARATION",
    .description = "Shows the trampoline of the last function that DECLARATION declares as it is handed to LLVM:\n"
                   "it receives the binding, the arguments, and where the result goes. With --upcall, the stub that C\n"
                   "calls: it receives C's arguments and, in the static-chain register, the closure.",
    .examples = "  ferry ir 'double pow(double, double)'\n"
                "  ferry ir --upcall 'int compare(const void *, const void *)'\n"
                "  ferry ir --convention pointers 'int puts(const char *)'",
    .options = CODE_OPTIONS,
    .run = run_ir,
};

const Command asm_command = {
    .name = "asm",
    .summary = "show a trampoline or a stub as machine code",
    .usage = "[OPTIONS] DECLARATION",
    .description = "Shows the trampoline of the last function that DECLARATION declares as LLVM's assembly:\n"
                   "it receives the binding, the arguments, and where the result goes. With --upcall, the stub that C\n"
                   "calls: it receives C's arguments and, in the static-chain register, the closure.",
    .examples = "  ferry asm 'double pow(double, double)'\n"
                "  ferry asm --upcall 'int compare(const void *, const void *)'\n"
                "  ferry asm --quality better --errno 'int close(int)'",
    .options = CODE_OPTIONS,
    .run = run_asm,
};
