/* ffi.c: libffi's description of a row. */
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
