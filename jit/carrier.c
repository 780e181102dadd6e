#include "jit/carrier.h"

#include "jit/backend.h"

/* The types of float registers, by how many bytes travel; vectors of `words` 64-bit words. */
typedef struct FloatRow {
    LLVMTypeRef (*scalar)(LLVMContextRef);
    uint32_t size;
    unsigned words;
} FloatRow;

static const FloatRow float_rows[] = {
    {.size = 2, .scalar = LLVMHalfTypeInContext},
    {.size = 4, .scalar = LLVMFloatTypeInContext},
    {.size = 8, .scalar = LLVMDoubleTypeInContext},
    {.size = 16, .words = 2},
    {.size = 32, .words = 4},
    {.size = 64, .words = 8},
};

/* What LLVM has given out so far. */
typedef struct Plan {
    const Emit *emit;
    const Target *target;
    const Shape *shape;
    Carriers *carriers;
    uint8_t used[BANK_COUNT];
} Plan;

static LLVMTypeRef float_type(const Emit *emit, uint64_t size) {
    for (size_t i = 0; i < COUNT_OF(float_rows); i++) {
        const FloatRow *row = &float_rows[i];
        if (row->size == size)
            return row->scalar != NULL ? row->scalar(emit->context) : LLVMVectorType(emit->word, row->words);
    }
    return size < 8 ? LLVMDoubleTypeInContext(emit->context) : NULL;
}

static bool is_whole(uint64_t size) {
    return size >= 8 || size == 4 || size == 2;
}

/* Of an upcall: registers that are left over, and the stack. */
#define FURTHER_PARAMETERS (CURSOR_GENERAL_COUNT + CURSOR_FLOAT_COUNT + 1)

/* LLVM's quick code generator copies so much with plain moves, more with a call of its slower one. */
#define RUN_LIMIT 32

/* The trampoline's second parameter is in the second general register. */
#define ARGUMENTS_REGISTER 1

static bool is_upcall(const Plan *plan) {
    return plan->shape->direction != DOWNCALL;
}

static bool is_narrow(const ShapeValue *value) {
    return value->is_scalar && value->size <= 2;
}

/* A piece in a register of either direction: type stays NULL when LLVM has none for it. */
static Carrier in_register(const Plan *plan, const ShapeValue *value, const ShapePiece *piece) {
    Carrier carrier = {.way = WAY_SCALAR, .value = value, .offset = piece->offset, .size = piece->size};
    if (piece->bank == BANK_X87) {
        carrier.type = LLVMX86FP80TypeInContext(plan->emit->context);
    } else if (piece->bank == BANK_FLOAT) {
        carrier.type = float_type(plan->emit, piece->size);
        if (!is_whole(piece->size)) carrier.way = WAY_BITS;
    } else if (is_narrow(value)) {
        carrier.way = WAY_NARROW;
        carrier.type = LLVMInt32TypeInContext(plan->emit->context);
    } else if (value->is_scalar) {
        carrier.type = emit_integer(plan->emit, piece->size);
    } else if (piece->size <= 8) {
        carrier.type = plan->emit->word;
        if (piece->size < 8) carrier.way = WAY_BITS;
    }
    return carrier;
}

static bool general_exhausted(const Plan *plan) {
    return plan->used[BANK_GENERAL] == plan->target->banks[BANK_GENERAL].arguments;
}

static ferry_code add(Plan *plan, Carrier carrier) {
    plan->carriers->parameters[plan->carriers->count++] = carrier;
    return FERRY_OK;
}

static ferry_code take_register(Plan *plan, const ShapePiece *piece, ferry_error *error) {
    const BankRow *bank = &plan->target->banks[piece->bank];
    if (piece->number != plan->used[piece->bank] || piece->number >= bank->arguments)
        return fail(error, FERRY_BACKEND, "LLVM gives out register %u of bank %u next, the placement says %u",
                    plan->used[piece->bank], piece->bank, piece->number);
    plan->used[piece->bank]++;
    return FERRY_OK;
}

/* LLVM puts the vectors of a variadic call in memory when they are wider than 16 bytes, the named ones too. */
static ferry_code refuse_wide_variadic(const Plan *plan, const ShapePiece *piece, ferry_error *error) {
    bool is_vector = piece->bank == BANK_FLOAT && piece->size > 16;
    if (is_upcall(plan) || !plan->shape->variadic || !is_vector) return FERRY_OK;
    return fail(error, FERRY_UNSUPPORTED,
                "a named vector of %u bytes in a register of a variadic call: LLVM cannot pass it there", piece->size);
}

static ferry_code take_stack(Plan *plan, const ShapePiece *piece, uint64_t alignment, uint64_t size,
                             ferry_error *error) {
    uint64_t slot = plan->target->slot_size;
    uint64_t *stack = &plan->carriers->stack_size;
    uint64_t offset = round_up(*stack, alignment > slot ? alignment : slot);
    if (offset != piece->stack_offset)
        return fail(error, FERRY_BACKEND, "LLVM gives out stack offset %llu next, the placement says %u",
                    (unsigned long long)offset, piece->stack_offset);
    if (size > STACK_LIMIT || offset + size > STACK_LIMIT)
        return fail(error, FERRY_TOO_LARGE, "an argument of %llu bytes on the stack: the limit is %llu",
                    (unsigned long long)size, (unsigned long long)STACK_LIMIT);
    *stack = offset + round_up(size, slot);
    if (alignment > plan->carriers->stack_alignment) plan->carriers->stack_alignment = alignment;
    return FERRY_OK;
}

static ferry_code add_registers(Plan *plan, const ShapeValue *value, ferry_error *error) {
    const ShapePiece *pieces = shape_pieces(plan->shape) + value->first_piece;
    for (size_t i = 0; i < value->piece_count; i++) {
        TRY(refuse_wide_variadic(plan, &pieces[i], error));
        TRY(take_register(plan, &pieces[i], error));
        Carrier carrier = in_register(plan, value, &pieces[i]);
        if (carrier.type == NULL || pieces[i].bank == BANK_X87)
            return fail(error, FERRY_BACKEND, "no LLVM type for %u bytes in a register of bank %u", pieces[i].size,
                        pieces[i].bank);
        TRY(add(plan, carrier));
    }
    return FERRY_OK;
}

/* One or two bytes must be extended, so they travel as an integer; that LLVM puts it on the stack needs all general
 * registers to be taken. */
static ferry_code add_narrow(Plan *plan, const ShapeValue *value, ferry_error *error) {
    if (!general_exhausted(plan))
        return fail(error, FERRY_BACKEND, "LLVM would not pass an integer of %llu bytes on the stack",
                    (unsigned long long)value->size);
    LLVMTypeRef type = LLVMInt32TypeInContext(plan->emit->context);
    return add(plan, (Carrier){.way = WAY_NARROW, .type = type, .value = value, .size = value->size});
}

/* The bytes that a slot has beyond its value may be read here: another slot follows it. */
static bool joins(const Plan *plan, const Carrier *last, const ShapeValue *value) {
    if (plan->shape->convention != FERRY_SLOTS || last->way != WAY_STACK) return false;
    if (last->value->stack_alignment_log2 > 3 || value->stack_alignment_log2 > 3) return false;
    const ShapePiece *pieces = shape_pieces(plan->shape);
    uint64_t first_offset = pieces[last->value->first_piece].stack_offset;
    uint64_t on_stack = pieces[value->first_piece].stack_offset - first_offset;
    uint64_t in_slots = 8 * (uint64_t)(value->source - last->value->source);
    return on_stack == in_slots && in_slots == round_up(last->size, 8) && in_slots + value->size <= RUN_LIMIT;
}

/* The better code generator pushes a scalar straight from its slot, where it would copy a byval through registers that
 * have to be saved first; the quick one does the opposite. LLVM puts a scalar on the stack when its bank is used up.
 * A slot is read whole, whatever the scalar's size: what is above it nobody looks at. */
static bool is_pushed(const Plan *plan, const ShapeValue *value, const ShapePiece *piece) {
    Bank bank = piece->is_real ? BANK_FLOAT : BANK_GENERAL;
    return plan->emit->quality == FERRY_BETTER && value->is_scalar && value->stack_alignment_log2 <= 3 &&
           plan->used[bank] == plan->target->banks[bank].arguments;
}

static ferry_code add_pushed(Plan *plan, const ShapeValue *value, const ShapePiece *piece) {
    uint64_t size = plan->shape->convention == FERRY_SLOTS ? 8 : value->size;
    LLVMTypeRef type = piece->is_real ? float_type(plan->emit, size) : emit_integer(plan->emit, size);
    return add(plan, (Carrier){.way = WAY_SCALAR, .type = type, .value = value, .size = size});
}

static ferry_code add_stack(Plan *plan, const ShapeValue *value, bool may_join, ferry_error *error) {
    const ShapePiece *piece = shape_pieces(plan->shape) + value->first_piece;
    Carriers *carriers = plan->carriers;
    TRY(take_stack(plan, piece, (uint64_t)1 << value->stack_alignment_log2, value->size, error));
    if (is_upcall(plan)) return FERRY_OK;
    if (is_narrow(value)) return add_narrow(plan, value, error);
    if (is_pushed(plan, value, piece)) return add_pushed(plan, value, piece);
    Carrier *last = carriers->count > 0 ? &carriers->parameters[carriers->count - 1] : NULL;
    if (may_join && last != NULL && joins(plan, last, value)) {
        last->size = round_up(last->size, 8) + value->size;
        return FERRY_OK;
    }
    return add(plan, (Carrier){.way = WAY_STACK, .type = plan->emit->pointer, .value = value, .size = value->size});
}

static ferry_code add_pointer(Plan *plan, const ShapeValue *value, Way way, ferry_error *error) {
    const ShapePiece *piece = shape_pieces(plan->shape) + value->first_piece;
    Carrier carrier = {.way = way, .type = plan->emit->pointer, .value = value, .size = value->size};
    if (way == WAY_COPY && value->size > STACK_LIMIT)
        return fail(error, FERRY_TOO_LARGE, "a copy of %llu bytes by reference: the limit is %llu",
                    (unsigned long long)value->size, (unsigned long long)STACK_LIMIT);
    if (way == WAY_COPY) plan->carriers->has_copy = true;
    if (!piece->on_stack) {
        TRY(take_register(plan, piece, error));
        return add(plan, carrier);
    }
    TRY(take_stack(plan, piece, plan->target->slot_size, plan->target->pointer.size, error));
    if (is_upcall(plan)) return FERRY_OK;
    if (!general_exhausted(plan)) return fail(error, FERRY_BACKEND, "LLVM would not pass a pointer on the stack");
    return add(plan, carrier);
}

static ferry_code add_value(Plan *plan, const ShapeValue *value, bool may_join, ferry_error *error) {
    const ShapePiece *pieces = shape_pieces(plan->shape) + value->first_piece;
    if (value->mode == MODE_IGNORED) return FERRY_OK;
    if (value->mode == MODE_POINTER) return add_pointer(plan, value, WAY_COPY, error);
    if (!pieces[0].on_stack) return add_registers(plan, value, error);
    if (value->piece_count != 1)
        return fail(error, FERRY_BACKEND, "a value in %u pieces that begins on the stack", value->piece_count);
    return add_stack(plan, value, may_join, error);
}

/* A whole value in the register in which the trampoline itself receives `arguments`: loaded after all others, it saves
 * keeping that pointer elsewhere. */
static void find_last(Plan *plan) {
    Carriers *carriers = plan->carriers;
    const ShapePiece *pieces = shape_pieces(plan->shape);
    carriers->last = carriers->count;
    for (size_t i = 0; i < carriers->count; i++) {
        const Carrier *carrier = &carriers->parameters[i];
        const ShapePiece *piece = &pieces[carrier->value->first_piece];
        if (piece->on_stack || carrier->way == WAY_RESULT || carrier->value->piece_count != 1) continue;
        if (piece->bank == BANK_GENERAL && piece->number == ARGUMENTS_REGISTER) carriers->last = i;
    }
}

static ferry_code add_parameters(Plan *plan, ferry_error *error) {
    const Shape *shape = plan->shape;
    Carriers *carriers = plan->carriers;
    if (shape->hidden_result) TRY(add_pointer(plan, &shape->result, WAY_RESULT, error));
    carriers->fixed_count = carriers->count;
    for (uint32_t i = 0; i < shape->value_count; i++) {
        TRY(add_value(plan, &shape->values[i], i != shape->fixed_values, error));
        if (i < shape->fixed_values) carriers->fixed_count = carriers->count;
    }
    if (!is_upcall(plan)) find_last(plan);
    if (carriers->stack_size != shape->stack_size)
        return fail(error, FERRY_BACKEND, "LLVM's argument area has %llu bytes, the placement's %llu",
                    (unsigned long long)carriers->stack_size, (unsigned long long)shape->stack_size);
    return FERRY_OK;
}

/* All registers that are left. */
static ferry_code add_cursor(Plan *plan, ferry_error *error) {
    const BankRow *banks = plan->target->banks;
    unsigned general = banks[BANK_GENERAL].arguments, floats = banks[BANK_FLOAT].arguments;
    if (general > CURSOR_GENERAL_COUNT || floats > CURSOR_FLOAT_COUNT)
        return fail(error, FERRY_UNSUPPORTED,
                    "%u general and %u float registers for arguments: a cursor holds %d and %d", general, floats,
                    CURSOR_GENERAL_COUNT, CURSOR_FLOAT_COUNT);
    Carrier carrier = {.way = WAY_CURSOR, .size = 8, .type = plan->emit->word};
    for (uint64_t i = plan->used[BANK_GENERAL]; i < general; i++) {
        carrier.offset = CURSOR_GENERAL_OFFSET + 8 * i;
        TRY(add(plan, carrier));
    }
    carrier = (Carrier){.way = WAY_CURSOR, .size = 16, .type = float_type(plan->emit, 16)};
    for (uint64_t i = plan->used[BANK_FLOAT]; i < floats; i++) {
        carrier.offset = CURSOR_FLOAT_OFFSET + 16 * i;
        TRY(add(plan, carrier));
    }
    return FERRY_OK;
}

/* What an upcall receives besides the values in registers. Where the stack is asked for, it has at least one slot. */
static ferry_code add_rest(Plan *plan, ferry_error *error) {
    uint64_t size = plan->carriers->stack_size;
    if (plan->shape->variadic) TRY(add_cursor(plan, error));
    if (size == 0 && !plan->shape->variadic) return FERRY_OK;
    return add(plan, (Carrier){.way = WAY_STACK, .type = plan->emit->pointer, .size = size == 0 ? 8 : size});
}

static ferry_code add_results(Plan *plan, ferry_error *error) {
    const ShapeValue *value = &plan->shape->result;
    const ShapePiece *pieces = shape_pieces(plan->shape) + value->first_piece;
    uint8_t taken[BANK_COUNT] = {0};
    for (size_t i = 0; i < value->piece_count; i++) {
        const BankRow *bank = &plan->target->banks[pieces[i].bank];
        uint8_t next = taken[pieces[i].bank]++;
        if (pieces[i].on_stack || next >= bank->result_count || bank->results[next] != pieces[i].number)
            return fail(error, FERRY_BACKEND, "LLVM does not return piece %zu of the result where the placement says",
                        i);
        Carrier carrier = in_register(plan, value, &pieces[i]);
        if (carrier.type == NULL)
            return fail(error, FERRY_BACKEND, "no LLVM type for a result of %u bytes in a register of bank %u",
                        pieces[i].size, pieces[i].bank);
        plan->carriers->results[plan->carriers->result_count++] = carrier;
    }
    return FERRY_OK;
}

static LLVMTypeRef result_type(const Plan *plan, LLVMTypeRef *types) {
    const Carriers *carriers = plan->carriers;
    if (is_upcall(plan) && plan->shape->hidden_result) return plan->emit->pointer;
    if (carriers->result_count == 0) return LLVMVoidTypeInContext(plan->emit->context);
    if (carriers->result_count == 1) return carriers->results[0].type;
    for (size_t i = 0; i < carriers->result_count; i++) types[i] = carriers->results[i].type;
    return LLVMStructTypeInContext(plan->emit->context, types, (unsigned)carriers->result_count, false);
}

static bool is_supported(const Target *target) {
    return !target->big_endian && target->slot_size == 8;
}

ferry_code carriers_of(const Emit *emit, const Target *target, const Shape *shape, Arena *arena,
                       const Carriers **carriers, ferry_error *error) {
    if (!is_supported(target))
        return fail(error, FERRY_UNSUPPORTED, "target %s: only little-endian 64-bit targets have carriers yet",
                    target->name);
    Carriers *made = arena_new(arena, sizeof *made);
    LLVMTypeRef *types = arena_array(arena, (size_t)shape->piece_count + 1, sizeof(LLVMTypeRef));
    if (made == NULL || types == NULL) return fail_out_of_memory(error, "the carriers of a shape");
    /* one parameter for each piece; the hidden result is a piece too */
    made->parameters = arena_array(arena, (size_t)shape->piece_count + FURTHER_PARAMETERS, sizeof(Carrier));
    made->results = arena_array(arena, (size_t)shape->result.piece_count + 1, sizeof(Carrier));
    if (made->parameters == NULL || made->results == NULL) return fail_out_of_memory(error, "the carriers of a shape");

    Plan plan = {.emit = emit, .target = target, .shape = shape, .carriers = made};
    made->stack_alignment = target->slot_size;
    TRY(add_parameters(&plan, error));
    if (is_upcall(&plan)) TRY(add_rest(&plan, error));
    if (shape->result.mode == MODE_DIRECT) TRY(add_results(&plan, error));
    made->result_type = result_type(&plan, types);
    made->cell_type = emit->pointer;
    *carriers = made;
    return FERRY_OK;
}

LLVMTypeRef carriers_function_type(const Carriers *carriers, const Shape *shape, Arena *arena) {
    bool is_call = shape->direction == DOWNCALL;
    LLVMTypeRef *types = arena_array(arena, carriers->count + 1, sizeof(LLVMTypeRef));
    if (types == NULL) return NULL;
    for (size_t i = 0; i < carriers->count; i++) types[i] = carriers->parameters[i].type;
    if (!is_call) types[carriers->count] = carriers->cell_type;
    size_t count = is_call && shape->variadic ? carriers->fixed_count : carriers->count + !is_call;
    return LLVMFunctionType(carriers->result_type, types, (unsigned)count, is_call && shape->variadic);
}

static void attach(LLVMValueRef call_or_function, unsigned index, LLVMAttributeRef attribute) {
    if (LLVMIsAFunction(call_or_function) != NULL) {
        LLVMAddAttributeAtIndex(call_or_function, index, attribute);
    } else {
        LLVMAddCallSiteAttribute(call_or_function, index, attribute);
    }
}

/* `alignstack`, not `align`: the latter would also claim that the source is that much aligned. The whole area of an
 * upcall is first on the stack in any case; more than a slot's alignment would have LLVM align the frame as well. */
static void attach_stack(const Emit *emit, const Carrier *carrier, unsigned index, LLVMValueRef call_or_function) {
    uint64_t alignment = carrier->value == NULL ? 8 : (uint64_t)1 << carrier->value->stack_alignment_log2;
    LLVMTypeRef bytes = emit_bytes(emit, carrier->size);
    attach(call_or_function, index, emit_type_attribute(emit, ATTRIBUTE_BYVAL, bytes));
    attach(call_or_function, index, emit_attribute(emit, ATTRIBUTE_ALIGNSTACK, alignment < 8 ? 8 : alignment));
}

void carriers_attach(const Emit *emit, const Carriers *carriers, LLVMValueRef call_or_function) {
    for (size_t i = 0; i < carriers->count; i++) {
        const Carrier *carrier = &carriers->parameters[i];
        if (carrier->way == WAY_STACK) attach_stack(emit, carrier, (unsigned)i + 1, call_or_function);
    }
    if (LLVMIsAFunction(call_or_function) != NULL)
        attach(call_or_function, (unsigned)carriers->count + 1, emit_attribute(emit, ATTRIBUTE_NEST, 0));
}
