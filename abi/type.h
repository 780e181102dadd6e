/* abi/type.h: interned types and signatures (the public ones are documented in ferry/type.h).
 *
 * Nothing in this room locks: one table is used by one thread at a time (runtime/ holds the engine's lock).
 */
#ifndef FERRY_ABI_TYPE_H
#define FERRY_ABI_TYPE_H

#include "abi/base.h"
#include "ferry/type.h"

typedef struct ferry_type Type;
typedef struct ferry_signature Signature;
typedef struct ferry_member Member;
typedef struct TypeTable TypeTable;

/* Limits, so that no input can exhaust the stack or the time of a compile. A hostile build makes them tiny. */
#ifndef TYPE_DEPTH_LIMIT
#define TYPE_DEPTH_LIMIT 200 /* types nested by value, by pointer or through functions */
#endif
#ifndef TYPE_MEMBER_LIMIT
#define TYPE_MEMBER_LIMIT 65536
#endif
#ifndef SIGNATURE_PARAMETER_LIMIT
#define SIGNATURE_PARAMETER_LIMIT 1024
#endif

struct ferry_type {
    TypeTable *table; /* owner */
    uint64_t hash;    /* of everything below */
    uint32_t id;      /* counts from 0 in the order of interning */
    ferry_kind kind;
    uint32_t depth;             /* 1 + the largest depth of what it is made of */
    bool packed;                /* STRUCT, UNION */
    bool complete;              /* false: a tag without members, and what contains it */
    uint64_t count;             /* ARRAY: elements, or FERRY_FLEXIBLE; VECTOR: bytes, as in vector_size */
    uint64_t alignment;         /* STRUCT, UNION, ALIGNED: the attribute's, or 0 */
    const Type *base;           /* ENUM, POINTER, ARRAY, VECTOR, ALIGNED */
    const char *name;           /* STRUCT, UNION, ENUM: the tag, or NULL */
    const Signature *signature; /* FUNCTION */
    const Member *members;      /* STRUCT, UNION */
    size_t member_count;
};

struct ferry_signature {
    TypeTable *table;
    uint64_t hash;
    uint32_t id;
    uint32_t depth;
    const Type *result;
    const Type *const *parameters; /* the fixed ones, then the variadic ones of this call */
    size_t count;
    size_t fixed; /* parameters before the `...`; == count unless variadic */
    bool variadic;
    bool of_call;           /* variadic: the arguments after the fixed ones are known (there may be none of them) */
    void *_Atomic *runtime; /* what the runtime knows of it (a cell per binding option), zeroed; see SIGNATURE_CELLS */
};
/* Of downcalls: conventions x capture_errno; from SIGNATURE_UPCALLS on of upcalls: conventions x handler_errno. */
#define SIGNATURE_UPCALLS 4
#define SIGNATURE_CELLS   8

struct TypeTable {
    Arena arena;
    Table types;
    Table signatures;
    Table names;
    uint32_t next_id;
    const Type *scalars[FERRY_SCALAR_COUNT];
};

/* type.c, signature.c: making and interning. All arguments are checked; failures leave the table as it was. */
MUST_USE ferry_code type_table_open(TypeTable *table, const ferry_allocator *allocator, ferry_error *error);
void type_table_close(TypeTable *table);

MUST_USE ferry_code type_scalar(TypeTable *table, ferry_kind kind, const Type **type, ferry_error *error);
MUST_USE ferry_code type_pointer(TypeTable *table, const Type *base, const Type **type, ferry_error *error);
MUST_USE ferry_code type_array(TypeTable *table, const Type *base, uint64_t count, const Type **type,
                               ferry_error *error);
MUST_USE ferry_code type_vector(TypeTable *table, const Type *base, uint32_t bytes, const Type **type,
                                ferry_error *error);
MUST_USE ferry_code type_enum(TypeTable *table, const char *name, const Type *underlying, const Type **type,
                              ferry_error *error);
MUST_USE ferry_code type_record(TypeTable *table, ferry_kind kind, const char *name, const Member *members,
                                size_t count, const ferry_record_options *options, const Type **type,
                                ferry_error *error);
MUST_USE ferry_code type_incomplete(TypeTable *table, ferry_kind kind, const char *name, const Type **type,
                                    ferry_error *error);
MUST_USE ferry_code type_aligned(TypeTable *table, const Type *base, uint64_t alignment, const Type **type,
                                 ferry_error *error);
MUST_USE ferry_code type_function(TypeTable *table, const Signature *signature, const Type **type, ferry_error *error);
MUST_USE ferry_code signature_create(TypeTable *table, const Type *result, const Type *const *parameters, size_t count,
                                     bool variadic, const Signature **signature, ferry_error *error);
MUST_USE ferry_code signature_of_call(TypeTable *table, const Signature *fixed, const Type *const *arguments,
                                      size_t count, const Signature **signature, ferry_error *error);
/* FERRY_INVALID for what C promotes to another type: no variadic argument has it. index: of the variadic arguments. */
MUST_USE ferry_code type_check_promoted(const Type *type, size_t index, ferry_error *error);
MUST_USE ferry_code type_intern_name(TypeTable *table, const char *name, size_t length, const char **interned,
                                     ferry_error *error);

/* kind.c: questions that need no target. */
bool kind_is_integer(ferry_kind kind); /* _Bool, char and the pointer-sized ones included; not enums or pointers */
bool kind_is_real(ferry_kind kind);
bool kind_is_complex(ferry_kind kind);
ferry_kind kind_of_complex_part(ferry_kind kind); /* COMPLEX_FLOAT -> FLOAT */
const char *kind_spelling(ferry_kind kind);
const Type *type_strip(const Type *type); /* without ALIGNED */

/* spell.c */
size_t type_spell(const Type *type, const char *name, char *buffer, size_t size);
size_t signature_spell(const Signature *signature, const char *name, char *buffer, size_t size);

#endif
