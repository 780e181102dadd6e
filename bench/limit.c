/* limit.c: the wrappers a person would write by hand for each signature, in both conventions:
 *
 *   void w(function, arguments, result)
 */
#ifndef FERRY_BENCH_SIGNATURES_H
#include "bench/limit.h"
#include "bench/signatures.h"
#endif

#define IN_SLOT(type, index) (*(type const *)((const char *)arguments + 8 * (index)))
#define BEHIND(type, index)  (*(type const *)((const void *const *)arguments)[index])

#define WRAPPER(convention, name, result, types, values)                                                               \
    void NAME(PREFIX, convention, name)(void *function, const void *arguments, void *where);                           \
    HOW_##result __attribute__((section(SECTION(CODE(PREFIX, convention, name))))) void NAME(                          \
        PREFIX, convention, name)(void *function, const void *arguments, void *where) {                                \
        (void)arguments;                                                                                               \
        KEEP_##result(where, ((result(*) types)function)values);                                                       \
    }
#define SLOTS_WRAPPER(name, result, types, values)    WRAPPER(slots, name, result, types, values)
#define POINTERS_WRAPPER(name, result, types, values) WRAPPER(pointers, name, result, types, values)

SIGNATURES(SLOTS_WRAPPER, IN_SLOT)
SIGNATURES(POINTERS_WRAPPER, BEHIND)
