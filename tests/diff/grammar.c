/* tests/diff/grammar.c: random types and signatures.
 *
 * Every type constructor of C comes up, nested in every other; small values come up most, since the rules about
 * registers are about them.
 */
#include <string.h>

#include "diff.h"

#define DEPTH         4 /* records in records */
#define MAX_MEMBERS   8
#define MAX_BYTES     512 /* of one value */
#define VARIADIC_MOST 6   /* variadic arguments */

/* What a record is mostly made of: eightbytes of one class are rare otherwise. */
typedef enum Mood { MOOD_ANY, MOOD_FLOATS, MOOD_INTEGERS, MOOD_SMALL, MOODS } Mood;

static const ferry_kind floats[] = {FERRY_FLOAT,         FERRY_DOUBLE, FERRY_FLOAT16,
                                    FERRY_COMPLEX_FLOAT, FERRY_FLOAT,  FERRY_DOUBLE};
static const ferry_kind integers[] = {FERRY_INT,  FERRY_LONG, FERRY_SHORT, FERRY_UCHAR,
                                      FERRY_UINT, FERRY_BOOL, FERRY_ULLONG};
static const ferry_kind small[] = {FERRY_CHAR,    FERRY_BOOL, FERRY_SHORT,   FERRY_FLOAT,
                                   FERRY_FLOAT16, FERRY_INT,  FERRY_BFLOAT16};
static const ferry_kind vector_bases[] = {FERRY_FLOAT,    FERRY_DOUBLE,   FERRY_INT,    FERRY_LONG,   FERRY_CHAR,
                                          FERRY_SHORT,    FERRY_UCHAR,    FERRY_UINT64, FERRY_INT128, FERRY_FLOAT16,
                                          FERRY_BFLOAT16, FERRY_FLOAT128, FERRY_UINT128};
static const ferry_kind enum_bases[] = {FERRY_INT,   FERRY_UINT,  FERRY_UINT,  FERRY_LONG,  FERRY_ULONG,
                                        FERRY_SCHAR, FERRY_UCHAR, FERRY_SHORT, FERRY_USHORT};
/* What an argument after the `...` can be: a type that C's promotions leave as it is. */
static const ferry_kind promoted[] = {FERRY_INT,
                                      FERRY_UINT,
                                      FERRY_LONG,
                                      FERRY_ULONG,
                                      FERRY_LLONG,
                                      FERRY_DOUBLE,
                                      FERRY_DOUBLE,
                                      FERRY_LONG_DOUBLE,
                                      FERRY_INT128,
                                      FERRY_UINT128,
                                      FERRY_FLOAT128,
                                      FERRY_COMPLEX_FLOAT,
                                      FERRY_SIZE,
                                      FERRY_INTPTR,
                                      FERRY_INT64,
                                      FERRY_COMPLEX_DOUBLE,
                                      FERRY_WCHAR,
                                      FERRY_COMPLEX_LONG_DOUBLE,
                                      FERRY_COMPLEX_FLOAT128};
#define PICK(grammar, array) (array)[random_below(&(grammar)->random, sizeof(array) / sizeof((array)[0]))]

static const ferry_type *any(Grammar *grammar, unsigned depth, Mood mood);

/* NULL is passed on, with the refusal noted. */
static const ferry_type *made(Grammar *grammar, const ferry_type *type, const ferry_error *error) {
    if (type == NULL) {
        grammar->refused++;
        memcpy(grammar->refusal, error->message, sizeof grammar->refusal);
    }
    return type;
}

/* gcc 12 has no __bf16, and a case with one is lost to it: most cases do without. */
static const ferry_type *scalar(Grammar *grammar, ferry_kind kind) {
    ferry_error error;
    if (kind == FERRY_BFLOAT16 && !grammar->with_bfloat) kind = FERRY_FLOAT16;
    return made(grammar, ferry_type_scalar(grammar->engine, kind, &error), &error);
}

static const ferry_type *any_scalar(Grammar *grammar, Mood mood) {
    Random *random = &grammar->random;
    if (random_chance(random, 10)) mood = MOOD_ANY;
    switch (mood) {
    case MOOD_FLOATS: return scalar(grammar, PICK(grammar, floats));
    case MOOD_INTEGERS: return scalar(grammar, PICK(grammar, integers));
    case MOOD_SMALL: return scalar(grammar, PICK(grammar, small));
    default: return scalar(grammar, (ferry_kind)(1 + random_below(random, FERRY_SCALAR_COUNT - 1)));
    }
}

static const ferry_type *vector(Grammar *grammar) {
    ferry_error error;
    ferry_kind kind = PICK(grammar, vector_bases);
    uint32_t bytes = 4u << random_below(&grammar->random, 5);
    if (bytes < scalar_of(kind).size) bytes = 16;
    const ferry_type *base = scalar(grammar, kind);
    return made(grammar, ferry_type_vector(grammar->engine, base, bytes, &error), &error);
}

static void tag(Grammar *grammar, char name[32], char letter) {
    snprintf(name, 32, "%c%llu_%u", letter, (unsigned long long)grammar->prefix, ++grammar->tag);
}

static const ferry_type *enumeration(Grammar *grammar) {
    ferry_error error;
    char name[32];
    tag(grammar, name, 'e');
    return made(grammar, ferry_type_enum(grammar->engine, name, scalar(grammar, PICK(grammar, enum_bases)), &error),
                &error);
}

static const ferry_type *function(Grammar *grammar) {
    ferry_error error;
    const ferry_type *parameters[3];
    size_t count = random_below(&grammar->random, 4);
    for (size_t i = 0; i < count; i++) parameters[i] = any_scalar(grammar, MOOD_ANY);
    const ferry_type *result =
        random_chance(&grammar->random, 30) ? scalar(grammar, FERRY_VOID) : any_scalar(grammar, MOOD_INTEGERS);
    const ferry_signature *signature = ferry_signature_create(grammar->engine, result, parameters, count,
                                                              count > 0 && random_chance(&grammar->random, 20), &error);
    if (signature == NULL) return made(grammar, NULL, &error);
    return made(grammar, ferry_type_function(grammar->engine, signature, &error), &error);
}

static const ferry_type *pointer(Grammar *grammar, unsigned depth) {
    ferry_error error;
    const ferry_type *base = NULL;
    switch (random_below(&grammar->random, 5)) {
    case 0: base = function(grammar); break;
    case 1: base = any(grammar, depth > 0 ? depth - 1 : 0, MOOD_ANY); break;
    case 2: base = scalar(grammar, FERRY_CHAR); break;
    default: base = scalar(grammar, FERRY_VOID); break;
    }
    return base == NULL ? NULL : made(grammar, ferry_type_pointer(grammar->engine, base, &error), &error);
}

static uint64_t power_of_two(Grammar *grammar, unsigned most) {
    return (uint64_t)1 << random_below(&grammar->random, most);
}

static bool flexible(const ferry_type *type) {
    size_t count = ferry_type_member_count(type);
    if (count == 0) return false;
    const ferry_type *last = ferry_type_member(type, count - 1)->type;
    return ferry_type_kind(last) == FERRY_ARRAY && ferry_type_count(last) == FERRY_FLEXIBLE;
}

static const ferry_type *aligned(Grammar *grammar, unsigned depth) {
    ferry_error error;
    const ferry_type *base = any(grammar, depth, MOOD_ANY);
    if (base == NULL || flexible(base)) return base;
    return made(grammar, ferry_type_aligned(grammar->engine, base, power_of_two(grammar, 7), &error), &error);
}

/* Compilers refuse elements whose alignment exceeds their size, so no `aligned` typedef is an element. */
static const ferry_type *array(Grammar *grammar, unsigned depth, Mood mood) {
    ferry_error error;
    const ferry_type *base = any(grammar, depth, mood);
    if (base == NULL || ferry_type_kind(base) == FERRY_ALIGNED || flexible(base)) return base;
    uint64_t count = random_chance(&grammar->random, 3) ? 0 : 1 + random_below(&grammar->random, 4);
    return made(grammar, ferry_type_array(grammar->engine, base, count, &error), &error);
}

static const ferry_type *bitfield(Grammar *grammar, ferry_member *member) {
    Random *random = &grammar->random;
    const ferry_type *type = random_chance(random, 10) ? enumeration(grammar)
                             : random_chance(random, 50)
                                 ? scalar(grammar, FERRY_INT)
                                 : scalar(grammar, (ferry_kind)(1 + random_below(random, FERRY_UINT64)));
    if (type == NULL) return NULL;
    uint32_t most = kind_of(type) == FERRY_BOOL ? 1 : 8 * scalar_of(kind_of(type)).size;
    member->is_bitfield = true;
    member->bits = random_chance(random, 30) ? most : 1 + random_below(random, most);
    if (random_chance(random, 15)) {
        member->name = NULL;
        if (random_chance(random, 50)) member->bits = 0;
    }
    return type;
}

static const ferry_type *member_type(Grammar *grammar, ferry_member *member, unsigned depth, Mood mood) {
    Random *random = &grammar->random;
    uint32_t chance = random_below(random, 100);
    if (chance < 14 && mood != MOOD_FLOATS) return bitfield(grammar, member);
    if (chance < 30) return array(grammar, depth, mood);
    if (chance < 65) return any_scalar(grammar, mood);
    return any(grammar, depth, mood);
}

static bool is_untagged_record(const ferry_type *type) {
    ferry_kind kind = ferry_type_kind(type);
    return (kind == FERRY_STRUCT || kind == FERRY_UNION) && ferry_type_name(type) == NULL;
}

static bool fill_member(Grammar *grammar, ferry_member *member, char name[16], unsigned depth, Mood mood) {
    Random *random = &grammar->random;
    *member = (ferry_member){.name = name};
    snprintf(name, 16, "m%u", ++grammar->tag);
    member->type = member_type(grammar, member, depth, mood);
    if (member->type == NULL || flexible(member->type)) return false;
    if (is_untagged_record(member->type) && random_chance(random, 50)) member->name = NULL;
    if (member->name == NULL) return true; /* attributes there mean nothing to C */
    member->packed = random_chance(random, 4);
    if (random_chance(random, 5)) member->alignment = power_of_two(grammar, 7);
    return true;
}

static bool add_flexible(Grammar *grammar, ferry_member *member, char name[16]) {
    ferry_error error;
    const ferry_type *base = any_scalar(grammar, MOOD_ANY);
    *member = (ferry_member){.name = name};
    snprintf(name, 16, "m%u", ++grammar->tag);
    if (base != NULL) member->type = ferry_type_array(grammar->engine, base, FERRY_FLEXIBLE, &error);
    return base != NULL && made(grammar, member->type, &error) != NULL;
}

static size_t member_count(Grammar *grammar) {
    if (random_chance(&grammar->random, 4)) return 0;
    uint32_t most = random_chance(&grammar->random, 75) ? 4 : MAX_MEMBERS;
    return 1 + random_below(&grammar->random, most);
}

static const ferry_type *record(Grammar *grammar, unsigned depth, Mood mood) {
    ferry_member members[MAX_MEMBERS + 1];
    char names[MAX_MEMBERS + 1][16], name[32];
    Random *random = &grammar->random;
    ferry_kind kind = random_chance(random, 25) ? FERRY_UNION : FERRY_STRUCT;
    if (depth == DEPTH || random_chance(random, 20)) mood = (Mood)random_below(random, MOODS);
    size_t count = member_count(grammar), made_count = 0;
    bool has_named = false;
    for (size_t i = 0; i < count; i++) {
        if (!fill_member(grammar, &members[made_count], names[made_count], depth - 1, mood)) continue;
        has_named |= members[made_count++].name != NULL;
    }
    if (kind == FERRY_STRUCT && depth == DEPTH && has_named && random_chance(random, 4))
        made_count += add_flexible(grammar, &members[made_count], names[made_count]);
    ferry_record_options options = {.packed = random_chance(random, 8),
                                    .alignment = random_chance(random, 6) ? power_of_two(grammar, 7) : 0};
    tag(grammar, name, kind == FERRY_UNION ? 'u' : 's');
    bool tagged = depth == DEPTH || random_chance(random, 60);
    ferry_error error;
    return made(grammar,
                ferry_type_record(grammar->engine, kind, tagged ? name : NULL, members, made_count, &options, &error),
                &error);
}

/* Any type of a member or an element; depth: records that may still nest. */
static const ferry_type *any(Grammar *grammar, unsigned depth, Mood mood) {
    uint32_t chance = random_below(&grammar->random, 100);
    if (chance < 45) return any_scalar(grammar, mood);
    if (chance < 52) return enumeration(grammar);
    if (chance < 60) return pointer(grammar, depth);
    if (chance < 67) return vector(grammar);
    if (depth == 0) return any_scalar(grammar, mood);
    if (chance < 71) return aligned(grammar, depth - 1);
    return record(grammar, depth, mood);
}

const ferry_type *grammar_value(Grammar *grammar) {
    for (;;) {
        const ferry_type *type =
            random_chance(&grammar->random, 30) ? record(grammar, DEPTH, MOOD_ANY) : any(grammar, DEPTH, MOOD_ANY);
        ferry_extent extent;
        ferry_error error;
        if (type == NULL) continue;
        if (ferry_type_measure(grammar->engine, type, &extent, &error) != FERRY_OK)
            made(grammar, NULL, &error);
        else if (extent.size <= MAX_BYTES)
            return type;
    }
}

/* What C passes after the `...`: the draw again where a promotion would change it. */
static const ferry_type *variadic_value(Grammar *grammar) {
    for (;;) {
        const ferry_type *type =
            random_chance(&grammar->random, 60) ? scalar(grammar, PICK(grammar, promoted)) : grammar_value(grammar);
        if (type == NULL) continue;
        ferry_kind kind = kind_of(type);
        bool promotes = kind < FERRY_SCALAR_COUNT && scalar_of(kind).is_integer && scalar_of(kind).size < 4;
        if (!promotes && kind != FERRY_FLOAT) return type;
    }
}

static size_t argument_count(Random *random) {
    uint32_t chance = random_below(random, 100);
    if (chance < 50) return random_below(random, 6);
    return chance < 80 ? 6 + random_below(random, 4) : 10 + random_below(random, MAX_ARGUMENTS - 9);
}

static const ferry_signature *of_call(Grammar *grammar, const ferry_signature *fixed, size_t room) {
    const ferry_type *types[VARIADIC_MOST];
    size_t count = random_below(&grammar->random, 1 + (uint32_t)(room < VARIADIC_MOST ? room : VARIADIC_MOST));
    for (size_t i = 0; i < count; i++) types[i] = variadic_value(grammar);
    ferry_error error;
    const ferry_signature *signature = ferry_signature_of_call(grammar->engine, fixed, types, count, &error);
    if (signature == NULL) made(grammar, NULL, &error);
    return signature;
}

const ferry_signature *grammar_signature(Grammar *grammar) {
    Random *random = &grammar->random;
    const ferry_type *types[MAX_ARGUMENTS];
    bool variadic = random_chance(random, 15);
    grammar->with_bfloat = random_chance(random, 12);
    size_t count = argument_count(random);
    if (variadic) count = 1 + random_below(random, 8);
    for (size_t i = 0; i < count; i++) types[i] = grammar_value(grammar);
    const ferry_type *result = random_chance(random, 10) ? scalar(grammar, FERRY_VOID) : grammar_value(grammar);
    ferry_error error;
    const ferry_signature *signature = ferry_signature_create(grammar->engine, result, types, count, variadic, &error);
    if (signature == NULL) made(grammar, NULL, &error);
    if (signature == NULL || !variadic) return signature;
    return of_call(grammar, signature, MAX_ARGUMENTS - count);
}
