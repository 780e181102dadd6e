/* abi/parse_names.c: the names of <stdint.h>, <stddef.h> and a few others that every text may use. A text may declare
 * them itself; then its own meaning counts. */
#include "abi/parse_internal.h"

#include <string.h>

typedef ferry_code Maker(TypeTable *types, const Type **type, ferry_error *error);

struct KnownName {
    const char *name;
    ferry_kind kind;
    Maker *make; /* NULL: the scalar of that kind */
};

/* gcc's <stddef.h> on 64-bit targets. */
static ferry_code make_max_align(TypeTable *types, const Type **type, ferry_error *error) {
    Member members[2] = {{.name = "__max_align_ll", .alignment = 8}, {.name = "__max_align_ld", .alignment = 16}};
    TRY(type_scalar(types, FERRY_LLONG, &members[0].type, error));
    TRY(type_scalar(types, FERRY_LONG_DOUBLE, &members[1].type, error));
    return type_record(types, FERRY_STRUCT, NULL, members, COUNT_OF(members), NULL, type, error);
}

static ferry_code make_null_pointer(TypeTable *types, const Type **type, ferry_error *error) {
    const Type *nothing;
    TRY(type_scalar(types, FERRY_VOID, &nothing, error));
    return type_pointer(types, nothing, type, error);
}

static ferry_code make_file(TypeTable *types, const Type **type, ferry_error *error) {
    return type_incomplete(types, FERRY_STRUCT, "_IO_FILE", type, error);
}

static ferry_code refuse_va_list(TypeTable *types, const Type **type, ferry_error *error) {
    (void)types;
    (void)type;
    return fail(error, FERRY_UNSUPPORTED,
                "'va_list' is not supported: it is another type on every target; declare the function with '...'");
}

/* Where a name is the same type on every target it is that kind; the others are kinds of their own. */
static const KnownName known_names[] = {
    {"bool", FERRY_BOOL, NULL},
    {"int8_t", FERRY_INT8, NULL},
    {"uint8_t", FERRY_UINT8, NULL},
    {"int16_t", FERRY_INT16, NULL},
    {"uint16_t", FERRY_UINT16, NULL},
    {"int32_t", FERRY_INT32, NULL},
    {"uint32_t", FERRY_UINT32, NULL},
    {"int64_t", FERRY_INT64, NULL},
    {"uint64_t", FERRY_UINT64, NULL},
    {"int_least8_t", FERRY_INT8, NULL},
    {"uint_least8_t", FERRY_UINT8, NULL},
    {"int_least16_t", FERRY_INT16, NULL},
    {"uint_least16_t", FERRY_UINT16, NULL},
    {"int_least32_t", FERRY_INT32, NULL},
    {"uint_least32_t", FERRY_UINT32, NULL},
    {"int_least64_t", FERRY_INT64, NULL},
    {"uint_least64_t", FERRY_UINT64, NULL},
    {"int_fast8_t", FERRY_SCHAR, NULL},
    {"uint_fast8_t", FERRY_UCHAR, NULL},
    {"int_fast16_t", FERRY_INT_FAST16, NULL},
    {"uint_fast16_t", FERRY_UINT_FAST16, NULL},
    {"int_fast32_t", FERRY_INT_FAST32, NULL},
    {"uint_fast32_t", FERRY_UINT_FAST32, NULL},
    {"int_fast64_t", FERRY_INT64, NULL},
    {"uint_fast64_t", FERRY_UINT64, NULL},
    {"intmax_t", FERRY_INT64, NULL},
    {"uintmax_t", FERRY_UINT64, NULL},
    {"intptr_t", FERRY_INTPTR, NULL},
    {"uintptr_t", FERRY_UINTPTR, NULL},
    {"size_t", FERRY_SIZE, NULL},
    {"ssize_t", FERRY_SSIZE, NULL},
    {"ptrdiff_t", FERRY_PTRDIFF, NULL},
    {"wchar_t", FERRY_WCHAR, NULL},
    {"wint_t", FERRY_UINT, NULL},
    {"char8_t", FERRY_UCHAR, NULL},
    {"char16_t", FERRY_UINT16, NULL},
    {"char32_t", FERRY_UINT32, NULL},
    {"__int128_t", FERRY_INT128, NULL},
    {"__uint128_t", FERRY_UINT128, NULL},
    {"max_align_t", FERRY_STRUCT, make_max_align},
    {"nullptr_t", FERRY_POINTER, make_null_pointer},
    {"FILE", FERRY_STRUCT, make_file},
    {"va_list", FERRY_VOID, refuse_va_list},
    {"__builtin_va_list", FERRY_VOID, refuse_va_list},
    {"__gnuc_va_list", FERRY_VOID, refuse_va_list},
};

const KnownName *known_find(const char *name, size_t length) {
    for (size_t index = 0; index < COUNT_OF(known_names); index++) {
        const KnownName *known = &known_names[index];
        if (strncmp(known->name, name, length) == 0 && known->name[length] == '\0') return known;
    }
    return NULL;
}

bool known_at(size_t index, const char **name) {
    if (index >= COUNT_OF(known_names)) return false;
    *name = known_names[index].name;
    return true;
}

ferry_code known_type(const KnownName *name, TypeTable *types, const Type **type, ferry_error *error) {
    if (name->make != NULL) return name->make(types, type, error);
    return type_scalar(types, name->kind, type, error);
}
