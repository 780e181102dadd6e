/* callees.h: the C functions that are called, callee_NAME for each of the signatures, and the handlers that do the same
 * when C calls the VM: handle_slots_NAME and handle_pointers_NAME as ferry wants them, handle_ffi_NAME as libffi does.
 */
#ifndef FERRY_BENCH_CALLEES_H
#define FERRY_BENCH_CALLEES_H

#include <ffi.h>

#include "bench/signatures.h"

#define NO_VALUE(type, index)
#define CALLEE(name, result, types, values) result callee_##name types;
SIGNATURES(CALLEE, NO_VALUE)
#undef CALLEE

#define HANDLERS(name, result, types, values)                                                                          \
    void handle_slots_##name(void *context, void *arguments, void *where);                                             \
    void handle_pointers_##name(void *context, void *arguments, void *where);                                          \
    void handle_ffi_##name(ffi_cif *cif, void *where, void **arguments, void *context);
FIXED_SIGNATURES(HANDLERS, NO_VALUE)
#undef HANDLERS

extern long callee_none_ran; /* 1 once callee_none or its handler was called: it has no result to check */

#endif
