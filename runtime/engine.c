/* engine.c: making and freeing engines; their statistics. */
#include "runtime/closure.h"

#include <stdio.h>
#include <string.h>

const char *ferry_version(void) {
    return FERRY_VERSION;
}

const char *ferry_code_text(ferry_code code) {
    static const char *const texts[] = {
#define FERRY_CODE(name, text) text,
        FERRY_CODES(FERRY_CODE)
#undef FERRY_CODE
    };
    return (size_t)code < COUNT_OF(texts) ? texts[code] : "unknown code";
}

void engine_lock(Engine *engine) {
    pthread_mutex_lock(&engine->lock);
}

void engine_unlock(Engine *engine) {
    pthread_mutex_unlock(&engine->lock);
}

Engine *engine_of_types(TypeTable *types) {
    return (Engine *)(void *)((char *)types - offsetof(struct ferry_engine, types));
}

/* ---- creating ---- */

static ferry_code check_options(const ferry_engine_options *options, ferry_error *error) {
    const ferry_allocator *allocator = &options->allocator;
    if (allocator->allocate != NULL && allocator->release == NULL)
        return fail(error, FERRY_INVALID, "options.allocator.release is NULL");
    if (options->policy != FERRY_NOW && options->policy != FERRY_NEVER && options->policy != FERRY_ON_REQUEST)
        return fail(error, FERRY_INVALID, "options.policy %d is none", (int)options->policy);
    if (options->quality != FERRY_QUICK && options->quality != FERRY_BETTER)
        return fail(error, FERRY_INVALID, "options.quality %d is none", (int)options->quality);
    return FERRY_OK;
}

static ferry_code choose_target(const char *name, const Target **target, ferry_error *error) {
    const char *missing;
    *target = name != NULL ? target_find(name) : host_best_target();
    if (*target == NULL && name == NULL)
        return fail(error, FERRY_UNSUPPORTED, "none of the targets can run on this machine");
    if (*target == NULL) return fail(error, FERRY_UNKNOWN_NAME, "options.target: no target is called \"%.64s\"", name);
    if (host_can_run(*target, &missing)) return FERRY_OK;
    return fail(error, FERRY_UNSUPPORTED, "options.target: this machine cannot run %s: it has no %s", name, missing);
}

static ferry_code open_closures(Engine *engine, const ferry_engine_options *options, const CodeOptions *code,
                                ferry_error *error) {
    engine->closures = memory_new(engine->allocator, sizeof *engine->closures);
    if (engine->closures == NULL) return fail_out_of_memory(error, "an engine");
    ferry_code opened = thunk_space_open(engine->allocator, code, &engine->thunks, error);
    if (opened != FERRY_OK) {
        memory_release(engine->allocator, engine->closures, sizeof *engine->closures);
        return opened;
    }
    closure_pool_open(engine->closures, engine->thunks, engine->allocator, options->quarantine);
    return FERRY_OK;
}

static ferry_code open_code(Engine *engine, const ferry_engine_options *options, ferry_error *error) {
    CodeOptions code = {.perf_map = options->perf_map, .gdb = options->gdb};
    TRY(code_space_open(engine->allocator, &code, &engine->code, error));
    ferry_code opened = open_closures(engine, options, &code, error);
    if (opened != FERRY_OK) code_space_close(engine->code);
    return opened;
}

/* Everything but the engine's own memory and what cannot fail. */
static ferry_code open_parts(Engine *engine, const ferry_engine_options *options, ferry_error *error) {
    if (options->backend != NULL) {
        engine->backend_path = arena_string(&engine->arena, options->backend);
        if (engine->backend_path == NULL) return fail_out_of_memory(error, "an engine");
    }
    TRY(type_table_open(&engine->types, engine->allocator, error));
    ferry_code opened = open_code(engine, options, error);
    if (opened != FERRY_OK) type_table_close(&engine->types);
    return opened;
}

static void release(Engine *engine) {
    ferry_allocator allocator = engine->own_allocator; /* outlives the engine that holds it */
    bool own = engine->allocator != NULL;
    layout_table_close(&engine->layouts);
    table_free(&engine->shapes);
    arena_free(&engine->arena);
    pthread_mutex_destroy(&engine->lock);
    memory_release(own ? &allocator : NULL, engine, sizeof *engine);
}

static ferry_code create(const ferry_engine_options *options, Engine **created, ferry_error *error) {
    const Target *target;
    TRY(check_options(options, error));
    TRY(choose_target(options->target, &target, error));
    Engine *engine = memory_new(&options->allocator, sizeof *engine);
    if (engine == NULL) return fail_out_of_memory(error, "an engine");
    engine->own_allocator = options->allocator;
    engine->allocator = options->allocator.allocate != NULL ? &engine->own_allocator : NULL;
    engine->policy = options->policy;
    engine->quality = options->quality;
    engine->target = target;
    engine->arena.allocator = engine->allocator;
    engine->shapes.allocator = engine->allocator;
    engine->pool.allocator = engine->allocator;
    engine->report = options->report;
    engine->report_context = options->report_context;
    host_errno_offset(&engine->errno_offset); /* a target that this is unknown for has no code that asks for it */
    pthread_mutex_init(&engine->lock, NULL);  /* cannot fail with default attributes on Linux */
    layout_table_open(&engine->layouts, target, &engine->arena, engine->allocator);
    ferry_code code = open_parts(engine, options, error);
    if (code != FERRY_OK) {
        release(engine);
        return code;
    }
    *created = engine;
    return FERRY_OK;
}

ferry_engine *ferry_engine_create(const ferry_engine_options *options, ferry_error *error) {
    static const ferry_engine_options defaults = {.policy = FERRY_NOW};
    ferry_error scratch;
    Engine *engine = NULL;
    ferry_code code = create(options != NULL ? options : &defaults, &engine, error != NULL ? error : &scratch);
    return code == FERRY_OK ? engine : NULL;
}

/* ---- freeing ---- */

static ferry_code check_unused(Engine *engine, ferry_error *error) {
    const struct {
        size_t count;
        const char *what;
    } parts[] = {
        {pool_live(&engine->pool), "binding"},
        {closure_pool_live(engine->closures), "closure"},
        {atomic_load(&engine->interfaces), "interface"},
        {atomic_load(&engine->scopes), "scope"},
    };
    char list[192] = "";
    for (size_t i = 0, length = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].count == 0) continue;
        const char *joint = length == 0 ? "" : " and ";
        const char *plural = parts[i].count == 1 ? "" : "s";
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%zu live %s%s", joint, parts[i].count,
                                   parts[i].what, plural);
    }
    return list[0] == '\0' ? FERRY_OK : fail(error, FERRY_IN_USE, "the engine has %s", list);
}

ferry_code ferry_engine_free(ferry_engine *engine, ferry_error *error) {
    ferry_error scratch;
    if (engine == NULL) return FERRY_OK;
    TRY(check_unused(engine, error != NULL ? error : &scratch));
    pool_close(&engine->pool);
    interfaces_close(engine);
    closure_pool_close(engine->closures);
    thunk_space_close(engine->thunks);
    memory_release(engine->allocator, engine->closures, sizeof *engine->closures);
    backend_unload(&engine->loaded);
    code_space_close(engine->code);
    type_table_close(&engine->types);
    release(engine);
    return FERRY_OK;
}

/* ---- looking ---- */

const char *ferry_engine_target(const ferry_engine *engine) {
    return engine != NULL ? engine->target->name : NULL;
}

static void describe_backend(const Engine *engine, ferry_statistics *statistics) {
    const Loaded *loaded = &engine->loaded;
    const char *failure = loaded->failed ? loaded->failure.message : engine->no_code;
    statistics->backend_loaded = loaded->backend != NULL;
    if (failure != NULL) snprintf(statistics->backend_error, sizeof statistics->backend_error, "%s", failure);
    if (loaded->backend == NULL) return;
    snprintf(statistics->backend_version, sizeof statistics->backend_version, "%s", loaded->backend->llvm);
}

static void describe_closures(Engine *engine, ferry_statistics *statistics) {
    size_t code_bytes;
    statistics->closures = closure_pool_live(engine->closures);
    thunk_statistics(engine->thunks, &statistics->closure_bytes_mapped, &code_bytes);
    statistics->late_calls = engine->events[FERRY_LATE_CALL];
    statistics->stale_handles = engine->events[FERRY_STALE_HANDLE];
    statistics->stopped = engine->events[FERRY_STOPPED_EXCEPTION] + engine->events[FERRY_STOPPED_LONGJMP];
}

void ferry_engine_statistics(ferry_engine *engine, ferry_statistics *statistics) {
    if (statistics == NULL) return;
    *statistics = (ferry_statistics){.binding_bytes = BINDING_BYTES, .closure_bytes = THUNK_BYTES};
    if (engine == NULL) return;
    CodeStatistics code;
    statistics->bindings = pool_live(&engine->pool);
    describe_closures(engine, statistics);
    engine_lock(engine);
    code_statistics(engine->code, &code);
    statistics->shapes = engine->shapes.count;
    statistics->blobs = code.blobs;
    statistics->code_bytes = code.code_bytes;
    statistics->unwind_bytes = code.unwind_bytes;
    statistics->slab_bytes_used = code.used_bytes;
    statistics->slab_bytes_mapped = code.mapped_bytes;
    statistics->arena_bytes = engine->arena.bytes + engine->types.arena.bytes;
    statistics->compile_nanoseconds = engine->compile_nanoseconds;
    describe_backend(engine, statistics);
    engine_unlock(engine);
}
