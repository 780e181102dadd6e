/* upcall.c: how upcalls of a signature arrive: a stub of its shape, or libffi.
 *
 *   signature + options -> upcall      found in the signature's cell, or made: placement -> two shapes -> table
 *   upcall              -> ready       code of both shapes (made now, if nobody has), else a libffi plan and the reason
 *
 * The late stub comes with the stub: a closure must be able to end without asking for anything. */
#include "runtime/closure.h"

/* ---- finding ---- */

static ferry_code find_shape(Upcall *upcall, const Placement *placement, Direction direction, Arena *scratch,
                             ShapeEntry **entry, ferry_error *error) {
    const ShapeOptions options = {.direction = direction,
                                  .convention = upcall->convention,
                                  .keep_errno = upcall->keep_errno,
                                  .cursor = upcall->cursor};
    const Shape *shape;
    TRY(shape_of(placement, &options, scratch, &shape, error));
    return shape_entry_find(upcall->engine, shape, entry, error);
}

static ferry_code find_shapes(Upcall *upcall, ferry_error *error) {
    Engine *engine = upcall->engine;
    Arena scratch = {.allocator = engine->allocator};
    const Placement *placement;
    ferry_code code = place_signature(&engine->layouts, &scratch, upcall->placed, &placement, error);
    if (code == FERRY_OK && engine->policy != FERRY_NEVER) {
        code = find_shape(upcall, placement, UPCALL, &scratch, &upcall->shape, error);
        if (code == FERRY_OK) code = find_shape(upcall, placement, UPCALL_LATE, &scratch, &upcall->late_shape, error);
    }
    if (code == FERRY_OK) {
        upcall->used[BANK_GENERAL] = placement->general_used;
        upcall->used[BANK_FLOAT] = placement->float_used;
        upcall->stack = placement->stack_size;
    }
    arena_free(&scratch);
    return code;
}

static ferry_code make(const Upcall *candidate, Upcall **upcall, ferry_error *error) {
    Engine *engine = candidate->engine;
    const Layout **layouts = arena_array(&engine->arena, candidate->placed->count + 1, sizeof *layouts);
    Upcall *made = arena_copy(&engine->arena, candidate, sizeof *candidate);
    if (layouts == NULL || made == NULL) return fail_out_of_memory(error, "an upcall");
    TRY(layouts_find(engine, candidate->placed, layouts, error));
    made->layouts = layouts;
    *upcall = made;
    return FERRY_OK;
}

ferry_code upcall_find(Engine *engine, const Signature *signature, const ferry_closure_options *options,
                       Upcall **upcall, ferry_error *error) {
    void *_Atomic *cell = upcall_cell(signature, options);
    *upcall = atomic_load_explicit(cell, memory_order_acquire);
    if (*upcall != NULL) return FERRY_OK;
    /* In the arena only once nothing can fail: what is there stays there. */
    Upcall candidate = {.late = late_call,
                        .errno_offset = engine->errno_offset,
                        .engine = engine,
                        .signature = signature,
                        .placed = signature,
                        .convention = options->convention,
                        .keep_errno = !options->handler_errno,
                        .cursor = signature->variadic && !signature->of_call,
                        .slow_reason = ""};
    if (candidate.cursor) TRY(signature_of_call(&engine->types, signature, NULL, 0, &candidate.placed, error));
    TRY(find_shapes(&candidate, error));
    TRY(make(&candidate, upcall, error));
    atomic_store_explicit(cell, *upcall, memory_order_release);
    return FERRY_OK;
}

/* ---- completing ---- */

ferry_code upcall_plan(Upcall *upcall, ferry_error *error) {
    if (upcall->plan != NULL) return FERRY_OK;
    Engine *engine = upcall->engine;
    Arena scratch = {.allocator = engine->allocator};
    const Placement *placement;
    const SlowUpcall *trial;
    ferry_code code = place_signature(&engine->layouts, &scratch, upcall->placed, &placement, error);
    /* A refusal must leave nothing in the engine's arena: what cannot be planned is found out in the scratch one. */
    if (code == FERRY_OK) code = slow_upcall_plan(upcall, placement, &scratch, &trial, error);
    if (code == FERRY_OK) code = slow_upcall_plan(upcall, placement, &engine->arena, &upcall->plan, error);
    arena_free(&scratch);
    return code;
}

static uintptr_t address_of(const ShapeEntry *entry) {
    return (uintptr_t)entry->code->entry;
}

static bool publish_code(Upcall *upcall) {
    if (upcall->shape->code == NULL || upcall->late_shape->code == NULL) return false;
    atomic_store(&upcall->late_entry, address_of(upcall->late_shape)); /* see slow_upcall.c for the order */
    atomic_store_explicit(&upcall->entry, address_of(upcall->shape), memory_order_release);
    return true;
}

static ferry_code publish_plan(Upcall *upcall, const char *reason, ferry_error *error) {
    if (upcall->plan != NULL) return FERRY_OK;
    ferry_error failure;
    ferry_code planned = upcall_plan(upcall, &failure);
    if (planned == FERRY_UNSUPPORTED && upcall->shape != NULL)
        return fail(error, FERRY_NO_CODE, "no machine code: %.160s; and %.160s", reason, failure.message);
    if (planned != FERRY_OK) *error = failure;
    if (planned != FERRY_OK) return planned;
    upcall->slow_reason = reason;
    return FERRY_OK;
}

ferry_code upcall_complete(Upcall *upcall, ferry_error *error) {
    Engine *engine = upcall->engine;
    if (atomic_load_explicit(&upcall->entry, memory_order_relaxed) != 0) return FERRY_OK;
    if (upcall->shape == NULL) return publish_plan(upcall, "the engine's policy is never", error);
    ShapeEntry *const entries[] = {upcall->late_shape, upcall->shape};
    if (engine->policy == FERRY_NOW) TRY(shapes_complete(engine, entries, COUNT_OF(entries), error));
    if (publish_code(upcall)) return FERRY_OK;
    const char *reason = upcall->shape->reason;
    return publish_plan(upcall, reason != NULL ? reason : "its machine code has not been requested yet", error);
}

/* ---- many at once ---- */

static ferry_code collect(Engine *engine, Batch *batch, const Signature *const *signatures, size_t count,
                          const ferry_closure_options *options, ferry_error *error) {
    for (size_t i = 0; i < count; i++) {
        Upcall *upcall;
        ferry_code code = upcall_find(engine, signatures[i], options, &upcall, error);
        if (code == FERRY_OK && upcall->shape->reason != NULL)
            code = fail(error, FERRY_NO_CODE, "%s", upcall->shape->reason);
        if (code != FERRY_OK) return fail_within(error, code, "signatures[%zu]: ", i);
        batch_add(batch, upcall->late_shape);
        batch_add(batch, upcall->shape);
    }
    return FERRY_OK;
}

ferry_code upcalls_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                           const ferry_closure_options *options, ferry_error *error) {
    if (engine->policy == FERRY_NEVER) return fail(error, FERRY_NO_CODE, "the engine's policy is never");
    Arena scratch = {.allocator = engine->allocator};
    Batch batch = {.count = 0};
    ferry_code code = batch_open(&batch, &scratch, 2 * count, error);
    if (code == FERRY_OK) code = collect(engine, &batch, signatures, count, options, error);
    if (code == FERRY_OK) code = batch_make(engine, &batch, error);
    batch_close(&batch, code == FERRY_OK);
    for (size_t i = 0; i < count && code == FERRY_OK; i++) {
        publish_code(atomic_load_explicit(upcall_cell(signatures[i], options), memory_order_relaxed));
    }
    arena_free(&scratch);
    return code;
}
