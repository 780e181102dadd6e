/* tests/diff/value.c: what every scalar of a value is, and values in memory by ferry's layout.
 *
 * The sizes of scalars are those of the compiler that compiles this file, not ferry's.
 */
#include <string.h>
#include <wchar.h>

#include "diff.h"

#define INTEGER(type, is_signed) {sizeof(type), sizeof(type), is_signed, true}
#define OTHER(size, value)       {size, value, false, false}

static const Scalar scalars[FERRY_SCALAR_COUNT] = {
    [FERRY_BOOL] = INTEGER(_Bool, false),
    [FERRY_CHAR] = INTEGER(char, (char)-1 < 0),
    [FERRY_SCHAR] = INTEGER(signed char, true),
    [FERRY_UCHAR] = INTEGER(unsigned char, false),
    [FERRY_SHORT] = INTEGER(short, true),
    [FERRY_USHORT] = INTEGER(unsigned short, false),
    [FERRY_INT] = INTEGER(int, true),
    [FERRY_UINT] = INTEGER(unsigned, false),
    [FERRY_LONG] = INTEGER(long, true),
    [FERRY_ULONG] = INTEGER(unsigned long, false),
    [FERRY_LLONG] = INTEGER(long long, true),
    [FERRY_ULLONG] = INTEGER(unsigned long long, false),
    [FERRY_INT128] = INTEGER(__int128, true),
    [FERRY_UINT128] = INTEGER(unsigned __int128, false),
    [FERRY_INT8] = INTEGER(int8_t, true),
    [FERRY_UINT8] = INTEGER(uint8_t, false),
    [FERRY_INT16] = INTEGER(int16_t, true),
    [FERRY_UINT16] = INTEGER(uint16_t, false),
    [FERRY_INT32] = INTEGER(int32_t, true),
    [FERRY_UINT32] = INTEGER(uint32_t, false),
    [FERRY_INT64] = INTEGER(int64_t, true),
    [FERRY_UINT64] = INTEGER(uint64_t, false),
    [FERRY_INT_FAST16] = INTEGER(int_fast16_t, true),
    [FERRY_UINT_FAST16] = INTEGER(uint_fast16_t, false),
    [FERRY_INT_FAST32] = INTEGER(int_fast32_t, true),
    [FERRY_UINT_FAST32] = INTEGER(uint_fast32_t, false),
    [FERRY_INTPTR] = INTEGER(intptr_t, true),
    [FERRY_UINTPTR] = INTEGER(uintptr_t, false),
    [FERRY_SIZE] = INTEGER(size_t, false),
    [FERRY_SSIZE] = INTEGER(size_t, true),
    [FERRY_PTRDIFF] = INTEGER(ptrdiff_t, true),
    [FERRY_WCHAR] = INTEGER(wchar_t, (wchar_t)-1 < 0),
    [FERRY_FLOAT16] = OTHER(2, 2),
    [FERRY_BFLOAT16] = OTHER(2, 2),
    [FERRY_FLOAT] = OTHER(sizeof(float), sizeof(float)),
    [FERRY_DOUBLE] = OTHER(sizeof(double), sizeof(double)),
    [FERRY_LONG_DOUBLE] = OTHER(sizeof(long double), 10),
    [FERRY_FLOAT128] = OTHER(sizeof(__float128), sizeof(__float128)),
    [FERRY_COMPLEX_FLOAT] = OTHER(8, 8),
    [FERRY_COMPLEX_DOUBLE] = OTHER(16, 16),
    [FERRY_COMPLEX_LONG_DOUBLE] = OTHER(32, 26),
    [FERRY_COMPLEX_FLOAT128] = OTHER(32, 32),
};

Scalar scalar_of(ferry_kind kind) {
    if (kind == FERRY_POINTER) return (Scalar)INTEGER(void *, false);
    return scalars[kind];
}

const ferry_type *strip(const ferry_type *type) {
    while (ferry_type_kind(type) == FERRY_ALIGNED) type = ferry_type_base(type);
    return type;
}

ferry_kind kind_of(const ferry_type *type) {
    type = strip(type);
    return ferry_type_kind(type) == FERRY_ENUM ? kind_of(ferry_type_base(type)) : ferry_type_kind(type);
}

bool is_narrow_integer(const ferry_type *type) {
    ferry_kind kind = kind_of(type);
    return kind < FERRY_SCALAR_COUNT && scalars[kind].is_integer && scalars[kind].size < 8;
}

bool is_padding_member(const ferry_member *member) {
    return member->is_bitfield && (member->name == NULL || member->name[0] == 0);
}

Stream stream_open(uint64_t seed, size_t number) {
    return (Stream){.seed = mix(seed, number)};
}

static uint64_t draw(Stream *stream) {
    return mix(stream->seed, stream->leaf++);
}

uint32_t stream_pick(Stream *stream, uint32_t count) {
    return (uint32_t)(draw(stream) % count);
}

/* The corners as often as anything else. */
static Wide integer(Stream *stream, uint32_t width) {
    uint64_t low = draw(stream), high = mix(low, 1);
    Wide ones = width >= 128 ? ~(Wide)0 : ((Wide)1 << width) - 1;
    switch (high >> 61) {
    case 0: return ones;
    case 1: return (Wide)1 << (width - 1);
    case 2: return ones >> 1;
    default: return (((Wide)high << 64) | low) & ones;
    }
}

Wide stream_bits(Stream *stream, uint32_t width, bool is_bool) {
    return is_bool ? (Wide)(draw(stream) & 1) : integer(stream, width);
}

/* Ordinary numbers: an exponent of a float in the middle of its range; the others' bits are free. */
static void real(Stream *stream, ferry_kind kind, uint8_t *bytes) {
    Wide bits = integer(stream, 128);
    memcpy(bytes, &bits, scalars[kind].value);
    static const struct {
        uint8_t byte, keep, set;
    } exponents[] = {[FERRY_FLOAT16] = {1, 0x83, 0x38},     [FERRY_BFLOAT16] = {1, 0x80, 0x3f},
                     [FERRY_FLOAT] = {3, 0x80, 0x3f},       [FERRY_DOUBLE] = {7, 0x80, 0x3f},
                     [FERRY_LONG_DOUBLE] = {9, 0x80, 0x3f}, [FERRY_FLOAT128] = {15, 0x80, 0x3f}};
    uint8_t *top = bytes + exponents[kind].byte;
    *top = (uint8_t)((*top & exponents[kind].keep) | exponents[kind].set);
    if (kind == FERRY_LONG_DOUBLE) bytes[7] |= 0x80; /* the integer bit that x87 writes out */
}

void stream_scalar(Stream *stream, ferry_kind kind, uint8_t bytes[32]) {
    static const ferry_kind parts[] = {[FERRY_COMPLEX_FLOAT] = FERRY_FLOAT,
                                       [FERRY_COMPLEX_DOUBLE] = FERRY_DOUBLE,
                                       [FERRY_COMPLEX_LONG_DOUBLE] = FERRY_LONG_DOUBLE,
                                       [FERRY_COMPLEX_FLOAT128] = FERRY_FLOAT128};
    memset(bytes, 0, 32);
    if (kind >= FERRY_COMPLEX_FLOAT && kind <= FERRY_COMPLEX_FLOAT128) {
        real(stream, parts[kind], bytes);
        real(stream, parts[kind], bytes + scalars[kind].size / 2);
    } else if (scalar_of(kind).is_integer) {
        Wide bits = stream_bits(stream, 8 * scalar_of(kind).size, kind == FERRY_BOOL);
        memcpy(bytes, &bits, scalar_of(kind).size);
    } else {
        real(stream, kind, bytes);
    }
}

static void leaf_differs(MemoryWalk *walk, uint64_t bit_offset, uint32_t bits) {
    if (walk->failure[0] != 0) return;
    snprintf(walk->failure, sizeof walk->failure, "leaf %llu of %u bits at bit %llu of ferry's layout differs",
             (unsigned long long)walk->stream.leaf - 1, bits, (unsigned long long)bit_offset);
}

static void one_bit(MemoryWalk *walk, uint64_t bit_offset, bool value, bool *differs) {
    uint8_t *byte = walk->bytes + bit_offset / 8, mask = (uint8_t)(1u << (bit_offset % 8));
    if (walk->check)
        *differs |= ((*byte & mask) != 0) != value;
    else
        *byte = (uint8_t)(value ? *byte | mask : *byte & ~mask);
}

static void walk_bitfield(MemoryWalk *walk, const ferry_member *member, uint64_t bit_offset) {
    Wide value = stream_bits(&walk->stream, member->bits, kind_of(member->type) == FERRY_BOOL);
    bool differs = false;
    for (uint32_t i = 0; i < member->bits; i++) one_bit(walk, bit_offset + i, (value >> i) & 1, &differs);
    if (differs) leaf_differs(walk, bit_offset, member->bits);
}

/* A complex long double is 10 bytes of value, 6 of padding, 10 of value. */
static bool carries_value(ferry_kind kind, uint32_t byte) {
    return kind == FERRY_COMPLEX_LONG_DOUBLE ? byte % 16 < 10 : byte < scalar_of(kind).value;
}

static void walk_scalar(MemoryWalk *walk, ferry_kind kind, uint64_t bit_offset) {
    uint8_t value[32], *bytes = walk->bytes + bit_offset / 8;
    bool differs = false;
    stream_scalar(&walk->stream, kind, value);
    for (uint32_t i = 0; i < scalar_of(kind).size; i++) {
        if (!carries_value(kind, i)) continue;
        if (walk->check)
            differs |= bytes[i] != value[i];
        else
            bytes[i] = value[i];
    }
    if (differs) leaf_differs(walk, bit_offset, 8 * scalar_of(kind).size);
}

static void walk_elements(MemoryWalk *walk, const ferry_type *type, uint64_t bit_offset) {
    const ferry_type *base = ferry_type_base(type);
    ferry_extent extent;
    ferry_error error;
    if (ferry_type_count(type) == FERRY_FLEXIBLE) return;
    if (ferry_type_measure(walk->engine, base, &extent, &error) != FERRY_OK) return;
    uint64_t count = ferry_type_count(type); /* of a vector: its bytes */
    if (ferry_type_kind(type) == FERRY_VECTOR) count /= extent.size;
    for (uint64_t i = 0; i < count; i++) walk_memory(walk, base, bit_offset + 8 * i * extent.size);
}

static void walk_member(MemoryWalk *walk, const ferry_type *type, size_t index, uint64_t bit_offset) {
    const ferry_member *member = ferry_type_member(type, index);
    uint64_t inside;
    ferry_error error;
    if (ferry_type_locate(walk->engine, type, index, &inside, &error) != FERRY_OK) {
        snprintf(walk->failure, sizeof walk->failure, "member %zu: %.200s", index, error.message);
        return;
    }
    bool off = walk->inject && !member->is_bitfield && kind_of(member->type) == FERRY_SHORT;
    if (off && walk->check) walk->bytes[(bit_offset + inside) / 8] ^= 1;
    if (member->is_bitfield)
        walk_bitfield(walk, member, bit_offset + inside);
    else
        walk_memory(walk, member->type, bit_offset + inside);
    if (off && !walk->check) walk->bytes[(bit_offset + inside) / 8] ^= 1;
}

static void walk_record(MemoryWalk *walk, const ferry_type *type, uint64_t bit_offset) {
    size_t count = ferry_type_member_count(type), values = 0;
    for (size_t i = 0; i < count; i++) values += !is_padding_member(ferry_type_member(type, i));
    if (values == 0) return;
    bool is_union = ferry_type_kind(type) == FERRY_UNION;
    uint32_t alive = is_union ? stream_pick(&walk->stream, (uint32_t)values) : 0;
    for (size_t i = 0, number = 0; i < count; i++) {
        if (is_padding_member(ferry_type_member(type, i))) continue;
        if (!is_union || number == alive) walk_member(walk, type, i, bit_offset);
        number++;
    }
}

void walk_memory(MemoryWalk *walk, const ferry_type *type, uint64_t bit_offset) {
    type = strip(type);
    switch (ferry_type_kind(type)) {
    case FERRY_STRUCT:
    case FERRY_UNION: walk_record(walk, type, bit_offset); break;
    case FERRY_ARRAY:
    case FERRY_VECTOR: walk_elements(walk, type, bit_offset); break;
    default: walk_scalar(walk, kind_of(type), bit_offset); break;
    }
}
