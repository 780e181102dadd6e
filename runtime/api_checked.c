/* api_checked.c: ferry_call_checked. The layouts are those that the binding was made with; no lock is taken. */
#include "runtime/engine.h"

#define SLOT 8

static ferry_code check_address(const void *address, uint64_t alignment, const char *what, ferry_error *error) {
    TRY(check_pointer(address, what, error));
    if ((uintptr_t)address % alignment == 0) return FERRY_OK;
    return fail(error, FERRY_INVALID, "%s: address %p is not a multiple of %llu", what, address,
                (unsigned long long)alignment);
}

/* Names the argument as its signature does: "arguments[2] (double)". */
static ferry_code check_value(const Type *type, size_t index, const void *address, uint64_t alignment,
                              ferry_error *error) {
    if (address != NULL && (uintptr_t)address % alignment == 0) return FERRY_OK;
    char spelling[128];
    type_spell(type, NULL, spelling, sizeof spelling);
    if (address == NULL) return fail(error, FERRY_INVALID, "arguments[%zu] (%s) is NULL", index, spelling);
    return fail(error, FERRY_INVALID, "arguments[%zu] (%s): address %p is not a multiple of %llu", index, spelling,
                address, (unsigned long long)alignment);
}

/* One after another, so that `sources` ends behind the last: where the errno pointer is. */
static ferry_code check_arguments(const Route *route, const void *arguments, size_t *sources, ferry_error *error) {
    const Signature *signature = route->signature;
    bool pointers = route->convention == FERRY_POINTERS;
    for (size_t i = 0; i < signature->count; i++) {
        const Layout *layout = route->layouts[i];
        *sources += shape_sources(layout, route->convention);
        if (layout->size == 0) continue;
        TRY(check_address(arguments, SLOT, "arguments", error));
        if (!pointers) continue;
        const void *value = ((const void *const *)arguments)[i];
        TRY(check_value(signature->parameters[i], i, value, layout->alignment, error));
    }
    return FERRY_OK;
}

static ferry_code check_errno(const Route *route, const void *arguments, size_t sources, ferry_error *error) {
    if (!route->capture_errno) return FERRY_OK;
    TRY(check_address(arguments, SLOT, "arguments", error));
    return check_address(((const void *const *)arguments)[sources], sizeof(int), "the pointer for errno", error);
}

static ferry_code check_result(const Route *route, const void *result, ferry_error *error) {
    const Layout *layout = route->layouts[route->signature->count];
    if (layout == NULL || layout->size == 0) return FERRY_OK;
    return check_address(result, route->convention == FERRY_SLOTS ? SLOT : layout->alignment, "result", error);
}

static ferry_code check_call(const Route *route, const void *arguments, const void *result, ferry_error *error) {
    size_t sources = 0;
    TRY(check_arguments(route, arguments, &sources, error));
    TRY(check_errno(route, arguments, sources, error));
    return check_result(route, result, error);
}

ferry_code ferry_call_checked(const ferry_binding *binding, const void *arguments, void *result, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(binding, "binding", error));
    TRY(check_call(binding->route, arguments, result, error));
    ferry_call(binding, arguments, result);
    return FERRY_OK;
}
