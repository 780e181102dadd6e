/* Integers in memory, bit-fields among them. */
#include <string.h>

#include "cli/value.h"

/* Bit `bit` of a struct: on a little-endian machine bit 0 is the lowest of the first byte, on a big-endian one the
 * highest. */
static bool is_big_endian(void) {
    const uint16_t probe = 1;
    return *(const uint8_t *)&probe == 0;
}

static void store_bits(const Place *place, Wide value) {
    bool big = is_big_endian();
    for (uint32_t i = 0; i < place->bits; i++) {
        uint64_t bit = place->bit + (big ? place->bits - 1 - i : i);
        unsigned char mask = (unsigned char)(1u << (big ? 7 - bit % 8 : bit % 8));
        unsigned char *byte = (unsigned char *)place->memory + bit / 8;
        *byte = (unsigned char)((value >> i & 1) != 0 ? *byte | mask : *byte & ~mask);
    }
}

static Wide load_bits(const Place *place) {
    bool big = is_big_endian();
    Wide value = 0;
    for (uint32_t i = 0; i < place->bits; i++) {
        uint64_t bit = place->bit + (big ? place->bits - 1 - i : i);
        unsigned char byte = ((const unsigned char *)place->memory)[bit / 8];
        value |= (Wide)(byte >> (big ? 7 - bit % 8 : bit % 8) & 1) << i;
    }
    return value;
}

void store_integer(const Place *place, size_t size, Wide value) {
    if (place->is_bitfield) {
        store_bits(place, value);
        return;
    }
    bool big = is_big_endian();
    for (size_t i = 0; i < size; i++)
        place->memory[big ? size - 1 - i : i] = (char)(unsigned char)(value >> (8 * i) & 0xFF);
}

Wide load_integer(const Place *place, size_t size, bool is_signed) {
    Wide value = 0;
    size_t bits = place->is_bitfield ? place->bits : 8 * size;
    if (place->is_bitfield) {
        value = load_bits(place);
    } else {
        bool big = is_big_endian();
        for (size_t i = 0; i < size; i++)
            value |= (Wide)(unsigned char)place->memory[big ? size - 1 - i : i] << (8 * i);
    }
    bool negative = is_signed && bits > 0 && (value >> (bits - 1) & 1) != 0;
    if (negative && bits < 8 * sizeof value) value |= ~(Wide)0 << bits;
    return value;
}

char *format_wide(Wide value, bool is_negative, char buffer[static 48]) {
    char *cursor = buffer + 47;
    *cursor = '\0';
    do {
        *--cursor = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    if (is_negative) *--cursor = '-';
    return cursor;
}
