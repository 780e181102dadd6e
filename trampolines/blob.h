/* trampolines/blob.h: machine code on its way from a maker (the LLVM module, later a cache or a bundle) to a slab. */
#ifndef FERRY_TRAMPOLINES_BLOB_H
#define FERRY_TRAMPOLINES_BLOB_H

#include <stddef.h>
#include <stdint.h>

/* Position-independent code of one function, with its unwind table and no relocation that leaves it.
 *
 *   code    entry at its first byte; to be placed at a multiple of 16
 *   unwind  one CIE, its one FDE, and the zero terminator, as in .eh_frame. The FDE's initial location is the one
 *           thing to be filled in when placed: a 4-byte pc-relative value at byte `unwind_fixup`.
 *
 * Borrowed: whoever receives a blob copies what it keeps. */
typedef struct Blob {
    const uint8_t *code;
    size_t code_size;
    const uint8_t *unwind;
    size_t unwind_size;
    size_t unwind_fixup;
    const char *name; /* for perf and debuggers */
} Blob;

#endif
