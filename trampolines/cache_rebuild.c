/* trampolines/cache_rebuild.c: a new file beside the old one, and then in its place.
 *
 * That is how the first file is made, how a damaged one is repaired (all that can still be read goes over), and how
 * entries make room: what was not used for the longest time stays behind, and the new file has no holes. Others see the
 * old file or the new one, whole; who is reading the old one has it until it is closed. While it happens both take
 * space.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

#define COMMIT_BYTES ((size_t)8 << 20) /* LMDB holds what is not committed in memory */

/* ---- what goes over ---- */

static int by_use(const void *left, const void *right) {
    const CacheRow *a = left, *b = right;
    return a->used != b->used ? (a->used > b->used ? -1 : 1) : memcmp(&a->name, &b->name, sizeof a->name);
}

static int by_name(const void *left, const void *right) {
    return memcmp(&((const CacheRow *)left)->name, &((const CacheRow *)right)->name, sizeof(CacheName));
}

static void drop_damaged(CacheRows *rows) {
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].damage == NULL) rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
}

/* What a page has no room for when it is filled with entries of this size is counted to them. */
static size_t cost(const CacheRow *row, uint32_t page_size) {
    if (row->in_file >= page_size / 2) return row->in_file;
    return page_size / ((page_size - sizeof(PageStart)) / row->in_file);
}

/* Keeps the entries that were used last, as many as cost no more than room, in the order of their names. */
static void choose(CacheRows *rows, size_t room, uint32_t page_size) {
    size_t kept = 0, sum = 0;
    if (rows->count == 0) return;
    qsort(rows->rows, rows->count, sizeof rows->rows[0], by_use);
    while (kept < rows->count && sum + cost(&rows->rows[kept], page_size) <= room)
        sum += cost(&rows->rows[kept++], page_size);
    qsort(rows->rows, kept, sizeof rows->rows[0], by_name);
    rows->count = kept;
}

/* ---- the new file ---- */

static ferry_code copy_rows(Environment *environment, const CacheRows *rows, const CachePages *old, uint8_t *buffer,
                            ferry_error *error) {
    size_t pending = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const CacheRow *row = &rows->rows[i];
        if (i > 0 && by_name(row, row - 1) == 0) continue; /* twice in a damaged file */
        TRY(cache_pages_read(old, row->offset, buffer, row->size, error));
        TRY(environment_put(environment, &row->name, buffer, row->size, true, error));
        pending += row->in_file;
        if (pending < COMMIT_BYTES) continue;
        TRY(environment_commit(environment, error));
        pending = 0;
    }
    return FERRY_OK;
}

static ferry_code fill(Environment *environment, const CacheBatch *batch, const CacheRows *rows, const CachePages *old,
                       ferry_error *error) {
    if (rows->count != 0) {
        size_t largest = 0;
        for (size_t i = 0; i < rows->count; i++)
            if (rows->rows[i].size > largest) largest = rows->rows[i].size;
        uint8_t *buffer = memory_new(batch->allocator, largest);
        if (buffer == NULL) return fail_out_of_memory(error, "entries of the cache");
        ferry_code code = copy_rows(environment, rows, old, buffer, error);
        memory_release(batch->allocator, buffer, largest);
        if (code != FERRY_OK) return code;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const CacheChange *change = &batch->changes[i];
        if (change->dropped) continue;
        TRY(environment_put(environment, &change->name, change->value, change->size, false, error));
    }
    return environment_commit(environment, error);
}

static ferry_code write_new(const CacheBatch *batch, int file, size_t limit, const CacheRows *rows,
                            const CachePages *old, bool *full, ferry_error *error) {
    char path[PATH_MAX + sizeof CACHE_NEW];
    Environment environment;
    snprintf(path, sizeof path, "%s/%s", batch->folder, CACHE_NEW);
    TRY(environment_open(&environment, path, file, limit, error));
    ferry_code code = fill(&environment, batch, rows, old, error);
    *full = environment.full;
    environment_close(&environment);
    return code;
}

/* One that a process left behind that was killed is in the way. */
static ferry_code make_new(const CacheBatch *batch, const CacheLock *lock, size_t limit, const CacheRows *rows,
                           const CachePages *old, bool *full, ferry_error *error) {
    int file;
    if (unlinkat(lock->folder, CACHE_NEW, 0) != 0 && errno != ENOENT)
        return fail(error, FERRY_SYSTEM, "an old %s cannot be removed: %s", CACHE_NEW, strerror(errno));
    TRY(folder_open_file(lock->folder, batch->folder, CACHE_NEW, O_RDWR | O_CREAT | O_EXCL, &file, error));
    ferry_code code = write_new(batch, file, limit, rows, old, full, error);
    close(file);
    struct stat status; /* where somebody has cleared the folder meanwhile the lock holds nobody back any more */
    if (code == FERRY_OK && fstat(lock->file, &status) == 0 && status.st_nlink == 0)
        code = fail(error, FERRY_TIMEOUT, "the folder was emptied meanwhile");
    if (code == FERRY_OK && renameat(lock->folder, CACHE_NEW, lock->folder, CACHE_FILE) != 0)
        code = fail(error, FERRY_SYSTEM, "%s cannot be renamed: %s", CACHE_NEW, strerror(errno));
    if (code != FERRY_OK) unlinkat(lock->folder, CACHE_NEW, 0);
    return code;
}

/* ---- all of it ---- */

/* A process that writes beyond its limit for files is killed. */
ferry_code cache_allowed(const CacheBatch *batch, uint32_t page_size, size_t *limit, ferry_error *error) {
    struct rlimit process = {0};
    *limit = batch->limit;
    if (getrlimit(RLIMIT_FSIZE, &process) == 0 && process.rlim_cur != RLIM_INFINITY && process.rlim_cur < *limit)
        *limit = (size_t)process.rlim_cur;
    *limit -= *limit % page_size;
    if (*limit < CACHE_LIMIT_LEAST)
        return fail(error, FERRY_SYSTEM, "files of this process are limited to %llu bytes",
                    (unsigned long long)process.rlim_cur);
    return FERRY_OK;
}

/* Entries go in whole quarters of the limit, until the rest fits. */
static ferry_code make_fitting(const CacheBatch *batch, const CacheLock *lock, CacheRows *rows, const CachePages *old,
                               bool evict, ferry_error *error) {
    uint32_t page_size = (uint32_t)sysconf(_SC_PAGESIZE);
    size_t limit;
    TRY(cache_allowed(batch, PAGE_MOST, &limit, error));
    for (size_t quarters = evict ? 3 : 4;; quarters--) {
        bool full = false;
        choose(rows, limit / 4 * quarters, page_size < PAGE_MOST ? page_size : PAGE_MOST);
        ferry_code code = make_new(batch, lock, limit, rows, old, &full, error);
        if (!full) return code;
        if (rows->count == 0) return fail_within(error, FERRY_SYSTEM, "its limit of %zu bytes is too low: ", limit);
    }
}

ferry_code cache_rebuild(const CacheBatch *batch, const CacheLock *lock, const CachePages *old, bool evict,
                         ferry_error *error) {
    CacheRows rows = {0};
    if (old != NULL) TRY(rows_read(&rows, old, false, error));
    drop_damaged(&rows);
    ferry_code code = make_fitting(batch, lock, &rows, old, evict, error);
    rows_free(&rows);
    return code;
}
