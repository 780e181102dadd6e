/* trampolines/space.c: the code of one engine: slabs, what was placed in them, and who is told of it. */
#include <string.h>

#include "trampolines/parts.h"

typedef struct Placed Placed;
struct Placed {
    Code code; /* what the user of the room sees */
    Slab *slab;
    uint32_t cell;
    uint64_t forks; /* process_forks() when it was placed */
    DebuggerEntry *debugger;
    Placed *next;
    Placed *previous;
    size_t bytes; /* of this struct */
    char name[];  /* empty unless a perf map may have to be written anew after a fork */
};

struct CodeSpace {
    const ferry_allocator *allocator;
    CodeOptions options;
    Slab *slabs;
    Placed *placed;
    PerfMap perf_map;
    CodeStatistics statistics;
};

ferry_code code_space_open(const ferry_allocator *allocator, const CodeOptions *options, CodeSpace **space,
                           ferry_error *error) {
    CodeSpace *made = memory_new(allocator, sizeof(*made));
    if (made == NULL) return fail_out_of_memory(error, "a code space");
    made->allocator = allocator;
    if (options != NULL) made->options = *options;
    made->perf_map.file = -1;
    ferry_code code = made->options.perf_map ? perf_map_open(&made->perf_map, error) : FERRY_OK;
    if (code != FERRY_OK) {
        memory_release(allocator, made, sizeof(*made));
        return code;
    }
    *space = made;
    return FERRY_OK;
}

void code_space_close(CodeSpace *space) {
    if (space == NULL) return;
    for (Placed *placed = space->placed, *next; placed != NULL; placed = next) {
        next = placed->next;
        debugger_free(space->allocator, placed->debugger);
        memory_release(space->allocator, placed, placed->bytes);
    }
    for (Slab *slab = space->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        slab_free(space->allocator, slab);
    }
    perf_map_close(&space->perf_map);
    memory_release(space->allocator, space, sizeof(*space));
}

static Placed *new_placed(const CodeSpace *space, const char *name) {
    size_t length = space->options.perf_map && name != NULL ? strlen(name) : 0;
    Placed *placed = memory_new(space->allocator, sizeof(*placed) + length + 1);
    if (placed == NULL) return NULL;
    placed->bytes = sizeof(*placed) + length + 1;
    if (length != 0) memcpy(placed->name, name, length);
    return placed;
}

static ferry_code new_slab(CodeSpace *space, const SlabKind *kind, const Unwind *unwind, size_t earlier, Slab **slab,
                           ferry_error *error) {
    TRY(process_watch(error));
    TRY(slab_new(space->allocator, kind, unwind, slab_bytes(kind, earlier), space->options.gdb, slab, error));
    (*slab)->next = space->slabs;
    space->slabs = *slab;
    space->statistics.mapped_bytes += (*slab)->pages.size;
    return FERRY_OK;
}

static ferry_code find_slab(CodeSpace *space, const SlabKind *kind, const Unwind *unwind, Slab **slab,
                            ferry_error *error) {
    size_t of_kind = 0;
    for (Slab *candidate = space->slabs; candidate != NULL; candidate = candidate->next) {
        if (candidate->stale || !slab_is_of(candidate, kind, unwind) || !slab_is_mine(candidate)) continue;
        if (slab_has_room(candidate)) {
            *slab = candidate;
            return FERRY_OK;
        }
        of_kind++;
    }
    return new_slab(space, kind, unwind, of_kind, slab, error);
}

static void count(CodeSpace *space, const Placed *placed, bool added) {
    CodeStatistics *statistics = &space->statistics;
    size_t used = placed->slab->kind.cell_size + placed->slab->kind.frame_size;
    statistics->blobs += added ? 1 : (size_t)-1;
    statistics->code_bytes += added ? placed->code.code_size : -(size_t)placed->code.code_size;
    statistics->unwind_bytes += added ? placed->code.unwind_size : -(size_t)placed->code.unwind_size;
    statistics->used_bytes += added ? used : -used;
}

static void link_placed(CodeSpace *space, Placed *placed) {
    placed->next = space->placed;
    if (space->placed != NULL) space->placed->previous = placed;
    space->placed = placed;
}

static void unlink_placed(CodeSpace *space, Placed *placed) {
    if (placed->next != NULL) placed->next->previous = placed->previous;
    if (placed->previous != NULL)
        placed->previous->next = placed->next;
    else
        space->placed = placed->next;
}

/* A process that forked has a map of its own, with all that it inherited. That it cannot be written is no failure
 * of the code. */
static void tell_profiler(CodeSpace *space, const Placed *placed) {
    if (!space->options.perf_map) return;
    if (perf_map_is_mine(&space->perf_map)) {
        perf_map_add(&space->perf_map, placed->code.entry, placed->code.code_size, placed->name);
        return;
    }
    ferry_error ignored;
    perf_map_close(&space->perf_map);
    if (perf_map_open(&space->perf_map, &ignored) != FERRY_OK) return;
    for (const Placed *each = space->placed; each != NULL; each = each->next) {
        perf_map_add(&space->perf_map, each->code.entry, each->code.code_size, each->name);
    }
}

/* Unmaps a slab that nothing lives in, unless it is worth keeping: the only one of its kind with room. */
static void release_empty(CodeSpace *space, Slab *empty) {
    bool keep = !empty->kind.single && slab_is_mine(empty) && slab_has_room(empty);
    Slab **link = NULL;
    for (Slab **each = &space->slabs; *each != NULL; each = &(*each)->next) {
        if (*each == empty)
            link = each;
        else if (slab_is_mine(*each) && slab_has_room(*each) && slab_is_same_kind(*each, empty))
            keep = false;
    }
    if (keep || link == NULL) return;
    *link = empty->next;
    space->statistics.mapped_bytes -= empty->pages.size;
    slab_free(space->allocator, empty);
}

/* Into a slab that shows it. */
static ferry_code write_code(CodeSpace *space, Placed *placed, const Blob *blob, const Unwind *unwind,
                             ferry_error *error) {
    SlabKind kind;
    TRY(slab_kind_for(blob, unwind, &kind, error));
    while (placed->code.entry == NULL) {
        Slab *slab = NULL;
        TRY(find_slab(space, &kind, unwind, &slab, error));
        placed->slab = slab;
        placed->cell = slab_take(slab);
        placed->code.entry = slab_fill(slab, placed->cell, blob, unwind);
        if (placed->code.entry != NULL) break;
        slab_give(slab, placed->cell, false);
        if (slab->live == 0) release_empty(space, slab);
    }
    placed->forks = process_forks();
    placed->code.code_size = (uint32_t)blob->code_size;
    placed->code.unwind_size = unwind_frame_size(unwind);
    return FERRY_OK;
}

static ferry_code place(CodeSpace *space, Placed *placed, const Blob *blob, const Unwind *unwind, ferry_error *error) {
    if (space->options.gdb) {
        placed->debugger = debugger_new(space->allocator, blob, unwind);
        if (placed->debugger == NULL) return fail_out_of_memory(error, "what debuggers are told of code");
    }
    return write_code(space, placed, blob, unwind, error);
}

static void publish(CodeSpace *space, Placed *placed) {
    link_placed(space, placed);
    count(space, placed, true);
    if (placed->debugger != NULL) debugger_register(placed->debugger, placed->code.entry);
    tell_profiler(space, placed);
}

ferry_code code_add(CodeSpace *space, const Blob *blob, Code **code, ferry_error *error) {
    Unwind unwind;
    TRY(unwind_parse(blob, &unwind, error));
    Placed *placed = new_placed(space, blob->name);
    if (placed == NULL) return fail_out_of_memory(error, "a piece of code");
    ferry_code result = place(space, placed, blob, &unwind, error);
    if (result != FERRY_OK) {
        debugger_free(space->allocator, placed->debugger);
        memory_release(space->allocator, placed, placed->bytes);
        return result;
    }
    publish(space, placed);
    *code = &placed->code;
    return FERRY_OK;
}

ferry_code code_try(const CodeSpace *space, ferry_error *error) {
    Pages pages;
    if (space->slabs != NULL) return FERRY_OK;
    TRY(pages_map(pages_unit(), space->options.gdb, &pages, error));
    pages_unmap(&pages);
    return FERRY_OK;
}

void code_remove(CodeSpace *space, Code *code) {
    if (code == NULL) return;
    Placed *placed = (Placed *)(void *)code;
    Slab *slab = placed->slab;
    debugger_free(space->allocator, placed->debugger);
    unlink_placed(space, placed);
    count(space, placed, false);
    slab_give(slab, placed->cell, slab_is_mine(slab) && placed->forks == process_forks());
    memory_release(space->allocator, placed, placed->bytes);
    if (slab->live == 0) release_empty(space, slab);
}

void code_statistics(const CodeSpace *space, CodeStatistics *statistics) {
    *statistics = space->statistics;
}
