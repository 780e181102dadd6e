/* closure_pool.c: cells for closures.
 *
 * A thread uses the shard that its identity hashes to, so that threads seldom meet in one. What a thread gives waits in
 * its shard's quarantine until enough others have come after it, and is then the first to be used again; while too few
 * wait there, never-used cells are taken from the thunk space in runs.
 */
#include "runtime/closure.h"

#include <sched.h>

#define SPINS        64
#define SMALLEST_RUN 16
#define LARGEST_RUN  512

static Shard *own_shard(ClosurePool *pool) {
    uint64_t thread = (uint64_t)pthread_self();
    return &pool->shards[(thread >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 60 & (CLOSURE_SHARDS - 1)];
}

/* Held for a few loads and stores; longer only while a run is taken, then the others give way. */
static void lock(Shard *shard) {
    for (int spins = 0; atomic_exchange_explicit(&shard->busy, 1, memory_order_acquire) != 0;) {
        if (++spins % SPINS == 0) sched_yield();
    }
}

static void unlock(Shard *shard) {
    atomic_store_explicit(&shard->busy, 0, memory_order_release);
}

/* ---- details ---- */

Detail *detail_new(ClosurePool *pool, size_t fallback_size) {
    if (fallback_size > SIZE_MAX / 2) return NULL;
    Detail *detail = memory_new(pool->allocator, sizeof *detail + fallback_size);
    if (detail != NULL) detail->fallback_size = fallback_size;
    return detail;
}

void detail_free(ClosurePool *pool, Detail *detail) {
    if (detail == NULL) return;
    slow_upcall_close(detail);
    memory_release(pool->allocator, detail, sizeof *detail + detail->fallback_size);
}

/* ---- the queue of a shard; the link is where the cell's state leaves room ---- */

static Cell *next_of(Cell *cell) {
    Detail *detail = cell_detail(cell);
    return detail != NULL ? detail->next : atomic_load_explicit(&cell->next, memory_order_relaxed);
}

static void set_next(Cell *cell, Cell *next) {
    Detail *detail = cell_detail(cell);
    if (detail != NULL)
        detail->next = next;
    else
        atomic_store_explicit(&cell->next, next, memory_order_relaxed);
}

static void append(Shard *shard, Cell *cell) {
    set_next(cell, NULL);
    if (shard->newest != NULL)
        set_next(shard->newest, cell);
    else
        shard->oldest = cell;
    shard->newest = cell;
    shard->waiting++;
}

static Cell *remove_oldest(Shard *shard) {
    Cell *cell = shard->oldest;
    shard->oldest = next_of(cell);
    if (shard->oldest == NULL) shard->newest = NULL;
    shard->waiting--;
    return cell;
}

/* ---- taking and giving ---- */

/* The more a shard has used, the more it takes at once. */
static ferry_code add_run(ClosurePool *pool, Shard *shard, ferry_error *error) {
    void *first;
    size_t count = shard->run < SMALLEST_RUN ? SMALLEST_RUN : shard->run;
    shard->run = count < LARGEST_RUN ? 2 * count : LARGEST_RUN;
    TRY(thunk_take(pool->thunks, count, &first, &count, error));
    shard->fresh = first;
    shard->end = shard->fresh + count;
    return FERRY_OK;
}

static ferry_code take(ClosurePool *pool, Shard *shard, Cell **cell, ferry_error *error) {
    if (shard->waiting > pool->quarantine) {
        *cell = remove_oldest(shard);
    } else {
        if (shard->fresh == shard->end) TRY(add_run(pool, shard, error));
        *cell = shard->fresh++;
    }
    shard->live++;
    return FERRY_OK;
}

ferry_code cell_take(ClosurePool *pool, Cell **cell, ferry_error *error) {
    Shard *shard = own_shard(pool);
    lock(shard);
    ferry_code code = take(pool, shard, cell, error);
    unlock(shard);
    if (code != FERRY_OK) return code;
    Detail *former = cell_detail(*cell);
    uint64_t life = atomic_load_explicit(&(*cell)->life, memory_order_relaxed);
    life = ((life & ~LIFE_HAS_DETAIL) + LIFE_GENERATION) & ~(LIFE_HAS_DETAIL | LIFE_ENDED | LIFE_REFERENCES);
    atomic_store_explicit(&(*cell)->life, life, memory_order_release);
    if (former != NULL) detail_free(pool, former);
    return FERRY_OK;
}

void cell_give(ClosurePool *pool, Cell *cell) {
    Shard *shard = own_shard(pool);
    lock(shard);
    append(shard, cell);
    shard->live--;
    unlock(shard);
}

size_t closure_pool_live(ClosurePool *pool) {
    int64_t live = 0;
    for (size_t i = 0; i < CLOSURE_SHARDS; i++) {
        lock(&pool->shards[i]);
        live += pool->shards[i].live;
        unlock(&pool->shards[i]);
    }
    return (size_t)live;
}

void closure_pool_close(ClosurePool *pool) {
    for (size_t i = 0; i < CLOSURE_SHARDS; i++) {
        Shard *shard = &pool->shards[i];
        while (shard->oldest != NULL) detail_free(pool, cell_detail(remove_oldest(shard)));
    }
}
