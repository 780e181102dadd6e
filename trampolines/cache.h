/* trampolines/cache.h: blobs on disk, shared by all processes of a user.
 *
 *     folder/data.mdb     an LMDB environment: key = digest, value = head, code, unwind table, description, name
 *     folder/data.new     the next one, while it is made
 *     folder/ferry.lock   empty; locked by who writes, instead of LMDB's own locks, for which one cannot wait with
 *                         patience. Where it is missing, a data.mdb that is not clearly ferry's is left alone
 *
 * Reading and writing go different ways:
 *   reading   never trusts the file, and never waits. LMDB itself believes every page of its file, and a damaged one
 *             takes the process with it; so ferry reads the pages on its own, with pread and bounds on everything. It
 *             takes no lock and no slot in a table of readers, and believes a value only when its checksum, its key
 *             and its description are right. A writer may reuse pages under a reader: that is noticed in the same
 *             way, tried once more, and then is a miss.
 *   writing   LMDB's, in one transaction for each batch, after all pages that it will rely on were checked as above
 *             under the writer's lock; a file that is damaged is replaced by one with all that can still be read.
 *
 * The folder must be the user's own and writable by nobody else, as must the files in it, none of them a symbolic link;
 * else the cache is not used. It is made, with mode 0700, when something is written for the first time.
 *
 * One process has one LMDB environment at most (LMDB's rule: one for each file), however many engines there are, and
 * only while it writes: a mutex of the process sees to that (cache_lock.c). A child inherits none.
 */
#ifndef FERRY_TRAMPOLINES_CACHE_H
#define FERRY_TRAMPOLINES_CACHE_H

#include "abi/base.h"
#include "trampolines/blob.h"
#include "trampolines/digest.h"

typedef struct Cache Cache;

/* What a blob was made from: all that decides about its code. Equal bytes, equal code. */
typedef struct CacheKey {
    const char *maker; /* a line for people: versions of ferry and LLVM, which LLVM module, target, features, quality */
    const void *shape; /* a Shape's bytes from `value_count` on */
    size_t shape_size;
} CacheKey;

typedef struct CacheItem {
    CacheKey key;
    Blob blob;
} CacheItem;

typedef struct CacheStatistics {
    size_t entries;
    size_t bytes; /* of the file that are in use */
    size_t file_bytes;
    size_t limit;
    int64_t oldest_use; /* seconds since 1970; 0: no entries */
    int64_t newest_use;
} CacheStatistics;

/* The folder that options or the environment name (see ferry_engine_options.cache_folder), into a buffer of PATH_MAX.
 * FERRY_NO_CODE, with the reason, where there shall be no cache. */
MUST_USE ferry_code cache_folder(const char *option, char *folder, ferry_error *error);

/* Opens for reading; touches nothing. A folder or a file that is not there (yet) is an empty cache. FERRY_UNFIT, naming
 * the file and what is wrong with it, where it must not be used. limit: bytes of the file; 0: 64 MB. */
MUST_USE ferry_code cache_open(const char *folder, size_t limit, const ferry_allocator *allocator, Cache **cache,
                               ferry_error *error);
void cache_close(Cache *cache); /* NULL is allowed */

/* Looks for a blob. FERRY_OK with *found: it lies in arena. FERRY_OK without: a miss. FERRY_UNFIT: there is something,
 * but it is not right, and why; it counts as a miss. One thread at a time for each Cache. */
MUST_USE ferry_code cache_get(Cache *cache, const CacheKey *key, Arena *arena, Blob *blob, bool *found,
                              ferry_error *error);

/* Writes many in one transaction; what is there already is left. When the file is full the entries that were not used
 * for the longest time make room. Safe against every other process, against kill -9 at any moment and against full
 * disks: then nothing is written. Any thread; processes and threads wait for each other, at most CACHE_PATIENCE.
 * FERRY_TIMEOUT: others went on writing for so long, nothing is wrong. FERRY_SYSTEM, FERRY_UNFIT with the reason. Not
 * in a child between fork and exec while the parent's threads write. */
#define CACHE_PATIENCE_MILLISECONDS 200
MUST_USE ferry_code cache_put(Cache *cache, const CacheItem *items, size_t count, size_t *written, ferry_error *error);

/* Around fork: holds back every writer of this process, so that no child inherits a half-done write. */
void cache_before_fork(void);
void cache_after_fork(bool in_child);

/* For `ferry cache`. list: each entry, in the order of the file; stops when each returns false. */
typedef struct CacheEntry {
    const char *maker;
    const char *name; /* of the shape */
    size_t code_size;
    size_t bytes;       /* in the file */
    int64_t made;       /* seconds since 1970 */
    int64_t used;       /* to the day */
    const char *damage; /* what is wrong with it; NULL: nothing */
} CacheEntry;

MUST_USE ferry_code cache_statistics(Cache *cache, CacheStatistics *statistics, ferry_error *error);
MUST_USE ferry_code cache_list(Cache *cache, bool (*each)(void *context, const CacheEntry *entry), void *context,
                               ferry_error *error);
MUST_USE ferry_code cache_clear(Cache *cache, size_t *removed, ferry_error *error); /* also a damaged one */

#endif
