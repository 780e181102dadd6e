/* budget.c: as many shapes as have room.
 *
 * What a function takes is known only once it is made, so all are made, and once more those that were chosen, unless
 * that is all of them:
 *
 *     .text           its code, up to a multiple of 16
 *     .eh_frame       its FDE: what its unwind table has beside the CIE, which all share, and the terminator
 *     .eh_frame_hdr   8 bytes, the linker's
 *     table           its entry and its distance
 */
#include <elf.h>
#include <string.h>

#include "prelude/prelude.h"

/* What all have in common: the table's header, the CIE, the search table's header, padding between sections. */
enum { COMMON_BYTES = 512, SEARCH_BYTES = 8, UNWIND_COMMON = 24 + 4 };

static size_t bytes_of(const AheadObject *object, size_t index) {
    return round_up(object->code_sizes[index], 16) + object->unwind_sizes[index] - UNWIND_COMMON + SEARCH_BYTES +
           sizeof(BundleEntry) + sizeof(int32_t);
}

static ferry_code make(Model *model, Loaded *loaded, const WantedList *list, AheadObject *object, ferry_error *error) {
    size_t count = 0;
    const Shape **shapes = arena_array(&model->arena, list->count, sizeof *shapes);
    if (shapes == NULL) return fail_out_of_memory(error, "the shapes");
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->chosen) shapes[count++] = list->items[i]->shape;
    }
    const AheadRequest request = {.target = model->target,
                                  .quality = FERRY_BETTER,
                                  .shapes = shapes,
                                  .count = count,
                                  .table_name = PRELUDE_SYMBOL,
                                  .table_hidden = true};
    return ahead_make(loaded, &request, &model->arena, object, error);
}

static size_t bytes_needed(const Wanted *wanted) {
    return wanted == NULL || wanted->chosen ? 0 : wanted->bytes;
}

/* How many more are chosen. */
static size_t take(Wanted *wanted) {
    if (wanted == NULL || wanted->chosen) return 0;
    wanted->chosen = true;
    return 1;
}

/* The first that has no room is the end: what is in a prelude is then one piece of the list. */
static size_t choose(const WantedList *list, size_t budget) {
    size_t used = COMMON_BYTES, count = 0;
    for (size_t i = 0; i < list->count; i++) list->items[i]->chosen = false;
    for (size_t i = 0; i < list->count; i++) {
        Wanted *wanted = list->items[i];
        /* A late shape stands in the list before the first that needs it, and comes with that one. */
        if (wanted->shape->direction == UPCALL_LATE) continue;
        used += bytes_needed(wanted) + bytes_needed(wanted->late);
        if (used > budget) break;
        count += take(wanted) + take(wanted->late);
    }
    return count;
}

ferry_code budget_make(Model *model, Loaded *loaded, WantedList *list, size_t budget, AheadObject *object,
                       ferry_error *error) {
    for (size_t i = 0; i < list->count; i++) list->items[i]->chosen = true;
    TRY(make(model, loaded, list, object, error));
    for (size_t i = 0; i < object->count; i++) {
        wanted_find(list, object->shapes[i])->bytes = bytes_of(object, i);
    }
    const size_t chosen = choose(list, budget);
    if (chosen == 0) return fail(error, FERRY_TOO_LARGE, "%zu bytes have room for no shape", budget);
    if (chosen != list->count) TRY(make(model, loaded, list, object, error));
    Bytes bytes;
    TRY(object_measure(object, &bytes, error));
    if (bytes_of_all(&bytes) <= budget) return FERRY_OK;
    return fail(error, FERRY_TOO_LARGE, "%zu shapes take %zu bytes, more than the %zu that were reckoned with",
                object->count, bytes_of_all(&bytes), budget);
}

/* ---- measuring ---- */

static void count_section(const Elf64_Shdr *section, const char *name, Bytes *bytes) {
    if ((section->sh_flags & SHF_ALLOC) == 0) return;
    const bool is_code = (section->sh_flags & SHF_EXECINSTR) != 0;
    size_t *part = is_code ? &bytes->code : strcmp(name, ".eh_frame") == 0 ? &bytes->unwind : &bytes->table;
    *part += round_up(section->sh_size, 16);
}

ferry_code object_measure(const AheadObject *object, Bytes *bytes, ferry_error *error) {
    *bytes = (Bytes){.search = SEARCH_BYTES * object->count};
    Elf64_Ehdr header;
    Elf64_Shdr section, names;
    if (object->size < sizeof header) return fail(error, FERRY_UNFIT, "the object is too short");
    memcpy(&header, object->bytes, sizeof header);
    const size_t room = object->size / sizeof section;
    const bool good = memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
                      header.e_shoff < object->size && header.e_shnum <= room && header.e_shstrndx < header.e_shnum &&
                      header.e_shnum * sizeof section <= object->size - header.e_shoff;
    if (!good) return fail(error, FERRY_UNFIT, "the object is no ELF file of 64 bits");
    memcpy(&names, object->bytes + header.e_shoff + header.e_shstrndx * sizeof names, sizeof names);
    for (size_t i = 0; i < header.e_shnum; i++) {
        memcpy(&section, object->bytes + header.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_name >= names.sh_size) return fail(error, FERRY_UNFIT, "section %zu has no name", i);
        count_section(&section, (const char *)object->bytes + names.sh_offset + section.sh_name, bytes);
    }
    return FERRY_OK;
}
