/* abi/layout_leaves.h: collecting the leaves of a type (private to layout*.c). */
#ifndef FERRY_ABI_LAYOUT_LEAVES_H
#define FERRY_ABI_LAYOUT_LEAVES_H

#include "abi/layout.h"

typedef struct LeafList {
    const ferry_allocator *allocator;
    const Target *target;
    Arena *scratch; /* for what else a layout is made of, until it is kept */
    Leaf *leaves;
    size_t count;
    size_t capacity;
} LeafList;

MUST_USE ferry_code leaves_add_scalar(LeafList *list, const Type *type, ferry_error *error);
MUST_USE ferry_code leaves_add_bitfield(LeafList *list, const Member *member, uint64_t bit_offset, ferry_error *error);
/* All leaves of a part that lies at bit_offset. */
MUST_USE ferry_code leaves_add_part(LeafList *list, const Layout *part, uint64_t bit_offset, ferry_error *error);
/* Sorts and moves them into the layout. */
MUST_USE ferry_code leaves_finish(LeafList *list, Arena *arena, Layout *layout, ferry_error *error);
void leaves_free(LeafList *list);

#endif
