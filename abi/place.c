/* place.c: the part of placing that every ABI shares: the walk over a signature, the books, the verification. */
#include "abi/place.h"

#include <string.h>

const char *piece_register(const Target *target, const Piece *piece) {
    const BankRow *bank = &target->banks[piece->bank];
    if (piece->size > 32 && bank->names64 != NULL) return bank->names64[piece->number];
    if (piece->size > 16 && bank->names32 != NULL) return bank->names32[piece->number];
    return bank->names[piece->number];
}

void placer_take(Placer *placer, PlacedValue *value, Bank bank, uint32_t offset, uint32_t size) {
    value->pieces[value->piece_count++] =
        (Piece){.bank = bank, .number = placer->used[bank]++, .offset = offset, .size = size};
}

ferry_code placer_on_stack(Placer *placer, PlacedValue *value, uint64_t alignment, ferry_error *error) {
    uint64_t offset = round_up(placer->stack, alignment);
    uint64_t size = value->mode == MODE_POINTER ? placer->target->pointer.size : value->layout->size;
    if (size > STACK_LIMIT || offset + size > STACK_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "an argument of %llu bytes does not fit the stack",
                    (unsigned long long)size);
    }
    value->pieces[0] = (Piece){.on_stack = true, .size = (uint32_t)size, .stack_offset = offset};
    value->piece_count = 1;
    value->stack_alignment = alignment;
    placer->stack = round_up(offset + size, placer->target->slot_size);
    if (alignment > placer->placement->stack_alignment) placer->placement->stack_alignment = alignment;
    return FERRY_OK;
}

/* What a value is before the ABI says where it goes. */
static ferry_code open_value(Placer *placer, PlacedValue *value, const Type *type, ferry_error *error) {
    value->type = type;
    value->pieces = arena_array(placer->arena, PIECE_LIMIT, sizeof *value->pieces);
    if (value->pieces == NULL) return fail_out_of_memory(error, "a placement");
    value->mode = MODE_DIRECT;
    TRY(layout_of(placer->layouts, type, &value->layout, error));
    if (type_is_integral(type) && value->layout->size < placer->target->slot_size) {
        value->extension = type_is_signed(placer->target, type) ? EXTEND_SIGN : EXTEND_ZERO;
    }
    return FERRY_OK;
}

static ferry_code place_result(Placer *placer, PlacedValue *result, const Type *type, ferry_error *error) {
    if (type_strip(type)->kind == FERRY_VOID) {
        *result = (PlacedValue){.type = type, .mode = MODE_IGNORED, .rule = "void"};
        return FERRY_OK;
    }
    ferry_code code = open_value(placer, result, type, error);
    if (code == FERRY_OK) code = placer->target->place_ret(placer, result, error);
    return code == FERRY_OK || code == FERRY_OUT_OF_MEMORY ? code : fail_within(error, code, "the result: ");
}

ferry_code placer_add(Placer *placer, PlacedValue *value, const Type *type, bool variadic, ferry_error *error) {
    value->variadic = variadic;
    TRY(open_value(placer, value, type, error));
    return placer->target->place_arg(placer, value, error);
}

static ferry_code place_arguments(Placer *placer, Placement *placement, ferry_error *error) {
    const Signature *signature = placement->signature;
    for (size_t i = 0; i < signature->count; i++) {
        bool variadic = i >= signature->fixed;
        ferry_code code = placer_add(placer, &placement->values[i], signature->parameters[i], variadic, error);
        if (code == FERRY_OUT_OF_MEMORY) return code;
        if (code != FERRY_OK) return fail_within(error, code, "parameter %zu: ", i + 1);
    }
    return FERRY_OK;
}

ferry_code place_signature(LayoutTable *layouts, Arena *arena, const Signature *signature, const Placement **placement,
                           ferry_error *error) {
    if (signature->variadic && !signature->of_call) {
        return fail(error, FERRY_INVALID,
                    "a call of a variadic function needs the types of its variadic arguments "
                    "(ferry_signature_of_call, or types after the `...`)");
    }
    Placement *made = arena_new(arena, sizeof *made);
    PlacedValue *values = arena_array(arena, signature->count, sizeof *values);
    if (made == NULL || values == NULL) return fail_out_of_memory(error, "a placement");
    *made = (Placement){.target = layouts->target,
                        .signature = signature,
                        .values = values,
                        .count = signature->count,
                        .stack_alignment = layouts->target->stack_alignment};
    Placer placer = {.target = layouts->target,
                     .layouts = layouts,
                     .placement = made,
                     .arena = arena,
                     .is_variadic_call = signature->variadic};
    TRY(place_result(&placer, &made->result, signature->result, error));
    TRY(place_arguments(&placer, made, error));
    made->general_used = placer.used[BANK_GENERAL];
    made->float_used = placer.used[BANK_FLOAT];
    made->vector_count = signature->variadic ? made->float_used : 0;
    made->stack_size = placer.stack;
    TRY(place_verify(made, error));
    *placement = made;
    return FERRY_OK;
}

/* What has been given out so far. */
typedef struct Ledger {
    const Target *target;
    uint64_t taken[BANK_COUNT];
    uint64_t stack_end;
} Ledger;

static ferry_code verify_register(Ledger *ledger, const Piece *piece, bool result, size_t index, ferry_error *error) {
    const BankRow *bank = &ledger->target->banks[piece->bank];
    bool known = false;
    for (size_t i = 0; i < bank->result_count && result; i++) known = known || bank->results[i] == piece->number;
    if (!result) known = piece->number < bank->arguments;
    if (!known) return fail(error, FERRY_UNSUPPORTED, "value %zu is placed in a register that carries none", index);
    uint64_t bit = UINT64_C(1) << piece->number;
    if (ledger->taken[piece->bank] & bit) {
        return fail(error, FERRY_UNSUPPORTED, "%s is given out twice (value %zu)",
                    piece_register(ledger->target, piece), index);
    }
    ledger->taken[piece->bank] |= bit;
    return FERRY_OK;
}

static ferry_code verify_stack(Ledger *ledger, const PlacedValue *value, const Piece *piece, size_t index,
                               ferry_error *error) {
    bool aligned = piece->stack_offset % ledger->target->slot_size == 0 &&
                   (value->stack_alignment == 0 || piece->stack_offset % value->stack_alignment == 0);
    if (!aligned || piece->stack_offset < ledger->stack_end) {
        return fail(error, FERRY_UNSUPPORTED, "value %zu is misplaced at stack offset %llu", index,
                    (unsigned long long)piece->stack_offset);
    }
    ledger->stack_end = piece->stack_offset + piece->size;
    return FERRY_OK;
}

/* Every byte of every leaf is in some piece; the pieces are in order, so one pass does. */
static bool covers(const PlacedValue *value, uint64_t first, uint64_t end) {
    for (size_t i = 0; i < value->piece_count && first < end; i++) {
        const Piece *piece = &value->pieces[i];
        if (piece->offset <= first && first < (uint64_t)piece->offset + piece->size) {
            first = (uint64_t)piece->offset + piece->size;
        }
    }
    return first >= end;
}

static ferry_code verify_cover(const PlacedValue *value, size_t index, ferry_error *error) {
    for (size_t i = 1; i < value->piece_count; i++) {
        if (value->pieces[i].offset < value->pieces[i - 1].offset + value->pieces[i - 1].size) {
            return fail(error, FERRY_UNSUPPORTED, "the pieces of value %zu overlap", index);
        }
    }
    if (!value->layout->has_leaves) {
        return covers(value, 0, value->layout->size)
                   ? FERRY_OK
                   : fail(error, FERRY_UNSUPPORTED, "a part of value %zu does not travel", index);
    }
    for (size_t i = 0; i < value->layout->leaf_count; i++) {
        const Leaf *leaf = &value->layout->leaves[i];
        if (!leaf->unnamed && !covers(value, leaf->bit_offset / 8, (leaf->bit_offset + leaf->bits + 7) / 8)) {
            return fail(error, FERRY_UNSUPPORTED, "byte %u of value %zu does not travel", leaf->bit_offset / 8, index);
        }
    }
    return FERRY_OK;
}

static ferry_code verify_value(Ledger *ledger, const PlacedValue *value, bool result, size_t index,
                               ferry_error *error) {
    for (size_t i = 0; i < value->piece_count; i++) {
        const Piece *piece = &value->pieces[i];
        if (piece->on_stack) {
            TRY(verify_stack(ledger, value, piece, index, error));
        } else {
            TRY(verify_register(ledger, piece, result && value->mode == MODE_DIRECT, index, error));
        }
    }
    return value->mode == MODE_DIRECT ? verify_cover(value, index, error) : FERRY_OK;
}

ferry_code place_verify(const Placement *placement, ferry_error *error) {
    Ledger results = {.target = placement->target};
    Ledger arguments = {.target = placement->target};
    bool hidden = placement->result.mode == MODE_POINTER;
    if (placement->hidden_result != hidden) return fail(error, FERRY_UNSUPPORTED, "the hidden result is not told");
    TRY(verify_value(hidden ? &arguments : &results, &placement->result, true, 0, error));
    for (size_t i = 0; i < placement->count; i++) {
        TRY(verify_value(&arguments, &placement->values[i], false, i + 1, error));
    }
    if (arguments.stack_end > placement->stack_size) {
        return fail(error, FERRY_UNSUPPORTED, "the argument area is too small for its arguments");
    }
    return FERRY_OK;
}
