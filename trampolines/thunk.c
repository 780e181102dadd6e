/* trampolines/thunk.c: the thunks of one engine. */
#include <stdatomic.h>
#include <string.h>

#include "trampolines/parts.h"

/* The first chunk has three pages of each kind, and each further one is four times as large up to THUNK_SPAN: a few
 * closures take a few pages, a million some twenty chunks. */
enum { GROWTH = 4 };

struct ThunkSpace {
    const ferry_allocator *allocator;
    CodeOptions options;
    PerfMap perf_map;     /* closed, but says whose map knows the chunks */
    _Atomic bool refused; /* the last chunk that was asked for */
    pthread_mutex_t mutex;
    /* Under the mutex: */
    ThunkTemplate template;
    ThunkChunk *chunks; /* the newest first */
    uint8_t *fresh;     /* cells never taken: [fresh, fresh + fresh_count * THUNK_BYTES) */
    size_t fresh_count;
    size_t next_size; /* of a chunk */
    size_t bytes;     /* of code in all chunks, and of data */
    ThunkLoan loan;   /* of the library's thunks */
    /* Of the first refusal; written before `refused`, and never again, since thunk_error hands it out. */
    char reason[sizeof((ferry_error *)NULL)->message];
};

static ferry_code watch_profiler(ThunkSpace *space, ferry_error *error) {
    TRY(process_watch(error));
    TRY(perf_map_open(&space->perf_map, error));
    perf_map_close(&space->perf_map);
    return FERRY_OK;
}

ferry_code thunk_space_open(const ferry_allocator *allocator, const CodeOptions *options, ThunkSpace **space,
                            ferry_error *error) {
    ThunkSpace *made = memory_new(allocator, sizeof(*made));
    if (made == NULL) return fail_out_of_memory(error, "a space for thunks");
    made->allocator = allocator;
    if (options != NULL) made->options = *options;
    made->next_size = thunk_template_smallest();
    ferry_code code = made->options.perf_map ? watch_profiler(made, error) : FERRY_OK;
    if (code == FERRY_OK && pthread_mutex_init(&made->mutex, NULL) != 0) code = fail_out_of_memory(error, "a mutex");
    if (code != FERRY_OK) {
        memory_release(allocator, made, sizeof(*made));
        return code;
    }
    *space = made;
    return FERRY_OK;
}

void thunk_space_close(ThunkSpace *space) {
    if (space == NULL) return;
    for (ThunkChunk *chunk = space->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        thunk_chunk_free(space->allocator, chunk);
    }
    thunk_supply_return(&space->loan);
    pthread_mutex_destroy(&space->mutex);
    memory_release(space->allocator, space, sizeof(*space));
}

/* Of the newest chunk; in a process that forked since, of all. The map is not kept open: daemons close descriptors that
 * they do not know. That it cannot be written is no failure of the thunks. */
static void tell_profiler(ThunkSpace *space) {
    PerfMap map;
    ferry_error ignored;
    if (!space->options.perf_map || perf_map_open(&map, &ignored) != FERRY_OK) return;
    bool all = !perf_map_is_mine(&space->perf_map);
    for (const ThunkChunk *chunk = space->chunks; chunk != NULL; chunk = all ? chunk->next : NULL) {
        perf_map_add(&map, chunk->code, chunk->size, "ferry:thunks");
    }
    perf_map_close(&map);
    space->perf_map = map;
}

static ferry_code grow(ThunkSpace *space, ferry_error *error) {
    ThunkChunk *chunk = NULL;
    TRY(thunk_chunk_new(space->allocator, &space->template, space->next_size, &chunk, error));
    chunk->next = space->chunks;
    space->chunks = chunk;
    /* The first thunk stays unused: code made by clang's -fsanitize=function reads the 8 bytes before whatever it
     * calls, and those must be mapped. */
    space->fresh = chunk->code + THUNK_SPAN + THUNK_BYTES;
    space->fresh_count = chunk->size / THUNK_BYTES - 1;
    space->bytes += chunk->size;
    space->next_size = chunk->size < THUNK_SPAN / GROWTH ? chunk->size * GROWTH : THUNK_SPAN;
    tell_profiler(space);
    return FERRY_OK;
}

/* From what came with the library. */
static bool borrow(ThunkSpace *space) {
    void *first;
    if (!thunk_supply_lend(&space->loan, &first, &space->fresh_count)) return false;
    space->fresh = first;
    return true;
}

static ferry_code be_refused(ThunkSpace *space, ferry_error *error) {
    if (space->reason[0] == '\0') memcpy(space->reason, error->message, sizeof space->reason);
    atomic_store_explicit(&space->refused, true, memory_order_release);
    if (borrow(space)) return FERRY_OK;
    if (thunk_supply_count() == 0) return FERRY_NO_CODE;
    char why[sizeof error->message];
    memcpy(why, error->message, sizeof why);
    return fail(error, FERRY_NO_CODE, "all %zu thunks of the library are taken, and there is %s", thunk_supply_count(),
                why);
}

/* Who refused once is not asked again while there is another way: each time would be several system calls, that
 * somebody may keep a record of. */
static ferry_code replenish(ThunkSpace *space, ferry_error *error) {
    bool refused = atomic_load_explicit(&space->refused, memory_order_relaxed);
    if ((refused || space->options.library_thunks) && borrow(space)) return FERRY_OK;
    ferry_code code = grow(space, error);
    if (code == FERRY_NO_CODE) return be_refused(space, error);
    if (code == FERRY_OK) atomic_store_explicit(&space->refused, false, memory_order_relaxed);
    return code;
}

ferry_code thunk_take(ThunkSpace *space, size_t most, void **first, size_t *count, ferry_error *error) {
    pthread_mutex_lock(&space->mutex);
    ferry_code code = space->fresh_count == 0 ? replenish(space, error) : FERRY_OK;
    if (code == FERRY_OK) {
        *first = space->fresh;
        *count = most < space->fresh_count ? most : space->fresh_count;
        space->fresh += *count * THUNK_BYTES;
        space->fresh_count -= *count;
    }
    pthread_mutex_unlock(&space->mutex);
    return code;
}

void thunk_statistics(ThunkSpace *space, size_t *data_bytes, size_t *code_bytes) {
    pthread_mutex_lock(&space->mutex);
    *data_bytes = space->bytes + thunk_supply_bytes(&space->loan);
    *code_bytes = space->bytes;
    pthread_mutex_unlock(&space->mutex);
}

const char *thunk_error(ThunkSpace *space) {
    return atomic_load_explicit(&space->refused, memory_order_acquire) ? space->reason : "";
}
