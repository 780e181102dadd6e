/* One target with the declarations of one text. */
#include <string.h>

#include "cli/model.h"

static bool report(const ferry_error *error, int *status) {
    *status = complain_error(error);
    return false;
}

const Target *model_target(const Invocation *invocation, int *status) {
    const char *name = option_value(invocation, "target");
    ferry_error error = {0};
    if (name == NULL) {
        name = host_target(&error);
        if (name == NULL) report(&error, status);
        return name != NULL ? target_find(name) : NULL;
    }
    const Target *target = target_find(name);
    if (target == NULL) complain("there is no target '%s' (ferry targets lists them)", name);
    *status = EXIT_USAGE;
    return target;
}

bool model_open(Model *model, const Invocation *invocation, int *status) {
    const Target *target = model_target(invocation, status);
    return target != NULL && model_open_for(model, target, status);
}

bool model_open_for(Model *model, const Target *target, int *status) {
    ferry_error error = {0};
    *model = (Model){.target = target};
    if (type_table_open(&model->types, NULL, &error) != FERRY_OK) return report(&error, status);
    layout_table_open(&model->layouts, model->target, &model->arena, NULL);
    if (scope_open(&model->types, NULL, &model->scope, &error) == FERRY_OK) return true;
    model_close(model);
    return report(&error, status);
}

void model_close(Model *model) {
    if (model->scope != NULL) scope_close(model->scope);
    layout_table_close(&model->layouts);
    type_table_close(&model->types);
    arena_free(&model->arena);
}

bool model_parse(Model *model, const char *text, int *status) {
    ferry_error error = {0};
    return scope_parse(model->scope, text, strlen(text), &error) == FERRY_OK || report(&error, status);
}

bool model_settle(Model *model, Function *function, int *status) {
    const Signature *signature = function->signature;
    function->declared = signature;
    function->is_open = signature->variadic && !signature->of_call;
    if (!function->is_open) return true;
    ferry_error error = {0};
    return signature_of_call(&model->types, signature, NULL, 0, &function->signature, &error) == FERRY_OK ||
           report(&error, status);
}

bool model_function(Model *model, const char *text, Function *function, int *status) {
    ferry_error error = {0};
    *function = (Function){0};
    if (parse_signature(&model->types, NULL, text, &function->signature, &function->name, &error) != FERRY_OK)
        return report(&error, status);
    return model_settle(model, function, status);
}

bool model_place(Model *model, const Function *function, const Placement **placement, int *status) {
    ferry_error error = {0};
    return place_signature(&model->layouts, &model->arena, function->signature, placement, &error) == FERRY_OK ||
           report(&error, status);
}
