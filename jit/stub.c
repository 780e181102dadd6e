/* From C's arguments to the handler's, and the result back.
 *
 *     long f(int a, struct { long x, y; } b)                 frame of its stub
 *
 *     slots      arguments | a, extended | b.x | b.y |       result | long |
 *     pointers   arguments | . | . |                         result | long |
 *                            |   +-> | b.x | b.y |
 *                            +-----> | a |
 *
 * What C passed on the stack is pointed to where it is; C has given it to the stub.
 */
#include "jit/stub.h"

#include <string.h>

#include "jit/backend.h"
#include "jit/carrier.h"

/* An ignored value has at most so many bytes (they are all padding), and may be aligned to as many. */
#define IGNORED_BYTES 64

/* So much is copied word by word, more by what LLVM makes of a copy. */
#define WORDS_LIMIT 128

/* The stub under construction. */
typedef struct Body {
    const Emit *emit;
    const Shape *shape;
    const Carriers *carriers;
    LLVMValueRef function;
    Address cell;
    Address stack;     /* C's arguments there; pointer is NULL when there are none */
    Address arguments; /* pointer is a null pointer when there are none */
    Address result;    /* the same when nothing is returned */
    Address kept;      /* errno, and where it is */
} Body;

enum { KEPT_OFFSET = 0, KEPT_ERRNO = 8, KEPT_SIZE = 16 };

static uint64_t room_of(const ShapeValue *value) {
    return round_up(value->size, 8);
}

static uint64_t alignment_of(const ShapeValue *value) {
    return value->alignment_log2 < 3 ? 8 : (uint64_t)1 << value->alignment_log2;
}

static const ShapePiece *first_piece(const Body *body, const ShapeValue *value) {
    return &shape_pieces(body->shape)[value->first_piece];
}

static Address null_address(const Body *body) {
    return (Address){.pointer = LLVMConstPointerNull(body->emit->pointer), .alignment = 8};
}

static Address element(const Body *body, uint64_t index) {
    return emit_offset(body->emit, body->arguments, 8 * index);
}

static LLVMValueRef parameter(const Body *body, size_t index) {
    return LLVMGetParam(body->function, (unsigned)index);
}

static Address load_address(const Body *body, Address from) {
    return (Address){.pointer = emit_load(body->emit, body->emit->pointer, from), .alignment = 8};
}

/* Memory of the stub's own that element `source` points to. */
static Address add_local(const Body *body, uint64_t source, uint64_t size, uint64_t alignment) {
    Address local = emit_local(body->emit, size, alignment);
    emit_store(body->emit, local.pointer, element(body, source));
    return local;
}

/* ---- arguments ---- */

/* What C left above the value's width is not trusted. */
static LLVMValueRef extend_to_slot(const Body *body, const Carrier *carrier, LLVMValueRef value) {
    const Emit *emit = body->emit;
    LLVMTypeRef exact = emit_integer(emit, carrier->size);
    if (exact != LLVMTypeOf(value)) value = LLVMBuildTrunc(emit->builder, value, exact, "");
    return emit_extend(emit, value, emit->word, carrier_is_signed(carrier));
}

/* A register goes to memory whole where there is room for that: reading less than what was written costs nothing. */
static void store_register(const Body *body, const Carrier *carrier, LLVMValueRef value, Address home) {
    const Emit *emit = body->emit;
    Address place = emit_offset(emit, home, carrier->offset);
    if (carrier->value->extension != EXTEND_NONE) {
        emit_store(emit, extend_to_slot(body, carrier, value), place);
    } else if (carrier->way == WAY_BITS && carrier->offset + 8 > room_of(carrier->value)) {
        emit_store_bits(emit, LLVMBuildBitCast(emit->builder, value, emit->word, ""), place, carrier->size);
    } else {
        emit_store(emit, value, place);
    }
}

static void copy(const Body *body, Address to, Address from, uint64_t size) {
    if (size <= WORDS_LIMIT) {
        emit_copy_words(body->emit, to, from, size);
    } else {
        emit_copy(body->emit, to, from, size);
    }
}

/* A value that lies in memory which C has made for the call. */
static void take_memory(const Body *body, const ShapeValue *value, Address from, bool is_aligned) {
    if (body->shape->convention == FERRY_SLOTS) {
        copy(body, element(body, value->source), from, value->size);
    } else if (is_aligned) {
        emit_store(body->emit, from.pointer, element(body, value->source));
    } else {
        copy(body, add_local(body, value->source, room_of(value), alignment_of(value)), from, value->size);
    }
}

static void take_narrow(const Body *body, const ShapeValue *value, Address from) {
    const Emit *emit = body->emit;
    LLVMValueRef narrow = emit_load(emit, emit_integer(emit, value->size), from);
    emit_store(emit, emit_extend(emit, narrow, emit->word, value->extension == EXTEND_SIGN),
               element(body, value->source));
}

static void take_stack(const Body *body, const ShapeValue *value) {
    Address from = emit_offset(body->emit, body->stack, first_piece(body, value)->stack_offset);
    if (value->mode == MODE_POINTER) {
        take_memory(body, value, load_address(body, from), true);
    } else if (value->extension != EXTEND_NONE) {
        take_narrow(body, value, from);
    } else {
        take_memory(body, value, from, value->stack_alignment_log2 >= value->alignment_log2);
    }
}

/* Elements without a value: something that may be read and written, as any other argument. */
static void fill_gap(const Body *body, uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end; i++) add_local(body, i, IGNORED_BYTES, IGNORED_BYTES);
}

static void fill_gaps(const Body *body) {
    const Shape *shape = body->shape;
    uint64_t next = 0;
    for (uint32_t i = 0; i < shape->value_count; i++) {
        fill_gap(body, next, shape->values[i].source);
        next = (uint64_t)shape->values[i].source + 1;
    }
    fill_gap(body, next, shape->sources);
}

/* The place of a value that travels in registers. */
static Address home_of(const Body *body, const ShapeValue *value) {
    if (body->shape->convention == FERRY_SLOTS) return element(body, value->source);
    return add_local(body, value->source, room_of(value), alignment_of(value));
}

static void take_registers(const Body *body) {
    const Carriers *carriers = body->carriers;
    const ShapeValue *previous = &body->shape->result; /* no argument */
    Address home = {0};
    for (size_t i = 0; i < carriers->count; i++) {
        const Carrier *carrier = &carriers->parameters[i];
        LLVMValueRef incoming = parameter(body, i);
        switch (carrier->way) {
        case WAY_SCALAR:
        case WAY_NARROW:
        case WAY_BITS:
            if (carrier->value != previous) home = home_of(body, carrier->value);
            previous = carrier->value;
            store_register(body, carrier, incoming, home);
            break;
        case WAY_COPY: take_memory(body, carrier->value, (Address){.pointer = incoming, .alignment = 1}, true); break;
        case WAY_STACK:
        case WAY_RESULT:
        case WAY_CURSOR: break; /* no argument */
        }
    }
}

static void take_arguments(const Body *body) {
    const Shape *shape = body->shape;
    take_registers(body);
    for (uint32_t i = 0; i < shape->value_count; i++)
        if (first_piece(body, &shape->values[i])->on_stack) take_stack(body, &shape->values[i]);
    if (shape->convention != FERRY_SLOTS) fill_gaps(body);
}

/* ---- what goes with them ---- */

static void make_cursor(const Body *body) {
    const Emit *emit = body->emit;
    Address cursor = add_local(body, body->shape->sources, CURSOR_SIZE, CURSOR_ALIGNMENT);
    LLVMValueRef upcall = load_address(body, emit_offset(emit, body->cell, CELL_UPCALL_OFFSET)).pointer;
    emit_store(emit, upcall, emit_offset(emit, cursor, CURSOR_UPCALL_OFFSET));
    for (uint64_t i = 0; i < CURSOR_STATE_SIZE; i += 8)
        emit_store(emit, emit_word(emit, 0), emit_offset(emit, cursor, CURSOR_STATE_OFFSET + i));
    Address further = emit_offset(emit, body->stack, body->carriers->stack_size);
    emit_store(emit, further.pointer, emit_offset(emit, cursor, CURSOR_STACK_OFFSET));
    for (size_t i = 0; i < body->carriers->count; i++) {
        const Carrier *carrier = &body->carriers->parameters[i];
        if (carrier->way != WAY_CURSOR) continue;
        emit_store(emit, parameter(body, i), emit_offset(emit, cursor, carrier->offset));
    }
}

/* Of the thread that C calls on. */
static Address errno_address(const Body *body, LLVMValueRef offset) {
    LLVMTypeRef type = LLVMPointerTypeInContext(body->emit->context, body->emit->thread_space);
    return (Address){.pointer = LLVMBuildIntToPtr(body->emit->builder, offset, type, ""), .alignment = 4};
}

/* Kept in the frame: cheaper than two registers, which would have to be saved themselves. */
static void keep_errno(Body *body) {
    const Emit *emit = body->emit;
    body->kept = emit_local(emit, KEPT_SIZE, 8);
    Address upcall = load_address(body, emit_offset(emit, body->cell, CELL_UPCALL_OFFSET));
    LLVMValueRef offset = emit_load(emit, emit->word, emit_offset(emit, upcall, UPCALL_ERRNO_OFFSET));
    emit_store(emit, offset, emit_offset(emit, body->kept, KEPT_OFFSET));
    LLVMValueRef value = emit_load(emit, LLVMInt32TypeInContext(emit->context), errno_address(body, offset));
    emit_store(emit, value, emit_offset(emit, body->kept, KEPT_ERRNO));
}

static void restore_errno(const Body *body) {
    const Emit *emit = body->emit;
    LLVMTypeRef type = LLVMInt32TypeInContext(emit->context);
    LLVMValueRef value = emit_load(emit, type, emit_offset(emit, body->kept, KEPT_ERRNO));
    LLVMValueRef offset = emit_load(emit, emit->word, emit_offset(emit, body->kept, KEPT_OFFSET));
    emit_store(emit, value, errno_address(body, offset));
}

/* ---- the result ---- */

static Address result_place(const Body *body) {
    const ShapeValue *result = &body->shape->result;
    if (result->mode == MODE_IGNORED) return null_address(body);
    if (result->mode == MODE_POINTER) return (Address){.pointer = parameter(body, 0), .alignment = 1};
    return emit_local(body->emit, room_of(result), alignment_of(result));
}

/* C may count on 32 bits of an integer. Everything is read in pieces that the handler can have written as such: a wider
 * read would have to wait for all of them to reach the cache. */
static LLVMValueRef load_result(const Body *body, const Carrier *carrier) {
    const Emit *emit = body->emit;
    Address place = emit_offset(emit, body->result, carrier->offset);
    if (carrier->way == WAY_NARROW) {
        LLVMValueRef value = emit_load(emit, emit_integer(emit, carrier->size), place);
        return emit_extend(emit, value, carrier->type, carrier_is_signed(carrier));
    }
    if (carrier->way != WAY_BITS) return emit_load(emit, carrier->type, place);
    LLVMValueRef word = emit_load_bits(emit, place, carrier->size);
    return LLVMBuildBitCast(emit->builder, word, carrier->type, "");
}

static void return_results(const Body *body) {
    const Emit *emit = body->emit;
    const Carriers *carriers = body->carriers;
    if (carriers->result_count == 0) {
        LLVMBuildRetVoid(emit->builder);
        return;
    }
    if (carriers->result_count == 1) {
        LLVMBuildRet(emit->builder, load_result(body, &carriers->results[0]));
        return;
    }
    LLVMValueRef all = LLVMGetPoison(carriers->result_type);
    for (size_t i = 0; i < carriers->result_count; i++)
        all = LLVMBuildInsertValue(emit->builder, all, load_result(body, &carriers->results[i]), (unsigned)i, "");
    LLVMBuildRet(emit->builder, all);
}

/* ---- the call ---- */

static bool is_null(Address address) {
    return LLVMIsNull(address.pointer);
}

/* callee(context, arguments, result), and what C gets of it. Where nothing points into the frame, and nothing is to be
 * done afterwards, it is a jump. */
static void call_and_return(const Body *body, LLVMValueRef callee, LLVMValueRef context) {
    const Emit *emit = body->emit;
    LLVMTypeRef parameters[] = {emit->pointer, emit->pointer, emit->pointer};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(emit->context), parameters, COUNT_OF(parameters), false);
    LLVMValueRef values[] = {context, body->arguments.pointer, body->result.pointer};
    LLVMValueRef call = LLVMBuildCall2(emit->builder, type, callee, values, COUNT_OF(values), "");
    if (is_null(body->arguments) && is_null(body->result) && !body->shape->keep_errno) LLVMSetTailCall(call, true);
    if (body->shape->keep_errno) restore_errno(body);
    if (body->shape->hidden_result) {
        LLVMBuildRet(emit->builder, body->result.pointer);
    } else {
        return_results(body);
    }
}

static void build_late(Body *body) {
    const Emit *emit = body->emit;
    body->arguments = null_address(body);
    Address upcall = load_address(body, emit_offset(emit, body->cell, CELL_UPCALL_OFFSET));
    LLVMValueRef late = load_address(body, emit_offset(emit, upcall, UPCALL_LATE_OFFSET)).pointer;
    call_and_return(body, late, body->cell.pointer);
}

static Address stack_of(const Body *body) {
    const Carriers *carriers = body->carriers;
    bool is_there = carriers->count > 0 && carriers->parameters[carriers->count - 1].way == WAY_STACK;
    LLVMValueRef pointer = is_there ? parameter(body, carriers->count - 1) : NULL;
    return (Address){.pointer = pointer, .alignment = carriers->stack_alignment};
}

static void build_body(Body *body) {
    const Emit *emit = body->emit;
    const Shape *shape = body->shape;
    uint64_t elements = (uint64_t)shape->sources + shape->variadic;
    body->arguments = elements == 0 ? null_address(body) : emit_local(emit, 8 * elements, 16);
    body->stack = stack_of(body);
    take_arguments(body);
    if (shape->variadic) make_cursor(body);
    if (shape->keep_errno) keep_errno(body);
    LLVMValueRef handler = load_address(body, emit_offset(emit, body->cell, CELL_HANDLER_OFFSET)).pointer;
    LLVMValueRef context = load_address(body, emit_offset(emit, body->cell, CELL_CONTEXT_OFFSET)).pointer;
    call_and_return(body, handler, context);
}

static ferry_code check(const Emit *emit, const Target *target, const Shape *shape, ferry_error *error) {
    if (shape->keep_errno && emit->thread_space == 0)
        return fail(error, FERRY_UNSUPPORTED,
                    "target %s: errno is kept by a stub only where it is at a constant distance from the thread "
                    "pointer, known for x86-64 alone",
                    target->name);
    return FERRY_OK;
}

static LLVMValueRef declare(const Emit *emit, const Carriers *carriers, const char *name, LLVMTypeRef type) {
    static const char cell[] = "cell";
    LLVMValueRef function = emit_function(emit, name, type);
    carriers_attach(emit, carriers, function);
    LLVMSetValueName2(LLVMGetParam(function, (unsigned)carriers->count), cell, sizeof cell - 1);
    return function;
}

ferry_code stub_build(const Emit *emit, const Target *target, const Shape *shape, const char *name, Arena *arena,
                      ferry_error *error) {
    Body body = {.emit = emit, .shape = shape};
    TRY(check(emit, target, shape, error));
    TRY(carriers_of(emit, target, shape, arena, &body.carriers, error));
    LLVMTypeRef type = carriers_function_type(body.carriers, shape, arena);
    if (type == NULL) return fail_out_of_memory(error, "the parameters of a stub");
    body.function = declare(emit, body.carriers, name, type);
    body.cell = (Address){.pointer = parameter(&body, body.carriers->count), .alignment = 8};
    body.result = result_place(&body);
    if (shape->direction == UPCALL_LATE) {
        build_late(&body);
    } else {
        build_body(&body);
    }
    return FERRY_OK;
}
