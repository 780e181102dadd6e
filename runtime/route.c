/* route.c: how calls of a signature go: machine code of its shape, or libffi.
 *
 *   signature + options -> route       found in the signature's cell, or made: placement -> shape -> its entry
 *   route               -> complete    code of the shape, if it is there or to be made now; else a libffi plan, and the
 *                                      code is asked for as the policy wants it
 *
 * The entry of a route on the slow path is slow_call, which moves each binding on to the code once that is there. */
#include "runtime/engine.h"

static void *_Atomic *cell_of(const Signature *signature, const ferry_binding_options *options) {
    return &signature->runtime[options->convention * 2 + options->capture_errno];
}

/* ---- finding ---- */

static ferry_code find_shape(Route *route, const Placement *placement, Arena *scratch, ferry_error *error) {
    const ShapeOptions options = {.convention = route->convention, .capture_errno = route->capture_errno};
    const Shape *shape;
    TRY(shape_of(placement, &options, scratch, &shape, error));
    return shape_entry_find(route->engine, shape, &route->shape, error);
}

/* A refusal leaves nothing in the engine's arena. */
static ferry_code make_plan(Route *route, const Placement *placement, ferry_error *error) {
    Arena *arena = &route->engine->arena;
    ArenaMark mark = arena_mark(arena);
    ferry_code code = slow_plan_make(placement, route->convention, route->capture_errno, arena, &route->plan, error);
    if (code == FERRY_OK) return FERRY_OK;
    route->plan = NULL;
    arena_rewind(arena, mark);
    return code;
}

ferry_code layouts_find(Engine *engine, const Signature *signature, const Layout **layouts, ferry_error *error) {
    for (size_t i = 0; i < signature->count; i++) {
        TRY(layout_of(&engine->layouts, signature->parameters[i], &layouts[i], error));
    }
    if (type_strip(signature->result)->kind == FERRY_VOID) return FERRY_OK;
    return layout_of(&engine->layouts, signature->result, &layouts[signature->count], error);
}

static ferry_code keep(const Route *candidate, Route **kept, ferry_error *error) {
    Engine *engine = candidate->engine;
    const Layout **layouts = arena_array(&engine->arena, candidate->signature->count + 1, sizeof *layouts);
    Route *made = arena_copy(&engine->arena, candidate, sizeof *candidate);
    if (layouts == NULL || made == NULL) return fail_out_of_memory(error, "a route");
    TRY(layouts_find(engine, candidate->signature, layouts, error));
    made->layouts = layouts;
    *kept = made;
    return FERRY_OK;
}

/* In the arena only once nothing can fail: what is there stays there. A plan that will be needed is made from the same
 * placement; that there can be none is found out by who needs it. */
static ferry_code make(const Placement *placement, Route *candidate, Arena *scratch, Route **made, ferry_error *error) {
    const Engine *engine = candidate->engine;
    ferry_error ignored;
    TRY(find_shape(candidate, placement, scratch, error));
    TRY(keep(candidate, made, error));
    bool needs_plan = shape_code(candidate->shape) == NULL && engine->policy != FERRY_NOW;
    if (needs_plan && make_plan(*made, placement, &ignored) == FERRY_OUT_OF_MEMORY)
        return fail_out_of_memory(error, "a libffi plan");
    return FERRY_OK;
}

ferry_code route_find(Engine *engine, const Signature *signature, const ferry_binding_options *options, Route **route,
                      ferry_error *error) {
    void *_Atomic *cell = cell_of(signature, options);
    *route = atomic_load_explicit(cell, memory_order_acquire);
    if (*route != NULL) return FERRY_OK;
    Route candidate = {.engine = engine,
                       .signature = signature,
                       .convention = options->convention,
                       .capture_errno = options->capture_errno};
    ArenaMark mark = engine_scratch(engine);
    const Placement *placement;
    ferry_code code = place_signature(&engine->layouts, &engine->scratch, signature, &placement, error);
    if (code == FERRY_OK) code = make(placement, &candidate, &engine->scratch, route, error);
    arena_rewind(&engine->scratch, mark);
    if (code == FERRY_OK) atomic_store_explicit(cell, *route, memory_order_release);
    return code;
}

/* ---- machine code ---- */

ferry_code route_bound_code(Route *route, void (*function)(void), Code **code, const char **reason,
                            ferry_error *error) {
    *code = NULL;
    if (route->engine->policy == FERRY_NEVER) return FERRY_OK;
    *reason = route->bound_reason;
    if (route->bound_reason != NULL) return FERRY_OK;
    ferry_error failure;
    const void *address = (const void *)(uintptr_t)function; /* NOLINT(performance-no-int-to-ptr): code address */
    ferry_code made = shape_bound(route->engine, route->shape->shape, address, code, &failure);
    if (made == FERRY_OUT_OF_MEMORY) *error = failure;
    if (made == FERRY_OUT_OF_MEMORY || made == FERRY_OK) return made;
    *reason = engines_exiting() ? ENDING_TEXT : arena_string(&route->engine->arena, failure.message);
    if (*reason == NULL) return fail_out_of_memory(error, "the reason of a failure");
    if (!engines_exiting()) route->bound_reason = *reason;
    return FERRY_OK;
}

/* ---- completing ---- */

/* Makes the libffi plan, unless there is one. */
ferry_code route_plan(Route *route, ferry_error *error) {
    if (route->plan != NULL) return FERRY_OK;
    Arena *scratch = &route->engine->scratch;
    ArenaMark mark = engine_scratch(route->engine);
    const Placement *placement;
    ferry_code code = place_signature(&route->engine->layouts, scratch, route->signature, &placement, error);
    if (code == FERRY_OK) code = make_plan(route, placement, error);
    arena_rewind(scratch, mark);
    return code;
}

const char *shape_reason(const Engine *engine, const ShapeEntry *entry) {
    const char *reason = atomic_load_explicit(&entry->reason, memory_order_acquire);
    if (reason != NULL) return reason;
    if (engines_exiting()) return ENDING_TEXT;
    switch (engine->policy) {
    case FERRY_NEVER: return "the engine's policy is never, and there is no ready-made code of its shape";
    case FERRY_ON_REQUEST: return "its machine code has not been requested yet (ferry_prepare, ferry_closures_prepare)";
    case FERRY_AFTER_CALLS: return "its machine code is made after some calls";
    default: return "its machine code is being made";
    }
}

static bool can_make(const Engine *engine) {
    return engine->policy != FERRY_NEVER && engine->policy != FERRY_ON_REQUEST;
}

/* What libffi cannot pass has to wait for its code. */
static ferry_code publish_plan(Route *route, ferry_error *error) {
    Engine *engine = route->engine;
    ferry_error failure;
    ferry_code planned = route_plan(route, &failure);
    if (planned == FERRY_UNSUPPORTED && can_make(engine)) {
        TRY(shapes_complete(engine, &route->shape, 1, error));
        if (shape_code(route->shape) != NULL) return FERRY_OK;
    }
    if (planned == FERRY_UNSUPPORTED && engine->policy != FERRY_NEVER)
        return fail(error, FERRY_NO_CODE, "no machine code: %.160s; and %.160s", shape_reason(engine, route->shape),
                    failure.message);
    if (planned != FERRY_OK) *error = failure;
    if (planned == FERRY_UNSUPPORTED) return fail_within(error, planned, "the engine's policy is never, and ");
    return planned;
}

/* Asks for code as the policy wants it. */
static void request(Engine *engine, ShapeEntry *entry) {
    if (engine->policy != FERRY_BACKGROUND && engine->policy != FERRY_AFTER_CALLS) return;
    if (engine->policy == FERRY_BACKGROUND) shape_request(engine, entry);
    maker_start(engine);
}

void route_ask(Route *route) {
    Engine *engine = route->engine;
    maker_revive(engine);
    if (engine->policy == FERRY_BACKGROUND) shape_request(engine, route->shape);
}

ferry_code route_complete(Route *route, ferry_error *error) {
    Engine *engine = route->engine;
    if (route_entry(route) != NULL) return FERRY_OK;
    if (engine->policy == FERRY_NOW) TRY(shapes_complete(engine, &route->shape, 1, error));
    if (shape_code(route->shape) == NULL) TRY(publish_plan(route, error));
    const Code *code = shape_code(route->shape);
    atomic_store_explicit(&route->entry, code != NULL ? code_entry(code) : slow_call, memory_order_release);
    if (code == NULL && atomic_load(&route->shape->reason) == NULL) request(engine, route->shape);
    return FERRY_OK;
}

/* ---- many at once ---- */

static ferry_code collect(Engine *engine, ShapeEntry **entries, const Signature *const *signatures, size_t count,
                          const ferry_binding_options *options, ferry_error *error) {
    for (size_t i = 0; i < count; i++) {
        Route *route;
        ferry_code code = route_find(engine, signatures[i], options, &route, error);
        const char *reason = code == FERRY_OK ? atomic_load(&route->shape->reason) : NULL;
        if (reason != NULL) code = fail(error, FERRY_NO_CODE, "%s", reason);
        if (code != FERRY_OK) return fail_within(error, code, "signatures[%zu]: ", i);
        entries[i] = route->shape;
    }
    return FERRY_OK;
}

ferry_code shapes_prepare(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    if (engine->policy != FERRY_NEVER) return shapes_make(engine, entries, count, error);
    for (size_t i = 0; i < count; i++) {
        if (shape_code(entries[i]) == NULL) return fail(error, FERRY_NO_CODE, "%s", shape_reason(engine, entries[i]));
    }
    return FERRY_OK;
}

ferry_code routes_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                          const ferry_binding_options *options, ferry_error *error) {
    Arena scratch = {.allocator = engine->allocator};
    ShapeEntry **entries = arena_array(&scratch, count, sizeof(ShapeEntry *));
    ferry_code code = entries != NULL ? FERRY_OK : fail_out_of_memory(error, "a batch of signatures");
    if (code == FERRY_OK) code = collect(engine, entries, signatures, count, options, error);
    if (code == FERRY_OK) code = shapes_prepare(engine, entries, count, error);
    arena_free(&scratch);
    return code;
}
