/* limit.h: what the two texts written by hand share, limit.c (wrappers) and stubs.c (stubs).
 *
 * Both are compiled once by gcc and once by clang at -O2, with PREFIX telling them apart, and once more by TinyCC from
 * memory. The faster of the first two is the limit that ferry is measured against.
 */
#ifndef FERRY_BENCH_LIMIT_H
#define FERRY_BENCH_LIMIT_H

/* What a stub finds its handler by, laid out as a closure's cell. A thunk jumps to entry with the cell in the register
 * of the static chain; a static one lies at an address that is written into the stub. */
typedef struct LimitCell {
    const void *entry;
    void (*handler)(void *context, void *arguments, void *result);
    void *context;
    long errno_offset; /* from the thread pointer, as a linker's table would have it */
} LimitCell;

#define STATIC_CELL_ADDRESS 0x20000000 /* fits into an instruction */

#define JOIN(prefix, kind, name) prefix##_##kind##_##name
#define NAME(prefix, kind, name) JOIN(prefix, kind, name)

/* Left alone, both compilers move the 24 bytes with vectors: slots that were just written one by one then stall the
 * load (10 ns instead of 4). Whoever writes such code by hand and looks at it asks for general registers. */
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
#define CODE(p, k, n) JOIN(p, k, n##_code)

#endif
