/* trampolines/code.h: living code. The whole internal interface of this room.
 *
 * A code space belongs to one engine and is used under the engine's lock. It holds slabs: pieces of a memfd that are
 * mapped twice, once writable and once executable, so that no page is ever both. Each slab is for code of one size
 * class and has one unwind table, which lies before the code and is registered once.
 *
 *   slab     +--------------------------------------------------------------+
 *            | unwind table | code | code | code | ...           free       |
 *            +--------------------------------------------------------------+
 *            each code starts at a multiple of 16
 *
 * After a fork both processes share the slabs that were there. Code that was made before goes on running in both, so
 * its place is not used again by either; the child makes new code in new slabs only.
 */
#ifndef FERRY_TRAMPOLINES_CODE_H
#define FERRY_TRAMPOLINES_CODE_H

#include "abi/base.h"
#include "trampolines/blob.h"

typedef struct CodeSpace CodeSpace;

/* Code that was placed and may run. Owned by its code space. */
typedef struct Code {
    const void *entry; /* executable address */
    uint32_t code_size;
    uint32_t unwind_size;
} Code;

typedef struct CodeOptions {
    bool perf_map;       /* append to /tmp/perf-PID.map */
    bool gdb;            /* register with GDB's JIT interface */
    bool library_thunks; /* of thunks: first those that come with the library, so that no memory is made executable */
} CodeOptions;

typedef struct CodeStatistics {
    size_t blobs;
    size_t code_bytes;
    size_t unwind_bytes;
    size_t used_bytes;
    size_t mapped_bytes;
} CodeStatistics;

/* space.c. Opening maps nothing yet. */
MUST_USE ferry_code code_space_open(const ferry_allocator *allocator, const CodeOptions *options, CodeSpace **space,
                                    ferry_error *error);
void code_space_close(CodeSpace *space); /* all code is gone; NULL is allowed */

/* Copies the blob into a slab, completes and registers its unwind table, tells debuggers and profilers.
 * FERRY_NO_CODE, naming the call that failed, where the system gives no executable memory; FERRY_OUT_OF_MEMORY where
 * it is short of memory or descriptors now. */
MUST_USE ferry_code code_add(CodeSpace *space, const Blob *blob, Code **code, ferry_error *error);

/* FERRY_NO_CODE, as code_add, where the system gives no executable memory: known before there is any code. */
MUST_USE ferry_code code_try(const CodeSpace *space, ferry_error *error);

/* Takes code away; its place in the slab is used again. No thread may be running it. */
void code_remove(CodeSpace *space, Code *code);

/* process.c: counts forks from now on. Whoever has fork handlers of its own that take a lock which is held while code
 * is added calls this before it gives them to the C library: then the locks are taken in one order. */
MUST_USE ferry_code process_watch(ferry_error *error);

void code_statistics(const CodeSpace *space, CodeStatistics *statistics);

#endif
