/* callees.h: the C functions that are called, callee_NAME for each of the signatures. */
#ifndef FERRY_BENCH_CALLEES_H
#define FERRY_BENCH_CALLEES_H

#include "bench/signatures.h"

#define NO_VALUE(type, index)
#define CALLEE(name, result, types, values) result callee_##name types;
SIGNATURES(CALLEE, NO_VALUE)
#undef CALLEE

extern long callee_none_ran; /* 1 once callee_none was called: it has no result to check */

#endif
