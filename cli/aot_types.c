/* The function types that declarations mention: what C may ask a closure for. */
#include "cli/aot.h"

typedef struct Walk {
    Aot *aot;
    bool *met; /* by the types' numbers */
    FunctionType *types;
    size_t count, capacity;
    size_t declaration;
} Walk;

static void visit(Walk *walk, const Type *type);

static void visit_signature(Walk *walk, const Signature *signature) {
    for (size_t i = 0; i < signature->count; i++) visit(walk, signature->parameters[i]);
    visit(walk, signature->result);
}

static void add_function(Walk *walk, const Type *type) {
    walk->types = aot_grow(walk->aot->heap, walk->types, walk->count, &walk->capacity, sizeof *walk->types);
    walk->types[walk->count++] = (FunctionType){.type = type, .declaration = walk->declaration};
}

/* No deeper than types are nested: TYPE_DEPTH_LIMIT. */
static void visit(Walk *walk, const Type *type) {
    if (walk->met[type->id]) return;
    walk->met[type->id] = true;
    if (type->base != NULL) visit(walk, type->base);
    for (size_t i = 0; i < type->member_count; i++) visit(walk, type->members[i].type);
    if (type->kind != FERRY_FUNCTION) return;
    add_function(walk, type);
    visit_signature(walk, type->signature);
}

size_t aot_function_types(Aot *aot, FunctionType **types) {
    const Scope *scope = aot->model.scope;
    Walk walk = {.aot = aot, .met = heap_new(aot->heap, aot->model.types.next_id)};
    for (size_t i = 0; i < scope_count(scope); i++) {
        const ferry_declaration *row = scope_at(scope, i);
        walk.declaration = i;
        if (row->what == FERRY_DECLARED_FUNCTION)
            visit_signature(&walk, row->signature); /* the function itself is no type that C could call back */
        else
            visit(&walk, row->type);
    }
    *types = walk.types;
    return walk.count;
}
