/* trampolines/thunk.h: thunks, the function pointers of closures.
 *
 * A thunk and its cell stand at a constant distance from each other, so that all thunks are the same code and making a
 * closure writes data only:
 *
 *     code   | thunk | thunk | thunk | ...        never writable; the same few pages of a memfd,
 *            +-------------------------           mapped again and again
 *            :  THUNK_SPAN bytes
 *     data   +-------------------------
 *            | cell  | cell  | cell  | ...        private, writable, never executable
 *
 *     thunk:  static chain = own address + THUNK_SPAN, that is its cell; jump to what the cell's first word says
 *
 *     code(cell) = cell - THUNK_SPAN        THUNK_BYTES = size of a cell = size of a thunk with its padding
 *
 * A fork's child has its own copy of the cells and the same code: both processes work on.
 */
#ifndef FERRY_TRAMPOLINES_THUNK_H
#define FERRY_TRAMPOLINES_THUNK_H

#include "abi/base.h"
#include "trampolines/code.h"

#define THUNK_BYTES 48
#define THUNK_SPAN  ((size_t)2 << 20)

typedef struct ThunkSpace ThunkSpace;

/* thunk.c. Opening maps nothing yet. options: as for the code space. */
MUST_USE ferry_code thunk_space_open(const ferry_allocator *allocator, const CodeOptions *options, ThunkSpace **space,
                                     ferry_error *error);
void thunk_space_close(ThunkSpace *space); /* all thunks are gone; NULL is allowed */

/* Takes a run of neighbouring cells that were never used before: *count of them, at most `most`, at least one; the
 * first is aligned to 16 and all are zero. They are never given back. Any thread.
 * FERRY_NO_CODE, naming the call that failed, where the system gives no executable memory; FERRY_OUT_OF_MEMORY where it
 * is short of memory, descriptors or mappings now. */
MUST_USE ferry_code thunk_take(ThunkSpace *space, size_t most, void **first, size_t *count, ferry_error *error);

/* Bytes mapped for cells, and for thunks (all of which are the same few pages). Any thread. */
void thunk_statistics(ThunkSpace *space, size_t *data_bytes, size_t *code_bytes);

/* The code of a cell. */
static inline const void *thunk_code(const void *cell) {
    return (const char *)cell - THUNK_SPAN;
}

#endif
