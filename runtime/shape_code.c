/* shape_code.c: machine code of shapes, made by the LLVM module and placed in the engine's code space.
 *
 *     entries without code -> claimed -> compiled, a request for each quality -> placed, published -> kept in the cache
 *                             lock       work                                    work and lock        work
 *
 * What failed for want of memory fails the request and may be tried again. Every other failure to make code is
 * remembered, in the shape or, where no shape can have code, in the engine. */
#include "runtime/engine.h"

#include <string.h>

/* ---- compiling: under work ---- */

/* What a request gave, copied. */
typedef struct Yield {
    Arena *arena;
    Blob *blobs; /* one for each shape */
} Yield;

static ferry_code copy_blob(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Yield *yield = context;
    Blob *copy = &yield->blobs[index];
    *copy = *blob;
    copy->code = arena_copy(yield->arena, blob->code, blob->code_size);
    copy->unwind = arena_copy(yield->arena, blob->unwind, blob->unwind_size);
    copy->name = arena_string(yield->arena, blob->name);
    if (copy->code == NULL || copy->unwind == NULL || copy->name == NULL)
        return fail_out_of_memory(error, "machine code on its way");
    return FERRY_OK;
}

/* Whether there is a point in loading LLVM at all: an empty blob has no other purpose than to find out. */
static ferry_code check_memory(Engine *engine, ferry_error *error) {
    engine_lock(engine);
    ferry_code code = FERRY_OK;
    if (engine->no_code == NULL && engine->llvm == NULL) {
        code = code_try(engine->code, error);
        if (code == FERRY_NO_CODE) engine->no_code = arena_string(&engine->arena, error->message);
    }
    if (engine->no_code != NULL) code = fail(error, FERRY_NO_CODE, "%s", engine->no_code);
    engine_unlock(engine);
    return code;
}

static ferry_code load(Engine *engine, ferry_error *error) {
    if (engines_exiting()) return fail(error, FERRY_BACKEND, ENDING_TEXT);
    TRY(check_memory(engine, error));
    bool is_new = engine->loaded.state == NULL && !engine->loaded.failed;
    if (!is_new) return backend_load(&engine->loaded, engine->backend_path, engine->allocator, error);
    if (!engines_load_begin()) return fail(error, FERRY_BACKEND, ENDING_TEXT);
    uint64_t start = clock_now();
    ferry_code code = backend_load(&engine->loaded, engine->backend_path, engine->allocator, error);
    uint64_t time = clock_now() - start;
    if (code == FERRY_OK) engines_watch_exit(engine->loaded.library);
    engines_load_end();
    engine_lock(engine);
    engine->load_nanoseconds += time;
    if (engine->loaded.backend != NULL) engine->llvm = engine->loaded.backend->llvm;
    if (engine->loaded.failed) engine->no_backend = engine->loaded.failure.message;
    engine_unlock(engine);
    if (code == FERRY_OK) maker_look_round(engine);
    return code;
}

static ferry_code compile(Engine *engine, const CompileRequest *request, Yield *yield, ferry_error *error) {
    TRY(load(engine, error));
    if (maker_is_stopping(engine)) return fail(error, FERRY_BACKEND, "the engine is about to end");
    uint64_t start = clock_now();
    ferry_code code = engine->loaded.backend->compile(engine->loaded.state, request, copy_blob, yield, error);
    uint64_t time = clock_now() - start;
    engines_watch_again();
    engine_lock(engine);
    engine->compile_nanoseconds += time;
    engine->requests++;
    engine_unlock(engine);
    return code;
}

/* ---- placing: under both locks ---- */

static ferry_code place(Engine *engine, const Blob *blobs, size_t count, Code **codes, ferry_error *error) {
    uint64_t start = clock_now();
    ferry_code code = FERRY_OK;
    for (size_t i = 0; i < count && code == FERRY_OK; i++) code = code_add(engine->code, &blobs[i], &codes[i], error);
    for (size_t i = 0; i < count && code != FERRY_OK; i++) {
        if (codes[i] != NULL) code_remove(engine->code, codes[i]);
        codes[i] = NULL;
    }
    engine->place_nanoseconds += clock_now() - start;
    if (code == FERRY_NO_CODE) engine->no_code = arena_string(&engine->arena, error->message);
    return code;
}

static void publish(ShapeEntry *entry, const Code *code, ferry_quality quality) {
    atomic_store_explicit(&entry->tier, quality == FERRY_BETTER ? FERRY_TIER_BETTER : FERRY_TIER_QUICK,
                          memory_order_relaxed);
    atomic_store_explicit(&entry->code, code, memory_order_release);
}

/* ---- one request: under work ---- */

/* Entries of one quality, none of which has code. All get it, or none. */
typedef struct Group {
    ferry_quality quality;
    size_t count;
    ShapeEntry **entries;
    const Shape **shapes;
    Blob *blobs;
    Code **codes;
} Group;

static ferry_code open_group(Group *group, ferry_quality quality, size_t most, Arena *arena, ferry_error *error) {
    *group = (Group){.quality = quality,
                     .entries = arena_array(arena, most, sizeof *group->entries),
                     .shapes = arena_array(arena, most, sizeof *group->shapes),
                     .blobs = arena_array(arena, most, sizeof *group->blobs),
                     .codes = arena_array(arena, most, sizeof *group->codes)};
    if (group->entries == NULL || group->shapes == NULL || group->blobs == NULL || group->codes == NULL)
        return fail_out_of_memory(error, "a batch of shapes");
    return FERRY_OK;
}

static ferry_code make_group(Engine *engine, Group *group, Arena *arena, ferry_error *error) {
    if (group->count == 0) return FERRY_OK;
    Yield yield = {.arena = arena, .blobs = group->blobs};
    const CompileRequest request = {
        .target = engine->target, .quality = group->quality, .shapes = group->shapes, .count = group->count};
    TRY(compile(engine, &request, &yield, error));
    engine_lock(engine);
    ferry_code code = place(engine, group->blobs, group->count, group->codes, error);
    for (size_t i = 0; i < group->count && code == FERRY_OK; i++)
        publish(group->entries[i], group->codes[i], group->quality);
    engine_unlock(engine);
    if (code == FERRY_OK) ready_keep(engine, group->shapes, group->blobs, group->count, group->quality);
    return code;
}

static ferry_code make_in(Engine *engine, ShapeEntry *const *entries, size_t count, Arena *arena, ferry_error *error) {
    Group groups[2];
    TRY(open_group(&groups[0], FERRY_QUICK, count, arena, error));
    TRY(open_group(&groups[1], FERRY_BETTER, count, arena, error));
    for (size_t i = 0; i < count; i++) {
        if (shape_code(entries[i]) != NULL) continue; /* a bundle that came meanwhile may have it */
        Group *group = &groups[engine_quality(engine, entries[i]->shape) == FERRY_BETTER];
        group->entries[group->count] = entries[i];
        group->shapes[group->count++] = entries[i]->shape;
    }
    TRY(make_group(engine, &groups[0], arena, error));
    return make_group(engine, &groups[1], arena, error);
}

static ferry_code make(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    Arena arena = {.allocator = engine->allocator};
    ferry_code code = make_in(engine, entries, count, &arena, error);
    arena_free(&arena);
    return code;
}

/* ---- for the maker ---- */

/* What passes is no reason: it may be asked for again. */
static bool is_passing(ferry_code code) {
    return code == FERRY_OUT_OF_MEMORY || engines_exiting();
}

static bool is_missing(const ShapeEntry *entry) {
    return shape_code(entry) == NULL && atomic_load(&entry->reason) == NULL;
}

/* Under the engine's lock. Without memory for the text there is no reason yet. */
static void give_reason(Engine *engine, ShapeEntry *entry, const ferry_error *failure) {
    if (!is_missing(entry)) return;
    const char *reason = arena_string(&engine->arena, failure->message);
    atomic_store_explicit(&entry->reason, reason, memory_order_release);
}

/* Where a batch fails each is tried alone: one that cannot be made must not take the others with it. */
void shapes_make_queued(Engine *engine, ShapeEntry *const *entries, size_t count) {
    ferry_error failure;
    if (make(engine, entries, count, &failure) == FERRY_OK) return;
    for (size_t i = 0; i < count && !maker_is_stopping(engine); i++) {
        ferry_code code = shape_code(entries[i]) == NULL ? make(engine, &entries[i], 1, &failure) : FERRY_OK;
        if (code == FERRY_OK || is_passing(code)) continue;
        engine_lock(engine);
        give_reason(engine, entries[i], &failure);
        engine_unlock(engine);
    }
}

/* ---- for callers: under the engine's lock ---- */

/* Those that nobody makes. */
static size_t claim(ShapeEntry *const *entries, size_t count, ShapeEntry **claimed) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_missing(entries[i]) && !atomic_exchange(&entries[i]->queued, true)) claimed[found++] = entries[i];
    }
    return found;
}

static ferry_code make_claimed(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    engine_unlock(engine);
    work_lock(engine);
    ferry_code code = make(engine, entries, count, error);
    work_unlock(engine);
    engine_lock(engine);
    for (size_t i = 0; i < count; i++) atomic_store(&entries[i]->queued, false);
    pthread_cond_broadcast(&engine->maker.made);
    return code;
}

static bool is_on_its_way(ShapeEntry *const *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (is_missing(entries[i]) && atomic_load(&entries[i]->queued)) return true;
    }
    return false;
}

static ferry_code check_made(ShapeEntry *const *entries, size_t count, ferry_error *error) {
    for (size_t i = 0; i < count; i++) {
        const char *reason = atomic_load(&entries[i]->reason);
        if (shape_code(entries[i]) == NULL && reason != NULL) return fail(error, FERRY_NO_CODE, "%s", reason);
    }
    return FERRY_OK;
}

ferry_code shapes_make(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    Arena scratch = {.allocator = engine->allocator};
    ShapeEntry **claimed = arena_array(&scratch, count, sizeof(ShapeEntry *));
    ferry_code code = claimed != NULL ? FERRY_OK : fail_out_of_memory(error, "a batch of shapes");
    while (code == FERRY_OK) {
        size_t found = claim(entries, count, claimed);
        if (found != 0)
            code = make_claimed(engine, claimed, found, error);
        else if (!is_on_its_way(entries, count))
            break;
        else if (!maker_wait(engine, NULL))
            code = fail(error, FERRY_BACKEND, ENDING_TEXT);
    }
    arena_free(&scratch);
    return code == FERRY_OK ? check_made(entries, count, error) : code;
}

/* A failure is that of all that are still missing: the one that was asked for, or one that it needs. */
ferry_code shapes_complete(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    ferry_error failure;
    if (atomic_load(&entries[count - 1]->reason) != NULL) return FERRY_OK;
    ferry_code code = shapes_make(engine, entries, count, &failure);
    if (code == FERRY_OUT_OF_MEMORY) *error = failure;
    if (code == FERRY_OK || code == FERRY_OUT_OF_MEMORY) return code;
    for (size_t i = 0; i < count && !is_passing(code); i++) give_reason(engine, entries[i], &failure);
    return FERRY_OK;
}

static ferry_code make_bound(Engine *engine, const Shape *shape, const void *function, Code **code,
                             ferry_error *error) {
    Arena arena = {.allocator = engine->allocator};
    Blob blob;
    Yield yield = {.arena = &arena, .blobs = &blob};
    const CompileRequest request = {.target = engine->target,
                                    .quality = engine_quality(engine, shape),
                                    .shapes = &shape,
                                    .count = 1,
                                    .bound = function};
    *code = NULL;
    ferry_code made = compile(engine, &request, &yield, error);
    if (made == FERRY_OK) {
        engine_lock(engine);
        made = place(engine, &blob, 1, code, error);
        engine_unlock(engine);
    }
    arena_free(&arena);
    return made;
}

ferry_code shape_bound(Engine *engine, const Shape *shape, const void *function, Code **code, ferry_error *error) {
    engine_unlock(engine);
    work_lock(engine);
    ferry_code made = make_bound(engine, shape, function, code, error);
    work_unlock(engine);
    engine_lock(engine);
    return made;
}
