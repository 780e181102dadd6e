/* runtime/slow.h: calls through libffi.
 *
 * No ABI rule is written here: libffi's arguments are made from the placement's pieces, each where the placement
 * says, so that both paths stand on the same truth.
 *
 *     piece in a general register     one 64-bit integer, the value's bytes extended or padded with zeros
 *     piece in a float register       one double: 8 bytes as they are; more than 8 is refused
 *     value on the stack              one struct of its size and alignment that libffi always stacks
 *     hidden result                   a pointer in front of the arguments, and no result
 *
 *     struct { double x; long n; } f(int a, struct { float f[3]; } b, long double c)
 *     libffi:  struct { double; u64 } f(u64, double, double, struct { 16 bytes, stacked })
 *
 * libffi gives out registers in order, per bank, as the placement does; what it would do otherwise is found when the
 * plan is made and refused with the reason.
 */
#ifndef FERRY_RUNTIME_SLOW_H
#define FERRY_RUNTIME_SLOW_H

#include <ffi.h>

#include "abi/place.h"
#include "ferry/binding.h"

/* Of the argument area and of a copied result: larger ones are refused, since both are made on the caller's stack. */
#define SLOW_STACK_LIMIT (UINT64_C(1) << 20)

/* One argument of libffi's: bytes [offset, offset + size) of the value at `source`. */
typedef struct SlowArgument {
    uint32_t source; /* slot, or element of the pointers */
    uint32_t offset;
    uint8_t copied; /* into a word of its own, so that libffi reads nothing behind the value; 0: read in place */
    uint8_t extension;
} SlowArgument;

/* Immutable once made. */
typedef struct SlowPlan {
    ffi_cif *cif;
    const SlowArgument *arguments; /* hidden pointer not counted */
    uint32_t count;
    uint32_t sources; /* where the errno pointer lies in the arguments */
    bool pointers;    /* FERRY_POINTERS */
    bool capture_errno;
    bool hidden_result;
    uint32_t result_copy;      /* hidden result that the caller's memory is not aligned for: its size; else 0 */
    uint32_t result_alignment; /* of that copy */
} SlowPlan;

/* slow_plan.c. FERRY_UNSUPPORTED, naming value and rule, for what libffi cannot pass exactly. */
MUST_USE ferry_code slow_plan_make(const Placement *placement, ferry_convention convention, bool capture_errno,
                                   Arena *arena, const SlowPlan **plan, ferry_error *error);

/* slow.c: the entry of bindings on the slow path. */
void slow_call(const ferry_binding *binding, const void *arguments, void *result);

#endif
