/* ffi.c: libffi's description of a row. */
#include <stdlib.h>

#include "bench/bench.h"

static ffi_type *pair_members[] = {&ffi_type_double, &ffi_type_double, NULL};
static ffi_type *triple_members[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL};
static ffi_type pair_type = {.type = FFI_TYPE_STRUCT, .elements = pair_members};
static ffi_type triple_type = {.type = FFI_TYPE_STRUCT, .elements = triple_members};

static ffi_type *type_of(char letter) {
    switch (letter) {
    case 'i': return &ffi_type_sint;
    case 'l': return &ffi_type_slong;
    case 'd': return &ffi_type_double;
    case 'f': return &ffi_type_float;
    case 's': return &ffi_type_sshort;
    case 'c': return &ffi_type_schar;
    case 'p': return &ffi_type_pointer;
    case 'P': return &pair_type;
    case 'T': return &triple_type;
    default: return &ffi_type_void;
    }
}

bool ffi_prepare(const Row *row, ffi_cif *cif, ffi_type **parameters) {
    unsigned count = 0;
    for (; row->parameters[count] != 0; count++) parameters[count] = type_of(row->parameters[count]);
    ffi_type *result = type_of(row->result);
    if (row->fixed != 0)
        return ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, (unsigned)row->fixed, count, result, parameters) == FFI_OK;
    return ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, parameters) == FFI_OK;
}

/* ---- types of ferry's ---- */

static ffi_type *integer_of(ferry_engine *engine, const ferry_type *type, bool is_signed) {
    static ffi_type *const types[2][4] = {
        {&ffi_type_uint8, &ffi_type_uint16, &ffi_type_uint32, &ffi_type_uint64},
        {&ffi_type_sint8, &ffi_type_sint16, &ffi_type_sint32, &ffi_type_sint64},
    };
    ferry_extent extent;
    ferry_error error;
    if (ferry_type_measure(engine, type, &extent, &error) != FERRY_OK || extent.size > 8) return NULL;
    return types[is_signed][__builtin_ctzll(extent.size)];
}

static ffi_type *record_of(ferry_engine *engine, const ferry_type *type) {
    size_t count = ferry_type_member_count(type);
    ffi_type *record = calloc(1, sizeof *record);
    ffi_type **elements = calloc(count + 1, sizeof *elements);
    if (record == NULL || elements == NULL) abort();
    *record = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = elements};
    for (size_t k = 0; k < count; k++) {
        elements[k] = ffi_type_of(engine, ferry_type_member(type, k)->type);
        if (elements[k] != NULL) continue;
        free(elements);
        free(record);
        return NULL;
    }
    return record;
}

ffi_type *ffi_type_of(ferry_engine *engine, const ferry_type *type) {
    switch (ferry_type_kind(type)) {
    case FERRY_VOID: return &ffi_type_void;
    case FERRY_FLOAT: return &ffi_type_float;
    case FERRY_DOUBLE: return &ffi_type_double;
    case FERRY_LONG_DOUBLE: return &ffi_type_longdouble;
    case FERRY_POINTER: return &ffi_type_pointer;
    case FERRY_STRUCT: return record_of(engine, type);
    case FERRY_ENUM: return ffi_type_of(engine, ferry_type_base(type));
    case FERRY_CHAR:
    case FERRY_SCHAR:
    case FERRY_SHORT:
    case FERRY_INT:
    case FERRY_LONG:
    case FERRY_LLONG:
    case FERRY_INT8:
    case FERRY_INT16:
    case FERRY_INT32:
    case FERRY_INT64:
    case FERRY_INTPTR:
    case FERRY_SSIZE:
    case FERRY_PTRDIFF:
    case FERRY_WCHAR: return integer_of(engine, type, true);
    case FERRY_BOOL:
    case FERRY_UCHAR:
    case FERRY_USHORT:
    case FERRY_UINT:
    case FERRY_ULONG:
    case FERRY_ULLONG:
    case FERRY_UINT8:
    case FERRY_UINT16:
    case FERRY_UINT32:
    case FERRY_UINT64:
    case FERRY_UINTPTR:
    case FERRY_SIZE: return integer_of(engine, type, false);
    default: return NULL;
    }
}

ffi_type **ffi_types_of(ferry_engine *engine, const ferry_signature *signature) {
    size_t count = ferry_signature_count(signature);
    ffi_type **types = calloc(count + 1, sizeof *types);
    for (size_t k = 0; types != NULL && k <= count; k++) {
        const ferry_type *type =
            k < count ? ferry_signature_parameter(signature, k) : ferry_signature_result(signature);
        types[k] = ffi_type_of(engine, type);
        if (types[k] == NULL) {
            free(types);
            return NULL;
        }
    }
    return types;
}
