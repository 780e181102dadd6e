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
    Arena *scratch = &engine->scratch;
    ArenaMark start = engine_scratch(engine);
    const Placement *placement;
    ferry_code code = place_signature(&engine->layouts, scratch, upcall->placed, &placement, error);
    if (code == FERRY_OK) {
        code = find_shape(upcall, placement, UPCALL, scratch, &upcall->shape, error);
        if (code == FERRY_OK) code = find_shape(upcall, placement, UPCALL_LATE, scratch, &upcall->late_shape, error);
    }
    if (code == FERRY_OK) {
        upcall->used[BANK_GENERAL] = placement->general_used;
        upcall->used[BANK_FLOAT] = placement->float_used;
        upcall->stack = placement->stack_size;
    }
    arena_rewind(scratch, start);
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
                        .plan = NULL};
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
    Arena *scratch = &engine->scratch;
    ArenaMark start = engine_scratch(engine);
    const Placement *placement;
    ferry_code code = place_signature(&engine->layouts, scratch, upcall->placed, &placement, error);
    if (code == FERRY_OK) {
        ArenaMark mark = arena_mark(&engine->arena);
        code = slow_upcall_plan(upcall, placement, &engine->arena, &upcall->plan, error);
        if (code != FERRY_OK) arena_rewind(&engine->arena, mark); /* a refusal leaves nothing there */
        if (code != FERRY_OK) upcall->plan = NULL;
    }
    arena_rewind(scratch, start);
    return code;
}

/* Why there is no stub. */
const char *upcall_reason(const Upcall *upcall) {
    const ShapeEntry *missing = shape_code(upcall->shape) == NULL ? upcall->shape : upcall->late_shape;
    return shape_reason(upcall->engine, missing);
}

static bool can_make(const Engine *engine) {
    return engine->policy != FERRY_NEVER && engine->policy != FERRY_ON_REQUEST;
}

static ferry_code make_both(Upcall *upcall, ferry_error *error) {
    ShapeEntry *const entries[] = {upcall->late_shape, upcall->shape};
    return shapes_complete(upcall->engine, entries, COUNT_OF(entries), error);
}

/* What libffi cannot pass has to wait for its code. */
static ferry_code publish_plan(Upcall *upcall, ferry_error *error) {
    Engine *engine = upcall->engine;
    ferry_error failure;
    ferry_code planned = upcall_plan(upcall, &failure);
    if (planned == FERRY_UNSUPPORTED && can_make(engine)) {
        TRY(make_both(upcall, error));
        if (upcall_entry(upcall) != 0) return FERRY_OK;
    }
    if (planned == FERRY_UNSUPPORTED && engine->policy != FERRY_NEVER)
        return fail(error, FERRY_NO_CODE, "no machine code: %.160s; and %.160s", upcall_reason(upcall),
                    failure.message);
    if (planned != FERRY_OK) *error = failure;
    if (planned == FERRY_UNSUPPORTED) return fail_within(error, planned, "the engine's policy is never, and ");
    return planned;
}

void upcall_request(Upcall *upcall) {
    shape_request(upcall->engine, upcall->late_shape);
    shape_request(upcall->engine, upcall->shape);
}

ferry_code upcall_complete(Upcall *upcall, ferry_error *error) {
    Engine *engine = upcall->engine;
    if (upcall_entry(upcall) != 0) return FERRY_OK;
    if (engine->policy == FERRY_NOW) TRY(make_both(upcall, error));
    if (upcall_entry(upcall) != 0) return FERRY_OK;
    TRY(publish_plan(upcall, error));
    if (upcall_entry(upcall) != 0) return FERRY_OK;
    if (engine->policy == FERRY_BACKGROUND) upcall_request(upcall);
    if (engine->policy == FERRY_BACKGROUND || engine->policy == FERRY_AFTER_CALLS) maker_start(engine);
    return FERRY_OK;
}

/* ---- many at once ---- */

static ferry_code collect(Engine *engine, ShapeEntry **entries, const Signature *const *signatures, size_t count,
                          const ferry_closure_options *options, ferry_error *error) {
    for (size_t i = 0; i < count; i++) {
        Upcall *upcall;
        ferry_code code = upcall_find(engine, signatures[i], options, &upcall, error);
        const char *reason = code == FERRY_OK ? atomic_load(&upcall->shape->reason) : NULL;
        if (reason != NULL) code = fail(error, FERRY_NO_CODE, "%s", reason);
        if (code != FERRY_OK) return fail_within(error, code, "signatures[%zu]: ", i);
        entries[2 * i] = upcall->late_shape;
        entries[2 * i + 1] = upcall->shape;
    }
    return FERRY_OK;
}

ferry_code upcalls_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                           const ferry_closure_options *options, ferry_error *error) {
    Arena scratch = {.allocator = engine->allocator};
    ShapeEntry **entries = count <= SIZE_MAX / 2 ? arena_array(&scratch, 2 * count, sizeof(ShapeEntry *)) : NULL;
    ferry_code code = entries != NULL ? FERRY_OK : fail_out_of_memory(error, "a batch of signatures");
    if (code == FERRY_OK) code = collect(engine, entries, signatures, count, options, error);
    if (code == FERRY_OK) code = shapes_prepare(engine, entries, 2 * count, error);
    arena_free(&scratch);
    return code;
}
