/* trampolines/cache_write.c: one batch into the cache. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

/* ---- what is to be written ---- */

static ferry_code encode(CacheBatch *batch, const CacheItem *items, size_t count, Arena *arena, ferry_error *error) {
    int64_t now = cache_now();
    batch->changes = arena_array(arena, count + batch->used_count, sizeof *batch->changes);
    if (batch->changes == NULL) return fail_out_of_memory(error, "what is written to the cache");
    for (size_t i = 0; i < count; i++) {
        CacheChange *change = &batch->changes[batch->count++];
        change->size = value_size(&items[i]);
        change->dropped = change->size == 0;
        if (change->dropped) continue;
        change->name = cache_name_of(&items[i].key);
        change->value = arena_new(arena, change->size);
        if (change->value == NULL) return fail_out_of_memory(error, "what is written to the cache");
        value_encode(&items[i], now, change->value);
    }
    return FERRY_OK;
}

static size_t count_new(const CacheBatch *batch) {
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->changes[i].dropped && !batch->changes[i].renewal) count++;
    return count;
}

/* A right value of that name; in arena. NULL: there is none, or no memory. */
static uint8_t *read_value(CachePages *pages, const CacheName *name, Arena *arena, Value *value, ferry_error *error) {
    PageNode node;
    bool found;
    if (cache_pages_find(pages, name, &node, &found, error) != FERRY_OK || !found || node.size > CACHE_VALUE_LIMIT)
        return NULL;
    uint8_t *bytes = arena_new(arena, node.size);
    if (bytes == NULL || cache_pages_read(pages, node.offset, bytes, node.size, error) != FERRY_OK) return NULL;
    return value_decode(bytes, node.size, value) == NULL ? bytes : NULL;
}

/* Items that are in the file, whole, need not be written. */
static void drop_present(const CacheBatch *batch, const CacheItem *items, size_t count, CachePages *pages) {
    Arena scratch = {.allocator = batch->allocator};
    ferry_error ignored;
    for (size_t i = 0; i < count; i++) {
        Value value;
        CacheChange *change = &batch->changes[i];
        if (!change->dropped && read_value(pages, &change->name, &scratch, &value, &ignored) != NULL)
            change->dropped = value_is_of(&value, &items[i].key);
    }
    arena_free(&scratch);
}

static void add_renewals(CacheBatch *batch, CachePages *pages, Arena *arena) {
    int64_t now = cache_now();
    ferry_error ignored;
    for (size_t i = 0; i < batch->used_count; i++) {
        Value value;
        uint8_t *bytes = read_value(pages, &batch->used[i], arena, &value, &ignored);
        if (bytes == NULL || !value_is_stale(&value.head, now)) continue;
        value_renew(bytes, value.head.size, now);
        batch->changes[batch->count++] =
            (CacheChange){.name = batch->used[i], .value = bytes, .size = value.head.size, .renewal = true};
    }
}

/* ---- into the file that is there ---- */

static ferry_code put_all(const CacheBatch *batch, Environment *environment, ferry_error *error) {
    for (size_t i = 0; i < batch->count; i++) {
        const CacheChange *change = &batch->changes[i];
        if (change->dropped) continue;
        TRY(environment_put(environment, &change->name, change->value, change->size, false, error));
    }
    return environment_commit(environment, error);
}

static ferry_code put_in_place(const CacheBatch *batch, const CachePages *pages, bool *full, ferry_error *error) {
    char path[PATH_MAX + sizeof CACHE_FILE];
    Environment environment;
    size_t size = (size_t)(pages->head->last_page + 1) * pages->page_size, limit;
    TRY(cache_allowed(batch, pages->page_size, &limit, error));
    if (size > limit) { /* the limit is lower than it was */
        *full = true;
        return fail(error, FERRY_SYSTEM, "the file is larger than its limit");
    }
    snprintf(path, sizeof path, "%s/%s", batch->folder, CACHE_FILE);
    TRY(environment_open(&environment, path, pages->file, limit, error));
    ferry_code code = put_all(batch, &environment, error);
    *full = environment.full;
    environment_close(&environment);
    return code;
}

static ferry_code put_checked(CacheBatch *batch, const CacheItem *items, size_t count, const CacheLock *lock,
                              CachePages *pages, Arena *arena, ferry_error *error) {
    bool full = false;
    drop_present(batch, items, count, pages);
    add_renewals(batch, pages, arena);
    if (count_new(batch) == 0 && batch->count == count) return FERRY_OK;
    ferry_code code = put_in_place(batch, pages, &full, error);
    if (full || code == FERRY_UNFIT) return cache_rebuild(batch, lock, pages, full, error);
    return code;
}

static ferry_code put_into(CacheBatch *batch, const CacheItem *items, size_t count, const CacheLock *lock,
                           CachePages *pages, Arena *arena, ferry_error *error) {
    bool changed;
    ferry_code code = cache_pages_refresh(pages, &changed, error);
    if (code == FERRY_OK) code = cache_pages_check(pages, error);
    if (code == FERRY_OK) return put_checked(batch, items, count, lock, pages, arena, error);
    if (code != FERRY_UNFIT || count_new(batch) == 0) return code;
    return cache_rebuild(batch, lock, pages->head == NULL ? NULL : pages, false, error);
}

/* ---- all of it ---- */

static ferry_code write_locked(CacheBatch *batch, const CacheItem *items, size_t count, const CacheLock *lock,
                               Arena *arena, ferry_error *error) {
    int file;
    CachePages pages;
    unlinkat(lock->folder, CACHE_NEW, 0); /* of a process that was killed */
    TRY(folder_open_file(lock->folder, batch->folder, CACHE_FILE, O_RDONLY, &file, error));
    if (file < 0) return count_new(batch) == 0 ? FERRY_OK : cache_rebuild(batch, lock, NULL, false, error);
    cache_pages_open(&pages, file, batch->allocator);
    ferry_code code = put_into(batch, items, count, lock, &pages, arena, error);
    cache_pages_close(&pages);
    close(file);
    return code;
}

/* What others wrote meanwhile needs no lock to be seen. */
static void look_first(const CacheBatch *batch, const CacheItem *items, size_t count) {
    int folder, file;
    CachePages pages;
    bool changed;
    ferry_error ignored;
    if (folder_open(batch->folder, &folder, &ignored) != FERRY_OK || folder < 0) return;
    if (folder_open_file(folder, batch->folder, CACHE_FILE, O_RDONLY, &file, &ignored) == FERRY_OK && file >= 0) {
        cache_pages_open(&pages, file, batch->allocator);
        if (cache_pages_refresh(&pages, &changed, &ignored) == FERRY_OK) drop_present(batch, items, count, &pages);
        cache_pages_close(&pages);
        close(file);
    }
    close(folder);
}

static ferry_code write_batch(CacheBatch *batch, const CacheItem *items, size_t count, unsigned milliseconds,
                              Arena *arena, ferry_error *error) {
    CacheLock lock;
    TRY(encode(batch, items, count, arena, error));
    look_first(batch, items, count);
    size_t new = count_new(batch);
    if (new == 0 && batch->used_count == 0) return FERRY_OK;
    TRY(lock_take(batch->folder, new != 0, milliseconds, batch->allocator, &lock, error));
    if (lock.folder < 0) return FERRY_OK;
    ferry_code code = write_locked(batch, items, count, &lock, arena, error);
    lock_give(&lock);
    return code == FERRY_OK ? code
                            : fail_within(error, code, "%s/%s: nothing was written: ", batch->folder, CACHE_FILE);
}

ferry_code cache_write(CacheBatch *batch, const CacheItem *items, size_t count, unsigned milliseconds, size_t *written,
                       ferry_error *error) {
    Arena arena = {.allocator = batch->allocator};
    ferry_code code = write_batch(batch, items, count, milliseconds, &arena, error);
    *written = code == FERRY_OK ? count_new(batch) : 0;
    arena_free(&arena);
    return code;
}
