/* abi/place.h: the plan of one signature on one target; the single source of truth.
 *
 *     struct { double x; long n; } f(int a, struct { float f[3]; } b, long double c)      x86-64 System V
 *
 *     value   mode        pieces
 *     result  DIRECT      [0,8) xmm0   [8,16) rax
 *     a       DIRECT      [0,4) rdi, extended
 *     b       DIRECT      [0,8) xmm0   [8,12) xmm1
 *     c       DIRECT      [0,16) stack+0
 *
 * Verified when built (place_verify): the pieces of a DIRECT value are ordered, do not overlap, and cover every byte
 * of every leaf; no register and no stack byte is given out twice; stack offsets respect the slot size and the
 * alignment.
 */
#ifndef FERRY_ABI_PLACE_H
#define FERRY_ABI_PLACE_H

#include "abi/layout.h"

typedef enum Mode {
    MODE_IGNORED, /* nothing travels: void, empty structs */
    MODE_DIRECT,  /* the value's own bytes travel, in its pieces */
    MODE_POINTER, /* a pointer travels in the one piece. Of an argument: to a copy that the caller made. Of the
                     result: to the caller's memory (the hidden result); see also Placement.hidden_result */
} Mode;

typedef struct Piece {
    bool on_stack;
    Bank bank;             /* in a register */
    uint8_t number;        /* in a register: its number in the bank */
    uint32_t offset;       /* first byte of the value that it carries */
    uint32_t size;         /* how many; of MODE_POINTER the pointer's */
    uint64_t stack_offset; /* on the stack: from the first byte of the argument area */
} Piece;

/* No ABI spreads one value over more places. */
#define PIECE_LIMIT 8

/* More cannot be passed: no stack has room for it. */
#define STACK_LIMIT (UINT64_C(1) << 30)

/* How an integer of less than a slot is widened to fill one. */
typedef enum Extension { EXTEND_NONE, EXTEND_ZERO, EXTEND_SIGN } Extension;

struct PlacedValue {
    const Type *type;
    const Layout *layout; /* NULL for void */
    Mode mode;
    Extension extension;
    bool variadic; /* after the `...` */
    uint8_t piece_count;
    uint64_t stack_alignment; /* of a piece on the stack: what its offset was rounded up to */
    Piece *pieces;            /* room for PIECE_LIMIT, of which piece_count are there */
    const char *rule;         /* the rule that decided, for people: "MEMORY: larger than 16 bytes" */
    const char *dispute;      /* where gcc and clang disagree: what each does; NULL elsewhere */
};

struct Placement {
    const Target *target;
    const Signature *signature;
    PlacedValue result;
    PlacedValue *values; /* one for each parameter */
    size_t count;
    bool hidden_result;   /* result.pieces[0] says in which argument register its address travels */
    uint8_t general_used; /* argument registers */
    uint8_t float_used;
    uint8_t vector_count;     /* what AL says in a variadic call */
    uint64_t stack_size;      /* of the argument area, a multiple of the slot size */
    uint64_t stack_alignment; /* of the argument area: the target's, or more for an over-aligned argument */
};

/* The state of placing, handed to the target's two functions. */
struct Placer {
    const Target *target;
    LayoutTable *layouts;
    Placement *placement;
    Arena *arena;
    uint8_t used[BANK_COUNT];
    uint64_t stack; /* next free byte of the argument area */
    bool is_variadic_call;
};

/* place.c */
MUST_USE ferry_code place_signature(LayoutTable *layouts, Arena *arena, const Signature *signature,
                                    const Placement **placement, ferry_error *error);
MUST_USE ferry_code place_verify(const Placement *placement, ferry_error *error);
const char *piece_register(const Target *target, const Piece *piece); /* its name */

/* place.c: places the next argument; value is cleared before. For signatures that are not known as a whole. */
MUST_USE ferry_code placer_add(Placer *placer, PlacedValue *value, const Type *type, bool variadic, ferry_error *error);

/* place.c: for the placing functions. placer_take gives the next free register of a bank to a piece. */
void placer_take(Placer *placer, PlacedValue *value, Bank bank, uint32_t offset, uint32_t size);
MUST_USE ferry_code placer_on_stack(Placer *placer, PlacedValue *value, uint64_t alignment, ferry_error *error);

#endif
