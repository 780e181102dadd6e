/* jit/carrier.h: how the values of a shape are spelled for LLVM, so that its backend puts every piece where the shape
 * says. For a downcall they are the call's arguments and result, for an upcall the stub's parameters and result.
 *
 *   value                                        parameter of the call                  way
 *   integer of 4 or 8 bytes, float, double       i32, i64, float, double                SCALAR
 *   integer of 1 or 2 bytes, on the stack too    i32, extended by the trampoline        NARROW
 *   piece of 8 bytes in a general register       i64                                    SCALAR
 *   piece of 2 to 64 bytes in a float register   half, float, double, <2, 4, 8 x i64>   SCALAR
 *   shorter piece, either bank                   i64 or double, made of exact loads     BITS
 *   the same scalars on the stack, better quality  as in registers; in slots 8 bytes    SCALAR
 *   anything else on the stack                   ptr byval([size x i8]) alignstack(n)   STACK
 *   by reference                                 ptr, to a copy                         COPY
 *   hidden result                                ptr                                    RESULT
 *   of an upcall:
 *   register that a cursor takes                 i64, <2 x i64>                         CURSOR
 *   everything on the stack                      ptr byval([size x i8]) alignstack(n)   STACK
 *   the cell, in the static-chain register       ptr nest, the last parameter
 *
 * A stub gets the whole argument area as one parameter, which is the address of the memory that C wrote: one address to
 * know. A hidden result is returned as well, as x86-64 asks.
 *
 * A float register's type says only how many bytes travel: nothing but moves is ever done with it, so that no
 * conversion and no library call can appear.
 *
 * `byval` copies while the stack is being filled, so that no register is kept busy with a value that only passes
 * through. In slots, values that follow each other in the slots and on the stack alike are one copy:
 *
 *     slots   | .. | g  | h  | i |        long f(six in registers, long g, double h, int i)
 *                  |         |  \
 *     stack        | g  | h  | i |        one byval([20 x i8])
 *
 * LLVM hands registers and stack bytes out in order. The same is done here, and compared with the shape: one that
 * LLVM would place otherwise is refused.
 */
#ifndef FERRY_JIT_CARRIER_H
#define FERRY_JIT_CARRIER_H

#include "abi/shape.h"
#include "jit/emit.h"

typedef enum Way { WAY_SCALAR, WAY_NARROW, WAY_BITS, WAY_STACK, WAY_COPY, WAY_RESULT, WAY_CURSOR } Way;

typedef struct Carrier {
    Way way;
    LLVMTypeRef type;        /* of LLVM's parameter or result */
    const ShapeValue *value; /* STACK: the first of those that it carries; an upcall's STACK and CURSOR: NULL */
    uint64_t offset;         /* the bytes of the value, or of the cursor, that it carries: [offset, offset + size) */
    uint64_t size;
} Carrier;

typedef struct Carriers {
    Carrier *parameters;
    size_t count;
    size_t fixed_count; /* before the `...` */
    size_t last;        /* of a downcall the one to be loaded last; count: none. See carrier.c */
    Carrier *results;   /* one for each piece of a result that comes in registers */
    size_t result_count;
    LLVMTypeRef result_type; /* void, the only result's, or a struct of all */
    LLVMTypeRef cell_type;   /* of a stub's last parameter */
    uint64_t stack_size;
    uint64_t stack_alignment; /* the largest of any value on the stack, at least 8 */
    bool has_copy;            /* a parameter points into the trampoline's own frame */
} Carriers;

/* carriers is in arena. */
MUST_USE ferry_code carriers_of(const Emit *emit, const Target *target, const Shape *shape, Arena *arena,
                                const Carriers **carriers, ferry_error *error);

LLVMTypeRef carriers_function_type(const Carriers *carriers, const Shape *shape, Arena *arena); /* or NULL */
/* Attributes of the parameters; of the call that a trampoline makes, or of the function that a stub is. */
void carriers_attach(const Emit *emit, const Carriers *carriers, LLVMValueRef call_or_function);

static inline bool carrier_is_signed(const Carrier *carrier) {
    return carrier->value->extension == EXTEND_SIGN;
}

#endif
