/* abi/shape.h: what is left of a placement once everything that does not change the machine code is gone.
 *
 * Code is generated from a shape and from nothing else, so that equal shapes may share one code. `long`, `size_t`
 * and `void *` are one shape; so are a struct of two longs and a union that travels in the same two registers.
 *
 * Where the managed side keeps value i:
 *   slots     at byte 8 * source of the argument array
 *   pointers  behind element `source` of the argument array
 *
 * A shape is plain memory without padding: two are equal when their bytes are.
 */
#ifndef FERRY_ABI_SHAPE_H
#define FERRY_ABI_SHAPE_H

#include "abi/place.h"
#include "ferry/binding.h"

/* One piece, as the code generator needs it. Registers follow from the order of the pieces; this is checked: the
 * registers of a placement are given out in order, per bank. */
typedef struct ShapePiece {
    uint8_t on_stack;
    uint8_t bank;
    uint8_t number;  /* of the register */
    uint8_t is_real; /* it travels, or on the stack would travel, as a floating-point number does */
    uint32_t offset; /* in the value */
    uint32_t size;
    uint32_t stack_offset;
} ShapePiece;

typedef struct ShapeValue {
    uint8_t mode;
    uint8_t extension;
    uint8_t is_scalar; /* one piece of 1, 2, 4 or 8 bytes that travels as an integer, a float or a double does. Of an
                          argument also a struct that travels so; of the result only a scalar */
    uint8_t
        alignment_log2; /* of the value in managed memory: what the code may rely on; 0 where it makes no difference */
    uint8_t stack_alignment_log2;
    uint8_t piece_count;
    uint8_t zero[2];
    uint32_t first_piece; /* index into the pieces */
    uint32_t source;      /* slot or pointer index; of the result 0 */
    uint64_t size;
} ShapeValue;

typedef struct Shape {
    uint64_t hash;
    uint32_t bytes;       /* of the whole, header included; equal shapes are equal from `value_count` on */
    uint32_t value_count; /* arguments, ignored ones left out */
    uint32_t piece_count;
    uint32_t fixed_values; /* of the value_count, before the `...` */
    uint32_t sources;      /* slots or pointers of all arguments: where the errno pointer is found */
    uint8_t convention;    /* ferry_convention */
    uint8_t capture_errno;
    uint8_t variadic;
    uint8_t hidden_result;
    uint32_t vector_count; /* of a variadic call; else 0 */
    uint32_t zero;
    uint64_t stack_size;
    ShapeValue result;
    ShapeValue values[]; /* value_count, then piece_count ShapePieces */
} Shape;

static inline const ShapePiece *shape_pieces(const Shape *shape) {
    return (const ShapePiece *)(const void *)(shape->values + shape->value_count);
}

/* shape.c. The shape is in arena; its name ("slots i64(i32,f64)") is for symbols, perf and debuggers. */
MUST_USE ferry_code shape_of(const Placement *placement, ferry_convention convention, bool capture_errno, Arena *arena,
                             const Shape **shape, ferry_error *error);
bool shape_equal(const void *left, const void *right); /* a TableEqual */
size_t shape_name(const Shape *shape, char *buffer, size_t size);

#endif
