/* check.c: what every public function asks of its parameters. */
#include "runtime/engine.h"

ferry_code check_pointer(const void *pointer, const char *parameter, ferry_error *error) {
    return pointer != NULL ? FERRY_OK : fail(error, FERRY_INVALID, "%s is NULL", parameter);
}

static ferry_code foreign(const char *parameter, ferry_error *error) {
    return fail(error, FERRY_FOREIGN, "%s belongs to another engine", parameter);
}

ferry_code check_type(const Engine *engine, const Type *type, const char *parameter, ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    TRY(check_pointer(type, parameter, error));
    return type->table == &engine->types ? FERRY_OK : foreign(parameter, error);
}

/* A count beyond the limit is left to the maker, which refuses it without looking at the array. */
ferry_code check_types(const Engine *engine, const Type *const *types, size_t count, const char *parameter,
                       ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    if (count == 0 || count > SIGNATURE_PARAMETER_LIMIT) return FERRY_OK;
    TRY(check_pointer(types, parameter, error));
    for (size_t i = 0; i < count; i++) {
        if (types[i] == NULL) return fail(error, FERRY_INVALID, "%s[%zu] is NULL", parameter, i);
        if (types[i]->table != &engine->types)
            return fail(error, FERRY_FOREIGN, "%s[%zu] belongs to another engine", parameter, i);
    }
    return FERRY_OK;
}

ferry_code check_signature(const Engine *engine, const Signature *signature, const char *parameter,
                           ferry_error *error) {
    TRY(check_pointer(engine, "engine", error));
    TRY(check_pointer(signature, parameter, error));
    return signature->table == &engine->types ? FERRY_OK : foreign(parameter, error);
}

ferry_code check_scope(const Engine *engine, const Scope *scope, const char *parameter, ferry_error *error) {
    return scope_types(scope) == &engine->types ? FERRY_OK : foreign(parameter, error);
}
