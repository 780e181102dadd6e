/* The types of the patterns on one target. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prelude/prelude.h"

ferry_code model_target(const Target **target, ferry_error *error) {
    const Target *host = host_best_target();
    if (host == NULL) return fail(error, FERRY_UNSUPPORTED, "this machine is no target of ferry's: FERRY_PRELUDE=OFF");
    *target = target_find(host->baseline);
    return *target != NULL ? FERRY_OK : fail(error, FERRY_UNSUPPORTED, "there is no target '%s'", host->baseline);
}

ferry_code model_open(Model *model, const Target *target, ferry_error *error) {
    *model = (Model){.target = target};
    TRY(type_table_open(&model->types, NULL, error));
    layout_table_open(&model->layouts, target, &model->arena, NULL);
    return scope_open(&model->types, NULL, &model->scope, error);
}

void model_close(Model *model) {
    if (model->scope != NULL) scope_close(model->scope);
    layout_table_close(&model->layouts);
    type_table_close(&model->types);
    arena_free(&model->arena);
}

ferry_code model_shape(Model *model, const Signature *signature, const ShapeOptions *options, const Shape **shape,
                       ferry_error *error) {
    const Placement *placement;
    TRY(place_signature(&model->layouts, &model->arena, signature, &placement, error));
    return shape_of(placement, options, &model->arena, shape, error);
}

static char *read_stream(Arena *arena, FILE *file) {
    if (fseek(file, 0, SEEK_END) != 0) return NULL;
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) return NULL;
    char *text = arena_new(arena, (size_t)size + 1); /* cleared: terminated */
    return text != NULL && fread(text, 1, (size_t)size, file) == (size_t)size ? text : NULL;
}

ferry_code read_whole(Arena *arena, const char *path, char **text, ferry_error *error) {
    FILE *file = fopen(path, "rb");
    *text = file != NULL ? read_stream(arena, file) : NULL;
    const int reason = errno;
    if (file != NULL) fclose(file);
    return *text != NULL ? FERRY_OK : fail(error, FERRY_SYSTEM, "%s cannot be read: %s", path, strerror(reason));
}
