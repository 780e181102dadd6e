/* api_closure.c: ferry/closure.h, but for cursors. */
#include "runtime/closure.h"

#include <stdio.h>
#include <string.h>

static const ferry_closure_options defaults = {.convention = FERRY_SLOTS};

/* ---- making ---- */

static ferry_code check_options(const ferry_closure_options *options, ferry_error *error) {
    if (options->convention != FERRY_SLOTS && options->convention != FERRY_POINTERS)
        return fail(error, FERRY_INVALID, "options.convention %d is none", (int)options->convention);
    if (options->boundary != FERRY_LET_THROUGH && options->boundary != FERRY_STOP)
        return fail(error, FERRY_INVALID, "options.boundary %d is none", (int)options->boundary);
    return FERRY_OK;
}

static bool needs_detail(const ferry_closure_options *options) {
    return options->name != NULL || options->fallback != NULL || options->finalize != NULL ||
           options->boundary != FERRY_LET_THROUGH;
}

/* What was given, put in a detail. Under the engine's lock, for the name. */
static ferry_code make_detail(const Upcall *upcall, ferry_handler handler, void *context,
                              const ferry_closure_options *options, Detail **made, ferry_error *error) {
    Engine *engine = upcall->engine;
    const Layout *result = upcall->layouts[upcall->placed->count];
    const char *name = NULL;
    if (options->name != NULL)
        TRY(type_intern_name(&engine->types, options->name, strlen(options->name), &name, error));
    size_t size = options->fallback != NULL && result != NULL ? (size_t)result->size : 0;
    Detail *detail = detail_new(engine->closures, size);
    if (detail == NULL) return fail_out_of_memory(error, "a closure");
    detail->handler = handler;
    detail->context = context;
    detail->name = name;
    detail->boundary = options->boundary;
    detail->finalize = options->finalize;
    detail->mediated = options->boundary != FERRY_LET_THROUGH || options->finalize != NULL;
    detail->calls = 1;
    detail->holds = 2;
    if (size != 0) memcpy(detail->fallback, options->fallback, size);
    *made = detail;
    return FERRY_OK;
}

/* Everything that the stub reads is there before the entry. */
static ferry_closure *start(Cell *cell, Upcall *upcall, ferry_handler handler, void *context, Detail *detail,
                            uintptr_t entry) {
    bool mediated = detail != NULL && detail->mediated;
    uint64_t life = atomic_load_explicit(&cell->life, memory_order_relaxed) + 1;
    atomic_store_explicit(&cell->handler, mediated ? mediate : handler, memory_order_relaxed);
    atomic_store_explicit(&cell->context, mediated ? cell : context, memory_order_relaxed);
    atomic_store_explicit(&cell->upcall, upcall, memory_order_relaxed);
    atomic_store_explicit(&cell->detail, detail, memory_order_relaxed);
    if (detail != NULL) life |= LIFE_HAS_DETAIL;
    atomic_store_explicit(&cell->life, life, memory_order_release);
    atomic_store_explicit(&cell->entry, entry, memory_order_release);
    return handle_of(cell, life);
}

/* The usual case: a signature that had a closure before, and nothing but a handler. No lock but a shard's. */
static ferry_closure *create_known(Engine *engine, const Signature *signature, ferry_handler handler, void *context,
                                   const ferry_closure_options *options, ferry_error *error) {
    Upcall *upcall = atomic_load_explicit(upcall_cell(signature, options), memory_order_acquire);
    uintptr_t entry = upcall != NULL ? upcall_entry(upcall) : 0;
    Cell *cell;
    if (entry == 0 || cell_take(engine->closures, &cell, error) != FERRY_OK) return NULL;
    return start(cell, upcall, handler, context, NULL, entry);
}

/* entry: the stub, or 0: by libffi, for which there is a detail. */
static ferry_code fill(Upcall *upcall, ferry_handler handler, void *context, Detail *detail, uintptr_t entry,
                       ferry_closure **closure, ferry_error *error) {
    Cell *cell;
    TRY(cell_take(upcall->engine->closures, &cell, error));
    if (entry == 0 && detail != NULL) {
        ferry_code code = slow_upcall_open(upcall, cell, detail, error);
        if (code != FERRY_OK) cell_give(upcall->engine->closures, cell);
        if (code != FERRY_OK) return code;
        entry = (uintptr_t)thunk_relay();
    }
    *closure = start(cell, upcall, handler, context, detail, entry);
    return FERRY_OK;
}

static ferry_code create(Engine *engine, const Signature *signature, ferry_handler handler, void *context,
                         const ferry_closure_options *options, ferry_closure **closure, ferry_error *error) {
    Upcall *upcall;
    Detail *detail = NULL;
    TRY(upcall_find(engine, signature, options, &upcall, error));
    TRY(upcall_complete(upcall, error));
    uintptr_t entry = upcall_entry(upcall);
    if (entry == 0 || needs_detail(options)) TRY(make_detail(upcall, handler, context, options, &detail, error));
    ferry_code code = fill(upcall, handler, context, detail, entry, closure, error);
    if (code != FERRY_OK) detail_free(engine->closures, detail);
    return code;
}

static ferry_code check_new(const Engine *engine, const Signature *signature, ferry_handler handler,
                            const ferry_closure_options *options, ferry_error *error) {
    TRY(check_signature(engine, signature, "signature", error));
    TRY(check_options(options, error));
    return handler != NULL ? FERRY_OK : fail(error, FERRY_INVALID, "handler is NULL");
}

ferry_closure *ferry_closure_create(ferry_engine *engine, const ferry_signature *signature, ferry_handler handler,
                                    void *context, const ferry_closure_options *options, ferry_error *error) {
    ferry_error scratch;
    ferry_closure *closure = NULL;
    if (error == NULL) error = &scratch;
    if (options == NULL) options = &defaults;
    if (check_new(engine, signature, handler, options, error) != FERRY_OK) return NULL;
    if (!needs_detail(options)) closure = create_known(engine, signature, handler, context, options, error);
    if (closure != NULL) return closure;
    engine_lock(engine);
    ferry_code code = create(engine, signature, handler, context, options, &closure, error);
    engine_leave(engine);
    return code == FERRY_OK ? closure : NULL;
}

/* ---- the end ---- */

/* The name only if the cell has not been used again since. */
static const char *name_of(const ferry_closure *closure, const Signature **signature) {
    const Cell *cell = cell_of(closure);
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    ClosurePool *pool = upcall->engine->closures;
    const char *name = NULL;
    *signature = NULL;
    if (!details_lock(pool)) return NULL;
    if (handle_is_of(closure, atomic_load(&cell->life))) {
        const Detail *detail = cell_detail(cell);
        name = detail != NULL ? detail->name : NULL;
        *signature = upcall->signature;
    }
    details_unlock(pool);
    return name;
}

static ferry_code stale(const ferry_closure *closure, const char *what, ferry_error *error) {
    const Upcall *upcall = atomic_load_explicit(&cell_of(closure)->upcall, memory_order_relaxed);
    const Signature *signature;
    const char *name = name_of(closure, &signature);
    report_event(upcall->engine, FERRY_STALE_HANDLE, name, signature, "was %s after its end", what);
    return fail(error, FERRY_STALE, "the closure was %s after its end: it has no references any more", what);
}

/* After life says so. Against a call on the slow path that moves on to the stub at the same moment: see slow_upcall.c.
 * Nothing is looked at after the store, so that it needs no barrier. */
static void end(Cell *cell, const Upcall *upcall, Detail *detail) {
    uintptr_t late = atomic_load(&upcall->late_entry);
    if (late != 0) atomic_store_explicit(&cell->entry, late, memory_order_release);
    if (detail != NULL && detail->mediated) calls_drop(cell, detail);
}

static void give(Cell *cell, const Upcall *upcall, Detail *detail) {
    if (detail != NULL && detail->mediated)
        holds_drop(cell, detail);
    else
        cell_give(upcall->engine->closures, cell);
}

/* Sets flags of life and takes a reference, at once. before: life until then; with the flags set there already nothing
 * is done. what: for messages. */
static ferry_code add_reference(const ferry_closure *closure, uint64_t flags, const char *what, uint64_t *before,
                                ferry_error *error) {
    TRY(check_pointer(closure, "closure", error));
    Cell *cell = cell_of(closure);
    *before = atomic_load(&cell->life);
    do {
        if (!handle_fits(closure, *before)) return stale(closure, what, error);
        if ((*before & flags) != 0) return FERRY_OK;
        if ((*before & LIFE_REFERENCES) == LIFE_REFERENCES)
            return fail(error, FERRY_TOO_LARGE, "the closure has 2^31 - 1 references already");
    } while (!atomic_compare_exchange_weak(&cell->life, before, (*before | flags) + 1));
    return FERRY_OK;
}

ferry_code ferry_closure_retain(ferry_closure *closure, ferry_error *error) {
    ferry_error scratch;
    uint64_t before;
    return add_reference(closure, 0, "retained", &before, error != NULL ? error : &scratch);
}

ferry_code ferry_closure_release(ferry_closure *closure, ferry_error *error) {
    ferry_error scratch;
    if (closure == NULL) return FERRY_OK;
    Cell *cell = cell_of(closure);
    uint64_t life = atomic_load(&cell->life);
    do {
        if (!handle_fits(closure, life)) return stale(closure, "released", error != NULL ? error : &scratch);
    } while (!atomic_compare_exchange_weak(&cell->life, &life, life - 1));
    if ((life & LIFE_REFERENCES) != 1) return FERRY_OK;
    /* Nobody makes the cell anew before it is given. */
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    Detail *detail = cell_detail(cell);
    if ((life & LIFE_ENDED) == 0) end(cell, upcall, detail);
    give(cell, upcall, detail);
    return FERRY_OK;
}

ferry_code ferry_closure_revoke(ferry_closure *closure, ferry_error *error) {
    ferry_error scratch;
    uint64_t before;
    if (error == NULL) error = &scratch;
    TRY(add_reference(closure, LIFE_ENDED, "revoked", &before, error));
    if ((before & LIFE_ENDED) != 0) return FERRY_OK;
    /* With a reference of its own: whoever else has one may release it meanwhile. */
    Cell *cell = cell_of(closure);
    end(cell, atomic_load_explicit(&cell->upcall, memory_order_relaxed), cell_detail(cell));
    return ferry_closure_release(closure, error);
}

/* ---- preparing ---- */

static ferry_code check_batch(const Engine *engine, const Signature *const *signatures, size_t count,
                              const ferry_closure_options *options, ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    TRY(check_options(options, error));
    if (count != 0) TRY(check_pointer(signatures, "signatures", error));
    for (size_t i = 0; i < count; i++) {
        char parameter[40];
        snprintf(parameter, sizeof parameter, "signatures[%zu]", i);
        TRY(check_signature(engine, signatures[i], parameter, error));
    }
    return FERRY_OK;
}

ferry_code ferry_closures_prepare(ferry_engine *engine, const ferry_signature *const *signatures, size_t count,
                                  const ferry_closure_options *options, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    if (options == NULL) options = &defaults;
    TRY(check_batch(engine, signatures, count, options, error));
    engine_lock(engine);
    ferry_code code = upcalls_prepare(engine, signatures, count, options, error);
    engine_leave(engine);
    return code;
}

/* ---- looking ---- */

/* NULL for handles of ended closures. */
static Cell *live_cell(const ferry_closure *closure) {
    if (closure == NULL) return NULL;
    Cell *cell = cell_of(closure);
    return handle_fits(closure, atomic_load(&cell->life)) ? cell : NULL;
}

static const Upcall *live_upcall(const ferry_closure *closure) {
    const Cell *cell = live_cell(closure);
    return cell != NULL ? atomic_load_explicit(&cell->upcall, memory_order_relaxed) : NULL;
}

ferry_function *ferry_closure_code(const ferry_closure *closure) {
    const Cell *cell = live_cell(closure);
    return cell != NULL ? (ferry_function *)(uintptr_t)thunk_code(cell) : NULL; /* NOLINT: code address */
}

/* On the slow path the entry is the relay to libffi. */
ferry_path ferry_closure_path(const ferry_closure *closure) {
    Cell *cell = live_cell(closure);
    if (cell == NULL) return FERRY_PATH_LIBFFI;
    uintptr_t relay = (uintptr_t)thunk_relay();
    if (atomic_load(&cell->entry) == relay) {
        Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
        maker_revive(upcall->engine);
        slow_upcall_move_on(cell, upcall);
    }
    return atomic_load(&cell->entry) == relay ? FERRY_PATH_LIBFFI : FERRY_PATH_CODE;
}

ferry_tier ferry_closure_tier(const ferry_closure *closure) {
    const Upcall *upcall = live_upcall(closure);
    if (upcall == NULL) return FERRY_TIER_LIBFFI;
    if (ferry_closure_path(closure) == FERRY_PATH_CODE || shape_code(upcall->shape) == NULL)
        return shape_tier(upcall->engine, upcall->shape);
    return shape_tier(upcall->engine, upcall->late_shape);
}

const char *ferry_closure_reason(const ferry_closure *closure) {
    const Upcall *upcall = live_upcall(closure);
    if (upcall == NULL) return "";
    return ferry_closure_path(closure) == FERRY_PATH_LIBFFI ? upcall_reason(upcall) : "";
}

const ferry_signature *ferry_closure_signature(const ferry_closure *closure) {
    const Upcall *upcall = live_upcall(closure);
    return upcall != NULL ? upcall->signature : NULL;
}

const void *ferry_closure_stub(const ferry_closure *closure, size_t *size) {
    const Upcall *upcall = live_upcall(closure);
    const Code *code = NULL;
    if (upcall != NULL && ferry_closure_path(closure) == FERRY_PATH_CODE) code = shape_code(upcall->shape);
    if (size != NULL) *size = code != NULL ? code->code_size : 0;
    return code != NULL ? code->entry : NULL;
}
