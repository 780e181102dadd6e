/* trampolines/thunk_chunk.c: thunks with their cells, one address range. */
#define _GNU_SOURCE
#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "trampolines/parts.h"

/* libgcc's, see slab.c. */
void __register_frame_info(const void *section, void *object);
void *__deregister_frame_info(const void *section);

/* An address range for thunks, cells and what is between them. The cells of a full chunk begin where a huge page can:
 * that saves hundreds of page faults, each of which costs more than making all the closures of the page. */
static uint8_t *reserve(size_t size) {
    size_t alignment = size == THUNK_SPAN ? THUNK_SPAN : pages_unit();
    size_t wanted = THUNK_SPAN + size, slack = alignment - pages_unit();
    uint8_t *whole = mmap(NULL, wanted + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) return NULL;
    size_t before = round_up((uintptr_t)whole, alignment) - (uintptr_t)whole;
    if (before != 0) munmap(whole, before);
    if (before != slack) munmap(whole + before + wanted, slack - before);
    return whole + before;
}

static ferry_code map_parts(ThunkTemplate *template, const ThunkMachine *machine, uint8_t *code, size_t size,
                            ferry_error *error) {
    uint8_t *cells = code + THUNK_SPAN;
    TRY(thunk_template_map(template, machine, code, size, error));
    if (mprotect(cells, size, PROT_READ | PROT_WRITE) != 0) {
        return pages_refuse(error, "mprotect(PROT_READ | PROT_WRITE) of closures");
    }
    if (size == THUNK_SPAN) (void)madvise(cells, size, MADV_HUGEPAGE);
    return FERRY_OK;
}

static ferry_code map_chunk(ThunkTemplate *template, const ThunkMachine *machine, ThunkChunk *chunk,
                            ferry_error *error) {
    uint8_t *code = reserve(chunk->size);
    if (code == NULL) return pages_refuse(error, "mmap(PROT_NONE)");
    ferry_code result = map_parts(template, machine, code, chunk->size, error);
    if (result != FERRY_OK) {
        munmap(code, THUNK_SPAN + chunk->size);
        return result;
    }
    if (chunk->size != THUNK_SPAN) munmap(code + chunk->size, THUNK_SPAN - chunk->size);
    chunk->code = code;
    return FERRY_OK;
}

static void write_frames(ThunkChunk *chunk, const ThunkMachine *machine) {
    ThunkFrames *frames = &chunk->frames;
    static_assert(sizeof(frames->cie) == sizeof(machine->cie), "the one is copied into the other");
    memcpy(frames->cie, machine->cie, sizeof(frames->cie));
    frames->cie_length = offsetof(ThunkFrames, fde_length) - offsetof(ThunkFrames, cie_id);
    frames->fde_length = offsetof(ThunkFrames, terminator) - offsetof(ThunkFrames, fde_cie);
    frames->fde_cie = offsetof(ThunkFrames, fde_cie);
    frames->begin = (uintptr_t)chunk->code;
    frames->range = chunk->size;
}

ferry_code thunk_chunk_new(const ferry_allocator *allocator, ThunkTemplate *template, size_t size, ThunkChunk **chunk,
                           ferry_error *error) {
    const ThunkMachine *machine = thunk_machine();
    if (machine == NULL) return fail(error, FERRY_NO_CODE, "there are no thunks for this architecture");
    ThunkChunk *made = memory_new(allocator, sizeof(*made));
    if (made == NULL) return fail_out_of_memory(error, "thunks");
    ThunkTemplate used = *template;
    made->size = size;
    ferry_code code = map_chunk(&used, machine, made, error);
    if (code != FERRY_OK) {
        memory_release(allocator, made, sizeof(*made));
        return code;
    }
    write_frames(made, machine);
    __register_frame_info(&made->frames, made->unwind_object);
    *template = used;
    *chunk = made;
    return FERRY_OK;
}

void thunk_chunk_free(const ferry_allocator *allocator, ThunkChunk *chunk) {
    __deregister_frame_info(&chunk->frames);
    munmap(chunk->code, chunk->size);
    munmap(chunk->code + THUNK_SPAN, chunk->size);
    memory_release(allocator, chunk, sizeof(*chunk));
}
