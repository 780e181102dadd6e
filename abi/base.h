/* abi/base.h: what every room stands on: errors, memory, hashing.
 *
 * Glossary of this room
 *   must-use error   every internal function that can fail returns a ferry_code and fills a ferry_error (never NULL
 * here) arena            memory that is freed as a whole: immutable things of an engine, or the scratch of one request
 */
#ifndef FERRY_ABI_BASE_H
#define FERRY_ABI_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/engine.h"
#include "ferry/error.h"

#define MUST_USE        __attribute__((warn_unused_result))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Returns from the caller when expression fails: the one control-flow macro. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        ferry_code try_code = (expression);                                                                            \
        if (try_code != FERRY_OK) return try_code;                                                                     \
    } while (0)

/* base.c: fills error. fail returns code, where compilers and analysers can see that it does. */
void fail_with(ferry_error *error, ferry_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* base.c: puts text before the message of a failure that is passed on; code is returned. */
ferry_code fail_within(ferry_error *error, ferry_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline ferry_code fail_code(ferry_code code) {
    return code;
}
#define fail(error, code, ...) (fail_with((error), (code), __VA_ARGS__), fail_code(code))

static inline ferry_code fail_out_of_memory(ferry_error *error, const char *what) {
    return fail(error, FERRY_OUT_OF_MEMORY, "no memory for %s", what);
}

/* base.c: the user's allocator, or malloc. memory_new clears; both return NULL when there is no memory. */
void *memory_new(const ferry_allocator *allocator, size_t size);
void memory_release(const ferry_allocator *allocator, void *pointer, size_t size); /* pointer may be NULL */

/* arena.c. Blocks come from the allocator; arena_new returns cleared memory aligned to 16, or NULL. */
typedef struct ArenaBlock ArenaBlock;
typedef struct Arena {
    const ferry_allocator *allocator; /* NULL: malloc */
    ArenaBlock *block;                /* the newest; it links the older ones */
    size_t bytes;                     /* held, over all blocks */
} Arena;

void *arena_new(Arena *arena, size_t size);
void *arena_array(Arena *arena, size_t count, size_t size); /* NULL also when count * size overflows */
void *arena_copy(Arena *arena, const void *bytes, size_t size);
const char *arena_string(Arena *arena, const char *string); /* a copy; NULL for no memory */
/* A mark, and the way back to it: what came after it is given up. */
typedef struct ArenaMark {
    ArenaBlock *block;
    ArenaBlock *older; /* than that; large pieces come between the two */
    size_t used;
} ArenaMark;
ArenaMark arena_mark(const Arena *arena);
void arena_rewind(Arena *arena, ArenaMark mark);
void arena_free(Arena *arena); /* all blocks; the arena is empty and usable again */

/* base.c: 64-bit hashing of bytes, for tables inside a process (not for storage). */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);
uint64_t hash_number(uint64_t seed, uint64_t number);

static inline uint64_t round_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}
static inline bool is_power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

/* table.c: an open-addressing table of pointers by hash. Memory comes from the allocator; growing may fail. */
typedef struct Table {
    const ferry_allocator *allocator;
    struct TableCell {
        uint64_t hash;
        const void *value; /* NULL: free */
    } *cells;
    size_t capacity; /* 0 or a power of two; count <= capacity * 3 / 4 */
    size_t count;
} Table;

typedef bool TableEqual(const void *value, const void *key);
const void *table_find(const Table *table, uint64_t hash, TableEqual *equal, const void *key);
bool table_reserve(Table *table);                                  /* room for one more; false: no memory */
void table_insert(Table *table, uint64_t hash, const void *value); /* after table_reserve; value not there yet */
void table_free(Table *table);

#endif
