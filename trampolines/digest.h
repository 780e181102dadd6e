/* trampolines/digest.h: digests and checksums of what is stored: the same in every process and on every machine.
 *
 * XXH3 tells damage, not malice: whoever may write a file that is trusted may write the right checksum too. */
#ifndef FERRY_TRAMPOLINES_DIGEST_H
#define FERRY_TRAMPOLINES_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* 128 bits of XXH3: two different inputs never have the same. */
typedef struct Digest {
    uint64_t low;
    uint64_t high;
} Digest;

Digest digest_of(uint64_t seed, const void *bytes, size_t size);
uint64_t checksum_of(uint64_t seed, const void *bytes, size_t size);

/* By high, then by low: -1, 0, 1. */
static inline int digest_compare(Digest left, Digest right) {
    if (left.high != right.high) return left.high < right.high ? -1 : 1;
    return left.low == right.low ? 0 : left.low < right.low ? -1 : 1;
}

#endif
