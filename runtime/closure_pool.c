/* closure_pool.c: cells for closures.
 *
 *     thread ── own shard ──┐            waiting   in quarantine: given here, the oldest first
 *     thread ── own shard ──┼── depot    ready     through it: to be used again
 *     others ── a crowd  ───┘            fresh     never used, taken from the thunk space in runs
 *
 * A thread that comes first to a shard owns it and needs no lock; those that find theirs taken share a few with locks.
 * What is too much in one goes to the depot in batches, and comes from there in batches, so that cells that one thread
 * makes and another ends go round. An owner's death leaves a few hundred cells unused, until a thread of the same
 * identity comes.
 *
 * A cell is used again when more than `quarantine` are in its queue: as many have been given after it.
 */
#include "runtime/closure.h"

#include <sched.h>

#define SPINS        64
#define SMALLEST_RUN 16
#define LARGEST_RUN  512
#define BATCH        64

void closure_pool_open(ClosurePool *pool, ThunkSpace *thunks, const ferry_allocator *allocator, size_t quarantine) {
    pool->thunks = thunks;
    pool->allocator = allocator;
    pool->quarantine = quarantine != 0 ? quarantine : DEFAULT_QUARANTINE;
    for (size_t i = 0; i < CLOSURE_CROWD; i++) pool->crowd[i].is_crowd = true;
}

/* ---- locks: held for a few loads and stores, or while a run is taken; then the others give way ---- */

static void lock(atomic_int *busy) {
    for (int spins = 0; atomic_exchange_explicit(busy, 1, memory_order_acquire) != 0;) {
        if (++spins % SPINS == 0) sched_yield();
    }
}

static void unlock(atomic_int *busy) {
    atomic_store_explicit(busy, 0, memory_order_release);
}

/* An identity is some thread's at a time. Once a thread is gone, the next with its identity was made after that. */
static Shard *enter(ClosurePool *pool) {
    uintptr_t self = (uintptr_t)pthread_self();
    size_t index = (size_t)((uint64_t)(self >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % CLOSURE_OWN;
    Shard *shard = &pool->own[index];
    uintptr_t owner = atomic_load_explicit(&shard->owner, memory_order_acquire);
    if (owner == self) return shard;
    if (owner == 0 && atomic_compare_exchange_strong(&shard->owner, &owner, self)) return shard;
    shard = &pool->crowd[index % CLOSURE_CROWD];
    lock(&shard->busy);
    return shard;
}

static void leave(Shard *shard) {
    if (shard->is_crowd) unlock(&shard->busy);
}

static void count(Shard *shard, int64_t change) {
    int64_t live = atomic_load_explicit(&shard->live, memory_order_relaxed);
    atomic_store_explicit(&shard->live, live + change, memory_order_relaxed);
}

/* ---- details ---- */

#define DETAILS_SPINS 10000

bool details_lock(ClosurePool *pool) {
    for (int spins = 0; atomic_exchange_explicit(&pool->details_busy, 1, memory_order_acquire) != 0;) {
        if (++spins == DETAILS_SPINS) return false;
        if (spins % SPINS == 0) sched_yield();
    }
    return true;
}

void details_unlock(ClosurePool *pool) {
    unlock(&pool->details_busy);
}

Detail *detail_new(ClosurePool *pool, size_t fallback_size) {
    if (fallback_size > SIZE_MAX / 2) return NULL;
    Detail *detail = memory_new(pool->allocator, sizeof *detail + fallback_size);
    if (detail != NULL) detail->fallback_size = fallback_size;
    return detail;
}

void detail_free(ClosurePool *pool, Detail *detail) {
    if (detail == NULL) return;
    memory_release(pool->allocator, detail, sizeof *detail + detail->fallback_size);
}

/* ---- queues; the link is where the cell's state leaves room ---- */

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

static void append(CellQueue *queue, Cell *cell) {
    set_next(cell, NULL);
    if (queue->newest != NULL)
        set_next(queue->newest, cell);
    else
        queue->oldest = cell;
    queue->newest = cell;
    queue->count++;
}

static Cell *remove_oldest(CellQueue *queue) {
    Cell *cell = queue->oldest;
    queue->oldest = next_of(cell);
    if (queue->oldest == NULL) queue->newest = NULL;
    queue->count--;
    return cell;
}

static void move(CellQueue *from, CellQueue *to, size_t most, size_t left) {
    for (size_t i = 0; i < most && from->count > left; i++) append(to, remove_oldest(from));
}

/* ---- taking and giving ---- */

/* The more a shard has used, the more it takes at once. */
static ferry_code add_run(ClosurePool *pool, Shard *shard, ferry_error *error) {
    void *first;
    size_t taken = shard->run < SMALLEST_RUN ? SMALLEST_RUN : shard->run;
    shard->run = taken < LARGEST_RUN ? 2 * taken : LARGEST_RUN;
    TRY(thunk_take(pool->thunks, taken, &first, &taken, error));
    shard->fresh = first;
    shard->end = shard->fresh + taken;
    return FERRY_OK;
}

static ferry_code refill(ClosurePool *pool, Shard *shard, ferry_error *error) {
    lock(&pool->depot_busy);
    move(&pool->depot, &shard->ready, BATCH, pool->quarantine);
    unlock(&pool->depot_busy);
    return shard->ready.count != 0 ? FERRY_OK : add_run(pool, shard, error);
}

static ferry_code take(ClosurePool *pool, Shard *shard, Cell **cell, ferry_error *error) {
    bool is_due = shard->waiting.count > pool->quarantine;
    if (!is_due && shard->ready.count == 0 && shard->fresh == shard->end) TRY(refill(pool, shard, error));
    if (is_due)
        *cell = remove_oldest(&shard->waiting);
    else
        *cell = shard->ready.count != 0 ? remove_oldest(&shard->ready) : shard->fresh++;
    count(shard, 1);
    return FERRY_OK;
}

/* Whoever looks at the former detail does so with the lock, and finds it or none. */
static void renew(ClosurePool *pool, Cell *cell) {
    Detail *former = cell_detail(cell);
    uint64_t life = atomic_load_explicit(&cell->life, memory_order_relaxed);
    life = ((life & ~LIFE_HAS_DETAIL) + LIFE_GENERATION) & ~(LIFE_HAS_DETAIL | LIFE_ENDED | LIFE_REFERENCES);
    if (former != NULL) lock(&pool->details_busy);
    atomic_store_explicit(&cell->life, life, memory_order_release);
    if (former != NULL) unlock(&pool->details_busy);
    detail_free(pool, former);
}

ferry_code cell_take(ClosurePool *pool, Cell **cell, ferry_error *error) {
    Shard *shard = enter(pool);
    ferry_code code = take(pool, shard, cell, error);
    leave(shard);
    if (code != FERRY_OK) return code;
    renew(pool, *cell);
    return FERRY_OK;
}

static void give_surplus(ClosurePool *pool, Shard *shard) {
    lock(&pool->depot_busy);
    move(&shard->waiting, &pool->depot, BATCH, 0);
    unlock(&pool->depot_busy);
}

void cell_give(ClosurePool *pool, Cell *cell) {
    Shard *shard = enter(pool);
    append(&shard->waiting, cell);
    if (shard->waiting.count > pool->quarantine + 2 * BATCH) give_surplus(pool, shard);
    count(shard, -1);
    leave(shard);
}

/* ---- all shards ---- */

static Shard *shard_at(ClosurePool *pool, size_t index) {
    return index < CLOSURE_OWN ? &pool->own[index] : &pool->crowd[index - CLOSURE_OWN];
}

size_t closure_pool_live(ClosurePool *pool) {
    int64_t live = 0;
    for (size_t i = 0; i < CLOSURE_OWN + CLOSURE_CROWD; i++)
        live += atomic_load_explicit(&shard_at(pool, i)->live, memory_order_relaxed);
    return live > 0 ? (size_t)live : 0; /* it is not one moment that all of them show */
}

static void free_details(ClosurePool *pool, CellQueue *queue) {
    while (queue->oldest != NULL) detail_free(pool, cell_detail(remove_oldest(queue)));
}

void closure_pool_close(ClosurePool *pool) {
    for (size_t i = 0; i < CLOSURE_OWN + CLOSURE_CROWD; i++) {
        free_details(pool, &shard_at(pool, i)->waiting);
        free_details(pool, &shard_at(pool, i)->ready);
    }
    free_details(pool, &pool->depot);
}
