/* layout.c: size, alignment and leaves of a type on a target.
 *
 * Structs follow the rules that gcc and clang share on every target whose bit-fields obey their declared type
 * (PCC_BITFIELD_TYPE_MATTERS in gcc's words):
 *   - a bit-field lies at the next free bit, unless it would then touch more units of its type's alignment than its
 *     type has; then it starts at the next multiple of that alignment
 *   - a named bit-field aligns the struct as its type would; an unnamed one does not
 *   - `int : 0` moves to the next multiple of its type's alignment
 *   - packed: alignment 1 unless the member itself says `aligned`, and bit-fields take the next free bit always
 */
#include "abi/layout.h"

#include "abi/layout_leaves.h"

/* A struct in the making; all in bits. */
typedef struct Record {
    LayoutTable *table;
    const Type *type;
    Layout *layout;
    uint64_t *offsets;
    uint64_t position; /* next free bit */
    uint64_t end;      /* of the furthest member */
    uint64_t alignment;
    uint64_t natural;
} Record;

void layout_table_open(LayoutTable *table, const Target *target, Arena *arena, const ferry_allocator *allocator) {
    *table = (LayoutTable){.target = target, .arena = arena, .table.allocator = allocator};
}

void layout_table_close(LayoutTable *table) {
    table_free(&table->table);
}

static uint64_t natural_alignment_of(const Target *target, const Type *type) {
    switch (type->kind) {
    case FERRY_POINTER: return target->pointer.alignment;
    case FERRY_VECTOR:
        return type->count < target->vector_alignment_limit ? type->count : target->vector_alignment_limit;
    default: return target->scalars[type->kind].alignment;
    }
}

/* The one part of an array or of an aligned typedef. */
static ferry_code set_part(Layout *layout, const Layout *part, Arena *scratch, ferry_error *error) {
    LayoutPart only = {.layout = part};
    layout->parts = arena_copy(scratch, &only, sizeof only);
    layout->part_count = 1;
    return layout->parts == NULL ? fail_out_of_memory(error, "a layout") : FERRY_OK;
}

static ferry_code too_large(ferry_error *error) {
    return fail(error, FERRY_TOO_LARGE, "a type of more than 2^60 bytes");
}

static ferry_code lay_scalar(LayoutTable *table, Layout *layout, LeafList *leaves, ferry_error *error) {
    const Type *type = layout->type->kind == FERRY_ENUM ? layout->type->base : layout->type;
    const Target *target = table->target;
    if (type->kind == FERRY_VECTOR) {
        const Type *element = type->base;
        ScalarRow row = target->scalars[element->kind];
        if (row.size == 0) {
            return fail(error, FERRY_UNSUPPORTED, "%s has no type %s", target->name, kind_spelling(element->kind));
        }
        if (row.size > type->count) {
            return fail(error, FERRY_INVALID, "vector_size %llu is smaller than its element %s",
                        (unsigned long long)type->count, kind_spelling(element->kind));
        }
        layout->size = type->count;
    } else if (type->kind == FERRY_POINTER) {
        layout->size = target->pointer.size;
    } else {
        layout->size = target->scalars[type->kind].size;
        if (layout->size == 0) {
            return fail(error, FERRY_UNSUPPORTED, "%s has no type %s", target->name, kind_spelling(type->kind));
        }
    }
    layout->alignment = natural_alignment_of(target, type);
    layout->natural_alignment = layout->alignment;
    return leaves_add_scalar(leaves, type, error);
}

static ferry_code lay_array(LayoutTable *table, Layout *layout, LeafList *leaves, ferry_error *error) {
    const Layout *element;
    TRY(layout_of(table, layout->type->base, &element, error));
    layout->alignment = element->alignment;
    layout->natural_alignment = element->natural_alignment;
    if (element->size % element->alignment != 0) {
        return fail(error, FERRY_INVALID, "an array's element has size %llu, no multiple of its alignment %llu",
                    (unsigned long long)element->size, (unsigned long long)element->alignment);
    }
    uint64_t count = layout->type->count;
    TRY(set_part(layout, element, leaves->scratch, error));
    if (count == FERRY_FLEXIBLE) return FERRY_OK;
    if (__builtin_mul_overflow(count, element->size, &layout->size) || layout->size > LAYOUT_SIZE_LIMIT) {
        return too_large(error);
    }
    layout->has_flexible_array = element->has_flexible_array && count != 0;
    if (element->leaf_count == 0 || layout->size > LAYOUT_LEAF_BYTES) return FERRY_OK;
    for (uint64_t i = 0; i < count; i++) {
        TRY(leaves_add_part(leaves, element, 8 * i * element->size, error));
    }
    return FERRY_OK;
}

static ferry_code lay_aligned(LayoutTable *table, Layout *layout, LeafList *leaves, ferry_error *error) {
    const Layout *base;
    TRY(layout_of(table, layout->type->base, &base, error));
    layout->size = base->size;
    layout->alignment = layout->type->alignment;
    layout->natural_alignment = base->natural_alignment;
    layout->has_flexible_array = base->has_flexible_array;
    layout->member_offsets = base->member_offsets;
    TRY(set_part(layout, base, leaves->scratch, error));
    if (!base->has_leaves) return FERRY_OK;
    return leaves_add_part(leaves, base, 0, error);
}

static uint64_t larger(uint64_t left, uint64_t right) {
    return left > right ? left : right;
}

static void place_at(Record *record, size_t index, uint64_t bits) {
    record->offsets[index] = record->position;
    record->end = larger(record->end, record->position + bits);
    record->position = record->type->kind == FERRY_UNION ? 0 : record->position + bits;
}

static ferry_code lay_bitfield(Record *record, const Member *member, const Layout *layout, size_t index,
                               ferry_error *error) {
    uint64_t type_bits = 8 * layout->size, type_alignment = 8 * layout->alignment;
    if (type_strip(member->type)->kind == FERRY_BOOL) type_bits = 1;
    if (member->bits > type_bits) {
        return fail(error, FERRY_INVALID, "bit-field %s has %u bits, its type %llu", member->name ? member->name : "",
                    member->bits, (unsigned long long)type_bits);
    }
    type_bits = 8 * layout->size;
    bool packed = member->packed || record->type->packed;
    if (member->alignment != 0) record->position = round_up(record->position, 8 * member->alignment);
    if (member->bits == 0) {
        record->position = round_up(record->position, type_alignment);
    } else if (!packed) {
        uint64_t units = (record->position % type_alignment + member->bits + type_alignment - 1) / type_alignment;
        if (units > type_bits / type_alignment) record->position = round_up(record->position, type_alignment);
    }
    if (member->name != NULL) {
        record->alignment = larger(record->alignment, larger(packed ? 1 : layout->alignment, member->alignment));
        record->natural = larger(record->natural, packed ? 1 : layout->natural_alignment);
    }
    place_at(record, index, member->bits);
    return FERRY_OK;
}

static ferry_code lay_member(Record *record, const Member *member, const Layout *layout, size_t index,
                             ferry_error *error) {
    bool packed = member->packed || record->type->packed;
    uint64_t alignment = larger(packed ? 1 : layout->alignment, member->alignment);
    record->alignment = larger(record->alignment, alignment);
    record->natural = larger(record->natural, packed ? 1 : layout->natural_alignment);
    record->position = round_up(record->position, 8 * alignment);
    if (record->position / 8 + layout->size > LAYOUT_SIZE_LIMIT) return too_large(error);
    bool last = record->type->kind == FERRY_UNION || index + 1 == record->type->member_count;
    bool is_flexible =
        type_strip(member->type)->kind == FERRY_ARRAY && type_strip(member->type)->count == FERRY_FLEXIBLE;
    if (last && (is_flexible || layout->has_flexible_array)) record->layout->has_flexible_array = true;
    place_at(record, index, 8 * layout->size);
    return FERRY_OK;
}

static ferry_code place_members(Record *record, ferry_error *error) {
    for (size_t i = 0; i < record->type->member_count; i++) {
        const Member *member = &record->type->members[i];
        const Layout *layout;
        TRY(layout_of(record->table, member->type, &layout, error));
        if (member->is_bitfield) {
            TRY(lay_bitfield(record, member, layout, i, error));
        } else {
            TRY(lay_member(record, member, layout, i, error));
        }
    }
    return FERRY_OK;
}

static ferry_code collect_part(const Record *record, size_t index, LayoutPart *part, LeafList *leaves,
                               ferry_error *error) {
    const Member *member = &record->type->members[index];
    *part = (LayoutPart){.bit_offset = record->offsets[index],
                         .bits = member->bits,
                         .is_bitfield = member->is_bitfield,
                         .unnamed = member->is_bitfield && member->name == NULL};
    TRY(layout_of(record->table, member->type, &part->layout, error));
    if (member->is_bitfield) return leaves_add_bitfield(leaves, member, part->bit_offset, error);
    return leaves_add_part(leaves, part->layout, part->bit_offset, error);
}

static ferry_code collect_parts(const Record *record, LeafList *leaves, ferry_error *error) {
    size_t count = record->type->member_count;
    LayoutPart *parts = arena_array(leaves->scratch, count, sizeof *parts);
    if (parts == NULL) return fail_out_of_memory(error, "the layout of a struct");
    for (size_t i = 0; i < count; i++) TRY(collect_part(record, i, &parts[i], leaves, error));
    record->layout->parts = parts;
    record->layout->part_count = count;
    return FERRY_OK;
}

static ferry_code lay_record(LayoutTable *table, Layout *layout, LeafList *leaves, ferry_error *error) {
    const Type *type = layout->type;
    Record record = {.table = table, .type = type, .layout = layout, .alignment = 1, .natural = 1};
    record.offsets = arena_array(leaves->scratch, type->member_count, sizeof *record.offsets);
    if (record.offsets == NULL) return fail_out_of_memory(error, "the layout of a struct");
    TRY(place_members(&record, error));
    layout->alignment = larger(record.alignment, type->alignment);
    layout->natural_alignment = record.natural;
    layout->member_offsets = record.offsets;
    layout->size = round_up((record.end + 7) / 8, layout->alignment);
    /* `int : 0` at the end of a struct lengthens it too. */
    if (type->kind == FERRY_STRUCT) {
        layout->size = larger(layout->size, round_up((record.position + 7) / 8, layout->alignment));
    }
    if (layout->size > LAYOUT_SIZE_LIMIT) return too_large(error);
    return layout->size > LAYOUT_LEAF_BYTES ? FERRY_OK : collect_parts(&record, leaves, error);
}

static ferry_code lay(LayoutTable *table, Layout *layout, LeafList *leaves, ferry_error *error) {
    switch (layout->type->kind) {
    case FERRY_VOID: return fail(error, FERRY_INVALID, "void has no size");
    case FERRY_FUNCTION: return fail(error, FERRY_INVALID, "a function has no size; a pointer to it has");
    case FERRY_ARRAY: return lay_array(table, layout, leaves, error);
    case FERRY_ALIGNED: return lay_aligned(table, layout, leaves, error);
    case FERRY_STRUCT:
    case FERRY_UNION:
        if (!layout->type->complete) {
            return fail(error, FERRY_INCOMPLETE, "%s %s is incomplete",
                        layout->type->kind == FERRY_UNION ? "union" : "struct", layout->type->name);
        }
        return lay_record(table, layout, leaves, error);
    default: return lay_scalar(table, layout, leaves, error);
    }
}

/* What a failure leaves in the table's arena stays there: nothing goes in before nothing but memory can be missing. */
static ferry_code keep(LayoutTable *table, LeafList *leaves, Layout *layout, ferry_error *error) {
    bool own_offsets = layout->type->kind == FERRY_STRUCT || layout->type->kind == FERRY_UNION;
    size_t offset_bytes = layout->type->member_count * sizeof *layout->member_offsets;
    size_t part_bytes = layout->part_count * sizeof *layout->parts;
    if (layout->size <= LAYOUT_LEAF_BYTES) TRY(leaves_finish(leaves, table->arena, layout, error));
    if (own_offsets) layout->member_offsets = arena_copy(table->arena, layout->member_offsets, offset_bytes);
    if (layout->part_count != 0) layout->parts = arena_copy(table->arena, layout->parts, part_bytes);
    bool kept = (!own_offsets || layout->member_offsets != NULL) && (part_bytes == 0 || layout->parts != NULL);
    return kept ? FERRY_OK : fail_out_of_memory(error, "a layout");
}

static bool layout_equal(const void *value, const void *key) {
    return ((const Layout *)value)->type == key;
}

ferry_code layout_of(LayoutTable *table, const Type *type, const Layout **layout, ferry_error *error) {
    uint64_t hash = hash_number(0, type->id);
    const Layout *known = table_find(&table->table, hash, layout_equal, type);
    if (known == NULL) {
        Layout made = {.type = type};
        Arena scratch = {.allocator = table->table.allocator};
        LeafList leaves = {.allocator = table->table.allocator, .target = table->target, .scratch = &scratch};
        ferry_code code = lay(table, &made, &leaves, error);
        if (code == FERRY_OK) code = keep(table, &leaves, &made, error);
        leaves_free(&leaves);
        arena_free(&scratch);
        TRY(code);
        if (!table_reserve(&table->table)) return fail_out_of_memory(error, "the table of layouts");
        known = arena_copy(table->arena, &made, sizeof made);
        if (known == NULL) return fail_out_of_memory(error, "a layout");
        table_insert(&table->table, hash, known);
    }
    *layout = known;
    return FERRY_OK;
}
