/* shape.c: from a placement to what its machine code depends on. */
#include "abi/shape.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(ShapePiece) == 16, "no padding: shapes are compared as bytes");
_Static_assert(sizeof(ShapeValue) == 24, "no padding: shapes are compared as bytes");
_Static_assert(offsetof(Shape, values) % 8 == 0, "no padding: shapes are compared as bytes");
_Static_assert(offsetof(Shape, values) == offsetof(Shape, result) + sizeof(ShapeValue), "no padding");

static bool is_real_scalar(const Type *type) {
    ferry_kind kind = type_strip(type)->kind;
    return kind == FERRY_FLOAT || kind == FERRY_DOUBLE;
}

/* In a float register only the size matters: nothing but moves is done with what is there. */
static bool is_real(const PlacedValue *value, const Piece *piece) {
    if (value->mode != MODE_DIRECT) return false;
    return piece->on_stack ? is_real_scalar(value->type) : piece->bank != BANK_GENERAL;
}

/* Of the result only real scalars: they fill their slot, structs write their own bytes alone. */
static bool travels_as_scalar(const PlacedValue *value, bool result) {
    if (value->mode != MODE_DIRECT || value->piece_count != 1) return false;
    const Piece *piece = &value->pieces[0];
    bool is_scalar = (type_is_integral(value->type) && piece->size <= 8) || is_real_scalar(value->type);
    if (is_scalar || result || piece->on_stack) return is_scalar;
    uint32_t smallest = piece->bank == BANK_GENERAL ? 1 : 4;
    return piece->size >= smallest && piece->size <= 8 && is_power_of_two(piece->size);
}

/* Pieces of up to 8 bytes may lie anywhere, as far as the machine is concerned; only wider ones ask for alignment. */
static uint8_t relied_on_alignment(const PlacedValue *value, ferry_convention convention) {
    uint8_t alignment = (uint8_t)__builtin_ctzll(value->layout->alignment);
    if (value->mode == MODE_POINTER) return alignment;
    bool wide = false;
    for (size_t i = 0; i < value->piece_count; i++) wide = wide || value->pieces[i].size > 8;
    if (!wide) return 0;
    return convention == FERRY_SLOTS && alignment > 3 ? 3 : alignment;
}

/* Whatever an upcall keeps a value in is aligned to 8. Slots are to nothing more; a hidden result is C's memory. */
static uint8_t provided_alignment(const PlacedValue *value, ferry_convention convention, bool result) {
    uint8_t alignment = (uint8_t)__builtin_ctzll(value->layout->alignment);
    if (result && value->mode == MODE_POINTER) return 0;
    if (!result && convention == FERRY_SLOTS) return 0;
    return alignment > 3 ? alignment : 0;
}

/* Downcall: four bytes of an argument need no care; narrower ones are extended, and results fill their slot.
 * Upcall: the handler finds slots filled and behind pointers just the value; C relies on 32 bits of the result. */
static Extension needed_extension(const PlacedValue *value, const ShapeOptions *options, bool result) {
    uint64_t size = value->layout->size;
    if (options->direction == DOWNCALL) return result || size < 4 ? value->extension : EXTEND_NONE;
    if (result) return size < 4 ? value->extension : EXTEND_NONE;
    return options->convention == FERRY_SLOTS ? value->extension : EXTEND_NONE;
}

/* An int in a slot may as well be handed over with the whole slot: most signatures that differ in `int` and `long` are
 * then one shape. */
static bool takes_whole_slot(const Target *target, const PlacedValue *value, const ShapeOptions *options) {
    return target->int_upper_half_free && options->direction == DOWNCALL && options->convention == FERRY_SLOTS &&
           value->mode == MODE_DIRECT && value->layout->size == 4 && type_is_integral(value->type);
}

static ShapeValue shape_value(const PlacedValue *value, const ShapeOptions *options, bool result) {
    ShapeValue shaped = {.mode = (uint8_t)value->mode};
    bool upcall = options->direction != DOWNCALL;
    if (value->mode == MODE_IGNORED) return shaped;
    shaped.is_scalar = travels_as_scalar(value, result);
    if (!upcall || !result || value->mode != MODE_POINTER) shaped.size = value->layout->size;
    shaped.alignment_log2 = upcall ? provided_alignment(value, options->convention, result)
                                   : relied_on_alignment(value, options->convention);
    shaped.piece_count = value->piece_count;
    if (value->pieces[0].on_stack) shaped.stack_alignment_log2 = (uint8_t)__builtin_ctzll(value->stack_alignment);
    shaped.extension = (uint8_t)needed_extension(value, options, result);
    return shaped;
}

/* What a value is of which the caller's slot is taken as it is. */
static void widen(ShapeValue *shaped, ShapePiece *piece) {
    shaped->size = 8;
    shaped->extension = EXTEND_NONE;
    piece->size = 8;
}

static void add_pieces(Shape *shape, ShapeValue *shaped, const PlacedValue *value) {
    ShapePiece *pieces = (ShapePiece *)(void *)(shape->values + shape->value_count);
    shaped->first_piece = shape->piece_count;
    for (size_t i = 0; i < shaped->piece_count; i++) {
        const Piece *piece = &value->pieces[i];
        pieces[shape->piece_count++] = (ShapePiece){.on_stack = piece->on_stack,
                                                    .bank = (uint8_t)piece->bank,
                                                    .number = piece->number,
                                                    .is_real = is_real(value, piece),
                                                    .offset = piece->offset,
                                                    .size = piece->size,
                                                    .stack_offset = (uint32_t)piece->stack_offset};
    }
}

static Shape *new_shape(const Placement *placement, bool late, Arena *arena) {
    size_t values = 0, pieces = placement->result.piece_count;
    for (size_t i = 0; i < placement->count && !late; i++) {
        values += placement->values[i].mode != MODE_IGNORED;
        pieces += placement->values[i].piece_count;
    }
    size_t bytes = sizeof(Shape) + values * sizeof(ShapeValue) + pieces * sizeof(ShapePiece);
    Shape *shape = arena_new(arena, bytes);
    if (shape == NULL) return NULL;
    shape->bytes = (uint32_t)bytes;
    shape->value_count = (uint32_t)values;
    return shape;
}

static void fill_values(Shape *shape, const Placement *placement, const ShapeOptions *options) {
    ShapeValue *next = shape->values;
    for (size_t i = 0; i < placement->count; i++) {
        const PlacedValue *value = &placement->values[i];
        if (value->mode != MODE_IGNORED) {
            *next = shape_value(value, options, false);
            next->source = shape->sources;
            add_pieces(shape, next, value);
            if (takes_whole_slot(placement->target, value, options))
                widen(next, (ShapePiece *)(void *)(shape->values + shape->value_count) + next->first_piece);
            next++;
            if (!value->variadic) shape->fixed_values++;
        }
        shape->sources += shape_sources(value->layout, options->convention);
    }
    if (options->direction == DOWNCALL && !options->capture_errno) shape->sources = 0;
    if (options->direction == UPCALL) shape->fixed_values = shape->value_count;
    shape->stack_size = placement->stack_size;
}

ferry_code shape_of(const Placement *placement, const ShapeOptions *options, Arena *arena, const Shape **shape,
                    ferry_error *error) {
    bool late = options->direction == UPCALL_LATE;
    Shape *made = new_shape(placement, late, arena);
    if (made == NULL) return fail_out_of_memory(error, "a shape");
    made->direction = (uint8_t)options->direction;
    made->convention = late ? FERRY_SLOTS : (uint8_t)options->convention;
    made->capture_errno = options->capture_errno;
    made->keep_errno = options->keep_errno && !late;
    made->variadic = options->direction == DOWNCALL ? placement->signature->variadic : options->cursor && !late;
    made->hidden_result = placement->hidden_result;
    if (options->direction == DOWNCALL) made->vector_count = placement->vector_count;
    made->result = shape_value(&placement->result, options, true);
    add_pieces(made, &made->result, &placement->result);
    if (!late) fill_values(made, placement, options);
    const char *from = (const char *)&made->value_count;
    made->hash = hash_bytes(0, from, made->bytes - (size_t)(from - (const char *)made));
    *shape = made;
    return FERRY_OK;
}

bool shape_equal(const void *left_shape, const void *right_shape) {
    const Shape *left = left_shape, *right = right_shape;
    size_t start = offsetof(Shape, value_count);
    return left->bytes == right->bytes &&
           memcmp((const char *)left + start, (const char *)right + start, left->bytes - start) == 0;
}

/* ---- shapes from elsewhere ---- */

static bool is_value_sound(const Shape *shape, const ShapeValue *value) {
    return value->mode <= MODE_POINTER && value->extension <= EXTEND_SIGN && value->piece_count <= PIECE_LIMIT &&
           (value->piece_count != 0) == (value->mode != MODE_IGNORED) && value->alignment_log2 < 32 &&
           value->stack_alignment_log2 < 32 && value->first_piece <= shape->piece_count &&
           value->piece_count <= shape->piece_count - value->first_piece;
}

static bool are_enums_sound(const Shape *shape) {
    return shape->direction <= UPCALL_LATE && shape->convention <= FERRY_POINTERS && shape->capture_errno <= 1 &&
           shape->keep_errno <= 1 && shape->variadic <= 1 && shape->hidden_result <= 1;
}

bool shape_is_sound(const void *bytes, size_t size) {
    const Shape *shape = bytes;
    if (size < sizeof *shape || shape->bytes != size || !are_enums_sound(shape)) return false;
    uint64_t needed = sizeof *shape + (uint64_t)shape->value_count * sizeof(ShapeValue) +
                      (uint64_t)shape->piece_count * sizeof(ShapePiece);
    if (needed != size || shape->fixed_values > shape->value_count || !is_value_sound(shape, &shape->result))
        return false;
    for (uint32_t i = 0; i < shape->value_count; i++) {
        if (!is_value_sound(shape, &shape->values[i])) return false;
    }
    for (uint32_t i = 0; i < shape->piece_count; i++) {
        if (shape_pieces(shape)[i].bank >= BANK_COUNT) return false;
    }
    return true;
}

/* LLVM's quick code generator takes every word of the stack through a register of its own, and every branch through
 * memory; elsewhere its code is as fast. */
ferry_quality shape_best_quality(const Shape *shape) {
    bool has_branches = shape->direction == UPCALL && shape->variadic;
    return has_branches || shape->stack_size > 8 ? FERRY_BETTER : FERRY_QUICK;
}

/* ---- names ---- */

/* Writes as snprintf does: counts what would have been there. */
typedef struct Writer {
    char *buffer;
    size_t size;
    size_t length;
} Writer;

static void put(Writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(Writer *writer, const char *format, ...) {
    bool room = writer->length < writer->size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room ? writer->buffer + writer->length : NULL, room ? writer->size - writer->length : 0,
                           format, arguments);
    va_end(arguments);
    if (length > 0) writer->length += (size_t)length;
}

static void put_piece(Writer *writer, const ShapeValue *value, const ShapePiece *piece) {
    if (piece->on_stack && !value->is_scalar) {
        put(writer, "mem%u", piece->size);
        if (value->stack_alignment_log2 > 3) put(writer, "a%u", 1U << value->stack_alignment_log2);
        return;
    }
    const char *letter = value->extension == EXTEND_ZERO ? "u" : "i";
    if (piece->is_real) letter = piece->bank == BANK_X87 ? "x87." : piece->size > 8 ? "v" : "f";
    put(writer, "%s%u", letter, 8 * piece->size);
}

static void put_value(Writer *writer, const Shape *shape, const ShapeValue *value) {
    if (value->mode == MODE_IGNORED) put(writer, "void");
    if (value->mode == MODE_POINTER) {
        put(writer, "hidden");
        if (value->size != 0) put(writer, "%llua%u", (unsigned long long)value->size, 1U << value->alignment_log2);
    }
    if (value->mode != MODE_DIRECT) return;
    if (value->piece_count > 1) put(writer, "{");
    for (uint32_t i = 0; i < value->piece_count; i++) {
        if (i != 0) put(writer, ",");
        put_piece(writer, value, &shape_pieces(shape)[value->first_piece + i]);
    }
    if (value->piece_count > 1) put(writer, "}");
}

size_t shape_name(const Shape *shape, char *buffer, size_t size) {
    Writer writer = {.buffer = buffer, .size = size};
    if (size != 0) buffer[0] = '\0';
    static const char *const directions[] = {[DOWNCALL] = "", [UPCALL] = "upcall ", [UPCALL_LATE] = "late "};
    put(&writer, "%s", directions[shape->direction]);
    if (shape->direction != UPCALL_LATE) put(&writer, shape->convention == FERRY_SLOTS ? "slots" : "pointers");
    if (shape->direction != UPCALL_LATE) put(&writer, "%s ", shape->capture_errno || shape->keep_errno ? "+errno" : "");
    put_value(&writer, shape, &shape->result);
    put(&writer, "(");
    for (uint32_t i = 0; i < shape->value_count; i++) {
        if (i != 0) put(&writer, ",");
        if (shape->variadic && i == shape->fixed_values) put(&writer, "...,");
        put_value(&writer, shape, &shape->values[i]);
    }
    bool open = shape->fixed_values == shape->value_count;
    if (shape->variadic && open) put(&writer, shape->direction == UPCALL && shape->value_count > 0 ? ",..." : "...");
    put(&writer, ")");
    return writer.length;
}
