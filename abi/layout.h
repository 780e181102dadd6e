/* abi/layout.h: where everything inside a type lies on a target.
 *
 *     struct { char a; struct { short b; int c : 5, d : 6; } e[2]; }
 *
 *     byte   0    1    2    3    4    5    6    7    8    9    10   11   12   ..
 *            a    pad  pad  pad  e[0].b    c,d       pad ...
 *     leaf   char@0    short@32   int:5@48   int:6@53   short@64 ...                 (bit offsets)
 *
 * Leaves are all scalars inside the type, nesting flattened; ABI files read leaves and never members, so that no
 * ABI can forget a nested offset. Equal leaves of a union's members are kept once. Where the compilers decide aggregate
 * by aggregate, in the order of the members (x86-64 System V), the parts of a type say more than its leaves.
 *
 * Invariants: alignment is a power of two; size % alignment == 0 unless the type is a scalar of an ALIGNED typedef;
 * every leaf: bit_offset + bits <= 8 * size; leaves are ordered by bit_offset.
 */
#ifndef FERRY_ABI_LAYOUT_H
#define FERRY_ABI_LAYOUT_H

#include "abi/target.h"

/* Beyond this size no ABI looks inside a type, and leaves are not kept. */
#define LAYOUT_LEAF_BYTES 64

/* Offsets are counted in bits, in 64 bits; no address space is larger. */
#define LAYOUT_SIZE_LIMIT (UINT64_C(1) << 60)

typedef struct Leaf {
    uint32_t bit_offset;
    uint32_t bits;    /* of a bit-field its width, else 8 * size */
    ferry_kind kind;  /* a scalar kind, FERRY_POINTER, or FERRY_VECTOR; complex numbers are two leaves */
    const Type *type; /* the declared type (enums by their underlying type; of a complex part the complex type) */
    bool is_bitfield;
    bool unnamed; /* an unnamed bit-field: not a value, but some compilers classify it */
} Leaf;

/* One level of what an aggregate is made of; the offset is from the start of the aggregate. */
typedef struct LayoutPart {
    const Layout *layout; /* of a bit-field: of its declared type */
    uint64_t bit_offset;
    uint32_t bits; /* width of a bit-field */
    bool is_bitfield;
    bool unnamed; /* an unnamed bit-field */
} LayoutPart;

struct Layout {
    const Type *type;
    uint64_t size;
    uint64_t alignment;
    uint64_t natural_alignment; /* as if no `aligned` attribute were written on the type or in it */
    const Leaf *leaves;         /* NULL beyond LAYOUT_LEAF_BYTES */
    size_t leaf_count;
    bool has_leaves;                /* false: too large to look inside */
    bool has_flexible_array;        /* at the end of the struct, or of its last member */
    const uint64_t *member_offsets; /* STRUCT, UNION: bits from the start, one for each member */
    const LayoutPart *parts;        /* STRUCT, UNION: the members; ARRAY, ALIGNED: the one element or base */
    size_t part_count;              /* of a STRUCT or UNION 0 beyond LAYOUT_LEAF_BYTES */
};

/* All layouts of one target that were asked for; each is made once. */
typedef struct LayoutTable {
    const Target *target;
    Arena *arena;
    Table table;
} LayoutTable;

/* layout.c. Fails for void, functions, incomplete types, kinds that the target lacks, and sizes beyond
 * LAYOUT_SIZE_LIMIT. A flexible array member has size 0. */
void layout_table_open(LayoutTable *table, const Target *target, Arena *arena, const ferry_allocator *allocator);
void layout_table_close(LayoutTable *table);
MUST_USE ferry_code layout_of(LayoutTable *table, const Type *type, const Layout **layout, ferry_error *error);

#endif
