/* ready.c: code that need not be made: the prelude, bundles, and the cache on disk, in this order.
 *
 * What can be used is decided once for a bundle (its target, what its code needs of the processor) and for each shape
 * by its digest; the cache's key also holds everything that the maker of the code was told, and what LLVM module it
 * would be made with now. */
#define _GNU_SOURCE
#include "runtime/closure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(BUNDLE_KEY_OFFSET == offsetof(Shape, value_count), "what a digest covers");
_Static_assert(BUNDLE_BYTES_OFFSET == offsetof(Shape, bytes), "what says how large a shape is");

static bool uses(const Engine *engine, ferry_source source) {
    return (engine->without & (unsigned)source) == 0;
}

static void keep_first(Engine *engine, const char **place, const ferry_error *error) {
    if (*place != NULL) return;
    *place = arena_string(&engine->arena, error->message);
    if (*place != NULL) atomic_store(&engine->ready.has_news, true);
}

/* ---- bundles, the prelude among them ---- */

static ferry_code give(Engine *engine, ShapeEntry *entry, const uint8_t *address, size_t size, ferry_tier tier,
                       ferry_error *error) {
    const Code made = {.entry = address, .code_size = (uint32_t)size};
    const Code *code = arena_copy(&engine->arena, &made, sizeof made);
    if (code == NULL) return fail_out_of_memory(error, "a shape's ready-made code");
    atomic_store_explicit(&entry->tier, tier, memory_order_relaxed);
    atomic_store_explicit(&entry->code, code, memory_order_release);
    atomic_store_explicit(&entry->reason, NULL, memory_order_release); /* a bundle may come after a failure */
    return FERRY_OK;
}

/* Code that LLVM tried less for than the user asks is not taken. */
static ferry_code find_in(Engine *engine, const Bundle *bundle, Digest digest, ferry_tier tier, ShapeEntry *entry,
                          ferry_error *error) {
    int64_t index = bundle_find(bundle, digest);
    if (index < 0) return FERRY_OK;
    const BundleEntry *found = &bundle->entries[index];
    if (engine->quality != FERRY_BY_SHAPE && found->quality < (uint32_t)engine->quality) return FERRY_OK;
    const uint8_t *code;
    ferry_error damage;
    if (bundle_code(bundle, (size_t)index, &code, &damage) == FERRY_OK)
        return give(engine, entry, code, found->code_size, tier, error);
    keep_first(engine, &engine->ready.bundle_error, &damage);
    return FERRY_OK;
}

static ferry_code check_fits(const Engine *engine, const BundleHeader *header, ferry_error *error) {
    const Target *own = engine->target, *made_for = target_find(header->target);
    const char *missing = NULL;
    if (made_for == NULL)
        return fail(error, FERRY_UNFIT, "it was made for %s, a target that is not known", header->target);
    if (made_for != own && strcmp(own->baseline, made_for->name) != 0)
        return fail(error, FERRY_UNFIT, "it was made for %s, the engine's target is %s", made_for->name, own->name);
    if (!host_has(header->features, &missing))
        return fail(error, FERRY_UNFIT, "its code needs %s, which this machine has not", missing);
    return FERRY_OK;
}

static BundleLink *find_link(const Ready *ready, const Bundle *bundle) {
    for (BundleLink *link = ready->bundles; link != NULL; link = link->next) {
        if (link->bundle.table == bundle->table) return link;
    }
    return NULL;
}

static BundleLink *add_link(Engine *engine, const Bundle *bundle) {
    const BundleLink made = {.bundle = *bundle};
    BundleLink *link = arena_copy(&engine->arena, &made, sizeof made);
    BundleLink **end = &engine->ready.bundles;
    while (*end != NULL) end = &(*end)->next;
    if (link != NULL) *end = link;
    return link;
}

/* Entries that are there already. */
typedef struct Newcomer {
    Engine *engine;
    const Bundle *bundle;
    ferry_code code;
    ferry_error *error;
} Newcomer;

static Digest digest_of_shape(const Shape *shape) {
    size_t size;
    const void *key = shape_key(shape, &size);
    return digest_of(0, key, size);
}

static void offer(void *context, ShapeEntry *entry) {
    Newcomer *newcomer = context;
    if (newcomer->code != FERRY_OK || shape_code(entry) != NULL) return;
    newcomer->code = find_in(newcomer->engine, newcomer->bundle, digest_of_shape(entry->shape), FERRY_TIER_BUNDLE,
                             entry, newcomer->error);
}

/* One that is there already is offered again: there may have been no memory for all of its code. */
ferry_code ready_add(Engine *engine, const Bundle *bundle, ferry_error *error) {
    TRY(check_fits(engine, bundle->header, error));
    BundleLink *link = find_link(&engine->ready, bundle);
    if (link == NULL) link = add_link(engine, bundle);
    if (link == NULL) return fail_out_of_memory(error, "a bundle");
    Newcomer newcomer = {.engine = engine, .bundle = &link->bundle, .code = FERRY_OK, .error = error};
    shape_entry_each(engine, offer, &newcomer);
    return newcomer.code;
}

/* ---- the cache ---- */

static void open_cache(Engine *engine) {
    Ready *ready = &engine->ready;
    char folder[4096];
    ferry_error failure;
    ready->cache_tried = true;
    if (engine->no_code != NULL) return;
    ferry_code code = cache_folder(engine->cache_folder, folder, &failure);
    if (code == FERRY_NO_CODE) return; /* there shall be none */
    if (code == FERRY_OK) code = cache_open(folder, engine->cache_limit, engine->allocator, &ready->cache, &failure);
    if (code != FERRY_OK) keep_first(engine, &ready->cache_error, &failure);
}

/* Everything besides the shape that decides about the code, in one line. */
static const char *maker_of(Engine *engine, ferry_quality quality) {
    const char **maker = &engine->ready.makers[quality == FERRY_BETTER];
    char module[256], line[512];
    if (*maker != NULL) return *maker;
    backend_identity(engine->backend_path, module, sizeof module);
    snprintf(line, sizeof line, "ferry %s, contract %d, %s, %s%s%s, %s", ferry_version(), BUNDLE_CONTRACT, module,
             engine->target->name, engine->target->cpu_features[0] != '\0' ? " " : "", engine->target->cpu_features,
             quality == FERRY_BETTER ? "better" : "quick");
    *maker = arena_string(&engine->arena, line);
    return *maker;
}

static CacheKey key_of(const Shape *shape, const char *maker) {
    CacheKey key = {.maker = maker};
    key.shape = shape_key(shape, &key.shape_size);
    return key;
}

/* A blob from the cache goes the way of any other. */
static ferry_code place(Engine *engine, ShapeEntry *entry, const Blob *blob, ferry_error *error) {
    Code *code;
    ferry_error failure;
    uint64_t start = clock_now();
    ferry_code placed = code_add(engine->code, blob, &code, &failure);
    engine->place_nanoseconds += clock_now() - start;
    if (placed == FERRY_OUT_OF_MEMORY) return fail_out_of_memory(error, "code from the cache");
    if (placed == FERRY_NO_CODE) engine->no_code = arena_string(&engine->arena, failure.message);
    if (placed != FERRY_OK) keep_first(engine, &engine->ready.cache_error, &failure);
    if (placed != FERRY_OK) return FERRY_OK;
    atomic_store_explicit(&entry->tier, FERRY_TIER_CACHE, memory_order_relaxed);
    atomic_store_explicit(&entry->code, code, memory_order_release);
    return FERRY_OK;
}

static ferry_code find_in_cache(Engine *engine, ShapeEntry *entry, ferry_error *error) {
    Ready *ready = &engine->ready;
    if (!ready->cache_tried) open_cache(engine);
    if (ready->cache == NULL || engine->no_code != NULL) return FERRY_OK;
    const char *maker = maker_of(engine, engine_quality(engine, entry->shape));
    if (maker == NULL) return fail_out_of_memory(error, "the key of the cache");
    const CacheKey key = key_of(entry->shape, maker);
    Arena scratch = {.allocator = engine->allocator};
    Blob blob;
    bool found = false;
    ferry_error failure;
    ferry_code code = cache_get(ready->cache, &key, &scratch, &blob, &found, &failure);
    if (code == FERRY_OUT_OF_MEMORY) *error = failure;
    if (code != FERRY_OK && code != FERRY_OUT_OF_MEMORY) keep_first(engine, &ready->cache_error, &failure);
    if (code != FERRY_OUT_OF_MEMORY) code = found ? place(engine, entry, &blob, error) : FERRY_OK;
    if (!found) ready->cache_misses++;
    arena_free(&scratch);
    return code;
}

static void keep_items(Engine *engine, const CacheItem *items, size_t count) {
    Ready *ready = &engine->ready;
    ferry_error failure;
    size_t written = 0;
    uint64_t start = clock_now();
    ferry_code code = cache_put(ready->cache, items, count, &written, &failure);
    atomic_fetch_add(&ready->cache_write_nanoseconds, clock_now() - start);
    atomic_fetch_add(&ready->cache_written, written);
    if (code == FERRY_OK || code == FERRY_TIMEOUT) return; /* it is busy: the next process keeps it */
    atomic_store(&ready->cache_refuses, true);
    engine_lock(engine);
    keep_first(engine, &ready->cache_error, &failure);
    engine_unlock(engine);
}

/* That there is no memory for it loses nothing. */
void ready_keep(Engine *engine, const Shape *const *shapes, const Blob *blobs, size_t count, ferry_quality quality) {
    engine_lock(engine);
    bool is_kept = engine->ready.cache != NULL && !atomic_load(&engine->ready.cache_refuses);
    const char *maker = is_kept ? maker_of(engine, quality) : NULL;
    engine_unlock(engine);
    if (maker == NULL) return;
    Arena scratch = {.allocator = engine->allocator};
    CacheItem *items = arena_array(&scratch, count, sizeof *items);
    for (size_t i = 0; i < count && items != NULL; i++)
        items[i] = (CacheItem){.key = key_of(shapes[i], maker), .blob = blobs[i]};
    if (items != NULL) keep_items(engine, items, count);
    arena_free(&scratch);
}

/* ---- all of them ---- */

ferry_code ready_find(Engine *engine, ShapeEntry *entry, ferry_error *error) {
    Ready *ready = &engine->ready;
    bool has_prelude = ready->prelude.header != NULL;
    if (has_prelude || ready->bundles != NULL) {
        Digest digest = digest_of_shape(entry->shape);
        if (has_prelude) TRY(find_in(engine, &ready->prelude, digest, FERRY_TIER_PRELUDE, entry, error));
        for (const BundleLink *link = ready->bundles; link != NULL && shape_code(entry) == NULL; link = link->next)
            TRY(find_in(engine, &link->bundle, digest, FERRY_TIER_BUNDLE, entry, error));
    }
    bool asks_cache = uses(engine, FERRY_SOURCE_CACHE) && engine->policy != FERRY_NEVER;
    if (shape_code(entry) != NULL || !asks_cache) return FERRY_OK;
    uint64_t start = clock_now();
    ferry_code code = find_in_cache(engine, entry, error);
    ready->cache_read_nanoseconds += clock_now() - start;
    return code;
}

/* ---- life ---- */

/* One of $FERRY_BUNDLES. */
static ferry_code add_file(Engine *engine, const char *path, ferry_error *error) {
    Bundle bundle;
    TRY(bundle_load(path, engine->allocator, &bundle, error));
    return ready_add(engine, &bundle, error);
}

static ferry_code add_files(Engine *engine, const char *paths, ferry_error *error) {
    while (*paths != '\0') {
        size_t length = strcspn(paths, ":");
        char path[4096];
        ferry_error failure;
        ferry_code code = FERRY_OK;
        if (length >= sizeof path)
            code = fail(&failure, FERRY_UNFIT, "a path is longer than %zu bytes", sizeof path - 1);
        else if (length != 0)
            snprintf(path, sizeof path, "%.*s", (int)length, paths);
        if (code == FERRY_OK && length != 0) code = add_file(engine, path, &failure);
        if (code == FERRY_OUT_OF_MEMORY) *error = failure;
        if (code == FERRY_OUT_OF_MEMORY) return code;
        if (code != FERRY_OK) code = fail_within(&failure, code, "FERRY_BUNDLES: ");
        if (code != FERRY_OK) keep_first(engine, &engine->ready.bundle_error, &failure);
        paths += length + (paths[length] == ':');
    }
    return FERRY_OK;
}

ferry_code ready_open(Engine *engine, ferry_error *error) {
    Ready *ready = &engine->ready;
    Bundle prelude;
    ferry_error misfit;
    bundle_open_own(ferry_prelude, &prelude);
    bool fits = prelude.header->count != 0 && check_fits(engine, prelude.header, &misfit) == FERRY_OK;
    if (fits && uses(engine, FERRY_SOURCE_PRELUDE)) ready->prelude = prelude;
    const char *paths = uses(engine, FERRY_SOURCE_BUNDLES) ? secure_getenv("FERRY_BUNDLES") : NULL;
    return paths != NULL ? add_files(engine, paths, error) : FERRY_OK;
}

static const char *take_news(const char *news, bool *told) {
    const char *untold = *told ? NULL : news;
    if (news != NULL) *told = true;
    return untold;
}

/* Each once: the first that could not be used. */
void ready_report(Engine *engine) {
    Ready *ready = &engine->ready;
    if (!atomic_load_explicit(&ready->has_news, memory_order_relaxed)) return;
    engine_lock(engine);
    const char *cache = take_news(ready->cache_error, &ready->told_cache);
    const char *bundle = take_news(ready->bundle_error, &ready->told_bundle);
    atomic_store(&ready->has_news, false);
    engine_unlock(engine);
    if (cache != NULL) report_event(engine, FERRY_IGNORED_CACHE, NULL, NULL, "%s", cache);
    if (bundle != NULL) report_event(engine, FERRY_IGNORED_BUNDLE, NULL, NULL, "%s", bundle);
}

void ready_close(Engine *engine) {
    cache_close(engine->ready.cache);
}
