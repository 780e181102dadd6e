/* slow_cif.c: a placement as libffi's types (System V x86-64 ABI of libffi 3.4).
 *
 * What is used of libffi, besides its scalars:
 *   - it stacks every struct with a long double in it, with the size and alignment that the ffi_type states. So
 *     STACKED is a struct whose one element is a long double, whatever the value's own size;
 *   - it returns a struct of up to two words in the registers that its elements' classes say.
 * Both are checked after ffi_prep_cif: its count of stack bytes must be the placement's.
 *
 * Upcalls differ in two things. The hidden pointer is returned as well; and the caller has aligned the stack already
 * for values that want more than 16, where libffi finds them, while it would not align it so itself. */
#include "runtime/slow.h"

#include <stdio.h>

#include "abi/type.h"

#define WORD              SLOW_WORD
#define MAX_RESULT_PIECES 2

typedef struct Planner {
    const Placement *placement;
    Arena *arena;
    Direction direction;
    ffi_type **types; /* libffi's view; the hidden pointer first */
    size_t type_count;
    size_t fixed_types; /* those before the `...` */
    uint64_t stack;     /* bytes given out, counted as libffi does */
} Planner;

ferry_code slow_refuse(const Placement *placement, const PlacedValue *value, const char *why, ferry_error *error) {
    char type[128];
    char who[48] = "the result";
    type_spell(value->type, NULL, type, sizeof type);
    if (value != &placement->result) snprintf(who, sizeof who, "parameter %td", value - placement->values + 1);
    return fail(error, FERRY_UNSUPPORTED, "libffi cannot pass %s (%s) exactly: %s", who, type, why);
}

static ferry_code refuse(const Planner *planner, const PlacedValue *value, const char *why, ferry_error *error) {
    return slow_refuse(planner->placement, value, why, error);
}

/* ---- types ---- */

/* A struct of that size and alignment whose elements (NULL at the end) are already in the arena. */
static ffi_type *new_struct(Arena *arena, uint64_t size, uint64_t alignment, ffi_type **elements) {
    ffi_type *type = arena_new(arena, sizeof *type);
    if (type == NULL || elements == NULL) return NULL;
    *type =
        (ffi_type){.size = size, .alignment = (unsigned short)alignment, .type = FFI_TYPE_STRUCT, .elements = elements};
    return type;
}

static ffi_type *new_stacked(Arena *arena, uint64_t size, uint64_t alignment) {
    ffi_type **elements = arena_array(arena, 2, sizeof(ffi_type *));
    if (elements != NULL) elements[0] = &ffi_type_longdouble;
    return new_struct(arena, size, alignment, elements);
}

static ferry_code add(Planner *planner, ffi_type *type, ferry_error *error) {
    if (type == NULL) return fail_out_of_memory(error, "a libffi plan");
    planner->types[planner->type_count++] = type;
    return FERRY_OK;
}

/* ---- arguments ---- */

/* What libffi can align: its types count alignments in 16 bits. */
static uint64_t alignment_limit(const Planner *planner) {
    return planner->direction == DOWNCALL ? 16 : 1 << 15;
}

static ferry_code add_stacked(Planner *planner, const PlacedValue *value, ferry_error *error) {
    const Piece *piece = &value->pieces[0];
    uint64_t alignment = value->stack_alignment < WORD ? WORD : value->stack_alignment;
    uint64_t size = value->layout->size;
    if (alignment > alignment_limit(planner)) {
        return refuse(planner, value,
                      planner->direction == DOWNCALL ? "it keeps the stack aligned to 16 only"
                                                     : "it finds nothing that is aligned to more than 32 KiB",
                      error);
    }
    if (size > SLOW_STACK_LIMIT) return refuse(planner, value, "larger than 1 MiB", error);
    /* A narrow integer fills its word on the stack as it does in a register. */
    if (value->extension != EXTEND_NONE && size < WORD) size = WORD;
    planner->stack = round_up(planner->stack, alignment);
    if (value->piece_count != 1 || piece->offset != 0 || planner->stack != piece->stack_offset)
        return refuse(planner, value, "its rules put it elsewhere on the stack", error);
    planner->stack += size;
    return add(planner, new_stacked(planner->arena, size, alignment), error);
}

static ferry_code add_piece(Planner *planner, const PlacedValue *value, const Piece *piece, ferry_error *error) {
    if (piece->on_stack) return refuse(planner, value, "half in registers, half on the stack", error);
    if (piece->size > WORD) return refuse(planner, value, "it fills more than 8 bytes of a vector register", error);
    return add(planner, piece->bank == BANK_GENERAL ? &ffi_type_uint64 : &ffi_type_double, error);
}

static ferry_code add_value(Planner *planner, const PlacedValue *value, ferry_error *error) {
    if (value->mode == MODE_IGNORED) return FERRY_OK;
    if (value->mode == MODE_POINTER) return refuse(planner, value, "it goes by pointer to a copy", error);
    if (value->pieces[0].on_stack) return add_stacked(planner, value, error);
    for (size_t i = 0; i < value->piece_count; i++) TRY(add_piece(planner, value, &value->pieces[i], error));
    return FERRY_OK;
}

static ferry_code add_values(Planner *planner, ferry_error *error) {
    const Placement *placement = planner->placement;
    for (size_t i = 0; i < placement->count; i++) {
        const PlacedValue *value = &placement->values[i];
        TRY(add_value(planner, value, error));
        if (!value->variadic) planner->fixed_types = planner->type_count;
        if (planner->stack > SLOW_STACK_LIMIT) return refuse(planner, value, "more than 1 MiB on the stack", error);
    }
    return FERRY_OK;
}

/* Everything that further arguments can be in. */
static ferry_code add_rest(Planner *planner, ferry_error *error) {
    const Placement *placement = planner->placement;
    const BankRow *banks = placement->target->banks;
    for (size_t i = placement->general_used; i < banks[BANK_GENERAL].arguments; i++)
        TRY(add(planner, &ffi_type_uint64, error));
    for (size_t i = placement->float_used; i < banks[BANK_FLOAT].arguments; i++)
        TRY(add(planner, &ffi_type_double, error));
    planner->stack = round_up(planner->stack, WORD) + WORD;
    return add(planner, new_stacked(planner->arena, WORD, WORD), error);
}

/* ---- the result ---- */

/* Rows: size in bytes; columns: as it is, or extended from its sign. */
static ffi_type *narrow_integer(uint64_t size, bool is_signed) {
    switch (size) {
    case 1: return is_signed ? &ffi_type_sint8 : &ffi_type_uint8;
    case 2: return is_signed ? &ffi_type_sint16 : &ffi_type_uint16;
    case 4: return is_signed ? &ffi_type_sint32 : &ffi_type_uint32;
    default: return &ffi_type_uint64;
    }
}

/* Up to two words, each in the next register of its bank. libffi gives rax and xmm0 to the first word of each kind
 * only when no word before it is empty and general. */
static ferry_code struct_result(Planner *planner, ffi_type **type, ferry_error *error) {
    const PlacedValue *result = &planner->placement->result;
    ffi_type **elements = arena_array(planner->arena, MAX_RESULT_PIECES + 1, sizeof(ffi_type *));
    if (elements == NULL) return fail_out_of_memory(error, "a libffi plan");
    for (size_t i = 0; i < result->piece_count; i++) {
        const Piece *piece = &result->pieces[i];
        if (piece->size > WORD)
            return refuse(planner, result, "it fills more than 8 bytes of a vector register", error);
        if (i == MAX_RESULT_PIECES || piece->offset != i * WORD)
            return refuse(planner, result, "a word before its last one is empty", error);
        elements[i] = piece->bank == BANK_GENERAL ? &ffi_type_uint64
                      : piece->size > 4           ? &ffi_type_double
                                                  : &ffi_type_float;
    }
    *type = new_struct(planner->arena, result->layout->size, 1, elements);
    return *type != NULL ? FERRY_OK : fail_out_of_memory(error, "a libffi plan");
}

/* A hidden result is an argument like any other: a pointer in the first general register. Its callee returns it. */
static ferry_code hidden_result(Planner *planner, ffi_type **type, ferry_error *error) {
    if (planner->direction != DOWNCALL) *type = &ffi_type_pointer;
    TRY(add(planner, &ffi_type_pointer, error));
    planner->fixed_types = planner->type_count;
    return FERRY_OK;
}

static ferry_code plan_result(Planner *planner, ffi_type **type, ferry_error *error) {
    const PlacedValue *result = &planner->placement->result;
    *type = &ffi_type_void;
    if (result->mode == MODE_IGNORED) return FERRY_OK;
    if (result->mode == MODE_POINTER) return hidden_result(planner, type, error);
    if (result->pieces[0].bank == BANK_X87) {
        *type = result->piece_count == 1 ? &ffi_type_longdouble : &ffi_type_complex_longdouble;
        return FERRY_OK;
    }
    if (type_is_integral(result->type) && result->layout->size <= WORD) {
        *type = narrow_integer(result->layout->size, type_is_signed(planner->placement->target, result->type));
        return FERRY_OK;
    }
    return struct_result(planner, type, error);
}

/* ---- the whole ---- */

static ferry_code prepare(Planner *planner, ffi_cif *cif, ffi_type *result, bool variadic, ferry_error *error) {
    unsigned fixed = (unsigned)planner->fixed_types;
    unsigned count = (unsigned)planner->type_count;
    ffi_status status = variadic ? ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, fixed, count, result, planner->types)
                                 : ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, planner->types);
    if (status != FFI_OK)
        return fail(error, FERRY_UNSUPPORTED, "libffi refuses the signature (status %d)", (int)status);
    if (cif->bytes != round_up(planner->stack, WORD))
        return fail(error, FERRY_UNSUPPORTED, "libffi counts %u bytes on the stack, the target has %llu", cif->bytes,
                    (unsigned long long)planner->stack);
    return FERRY_OK;
}

size_t slow_piece_count(const Placement *placement) {
    size_t pieces = 0;
    for (size_t i = 0; i < placement->count; i++) pieces += placement->values[i].piece_count;
    return pieces;
}

static size_t most_types(const Placement *placement, bool cursor) {
    const BankRow *banks = placement->target->banks;
    size_t rest = (size_t)banks[BANK_GENERAL].arguments + banks[BANK_FLOAT].arguments + 1;
    return 1 + slow_piece_count(placement) + (cursor ? rest : 0);
}

ferry_code slow_cif_make(const Placement *placement, Direction direction, bool cursor, Arena *arena, ffi_cif **cif,
                         ferry_error *error) {
    ffi_cif *made = arena_new(arena, sizeof *made);
    ffi_type **types = arena_array(arena, most_types(placement, cursor), sizeof(ffi_type *));
    ffi_type *result;
    if (made == NULL || types == NULL) return fail_out_of_memory(error, "a libffi plan");
    Planner planner = {.placement = placement, .arena = arena, .direction = direction, .types = types};
    TRY(plan_result(&planner, &result, error));
    TRY(add_values(&planner, error));
    if (cursor) TRY(add_rest(&planner, error));
    TRY(prepare(&planner, made, result, placement->signature->variadic && !cursor, error));
    *cif = made;
    return FERRY_OK;
}
