/* abi/target.h: one ABI as data.
 *
 * A target is a row of designated initialisers and two placing functions; the rows are listed once in target/table.c.
 * Rules are flags named by what they say, never by an operating system.
 */
#ifndef FERRY_ABI_TARGET_H
#define FERRY_ABI_TARGET_H

#include "abi/type.h"

typedef struct Layout Layout;
typedef struct Placement Placement;
typedef struct Placer Placer;
typedef struct PlacedValue PlacedValue;

/* A register file. Registers are numbered from 0 within their bank, in the order of the target's row. */
typedef enum Bank {
    BANK_GENERAL, /* integer registers */
    BANK_FLOAT,   /* floating-point and vector registers */
    BANK_X87,     /* st0, st1: results only */
    BANK_COUNT
} Bank;

typedef struct BankRow {
    const char *const *names;   /* all registers that placements of this target may name */
    const char *const *names32; /* the same registers by the name of their 32- and 64-byte forms; */
    const char *const *names64; /* NULL: there are none */
    uint8_t count;
    uint8_t arguments;      /* the first so many of them carry arguments, in this order */
    const uint8_t *results; /* numbers of those that carry results, in order */
    uint8_t result_count;
    uint8_t bytes; /* width */
} BankRow;

/* Size and alignment of a scalar in bytes; size 0: the target has no such type. Alignment is that inside a struct. */
typedef struct ScalarRow {
    uint8_t size;
    uint8_t alignment;
} ScalarRow;

typedef struct Target {
    const char *name;         /* "x86_64-sysv" */
    const char *description;  /* for people */
    const char *triple;       /* LLVM's, normalised */
    const char *cpu_features; /* LLVM's, e.g. "+avx"; "" for the base line */
    const char *baseline;     /* the row of the family whose code asks for the least: where a shape is the same on both
                                 rows, its code runs here too */
    const char *sources;      /* the documents behind the row */

    /* data model */
    ScalarRow scalars[FERRY_SCALAR_COUNT];
    ScalarRow pointer;
    bool char_is_signed;
    bool wchar_is_signed;
    bool big_endian;
    uint8_t vector_alignment_limit; /* a vector aligns to its size, at most to this */

    /* calls */
    BankRow banks[BANK_COUNT];
    bool int_upper_half_free; /* what an argument of 4 bytes leaves of its register or its slot may hold anything */
    uint8_t slot_size;
    uint8_t stack_alignment;
    uint8_t vector_register_bytes; /* 16, 32 (AVX), 64 (AVX-512): the widest vector that travels in one register */

    MUST_USE ferry_code (*place_arg)(Placer *placer, PlacedValue *value, ferry_error *error);
    MUST_USE ferry_code (*place_ret)(Placer *placer, PlacedValue *value, ferry_error *error);
} Target;

/* target/table.c */
size_t target_count(void);
const Target *target_at(size_t index);
const Target *target_find(const char *name); /* NULL: no such row */

/* kind.c: questions that need the target. Enums and ALIGNED are looked through; pointers are unsigned integers. */
bool type_is_signed(const Target *target, const Type *type);
bool type_is_integral(const Type *type); /* integer, _Bool, enum or pointer */

#endif
