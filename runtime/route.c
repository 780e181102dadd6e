/* route.c: how calls of a signature go: machine code of its shape, or libffi.
 *
 *   signature + options -> route       found in the signature's cell, or made: placement -> shape -> table
 *   route               -> complete    code of the shape (made now, if nobody has), else a libffi plan and the reason
 *
 * What failed for want of memory fails the request and may be tried again. Every other failure to make code is
 * remembered, in the shape or, where no shape can have code, in the engine. */
#define _POSIX_C_SOURCE 200809L
#include "runtime/engine.h"

#include <time.h>

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void *_Atomic *cell_of(const Signature *signature, const ferry_binding_options *options) {
    return &signature->runtime[options->convention * 2 + options->capture_errno];
}

static ferry_code keep_reason(Engine *engine, const ferry_error *failure, const char **reason, ferry_error *error) {
    *reason = arena_string(&engine->arena, failure->message);
    return *reason != NULL ? FERRY_OK : fail_out_of_memory(error, "the reason of a failure");
}

/* ---- finding ---- */

static ferry_code find_shape(Route *route, ferry_error *error) {
    Engine *engine = route->engine;
    Arena scratch = {.allocator = engine->allocator};
    const Placement *placement;
    const Shape *shape;
    ferry_code code = place_signature(&engine->layouts, &scratch, route->signature, &placement, error);
    if (code == FERRY_OK && engine->policy != FERRY_NEVER) {
        code = shape_of(placement, route->convention, route->capture_errno, &scratch, &shape, error);
        if (code == FERRY_OK) code = shape_entry_find(engine, shape, &route->shape, error);
    }
    arena_free(&scratch);
    return code;
}

/* Of the parameters, then of the result: placed already, so that this neither computes nor allocates. */
static ferry_code find_layouts(Engine *engine, const Signature *signature, const Layout **layouts, ferry_error *error) {
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
    TRY(find_layouts(engine, signature, layouts, error));
    made->layouts = layouts;
    atomic_store_explicit(cell, made, memory_order_release);
    *route = made;
    return FERRY_OK;
}

/* ---- machine code ---- */

/* Where the blobs of one request go. */
typedef struct Sink {
    Engine *engine;
    Code **codes; /* one for each shape of the request */
    bool no_code; /* the failure was the code space's, not the compiler's */
} Sink;

static ferry_code keep_blob(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Sink *sink = context;
    ferry_code code = code_add(sink->engine->code, blob, &sink->codes[index], error);
    sink->no_code = code != FERRY_OK && code != FERRY_OUT_OF_MEMORY;
    return code;
}

static void remove_codes(Engine *engine, Code **codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (codes[i] != NULL) code_remove(engine->code, codes[i]);
        codes[i] = NULL;
    }
}

/* codes: one for each shape, NULL before; all are made or none. */
static ferry_code compile(Engine *engine, const Shape *const *shapes, size_t count, const void *bound, Code **codes,
                          ferry_error *error) {
    if (engine->no_code != NULL) return fail(error, FERRY_NO_CODE, "%s", engine->no_code);
    TRY(backend_load(&engine->loaded, engine->backend_path, engine->allocator, error));
    CompileRequest request = {
        .target = engine->target, .quality = engine->quality, .shapes = shapes, .count = count, .bound = bound};
    Sink sink = {.engine = engine, .codes = codes};
    uint64_t start = now();
    ferry_code code = engine->loaded.backend->compile(engine->loaded.state, &request, keep_blob, &sink, error);
    engine->compile_nanoseconds += now() - start;
    if (code == FERRY_OK) return FERRY_OK;
    remove_codes(engine, codes, count);
    if (sink.no_code) engine->no_code = arena_string(&engine->arena, error->message);
    return code;
}

/* Afterwards the entry has code or a reason. */
static ferry_code compile_shape(Engine *engine, ShapeEntry *entry, ferry_error *error) {
    if (entry->code != NULL || entry->reason != NULL) return FERRY_OK;
    ferry_error failure;
    Code *made = NULL;
    ferry_code code = compile(engine, &entry->shape, 1, NULL, &made, &failure);
    if (code == FERRY_OUT_OF_MEMORY) *error = failure;
    if (code == FERRY_OUT_OF_MEMORY) return code;
    if (code != FERRY_OK) return keep_reason(engine, &failure, &entry->reason, error);
    entry->code = made;
    return FERRY_OK;
}

ferry_code route_bound_code(Route *route, void (*function)(void), Code **code, const char **reason,
                            ferry_error *error) {
    *code = NULL;
    if (route->shape == NULL) return FERRY_OK; /* FERRY_NEVER */
    *reason = route->bound_reason;
    if (route->bound_reason != NULL) return FERRY_OK;
    ferry_error failure;
    const void *address = (const void *)(uintptr_t)function; /* NOLINT(performance-no-int-to-ptr): code address */
    ferry_code made = compile(route->engine, &route->shape->shape, 1, address, code, &failure);
    if (made == FERRY_OUT_OF_MEMORY) *error = failure;
    if (made == FERRY_OUT_OF_MEMORY || made == FERRY_OK) return made;
    TRY(keep_reason(route->engine, &failure, &route->bound_reason, error));
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

static ferry_entry entry_of(const Code *code) {
    return (ferry_entry)(uintptr_t)code->entry; /* NOLINT(performance-no-int-to-ptr): code address */
}

ferry_code route_complete(Route *route, ferry_error *error) {
    if (atomic_load_explicit(&route->entry, memory_order_relaxed) != NULL) return FERRY_OK;
    const char *reason = "the engine's policy is never";
    if (route->shape != NULL) {
        TRY(compile_shape(route->engine, route->shape, error));
        const Code *code = route->shape->code;
        if (code != NULL) {
            publish(route, code, "", entry_of(code));
            return FERRY_OK;
        }
        reason = route->shape->reason;
    }
    ferry_error failure;
    ferry_code planned = route_plan(route, &failure);
    if (planned == FERRY_UNSUPPORTED && route->shape != NULL)
        return fail(error, FERRY_NO_CODE, "no machine code: %.160s; and %.160s", reason, failure.message);
    if (planned != FERRY_OK) *error = failure;
    if (planned != FERRY_OK) return planned;
    publish(route, NULL, reason, slow_call);
    return FERRY_OK;
}

/* ---- many at once ---- */

typedef struct Batch {
    ShapeEntry **entries;
    const Shape **shapes;
    Code **codes;
    size_t count;
} Batch;

static ferry_code batch_open(Batch *batch, Arena *scratch, size_t most, ferry_error *error) {
    batch->entries = arena_array(scratch, most, sizeof *batch->entries);
    batch->shapes = arena_array(scratch, most, sizeof *batch->shapes);
    batch->codes = arena_array(scratch, most, sizeof *batch->codes);
    batch->count = 0;
    if (batch->entries == NULL || batch->shapes == NULL || batch->codes == NULL)
        return fail_out_of_memory(error, "a batch of signatures");
    return FERRY_OK;
}

static void batch_add(Batch *batch, ShapeEntry *entry) {
    if (entry->code != NULL || entry->queued) return;
    entry->queued = true;
    batch->entries[batch->count] = entry;
    batch->shapes[batch->count++] = entry->shape;
}

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

static void batch_close(Batch *batch, bool made) {
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i]->queued = false;
        if (made) batch->entries[i]->code = batch->codes[i];
    }
}

ferry_code routes_prepare(Engine *engine, const Signature *const *signatures, size_t count,
                          const ferry_binding_options *options, ferry_error *error) {
    if (engine->policy == FERRY_NEVER) return fail(error, FERRY_NO_CODE, "the engine's policy is never");
    Arena scratch = {.allocator = engine->allocator};
    Batch batch = {.count = 0};
    ferry_code code = batch_open(&batch, &scratch, count, error);
    if (code == FERRY_OK) code = batch_collect(engine, &batch, signatures, count, options, error);
    if (code == FERRY_OK && batch.count != 0)
        code = compile(engine, batch.shapes, batch.count, NULL, batch.codes, error);
    batch_close(&batch, code == FERRY_OK);
    arena_free(&scratch);
    return code;
}
