/* layout_leaves.c: the scalars inside a type, nesting flattened. */
#include "abi/layout_leaves.h"

#include <stdlib.h>
#include <string.h>

/* A union can hold endlessly many different scalars in 64 bytes; nobody means that. */
#define LEAF_LIMIT 4096

static bool leaf_equal(const Leaf *left, const Leaf *right) {
    return left->bit_offset == right->bit_offset && left->bits == right->bits && left->type == right->type &&
           left->is_bitfield == right->is_bitfield && left->unnamed == right->unnamed;
}

static ferry_code grow(LeafList *list, ferry_error *error) {
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    Leaf *leaves = memory_new(list->allocator, capacity * sizeof *leaves);
    if (leaves == NULL) return fail_out_of_memory(error, "the leaves of a type");
    if (list->count != 0) memcpy(leaves, list->leaves, list->count * sizeof *leaves);
    memory_release(list->allocator, list->leaves, list->capacity * sizeof *leaves);
    list->leaves = leaves;
    list->capacity = capacity;
    return FERRY_OK;
}

static ferry_code add(LeafList *list, Leaf leaf, ferry_error *error) {
    for (size_t i = list->count; i-- > 0;) {
        if (leaf_equal(&list->leaves[i], &leaf)) return FERRY_OK;
    }
    if (list->count == LEAF_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "a type has more than %d different scalars in %d bytes", LEAF_LIMIT,
                    LAYOUT_LEAF_BYTES);
    }
    if (list->count == list->capacity) TRY(grow(list, error));
    list->leaves[list->count++] = leaf;
    return FERRY_OK;
}

ferry_code leaves_add_scalar(LeafList *list, const Type *type, ferry_error *error) {
    const Type *scalar = type->kind == FERRY_ENUM ? type->base : type;
    Leaf leaf = {.kind = scalar->kind, .type = scalar};
    if (kind_is_complex(scalar->kind)) {
        leaf.kind = kind_of_complex_part(scalar->kind);
        leaf.bits = 8U * list->target->scalars[leaf.kind].size;
        TRY(add(list, leaf, error));
        leaf.bit_offset = leaf.bits;
    } else if (scalar->kind == FERRY_VECTOR) {
        leaf.bits = (uint32_t)(8 * scalar->count);
    } else if (scalar->kind == FERRY_POINTER) {
        leaf.bits = 8U * list->target->pointer.size;
    } else {
        leaf.bits = 8U * list->target->scalars[scalar->kind].size;
    }
    return add(list, leaf, error);
}

ferry_code leaves_add_bitfield(LeafList *list, const Member *member, uint64_t bit_offset, ferry_error *error) {
    const Type *type = type_strip(member->type);
    if (type->kind == FERRY_ENUM) type = type->base;
    Leaf leaf = {.bit_offset = (uint32_t)bit_offset,
                 .bits = member->bits,
                 .kind = type->kind,
                 .type = type,
                 .is_bitfield = true,
                 .unnamed = member->name == NULL};
    return member->bits == 0 ? FERRY_OK : add(list, leaf, error);
}

ferry_code leaves_add_part(LeafList *list, const Layout *part, uint64_t bit_offset, ferry_error *error) {
    for (size_t i = 0; i < part->leaf_count; i++) {
        Leaf leaf = part->leaves[i];
        leaf.bit_offset += (uint32_t)bit_offset;
        TRY(add(list, leaf, error));
    }
    return FERRY_OK;
}

static int compare(const void *left_leaf, const void *right_leaf) {
    const Leaf *left = left_leaf, *right = right_leaf;
    if (left->bit_offset != right->bit_offset) return left->bit_offset < right->bit_offset ? -1 : 1;
    if (left->bits != right->bits) return left->bits < right->bits ? -1 : 1;
    if (left->type->id != right->type->id) return left->type->id < right->type->id ? -1 : 1;
    return (int)left->is_bitfield * 2 + (int)left->unnamed - ((int)right->is_bitfield * 2 + (int)right->unnamed);
}

ferry_code leaves_finish(LeafList *list, Arena *arena, Layout *layout, ferry_error *error) {
    layout->has_leaves = true;
    layout->leaf_count = list->count;
    if (list->count == 0) return FERRY_OK;
    qsort(list->leaves, list->count, sizeof *list->leaves, compare);
    layout->leaves = arena_copy(arena, list->leaves, list->count * sizeof *list->leaves);
    return layout->leaves == NULL ? fail_out_of_memory(error, "the leaves of a type") : FERRY_OK;
}

void leaves_free(LeafList *list) {
    memory_release(list->allocator, list->leaves, list->capacity * sizeof *list->leaves);
    *list = (LeafList){0};
}
