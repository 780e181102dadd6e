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

/* Large enough for the arena to begin with a block of full size. */
#define SCRATCH_HEAD 1000

/* Without memory for it the mark is that of an empty arena, and all is freed at its end. */
ArenaMark engine_scratch(Engine *engine) {
    if (engine->scratch.block == NULL) (void)arena_new(&engine->scratch, SCRATCH_HEAD);
    return arena_mark(&engine->scratch);
}

void engine_leave(Engine *engine) {
    engine_unlock(engine);
    ready_report(engine);
}

Engine *engine_of_types(TypeTable *types) {
    return (Engine *)(void *)((char *)types - offsetof(struct ferry_engine, types));
}

/* ---- creating ---- */

#define ALL_SOURCES         ((unsigned)(FERRY_SOURCE_PRELUDE | FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE))
#define DEFAULT_AFTER_CALLS 100

static ferry_code check_options(const ferry_engine_options *options, ferry_error *error) {
    const ferry_allocator *allocator = &options->allocator;
    if (allocator->allocate != NULL && allocator->release == NULL)
        return fail(error, FERRY_INVALID, "options.allocator.release is NULL");
    if ((unsigned)options->policy > FERRY_NEVER)
        return fail(error, FERRY_INVALID, "options.policy %d is none", (int)options->policy);
    if ((unsigned)options->quality > FERRY_BETTER)
        return fail(error, FERRY_INVALID, "options.quality %d is none", (int)options->quality);
    if ((options->without & ~ALL_SOURCES) != 0)
        return fail(error, FERRY_INVALID, "options.without %#x: %#x is no source", options->without,
                    options->without & ~ALL_SOURCES);
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
    CodeOptions code = {
        .perf_map = options->perf_map, .gdb = options->gdb, .library_thunks = options->policy == FERRY_NEVER};
    TRY(code_space_open(engine->allocator, &code, &engine->code, error));
    ferry_code opened = open_closures(engine, options, &code, error);
    if (opened != FERRY_OK) code_space_close(engine->code);
    return opened;
}

static void close_code(Engine *engine) {
    closure_pool_close(engine->closures);
    thunk_space_close(engine->thunks);
    memory_release(engine->allocator, engine->closures, sizeof *engine->closures);
    code_space_close(engine->code);
}

static ferry_code keep_string(Engine *engine, const char *given, const char **kept, ferry_error *error) {
    if (given == NULL) return FERRY_OK;
    *kept = arena_string(&engine->arena, given);
    return *kept != NULL ? FERRY_OK : fail_out_of_memory(error, "an engine");
}

/* The engine is seen by others, which is the process's business, once nothing but that can fail. */
static ferry_code open_ready(Engine *engine, ferry_error *error) {
    TRY(ready_open(engine, error));
    TRY(maker_open(engine, error));
    ferry_code added = engines_add(engine, error);
    if (added != FERRY_OK) maker_close(engine);
    return added;
}

/* Everything but the engine's own memory and what cannot fail. */
static ferry_code open_parts(Engine *engine, const ferry_engine_options *options, ferry_error *error) {
    TRY(keep_string(engine, options->backend, &engine->backend_path, error));
    TRY(keep_string(engine, options->cache_folder, &engine->cache_folder, error));
    TRY(type_table_open(&engine->types, engine->allocator, error));
    ferry_code opened = open_code(engine, options, error);
    if (opened == FERRY_OK) {
        opened = open_ready(engine, error);
        if (opened != FERRY_OK) close_code(engine);
    }
    if (opened != FERRY_OK) type_table_close(&engine->types);
    return opened;
}

static void release(Engine *engine) {
    ferry_allocator allocator = engine->own_allocator; /* outlives the engine that holds it */
    bool own = engine->allocator != NULL;
    layout_table_close(&engine->layouts);
    table_free(&engine->shapes);
    arena_free(&engine->scratch);
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
    engine->after_calls = options->after_calls != 0 ? options->after_calls : DEFAULT_AFTER_CALLS;
    engine->without = options->without;
    engine->cache_limit = options->cache_limit;
    engine->target = target;
    engine->arena.allocator = engine->allocator;
    engine->scratch.allocator = engine->allocator;
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
    static const ferry_engine_options defaults = {.policy = FERRY_BACKGROUND};
    ferry_error scratch;
    Engine *engine = NULL;
    ferry_code code = create(options != NULL ? options : &defaults, &engine, error != NULL ? error : &scratch);
    if (code == FERRY_OK) ready_report(engine);
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
    maker_stop(engine);
    engines_remove(engine);
    maker_close(engine);
    pool_close(&engine->pool);
    interfaces_close(engine);
    backend_unload(&engine->loaded);
    close_code(engine);
    ready_close(engine);
    type_table_close(&engine->types);
    release(engine);
    return FERRY_OK;
}

/* ---- looking ---- */

const char *ferry_engine_target(const ferry_engine *engine) {
    return engine != NULL ? engine->target->name : NULL;
}

static void copy_text(char *buffer, size_t size, const char *text) {
    snprintf(buffer, size, "%s", text != NULL ? text : "");
}

static void describe_failures(const Engine *engine, ferry_statistics *statistics) {
    const char *no_code = engine->no_backend != NULL ? engine->no_backend : engine->no_code;
    copy_text(statistics->backend_error, sizeof statistics->backend_error, no_code);
    copy_text(statistics->backend_version, sizeof statistics->backend_version, engine->llvm);
    copy_text(statistics->thunk_error, sizeof statistics->thunk_error, thunk_error(engine->thunks));
    copy_text(statistics->cache_error, sizeof statistics->cache_error, engine->ready.cache_error);
    copy_text(statistics->bundle_error, sizeof statistics->bundle_error, engine->ready.bundle_error);
    copy_text(statistics->thread_error, sizeof statistics->thread_error, engine->maker.error);
    statistics->backend_loaded = engine->llvm != NULL;
    statistics->thread_running = atomic_load(&engine->maker.running);
}

static void count_shape(void *context, ShapeEntry *entry) {
    ferry_statistics *statistics = context;
    if (shape_code(entry) == NULL) {
        statistics->without_code++;
        if (atomic_load(&entry->queued)) statistics->waiting++;
        return;
    }
    switch (atomic_load_explicit(&entry->tier, memory_order_relaxed)) {
    case FERRY_TIER_PRELUDE: statistics->from_prelude++; break;
    case FERRY_TIER_BUNDLE: statistics->from_bundles++; break;
    case FERRY_TIER_CACHE: statistics->from_cache++; break;
    default: statistics->compiled++; break;
    }
}

static void describe_making(Engine *engine, ferry_statistics *statistics) {
    statistics->shapes = engine->shapes.count;
    shape_entry_each(engine, count_shape, statistics);
    statistics->load_nanoseconds = engine->load_nanoseconds;
    statistics->compile_nanoseconds = engine->compile_nanoseconds;
    statistics->place_nanoseconds = engine->place_nanoseconds;
    statistics->requests = engine->requests;
    statistics->cache_read_nanoseconds = engine->ready.cache_read_nanoseconds;
    statistics->cache_write_nanoseconds = atomic_load(&engine->ready.cache_write_nanoseconds);
    statistics->cache_misses = engine->ready.cache_misses;
    statistics->cache_written = atomic_load(&engine->ready.cache_written);
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
    describe_making(engine, statistics);
    statistics->blobs = code.blobs;
    statistics->code_bytes = code.code_bytes;
    statistics->unwind_bytes = code.unwind_bytes;
    statistics->slab_bytes_used = code.used_bytes;
    statistics->slab_bytes_mapped = code.mapped_bytes;
    statistics->arena_bytes = engine->arena.bytes + engine->types.arena.bytes;
    describe_failures(engine, statistics);
    engine_unlock(engine);
}
