/* api_declare.c: ferry/declare.h. A scope finds its engine through the type table that it declares into. */
#include "runtime/engine.h"

#include <string.h>

ferry_scope *ferry_scope_create(ferry_engine *engine, ferry_error *error) {
    ferry_error scratch;
    Scope *scope = NULL;
    if (error == NULL) error = &scratch;
    if (check_pointer(engine, "engine", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    ferry_code code = scope_open(&engine->types, engine->allocator, &scope, error);
    engine_unlock(engine);
    if (code != FERRY_OK) return NULL;
    atomic_fetch_add(&engine->scopes, 1);
    return scope;
}

void ferry_scope_free(ferry_scope *scope) {
    if (scope == NULL) return;
    Engine *engine = engine_of_types(scope_types(scope));
    engine_lock(engine);
    scope_close(scope);
    engine_unlock(engine);
    atomic_fetch_sub(&engine->scopes, 1);
}

ferry_code ferry_scope_parse(ferry_scope *scope, const char *text, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(text, "text", error));
    return ferry_scope_parse_bytes(scope, text, strlen(text), error);
}

ferry_code ferry_scope_parse_bytes(ferry_scope *scope, const char *text, size_t length, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(scope, "scope", error));
    if (length != 0) TRY(check_pointer(text, "text", error));
    Engine *engine = engine_of_types(scope_types(scope));
    engine_lock(engine);
    ferry_code code = scope_parse(scope, text != NULL ? text : "", length, error);
    engine_unlock(engine);
    return code;
}

size_t ferry_scope_count(const ferry_scope *scope) {
    return scope != NULL ? scope_count(scope) : 0;
}

const ferry_declaration *ferry_scope_at(const ferry_scope *scope, size_t index) {
    return scope != NULL && index < scope_count(scope) ? scope_at(scope, index) : NULL;
}

const ferry_declaration *ferry_scope_find(const ferry_scope *scope, const char *name) {
    return scope != NULL && name != NULL ? scope_find(scope, name) : NULL;
}

const ferry_type *ferry_type_parse(ferry_engine *engine, ferry_scope *scope, const char *text, ferry_error *error) {
    ferry_error scratch;
    const Type *type = NULL;
    if (error == NULL) error = &scratch;
    if (check_pointer(engine, "engine", error) != FERRY_OK) return NULL;
    if (check_pointer(text, "text", error) != FERRY_OK) return NULL;
    if (scope != NULL && check_scope(engine, scope, "scope", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    ferry_code code = parse_type(&engine->types, engine->allocator, scope, text, &type, error);
    engine_unlock(engine);
    return code == FERRY_OK ? type : NULL;
}

const ferry_signature *ferry_signature_parse(ferry_engine *engine, const char *text, const char **name,
                                             ferry_error *error) {
    ferry_error scratch;
    const Signature *signature = NULL;
    const char *found = NULL;
    if (error == NULL) error = &scratch;
    if (check_pointer(engine, "engine", error) != FERRY_OK) return NULL;
    if (check_pointer(text, "text", error) != FERRY_OK) return NULL;
    engine_lock(engine);
    ferry_code code = parse_signature(&engine->types, engine->allocator, text, &signature, &found, error);
    engine_unlock(engine);
    if (code != FERRY_OK) return NULL;
    if (name != NULL) *name = found;
    return signature;
}
