/* trampolines/slab.c: cells for code of one size class, under one unwind table. */
#include <string.h>
#include <unistd.h>

#include "trampolines/parts.h"

/* libgcc's, part of its ABI. Unlike __register_frame they allocate nothing. */
void __register_frame_info(const void *section, void *object);
void *__deregister_frame_info(const void *section);

/* A blob goes to the first row that has room for its code and for its FDE. The FDEs of most trampolines take 24 bytes;
 * of those that push many arguments 32 to 80. */
static const SlabKind kinds[] = {
    {.cell_size = 32, .frame_size = 24},    {.cell_size = 64, .frame_size = 24},
    {.cell_size = 96, .frame_size = 24},    {.cell_size = 128, .frame_size = 32},
    {.cell_size = 160, .frame_size = 56},   {.cell_size = 224, .frame_size = 80},
    {.cell_size = 320, .frame_size = 88},   {.cell_size = 448, .frame_size = 96},
    {.cell_size = 640, .frame_size = 96},   {.cell_size = 1024, .frame_size = 128},
    {.cell_size = 2048, .frame_size = 128}, {.cell_size = 4096, .frame_size = 256},
};

/* The first slab of a kind is small, and each further one twice as large up to a limit. */
enum { FIRST_SLAB_SIZE = 4 * 1024, LARGEST_SLAB_SIZE = 64 * 1024 };
enum { CIE_ALIGNMENT = 8, CELL_ALIGNMENT = 16, TERMINATOR_SIZE = 4 };

ferry_code slab_kind_for(const Blob *blob, const Unwind *unwind, SlabKind *kind, ferry_error *error) {
    const char *name = blob->name ? blob->name : "";
    uint32_t frame_size = unwind_frame_size(unwind);
    if (blob->code == NULL || blob->code_size == 0) return fail(error, FERRY_INVALID, "blob '%s' has no code", name);
    if (blob->code_size > BLOB_SIZE_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "blob '%s': code of %zu bytes, over the limit of %d", name, blob->code_size,
                    BLOB_SIZE_LIMIT);
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        *kind = kinds[i];
        if (blob->code_size <= kind->cell_size && frame_size <= kind->frame_size) return FERRY_OK;
    }
    kind->cell_size = (uint32_t)round_up(blob->code_size, CELL_ALIGNMENT);
    kind->frame_size = (uint32_t)round_up(frame_size, CIE_ALIGNMENT);
    kind->single = true;
    return FERRY_OK;
}

size_t slab_bytes(const SlabKind *kind, size_t earlier) {
    if (kind->single) return 0;
    size_t size = (size_t)FIRST_SLAB_SIZE << (earlier < 8 ? earlier : 8);
    return size < LARGEST_SLAB_SIZE ? size : LARGEST_SLAB_SIZE;
}

static void put(uint8_t *at, uint32_t value) {
    memcpy(at, &value, sizeof(value));
}

/* Behind the CIE, whose last instruction may be followed by no-operations (zeros). */
static void write_cie(const Slab *slab, const Unwind *unwind) {
    memcpy(slab->pages.writable, unwind->cie, unwind->cie_size);
    put(slab->pages.writable, slab->frames_at - 4);
}

static void write_frame(const Slab *slab, uint32_t index) {
    uint32_t at = slab->frames_at + index * slab->kind.frame_size;
    uint32_t cell = slab->cells_at + index * slab->kind.cell_size;
    uint8_t *frame = slab->pages.writable + at;
    put(frame, slab->kind.frame_size - 4);
    put(frame + 4, at + 4);
    put(frame + 8, cell - (at + 8));
    put(frame + 12, slab->kind.cell_size);
}

static void lay_out(Slab *slab, const SlabKind *kind, const Unwind *unwind, uint32_t count) {
    slab->kind = *kind;
    slab->count = count;
    slab->cie_size = unwind->cie_size;
    slab->frames_at = (uint32_t)round_up(unwind->cie_size, CIE_ALIGNMENT);
    slab->cells_at = (uint32_t)round_up(slab->frames_at + count * kind->frame_size + TERMINATOR_SIZE, CELL_ALIGNMENT);
    slab->process = getpid();
    slab->life = process_life();
}

static uint32_t cells_in(const SlabKind *kind, const Unwind *unwind, size_t bytes) {
    size_t overhead = round_up(unwind->cie_size, CIE_ALIGNMENT) + TERMINATOR_SIZE + CELL_ALIGNMENT;
    size_t cell = kind->cell_size + kind->frame_size;
    return bytes < overhead + cell ? 1 : (uint32_t)((bytes - overhead) / cell);
}

ferry_code slab_new(const ferry_allocator *allocator, const SlabKind *kind, const Unwind *unwind, size_t bytes,
                    bool debuggable, Slab **slab, ferry_error *error) {
    uint32_t count = cells_in(kind, unwind, bytes);
    Slab *made = memory_new(allocator, sizeof(*made) + count * sizeof(made->free_cells[0]));
    if (made == NULL) return fail_out_of_memory(error, "a code slab");
    lay_out(made, kind, unwind, count);
    size_t size = made->cells_at + (size_t)count * kind->cell_size;
    ferry_code code = pages_map(size, debuggable, &made->pages, error);
    if (code != FERRY_OK) {
        memory_release(allocator, made, sizeof(*made) + count * sizeof(made->free_cells[0]));
        return code;
    }
    write_cie(made, unwind);
    for (uint32_t i = 0; i < count; i++) write_frame(made, i);
    __register_frame_info(made->pages.executable, made->unwind_object);
    *slab = made;
    return FERRY_OK;
}

void slab_free(const ferry_allocator *allocator, Slab *slab) {
    __deregister_frame_info(slab->pages.executable);
    pages_unmap(&slab->pages);
    memory_release(allocator, slab, sizeof(*slab) + slab->count * sizeof(slab->free_cells[0]));
}

static bool is_of(const Slab *slab, const SlabKind *kind, const uint8_t *cie, uint32_t cie_size) {
    return !slab->kind.single && !kind->single && slab->kind.cell_size == kind->cell_size &&
           slab->kind.frame_size == kind->frame_size && slab->cie_size == cie_size &&
           memcmp(slab->pages.executable + 4, cie + 4, cie_size - 4) == 0;
}

bool slab_is_of(const Slab *slab, const SlabKind *kind, const Unwind *unwind) {
    return is_of(slab, kind, unwind->cie, unwind->cie_size);
}

bool slab_is_same_kind(const Slab *left, const Slab *right) {
    return is_of(left, &right->kind, right->pages.executable, right->cie_size);
}

bool slab_is_mine(const Slab *slab) {
    return slab->process == getpid() && slab->life == process_life();
}

bool slab_has_room(const Slab *slab) {
    return slab->free_count != 0 || slab->fresh < slab->count;
}

uint32_t slab_take(Slab *slab) {
    slab->live++;
    return slab->free_count != 0 ? slab->free_cells[--slab->free_count] : slab->fresh++;
}

void slab_give(Slab *slab, uint32_t cell, bool reusable) {
    slab->live--;
    if (!reusable) return;
    pages_forget(&slab->pages, slab->cells_at + (size_t)cell * slab->kind.cell_size, slab->kind.cell_size);
    slab->free_cells[slab->free_count++] = cell;
}

static bool shows(const Pages *pages, size_t at, size_t size) {
    return !pages->debuggable || memcmp(pages->executable + at, pages->writable + at, size) == 0;
}

const uint8_t *slab_fill(Slab *slab, uint32_t cell, const Blob *blob, const Unwind *unwind) {
    size_t frame_at = slab->frames_at + (size_t)cell * slab->kind.frame_size;
    size_t cell_at = slab->cells_at + (size_t)cell * slab->kind.cell_size;
    uint8_t *program = slab->pages.writable + frame_at + FDE_FIXED_SIZE;
    memset(program, 0, slab->kind.frame_size - FDE_FIXED_SIZE);
    memcpy(program, unwind->program, unwind->program_size);
    memcpy(slab->pages.writable + cell_at, blob->code, blob->code_size);
    pages_written(&slab->pages, cell_at, blob->code_size);
    slab->stale =
        !shows(&slab->pages, frame_at, slab->kind.frame_size) || !shows(&slab->pages, cell_at, blob->code_size);
    return slab->stale ? NULL : slab->pages.executable + cell_at;
}
