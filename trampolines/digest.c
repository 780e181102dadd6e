/* trampolines/digest.c: the one place that includes xxhash: all of it is inlined here, nothing is linked. */
#include "trampolines/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

Digest digest_of(uint64_t seed, const void *bytes, size_t size) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, size, seed);
    return (Digest){.low = hash.low64, .high = hash.high64};
}

uint64_t checksum_of(uint64_t seed, const void *bytes, size_t size) {
    return XXH3_64bits_withSeed(bytes, size, seed);
}
