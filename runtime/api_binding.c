/* api_binding.c: ferry/binding.h. */
#define _GNU_SOURCE
#include "runtime/engine.h"

#include <errno.h>
#include <stdio.h>

static const ferry_binding_options defaults = {.convention = FERRY_SLOTS};

static ferry_code check_options(const ferry_binding_options *options, ferry_error *error) {
    if (options->convention == FERRY_SLOTS || options->convention == FERRY_POINTERS) return FERRY_OK;
    return fail(error, FERRY_INVALID, "options.convention %d is none", (int)options->convention);
}

static ferry_code check_callable(const Engine *engine, const Signature *signature, const char *parameter,
                                 ferry_error *error) {
    TRY(check_signature(engine, signature, parameter, error));
    if (!signature->variadic || signature->of_call) return FERRY_OK;
    return fail(error, FERRY_INVALID,
                "%s is variadic and says nothing of this call's arguments: make one with ferry_signature_of_call",
                parameter);
}

/* ---- binding ---- */

static Binding *fill(Route *route, ferry_entry entry, void (*function)(void)) {
    Binding *binding = pool_pop(&route->engine->pool);
    if (binding == NULL) return NULL;
    atomic_store_explicit(&binding->entry, entry, memory_order_relaxed);
    binding->target = function;
    binding->errno_location = __errno_location;
    binding->route = route;
    binding->own = NULL;
    binding->reason = NULL;
    return binding;
}

static ferry_code fill_shared(Route *route, void (*function)(void), Binding **binding, ferry_error *error) {
    TRY(route_complete(route, error));
    *binding = fill(route, route_entry(route), function);
    return *binding != NULL ? FERRY_OK : fail_out_of_memory(error, "a binding");
}

/* Where the code cannot be made, the binding goes by libffi, even if other bindings of the route have code. */
static ferry_code fill_bound(Route *route, void (*function)(void), Binding **binding, ferry_error *error) {
    Code *code;
    const char *reason = NULL;
    TRY(route_bound_code(route, function, &code, &reason, error));
    if (code == NULL && reason == NULL) return fill_shared(route, function, binding, error);
    if (code == NULL) TRY(route_plan(route, error));
    ferry_entry entry = code == NULL ? slow_call : code_entry(code);
    *binding = fill(route, entry, function);
    if (*binding == NULL) {
        if (code != NULL) code_remove(route->engine->code, code);
        return fail_out_of_memory(error, "a binding");
    }
    (*binding)->own = code;
    (*binding)->reason = code == NULL ? reason : NULL;
    return FERRY_OK;
}

static ferry_code bind_new(Engine *engine, const Signature *signature, void (*function)(void),
                           const ferry_binding_options *options, Binding **binding, ferry_error *error) {
    Route *route;
    TRY(route_find(engine, signature, options, &route, error));
    return options->bound ? fill_bound(route, function, binding, error) : fill_shared(route, function, binding, error);
}

/* The usual case: a signature that was bound before. No lock but the pool's. */
static Binding *bind_known(const Signature *signature, void (*function)(void), const ferry_binding_options *options) {
    void *_Atomic *cell = &signature->runtime[options->convention * 2 + options->capture_errno];
    Route *route = atomic_load_explicit(cell, memory_order_acquire);
    if (route == NULL || options->bound) return NULL;
    ferry_entry entry = route_entry(route);
    if (entry == slow_call) route_ask(route);
    return entry != NULL ? fill(route, entry, function) : NULL;
}

ferry_binding *ferry_bind(ferry_engine *engine, const ferry_signature *signature, void (*function)(void),
                          const ferry_binding_options *options, ferry_error *error) {
    ferry_error scratch;
    Binding *binding = NULL;
    if (error == NULL) error = &scratch;
    if (options == NULL) options = &defaults;
    if (check_callable(engine, signature, "signature", error) != FERRY_OK) return NULL;
    if (check_options(options, error) != FERRY_OK) return NULL;
    if (function == NULL) fail(error, FERRY_INVALID, "function is NULL");
    if (function == NULL) return NULL;
    binding = bind_known(signature, function, options);
    if (binding != NULL) return binding;
    engine_lock(engine);
    ferry_code code = bind_new(engine, signature, function, options, &binding, error);
    engine_leave(engine);
    return code == FERRY_OK ? binding : NULL;
}

void ferry_binding_free(ferry_binding *binding) {
    if (binding == NULL) return;
    Engine *engine = binding->route->engine;
    if (binding->own != NULL) {
        engine_lock(engine);
        code_remove(engine->code, binding->own);
        engine_unlock(engine);
    }
    pool_push(&engine->pool, binding);
}

/* ---- preparing ---- */

static ferry_code check_batch(const Engine *engine, const Signature *const *signatures, size_t count,
                              const ferry_binding_options *options, ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    TRY(check_options(options, error));
    if (options->bound) return fail(error, FERRY_INVALID, "options.bound: code of a binding's own cannot be prepared");
    if (count != 0) TRY(check_pointer(signatures, "signatures", error));
    for (size_t i = 0; i < count; i++) {
        char parameter[40];
        snprintf(parameter, sizeof parameter, "signatures[%zu]", i);
        TRY(check_callable(engine, signatures[i], parameter, error));
    }
    return FERRY_OK;
}

ferry_code ferry_prepare(ferry_engine *engine, const ferry_signature *const *signatures, size_t count,
                         const ferry_binding_options *options, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    if (options == NULL) options = &defaults;
    TRY(check_batch(engine, signatures, count, options, error));
    engine_lock(engine);
    ferry_code code = routes_prepare(engine, signatures, count, options, error);
    engine_leave(engine);
    return code;
}

/* ---- looking ---- */

/* As a call would find it. */
static bool is_slow(const ferry_binding *binding) {
    if (atomic_load_explicit(&binding->entry, memory_order_relaxed) != slow_call) return false;
    maker_revive(binding->route->engine);
    return binding_move_on(binding) == slow_call;
}

ferry_path ferry_binding_path(const ferry_binding *binding) {
    if (binding == NULL || is_slow(binding)) return FERRY_PATH_LIBFFI;
    return binding->own != NULL ? FERRY_PATH_BOUND : FERRY_PATH_CODE;
}

ferry_tier shape_tier(const Engine *engine, const ShapeEntry *entry) {
    if (shape_code(entry) != NULL) return atomic_load_explicit(&entry->tier, memory_order_relaxed);
    bool is_waiting = atomic_load(&entry->queued) || engine->policy == FERRY_AFTER_CALLS;
    return is_waiting && atomic_load(&entry->reason) == NULL ? FERRY_TIER_WAITING : FERRY_TIER_LIBFFI;
}

ferry_tier ferry_binding_tier(const ferry_binding *binding) {
    if (binding == NULL) return FERRY_TIER_LIBFFI;
    const Engine *engine = binding->route->engine;
    const ShapeEntry *shape = binding->route->shape;
    ferry_path path = ferry_binding_path(binding);
    if (path != FERRY_PATH_BOUND) return shape_tier(engine, shape);
    return engine_quality(engine, shape->shape) == FERRY_BETTER ? FERRY_TIER_BETTER : FERRY_TIER_QUICK;
}

const char *ferry_tier_text(ferry_tier tier) {
    static const char *const texts[] = {"libffi", "waiting", "prelude", "bundle", "cache", "quick", "better"};
    return (size_t)tier < COUNT_OF(texts) ? texts[tier] : "unknown tier";
}

const char *ferry_binding_reason(const ferry_binding *binding) {
    if (binding == NULL) return "binding is NULL";
    if (ferry_binding_path(binding) != FERRY_PATH_LIBFFI) return "";
    return binding->reason != NULL ? binding->reason : shape_reason(binding->route->engine, binding->route->shape);
}

const ferry_signature *ferry_binding_signature(const ferry_binding *binding) {
    return binding != NULL ? binding->route->signature : NULL;
}

const void *ferry_binding_code(const ferry_binding *binding, size_t *size) {
    const Code *code = NULL;
    ferry_path path = ferry_binding_path(binding); /* LIBFFI for NULL */
    if (path != FERRY_PATH_LIBFFI) code = path == FERRY_PATH_BOUND ? binding->own : shape_code(binding->route->shape);
    if (size != NULL) *size = code != NULL ? code->code_size : 0;
    return code != NULL ? code->entry : NULL;
}
