/* api_bundle.c: ferry/bundle.h. */
#include "ferry/bundle.h"
#include "runtime/engine.h"

static ferry_code add(Engine *engine, const Bundle *bundle, const char *name, ferry_error *error) {
    engine_lock(engine);
    ferry_code code = ready_add(engine, bundle, error);
    engine_leave(engine);
    return code == FERRY_OK || code == FERRY_OUT_OF_MEMORY ? code : fail_within(error, code, "%.200s: ", name);
}

ferry_code ferry_engine_add_bundle(ferry_engine *engine, const char *path, ferry_error *error) {
    ferry_error scratch;
    Bundle bundle;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(engine, "engine", error));
    TRY(check_pointer(path, "path", error));
    TRY(bundle_load(path, engine->allocator, &bundle, error));
    return add(engine, &bundle, path, error);
}

ferry_code ferry_engine_add_linked(ferry_engine *engine, const ferry_bundle *linked, ferry_error *error) {
    ferry_error scratch;
    Bundle bundle;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(engine, "engine", error));
    TRY(check_pointer(linked, "bundle", error));
    TRY(bundle_linked(linked, &bundle, error));
    return add(engine, &bundle, "bundle", error);
}
