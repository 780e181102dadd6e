/* abi/target/x86_64_sysv.h: the classes of System V x86-64 (private to x86_64_sysv*.c). */
#ifndef FERRY_ABI_TARGET_X86_64_SYSV_H
#define FERRY_ABI_TARGET_X86_64_SYSV_H

#include "abi/place.h"

#define EIGHTBYTES 8

typedef enum Class { NO_CLASS, INTEGER, SSE, SSEUP, X87, X87UP, COMPLEX_X87, MEMORY } Class;

typedef struct Classes {
    Class of[EIGHTBYTES];
    size_t count;    /* 1 with MEMORY in it when the value is MEMORY */
    const char *why; /* it is MEMORY */
} Classes;

static inline Classes sysv_memory(const char *why) {
    return (Classes){.of = {MEMORY}, .count = 1, .why = why};
}

/* Where the document leaves room, compilers read it differently. ferry follows gcc, the platform's own compiler, and
 * tells where clang does something else. */
typedef struct Reading {
    bool unnamed_bitfields;  /* are INTEGER; else padding */
    bool flexible_in_memory; /* a flexible array member makes the struct MEMORY */
    bool arrays_by_element;  /* each element of an array is classified; else the first one's classes are repeated */
    bool first_two_decide; /* of what is larger than 16 bytes only the first two eightbytes count, and arrays do not */
    bool members_fill;     /* of a struct larger than 16 bytes, or it is MEMORY: empty ones do not */
    bool aligned_aggregates; /* a misaligned struct, union or array is MEMORY, whatever is in it */
    bool union_bitfields;    /* a union's bit-field is classified as an integer of the next power of two of bits */
    bool whole_bitfields;    /* a bit-field of the width and at the place of an integer is an ordinary field */
    bool float128_vectors;   /* travel in vector registers; else MEMORY */
    bool float_in_4_is_int;  /* a 4-byte vector of a floating type is INTEGER; else MEMORY */
} Reading;

extern const Reading sysv_gcc;
extern const Reading sysv_clang;

/* x86_64_sysv_classify.c. Fails for types that contain one another too often to be walked through. */
MUST_USE ferry_code sysv_classify(const Layout *layout, const Target *target, const Reading *reading, Classes *classes,
                                  ferry_error *error);

#endif
