/* runtime/slow.h: calls through libffi, in both directions.
 *
 * No ABI rule is written here: libffi's arguments are made from the placement's pieces, each where the placement
 * says, so that both paths stand on the same truth. They are, in this order:
 *
 *     hidden result                   a pointer; libffi's result is void (downcall) or that pointer (upcall)
 *     for every value, every piece
 *       in a general register         one 64-bit integer, the value's bytes extended or padded with zeros
 *       in a float register           one double: 8 bytes as they are; more than 8 is refused
 *       on the stack                  one struct of the value's size and alignment that libffi always stacks
 *     upcall with a cursor            the registers that are left, general ones first, and a stacked word: the first
 *                                     of the further arguments
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
#include <string.h>

#include "abi/shape.h"
#include "ferry/binding.h"

/* Of the argument area, of a copied result, and of each of what an upcall gathers: larger ones are refused, since all
 * are made on the caller's stack. */
#define SLOW_STACK_LIMIT (UINT64_C(1) << 20)
#define SLOW_WORD        8

/* slow_cif.c: libffi's view of a placement. FERRY_UNSUPPORTED, naming value and rule, for what libffi cannot pass
 * exactly. cursor: of an upcall only. */
MUST_USE ferry_code slow_cif_make(const Placement *placement, Direction direction, bool cursor, Arena *arena,
                                  ffi_cif **cif, ferry_error *error);
MUST_USE ferry_code slow_refuse(const Placement *placement, const PlacedValue *value, const char *why,
                                ferry_error *error);
size_t slow_piece_count(const Placement *placement);

/* The first `size` bytes as a word: exactly those are read. */
static inline uint64_t slow_word(const void *bytes, size_t size, unsigned extension) {
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    if (extension != EXTEND_SIGN) return word;
    unsigned shift = 64 - 8 * (unsigned)size;
    return (uint64_t)((int64_t)(word << shift) >> shift);
}

/* ---- downcalls ---- */

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

/* slow_plan.c */
MUST_USE ferry_code slow_plan_make(const Placement *placement, ferry_convention convention, bool capture_errno,
                                   Arena *arena, const SlowPlan **plan, ferry_error *error);

/* slow.c: the entry of bindings on the slow path. */
void slow_call(const ferry_binding *binding, const void *arguments, void *result);
/* For a binding whose entry is slow_call: how it is called from now on. */
ferry_entry binding_move_on(const ferry_binding *binding);

/* ---- upcalls (made and called by slow_upcall_plan.c and slow_upcall.c, see runtime/closure.h) ---- */

/* One argument of libffi's on its way into the handler's memory: the slots, or the values behind the pointers. */
typedef struct SlowMove {
    uint32_t to;      /* byte of that memory */
    uint32_t size;    /* 0: the handler reads it where it is */
    uint8_t extended; /* it fills a slot */
    uint8_t extension;
} SlowMove;

/* What an element of the pointers points to. */
typedef struct SlowPointer {
    uint32_t to;       /* byte of the handler's memory, */
    uint32_t argument; /* or, in place, the first byte of that argument of libffi's */
    bool in_place;
} SlowPointer;

typedef enum SlowResult {
    SLOW_NOTHING, /* void, or no bytes */
    SLOW_INTEGER, /* fills an ffi_arg */
    SLOW_BYTES,   /* exactly its own */
    SLOW_HIDDEN   /* in C's memory, the address of which is returned */
} SlowResult;

/* Immutable once made. */
struct SlowUpcall {
    ffi_cif *cif;
    const SlowMove *moves; /* hidden pointer not counted */
    uint32_t move_count;
    const SlowPointer *pointers; /* FERRY_POINTERS; else NULL */
    uint32_t sources;            /* of the arguments; with a cursor its address is behind them */
    uint32_t memory;             /* bytes */
    uint32_t memory_alignment;
    uint32_t result_size;
    uint32_t result_alignment; /* of the memory that the handler gets */
    uint8_t result;            /* SlowResult */
    uint8_t result_extension;
    bool cursor;
    uint8_t first[BANK_COUNT]; /* with a cursor: registers that are left, */
    uint8_t end[BANK_COUNT];   /* up to that one */
};

#endif
