/* type.c: making and interning types. signature.c does the same for signatures.
 *
 * A candidate is built on the stack, looked up, and copied into the arena only when it is new, so that a failure
 * leaves nothing behind. What a type is made of is interned already: parts are compared as pointers.
 */
#include "abi/type.h"

#include <stdio.h>
#include <string.h>

#define ALIGNMENT_LIMIT (UINT64_C(1) << 28) /* gcc's own */

ferry_code type_table_open(TypeTable *table, const ferry_allocator *allocator, ferry_error *error) {
    (void)error;
    *table = (TypeTable){.arena.allocator = allocator,
                         .types.allocator = allocator,
                         .signatures.allocator = allocator,
                         .names.allocator = allocator};
    return FERRY_OK;
}

void type_table_close(TypeTable *table) {
    table_free(&table->types);
    table_free(&table->signatures);
    table_free(&table->names);
    arena_free(&table->arena);
}

typedef struct Name {
    const char *text;
    size_t length;
} Name;

static bool name_equal(const void *value, const void *key) {
    const Name *name = key;
    return strncmp(value, name->text, name->length) == 0 && ((const char *)value)[name->length] == '\0';
}

ferry_code type_intern_name(TypeTable *table, const char *name, size_t length, const char **interned,
                            ferry_error *error) {
    uint64_t hash = hash_bytes(0, name, length);
    const char *known = table_find(&table->names, hash, name_equal, &(Name){name, length});
    if (known == NULL) {
        char *copy = table_reserve(&table->names) ? arena_new(&table->arena, length + 1) : NULL;
        if (copy == NULL) return fail_out_of_memory(error, "a name");
        memcpy(copy, name, length);
        table_insert(&table->names, hash, copy);
        known = copy;
    }
    *interned = known;
    return FERRY_OK;
}

static ferry_code intern_optional(TypeTable *table, const char *name, const char **interned, ferry_error *error) {
    *interned = NULL;
    if (name == NULL || name[0] == '\0') return FERRY_OK;
    return type_intern_name(table, name, strlen(name), interned, error);
}

static uint64_t hash_member(uint64_t seed, const Member *member) {
    uint64_t hash = hash_number(seed, (uint64_t)(uintptr_t)member->name);
    hash = hash_number(hash, member->type->id);
    hash = hash_number(hash, member->alignment);
    return hash_number(hash, (uint64_t)member->bits << 2 | (uint64_t)member->is_bitfield << 1 | member->packed);
}

static uint64_t hash_type(const Type *type) {
    uint64_t hash = hash_number(type->kind, (uint64_t)type->packed << 1 | type->complete);
    hash = hash_number(hash, type->count);
    hash = hash_number(hash, type->alignment);
    hash = hash_number(hash, type->base == NULL ? UINT64_MAX : type->base->id);
    hash = hash_number(hash, (uint64_t)(uintptr_t)type->name);
    hash = hash_number(hash, (uint64_t)(uintptr_t)type->signature);
    for (size_t i = 0; i < type->member_count; i++) hash = hash_member(hash, &type->members[i]);
    return hash;
}

static bool member_equal(const Member *left, const Member *right) {
    return left->name == right->name && left->type == right->type && left->is_bitfield == right->is_bitfield &&
           left->packed == right->packed && left->bits == right->bits && left->alignment == right->alignment;
}

static bool type_equal(const void *value, const void *key) {
    const Type *left = value, *right = key;
    bool equal = left->kind == right->kind && left->packed == right->packed && left->complete == right->complete &&
                 left->count == right->count && left->alignment == right->alignment && left->base == right->base &&
                 left->name == right->name && left->signature == right->signature &&
                 left->member_count == right->member_count;
    for (size_t i = 0; equal && i < left->member_count; i++) {
        equal = member_equal(&left->members[i], &right->members[i]);
    }
    return equal;
}

static ferry_code copy_members(TypeTable *table, Type *type, ferry_error *error) {
    if (type->member_count == 0) return FERRY_OK;
    type->members = arena_copy(&table->arena, type->members, type->member_count * sizeof(Member));
    return type->members == NULL ? fail_out_of_memory(error, "the members of a struct") : FERRY_OK;
}

static ferry_code intern(TypeTable *table, Type *candidate, const Type **type, ferry_error *error) {
    if (candidate->depth > TYPE_DEPTH_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "types are nested more than %d deep", TYPE_DEPTH_LIMIT);
    }
    candidate->table = table;
    candidate->hash = hash_type(candidate);
    const Type *known = table_find(&table->types, candidate->hash, type_equal, candidate);
    if (known == NULL) {
        if (!table_reserve(&table->types)) return fail_out_of_memory(error, "the table of types");
        TRY(copy_members(table, candidate, error));
        candidate->id = table->next_id;
        known = arena_copy(&table->arena, candidate, sizeof *candidate);
        if (known == NULL) return fail_out_of_memory(error, "a type");
        table->next_id++;
        table_insert(&table->types, candidate->hash, known);
    }
    *type = known;
    return FERRY_OK;
}

ferry_code type_scalar(TypeTable *table, ferry_kind kind, const Type **type, ferry_error *error) {
    if ((unsigned)kind >= FERRY_SCALAR_COUNT) return fail(error, FERRY_INVALID, "kind %d is no scalar", (int)kind);
    if (table->scalars[kind] == NULL) {
        Type candidate = {.kind = kind, .complete = kind != FERRY_VOID, .depth = 1};
        TRY(intern(table, &candidate, &table->scalars[kind], error));
    }
    *type = table->scalars[kind];
    return FERRY_OK;
}

/* Refuses what cannot be an object: role says what it was wanted for. */
static ferry_code want_object(const Type *type, const char *role, ferry_error *error) {
    const Type *stripped = type_strip(type);
    if (stripped->kind == FERRY_VOID) return fail(error, FERRY_INVALID, "%s cannot be void", role);
    if (stripped->kind == FERRY_FUNCTION) {
        return fail(error, FERRY_INVALID, "%s cannot be a function, only a pointer to one", role);
    }
    if (!stripped->complete) {
        return fail(error, FERRY_INCOMPLETE, "%s has the incomplete type %s %s", role,
                    stripped->kind == FERRY_UNION ? "union" : "struct", stripped->name ? stripped->name : "");
    }
    return FERRY_OK;
}

static bool is_flexible(const Type *type) {
    return type->kind == FERRY_ARRAY && type->count == FERRY_FLEXIBLE;
}

static ferry_code want_alignment(uint64_t alignment, const char *role, ferry_error *error) {
    if (alignment == 0 || (is_power_of_two(alignment) && alignment <= ALIGNMENT_LIMIT)) return FERRY_OK;
    return fail(error, FERRY_INVALID, "the alignment %llu of %s is no power of two up to 2^28",
                (unsigned long long)alignment, role);
}

ferry_code type_pointer(TypeTable *table, const Type *base, const Type **type, ferry_error *error) {
    Type candidate = {.kind = FERRY_POINTER, .complete = true, .base = base, .depth = base->depth + 1};
    return intern(table, &candidate, type, error);
}

ferry_code type_array(TypeTable *table, const Type *base, uint64_t count, const Type **type, ferry_error *error) {
    TRY(want_object(base, "an array's element", error));
    if (is_flexible(base)) return fail(error, FERRY_INVALID, "an array's element cannot be an array without a bound");
    Type candidate = {.kind = FERRY_ARRAY, .complete = true, .base = base, .count = count, .depth = base->depth + 1};
    return intern(table, &candidate, type, error);
}

ferry_code type_vector(TypeTable *table, const Type *base, uint32_t bytes, const Type **type, ferry_error *error) {
    const Type *element = type_strip(base);
    bool allowed = (kind_is_integer(element->kind) && element->kind != FERRY_BOOL) ||
                   (kind_is_real(element->kind) && element->kind != FERRY_LONG_DOUBLE);
    if (!allowed) return fail(error, FERRY_INVALID, "a vector's element must be an integer or floating type");
    if (!is_power_of_two(bytes) || bytes < 4 || bytes > 64) {
        return fail(error, FERRY_INVALID, "vector_size %u is not 4, 8, 16, 32 or 64", bytes);
    }
    Type candidate = {
        .kind = FERRY_VECTOR, .complete = true, .base = element, .count = bytes, .depth = element->depth + 1};
    return intern(table, &candidate, type, error);
}

ferry_code type_enum(TypeTable *table, const char *name, const Type *underlying, const Type **type,
                     ferry_error *error) {
    if (!kind_is_integer(underlying->kind)) {
        return fail(error, FERRY_INVALID, "the underlying type of enum %s is no integer", name ? name : "");
    }
    Type candidate = {.kind = FERRY_ENUM, .complete = true, .base = underlying, .depth = underlying->depth + 1};
    TRY(intern_optional(table, name, &candidate.name, error));
    return intern(table, &candidate, type, error);
}

static ferry_code want_record_kind(ferry_kind kind, ferry_error *error) {
    if (kind == FERRY_STRUCT || kind == FERRY_UNION) return FERRY_OK;
    return fail(error, FERRY_INVALID, "kind %d is neither FERRY_STRUCT nor FERRY_UNION", (int)kind);
}

static ferry_code check_bitfield(const Member *member, const char *role, ferry_error *error) {
    const Type *type = type_strip(member->type);
    if (type->kind == FERRY_ENUM) type = type->base;
    if (!kind_is_integer(type->kind)) {
        return fail(error, FERRY_INVALID, "%s is a bit-field of a type that is no integer", role);
    }
    if (member->bits == 0 && member->name != NULL) {
        return fail(error, FERRY_INVALID, "%s is a bit-field of width 0 and has a name", role);
    }
    if (member->bits > 128) return fail(error, FERRY_INVALID, "%s is a bit-field of %u bits", role, member->bits);
    return FERRY_OK;
}

static ferry_code check_member(const Member *member, bool last_of_struct, size_t index, ferry_error *error) {
    char role[96];
    if (member->name != NULL) {
        snprintf(role, sizeof role, "member %s", member->name);
    } else {
        snprintf(role, sizeof role, "member number %zu (unnamed)", index + 1);
    }
    TRY(want_object(member->type, role, error));
    TRY(want_alignment(member->alignment, role, error));
    if (is_flexible(type_strip(member->type)) && !last_of_struct) {
        return fail(error, FERRY_INVALID, "%s is a flexible array, which only the last member of a struct can be",
                    role);
    }
    return member->is_bitfield ? check_bitfield(member, role, error) : FERRY_OK;
}

/* The members with their names interned; the copy is the scratch table's. */
static ferry_code prepare_members(TypeTable *table, Arena *scratch, Type *record, const Member *members, size_t count,
                                  ferry_error *error) {
    Member *copy = count == 0 ? NULL : arena_array(scratch, count, sizeof *copy);
    if (count != 0 && copy == NULL) return fail_out_of_memory(error, "the members of a struct");
    for (size_t i = 0; i < count; i++) {
        if (members[i].type == NULL) return fail(error, FERRY_INVALID, "member %zu has no type", i);
        copy[i] = members[i];
        TRY(intern_optional(table, members[i].name, &copy[i].name, error));
        if (!copy[i].is_bitfield) copy[i].bits = 0;
        TRY(check_member(&copy[i], record->kind == FERRY_STRUCT && i + 1 == count, i, error));
        if (copy[i].type->depth >= record->depth) record->depth = copy[i].type->depth + 1;
    }
    record->members = copy;
    record->member_count = count;
    return FERRY_OK;
}

static bool pointer_equal(const void *value, const void *key) {
    return value == key;
}

static ferry_code check_duplicates(const Type *record, const ferry_allocator *allocator, ferry_error *error) {
    Table names = {.allocator = allocator};
    ferry_code code = FERRY_OK;
    for (size_t i = 0; code == FERRY_OK && i < record->member_count; i++) {
        const char *name = record->members[i].name;
        if (name == NULL) continue;
        uint64_t hash = hash_number(0, (uint64_t)(uintptr_t)name);
        if (table_find(&names, hash, pointer_equal, name) != NULL) {
            code = fail(error, FERRY_INVALID, "two members are named %s", name);
        } else if (!table_reserve(&names)) {
            code = fail_out_of_memory(error, "the members of a struct");
        } else {
            table_insert(&names, hash, name);
        }
    }
    table_free(&names);
    return code;
}

ferry_code type_record(TypeTable *table, ferry_kind kind, const char *name, const Member *members, size_t count,
                       const ferry_record_options *options, const Type **type, ferry_error *error) {
    TRY(want_record_kind(kind, error));
    if (count > TYPE_MEMBER_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "%zu members are more than %d", count, TYPE_MEMBER_LIMIT);
    }
    Type candidate = {.kind = kind, .complete = true, .depth = 1};
    if (options != NULL) {
        candidate.packed = options->packed;
        candidate.alignment = options->alignment;
        TRY(want_alignment(options->alignment, "a struct or union", error));
    }
    TRY(intern_optional(table, name, &candidate.name, error));
    Arena scratch = {.allocator = table->arena.allocator};
    ferry_code code = prepare_members(table, &scratch, &candidate, members, count, error);
    if (code == FERRY_OK) code = check_duplicates(&candidate, table->arena.allocator, error);
    if (code == FERRY_OK) code = intern(table, &candidate, type, error);
    arena_free(&scratch);
    return code;
}

ferry_code type_incomplete(TypeTable *table, ferry_kind kind, const char *name, const Type **type, ferry_error *error) {
    TRY(want_record_kind(kind, error));
    if (name == NULL || name[0] == '\0') return fail(error, FERRY_INVALID, "an incomplete type needs a name");
    Type candidate = {.kind = kind, .complete = false, .depth = 1};
    TRY(intern_optional(table, name, &candidate.name, error));
    return intern(table, &candidate, type, error);
}

ferry_code type_aligned(TypeTable *table, const Type *base, uint64_t alignment, const Type **type, ferry_error *error) {
    TRY(want_object(base, "an aligned typedef", error));
    if (alignment == 0) return fail(error, FERRY_INVALID, "the alignment 0 of a typedef is no power of two");
    TRY(want_alignment(alignment, "a typedef", error));
    Type candidate = {.kind = FERRY_ALIGNED,
                      .complete = true,
                      .base = type_strip(base),
                      .alignment = alignment,
                      .depth = type_strip(base)->depth + 1};
    return intern(table, &candidate, type, error);
}

ferry_code type_function(TypeTable *table, const Signature *signature, const Type **type, ferry_error *error) {
    Type candidate = {.kind = FERRY_FUNCTION, .signature = signature, .depth = signature->depth + 1};
    return intern(table, &candidate, type, error);
}
