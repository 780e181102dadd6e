/* trampolines/cache_parts.h: what the files of the cache have in common.
 *
 *     cache_folder.c       which folder, and whether what lies there may be used
 *     cache_pages.c        reads LMDB's file: two heads, a search tree, believing nothing
 *     cache_walk.c         visits a whole tree; checks all that LMDB will rely on
 *     cache_value.c        one value: from a blob and back
 *     cache_rows.c         all values of a file, as a table
 *     cache_lock.c         who may write
 *     cache_environment.c  the one user of LMDB
 *     cache_write.c        one batch into the file as it is
 *     cache_rebuild.c      a new file for one that is damaged or full
 *     cache.c              what others call
 */
#ifndef FERRY_TRAMPOLINES_CACHE_PARTS_H
#define FERRY_TRAMPOLINES_CACHE_PARTS_H

#include <sys/types.h>

#include "trampolines/cache.h"

#define CACHE_FILE "data.mdb"
#define CACHE_NEW  "data.new"   /* becomes CACHE_FILE when it is whole */
#define CACHE_LOCK "ferry.lock" /* that it is there also says that CACHE_FILE is ferry's */

#define CACHE_LIMIT       ((size_t)64 << 20)
#define CACHE_LIMIT_LEAST ((size_t)64 << 10)
#define CACHE_VALUE_LIMIT ((size_t)1 << 20) /* what is larger is not kept */
#define CACHE_KEY_SIZE    16
#define CACHE_DAY         86400

typedef struct CacheName {
    uint8_t bytes[CACHE_KEY_SIZE];
} CacheName;

CacheName cache_name_of(const CacheKey *key);
int64_t cache_now(void); /* seconds since 1970 */

/* ---- cache_folder.c ---- */

/* Opens what must be a folder, or a regular file in it, of this user's own that nobody else may write. *file is -1 with
 * FERRY_OK when there is none. */
MUST_USE ferry_code folder_open(const char *path, int *folder, ferry_error *error);
MUST_USE ferry_code folder_make(const char *path, int *folder, ferry_error *error); /* and its parents */
MUST_USE ferry_code folder_open_file(int folder, const char *path, const char *name, int flags, int *file,
                                     ferry_error *error);
bool folder_is_same(int file, int folder, const char *name); /* the file is still the one of that name */

/* ---- cache_pages.c ---- */

#define PAGE_LEAST      4096
#define PAGE_MOST       32768
#define PAGE_NONE       UINT64_MAX
#define PAGE_DEPTH_MOST 10
#define PAGE_SLOTS      8 /* branch pages that are kept */

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_HEAD = 8 };
enum { NODE_OVERFLOW = 1 };

/* What LMDB writes on a 64-bit machine. */
typedef struct PageStart {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower; /* behind the offsets of the nodes; with upper, in an overflow page: the number of pages */
    uint16_t upper; /* where the nodes begin; they lie without gaps up to the page's end */
} PageStart;

typedef struct PageTree {
    uint32_t pad; /* of the tree of free pages: the page size */
    uint16_t flags;
    uint16_t depth;
    uint64_t branches; /* pages of each kind */
    uint64_t leaves;
    uint64_t overflows;
    uint64_t entries;
    uint64_t root;
} PageTree;

/* The first two pages. Transaction n writes page n % 2, the other one keeps the state before it. */
typedef struct PageHead {
    PageStart start;
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    PageTree free;
    PageTree main;
    uint64_t last_page;
    uint64_t transaction;
} PageHead;

_Static_assert(sizeof(PageStart) == 16 && sizeof(PageTree) == 48 && sizeof(PageHead) == 152, "as LMDB has them");

typedef struct CachePages {
    const ferry_allocator *allocator;
    int file; /* borrowed */
    PageHead heads[2];
    const PageHead *head; /* the newer of the two that are right; NULL: the file is empty */
    bool both_right;
    uint32_t page_size;
    uint8_t *memory; /* what is read: a page and a head; then PAGE_SLOTS branch pages */
    size_t memory_size;
    uint64_t slots[PAGE_SLOTS]; /* numbers of the pages in them; 0: none */
} CachePages;

/* One entry of a leaf. */
typedef struct PageNode {
    const uint8_t *key;
    uint16_t key_size;
    uint16_t flags;
    uint32_t size;        /* of its value, or of its node in a branch: 0 */
    uint64_t page;        /* branch: the child; overflow: the first page of the value */
    const uint8_t *bytes; /* of the value; NULL: in overflow pages */
    uint64_t offset;      /* of the value in the file */
    uint32_t node_at;     /* in its page */
    uint32_t node_size;
} PageNode;

void cache_pages_open(CachePages *pages, int file, const ferry_allocator *allocator);
void cache_pages_close(CachePages *pages);

/* Reads both heads; *changed: they are not what they were. FERRY_UNFIT when neither is right. */
MUST_USE ferry_code cache_pages_refresh(CachePages *pages, bool *changed, ferry_error *error);

/* Looks for a key; the node's bytes are valid until the next call. */
MUST_USE ferry_code cache_pages_find(CachePages *pages, const CacheName *name, PageNode *node, bool *found,
                                     ferry_error *error);

MUST_USE ferry_code cache_pages_read(const CachePages *pages, uint64_t offset, void *bytes, size_t size,
                                     ferry_error *error);
MUST_USE ferry_code cache_pages_load(const CachePages *pages, uint64_t number, int kind, uint8_t *page,
                                     ferry_error *error);
size_t page_count(const uint8_t *page); /* of the nodes in a page that was loaded */
MUST_USE ferry_code page_node(const CachePages *pages, const uint8_t *page, size_t index, PageNode *node,
                              ferry_error *error);

/* ---- cache_walk.c ---- */

typedef struct PageVisitor {
    void *context;
    /* Each entry of the main tree; false: enough. */
    bool (*entry)(void *context, const PageNode *node);
    /* What is wrong somewhere: the walk goes on beside it. */
    void (*damage)(void *context, const ferry_error *error);
} PageVisitor;

/* Visits what can be read, each page at most once. Fails for want of memory only. */
MUST_USE ferry_code cache_pages_visit(const CachePages *pages, const PageVisitor *visitor, ferry_error *error);

/* Whether all that LMDB relies on is as LMDB leaves it. Nobody may be writing. FERRY_UNFIT: it is not. */
MUST_USE ferry_code cache_pages_check(const CachePages *pages, ferry_error *error);

/* ---- cache_value.c ---- */

/*     +0   head
 *     +64  code
 *          up to 7 zeros, so that what follows lies at a multiple of 8
 *          unwind table
 *          shape
 *          maker, 0
 *          name, 0
 */
typedef struct ValueHead {
    char magic[8];
    uint32_t format;
    uint32_t size;     /* of all */
    uint64_t checksum; /* of all that follows it */
    int64_t made;
    int64_t used;
    uint32_t code_size;
    uint32_t unwind_size;
    uint32_t unwind_fixup;
    uint32_t shape_size;
    uint32_t maker_size; /* without the zero */
    uint32_t name_size;
} ValueHead;

_Static_assert(sizeof(ValueHead) == 64, "no padding");

/* A value that was checked: points into its bytes. */
typedef struct Value {
    ValueHead head;
    Blob blob;
    const uint8_t *shape;
    const char *maker;
} Value;

size_t value_size(const CacheItem *item); /* 0: too large to be kept */
void value_encode(const CacheItem *item, int64_t now, uint8_t *bytes);
const char *value_decode(const uint8_t *bytes, size_t size, Value *value); /* NULL, or what is wrong */
bool value_is_of(const Value *value, const CacheKey *key);
bool value_is_marked(const uint8_t *bytes, size_t size); /* it begins as ferry's values do */
bool value_is_stale(const ValueHead *head, int64_t now); /* its last use is to be written again */
void value_renew(uint8_t *bytes, size_t size, int64_t now);

/* ---- cache_rows.c ---- */

typedef struct CacheRow {
    CacheName name;
    uint64_t offset;
    uint32_t size;
    uint32_t in_file; /* bytes that it takes */
    int64_t made;
    int64_t used;
    uint32_t code_size;
    const char *maker; /* "" unless asked for */
    const char *title;
    const char *damage; /* static; NULL: none */
} CacheRow;

typedef struct CacheRows {
    Arena arena; /* of the texts */
    CacheRow *rows;
    size_t count;
    size_t capacity;
    size_t damaged; /* pages that could not be read */
    bool with_texts;
    bool all_marked;
} CacheRows;

MUST_USE ferry_code rows_read(CacheRows *rows, const CachePages *pages, bool with_texts, ferry_error *error);
void rows_free(CacheRows *rows);

/* ---- cache_lock.c ---- */

typedef struct CacheLock {
    int folder; /* -1: there is none, and none was to be made: nothing is locked */
    int file;
} CacheLock;

/* Waits for whoever else writes. make: the folder too. FERRY_UNFIT, when what lies there is not ferry's. */
MUST_USE ferry_code lock_take(const char *path, bool make, unsigned milliseconds, const ferry_allocator *allocator,
                              CacheLock *lock, ferry_error *error);
void lock_give(CacheLock *lock);
unsigned lock_writes(void); /* one more after each change by this process */

/* ---- cache_environment.c ---- */

typedef struct MDB_env MDB_env;
typedef struct MDB_txn MDB_txn;

typedef struct Environment {
    MDB_env *env;
    MDB_txn *transaction;
    unsigned database;
    bool full; /* it failed because the map is full */
} Environment;

/* Opens the file of that path, which must be `file`; it grows up to `limit`. Nobody else may have it open for writing.
 */
MUST_USE ferry_code environment_open(Environment *environment, const char *path, int file, size_t limit,
                                     ferry_error *error);
MUST_USE ferry_code environment_put(Environment *environment, const CacheName *name, const void *value, size_t size,
                                    bool last, ferry_error *error); /* last: behind all others */
MUST_USE ferry_code environment_commit(Environment *environment, ferry_error *error);
void environment_close(Environment *environment); /* what was not committed is forgotten */

/* ---- cache_write.c, cache_rebuild.c ---- */

/* What is to be written, encoded. */
typedef struct CacheChange {
    CacheName name;
    uint8_t *value;
    size_t size;
    bool renewal; /* of its time of use only: not worth a new file */
    bool dropped; /* it is there already */
} CacheChange;

typedef struct CacheBatch {
    const char *folder; /* its path */
    size_t limit;
    const ferry_allocator *allocator;
    CacheChange *changes;
    size_t count;
    const CacheName *used; /* values whose time of use is to be renewed */
    size_t used_count;
} CacheBatch;

MUST_USE ferry_code cache_write(CacheBatch *batch, const CacheItem *items, size_t count, unsigned milliseconds,
                                size_t *written, ferry_error *error);

/* How large the file may grow, in whole pages. */
MUST_USE ferry_code cache_allowed(const CacheBatch *batch, uint32_t page_size, size_t *limit, ferry_error *error);

/* A new file of what can be read in `old` (NULL: nothing), as far as it was used last and fits, and of the changes. */
MUST_USE ferry_code cache_rebuild(const CacheBatch *batch, const CacheLock *lock, const CachePages *old, bool evict,
                                  ferry_error *error);

#endif
