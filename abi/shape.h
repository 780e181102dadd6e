/* abi/shape.h: what is left of a placement once everything that does not change the machine code is gone.
 *
 * Code is generated from a shape and from nothing else, so that equal shapes may share one code. `long`, `size_t`
 * and `void *` are one shape; so are a struct of two longs and a union that travels in the same two registers.
 *
 * Where the managed side keeps value i:
 *   slots     at byte 8 * source of the argument array
 *   pointers  behind element `source` of the argument array
 *
 * A shape has a direction. A downcall's code takes the values from the managed side to C and the result back; an
 * upcall's the other way round. The late shape of an upcall is what remains of it when only the result matters: what
 * answers once the closure has ended.
 *
 * A shape is plain memory without padding: two are equal when their bytes are.
 */
#ifndef FERRY_ABI_SHAPE_H
#define FERRY_ABI_SHAPE_H

#include <stddef.h>

#include "abi/place.h"
#include "ferry/binding.h"

typedef enum Direction { DOWNCALL, UPCALL, UPCALL_LATE } Direction;

/* What besides the placement decides about the code. */
typedef struct ShapeOptions {
    Direction direction;
    ferry_convention convention;
    bool capture_errno; /* DOWNCALL: after the last argument comes an `int *` for errno */
    bool keep_errno;    /* UPCALL: errno is after the handler what it was before */
    bool cursor;        /* UPCALL of a variadic signature without variadic arguments: after the last argument comes a
                           `ferry_cursor *` */
} ShapeOptions;

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

/* What is widened to what: of a downcall an argument to 32 bits and the result to its slot, of an upcall an argument to
 * its slot and the result to 32 bits. */
typedef struct ShapeValue {
    uint8_t mode;
    uint8_t extension; /* NONE where nothing has to be widened */
    uint8_t is_scalar; /* one piece of 1, 2, 4 or 8 bytes that travels as an integer, a float or a double does. Of an
                          argument also a struct that travels so; of the result only a scalar */
    uint8_t alignment_log2; /* of the value in managed memory: what a downcall may rely on, what an upcall must
                               provide; 0 where it makes no difference */
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
    uint32_t sources;      /* slots or pointers of all arguments, of an upcall (there is nothing behind them without a
                              cursor) and where the pointer for errno is found; else 0 */
    uint8_t direction;     /* Direction */
    uint8_t convention;    /* ferry_convention */
    uint8_t capture_errno;
    uint8_t keep_errno;
    uint8_t variadic; /* of a downcall: a call of a variadic function; of an upcall: it has a cursor */
    uint8_t hidden_result;
    uint8_t zero[2];
    uint32_t vector_count; /* of a variadic downcall; else 0 */
    uint64_t stack_size;
    ShapeValue result;
    ShapeValue values[]; /* value_count, then piece_count ShapePieces */
} Shape;

/* What two equal shapes have in common, and what they are stored and found by: their bytes from `value_count` on. */
static inline const void *shape_key(const Shape *shape, size_t *size) {
    *size = shape->bytes - offsetof(Shape, value_count);
    return &shape->value_count;
}

/* Memory of unknown origin, aligned to 8: is it one shape, complete, with all counts and indices in range? Then
 * shape_name, shape_key and shape_equal may be used on it. */
bool shape_is_sound(const void *bytes, size_t size);

/* The quality at which its code is as fast as it gets: FERRY_QUICK or FERRY_BETTER. */
ferry_quality shape_best_quality(const Shape *shape);

/* How many slots or pointers a value takes on the managed side. */
static inline uint32_t shape_sources(const Layout *layout, ferry_convention convention) {
    return convention == FERRY_SLOTS ? (uint32_t)(layout->size / 8 + (layout->size % 8 != 0)) : 1;
}

static inline const ShapePiece *shape_pieces(const Shape *shape) {
    return (const ShapePiece *)(const void *)(shape->values + shape->value_count);
}

/* shape.c. The shape is in arena; its name ("slots i64(i32,f64)", "upcall pointers f64(i32)") is for symbols, perf and
 * debuggers. */
MUST_USE ferry_code shape_of(const Placement *placement, const ShapeOptions *options, Arena *arena, const Shape **shape,
                             ferry_error *error);
bool shape_equal(const void *left, const void *right); /* a TableEqual */
size_t shape_name(const Shape *shape, char *buffer, size_t size);

#endif
