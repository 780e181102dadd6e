/* route.c: how calls of a signature go: machine code of its shape, or libffi.
 *
 *   signature + options -> route       found in the signature's cell, or made: placement -> shape -> table
 *   route               -> complete    code of the shape (made now, if nobody has), else a libffi plan and the reason
 *
 * Under FERRY_ON_REQUEST code is made by routes_prepare alone. Until then a route's entry is slow_call, which moves
 * each binding on to the code once that is there. */
#include "runtime/engine.h"

static void *_Atomic *cell_of(const Signature *signature, const ferry_binding_options *options) {
    return &signature->runtime[options->convention * 2 + options->capture_errno];
}

/* ---- finding ---- */

static ferry_code find_shape(Route *route, ferry_error *error) {
    Engine *engine = route->engine;
    Arena scratch = {.allocator = engine->allocator};
    const Placement *placement;
    const Shape *shape;
    ferry_code code = place_signature(&engine->layouts, &scratch, route->signature, &placement, error);
    if (code == FERRY_OK && engine->policy != FERRY_NEVER) {
        const ShapeOptions options = {.convention = route->convention, .capture_errno = route->capture_errno};
        code = shape_of(placement, &options, &scratch, &shape, error);
        if (code == FERRY_OK) code = shape_entry_find(engine, shape, &route->shape, error);
    }
    arena_free(&scratch);
    return code;
}

ferry_code layouts_find(Engine *engine, const Signature *signature, const Layout **layouts, ferry_error *error) {
    for (size_t i = 0; i < signature->count; i++) {
        TRY(layout_of(&engine->layouts, signature->parameters[i], &layouts[i], error));
    }
    if (type_strip(signature->result)->kind == FERRY_VOID) return FERRY_OK;
    return layout_of(&engine->layouts, signature->result, &layouts[signature->count], error);
}

ferry_code route_find(Engine *engine, const Signature *signature, const ferry_binding_options *options, Route **route,
                      ferry_error *error) {
    void *_Atomic *cell = cell_of(signature, options);
    *route = atomic_load_explicit(cell, memory_order_acquire);
    if (*route != NULL) return FERRY_OK;
    /* In the arena only once nothing can fail: what is there stays there. */
    Route candidate = {.engine = engine,
                       .signature = signature,
                       .convention = options->convention,
                       .capture_errno = options->capture_errno};
    TRY(find_shape(&candidate, error));
    const Layout **layouts = arena_array(&engine->arena, signature->count + 1, sizeof *layouts);
    Route *made = arena_copy(&engine->arena, &candidate, sizeof candidate);
    if (layouts == NULL || made == NULL) return fail_out_of_memory(error, "a route");
    TRY(layouts_find(engine, signature, layouts, error));
    made->layouts = layouts;
    atomic_store_explicit(cell, made, memory_order_release);
    *route = made;
    return FERRY_OK;
}

/* ---- machine code ---- */

ferry_code route_bound_code(Route *route, void (*function)(void), Code **code, const char **reason,
                            ferry_error *error) {
    *code = NULL;
    if (route->shape == NULL) return FERRY_OK; /* FERRY_NEVER */
    *reason = route->bound_reason;
    if (route->bound_reason != NULL) return FERRY_OK;
    ferry_error failure;
    const void *address = (const void *)(uintptr_t)function; /* NOLINT(performance-no-int-to-ptr): code address */
    ferry_code made = shapes_compile(route->engine, &route->shape->shape, 1, address, code, &failure);
    if (made == FERRY_OUT_OF_MEMORY) *error = failure;
    if (made == FERRY_OUT_OF_MEMORY || made == FERRY_OK) return made;
    TRY(reason_keep(route->engine, &failure, &route->bound_reason, error));
    *reason = route->bound_reason;
    return FERRY_OK;
}

/* ---- completing ---- */

/* Makes the libffi plan, unless there is one. */
ferry_code route_plan(Route *route, ferry_error *error) {
    if (route->plan != NULL) return FERRY_OK;
    Engine *engine = route->engine;
    Arena scratch = {.allocator = engine->allocator};
    const Placement *placement;
    ferry_code code = place_signature(&engine->layouts, &scratch, route->signature, &placement, error);
    /* A refusal must leave nothing in the engine's arena: what cannot be planned is found out in the scratch one. */
    const SlowPlan *trial;
    bool errno_too = route->capture_errno;
    if (code == FERRY_OK) code = slow_plan_make(placement, route->convention, errno_too, &scratch, &trial, error);
    if (code == FERRY_OK) {
        code = slow_plan_make(placement, route->convention, errno_too, &engine->arena, &route->plan, error);
    }
    arena_free(&scratch);
    return code;
}

static void publish(Route *route, const Code *code, const char *reason, ferry_entry entry) {
    route->code = code;
    route->reason = reason;
    atomic_store_explicit(&route->entry, entry, memory_order_release);
}

static void publish_code(Route *route) {
    const Code *code = route->shape->code;
    publish(route, code, "", (ferry_entry)(uintptr_t)code->entry); /* NOLINT(performance-no-int-to-ptr): code address */
}

static ferry_code publish_plan(Route *route, const char *reason, ferry_error *error) {
    ferry_error failure;
    ferry_code planned = route_plan(route, &failure);
    if (planned == FERRY_UNSUPPORTED && route->shape != NULL)
        return fail(error, FERRY_NO_CODE, "no machine code: %.160s; and %.160s", reason, failure.message);
    if (planned != FERRY_OK) *error = failure;
    if (planned != FERRY_OK) return planned;
    publish(route, NULL, reason, slow_call);
    return FERRY_OK;
}

ferry_code route_complete(Route *route, ferry_error *error) {
    Engine *engine = route->engine;
    if (atomic_load_explicit(&route->entry, memory_order_relaxed) != NULL) return FERRY_OK;
    if (route->shape == NULL) return publish_plan(route, "the engine's policy is never", error);
    if (engine->policy == FERRY_NOW) TRY(shapes_complete(engine, &route->shape, 1, error));
    if (route->shape->code != NULL) publish_code(route);
    if (route->shape->code != NULL) return FERRY_OK;
    const char *reason = route->shape->reason;
    return publish_plan(route, reason != NULL ? reason : "its machine code has not been requested yet", error);
}

/* ---- many at once ---- */

static ferry_code batch_collect(Engine *engine, Batch *batch, const Signature *const *signatures, size_t count,
                                const ferry_binding_options *options, ferry_error *error) {
    for (size_t i = 0; i < count; i++) {
        Route *route;
        ferry_code code = route_find(engine, signatures[i], options, &route, error);
        if (code == FERRY_OK && route->shape->reason != NULL)
            code = fail(error, FERRY_NO_CODE, "%s", route->shape->reason);
        if (code != FERRY_OK) return fail_within(error, code, "signatures[%zu]: ", i);
        batch_add(batch, route->shape);
    }
    return FERRY_OK;
}

/* Those that went by libffi until now. */
static void take_over(Engine *engine, const Signature *signature, const ferry_binding_options *options) {
    Route *route = atomic_load_explicit(cell_of(signature, options), memory_order_relaxed);
    if (engine->policy == FERRY_ON_REQUEST && route->code == NULL) publish_code(route);
}

ferry_code routes_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                          const ferry_binding_options *options, ferry_error *error) {
    if (engine->policy == FERRY_NEVER) return fail(error, FERRY_NO_CODE, "the engine's policy is never");
    Arena scratch = {.allocator = engine->allocator};
    Batch batch = {.count = 0};
    ferry_code code = batch_open(&batch, &scratch, count, error);
    if (code == FERRY_OK) code = batch_collect(engine, &batch, signatures, count, options, error);
    if (code == FERRY_OK) code = batch_make(engine, &batch, error);
    batch_close(&batch, code == FERRY_OK);
    for (size_t i = 0; i < count && code == FERRY_OK; i++) take_over(engine, signatures[i], options);
    arena_free(&scratch);
    return code;
}
