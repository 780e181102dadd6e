/* trampolines/cache_walk.c: whole trees.
 *
 * A walk marks each page that it comes to, so it ends whatever the pages say. Checked, beside what reading a page
 * checks anyway:
 *
 *   every page is used once: by a tree, as part of an overflow value, or as free; none is left over
 *   nodes lie in their page side by side, without gaps
 *   keys ascend, over all pages, and what stands in a branch lies between what is below it
 *   what the heads count is there
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "trampolines/cache_parts.h"

enum { FREE_KEY_SIZE = 8, KEY_ROOM = CACHE_KEY_SIZE, FREE_BEHIND_END = 1024 };

typedef struct Walk {
    const CachePages *pages;
    const PageTree *tree;
    const PageVisitor *visitor; /* NULL: checks, and ends with the first damage */
    uint8_t *marks;             /* a bit for each page; NULL while only counting */
    uint8_t *buffers;           /* a page for each level */
    size_t key_size;
    uint8_t last[KEY_ROOM]; /* the key before: */
    bool after_last;        /* the next one must lie behind it, */
    bool at_last;           /* or may be equal */
    bool enough;
    PageTree counted;
    uint64_t marked;
    uint64_t last_page; /* for which there is a mark */
    uint64_t file_size; /* LMDB reads values through a mapping: all of them must be in the file */
    ferry_error *error;
} Walk;

static ferry_code wrong(Walk *walk, uint64_t page, const char *what) {
    return fail(walk->error, FERRY_UNFIT, "page %llu %s", (unsigned long long)page, what);
}

static ferry_code mark(Walk *walk, uint64_t first, uint64_t count) {
    for (uint64_t page = first; page < first + count; page++) {
        if (page < 2 || page > walk->last_page) return wrong(walk, page, "does not exist");
        uint8_t bit = (uint8_t)(1U << (page % 8));
        if ((walk->marks[page / 8] & bit) != 0) return wrong(walk, page, "is used twice");
        walk->marks[page / 8] |= bit;
        walk->marked++;
    }
    return FERRY_OK;
}

/* ---- keys ---- */

static int compare(const Walk *walk, const uint8_t *left, const uint8_t *right) {
    if (walk->key_size == CACHE_KEY_SIZE) return memcmp(left, right, CACHE_KEY_SIZE);
    uint64_t a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return a < b ? -1 : a > b;
}

/* The first key of a branch stands for everything below the second one. */
static ferry_code follow(Walk *walk, uint64_t page, const PageNode *node, bool branch, size_t index) {
    if (branch && index == 0)
        return node->key_size == 0 || node->key_size == walk->key_size ? FERRY_OK
                                                                       : wrong(walk, page, "has a key of a wrong size");
    if (node->key_size != walk->key_size) return wrong(walk, page, "has a key of a wrong size");
    if (walk->visitor == NULL && (walk->after_last || walk->at_last)) {
        int order = compare(walk, node->key, walk->last);
        if (order < 0 || (order == 0 && walk->after_last)) return wrong(walk, page, "has keys in a wrong order");
    }
    memcpy(walk->last, node->key, walk->key_size);
    walk->after_last = !branch;
    walk->at_last = branch;
    return FERRY_OK;
}

/* ---- nodes ---- */

/* For each half-word of the page a bit. */
static ferry_code check_nodes(Walk *walk, uint64_t number, const uint8_t *page) {
    uint8_t taken[PAGE_MOST / 2 / 8];
    PageStart start;
    size_t sum = 0;
    memset(taken, 0, walk->pages->page_size / 16);
    memcpy(&start, page, sizeof start);
    for (size_t i = 0; i < page_count(page); i++) {
        PageNode node;
        TRY(page_node(walk->pages, page, i, &node, walk->error));
        sum += node.node_size;
        if (node.node_at + node.node_size > walk->pages->page_size) return wrong(walk, number, "overflows");
        for (size_t at = node.node_at / 2; at < (node.node_at + node.node_size) / 2; at++) {
            if ((taken[at / 8] & 1U << at % 8) != 0) return wrong(walk, number, "has entries over each other");
            taken[at / 8] |= (uint8_t)(1U << at % 8);
        }
    }
    return sum == walk->pages->page_size - start.upper ? FERRY_OK : wrong(walk, number, "has gaps");
}

/* The pages of a value that has its own. */
static ferry_code check_overflow(Walk *walk, const PageNode *node) {
    PageStart start;
    uint32_t page_size = walk->pages->page_size, count;
    uint64_t needed = (sizeof start + (uint64_t)node->size + page_size - 1) / page_size;
    TRY(cache_pages_read(walk->pages, node->page * page_size, &start, sizeof start, walk->error));
    count = start.lower | (uint32_t)start.upper << 16;
    if (start.number != node->page || start.flags != PAGE_OVERFLOW)
        return wrong(walk, node->page, "is not what it should be");
    if (count < needed || count > walk->pages->head->last_page) return wrong(walk, node->page, "has a wrong length");
    walk->counted.overflows += count;
    if (node->offset + node->size > walk->file_size) return wrong(walk, node->page, "is cut off");
    return mark(walk, node->page, count);
}

/* A list of free pages: their number, then the pages, the highest first. */
static ferry_code check_free(Walk *walk, const PageNode *node, uint64_t number) {
    uint64_t transaction, count, before = UINT64_MAX, at = node->offset;
    memcpy(&transaction, node->key, sizeof transaction);
    if (transaction < 1 || transaction > walk->pages->head->transaction)
        return wrong(walk, number, "has free pages of a transaction that was not");
    if (node->size < sizeof count || node->size % sizeof count != 0)
        return wrong(walk, number, "has a list of a wrong size");
    TRY(cache_pages_read(walk->pages, at, &count, sizeof count, walk->error));
    if (count > node->size / sizeof count - 1) return wrong(walk, number, "has a list of a wrong length");
    while (count > 0) {
        uint64_t part[64], size = count < COUNT_OF(part) ? count : COUNT_OF(part);
        at += sizeof part[0];
        TRY(cache_pages_read(walk->pages, at, part, (size_t)size * sizeof part[0], walk->error));
        for (size_t i = 0; i < size; i++) {
            if (part[i] >= before) return wrong(walk, number, "has a list in a wrong order");
            TRY(mark(walk, before = part[i], 1));
        }
        at += (size - 1) * sizeof part[0];
        count -= size;
    }
    return FERRY_OK;
}

static ferry_code check_entry(Walk *walk, const PageNode *node, uint64_t number) {
    walk->counted.entries++;
    if (node->flags == NODE_OVERFLOW) TRY(check_overflow(walk, node));
    return walk->tree == &walk->pages->head->free ? check_free(walk, node, number) : FERRY_OK;
}

/* ---- pages ---- */

static void report(Walk *walk) {
    if (walk->visitor->damage != NULL) walk->visitor->damage(walk->visitor->context, walk->error);
}

static ferry_code enter(Walk *walk, uint64_t number, int kind, uint8_t *page) {
    TRY(cache_pages_load(walk->pages, number, kind, page, walk->error));
    TRY(mark(walk, number, 1));
    if (walk->visitor == NULL) TRY(check_nodes(walk, number, page));
    *(kind == PAGE_LEAF ? &walk->counted.leaves : &walk->counted.branches) += 1;
    return FERRY_OK;
}

static ferry_code leaf_entry(Walk *walk, uint64_t number, const uint8_t *page, size_t index) {
    PageNode node;
    TRY(page_node(walk->pages, page, index, &node, walk->error));
    TRY(follow(walk, number, &node, false, index));
    if (walk->visitor == NULL) return check_entry(walk, &node, number);
    walk->enough = !walk->visitor->entry(walk->visitor->context, &node);
    return FERRY_OK;
}

/* level 0 is the leaves'. */
static ferry_code visit(Walk *walk, uint64_t number, unsigned level) {
    uint8_t *page = walk->buffers + (size_t)level * walk->pages->page_size;
    TRY(enter(walk, number, level == 0 ? PAGE_LEAF : PAGE_BRANCH, page));
    for (size_t i = 0; i < page_count(page) && !walk->enough; i++) {
        PageNode node;
        ferry_code code = FERRY_OK;
        if (level == 0) {
            code = leaf_entry(walk, number, page, i);
        } else {
            code = page_node(walk->pages, page, i, &node, walk->error);
            if (code == FERRY_OK) code = follow(walk, number, &node, true, i);
            if (code == FERRY_OK) code = visit(walk, node.page, level - 1);
        }
        if (code != FERRY_OK && walk->visitor == NULL) return code;
        if (code != FERRY_OK) report(walk);
    }
    return FERRY_OK;
}

static ferry_code visit_tree(Walk *walk, const PageTree *tree, size_t key_size) {
    walk->tree = tree;
    walk->key_size = key_size;
    walk->after_last = walk->at_last = false;
    walk->counted = (PageTree){0};
    if (tree->root == PAGE_NONE) return FERRY_OK;
    ferry_code code = visit(walk, tree->root, tree->depth - 1U);
    if (walk->visitor == NULL || code == FERRY_OK) return code;
    report(walk);
    return FERRY_OK;
}

static ferry_code check_counts(Walk *walk) {
    const PageTree *tree = walk->tree, *counted = &walk->counted;
    if (tree->entries == counted->entries && tree->leaves == counted->leaves && tree->branches == counted->branches &&
        tree->overflows == counted->overflows)
        return FERRY_OK;
    return fail(walk->error, FERRY_UNFIT, "its number of pages or entries is wrong");
}

static ferry_code check_all(Walk *walk) {
    const PageHead *head = walk->pages->head;
    TRY(visit_tree(walk, &head->main, CACHE_KEY_SIZE));
    TRY(check_counts(walk));
    TRY(visit_tree(walk, &head->free, FREE_KEY_SIZE));
    TRY(check_counts(walk));
    if (walk->marked != head->last_page - 1) return fail(walk->error, FERRY_UNFIT, "some of its pages are lost");
    return FERRY_OK;
}

/* ---- both uses ---- */

/* What the head says of the last page decides about memory, so it is compared with the file. Free pages may lie behind
 * its end: those that a transaction took and did not need. */
static ferry_code measure(Walk *walk) {
    struct stat status;
    const CachePages *pages = walk->pages;
    if (fstat(pages->file, &status) != 0) return fail(walk->error, FERRY_UNFIT, "it has no size: %s", strerror(errno));
    walk->file_size = (uint64_t)status.st_size;
    walk->last_page = pages->head->last_page;
    uint64_t in_file = walk->file_size / pages->page_size;
    if (walk->last_page <= in_file + FREE_BEHIND_END) return FERRY_OK;
    walk->last_page = in_file;
    if (walk->visitor != NULL) return FERRY_OK;
    return fail(walk->error, FERRY_UNFIT, "it is said to have more pages than it has");
}

static ferry_code run(Walk *walk) {
    const CachePages *pages = walk->pages;
    const PageHead *head = pages->head;
    TRY(measure(walk));
    size_t depth = head->main.depth > head->free.depth ? head->main.depth : head->free.depth;
    size_t marks = (size_t)walk->last_page / 8 + 1, buffers = depth * pages->page_size + 1;
    walk->marks = memory_new(pages->allocator, marks);
    walk->buffers = memory_new(pages->allocator, buffers);
    ferry_code code;
    if (walk->marks == NULL || walk->buffers == NULL)
        code = fail_out_of_memory(walk->error, "a look at all pages of the cache");
    else
        code = walk->visitor == NULL ? check_all(walk) : visit_tree(walk, &head->main, CACHE_KEY_SIZE);
    memory_release(pages->allocator, walk->marks, marks);
    memory_release(pages->allocator, walk->buffers, buffers);
    return code;
}

ferry_code cache_pages_visit(const CachePages *pages, const PageVisitor *visitor, ferry_error *error) {
    if (pages->head == NULL) return FERRY_OK;
    Walk walk = {.pages = pages, .visitor = visitor, .error = error};
    return run(&walk);
}

ferry_code cache_pages_check(const CachePages *pages, ferry_error *error) {
    if (pages->head == NULL) return fail(error, FERRY_UNFIT, "it is empty");
    if (!pages->both_right) return fail(error, FERRY_UNFIT, "one of its first pages is damaged");
    Walk walk = {.pages = pages, .error = error};
    return run(&walk);
}
