/* kind.c: questions about kinds, answered from tables. */
#include "abi/target.h"

typedef enum KindClass {
    CLASS_NONE,
    CLASS_SIGNED,
    CLASS_UNSIGNED,
    CLASS_CHAR,
    CLASS_WCHAR,
    CLASS_REAL,
    CLASS_COMPLEX
} KindClass;

static const char *const spellings[FERRY_SCALAR_COUNT] = {
#define SPELLING(name, spelling) [FERRY_##name] = (spelling),
    FERRY_SCALARS(SPELLING)
#undef SPELLING
};

static const KindClass classes[FERRY_SCALAR_COUNT] = {
    [FERRY_CHAR] = CLASS_CHAR,
    [FERRY_WCHAR] = CLASS_WCHAR,
    [FERRY_SCHAR] = CLASS_SIGNED,
    [FERRY_SHORT] = CLASS_SIGNED,
    [FERRY_INT] = CLASS_SIGNED,
    [FERRY_LONG] = CLASS_SIGNED,
    [FERRY_LLONG] = CLASS_SIGNED,
    [FERRY_INT128] = CLASS_SIGNED,
    [FERRY_INT8] = CLASS_SIGNED,
    [FERRY_INT16] = CLASS_SIGNED,
    [FERRY_INT32] = CLASS_SIGNED,
    [FERRY_INT64] = CLASS_SIGNED,
    [FERRY_INT_FAST16] = CLASS_SIGNED,
    [FERRY_INT_FAST32] = CLASS_SIGNED,
    [FERRY_INTPTR] = CLASS_SIGNED,
    [FERRY_SSIZE] = CLASS_SIGNED,
    [FERRY_PTRDIFF] = CLASS_SIGNED,
    [FERRY_BOOL] = CLASS_UNSIGNED,
    [FERRY_UCHAR] = CLASS_UNSIGNED,
    [FERRY_USHORT] = CLASS_UNSIGNED,
    [FERRY_UINT] = CLASS_UNSIGNED,
    [FERRY_ULONG] = CLASS_UNSIGNED,
    [FERRY_ULLONG] = CLASS_UNSIGNED,
    [FERRY_UINT128] = CLASS_UNSIGNED,
    [FERRY_UINT8] = CLASS_UNSIGNED,
    [FERRY_UINT16] = CLASS_UNSIGNED,
    [FERRY_UINT32] = CLASS_UNSIGNED,
    [FERRY_UINT64] = CLASS_UNSIGNED,
    [FERRY_UINT_FAST16] = CLASS_UNSIGNED,
    [FERRY_UINT_FAST32] = CLASS_UNSIGNED,
    [FERRY_UINTPTR] = CLASS_UNSIGNED,
    [FERRY_SIZE] = CLASS_UNSIGNED,
    [FERRY_FLOAT16] = CLASS_REAL,
    [FERRY_BFLOAT16] = CLASS_REAL,
    [FERRY_FLOAT] = CLASS_REAL,
    [FERRY_DOUBLE] = CLASS_REAL,
    [FERRY_LONG_DOUBLE] = CLASS_REAL,
    [FERRY_FLOAT128] = CLASS_REAL,
    [FERRY_COMPLEX_FLOAT] = CLASS_COMPLEX,
    [FERRY_COMPLEX_DOUBLE] = CLASS_COMPLEX,
    [FERRY_COMPLEX_LONG_DOUBLE] = CLASS_COMPLEX,
    [FERRY_COMPLEX_FLOAT128] = CLASS_COMPLEX,
};

static KindClass class_of(ferry_kind kind) {
    return kind < FERRY_SCALAR_COUNT ? classes[kind] : CLASS_NONE;
}

bool kind_is_integer(ferry_kind kind) {
    KindClass class = class_of(kind);
    return class >= CLASS_SIGNED && class <= CLASS_WCHAR;
}

bool kind_is_real(ferry_kind kind) {
    return class_of(kind) == CLASS_REAL;
}

bool kind_is_complex(ferry_kind kind) {
    return class_of(kind) == CLASS_COMPLEX;
}

ferry_kind kind_of_complex_part(ferry_kind kind) {
    switch (kind) {
    case FERRY_COMPLEX_FLOAT: return FERRY_FLOAT;
    case FERRY_COMPLEX_DOUBLE: return FERRY_DOUBLE;
    case FERRY_COMPLEX_LONG_DOUBLE: return FERRY_LONG_DOUBLE;
    case FERRY_COMPLEX_FLOAT128: return FERRY_FLOAT128;
    default: return FERRY_VOID;
    }
}

const char *kind_spelling(ferry_kind kind) {
    return kind < FERRY_SCALAR_COUNT ? spellings[kind] : NULL;
}

const Type *type_strip(const Type *type) {
    while (type->kind == FERRY_ALIGNED) type = type->base;
    return type;
}

bool type_is_integral(const Type *type) {
    const Type *stripped = type_strip(type);
    return stripped->kind == FERRY_ENUM || stripped->kind == FERRY_POINTER || kind_is_integer(stripped->kind);
}

bool type_is_signed(const Target *target, const Type *type) {
    const Type *stripped = type_strip(type);
    if (stripped->kind == FERRY_ENUM) stripped = stripped->base;
    switch (class_of(stripped->kind)) {
    case CLASS_SIGNED: return true;
    case CLASS_CHAR: return target->char_is_signed;
    case CLASS_WCHAR: return target->wchar_is_signed;
    default: return false;
    }
}
