/* ferry/type.h: C types and signatures as immutable, interned, target-free values.
 *
 * A type says what C says: `long` is a kind, not a size. Sizes appear when a type meets a target (ferry/target.h).
 * Types and signatures belong to the engine that made them and live as long as it does; nobody frees them. Within one
 * engine equal types are the same pointer. Every function here may be called from any thread.
 *
 * Two ways in: the builders below, and the C declarations of ferry/declare.h.
 */
#ifndef FERRY_TYPE_H
#define FERRY_TYPE_H

#include <stdbool.h>

#include "ferry/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_engine ferry_engine;
typedef struct ferry_type ferry_type;
typedef struct ferry_signature ferry_signature;

/* Every scalar kind, with its spelling in C. The typedefs of <stdint.h> and <stddef.h> whose base type differs from
 * platform to platform are kinds of their own, so that a declaration means the same thing on every target. */
#define FERRY_SCALARS(X)                                                                                               \
    X(VOID, "void")                                                                                                    \
    X(BOOL, "_Bool")                                                                                                   \
    X(CHAR, "char")                                                                                                    \
    X(SCHAR, "signed char")                                                                                            \
    X(UCHAR, "unsigned char")                                                                                          \
    X(SHORT, "short")                                                                                                  \
    X(USHORT, "unsigned short")                                                                                        \
    X(INT, "int")                                                                                                      \
    X(UINT, "unsigned int")                                                                                            \
    X(LONG, "long")                                                                                                    \
    X(ULONG, "unsigned long")                                                                                          \
    X(LLONG, "long long")                                                                                              \
    X(ULLONG, "unsigned long long")                                                                                    \
    X(INT128, "__int128")                                                                                              \
    X(UINT128, "unsigned __int128")                                                                                    \
    X(INT8, "int8_t")                                                                                                  \
    X(UINT8, "uint8_t")                                                                                                \
    X(INT16, "int16_t")                                                                                                \
    X(UINT16, "uint16_t")                                                                                              \
    X(INT32, "int32_t")                                                                                                \
    X(UINT32, "uint32_t")                                                                                              \
    X(INT64, "int64_t")                                                                                                \
    X(UINT64, "uint64_t")                                                                                              \
    X(INT_FAST16, "int_fast16_t")                                                                                      \
    X(UINT_FAST16, "uint_fast16_t")                                                                                    \
    X(INT_FAST32, "int_fast32_t")                                                                                      \
    X(UINT_FAST32, "uint_fast32_t")                                                                                    \
    X(INTPTR, "intptr_t")                                                                                              \
    X(UINTPTR, "uintptr_t")                                                                                            \
    X(SIZE, "size_t")                                                                                                  \
    X(SSIZE, "ssize_t")                                                                                                \
    X(PTRDIFF, "ptrdiff_t")                                                                                            \
    X(WCHAR, "wchar_t")                                                                                                \
    X(FLOAT16, "_Float16")                                                                                             \
    X(BFLOAT16, "__bf16")                                                                                              \
    X(FLOAT, "float")                                                                                                  \
    X(DOUBLE, "double")                                                                                                \
    X(LONG_DOUBLE, "long double")                                                                                      \
    X(FLOAT128, "__float128")                                                                                          \
    X(COMPLEX_FLOAT, "float _Complex")                                                                                 \
    X(COMPLEX_DOUBLE, "double _Complex")                                                                               \
    X(COMPLEX_LONG_DOUBLE, "long double _Complex")                                                                     \
    X(COMPLEX_FLOAT128, "_Complex __float128")

typedef enum ferry_kind {
#define FERRY_SCALAR(name, spelling) FERRY_##name,
    FERRY_SCALARS(FERRY_SCALAR)
#undef FERRY_SCALAR
        FERRY_SCALAR_COUNT,
    FERRY_ENUM = FERRY_SCALAR_COUNT, /* base: the underlying integer type */
    FERRY_POINTER,                   /* base: what it points to, a function type included */
    FERRY_FUNCTION,                  /* signature; never a value, only behind a pointer */
    FERRY_ARRAY,                     /* base, count; only inside structs, unions and behind pointers */
    FERRY_VECTOR,                    /* base, count: bytes, as in vector_size */
    FERRY_STRUCT,                    /* members */
    FERRY_UNION,                     /* members */
    FERRY_ALIGNED                    /* base with the alignment that a typedef's `aligned` attribute gave it */
} ferry_kind;

/* `count` of an array without a bound: a flexible array member. */
#define FERRY_FLEXIBLE UINT64_MAX

/* Members and attributes are copied; nothing handed in need outlive the call. */
typedef struct ferry_member {
    const char *name; /* NULL or "": unnamed. C has that for bit-fields, structs and unions alone; here all members
                         may be unnamed, since names change nothing in memory or in calls */
    const ferry_type *type; /* of the declared type, for a bit-field too */
    bool is_bitfield;
    bool packed;        /* __attribute__((packed)) on this member */
    uint32_t bits;      /* width of a bit-field; 0 for `int : 0` */
    uint64_t alignment; /* _Alignas or __attribute__((aligned)), a power of two; 0: none */
} ferry_member;

typedef struct ferry_record_options {
    bool packed;        /* __attribute__((packed)) on the whole */
    uint64_t alignment; /* __attribute__((aligned)) on the whole, a power of two; 0: none */
} ferry_record_options;

/* The type of a scalar kind; NULL with FERRY_INVALID for another kind. */
FERRY_API const ferry_type *ferry_type_scalar(ferry_engine *engine, ferry_kind kind, ferry_error *error);

/* A pointer to base; base may be void, a function type, or incomplete. */
FERRY_API const ferry_type *ferry_type_pointer(ferry_engine *engine, const ferry_type *base, ferry_error *error);

/* count elements of base, or FERRY_FLEXIBLE. */
FERRY_API const ferry_type *ferry_type_array(ferry_engine *engine, const ferry_type *base, uint64_t count,
                                             ferry_error *error);

/* A GNU vector of `bytes` bytes of an integer or floating base; 4 to 64 bytes, a power of two of elements. */
FERRY_API const ferry_type *ferry_type_vector(ferry_engine *engine, const ferry_type *base, uint32_t bytes,
                                              ferry_error *error);

/* An enumeration; underlying: its integer type (C23's `enum e : T`, or what the compiler chose). name may be NULL. */
FERRY_API const ferry_type *ferry_type_enum(ferry_engine *engine, const char *name, const ferry_type *underlying,
                                            ferry_error *error);

/* A struct or union (kind) with its members in order. name (the tag) may be NULL, options may be NULL; no member at
 * all is the empty struct of GNU C. Only the last member of a struct may be a flexible array. */
FERRY_API const ferry_type *ferry_type_record(ferry_engine *engine, ferry_kind kind, const char *name,
                                              const ferry_member *members, size_t count,
                                              const ferry_record_options *options, ferry_error *error);

/* `struct name;` or `union name;`: may be pointed to, is refused as a value. */
FERRY_API const ferry_type *ferry_type_incomplete(ferry_engine *engine, ferry_kind kind, const char *name,
                                                  ferry_error *error);

/* base as `typedef base T __attribute__((aligned(alignment)))` makes it: larger or smaller than its own alignment. */
FERRY_API const ferry_type *ferry_type_aligned(ferry_engine *engine, const ferry_type *base, uint64_t alignment,
                                               ferry_error *error);

/* The function type of signature, to be pointed to. */
FERRY_API const ferry_type *ferry_type_function(ferry_engine *engine, const ferry_signature *signature,
                                                ferry_error *error);

/* result f(parameters[0], ... parameters[count - 1]); as in C, parameters of array type are pointers.
 * variadic: `...` follows the parameters. Such a signature says nothing yet of a call: see the next function. */
FERRY_API const ferry_signature *ferry_signature_create(ferry_engine *engine, const ferry_type *result,
                                                        const ferry_type *const *parameters, size_t count,
                                                        bool variadic, ferry_error *error);

/* The signature of one call of a variadic function: fixed's parameters, then arguments of these types. They are the
 * types after C's default promotions: float, short, char and _Bool are refused (C passes double and int). */
FERRY_API const ferry_signature *ferry_signature_of_call(ferry_engine *engine, const ferry_signature *fixed,
                                                         const ferry_type *const *arguments, size_t count,
                                                         ferry_error *error);

/* Looking at types. What is returned lives as long as the engine. NULL, 0 or false where the kind has no such part. */
FERRY_API ferry_kind ferry_type_kind(const ferry_type *type);
FERRY_API const char *ferry_type_name(const ferry_type *type); /* the tag of a struct, union or enum */
FERRY_API const ferry_type *ferry_type_base(const ferry_type *type);
FERRY_API uint64_t ferry_type_count(const ferry_type *type);
FERRY_API bool ferry_type_is_complete(const ferry_type *type);
FERRY_API size_t ferry_type_member_count(const ferry_type *type);
FERRY_API const ferry_member *ferry_type_member(const ferry_type *type, size_t index);
FERRY_API const ferry_signature *ferry_type_signature(const ferry_type *type);

FERRY_API const ferry_type *ferry_signature_result(const ferry_signature *signature);
FERRY_API size_t ferry_signature_count(const ferry_signature *signature); /* all, variadic arguments included */
FERRY_API size_t ferry_signature_fixed(const ferry_signature *signature); /* those before the `...` */
FERRY_API const ferry_type *ferry_signature_parameter(const ferry_signature *signature, size_t index);
FERRY_API bool ferry_signature_is_variadic(const ferry_signature *signature);

/* The C spelling of a type, or of a declaration of name with that type (name may be NULL), into buffer, always
 * terminated when size is not 0. Returns the length it would have had, as snprintf does. A spelling of more than 1 MiB
 * (types can contain one another very often) ends there with "...", and its length is counted so. */
FERRY_API size_t ferry_type_format(const ferry_type *type, const char *name, char *buffer, size_t size);
FERRY_API size_t ferry_signature_format(const ferry_signature *signature, const char *name, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
