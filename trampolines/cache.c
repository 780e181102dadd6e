/* trampolines/cache.c: the cache as others see it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

enum {
    USED_MOST = 64,        /* values whose time of use is to be renewed */
    LOOK_AGAIN_AFTER = 20, /* milliseconds, where there was no file */
    GET_ATTEMPTS = 3,
    LIST_ATTEMPTS = 5
};

struct Cache {
    const ferry_allocator *allocator;
    size_t limit;
    int file; /* -1: none */
    CachePages pages;
    int64_t looked;        /* when there was no file, in milliseconds */
    unsigned writes;       /* lock_writes() then */
    pthread_mutex_t mutex; /* of what follows: cache_put runs beside cache_get */
    CacheName used[USED_MOST];
    size_t used_count;
    size_t bytes; /* of this struct */
    char folder[];
};

/* ---- names and times ---- */

CacheName cache_name_of(const CacheKey *key) {
    uint64_t maker = checksum_of(0, key->maker, strlen(key->maker));
    Digest digest = digest_of(maker, key->shape, key->shape_size);
    CacheName name;
    memcpy(name.bytes, &digest.low, 8);
    memcpy(name.bytes + 8, &digest.high, 8);
    return name;
}

int64_t cache_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec;
}

static int64_t coarse_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the file ---- */

static void close_file(Cache *cache) {
    if (cache->file < 0) return;
    cache_pages_close(&cache->pages);
    close(cache->file);
    cache->file = -1;
}

static ferry_code open_file(Cache *cache, ferry_error *error) {
    int folder;
    close_file(cache);
    TRY(folder_open(cache->folder, &folder, error));
    if (folder < 0) return FERRY_OK;
    ferry_code code = folder_open_file(folder, cache->folder, CACHE_FILE, O_RDONLY, &cache->file, error);
    close(folder);
    if (cache->file >= 0) cache_pages_open(&cache->pages, cache->file, cache->allocator);
    return code;
}

static bool is_removed(int file) {
    struct stat status;
    return fstat(file, &status) == 0 && status.st_nlink == 0;
}

/* What others do, like making a file or replacing it, is looked for now and then; what this process does is seen at
 * once. */
static bool is_time_to_look(const Cache *cache) {
    return cache->writes != lock_writes() || coarse_milliseconds() - cache->looked >= LOOK_AGAIN_AFTER;
}

static ferry_code find_file(Cache *cache, ferry_error *error) {
    if (cache->file >= 0 ? cache->writes == lock_writes() : !is_time_to_look(cache)) return FERRY_OK;
    cache->looked = coarse_milliseconds();
    cache->writes = lock_writes();
    return cache->file >= 0 && !is_removed(cache->file) ? FERRY_OK : open_file(cache, error);
}

/* Whether there is another file now. */
static bool is_replaced(Cache *cache) {
    ferry_error ignored;
    if (!is_time_to_look(cache)) return false;
    cache->looked = coarse_milliseconds();
    return is_removed(cache->file) && open_file(cache, &ignored) == FERRY_OK && cache->file >= 0;
}

static ferry_code in_file(const Cache *cache, ferry_code code, ferry_error *error) {
    return code == FERRY_OK ? code : fail_within(error, code, "%s/%s: ", cache->folder, CACHE_FILE);
}

ferry_code cache_open(const char *folder, size_t limit, const ferry_allocator *allocator, Cache **cache,
                      ferry_error *error) {
    if (sizeof(size_t) != sizeof(uint64_t)) /* LMDB's file would have another format */
        return fail(error, FERRY_NO_CODE, "no cache: only for 64-bit programs");
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--; /* "link/" would be what the link points to */
    size_t bytes = sizeof(Cache) + length + 1;
    Cache *made = memory_new(allocator, bytes);
    if (made == NULL) return fail_out_of_memory(error, "the cache");
    *made = (Cache){.allocator = allocator, .limit = limit == 0 ? CACHE_LIMIT : limit, .file = -1, .bytes = bytes};
    if (made->limit < CACHE_LIMIT_LEAST) made->limit = CACHE_LIMIT_LEAST;
    memcpy(made->folder, folder, length);
    pthread_mutex_init(&made->mutex, NULL);
    made->looked = coarse_milliseconds();
    made->writes = lock_writes();
    ferry_code code = open_file(made, error);
    if (code != FERRY_OK)
        cache_close(made);
    else
        *cache = made;
    return code;
}

/* ---- reading ---- */

static void note_use(Cache *cache, const CacheName *name, const ValueHead *head) {
    if (!value_is_stale(head, cache_now())) return;
    pthread_mutex_lock(&cache->mutex);
    size_t i = 0;
    while (i < cache->used_count && memcmp(&cache->used[i], name, sizeof *name) != 0) i++;
    if (i == cache->used_count && i < USED_MOST) cache->used[cache->used_count++] = *name;
    pthread_mutex_unlock(&cache->mutex);
}

static ferry_code take_value(const Cache *cache, const PageNode *node, Arena *arena, uint8_t **bytes,
                             ferry_error *error) {
    if (node->size > CACHE_VALUE_LIMIT) return fail(error, FERRY_UNFIT, "an entry is too large to be ferry's");
    *bytes = node->bytes != NULL ? arena_copy(arena, node->bytes, node->size) : arena_new(arena, node->size);
    if (*bytes == NULL) return fail_out_of_memory(error, "code from the cache");
    return node->bytes != NULL ? FERRY_OK : cache_pages_read(&cache->pages, node->offset, *bytes, node->size, error);
}

static ferry_code look(Cache *cache, const CacheKey *key, const CacheName *name, Arena *arena, Blob *blob, bool *found,
                       ferry_error *error) {
    PageNode node;
    Value value;
    uint8_t *bytes;
    bool there;
    TRY(cache_pages_find(&cache->pages, name, &node, &there, error));
    if (!there) return FERRY_OK;
    TRY(take_value(cache, &node, arena, &bytes, error));
    const char *damage = value_decode(bytes, node.size, &value);
    if (damage != NULL) return fail(error, FERRY_UNFIT, "an entry is not used: %s", damage);
    if (!value_is_of(&value, key)) return fail(error, FERRY_UNFIT, "an entry is not used: it describes other code");
    note_use(cache, name, &value.head);
    *blob = value.blob;
    *found = true;
    return FERRY_OK;
}

/* Whether the file has another state than when its heads were last read, or is another one. A failure to read them
 * goes before what was found by what was known of them. */
static bool is_outdated(Cache *cache, ferry_code *code, ferry_error *error) {
    bool changed = false, replaced = is_replaced(cache);
    if (cache->file < 0) return false;
    ferry_error failure;
    ferry_code read = cache_pages_refresh(&cache->pages, &changed, &failure);
    if (read != FERRY_OK) {
        *code = read;
        *error = failure;
    }
    return read == FERRY_OK && (changed || replaced);
}

/* First in the state of the file that is known, for a hit is a hit in any of them. What was found to be wrong, or not
 * found, is looked for again when that state is not the last any more; but not for ever. */
ferry_code cache_get(Cache *cache, const CacheKey *key, Arena *arena, Blob *blob, bool *found, ferry_error *error) {
    CacheName name = cache_name_of(key);
    ferry_code code = FERRY_OK;
    *found = false;
    TRY(find_file(cache, error));
    if (cache->file < 0) return FERRY_OK;
    for (int attempt = 0; attempt < GET_ATTEMPTS; attempt++) {
        code = look(cache, key, &name, arena, blob, found, error);
        if (*found || code == FERRY_OUT_OF_MEMORY) return code;
        if (!is_outdated(cache, &code, error)) return in_file(cache, code, error);
    }
    return FERRY_OK;
}

/* ---- writing ---- */

static ferry_code write_out(Cache *cache, const CacheItem *items, size_t count, unsigned milliseconds, size_t *written,
                            ferry_error *error) {
    CacheName used[USED_MOST];
    CacheBatch batch = {.folder = cache->folder, .limit = cache->limit, .allocator = cache->allocator, .used = used};
    pthread_mutex_lock(&cache->mutex);
    batch.used_count = cache->used_count;
    memcpy(used, cache->used, sizeof used);
    cache->used_count = 0;
    pthread_mutex_unlock(&cache->mutex);
    return cache_write(&batch, items, count, milliseconds, written, error);
}

ferry_code cache_put(Cache *cache, const CacheItem *items, size_t count, size_t *written, ferry_error *error) {
    *written = 0;
    return count == 0 ? FERRY_OK : write_out(cache, items, count, CACHE_PATIENCE_MILLISECONDS, written, error);
}

/* A process that only reads says here, once a day, what it used; if somebody else writes just now, another time. */
void cache_close(Cache *cache) {
    size_t ignored;
    ferry_error unheard;
    if (cache == NULL) return;
    if (cache->used_count != 0 && write_out(cache, NULL, 0, 0, &ignored, &unheard) != FERRY_OK) cache->used_count = 0;
    close_file(cache);
    pthread_mutex_destroy(&cache->mutex);
    memory_release(cache->allocator, cache, cache->bytes);
}

/* ---- for people ---- */

/* A state that did not change while it was read, if there is one. */
static ferry_code read_rows(Cache *cache, bool with_texts, CacheRows *rows, ferry_error *error) {
    bool changed = true;
    *rows = (CacheRows){0};
    TRY(open_file(cache, error));
    if (cache->file < 0) return FERRY_OK;
    TRY(in_file(cache, cache_pages_refresh(&cache->pages, &changed, error), error));
    for (int attempt = 0; attempt < LIST_ATTEMPTS && changed; attempt++) {
        rows_free(rows);
        TRY(rows_read(rows, &cache->pages, with_texts, error));
        if (cache_pages_refresh(&cache->pages, &changed, error) != FERRY_OK) changed = false;
    }
    return FERRY_OK;
}

ferry_code cache_list(Cache *cache, bool (*each)(void *context, const CacheEntry *entry), void *context,
                      ferry_error *error) {
    CacheRows rows;
    bool more = true;
    TRY(read_rows(cache, true, &rows, error));
    for (size_t i = 0; i < rows.count && more; i++) {
        const CacheRow *row = &rows.rows[i];
        more = each(context, &(CacheEntry){.maker = row->maker,
                                           .name = row->title,
                                           .code_size = row->code_size,
                                           .bytes = row->in_file,
                                           .made = row->made,
                                           .used = row->used,
                                           .damage = row->damage});
    }
    for (size_t i = 0; i < rows.damaged && more; i++)
        more = each(context, &(CacheEntry){.maker = "", .name = "", .damage = "a page of the file is damaged"});
    rows_free(&rows);
    return FERRY_OK;
}

static size_t pages_in(const PageTree *tree) {
    return (size_t)(tree->branches + tree->leaves + tree->overflows);
}

ferry_code cache_statistics(Cache *cache, CacheStatistics *statistics, ferry_error *error) {
    CacheRows rows;
    struct stat status;
    *statistics = (CacheStatistics){.limit = cache->limit};
    TRY(read_rows(cache, false, &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t used = rows.rows[i].used;
        if (rows.rows[i].damage != NULL) continue;
        if (statistics->entries == 0 || used < statistics->oldest_use) statistics->oldest_use = used;
        if (statistics->entries == 0 || used > statistics->newest_use) statistics->newest_use = used;
        statistics->entries++;
    }
    rows_free(&rows);
    if (cache->file < 0 || fstat(cache->file, &status) != 0) return FERRY_OK;
    statistics->file_bytes = (size_t)status.st_size;
    const PageHead *head = cache->pages.head;
    if (head != NULL) statistics->bytes = (2 + pages_in(&head->main) + pages_in(&head->free)) * cache->pages.page_size;
    if (statistics->bytes > statistics->file_bytes) statistics->bytes = statistics->file_bytes;
    return FERRY_OK;
}

static ferry_code remove_files(const Cache *cache, const CacheLock *lock, ferry_error *error) {
    static const char *const names[] = {CACHE_FILE, CACHE_NEW};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (unlinkat(lock->folder, names[i], 0) == 0 || errno == ENOENT) continue;
        return fail(error, FERRY_SYSTEM, "%s/%s cannot be removed: %s", cache->folder, names[i], strerror(errno));
    }
    return FERRY_OK;
}

ferry_code cache_clear(Cache *cache, size_t *removed, ferry_error *error) {
    CacheLock lock;
    CacheRows rows = {0};
    ferry_error ignored;
    *removed = 0;
    TRY(lock_take(cache->folder, false, CACHE_PATIENCE_MILLISECONDS, cache->allocator, &lock, error));
    if (lock.folder < 0) return FERRY_OK;
    if (read_rows(cache, false, &rows, &ignored) != FERRY_OK) rows.count = 0;
    size_t count = rows.count;
    rows_free(&rows);
    close_file(cache);
    ferry_code code = remove_files(cache, &lock, error);
    lock_give(&lock);
    if (code == FERRY_OK) *removed = count;
    return code;
}
