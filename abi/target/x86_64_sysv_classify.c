/* x86_64_sysv_classify.c: the class of each eightbyte of a value.
 *
 * An aggregate is classified as a whole, its members in their order, before it is merged into what it is a part of:
 * both compilers do so, and it shows. A union that is MEMORY by itself makes a struct MEMORY whose flattened scalars
 * would not be; and what an X87UP is merged with depends on what came before it.
 *
 *     union { unsigned __int128 n; union { long double x; int i; } u; }       u is MEMORY: so is the whole
 *     union { long n[2]; long double x; v4si v; }                             INTEGER | INTEGER
 *
 * Eightbytes are counted from the start of the value, at every depth.
 */
#include "abi/target/x86_64_sysv.h"

const Reading sysv_gcc = {.unnamed_bitfields = true, .union_bitfields = true, .whole_bitfields = true};
const Reading sysv_clang = {.flexible_in_memory = true,
                            .arrays_by_element = true,
                            .first_two_decide = true,
                            .members_fill = true,
                            .aligned_aggregates = true,
                            .float128_vectors = true,
                            .float_in_4_is_int = true};

typedef struct Walk {
    const Target *target;
    const Reading *reading;
    const char *why; /* it is MEMORY */
    size_t steps;
} Walk;

/* Types can contain one another so often that no walk would end. */
#define STEP_LIMIT 200000

/* All walking functions return false for MEMORY. */
static bool refuse(Walk *walk, const char *why) {
    walk->why = why;
    return false;
}

static Class merge(Class left, Class right) {
    if (left == right) return left;
    if (left == NO_CLASS) return right;
    if (right == NO_CLASS) return left;
    if (left == MEMORY || right == MEMORY) return MEMORY;
    if (left == INTEGER || right == INTEGER) return INTEGER;
    if (left >= X87 || right >= X87) return MEMORY;
    return SSE;
}

static void merge_span(Class *of, uint64_t bit, uint64_t bits, Class first, Class rest) {
    uint64_t index = bit / 64, end = (bit + bits + 63) / 64;
    for (uint64_t i = index; i < end && i < EIGHTBYTES; i++) of[i] = merge(of[i], i == index ? first : rest);
}

/* Which vectors no register takes, in one reading or both. */
static bool is_vector_in_memory(const Type *element, uint64_t bytes, const Target *target, const Reading *reading) {
    bool real = kind_is_real(element->kind);
    if (bytes > target->vector_register_bytes) return true;
    if (bytes == 8) return real && target->scalars[element->kind].size == 8;
    if (bytes > 16 && element->kind != FERRY_FLOAT128) return target->scalars[element->kind].size == 16;
    return element->kind == FERRY_FLOAT128 && !reading->float128_vectors;
}

static Class class_of_4_bytes(const Type *element, const Reading *reading) {
    if (!kind_is_real(element->kind) || reading->float_in_4_is_int) return INTEGER;
    return element->kind == FERRY_FLOAT16 ? SSE : MEMORY;
}

static bool walk_vector(Walk *walk, const Type *type, uint64_t bit, Class *of) {
    Class first = is_vector_in_memory(type->base, type->count, walk->target, walk->reading) ? MEMORY : SSE;
    if (type->count == 4) first = class_of_4_bytes(type->base, walk->reading);
    if (first == MEMORY) return refuse(walk, "a vector that no register takes");
    merge_span(of, bit, 8 * type->count, first, SSEUP);
    return true;
}

static void merge_kind(Class *of, uint64_t bit, uint64_t bits, ferry_kind kind) {
    switch (kind) {
    case FERRY_FLOAT16:
    case FERRY_BFLOAT16:
    case FERRY_FLOAT:
    case FERRY_DOUBLE: merge_span(of, bit, bits, SSE, SSE); break;
    case FERRY_FLOAT128: merge_span(of, bit, bits, SSE, SSEUP); break;
    case FERRY_LONG_DOUBLE: merge_span(of, bit, bits, X87, X87UP); break;
    default: merge_span(of, bit, bits, INTEGER, INTEGER); break;
    }
}

static bool walk_scalar(Walk *walk, const Layout *layout, uint64_t bit, Class *of) {
    const Type *type = layout->type;
    if (bit % (8 * layout->natural_alignment) != 0) return refuse(walk, "unaligned field");
    if (type->kind == FERRY_VECTOR) return walk_vector(walk, type, bit, of);
    uint64_t bits = 8 * layout->size;
    if (kind_is_complex(type->kind)) {
        ferry_kind part = kind_of_complex_part(type->kind);
        merge_kind(of, bit, bits / 2, part);
        merge_kind(of, bit + bits / 2, bits / 2, part);
    } else {
        merge_kind(of, bit, bits, type->kind);
    }
    return true;
}

/* The bits of the integer that gcc takes a bit-field for. */
static uint64_t integer_bits(const LayoutPart *part) {
    uint64_t bits = 8;
    while (bits < part->bits) bits *= 2;
    return bits;
}

/* gcc takes a bit-field for an ordinary field when it has the width of an integer and lies, in its struct, where one
 * would: all that is left to happen to it is a struct that is itself unaligned. */
static bool is_whole_integer(const Layout *layout, size_t index) {
    const LayoutPart *part = &layout->parts[index];
    bool packed = layout->type->packed || layout->type->members[index].packed;
    return !packed && part->bits != 0 && part->bits == integer_bits(part) && part->bit_offset % part->bits == 0;
}

static bool walk_bitfield(Walk *walk, const Layout *layout, size_t index, uint64_t bit, Class *of) {
    const LayoutPart *part = &layout->parts[index];
    bool in_union = layout->type->kind == FERRY_UNION;
    uint64_t bits = part->bits;
    if (part->unnamed && !walk->reading->unnamed_bitfields) return true;
    if (in_union && walk->reading->union_bitfields) {
        bits = integer_bits(part);
        if (bit % bits != 0) return refuse(walk, "unaligned bit-field of a union");
    } else if (walk->reading->whole_bitfields && is_whole_integer(layout, index)) {
        if (bit % bits != 0) return refuse(walk, "unaligned field");
    }
    if (bits != 0) merge_span(of, bit, bits, INTEGER, INTEGER);
    return true;
}

static bool walk_layout(Walk *walk, const Layout *layout, uint64_t bit, Class *of);

static bool is_filled_by(const Walk *walk, const Layout *layout, const LayoutPart *part) {
    if (!walk->reading->members_fill || layout->type->kind != FERRY_STRUCT || layout->size <= 16) return true;
    return part->is_bitfield || part->layout->size == layout->size;
}

/* Recursion is as deep as types are nested: TYPE_DEPTH_LIMIT. */
static bool walk_members(Walk *walk, const Layout *layout, uint64_t bit, Class *of) {
    for (size_t i = 0; i < layout->part_count; i++) {
        const LayoutPart *part = &layout->parts[i];
        uint64_t at = bit + part->bit_offset;
        if (!is_filled_by(walk, layout, part)) return refuse(walk, "larger than 16 bytes");
        bool fits =
            part->is_bitfield ? walk_bitfield(walk, layout, i, at, of) : walk_layout(walk, part->layout, at, of);
        if (!fits) return false;
    }
    return true;
}

/* How many eightbytes so many bytes touch, from bit on. */
static uint64_t eightbytes(uint64_t size, uint64_t bit) {
    return (size + bit % 64 / 8 + 7) / 8;
}

static bool walk_repeated(Walk *walk, const Layout *array, uint64_t bit, Class *of) {
    const Layout *element = array->parts[0].layout;
    Class first[EIGHTBYTES] = {NO_CLASS};
    if (!walk_layout(walk, element, bit, first)) return false;
    uint64_t start = bit / 64, period = eightbytes(element->size, bit), count = eightbytes(array->size, bit);
    for (uint64_t i = 0; period != 0 && i < count && start + i < EIGHTBYTES; i++) {
        of[start + i] = merge(of[start + i], first[start + i % period]);
    }
    return true;
}

static bool walk_array(Walk *walk, const Layout *layout, uint64_t bit, Class *of) {
    const Layout *element = layout->parts[0].layout;
    if (layout->type->count == FERRY_FLEXIBLE) return true;
    if (!walk->reading->arrays_by_element) return walk_repeated(walk, layout, bit, of);
    if (bit % (8 * element->alignment) != 0) return refuse(walk, "unaligned array");
    for (uint64_t i = 0; element->size != 0 && i < layout->type->count; i++) {
        if (!walk_layout(walk, element, bit + 8 * i * element->size, of)) return false;
    }
    return true;
}

/* clang's reading: a long array says nothing, unless it is one vector. */
static bool says_nothing(const Walk *walk, const Layout *layout) {
    if (!walk->reading->first_two_decide || layout->type->kind != FERRY_ARRAY || layout->size <= 16) return false;
    return layout->size != layout->parts[0].layout->size || layout->size > walk->target->vector_register_bytes;
}

/* clang's reading of a union: the rest goes along with SSE | SSEUP, as far as a register reaches. */
static bool decide_by_two(const Walk *walk, Class *of, uint64_t start, uint64_t count) {
    bool decided = walk->reading->first_two_decide && count > 2 && 8 * count <= walk->target->vector_register_bytes &&
                   start + 1 < EIGHTBYTES && of[start] == SSE && of[start + 1] == SSEUP;
    for (uint64_t i = start + 2; decided && i < start + count && i < EIGHTBYTES; i++) of[i] = SSEUP;
    return decided;
}

/* "Post merger cleanup" of the eightbytes that an aggregate touches. */
static bool clean_up(Walk *walk, Class *of, uint64_t start, uint64_t count) {
    for (uint64_t i = start; i < start + count && i < EIGHTBYTES; i++) {
        Class before = i == start ? NO_CLASS : of[i - 1];
        if (of[i] == MEMORY) return refuse(walk, "x87 and other parts in one eightbyte");
        if (of[i] == X87UP && before != X87) return refuse(walk, "X87UP without X87 before it");
        if (count > 2 && of[i] != (i == start ? SSE : SSEUP)) return refuse(walk, "larger than 16 bytes");
    }
    for (uint64_t i = start; i < start + count && i < EIGHTBYTES; i++) {
        Class before = i == start ? NO_CLASS : of[i - 1];
        if (of[i] == SSEUP && before != SSE && before != SSEUP) of[i] = SSE;
    }
    return true;
}

static bool walk_aggregate(Walk *walk, const Layout *layout, uint64_t bit, Class *of) {
    uint64_t start = bit / 64, count = eightbytes(layout->size, bit);
    bool is_array = layout->type->kind == FERRY_ARRAY;
    if (walk->reading->aligned_aggregates && bit % (8 * layout->alignment) != 0) return refuse(walk, "unaligned part");
    if (count == 0) return true; /* gcc looks into an empty part only when it begins inside an eightbyte */
    if (says_nothing(walk, layout)) return true;
    Class inner[EIGHTBYTES] = {NO_CLASS};
    bool fits = is_array ? walk_array(walk, layout, bit, inner) : walk_members(walk, layout, bit, inner);
    if (!fits) return false;
    bool decided = layout->type->kind == FERRY_UNION && decide_by_two(walk, inner, start, count);
    if (!decided && !clean_up(walk, inner, start, count)) return false;
    for (uint64_t i = start; i < start + count && i < EIGHTBYTES; i++) of[i] = merge(of[i], inner[i]);
    return true;
}

static bool walk_layout(Walk *walk, const Layout *layout, uint64_t bit, Class *of) {
    if (++walk->steps > STEP_LIMIT) return refuse(walk, "too many parts");
    while (layout->type->kind == FERRY_ALIGNED) layout = layout->parts[0].layout;
    switch (layout->type->kind) {
    case FERRY_STRUCT:
    case FERRY_UNION:
    case FERRY_ARRAY: return walk_aggregate(walk, layout, bit, of);
    default: return walk_scalar(walk, layout, bit, of);
    }
}

static Classes classify(Walk *walk, const Layout *layout) {
    if (layout->has_flexible_array && walk->reading->flexible_in_memory) return sysv_memory("flexible array member");
    if (layout->size == 0) return (Classes){.count = 0};
    if (type_strip(layout->type)->kind == FERRY_COMPLEX_LONG_DOUBLE) return (Classes){.of = {COMPLEX_X87}, .count = 1};
    if (layout->size > (uint64_t)8 * EIGHTBYTES) return sysv_memory("larger than 64 bytes");
    Classes classes = {.count = (size_t)(layout->size + 7) / 8};
    if (!walk_layout(walk, layout, 0, classes.of)) return sysv_memory(walk->why);
    /* A complex number of two __float128 is no aggregate: the rule for those has not seen it. */
    return clean_up(walk, classes.of, 0, classes.count) ? classes : sysv_memory(walk->why);
}

ferry_code sysv_classify(const Layout *layout, const Target *target, const Reading *reading, Classes *classes,
                         ferry_error *error) {
    Walk walk = {.target = target, .reading = reading};
    *classes = classify(&walk, layout);
    if (walk.steps <= STEP_LIMIT) return FERRY_OK;
    return fail(error, FERRY_TOO_LARGE, "a struct or union of more than %d parts, counted through all that is nested",
                STEP_LIMIT);
}
