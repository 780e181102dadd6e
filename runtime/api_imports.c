/* api_imports.c: the bindings of a table that C hands in (ferry/interface.h). */
#include <string.h>

#include "runtime/interface.h"

struct ferry_imports {
    ferry_allocator allocator; /* a copy: imports without bindings may outlive their engine */
    size_t bytes;
    const Type *record; /* valid while there are bindings, which keep the engine alive */
    size_t count;
    ferry_binding *bindings[]; /* one for each member, NULL where there is none */
};

static ferry_code import_member(Engine *engine, const TableShape *shape, size_t index, const unsigned char *functions,
                                const ferry_binding_options *options, ferry_binding **binding, ferry_error *error) {
    const Signature *signature = table_function(shape, index);
    Function function;
    if (signature == NULL || signature->variadic) return FERRY_OK;
    memcpy(&function, functions + table_place(shape, index), sizeof function);
    if (function == NULL) return FERRY_OK;
    *binding = ferry_bind(engine, signature, function, options, error);
    return *binding != NULL ? FERRY_OK : table_fail_at(shape, index, error->code, error);
}

static ferry_code create(Engine *engine, const Type *table, const void *functions, const ferry_binding_options *options,
                         ferry_imports **made, ferry_error *error) {
    TableShape shape;
    TRY(table_shape(engine, table, &shape, error));
    TRY(check_pointer(functions, "functions", error));
    size_t count = shape.record->member_count;
    size_t bytes = sizeof(ferry_imports) + count * sizeof(ferry_binding *);
    ferry_imports *imports = memory_new(engine->allocator, bytes);
    if (imports == NULL) return fail_out_of_memory(error, "imports");
    if (engine->allocator != NULL) imports->allocator = *engine->allocator;
    imports->bytes = bytes;
    imports->record = shape.record;
    imports->count = count;
    ferry_code code = FERRY_OK;
    for (size_t i = 0; i < count && code == FERRY_OK; i++)
        code = import_member(engine, &shape, i, functions, options, &imports->bindings[i], error);
    if (code != FERRY_OK) ferry_imports_free(imports);
    if (code == FERRY_OK) *made = imports;
    return code;
}

ferry_imports *ferry_imports_create(ferry_engine *engine, const ferry_type *table, const void *functions,
                                    const ferry_binding_options *options, ferry_error *error) {
    ferry_error scratch;
    ferry_imports *imports = NULL;
    if (error == NULL) error = &scratch;
    return create(engine, table, functions, options, &imports, error) == FERRY_OK ? imports : NULL;
}

ferry_binding *ferry_imports_at(const ferry_imports *imports, size_t index) {
    return imports != NULL && index < imports->count ? imports->bindings[index] : NULL;
}

ferry_binding *ferry_imports_find(const ferry_imports *imports, const char *member) {
    if (imports == NULL || member == NULL) return NULL;
    for (size_t i = 0; i < imports->count; i++) {
        if (imports->bindings[i] == NULL) continue;
        const char *name = imports->record->members[i].name;
        if (name != NULL && name[0] != '\0' && strcmp(name, member) == 0) return imports->bindings[i];
    }
    return NULL;
}

void ferry_imports_free(ferry_imports *imports) {
    if (imports == NULL) return;
    for (size_t i = 0; i < imports->count; i++) ferry_binding_free(imports->bindings[i]);
    ferry_allocator allocator = imports->allocator;
    memory_release(&allocator, imports, imports->bytes);
}
