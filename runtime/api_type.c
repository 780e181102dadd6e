/* api_type.c: ferry/type.h. Checks and the engine's lock around abi/type.h; looking at types needs no lock. */
#include "runtime/engine.h"

/* ---- making ---- */

/* Ends what began with engine_lock. By address, because the maker's call is an argument too. */
static const Type *unlocked(Engine *engine, ferry_code code, const Type *const *type) {
    engine_unlock(engine);
    return code == FERRY_OK ? *type : NULL;
}

const ferry_type *ferry_type_scalar(ferry_engine *engine, ferry_kind kind, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_pointer(engine, "engine", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_scalar(&engine->types, kind, &type, error), &type);
}

const ferry_type *ferry_type_pointer(ferry_engine *engine, const ferry_type *base, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, base, "base", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_pointer(&engine->types, base, &type, error), &type);
}

const ferry_type *ferry_type_array(ferry_engine *engine, const ferry_type *base, uint64_t count, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, base, "base", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_array(&engine->types, base, count, &type, error), &type);
}

const ferry_type *ferry_type_vector(ferry_engine *engine, const ferry_type *base, uint32_t bytes, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, base, "base", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_vector(&engine->types, base, bytes, &type, error), &type);
}

const ferry_type *ferry_type_enum(ferry_engine *engine, const char *name, const ferry_type *underlying,
                                  ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, underlying, "underlying", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_enum(&engine->types, name, underlying, &type, error), &type);
}

/* A count beyond the limit is left to type_record, which refuses it without looking at the members. */
static ferry_code check_members(const Engine *engine, const Member *members, size_t count, ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    if (count == 0 || count > TYPE_MEMBER_LIMIT) return FERRY_OK;
    TRY(check_pointer(members, "members", error));
    for (size_t i = 0; i < count; i++) {
        if (members[i].type == NULL) return fail(error, FERRY_INVALID, "members[%zu].type is NULL", i);
        if (members[i].type->table != &engine->types)
            return fail(error, FERRY_FOREIGN, "members[%zu].type belongs to another engine", i);
    }
    return FERRY_OK;
}

const ferry_type *ferry_type_record(ferry_engine *engine, ferry_kind kind, const char *name,
                                    const ferry_member *members, size_t count, const ferry_record_options *options,
                                    ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_members(engine, members, count, error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_record(&engine->types, kind, name, members, count, options, &type, error), &type);
}

const ferry_type *ferry_type_incomplete(ferry_engine *engine, ferry_kind kind, const char *name, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_pointer(engine, "engine", error) != FERRY_OK) return NULL;
    if (check_pointer(name, "name", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_incomplete(&engine->types, kind, name, &type, error), &type);
}

const ferry_type *ferry_type_aligned(ferry_engine *engine, const ferry_type *base, uint64_t alignment,
                                     ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, base, "base", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_aligned(&engine->types, base, alignment, &type, error), &type);
}

const ferry_type *ferry_type_function(ferry_engine *engine, const ferry_signature *signature, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_signature(engine, signature, "signature", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    return unlocked(engine, type_function(&engine->types, signature, &type, error), &type);
}

const ferry_signature *ferry_signature_create(ferry_engine *engine, const ferry_type *result,
                                              const ferry_type *const *parameters, size_t count, bool variadic,
                                              ferry_error *error) {
    ferry_error scratch;
    const Signature *signature = NULL;
    if (error == NULL) error = &scratch;
    if (check_type(engine, result, "result", error) != FERRY_OK) return NULL;
    if (check_types(engine, parameters, count, "parameters", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    ferry_code code = signature_create(&engine->types, result, parameters, count, variadic, &signature, error);
    engine_unlock(engine);
    return code == FERRY_OK ? signature : NULL;
}

const ferry_signature *ferry_signature_of_call(ferry_engine *engine, const ferry_signature *fixed,
                                               const ferry_type *const *arguments, size_t count, ferry_error *error) {
    ferry_error scratch;
    const Signature *signature = NULL;
    if (error == NULL) error = &scratch;
    if (check_signature(engine, fixed, "fixed", error) != FERRY_OK) return NULL;
    if (check_types(engine, arguments, count, "arguments", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    ferry_code code = signature_of_call(&engine->types, fixed, arguments, count, &signature, error);
    engine_unlock(engine);
    return code == FERRY_OK ? signature : NULL;
}

/* ---- looking ---- */

ferry_kind ferry_type_kind(const ferry_type *type) {
    return type != NULL ? type->kind : FERRY_VOID;
}

const char *ferry_type_name(const ferry_type *type) {
    return type != NULL ? type->name : NULL;
}

const ferry_type *ferry_type_base(const ferry_type *type) {
    return type != NULL ? type->base : NULL;
}

uint64_t ferry_type_count(const ferry_type *type) {
    return type != NULL ? type->count : 0;
}

bool ferry_type_is_complete(const ferry_type *type) {
    return type != NULL && type->complete;
}

size_t ferry_type_member_count(const ferry_type *type) {
    return type != NULL ? type->member_count : 0;
}

const ferry_member *ferry_type_member(const ferry_type *type, size_t index) {
    return type != NULL && index < type->member_count ? &type->members[index] : NULL;
}

const ferry_signature *ferry_type_signature(const ferry_type *type) {
    return type != NULL ? type->signature : NULL;
}

const ferry_type *ferry_signature_result(const ferry_signature *signature) {
    return signature != NULL ? signature->result : NULL;
}

size_t ferry_signature_count(const ferry_signature *signature) {
    return signature != NULL ? signature->count : 0;
}

size_t ferry_signature_fixed(const ferry_signature *signature) {
    return signature != NULL ? signature->fixed : 0;
}

const ferry_type *ferry_signature_parameter(const ferry_signature *signature, size_t index) {
    return signature != NULL && index < signature->count ? signature->parameters[index] : NULL;
}

bool ferry_signature_is_variadic(const ferry_signature *signature) {
    return signature != NULL && signature->variadic;
}

/* ---- spelling ---- */

static size_t nothing(char *buffer, size_t size) {
    if (buffer != NULL && size != 0) buffer[0] = '\0';
    return 0;
}

size_t ferry_type_format(const ferry_type *type, const char *name, char *buffer, size_t size) {
    if (type == NULL) return nothing(buffer, size);
    return type_spell(type, name, buffer, buffer != NULL ? size : 0);
}

size_t ferry_signature_format(const ferry_signature *signature, const char *name, char *buffer, size_t size) {
    if (signature == NULL) return nothing(buffer, size);
    return signature_spell(signature, name, buffer, buffer != NULL ? size : 0);
}
