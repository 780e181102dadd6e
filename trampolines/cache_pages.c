/* trampolines/cache_pages.c: LMDB's file, read by somebody who does not trust it.
 *
 *     page   start (16 bytes), offsets of its nodes (2 bytes each), free space, nodes
 *     node   size of the value: low, high; flags; size of the key (2 bytes each); key; value
 *            in a branch the first three are the number of the child page, and there is no value
 *            a value that does not fit in a page: the number of its first overflow page, 8 bytes
 *
 * Everything is read with pread: what somebody cuts off or writes anew meanwhile is short or wrong, but never a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

enum {
    START = sizeof(PageStart),
    SLOTS_BEHIND = 160, /* behind the first page of memory: room for a head */
    NODE = 8,
    LMDB_VERSION = 1,
    TREE_INTEGER_KEYS = 8, /* flag of the tree of free pages; beside it are kept flags of the environment: */
    ENVIRONMENT_FILE = 0x4000
};
#define LMDB_MAGIC        0xBEEFC0DEu
#define TRANSACTIONS_MOST (UINT64_C(1) << 62)
#define PAGES_MOST        (UINT64_C(1) << 31)

static uint16_t half_at(const uint8_t *bytes) {
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return half;
}

static PageStart start_of(const uint8_t *page) {
    PageStart start;
    memcpy(&start, page, sizeof start);
    return start;
}

/* ---- reading ---- */

/* As much as there is; -1 with errno. */
static ssize_t read_some(int file, uint64_t offset, void *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file, (uint8_t *)bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ferry_code cache_pages_read(const CachePages *pages, uint64_t offset, void *bytes, size_t size, ferry_error *error) {
    ssize_t got = read_some(pages->file, offset, bytes, size);
    if (got < 0) return fail(error, FERRY_UNFIT, "it cannot be read: %s", strerror(errno));
    if ((size_t)got != size)
        return fail(error, FERRY_UNFIT, "it ends before byte %llu", (unsigned long long)(offset + size));
    return FERRY_OK;
}

void cache_pages_open(CachePages *pages, int file, const ferry_allocator *allocator) {
    *pages = (CachePages){.allocator = allocator, .file = file};
}

void cache_pages_close(CachePages *pages) {
    memory_release(pages->allocator, pages->memory, pages->memory_size);
    *pages = (CachePages){.file = -1};
}

/* ---- heads ---- */

static bool is_page_size(uint32_t size) {
    return size >= PAGE_LEAST && size <= PAGE_MOST && is_power_of_two(size);
}

static bool is_tree(const PageTree *tree, uint64_t last_page) {
    if (tree->root == PAGE_NONE) return tree->depth == 0 && tree->entries == 0;
    return tree->depth >= 1 && tree->depth <= PAGE_DEPTH_MOST && tree->root >= 2 && tree->root <= last_page;
}

static bool is_head(const PageHead *head, unsigned index) {
    return head->start.number == index && head->start.flags == PAGE_HEAD && head->magic == LMDB_MAGIC &&
           head->version == LMDB_VERSION && is_page_size(head->free.pad) &&
           (head->free.flags & ~ENVIRONMENT_FILE) == TREE_INTEGER_KEYS && head->main.flags == 0 &&
           head->main.pad == 0 && head->last_page >= 1 && head->last_page < PAGES_MOST &&
           head->transaction < TRANSACTIONS_MOST && (head->transaction == 0 || head->transaction % 2 == index) &&
           is_tree(&head->free, head->last_page) && is_tree(&head->main, head->last_page);
}

/* Both with one read, once it is known where they are. */
static bool read_known_heads(const CachePages *pages, PageHead heads[2]) {
    size_t size = pages->page_size + sizeof(PageHead);
    if (pages->head == NULL || read_some(pages->file, 0, pages->memory, size) != (ssize_t)size) return false;
    memcpy(&heads[0], pages->memory, sizeof heads[0]);
    memcpy(&heads[1], pages->memory + pages->page_size, sizeof heads[1]);
    return is_head(&heads[0], 0);
}

static ssize_t read_head(const CachePages *pages, uint64_t offset, PageHead *head) {
    ssize_t got = read_some(pages->file, offset, head, sizeof *head);
    if (got != (ssize_t)sizeof *head) *head = (PageHead){0};
    return got;
}

/* Page 1 lies where page 0 says; where that one is damaged, at one of few places. */
static ferry_code read_heads(const CachePages *pages, PageHead heads[2], bool *empty, ferry_error *error) {
    *empty = false;
    if (read_known_heads(pages, heads)) return FERRY_OK;
    ssize_t got = read_head(pages, 0, &heads[0]);
    if (got < 0) return fail(error, FERRY_UNFIT, "it cannot be read: %s", strerror(errno));
    *empty = got == 0;
    bool known = is_head(&heads[0], 0);
    uint32_t at = known ? heads[0].free.pad : PAGE_LEAST;
    read_head(pages, at, &heads[1]);
    while (!known && at < PAGE_MOST && !(is_head(&heads[1], 1) && heads[1].free.pad == at))
        read_head(pages, at *= 2, &heads[1]);
    return FERRY_OK;
}

static const PageHead *choose(const PageHead heads[2], bool *both_right) {
    bool first = is_head(&heads[0], 0), second = is_head(&heads[1], 1);
    *both_right = first && second && heads[0].free.pad == heads[1].free.pad;
    if (first && *both_right) return heads[0].transaction < heads[1].transaction ? &heads[1] : &heads[0];
    return first ? &heads[0] : second ? &heads[1] : NULL;
}

/* Memory that is not needed is not touched either: in a fresh process that is what takes time. */
static ferry_code make_room(CachePages *pages, uint32_t page_size, ferry_error *error) {
    size_t slots = pages->head->main.depth <= 2 ? 1 : PAGE_SLOTS; /* one is the root's */
    size_t size = (size_t)page_size * (1 + slots) + SLOTS_BEHIND;
    if (pages->memory_size >= size) return FERRY_OK;
    uint8_t *memory = memory_new(pages->allocator, size);
    if (memory == NULL) return fail_out_of_memory(error, "pages of the cache");
    memory_release(pages->allocator, pages->memory, pages->memory_size);
    pages->memory = memory;
    pages->memory_size = size;
    return FERRY_OK;
}

ferry_code cache_pages_refresh(CachePages *pages, bool *changed, ferry_error *error) {
    PageHead heads[2];
    bool empty;
    *changed = false;
    TRY(read_heads(pages, heads, &empty, error));
    *changed = memcmp(heads, pages->heads, sizeof heads) != 0;
    if (!*changed && (pages->head != NULL || empty)) return FERRY_OK;
    memcpy(pages->heads, heads, sizeof heads);
    memset(pages->slots, 0, sizeof pages->slots);
    pages->head = choose(pages->heads, &pages->both_right);
    if (pages->head == NULL)
        return empty ? FERRY_OK : fail(error, FERRY_UNFIT, "its first pages are not those of an LMDB file");
    pages->page_size = pages->head->free.pad;
    ferry_code code = make_room(pages, pages->page_size, error);
    if (code != FERRY_OK) pages->head = NULL;
    return code;
}

/* ---- pages ---- */

ferry_code cache_pages_load(const CachePages *pages, uint64_t number, int kind, uint8_t *page, ferry_error *error) {
    unsigned long long shown = number;
    if (number < 2 || number > pages->head->last_page)
        return fail(error, FERRY_UNFIT, "page %llu does not exist", shown);
    TRY(cache_pages_read(pages, number * pages->page_size, page, pages->page_size, error));
    PageStart start = start_of(page);
    if (start.number != number || start.flags != kind)
        return fail(error, FERRY_UNFIT, "page %llu is not what it should be", shown);
    size_t least = kind == PAGE_BRANCH ? 2 : 1;
    if (start.lower < START + 2 * least || start.lower % 2 != 0 || start.lower > start.upper || start.upper % 2 != 0 ||
        start.upper > pages->page_size)
        return fail(error, FERRY_UNFIT, "page %llu has wrong bounds", shown);
    return FERRY_OK;
}

size_t page_count(const uint8_t *page) {
    return (start_of(page).lower - (size_t)START) / 2;
}

static ferry_code bad_node(const PageStart *start, size_t index, ferry_error *error) {
    return fail(error, FERRY_UNFIT, "page %llu: entry %zu does not lie in it", (unsigned long long)start->number,
                index);
}

static ferry_code leaf_value(const CachePages *pages, const PageStart *start, size_t index, const uint8_t *value,
                             size_t room, PageNode *node, ferry_error *error) {
    bool overflow = node->flags == NODE_OVERFLOW;
    size_t inside = overflow ? sizeof node->page : node->size;
    if (node->flags != 0 && !overflow)
        return fail(error, FERRY_UNFIT, "page %llu: entry %zu is of an unknown kind", (unsigned long long)start->number,
                    index);
    if (inside > room) return bad_node(start, index, error);
    node->node_size = (uint32_t)round_up((uint64_t)NODE + node->key_size + inside, 2);
    if (!overflow) {
        node->bytes = value;
        node->offset = start->number * pages->page_size + node->node_at + NODE + node->key_size;
        return FERRY_OK;
    }
    memcpy(&node->page, value, sizeof node->page);
    if (node->page < 2 || node->page > pages->head->last_page)
        return fail(error, FERRY_UNFIT, "page %llu: entry %zu is said to lie in a page that does not exist",
                    (unsigned long long)start->number, index);
    node->offset = node->page * pages->page_size + START;
    return FERRY_OK;
}

ferry_code page_node(const CachePages *pages, const uint8_t *page, size_t index, PageNode *node, ferry_error *error) {
    PageStart start = start_of(page);
    size_t at = half_at(page + START + 2 * index), end = pages->page_size;
    if (at < start.upper || at % 2 != 0 || at + NODE > end) return bad_node(&start, index, error);
    const uint8_t *bytes = page + at;
    uint16_t flags = half_at(bytes + 4);
    uint32_t low = half_at(bytes) | (uint32_t)half_at(bytes + 2) << 16;
    *node = (PageNode){.key = bytes + NODE, .key_size = half_at(bytes + 6), .node_at = (uint32_t)at};
    size_t key_end = at + NODE + node->key_size;
    if (key_end > end) return bad_node(&start, index, error);
    if (start.flags == PAGE_BRANCH) {
        node->page = low | (uint64_t)flags << 32;
        node->node_size = (uint32_t)round_up((uint64_t)NODE + node->key_size, 2);
        return FERRY_OK;
    }
    node->flags = flags;
    node->size = low;
    return leaf_value(pages, &start, index, page + key_end, end - key_end, node, error);
}

/* ---- finding ---- */

/* As LMDB compares: what is equal as far as it goes, and shorter, comes first. */
static int compare(const PageNode *node, const CacheName *name) {
    size_t size = node->key_size < CACHE_KEY_SIZE ? node->key_size : CACHE_KEY_SIZE;
    int order = memcmp(node->key, name->bytes, size);
    return order != 0 ? order : (int)node->key_size - CACHE_KEY_SIZE;
}

/* The last node whose key is not above the name; the first one of a branch is below all. found: the key is equal. */
static ferry_code search(const CachePages *pages, const uint8_t *page, size_t first, const CacheName *name,
                         PageNode *node, bool *found, ferry_error *error) {
    size_t low = first, high = page_count(page);
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        TRY(page_node(pages, page, middle, node, error));
        int order = compare(node, name);
        if (order == 0) {
            *found = true;
            return FERRY_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? FERRY_OK : page_node(pages, page, low - 1, node, error);
}

static ferry_code branch_page(CachePages *pages, uint64_t number, const uint8_t **page, ferry_error *error) {
    size_t slot = number == pages->head->main.root ? 0 : 1 + number % (PAGE_SLOTS - 1);
    uint8_t *kept = pages->memory + (1 + slot) * pages->page_size + SLOTS_BEHIND;
    *page = kept;
    if (pages->slots[slot] == number) return FERRY_OK;
    pages->slots[slot] = 0;
    TRY(cache_pages_load(pages, number, PAGE_BRANCH, kept, error));
    pages->slots[slot] = number;
    return FERRY_OK;
}

ferry_code cache_pages_find(CachePages *pages, const CacheName *name, PageNode *node, bool *found, ferry_error *error) {
    *found = false;
    if (pages->head == NULL || pages->head->main.root == PAGE_NONE) return FERRY_OK;
    uint64_t number = pages->head->main.root;
    for (unsigned level = pages->head->main.depth; level > 1; level--) {
        const uint8_t *branch;
        bool ignored;
        TRY(branch_page(pages, number, &branch, error));
        TRY(search(pages, branch, 1, name, node, &ignored, error));
        number = node->page;
    }
    TRY(cache_pages_load(pages, number, PAGE_LEAF, pages->memory, error));
    return search(pages, pages->memory, 0, name, node, found, error);
}
