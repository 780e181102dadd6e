/* variants.c: the ways to call one row. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

const char *const column_names[COLUMN_COUNT] = {
    [COLUMN_DIRECT] = "direct",
    [COLUMN_GCC_SLOTS] = "limit_gcc_slots",
    [COLUMN_CLANG_SLOTS] = "limit_clang_slots",
    [COLUMN_SLOTS] = "ferry_slots",
    [COLUMN_SLOTS_BOUND] = "ferry_slots_bound",
    [COLUMN_TINYCC] = "tinycc_slots",
    [COLUMN_GCC_POINTERS] = "limit_gcc_pointers",
    [COLUMN_CLANG_POINTERS] = "limit_clang_pointers",
    [COLUMN_POINTERS] = "ferry_pointers",
    [COLUMN_POINTERS_BOUND] = "ferry_pointers_bound",
    [COLUMN_SLOW] = "ferry_slow_path",
    [COLUMN_LIBFFI] = "libffi",
    [COLUMN_UP_NATIVE] = "native",
    [COLUMN_UP_GCC_SLOTS] = "limit_gcc_slots",
    [COLUMN_UP_CLANG_SLOTS] = "limit_clang_slots",
    [COLUMN_UP_GCC_SLOTS_ERRNO] = "limit_gcc_slots_errno",
    [COLUMN_UP_CLANG_SLOTS_ERRNO] = "limit_clang_slots_errno",
    [COLUMN_UP_GCC_SLOTS_STATIC] = "limit_gcc_slots_static",
    [COLUMN_UP_CLANG_SLOTS_STATIC] = "limit_clang_slots_static",
    [COLUMN_UP_SLOTS] = "ferry_slots",
    [COLUMN_UP_SLOTS_HANDLER_ERRNO] = "ferry_slots_handler_errno",
    [COLUMN_UP_TINYCC] = "tinycc_slots",
    [COLUMN_UP_GCC_POINTERS] = "limit_gcc_pointers",
    [COLUMN_UP_CLANG_POINTERS] = "limit_clang_pointers",
    [COLUMN_UP_GCC_POINTERS_ERRNO] = "limit_gcc_pointers_errno",
    [COLUMN_UP_CLANG_POINTERS_ERRNO] = "limit_clang_pointers_errno",
    [COLUMN_UP_POINTERS] = "ferry_pointers",
    [COLUMN_UP_POINTERS_HANDLER_ERRNO] = "ferry_pointers_handler_errno",
    [COLUMN_UP_SLOW] = "ferry_slow_path",
    [COLUMN_UP_LIBFFI] = "libffi",
};

static const struct {
    Column column;
    ferry_binding_options options;
} ferry_columns[] = {
    {COLUMN_SLOTS, {.convention = FERRY_SLOTS}},
    {COLUMN_SLOTS_BOUND, {.convention = FERRY_SLOTS, .bound = true}},
    {COLUMN_POINTERS, {.convention = FERRY_POINTERS}},
    {COLUMN_POINTERS_BOUND, {.convention = FERRY_POINTERS, .bound = true}},
    {COLUMN_SLOW, {.convention = FERRY_SLOTS}},
};

bool engines_open(Engines *engines, bool better) {
    ferry_error error = {0};
    ferry_engine_options options = {
        .policy = FERRY_NOW, .quality = better ? FERRY_BETTER : FERRY_QUICK, .without = WITHOUT_ALL};
    engines->code = ferry_engine_create(&options, &error);
    options.policy = FERRY_NEVER;
    engines->slow = engines->code != NULL ? ferry_engine_create(&options, &error) : NULL;
    if (engines->slow != NULL) return true;
    fprintf(stderr, "ferry-bench: no engine: %s\n", error.message);
    engines_close(engines);
    return false;
}

static void close_engine(ferry_engine *engine) {
    ferry_error error = {0};
    if (ferry_engine_free(engine, &error) != FERRY_OK) fprintf(stderr, "ferry-bench: %s\n", error.message);
}

void engines_close(Engines *engines) {
    close_engine(engines->code);
    close_engine(engines->slow);
    *engines = (Engines){0};
}

static const void *arguments_in(Frame *frame, ferry_convention convention) {
    return convention == FERRY_SLOTS ? (const void *)frame->slots : frame->pointers;
}

void variant_runs(Subject *subject, const void *code, size_t size, Loop *run) {
    subject->code = (Code){code, size};
    memcpy(&subject->entry, &code, sizeof subject->entry);
    subject->object = &subject->entry;
    subject->run = run;
}

static void use_wrapper(Subject *subject, Code code, ferry_convention convention, size_t filled) {
    if (code.start == NULL) return;
    variant_runs(subject, code.start, code.size, loop_of_entry(filled));
    memcpy(&subject->first, &subject->row->function, sizeof subject->first);
    subject->arguments = arguments_in(subject->frame, convention);
}

Code row_limit_code(const Row *row, Limit limit, Maker maker) {
    const char *start = row->limit[maker][limit].start;
    const char *stop = row->limit[maker][limit].stop;
    return (Code){start, (size_t)(stop - start)};
}

static void use_limit(Variants *variants, const Row *row, Maker maker, size_t filled) {
    use_wrapper(&variants->subjects[limit_columns[LIMIT_SLOTS][maker]], row_limit_code(row, LIMIT_SLOTS, maker),
                FERRY_SLOTS, filled);
    use_wrapper(&variants->subjects[limit_columns[LIMIT_POINTERS][maker]], row_limit_code(row, LIMIT_POINTERS, maker),
                FERRY_POINTERS, filled);
}

/* A binding on the slow path is no measurement of machine code: it is left out, with its reason. */
static bool use_ferry(Variants *variants, const Row *row, size_t index, const Engines *engines, size_t filled) {
    Column column = ferry_columns[index].column;
    ferry_engine *engine = column == COLUMN_SLOW ? engines->slow : engines->code;
    ferry_error error = {0};
    const ferry_signature *signature = ferry_signature_parse(engine, row->declaration, NULL, &error);
    ferry_binding *binding =
        signature != NULL ? ferry_bind(engine, signature, row->function, &ferry_columns[index].options, &error) : NULL;
    if (binding == NULL) {
        fprintf(stderr, "ferry-bench: %s: %s\n%s\n", row->declaration, error.message, error.excerpt);
        return false;
    }
    variants->bindings[column] = binding;
    bool slow = ferry_binding_path(binding) == FERRY_PATH_LIBFFI;
    if (slow && column != COLUMN_SLOW) variants->why_not = ferry_binding_reason(binding);
    if (slow != (column == COLUMN_SLOW)) return true;
    Subject *subject = &variants->subjects[column];
    subject->object = subject->first = binding;
    if (!slow) {
        subject->code.start = ferry_binding_code(binding, &subject->code.size);
        subject->object = &subject->entry;
    }
    subject->arguments = arguments_in(variants->frame, ferry_columns[index].options.convention);
    subject->run = loop_of_entry(filled);
    return true;
}

/* Half a page away from the stack, by the low 12 bits of the address: processors take a load for dependent on a store
 * when those agree, and where the system happens to put stack and heap would decide what a call takes. */
static bool make_frame(Variants *variants) {
    enum { PAGE = 4096 };
    char here;
    variants->pages = aligned_alloc(PAGE, 2 * PAGE);
    if (variants->pages == NULL) return false;
    memset(variants->pages, 0, 2 * PAGE);
    size_t offset = ((uintptr_t)&here + PAGE / 2) % PAGE / 64 * 64;
    void *frame = (char *)variants->pages + offset;
    variants->frame = frame;
    return true;
}

static bool make_calls(Variants *variants, const Row *row, size_t filled, const Makers *makers) {
    variants->subjects[COLUMN_DIRECT].run = loop_of_direct();
    for (Maker maker = 0; maker < MAKER_COUNT; maker++) use_limit(variants, row, maker, filled);
    /* TinyCC's code is not position-independent: size 0, it stays where TinyCC put it. */
    use_wrapper(&variants->subjects[COLUMN_TINYCC], (Code){tinycc_find(makers->tinycc, "slots", row->symbol), 0},
                FERRY_SLOTS, filled);
    for (size_t k = 0; k < sizeof ferry_columns / sizeof ferry_columns[0]; k++)
        if (!use_ferry(variants, row, k, &makers->engines, filled)) return false;
    if (!ffi_prepare(row, &variants->cif, variants->ffi_parameters)) return false;
    variants->subjects[COLUMN_LIBFFI].cif = &variants->cif;
    variants->subjects[COLUMN_LIBFFI].run = loop_of_ffi(filled);
    return true;
}

static bool make(Variants *variants, const Row *row, Mode mode, const Makers *makers) {
    if (!make_frame(variants)) return false;
    row_fill(row, variants->frame);
    for (size_t k = 0; k < COLUMN_COUNT; k++) {
        variants->subjects[k].frame = variants->frame;
        variants->subjects[k].row = row;
    }
    if (mode == MODE_UPCALL) return callbacks_make(variants, row, makers);
    return make_calls(variants, row, mode == MODE_FILL ? row_slots(row) : 0, makers);
}

bool variants_make(Variants *variants, const Row *row, Mode mode, const Makers *makers) {
    *variants = (Variants){0};
    if (make(variants, row, mode, makers)) return true;
    fprintf(stderr, "ferry-bench: %s cannot be set up\n", row->name);
    variants_free(variants);
    return false;
}

void variants_free(Variants *variants) {
    for (size_t k = 0; k < COLUMN_COUNT; k++) ferry_binding_free(variants->bindings[k]);
    callbacks_free(variants);
    free(variants->pages);
    *variants = (Variants){0};
}
