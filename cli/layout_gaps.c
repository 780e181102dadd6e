/* Holes between the members of a record, and the padding behind them. */
#include "cli/model.h"

bool member_extent(Model *model, const Layout *layout, size_t index, uint64_t *bits, int *status) {
    const Member *member = &type_strip(layout->type)->members[index];
    const Layout *inner;
    ferry_error error = {0};
    *bits = member->bits;
    if (member->is_bitfield) return true;
    if (layout_of(&model->layouts, member->type, &inner, &error) != FERRY_OK) {
        *status = complain_error(&error);
        return false;
    }
    *bits = 8 * inner->size;
    return true;
}

static void add_gap(Gaps *gaps, size_t before, uint64_t start, uint64_t end) {
    if (end <= start) return;
    gaps->list[gaps->count++] = (Gap){before, start, end - start};
}

bool layout_gaps(Model *model, Heap *heap, const Layout *layout, Gaps *gaps, int *status) {
    const Type *type = type_strip(layout->type);
    uint64_t end = 0; /* of what the members so far cover */
    *gaps = (Gaps){.list = heap_new(heap, (type->member_count + 1) * sizeof *gaps->list)};
    for (size_t i = 0; i < type->member_count; i++) {
        uint64_t bits, start = layout->member_offsets[i];
        if (!member_extent(model, layout, i, &bits, status)) return false;
        bool is_break = type->members[i].is_bitfield && bits == 0; /* `int : 0` covers nothing */
        if (is_break) continue;
        if (type->kind == FERRY_STRUCT) add_gap(gaps, i, end, start);
        if (start + bits > end) end = start + bits;
    }
    gaps->holes = gaps->count;
    for (size_t i = 0; i < gaps->count; i++) gaps->hole_bits += gaps->list[i].bits;
    add_gap(gaps, type->member_count, end, 8 * layout->size);
    if (gaps->count > gaps->holes) gaps->padding_bits = gaps->list[gaps->holes].bits;
    return true;
}
