/* pool.c: bindings in chunks, with a free list.
 *
 *     chunk   | link | .. up to the next multiple of 16 | binding | binding | ...
 *
 * The first chunk is small and each is twice as large as the one before, so that few bindings cost little memory and
 * many cost 48 bytes each.
 */
#include "runtime/engine.h"

#include <sched.h>

#define FIRST_CHUNK 2048
#define LAST_CHUNK  (64 * 1024)
#define SPINS       64

struct PoolChunk {
    PoolChunk *older;
    size_t size;
};

/* Held for a few loads and stores; longer only while a chunk is allocated, then the others give way. */
static void lock(Pool *pool) {
    for (int spins = 0; atomic_exchange_explicit(&pool->busy, 1, memory_order_acquire) != 0;) {
        if (++spins % SPINS == 0) sched_yield();
    }
}

static void unlock(Pool *pool) {
    atomic_store_explicit(&pool->busy, 0, memory_order_release);
}

static bool add_chunk(Pool *pool) {
    size_t size = pool->chunks == NULL ? FIRST_CHUNK : pool->chunks->size * 2;
    if (size > LAST_CHUNK) size = LAST_CHUNK;
    PoolChunk *chunk = memory_new(pool->allocator, size);
    if (chunk == NULL) return false;
    *chunk = (PoolChunk){.older = pool->chunks, .size = size};
    pool->chunks = chunk;
    uintptr_t start = (uintptr_t)round_up((uintptr_t)(chunk + 1), BINDING_ALIGNMENT);
    pool->fresh = (Binding *)start; /* NOLINT(performance-no-int-to-ptr): aligned inside the chunk */
    pool->end = pool->fresh + ((uintptr_t)chunk + size - start) / BINDING_BYTES;
    return true;
}

Binding *pool_pop(Pool *pool) {
    lock(pool);
    Binding *binding = pool->free;
    if (binding != NULL) {
        pool->free = binding->next;
    } else if (pool->fresh != pool->end || add_chunk(pool)) {
        binding = pool->fresh++;
    }
    if (binding != NULL) pool->live++;
    unlock(pool);
    return binding;
}

void pool_push(Pool *pool, Binding *binding) {
    lock(pool);
    binding->next = pool->free;
    pool->free = binding;
    pool->live--;
    unlock(pool);
}

void pool_hold(Pool *pool) {
    lock(pool);
}

void pool_release(Pool *pool) {
    unlock(pool);
}

size_t pool_live(Pool *pool) {
    lock(pool);
    size_t live = pool->live;
    unlock(pool);
    return live;
}

void pool_close(Pool *pool) {
    for (PoolChunk *chunk = pool->chunks; chunk != NULL;) {
        PoolChunk *older = chunk->older;
        memory_release(pool->allocator, chunk, chunk->size);
        chunk = older;
    }
    *pool = (Pool){.allocator = pool->allocator};
}
