/* arena.c: memory that is freed as a whole. */
#include "abi/base.h"

#include <string.h>

#define ARENA_ALIGNMENT 16
#define ARENA_BLOCK     4064 /* with malloc's own word the block stays below a page */
#define ARENA_FIRST     1008 /* the first one is smaller: many arenas never need more, and a fresh page is dear */

/* size counts the header; used <= size. */
struct ArenaBlock {
    ArenaBlock *older;
    size_t size;
    size_t used;
    size_t unused; /* keeps what follows aligned to 16 */
};

static ArenaBlock *add_block(Arena *arena, size_t payload) {
    size_t size = sizeof(ArenaBlock) + payload;
    ArenaBlock *block = memory_new(arena->allocator, size);
    if (block == NULL) return NULL;
    block->size = size;
    block->used = sizeof(ArenaBlock);
    arena->bytes += size;
    return block;
}

/* A piece that does not fit an ordinary block gets one of its own, put behind the newest so that the rest of that
 * one is not lost. */
static void *new_large(Arena *arena, size_t size) {
    ArenaBlock *block = add_block(arena, size);
    if (block == NULL) return NULL;
    block->used = block->size;
    if (arena->block == NULL) {
        arena->block = block;
    } else {
        block->older = arena->block->older;
        arena->block->older = block;
    }
    return block + 1;
}

void *arena_new(Arena *arena, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    size_t rounded = (size_t)round_up(size == 0 ? 1 : size, ARENA_ALIGNMENT);
    if (rounded > ARENA_BLOCK / 4) return new_large(arena, rounded);
    ArenaBlock *block = arena->block;
    if (block == NULL || block->size - block->used < rounded) {
        bool starts_small = block == NULL && rounded <= ARENA_FIRST - sizeof(ArenaBlock);
        block = add_block(arena, (starts_small ? ARENA_FIRST : ARENA_BLOCK) - sizeof(ArenaBlock));
        if (block == NULL) return NULL;
        block->older = arena->block;
        arena->block = block;
    }
    void *pointer = (char *)block + block->used;
    block->used += rounded;
    return pointer;
}

void *arena_array(Arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return arena_new(arena, bytes);
}

void *arena_copy(Arena *arena, const void *bytes, size_t size) {
    void *copy = arena_new(arena, size);
    if (copy != NULL && size != 0) memcpy(copy, bytes, size);
    return copy;
}

const char *arena_string(Arena *arena, const char *string) {
    return arena_copy(arena, string, strlen(string) + 1);
}

ArenaMark arena_mark(const Arena *arena) {
    ArenaBlock *block = arena->block;
    return block != NULL ? (ArenaMark){.block = block, .older = block->older, .used = block->used}
                         : (ArenaMark){.block = NULL};
}

/* From the block at *link on, up to end. */
static void release(Arena *arena, ArenaBlock **link, const ArenaBlock *end) {
    while (*link != end) {
        ArenaBlock *block = *link;
        *link = block->older;
        arena->bytes -= block->size;
        memory_release(arena->allocator, block, block->size);
    }
}

void arena_rewind(Arena *arena, ArenaMark mark) {
    release(arena, &arena->block, mark.block);
    if (mark.block == NULL) return;
    release(arena, &mark.block->older, mark.older);
    memset((char *)mark.block + mark.used, 0, mark.block->used - mark.used);
    mark.block->used = mark.used;
}

void arena_free(Arena *arena) {
    release(arena, &arena->block, NULL);
}
