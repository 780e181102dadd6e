/* tests/diff/rebuild.c: a signature made again, in the same or another engine, as it is or one step simpler.
 *
 * The possible simplifications of a signature are numbered in the order in which the walk meets them; `edit` says which
 * one to apply. So the reducer needs to know nothing of types, and every part of a type is named once.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/type.h"
#include "diff.h"

static const ferry_type *again(Rebuild *rebuild, const ferry_type *type);

/* Is it this one that is to be simplified? */
static bool here(Rebuild *rebuild, Grain grain) {
    return grain <= rebuild->grain && rebuild->edit >= 0 && rebuild->edit-- == 0;
}

static const char *tag(Rebuild *rebuild, const char *name, char letter, char buffer[32]) {
    if (name == NULL || !rebuild->rename) return name;
    snprintf(buffer, 32, "%c%u", letter, ++rebuild->tag);
    return buffer;
}

static const ferry_type *again_enum(Rebuild *rebuild, const ferry_type *type) {
    char buffer[32];
    ferry_error error;
    const ferry_type *base = again(rebuild, type->base);
    if (base == NULL || here(rebuild, FINE)) return base;
    return ferry_type_enum(rebuild->engine, tag(rebuild, type->name, 'e', buffer), base, &error);
}

static const ferry_type *again_pointer(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    const ferry_type *base = type->base;
    if (base->kind != FERRY_VOID && here(rebuild, FINE))
        base = ferry_type_scalar(rebuild->engine, FERRY_VOID, &error);
    else
        base = again(rebuild, base);
    return base == NULL ? NULL : ferry_type_pointer(rebuild->engine, base, &error);
}

static const ferry_type *again_array(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    uint64_t count = type->count;
    if (count > 1 && count != FERRY_FLEXIBLE && here(rebuild, FINE)) count = 1;
    bool unwrap = count != FERRY_FLEXIBLE && here(rebuild, FINE);
    const ferry_type *base = again(rebuild, type->base);
    return base == NULL || unwrap ? base : ferry_type_array(rebuild->engine, base, count, &error);
}

static const ferry_type *again_vector(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    bool unwrap = here(rebuild, FINE);
    const ferry_type *base =
        unwrap ? again(rebuild, type->base) : ferry_type_scalar(rebuild->engine, type->base->kind, &error);
    return base == NULL || unwrap ? base : ferry_type_vector(rebuild->engine, base, (uint32_t)type->count, &error);
}

static const ferry_type *again_aligned(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    bool unwrap = here(rebuild, FINE);
    const ferry_type *base = again(rebuild, type->base);
    return base == NULL || unwrap ? base : ferry_type_aligned(rebuild->engine, base, type->alignment, &error);
}

static const ferry_type *again_function(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    const ferry_signature *signature = rebuild_signature(rebuild, type->signature);
    return signature == NULL ? NULL : ferry_type_function(rebuild->engine, signature, &error);
}

static ferry_member again_member(Rebuild *rebuild, const ferry_member *member) {
    ferry_member copy = *member;
    if (copy.packed && here(rebuild, FINE)) copy.packed = false;
    if (copy.alignment != 0 && here(rebuild, FINE)) copy.alignment = 0;
    if (copy.is_bitfield && copy.name != NULL && here(rebuild, FINE)) copy.is_bitfield = false, copy.bits = 0;
    copy.type = again(rebuild, member->type);
    bool record = copy.type != NULL && (copy.type->kind == FERRY_STRUCT || copy.type->kind == FERRY_UNION);
    if (!copy.is_bitfield && copy.name == NULL && !record) copy.type = NULL; /* C has no other unnamed members */
    return copy;
}

/* A member in the place of its record, where it can be a value of its own. */
static const ferry_type *again_lifted(Rebuild *rebuild, const ferry_type *type) {
    for (size_t i = 0; i < type->member_count; i++) {
        const ferry_member *member = &type->members[i];
        if (!member->is_bitfield && member->type->kind != FERRY_ARRAY && here(rebuild, MEMBERS))
            return again(rebuild, member->type);
    }
    return NULL;
}

static const ferry_type *again_record(Rebuild *rebuild, const ferry_type *type) {
    char buffer[32];
    ferry_error error;
    const ferry_type *lifted = again_lifted(rebuild, type), *made = NULL;
    if (lifted != NULL) return lifted;
    if (!type->complete)
        return ferry_type_incomplete(rebuild->engine, type->kind, tag(rebuild, type->name, 's', buffer), &error);
    ferry_record_options options = {type->packed, type->alignment};
    if (options.packed && here(rebuild, FINE)) options.packed = false;
    if (options.alignment != 0 && here(rebuild, FINE)) options.alignment = 0;
    ferry_member *members = calloc(type->member_count + 1, sizeof *members);
    if (members == NULL) return NULL;
    size_t count = 0;
    bool good = true;
    for (size_t i = 0; i < type->member_count; i++) {
        if (here(rebuild, MEMBERS)) continue;
        members[count] = again_member(rebuild, &type->members[i]);
        good &= members[count++].type != NULL;
    }
    char letter = type->kind == FERRY_UNION ? 'u' : 's';
    if (good)
        made = ferry_type_record(rebuild->engine, type->kind, tag(rebuild, type->name, letter, buffer), members, count,
                                 &options, &error);
    free(members);
    return made;
}

static const ferry_type *again(Rebuild *rebuild, const ferry_type *type) {
    ferry_error error;
    switch (type->kind) {
    case FERRY_ENUM: return again_enum(rebuild, type);
    case FERRY_POINTER: return again_pointer(rebuild, type);
    case FERRY_FUNCTION: return again_function(rebuild, type);
    case FERRY_ARRAY: return again_array(rebuild, type);
    case FERRY_VECTOR: return again_vector(rebuild, type);
    case FERRY_STRUCT:
    case FERRY_UNION: return again_record(rebuild, type);
    case FERRY_ALIGNED: return again_aligned(rebuild, type);
    default: break;
    }
    ferry_kind kind = type->kind;
    if (kind != FERRY_INT && kind != FERRY_VOID && here(rebuild, FINE)) kind = FERRY_INT;
    return ferry_type_scalar(rebuild->engine, kind, &error);
}

/* A declaration cannot say that a call has no variadic arguments: where it names none, that is what is meant. */
const ferry_signature *call_without_variadic(ferry_engine *engine, const ferry_signature *signature) {
    ferry_error error;
    if (!signature->variadic || signature->of_call) return signature;
    return ferry_signature_of_call(engine, signature, NULL, 0, &error);
}

const ferry_signature *rebuild_signature(Rebuild *rebuild, const ferry_signature *signature) {
    ferry_error error;
    const ferry_type **types = calloc(signature->count + 1, sizeof *types), *result = NULL;
    const ferry_signature *made = NULL;
    size_t count = 0, fixed = 0;
    bool good = types != NULL;
    for (size_t i = 0; good && i < signature->count; i++) {
        bool removable = !signature->variadic || i >= signature->fixed || fixed > 0 || i + 1 < signature->fixed;
        if (removable && here(rebuild, ARGUMENTS)) continue;
        types[count] = again(rebuild, signature->parameters[i]);
        good = types[count++] != NULL;
        fixed += i < signature->fixed;
    }
    if (good && signature->result->kind != FERRY_VOID && here(rebuild, ARGUMENTS))
        result = ferry_type_scalar(rebuild->engine, FERRY_VOID, &error);
    else if (good)
        result = again(rebuild, signature->result);
    if (result != NULL)
        made = ferry_signature_create(rebuild->engine, result, types, fixed, signature->variadic, &error);
    if (made != NULL && signature->of_call && signature->variadic)
        made = ferry_signature_of_call(rebuild->engine, made, types + fixed, count - fixed, &error);
    free(types);
    return made;
}
