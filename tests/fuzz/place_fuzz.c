/* tests/fuzz/place_fuzz.c: libFuzzer on types, layout, placement and shapes.
 *
 * The bytes drive the builders: each step makes one more type from those made before, so that every nesting comes up;
 * then signatures are made of them, placed on every target, verified, and their shapes taken. Nothing may crash, and
 * what the library says of its own results must hold.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/shape.h"

#define MAX_TYPES      64
#define MAX_MEMBERS    6
#define MAX_PARAMETERS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input; zeros after its end. */
typedef struct Input {
    const uint8_t *bytes;
    size_t left;
} Input;

typedef struct Pool {
    TypeTable *table;
    const Type *types[MAX_TYPES];
    size_t count;
} Pool;

static uint8_t next(Input *input) {
    if (input->left == 0) return 0;
    input->left--;
    return *input->bytes++;
}

static uint64_t power(Input *input) {
    uint8_t byte = next(input);
    return byte < 192 ? 0 : (uint64_t)1 << (byte % 16);
}

static void require(bool condition) {
    if (!condition) abort();
}

static const Type *chosen(const Pool *pool, Input *input) {
    return pool->types[next(input) % pool->count];
}

static ferry_code make_record(Pool *pool, Input *input, const Type **type, ferry_error *error) {
    ferry_member members[MAX_MEMBERS] = {0};
    static const char *const names[MAX_MEMBERS] = {"a", "b", "c", "d", "e", "f"};
    uint8_t head = next(input);
    size_t count = head % (MAX_MEMBERS + 1);
    for (size_t i = 0; i < count; i++) {
        uint8_t flags = next(input);
        members[i] = (ferry_member){.name = flags & 8 ? NULL : names[i], .type = chosen(pool, input)};
        members[i].is_bitfield = (flags & 7) == 7;
        members[i].packed = (flags & 0x70) == 0x70;
        if (members[i].is_bitfield) members[i].bits = next(input);
        if (flags & 0x80) members[i].alignment = power(input);
    }
    ferry_record_options options = {.packed = (head & 0x30) == 0x30, .alignment = head & 0x80 ? power(input) : 0};
    return type_record(pool->table, head & 0x40 ? FERRY_UNION : FERRY_STRUCT, head & 8 ? "tag" : NULL, members, count,
                       &options, type, error);
}

static ferry_code make_function(Pool *pool, Input *input, const Type **type, ferry_error *error) {
    const Type *parameters[3];
    const Signature *signature;
    size_t count = next(input) % 4;
    for (size_t i = 0; i < count; i++) parameters[i] = chosen(pool, input);
    TRY(signature_create(pool->table, chosen(pool, input), parameters, count, false, &signature, error));
    return type_function(pool->table, signature, type, error);
}

static ferry_code make_type(Pool *pool, Input *input, const Type **type, ferry_error *error) {
    uint8_t step = next(input);
    switch (step % 9) {
    case 0: return type_pointer(pool->table, chosen(pool, input), type, error);
    case 1: {
        uint8_t count = next(input);
        uint64_t bound = count == 255 ? FERRY_FLEXIBLE : count >= 250 ? (uint64_t)1 << (count - 195) : count % 9;
        return type_array(pool->table, chosen(pool, input), bound, type, error);
    }
    case 2: return type_vector(pool->table, chosen(pool, input), 1u << (next(input) % 9), type, error);
    case 3: return type_enum(pool->table, "e", chosen(pool, input), type, error);
    case 4: return type_aligned(pool->table, chosen(pool, input), power(input), type, error);
    case 5: return make_function(pool, input, type, error);
    case 6: return type_incomplete(pool->table, FERRY_STRUCT, "tag", type, error);
    default: return make_record(pool, input, type, error);
    }
}

/* A refusal must say why; the same type again must be the same pointer, which the pool then holds twice. */
static void fill_pool(Pool *pool, Input *input) {
    ferry_error error;
    for (size_t kind = 0; kind < FERRY_SCALAR_COUNT && pool->count < MAX_TYPES; kind++) {
        if (type_scalar(pool->table, (ferry_kind)kind, &pool->types[pool->count], &error) == FERRY_OK) pool->count++;
    }
    for (unsigned step = next(input) % 48; step > 0 && pool->count < MAX_TYPES; step--) {
        error.message[0] = 0;
        ferry_code code = make_type(pool, input, &pool->types[pool->count], &error);
        if (code == FERRY_OK)
            pool->count++;
        else
            require(error.code == code && error.message[0] != 0);
    }
}

static const Signature *make_signature(Pool *pool, Input *input) {
    const Type *parameters[MAX_PARAMETERS];
    const Signature *signature;
    ferry_error error;
    uint8_t head = next(input);
    size_t count = head % (MAX_PARAMETERS + 1), fixed = count;
    bool variadic = head & 0x80;
    for (size_t i = 0; i < count; i++) parameters[i] = pool->types[pool->count - 1 - next(input) % pool->count];
    if (variadic) fixed = next(input) % (count + 1);
    if (signature_create(pool->table, chosen(pool, input), parameters, fixed, variadic, &signature, &error) != FERRY_OK)
        return NULL;
    if (!variadic) return signature;
    if (signature_of_call(pool->table, signature, parameters + fixed, count - fixed, &signature, &error) != FERRY_OK)
        return NULL;
    return signature;
}

static void check_layout(LayoutTable *layouts, const Type *type) {
    const Layout *layout;
    ferry_error error;
    if (layout_of(layouts, type, &layout, &error) != FERRY_OK) return;
    require(is_power_of_two(layout->alignment) && layout->size <= PTRDIFF_MAX);
    if (type->kind == FERRY_STRUCT || type->kind == FERRY_UNION) require(layout->size % layout->alignment == 0);
    for (size_t i = 0; layout->has_leaves && i < layout->leaf_count; i++) {
        const Leaf *leaf = &layout->leaves[i];
        require(leaf->bit_offset + (uint64_t)leaf->bits <= 8 * layout->size);
        require(i == 0 || layout->leaves[i - 1].bit_offset <= leaf->bit_offset);
    }
}

/* Every direction, convention and option, by the bits of a number. */
static ShapeOptions options_of(unsigned variant) {
    return (ShapeOptions){.direction = (Direction)(variant >> 4),
                          .convention = variant & 1 ? FERRY_POINTERS : FERRY_SLOTS,
                          .capture_errno = variant >> 4 == DOWNCALL && variant & 2,
                          .keep_errno = variant >> 4 == UPCALL && variant & 2,
                          .cursor = variant >> 4 == UPCALL && variant & 4};
}

/* A cursor goes with a variadic signature without variadic arguments. */
static bool is_a_variant(const Signature *signature, unsigned variant) {
    ShapeOptions options = options_of(variant);
    bool cursor_fits = signature->variadic && signature->count == signature->fixed;
    return (variant & 8) == 0 && (options.cursor ? cursor_fits : (variant & 4) == 0);
}

static void check_shape(const Shape *shape, const ShapeOptions *options, const Placement *placement) {
    size_t pieces = shape->result.piece_count;
    for (size_t i = 0; i < shape->value_count; i++) {
        const ShapeValue *value = &shape->values[i];
        require(value->mode != MODE_IGNORED && value->piece_count > 0 && value->first_piece == pieces);
        require(options->direction == DOWNCALL || value->source < shape->sources);
        pieces += value->piece_count;
    }
    require(pieces == shape->piece_count && shape->value_count <= placement->count);
    require(shape->direction == options->direction && shape->fixed_values <= shape->value_count);
    if (options->direction == UPCALL_LATE) require(shape->value_count == 0 && !shape->variadic && !shape->keep_errno);
    if (options->direction == UPCALL) require(shape->variadic == options->cursor);
}

static void check_shapes(const Placement *placement, Arena *arena) {
    ferry_error error;
    char name[64];
    for (unsigned variant = 0; variant < 3 * 16; variant++) {
        const Shape *shape, *again;
        const ShapeOptions options = options_of(variant);
        if (!is_a_variant(placement->signature, variant)) continue;
        if (shape_of(placement, &options, arena, &shape, &error) != FERRY_OK) continue;
        require(shape_of(placement, &options, arena, &again, &error) == FERRY_OK);
        require(shape->hash == again->hash && shape_equal(shape, again));
        require(shape_name(shape, name, sizeof name) > 0);
        check_shape(shape, &options, placement);
    }
}

static void check_target(const Target *target, Pool *pool, const Signature *const *signatures, size_t count) {
    Arena arena = {0};
    LayoutTable layouts;
    ferry_error error;
    layout_table_open(&layouts, target, &arena, NULL);
    for (size_t i = 0; i < pool->count; i++) check_layout(&layouts, pool->types[i]);
    for (size_t i = 0; i < count; i++) {
        const Placement *placement;
        error.message[0] = 0;
        ferry_code code = place_signature(&layouts, &arena, signatures[i], &placement, &error);
        if (code != FERRY_OK) {
            require(error.code == code && error.message[0] != 0);
            continue;
        }
        require(place_verify(placement, &error) == FERRY_OK);
        check_shapes(placement, &arena);
    }
    layout_table_close(&layouts);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = {data, size};
    TypeTable table;
    ferry_error error;
    if (type_table_open(&table, NULL, &error) != FERRY_OK) return 0;
    Pool pool = {.table = &table};
    const Signature *signatures[4];
    size_t count = 0;
    fill_pool(&pool, &input);
    for (unsigned i = 0; i < 4; i++) {
        signatures[count] = make_signature(&pool, &input);
        count += signatures[count] != NULL;
    }
    for (size_t i = 0; i < target_count(); i++) check_target(target_at(i), &pool, signatures, count);
    type_table_close(&table);
    return 0;
}
