#include "jit/trampoline.h"

#include <string.h>

#include "jit/backend.h"
#include "jit/carrier.h"

enum { PARAMETER_BINDING, PARAMETER_ARGUMENTS, PARAMETER_RESULT, PARAMETER_COUNT };

/* The trampoline under construction. */
typedef struct Body {
    const Emit *emit;
    const Shape *shape;
    const Carriers *carriers;
    Address binding;
    Address arguments;
    Address result;
    Address returned; /* where the hidden result points: result, or an aligned local */
} Body;

static LLVMValueRef declare(const Emit *emit, const char *name) {
    static const char *const names[PARAMETER_COUNT] = {"binding", "arguments", "result"};
    LLVMTypeRef parameters[PARAMETER_COUNT] = {emit->pointer, emit->pointer, emit->pointer};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(emit->context), parameters, PARAMETER_COUNT, false);
    LLVMValueRef function = emit_function(emit, name, type);
    for (unsigned i = 0; i < PARAMETER_COUNT; i++)
        LLVMSetValueName2(LLVMGetParam(function, i), names[i], strlen(names[i]));
    return function;
}

/* In slots all that is known is the slot's alignment, whatever the type's: value and slot start together. */
static uint64_t alignment_of(const Body *body, const ShapeValue *value) {
    return body->shape->convention == FERRY_SLOTS ? 8 : (uint64_t)1 << value->alignment_log2;
}

static Address cell(const Body *body, uint64_t index) {
    return emit_offset(body->emit, body->arguments, 8 * index);
}

/* Where the managed side keeps a value. */
static Address value_address(const Body *body, const ShapeValue *value) {
    Address address = cell(body, value->source);
    if (body->shape->convention != FERRY_SLOTS) address.pointer = emit_load(body->emit, body->emit->pointer, address);
    address.alignment = alignment_of(body, value);
    return address;
}

static LLVMValueRef copy_of(const Body *body, const ShapeValue *value, Address address) {
    uint64_t alignment = (uint64_t)1 << value->alignment_log2;
    Address copy = emit_local(body->emit, value->size, alignment < 8 ? 8 : alignment);
    emit_copy(body->emit, copy, address, value->size);
    return copy.pointer;
}

static LLVMValueRef load_bits(const Body *body, const Carrier *carrier, Address address) {
    LLVMValueRef word = emit_load_bits(body->emit, emit_offset(body->emit, address, carrier->offset), carrier->size);
    return LLVMBuildBitCast(body->emit->builder, word, carrier->type, "");
}

/* Callees may count on 32 bits; what the slot holds above the value is not trusted. */
static LLVMValueRef load_narrow(const Body *body, const Carrier *carrier, Address address) {
    LLVMValueRef value = emit_load(body->emit, emit_integer(body->emit, carrier->size), address);
    return emit_extend(body->emit, value, carrier->type, carrier_is_signed(carrier));
}

static LLVMValueRef load_carrier(const Body *body, const Carrier *carrier, Address address) {
    switch (carrier->way) {
    case WAY_SCALAR: return emit_load(body->emit, carrier->type, emit_offset(body->emit, address, carrier->offset));
    case WAY_NARROW: return load_narrow(body, carrier, address);
    case WAY_BITS: return load_bits(body, carrier, address);
    case WAY_STACK: return address.pointer;
    case WAY_COPY: return copy_of(body, carrier->value, address);
    case WAY_RESULT: return body->returned.pointer;
    case WAY_CURSOR: break; /* of upcalls */
    }
    return NULL;
}

/* One address for each value, however many registers it travels in. */
static void load_arguments(const Body *body, LLVMValueRef *values) {
    const Carriers *carriers = body->carriers;
    const ShapeValue *previous = &body->shape->result; /* no argument */
    Address address = {0};
    for (size_t i = 0; i < carriers->count; i++) {
        const Carrier *carrier = &carriers->parameters[i];
        if (i == carriers->last) continue;
        if (carrier->way != WAY_RESULT && carrier->value != previous) address = value_address(body, carrier->value);
        previous = carrier->value;
        values[i] = load_carrier(body, carrier, address);
    }
    if (carriers->last == carriers->count) return;
    const Carrier *last = &carriers->parameters[carriers->last];
    values[carriers->last] = load_carrier(body, last, value_address(body, last->value));
}

static uint64_t result_alignment(const Shape *shape) {
    return (uint64_t)1 << shape->result.alignment_log2;
}

/* Slots are aligned to 8: a hidden result that needs more is made in an aligned local first. */
static bool needs_local(const Body *body) {
    return body->shape->hidden_result && body->result.alignment < result_alignment(body->shape);
}

/* The caller's frame may go when nothing of it is needed any more: the jump that a compiler would make, too. */
static bool is_tail_call(const Body *body) {
    const Carriers *carriers = body->carriers;
    return carriers->result_count == 0 && carriers->stack_size == 0 && !carriers->has_copy && !needs_local(body) &&
           !body->shape->capture_errno;
}

static LLVMValueRef callee(const Body *body, const void *bound) {
    const Emit *emit = body->emit;
    if (bound != NULL) return LLVMConstIntToPtr(emit_word(emit, (uint64_t)(uintptr_t)bound), emit->pointer);
    return emit_load(emit, emit->pointer, emit_offset(emit, body->binding, BINDING_TARGET_OFFSET));
}

/* An integer fills 8 bytes in both conventions; what the callee left above its width is not trusted. */
static bool is_short_integer(const Carrier *carrier) {
    return carrier->value->is_scalar && carrier->size < 8 && LLVMGetTypeKind(carrier->type) == LLVMIntegerTypeKind;
}

static void store_integer(const Body *body, const Carrier *carrier, LLVMValueRef value) {
    const Emit *emit = body->emit;
    if (carrier->way == WAY_NARROW) value = LLVMBuildTrunc(emit->builder, value, emit_integer(emit, carrier->size), "");
    emit_store(emit, emit_extend(emit, value, emit->word, carrier_is_signed(carrier)), body->result);
}

static void store_carrier(const Body *body, const Carrier *carrier, LLVMValueRef value) {
    const Emit *emit = body->emit;
    Address address = emit_offset(emit, body->result, carrier->offset);
    if (is_short_integer(carrier)) {
        store_integer(body, carrier, value);
    } else if (carrier->way == WAY_BITS) {
        emit_store_bits(emit, LLVMBuildBitCast(emit->builder, value, emit->word, ""), address, carrier->size);
    } else {
        emit_store(emit, value, address);
    }
}

static void store_result(const Body *body, LLVMValueRef returned) {
    const Carriers *carriers = body->carriers;
    if (needs_local(body)) emit_copy(body->emit, body->result, body->returned, body->shape->result.size);
    for (size_t i = 0; i < carriers->result_count; i++) {
        LLVMValueRef value = returned;
        if (carriers->result_count > 1) value = LLVMBuildExtractValue(body->emit->builder, returned, (unsigned)i, "");
        store_carrier(body, &carriers->results[i], value);
    }
}

/* *where = *errno_location(). Storing the result first changes no errno, and nothing of it has to be kept. */
static void capture_errno(const Body *body, LLVMValueRef where) {
    const Emit *emit = body->emit;
    LLVMTypeRef type = LLVMFunctionType(emit->pointer, NULL, 0, false);
    LLVMValueRef locate = emit_load(emit, emit->pointer, emit_offset(emit, body->binding, BINDING_ERRNO_OFFSET));
    Address location = {.pointer = LLVMBuildCall2(emit->builder, type, locate, NULL, 0, ""), .alignment = 4};
    LLVMValueRef value = emit_load(emit, LLVMInt32TypeInContext(emit->context), location);
    emit_store(emit, value, (Address){.pointer = where, .alignment = 4});
}

static void build_body(const Body *body, LLVMTypeRef type, const void *bound, LLVMValueRef *values) {
    const Emit *emit = body->emit;
    LLVMValueRef target = callee(body, bound);
    /* read before the call: the result may be written over the arguments */
    LLVMValueRef where = NULL;
    if (body->shape->capture_errno) where = emit_load(emit, emit->pointer, cell(body, body->shape->sources));
    load_arguments(body, values);
    LLVMValueRef returned = LLVMBuildCall2(emit->builder, type, target, values, (unsigned)body->carriers->count, "");
    carriers_attach(emit, body->carriers, returned);
    if (is_tail_call(body)) LLVMSetTailCall(returned, true);
    store_result(body, returned);
    if (body->shape->capture_errno) capture_errno(body, where);
    LLVMBuildRetVoid(emit->builder);
}

ferry_code trampoline_build(const Emit *emit, const Target *target, const Shape *shape, const void *bound,
                            const char *name, Arena *arena, ferry_error *error) {
    Body body = {.emit = emit, .shape = shape};
    TRY(carriers_of(emit, target, shape, arena, &body.carriers, error));
    LLVMTypeRef type = carriers_function_type(body.carriers, shape, arena);
    LLVMValueRef *values = arena_array(arena, body.carriers->count + 1, sizeof(LLVMValueRef));
    if (type == NULL || values == NULL) return fail_out_of_memory(error, "the arguments of a call");

    LLVMValueRef function = declare(emit, name);
    body.binding = (Address){.pointer = LLVMGetParam(function, PARAMETER_BINDING), .alignment = 8};
    body.arguments = (Address){.pointer = LLVMGetParam(function, PARAMETER_ARGUMENTS), .alignment = 8};
    body.result = (Address){.pointer = LLVMGetParam(function, PARAMETER_RESULT),
                            .alignment = alignment_of(&body, &shape->result)};
    body.returned = body.result;
    if (needs_local(&body)) {
        if (shape->result.size > STACK_LIMIT)
            return fail(error, FERRY_TOO_LARGE, "an over-aligned result of %llu bytes in slots: the limit is %llu",
                        (unsigned long long)shape->result.size, (unsigned long long)STACK_LIMIT);
        body.returned = emit_local(emit, shape->result.size, result_alignment(shape));
    }
    build_body(&body, type, bound, values);
    return FERRY_OK;
}
