/* trampolines/prelude_none.c: the prelude of the program that makes the prelude: a table without entries. */
#include "trampolines/bundle.h"

#define BYTES4(value) (uint8_t)(value), (uint8_t)((value) >> 8), (uint8_t)((value) >> 16), (uint8_t)((value) >> 24)

enum { SIZE = sizeof(BundleHeader) };

_Alignas(16) const uint8_t ferry_prelude[SIZE] = {
    BYTES4(0x72726566u),   BYTES4(0x0a0d0079u), /* BUNDLE_MAGIC */
    BYTES4(BUNDLE_FORMAT), BYTES4(BUNDLE_CONTRACT),
    BYTES4(0x7995a8d5u),   BYTES4(0x8ef9a00bu), /* checksum, of what follows */
    BYTES4(SIZE),          BYTES4(0u),
    BYTES4(SIZE),          BYTES4(SIZE) /* size, count, entries_at, shapes_at; no texts */
};
