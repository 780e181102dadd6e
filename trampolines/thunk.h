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
 * Where the system refuses such mappings there are THUNK_SUPPLY thunks in the library itself, shared by all engines of
 * the process; their cells are the library's too, and code(cell) is another sum. See thunk_supply.c.
 *
 * A fork's child has its own copy of the cells and the same code: both processes work on.
 */
#ifndef FERRY_TRAMPOLINES_THUNK_H
#define FERRY_TRAMPOLINES_THUNK_H

#include "abi/base.h"
#include "trampolines/code.h"

#define THUNK_BYTES 48
#define THUNK_SPAN  ((size_t)2 << 20)

/* Plain numbers: they are put into assembly. */
#define THUNK_SUPPLY   2048
#define THUNK_RELAY_AT 40

typedef struct ThunkSpace ThunkSpace;

/* thunk.c. Opening maps nothing yet. options: as for the code space. */
MUST_USE ferry_code thunk_space_open(const ferry_allocator *allocator, const CodeOptions *options, ThunkSpace **space,
                                     ferry_error *error);
void thunk_space_close(ThunkSpace *space); /* all thunks are gone; NULL is allowed */

/* Takes a run of neighbouring cells that nobody has: *count of them, at most `most`, at least one; the first is aligned
 * to 16 and all are zero. They are given back when the space is closed. Any thread.
 * FERRY_NO_CODE, naming the call that failed, where the system gives no executable memory and all thunks of the library
 * are taken; FERRY_OUT_OF_MEMORY where it is short of memory, descriptors or mappings now. */
MUST_USE ferry_code thunk_take(ThunkSpace *space, size_t most, void **first, size_t *count, ferry_error *error);

/* Bytes mapped for cells, and for thunks (all of which are the same few pages); the cells that the space has of the
 * library's count as well. Any thread. */
void thunk_statistics(ThunkSpace *space, size_t *data_bytes, size_t *code_bytes);

/* Why thunks are the library's: what the system said when it refused the first mapping. "" while it refuses none. Lives
 * as long as the space. Any thread. */
const char *thunk_error(ThunkSpace *space);

/* What a cell's first word may say when the code to go on to has a static chain of its own: it takes the pointer that
 * lies THUNK_RELAY_AT bytes into the cell for the static chain, and jumps to what the first word there says. NULL where
 * there are no thunks for the architecture. */
const void *thunk_relay(void);

/* Of the library, see thunk_supply.c. Not extern variables of a shared library: their addresses are known without it.
 */
extern const unsigned char thunk_supply_code[] __attribute__((visibility("hidden")));
extern unsigned char thunk_supply_cells[] __attribute__((visibility("hidden")));

/* The code of a cell. */
static inline const void *thunk_code(const void *cell) {
    uintptr_t offset = (uintptr_t)cell - (uintptr_t)thunk_supply_cells;
    if (__builtin_expect(offset < (uintptr_t)THUNK_SUPPLY * THUNK_BYTES, 0)) return thunk_supply_code + offset / 3;
    return (const char *)cell - THUNK_SPAN;
}

#endif
