/* slow_plan.c: a placement as libffi's types (System V x86-64 ABI of libffi 3.4).
 *
 * What is used of libffi, besides its scalars:
 *   - it stacks every struct with a long double in it, with the size and alignment that the ffi_type states. So
 *     STACKED is a struct whose one element is a long double, whatever the value's own size;
 *   - it returns a struct of up to two words in the registers that its elements' classes say.
 * Both are checked after ffi_prep_cif: its count of stack bytes must be the placement's. */
#include "runtime/slow.h"

#include <stdio.h>
#include <string.h>

#include "abi/type.h"

#define WORD              8
#define MAX_RESULT_PIECES 2

typedef struct Planner {
    const Placement *placement;
    Arena *arena;
    SlowPlan *plan;
    SlowArgument *arguments; /* the plan's, while they are written */
    ffi_type **types;        /* libffi's view; the hidden pointer first */
    size_t type_count;
    size_t fixed_types; /* those before the `...` */
    uint64_t stack;     /* bytes given out, counted as libffi does */
} Planner;

static ferry_code refuse(const Planner *planner, const PlacedValue *value, const char *why, ferry_error *error) {
    char type[128];
    char who[48] = "the result";
    type_spell(value->type, NULL, type, sizeof type);
    if (value != &planner->placement->result)
        snprintf(who, sizeof who, "parameter %td", value - planner->placement->values + 1);
    return fail(error, FERRY_UNSUPPORTED, "libffi cannot pass %s (%s) exactly: %s", who, type, why);
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

/* ---- arguments ---- */

static ferry_code add(Planner *planner, SlowArgument argument, ffi_type *type, ferry_error *error) {
    if (type == NULL) return fail_out_of_memory(error, "a libffi plan");
    planner->arguments[planner->plan->count++] = argument;
    planner->types[planner->type_count++] = type;
    return FERRY_OK;
}

static ferry_code add_stacked(Planner *planner, const PlacedValue *value, SlowArgument argument, ferry_error *error) {
    const Piece *piece = &value->pieces[0];
    uint64_t alignment = value->stack_alignment < WORD ? WORD : value->stack_alignment;
    uint64_t size = value->layout->size;
    if (alignment > 16) return refuse(planner, value, "it keeps the stack aligned to 16 only", error);
    if (size > SLOW_STACK_LIMIT) return refuse(planner, value, "larger than 1 MiB", error);
    /* A narrow integer fills its word on the stack as it does in a register. */
    if (value->extension != EXTEND_NONE && size < WORD) {
        argument.copied = planner->plan->pointers ? (uint8_t)size : 0;
        size = WORD;
    }
    planner->stack = round_up(planner->stack, alignment);
    if (value->piece_count != 1 || piece->offset != 0 || planner->stack != piece->stack_offset)
        return refuse(planner, value, "its rules put it elsewhere on the stack", error);
    planner->stack += size;
    return add(planner, argument, new_stacked(planner->arena, size, alignment), error);
}

static ferry_code add_piece(Planner *planner, const PlacedValue *value, const Piece *piece, SlowArgument argument,
                            ferry_error *error) {
    if (piece->size > WORD) return refuse(planner, value, "it fills more than 8 bytes of a vector register", error);
    argument.offset = piece->offset;
    argument.extension = (uint8_t)value->extension;
    /* Slots are whole words, so reading one whole reads nothing behind the value. */
    bool whole = piece->size == WORD || (!planner->plan->pointers && piece->offset % WORD == 0);
    argument.copied = whole ? 0 : (uint8_t)piece->size;
    return add(planner, argument, piece->bank == BANK_GENERAL ? &ffi_type_uint64 : &ffi_type_double, error);
}

static ferry_code add_value(Planner *planner, const PlacedValue *value, uint32_t source, ferry_error *error) {
    SlowArgument argument = {.source = source, .extension = (uint8_t)value->extension};
    if (value->mode == MODE_IGNORED) return FERRY_OK;
    if (value->mode == MODE_POINTER) return refuse(planner, value, "it goes by pointer to a copy", error);
    if (value->pieces[0].on_stack) return add_stacked(planner, value, argument, error);
    for (size_t i = 0; i < value->piece_count; i++) {
        if (value->pieces[i].on_stack) return refuse(planner, value, "half in registers, half on the stack", error);
        TRY(add_piece(planner, value, &value->pieces[i], argument, error));
    }
    return FERRY_OK;
}

static uint32_t sources_of(const PlacedValue *value, bool pointers) {
    return pointers ? 1 : (uint32_t)((value->layout->size + WORD - 1) / WORD);
}

static ferry_code add_values(Planner *planner, ferry_error *error) {
    const Placement *placement = planner->placement;
    SlowPlan *plan = planner->plan;
    for (size_t i = 0; i < placement->count; i++) {
        const PlacedValue *value = &placement->values[i];
        TRY(add_value(planner, value, plan->sources, error));
        plan->sources += sources_of(value, plan->pointers);
        if (!value->variadic) planner->fixed_types = planner->type_count;
        if (planner->stack > SLOW_STACK_LIMIT) return refuse(planner, value, "more than 1 MiB on the stack", error);
    }
    return FERRY_OK;
}

/* ---- the result ---- */

/* A hidden result is an argument like any other: a pointer in the first general register. The callee may rely on
 * the type's alignment, which slots do not give. */
static ferry_code plan_hidden(Planner *planner, ferry_error *error) {
    const PlacedValue *result = &planner->placement->result;
    SlowPlan *plan = planner->plan;
    plan->hidden_result = true;
    planner->types[planner->type_count++] = &ffi_type_pointer;
    planner->fixed_types = planner->type_count;
    if (plan->pointers || result->layout->alignment <= WORD) return FERRY_OK;
    if (result->layout->size > SLOW_STACK_LIMIT || result->layout->alignment > SLOW_STACK_LIMIT)
        return refuse(planner, result, "its aligned copy is larger than 1 MiB", error);
    plan->result_copy = (uint32_t)result->layout->size;
    plan->result_alignment = (uint32_t)result->layout->alignment;
    return FERRY_OK;
}

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

static ferry_code plan_result(Planner *planner, ffi_type **type, ferry_error *error) {
    const PlacedValue *result = &planner->placement->result;
    *type = &ffi_type_void;
    if (result->mode == MODE_IGNORED) return FERRY_OK;
    if (result->mode == MODE_POINTER) return plan_hidden(planner, error);
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

static ferry_code prepare(Planner *planner, ffi_type *result, ferry_error *error) {
    unsigned fixed = (unsigned)planner->fixed_types;
    unsigned count = (unsigned)planner->type_count;
    ffi_cif *cif = planner->plan->cif;
    ffi_status status = planner->placement->signature->variadic
                            ? ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, fixed, count, result, planner->types)
                            : ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, planner->types);
    if (status != FFI_OK)
        return fail(error, FERRY_UNSUPPORTED, "libffi refuses the signature (status %d)", (int)status);
    if (cif->bytes != round_up(planner->stack, WORD))
        return fail(error, FERRY_UNSUPPORTED, "libffi counts %u bytes on the stack, the target has %llu", cif->bytes,
                    (unsigned long long)planner->stack);
    return FERRY_OK;
}

static size_t most_pieces(const Placement *placement) {
    size_t pieces = 0;
    for (size_t i = 0; i < placement->count; i++) pieces += placement->values[i].piece_count;
    return pieces;
}

ferry_code slow_plan_make(const Placement *placement, ferry_convention convention, bool capture_errno, Arena *arena,
                          const SlowPlan **plan, ferry_error *error) {
    size_t pieces = most_pieces(placement);
    SlowPlan *made = arena_new(arena, sizeof *made);
    ffi_cif *cif = arena_new(arena, sizeof *cif);
    SlowArgument *arguments = arena_array(arena, pieces, sizeof *arguments);
    ffi_type **types = arena_array(arena, pieces + 1, sizeof(ffi_type *));
    if (made == NULL || cif == NULL || arguments == NULL || types == NULL)
        return fail_out_of_memory(error, "a libffi plan");
    *made = (SlowPlan){.cif = cif,
                       .arguments = arguments,
                       .pointers = convention == FERRY_POINTERS,
                       .capture_errno = capture_errno,
                       .result_alignment = 1};
    Planner planner = {.placement = placement, .arena = arena, .plan = made, .arguments = arguments, .types = types};
    ffi_type *result;
    TRY(plan_result(&planner, &result, error));
    TRY(add_values(&planner, error));
    TRY(prepare(&planner, result, error));
    *plan = made;
    return FERRY_OK;
}
