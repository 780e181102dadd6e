/* limit.c: the wrappers a person would write by hand for each signature, in both conventions:
 *
 *   void w(function, arguments, result)
 *
 * Compiled once by gcc and once by clang at -O2, with PREFIX telling them apart, and once more by TinyCC from memory.
 * The faster of the first two is the limit that ferry is measured against.
 */
#ifndef FERRY_BENCH_SIGNATURES_H
#include "bench/signatures.h"
#endif

#define JOIN(prefix, convention, name) prefix##_##convention##_##name
#define NAME(prefix, convention, name) JOIN(prefix, convention, name)

#define IN_SLOT(type, index) (*(type const *)((const char *)arguments + 8 * (index)))
#define BEHIND(type, index)  (*(type const *)((const void *const *)arguments)[index])

/* Left alone, both compilers move the 24 bytes with vectors: slots that were just written one by one then stall the
 * load (10 ns instead of 4). Whoever writes such a wrapper by hand and looks at it asks for general registers. */
#ifndef __TINYC__
#define HOW_Triple __attribute__((target("general-regs-only")))
#else
#define HOW_Triple
#endif
#define HOW_void
#define HOW_int
#define HOW_long
#define HOW_double
#define HOW_Pair

/* A section of its own for each: the linker then says where its code begins and ends. */
#define QUOTED(name)  #name
#define SECTION(name) QUOTED(name)
#define CODE(p, c, n) JOIN(p, c, n##_code)

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
