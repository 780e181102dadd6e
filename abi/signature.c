/* signature.c: making and interning signatures. */
#include "abi/type.h"

#include <stdio.h>

static uint64_t hash_signature(const Signature *signature) {
    uint64_t flags = (uint64_t)signature->variadic << 1 | signature->of_call;
    uint64_t hash = hash_number(flags, signature->result->id);
    hash = hash_number(hash, signature->fixed);
    for (size_t i = 0; i < signature->count; i++) hash = hash_number(hash, signature->parameters[i]->id);
    return hash;
}

static bool signature_equal(const void *value, const void *key) {
    const Signature *left = value, *right = key;
    bool equal = left->result == right->result && left->count == right->count && left->fixed == right->fixed &&
                 left->variadic == right->variadic && left->of_call == right->of_call;
    for (size_t i = 0; equal && i < left->count; i++) equal = left->parameters[i] == right->parameters[i];
    return equal;
}

/* candidate's parameters are scratch; they are copied when the signature is new. */
static ferry_code intern(TypeTable *table, Signature *candidate, const Signature **signature, ferry_error *error) {
    candidate->table = table;
    candidate->hash = hash_signature(candidate);
    candidate->depth = candidate->result->depth + 1;
    for (size_t i = 0; i < candidate->count; i++) {
        uint32_t depth = candidate->parameters[i]->depth + 1;
        if (depth > candidate->depth) candidate->depth = depth;
    }
    const Signature *known = table_find(&table->signatures, candidate->hash, signature_equal, candidate);
    if (known == NULL) {
        if (!table_reserve(&table->signatures)) return fail_out_of_memory(error, "the table of signatures");
        candidate->parameters =
            arena_copy(&table->arena, candidate->parameters, candidate->count * sizeof *candidate->parameters);
        candidate->runtime = arena_array(&table->arena, SIGNATURE_CELLS, sizeof *candidate->runtime);
        Signature *copy = arena_copy(&table->arena, candidate, sizeof *candidate);
        if (candidate->parameters == NULL || candidate->runtime == NULL || copy == NULL) {
            return fail_out_of_memory(error, "a signature");
        }
        copy->id = (uint32_t)table->signatures.count;
        table_insert(&table->signatures, candidate->hash, copy);
        known = copy;
    }
    *signature = known;
    return FERRY_OK;
}

static ferry_code check_result(const Type *result, ferry_error *error) {
    const Type *type = type_strip(result);
    if (type->kind == FERRY_FUNCTION || type->kind == FERRY_ARRAY) {
        return fail(error, FERRY_INVALID, "a function cannot return %s",
                    type->kind == FERRY_ARRAY ? "an array" : "a function");
    }
    if (!type->complete && type->kind != FERRY_VOID) {
        return fail(error, FERRY_INCOMPLETE, "the result has the incomplete type %s %s",
                    type->kind == FERRY_UNION ? "union" : "struct", type->name);
    }
    return FERRY_OK;
}

/* C's adjustment: an array is passed as a pointer to its first element, a function as a pointer to it. */
static ferry_code adjust(TypeTable *table, const Type *type, const Type **adjusted, ferry_error *error) {
    const Type *stripped = type_strip(type);
    *adjusted = type;
    if (stripped->kind == FERRY_ARRAY) return type_pointer(table, stripped->base, adjusted, error);
    if (stripped->kind == FERRY_FUNCTION) return type_pointer(table, stripped, adjusted, error);
    return FERRY_OK;
}

static ferry_code adjust_parameter(TypeTable *table, const Type *type, size_t index, const Type **adjusted,
                                   ferry_error *error) {
    if (type == NULL) return fail(error, FERRY_INVALID, "parameter %zu has no type", index + 1);
    TRY(adjust(table, type, adjusted, error));
    const Type *stripped = type_strip(*adjusted);
    if (stripped->kind == FERRY_VOID) return fail(error, FERRY_INVALID, "parameter %zu is void", index + 1);
    if (!stripped->complete) {
        return fail(error, FERRY_INCOMPLETE, "parameter %zu has the incomplete type %s %s", index + 1,
                    stripped->kind == FERRY_UNION ? "union" : "struct", stripped->name);
    }
    return FERRY_OK;
}

/* What C's default promotions turn a variadic argument of this type into, or NULL when it stays. */
static const char *promotion_of(const Type *type) {
    const Type *stripped = type_strip(type);
    ferry_kind kind = stripped->kind == FERRY_ENUM ? stripped->base->kind : stripped->kind;
    switch (kind) {
    case FERRY_FLOAT: return "double";
    case FERRY_BOOL:
    case FERRY_CHAR:
    case FERRY_SCHAR:
    case FERRY_UCHAR:
    case FERRY_SHORT:
    case FERRY_USHORT:
    case FERRY_INT8:
    case FERRY_UINT8:
    case FERRY_INT16:
    case FERRY_UINT16: return "int";
    default: return NULL;
    }
}

ferry_code type_check_promoted(const Type *type, size_t index, ferry_error *error) {
    const char *promoted = promotion_of(type);
    if (promoted == NULL) return FERRY_OK;
    char spelling[96];
    type_spell(type, NULL, spelling, sizeof spelling);
    return fail(error, FERRY_INVALID, "variadic argument %zu is %s, which C promotes to %s: declare it as that",
                index + 1, spelling, promoted);
}

/* candidate has everything but its parameters, which come from two lists. */
static ferry_code finish(TypeTable *table, Signature *candidate, const Type *const *first, size_t first_count,
                         const Type *const *second, size_t second_count, const Signature **signature,
                         ferry_error *error) {
    if (first_count > SIGNATURE_PARAMETER_LIMIT || second_count > SIGNATURE_PARAMETER_LIMIT - first_count) {
        return fail(error, FERRY_TOO_LARGE, "%zu parameters are more than %d", first_count + second_count,
                    SIGNATURE_PARAMETER_LIMIT);
    }
    const Type *parameters[SIGNATURE_PARAMETER_LIMIT];
    for (size_t i = 0; i < first_count; i++) TRY(adjust_parameter(table, first[i], i, &parameters[i], error));
    for (size_t i = 0; i < second_count; i++) {
        TRY(adjust_parameter(table, second[i], first_count + i, &parameters[first_count + i], error));
        TRY(type_check_promoted(second[i], i, error));
    }
    candidate->parameters = parameters;
    candidate->count = first_count + second_count;
    candidate->fixed = first_count;
    return intern(table, candidate, signature, error);
}

ferry_code signature_create(TypeTable *table, const Type *result, const Type *const *parameters, size_t count,
                            bool variadic, const Signature **signature, ferry_error *error) {
    TRY(check_result(result, error));
    Signature candidate = {.result = result, .variadic = variadic};
    return finish(table, &candidate, parameters, count, NULL, 0, signature, error);
}

ferry_code signature_of_call(TypeTable *table, const Signature *fixed, const Type *const *arguments, size_t count,
                             const Signature **signature, ferry_error *error) {
    if (!fixed->variadic) return fail(error, FERRY_INVALID, "the function is not variadic");
    if (fixed->of_call) return fail(error, FERRY_INVALID, "the signature has its variadic arguments already");
    Signature candidate = {.result = fixed->result, .variadic = true, .of_call = true};
    return finish(table, &candidate, fixed->parameters, fixed->count, arguments, count, signature, error);
}
