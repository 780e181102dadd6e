/* tests/diff/random.c: seeded numbers (splitmix64: every seed is a good one). */
#include <string.h>

#include "diff.h"

static uint64_t scramble(uint64_t number) {
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
    return number ^ (number >> 31);
}

uint64_t mix(uint64_t left, uint64_t right) {
    return scramble(scramble(left + 0x9e3779b97f4a7c15u) ^ right);
}

uint64_t random_next(Random *random) {
    random->state += 0x9e3779b97f4a7c15u;
    return scramble(random->state);
}

uint32_t random_below(Random *random, uint32_t bound) {
    return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

bool random_chance(Random *random, uint32_t percent) {
    return random_below(random, 100) < percent;
}

void random_fill(Random *random, void *bytes, size_t size) {
    uint8_t *out = bytes;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t number = random_next(random);
        memcpy(out + i, &number, size - i < 8 ? size - i : 8);
    }
}
