/* callbacks.c: what stands behind the function pointers that C calls. */
#include <errno.h>
#include <string.h>

#include "bench/bench.h"

enum { MOST_CELL = 48 }; /* ferry's; the bench's own thunks have room for so much */

static const struct {
    Column column;
    ferry_closure_options options;
} ferry_columns[] = {
    {COLUMN_UP_SLOTS, {.convention = FERRY_SLOTS}},
    {COLUMN_UP_SLOTS_HANDLER_ERRNO, {.convention = FERRY_SLOTS, .handler_errno = true}},
    {COLUMN_UP_POINTERS, {.convention = FERRY_POINTERS}},
    {COLUMN_UP_POINTERS_HANDLER_ERRNO, {.convention = FERRY_POINTERS, .handler_errno = true}},
    {COLUMN_UP_SLOW, {.convention = FERRY_SLOTS}},
};

static const struct {
    Limit limit;
    ferry_convention convention;
    bool keeps_errno;
} limits[] = {
    {LIMIT_UP_SLOTS, FERRY_SLOTS, false},
    {LIMIT_UP_SLOTS_ERRNO, FERRY_SLOTS, true},
    {LIMIT_UP_POINTERS, FERRY_POINTERS, false},
    {LIMIT_UP_POINTERS_ERRNO, FERRY_POINTERS, true},
};

static const void *address_of(Function *function) {
    const void *address;
    memcpy(&address, &function, sizeof address);
    return address;
}

static ferry_handler handler_of(const Row *row, ferry_convention convention) {
    return convention == FERRY_SLOTS ? row->slots_handler : row->pointers_handler;
}

/* ---- does it do with errno what its column says? ---- */

enum { ERRNO_BEFORE = 11, ERRNO_OF_HANDLER = 77 };

static void disturb(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
    errno = ERRNO_OF_HANDLER;
}

/* Called once through a cell with another handler, where it is. */
static bool treats_errno(Subject *subject, bool keeps, Column column, const Makers *makers) {
    union {
        LimitCell limit;
        char bytes[MOST_CELL];
    } cell;
    Function *object;
    memcpy(&cell, subject->cell, subject->cell_size);
    cell.limit.handler = disturb;
    Entry *entry = thunks_place(makers->thunks, subject->entry, &cell, subject->cell_size);
    memcpy(&object, &entry, sizeof object);
    errno = ERRNO_BEFORE;
    subject->row->call_back(&object, subject->frame, 1, subject->frame->result);
    int now = errno;
    if (now == (keeps ? ERRNO_BEFORE : ERRNO_OF_HANDLER)) return true;
    fprintf(stderr, "ferry-bench: errno is %d after %s through %s\n", now, subject->row->name, column_names[column]);
    return false;
}

/* ---- by hand ---- */

static bool use_stub(Variants *variants, const Row *row, size_t index, Maker maker, const Makers *makers) {
    Limit limit = limits[index].limit;
    Code code = row_limit_code(row, limit, maker);
    if (code.start == NULL) return true;
    Column column = limit_columns[limit][maker];
    Subject *subject = &variants->subjects[column];
    variant_runs(subject, code.start, code.size, loop_of_upcalls());
    subject->cell = &variants->limit_cells[limits[index].convention];
    subject->cell_size = sizeof(LimitCell);
    return treats_errno(subject, limits[index].keeps_errno, column, makers);
}

static void use_static(Variants *variants, const Row *row, const Makers *makers) {
    LimitCell *cell = thunks_static_cell(makers->thunks);
    if (cell == NULL) return;
    *cell = variants->limit_cells[FERRY_SLOTS];
    for (Maker maker = 0; maker < MAKER_COUNT; maker++) {
        Code code = row_limit_code(row, LIMIT_UP_SLOTS_STATIC, maker);
        Subject *subject = &variants->subjects[limit_columns[LIMIT_UP_SLOTS_STATIC][maker]];
        if (code.start != NULL) variant_runs(subject, code.start, code.size, loop_of_upcalls());
    }
    /* TinyCC's code is not position-independent: size 0, it stays where TinyCC put it. */
    const void *stub = tinycc_find(makers->tinycc, "up_slots_static", row->symbol);
    if (stub != NULL) variant_runs(&variants->subjects[COLUMN_UP_TINYCC], stub, 0, loop_of_upcalls());
}

static bool use_stubs(Variants *variants, const Row *row, const Makers *makers) {
    for (ferry_convention convention = FERRY_SLOTS; convention <= FERRY_POINTERS; convention++)
        variants->limit_cells[convention] =
            (LimitCell){.handler = handler_of(row, convention), .errno_offset = errno_offset()};
    for (size_t k = 0; makers->thunks != NULL && k < sizeof limits / sizeof limits[0]; k++)
        for (Maker maker = 0; maker < MAKER_COUNT; maker++)
            if (!use_stub(variants, row, k, maker, makers)) return false;
    use_static(variants, row, makers);
    return true;
}

/* ---- ferry ---- */

static ferry_closure *create(const Row *row, size_t index, ferry_engine *engine) {
    const ferry_closure_options *options = &ferry_columns[index].options;
    ferry_error error = {0};
    const ferry_signature *signature = ferry_signature_parse(engine, row->declaration, NULL, &error);
    ferry_closure *closure =
        signature != NULL
            ? ferry_closure_create(engine, signature, handler_of(row, options->convention), NULL, options, &error)
            : NULL;
    if (closure == NULL) fprintf(stderr, "ferry-bench: %s: %s\n%s\n", row->declaration, error.message, error.excerpt);
    return closure;
}

/* The stub is copied for each sample, as the limit's are, and so is the cell, to stand beside a thunk of the bench. */
static bool use_copy(Subject *subject, const ferry_closure *closure, size_t index, const Makers *makers) {
    ferry_statistics statistics;
    size_t size;
    const void *stub = ferry_closure_stub(closure, &size);
    const void *cell = thunk_cell(address_of(ferry_closure_code(closure)));
    ferry_engine_statistics(makers->engines.code, &statistics);
    if (makers->thunks == NULL || cell == NULL || statistics.closure_bytes > MOST_CELL) return true;
    variant_runs(subject, stub, size, loop_of_upcalls());
    subject->cell = cell;
    subject->cell_size = statistics.closure_bytes;
    return treats_errno(subject, !ferry_columns[index].options.handler_errno, ferry_columns[index].column, makers);
}

/* A closure on the slow path is no measurement of machine code: it is left out, with its reason. */
static bool use_ferry(Variants *variants, const Row *row, size_t index, const Makers *makers) {
    Column column = ferry_columns[index].column;
    bool slow_wanted = column == COLUMN_UP_SLOW;
    ferry_closure *closure = create(row, index, slow_wanted ? makers->engines.slow : makers->engines.code);
    if (closure == NULL) return false;
    variants->closures[column] = closure;
    bool slow = ferry_closure_path(closure) == FERRY_PATH_LIBFFI;
    if (slow && !slow_wanted) variants->why_not = ferry_closure_reason(closure);
    if (slow != slow_wanted) return true;
    Subject *subject = &variants->subjects[column];
    variant_runs(subject, address_of(ferry_closure_code(closure)), 0, loop_of_upcalls());
    return slow || use_copy(subject, closure, index, makers);
}

/* ---- libffi ---- */

static bool use_libffi(Variants *variants, const Row *row) {
    void *code;
    if (!ffi_prepare(row, &variants->cif, variants->ffi_parameters)) return false;
    variants->ffi_closure = ffi_closure_alloc(sizeof *variants->ffi_closure, &code);
    if (variants->ffi_closure == NULL ||
        ffi_prep_closure_loc(variants->ffi_closure, &variants->cif, row->ffi_handler, NULL, code) != FFI_OK)
        return false;
    variant_runs(&variants->subjects[COLUMN_UP_LIBFFI], code, 0, loop_of_upcalls());
    return true;
}

bool callbacks_make(Variants *variants, const Row *row, const Makers *makers) {
    variant_runs(&variants->subjects[COLUMN_UP_NATIVE], address_of(row->function), 0, loop_of_upcalls());
    if (!use_stubs(variants, row, makers)) return false;
    for (size_t k = 0; k < sizeof ferry_columns / sizeof ferry_columns[0]; k++)
        if (!use_ferry(variants, row, k, makers)) return false;
    return use_libffi(variants, row);
}

void callbacks_free(Variants *variants) {
    ferry_error error = {0};
    for (size_t k = 0; k < COLUMN_COUNT; k++)
        if (ferry_closure_release(variants->closures[k], &error) != FERRY_OK)
            fprintf(stderr, "ferry-bench: %s\n", error.message);
    if (variants->ffi_closure != NULL) ffi_closure_free(variants->ffi_closure);
}
