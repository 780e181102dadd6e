/* Declarations to shapes: the same ones that the runtime asks for when a function is bound, or a closure made. */
#include <string.h>

#include "cli/aot.h"

static const char *spell(Heap *heap, const Signature *signature, const char *name) {
    size_t length = signature_spell(signature, name, NULL, 0);
    char *text = heap_new(heap, length + 1);
    signature_spell(signature, name, text, length + 1);
    return text;
}

static void add_use(Aot *aot, const Shape *shape, const Callee *callee) {
    aot->uses = aot_grow(aot->heap, aot->uses, aot->use_count, &aot->use_capacity, sizeof *aot->uses);
    aot->uses[aot->use_count++] = (Use){.shape = shape, .callee = callee};
}

static ferry_code add_shape(Aot *aot, const Callee *callee, const Placement *placement, const ShapeOptions *options,
                            ferry_error *error) {
    const Shape *shape;
    TRY(shape_of(placement, options, &aot->model.arena, &shape, error));
    add_use(aot, shape, callee);
    return FERRY_OK;
}

/* In all ways that the options ask for. */
static ferry_code add_shapes(Aot *aot, const Callee *callee, const Placement *placement, const ShapeOptions *common,
                             ferry_error *error) {
    bool is_downcall = common->direction == DOWNCALL;
    for (size_t convention = 0; convention < LENGTH_OF(aot->conventions); convention++) {
        for (size_t with_errno = 0; with_errno < LENGTH_OF(aot->errnos); with_errno++) {
            if (!aot->conventions[convention] || !aot->errnos[with_errno]) continue;
            ShapeOptions options = *common;
            options.convention = (ferry_convention)convention;
            options.capture_errno = is_downcall && with_errno;
            options.keep_errno = !is_downcall && !with_errno;
            TRY(add_shape(aot, callee, placement, &options, error));
        }
    }
    return FERRY_OK;
}

/* As a call would be, also where the declaration leaves the types after the `...` open. */
static ferry_code place(Aot *aot, const Signature *signature, const Placement **placement, ferry_error *error) {
    if (signature->variadic && !signature->of_call)
        TRY(signature_of_call(&aot->model.types, signature, NULL, 0, &signature, error));
    return place_signature(&aot->model.layouts, &aot->model.arena, signature, placement, error);
}

static ferry_code add_downcalls(Aot *aot, const Callee *callee, ferry_error *error) {
    const Placement *placement;
    TRY(place(aot, callee->signature, &placement, error));
    const ShapeOptions common = {.direction = DOWNCALL};
    return add_shapes(aot, callee, placement, &common, error);
}

/* A closure's two stubs: while it lives, and once it has ended. */
static ferry_code add_upcalls(Aot *aot, const Callee *callee, ferry_error *error) {
    const Placement *placement;
    TRY(place(aot, callee->signature, &placement, error));
    bool cursor = callee->signature->variadic && !callee->signature->of_call;
    const ShapeOptions alive = {.direction = UPCALL, .cursor = cursor};
    const ShapeOptions late = {.direction = UPCALL_LATE, .cursor = cursor};
    TRY(add_shapes(aot, callee, placement, &alive, error));
    return add_shapes(aot, callee, placement, &late, error);
}

static void add_callee(Aot *aot, const Callee *callee,
                       ferry_code (*add)(Aot *aot, const Callee *callee, ferry_error *error)) {
    ferry_error error = {0};
    size_t before = aot->use_count;
    if (add(aot, callee, &error) == FERRY_OK) return;
    aot->use_count = before;
    aot_refuse(aot, callee->place, callee->spelling, &error);
}

static const Callee *callee_new(Aot *aot, const Signature *signature, const char *name, Place place) {
    Callee *callee = heap_new(aot->heap, sizeof *callee);
    *callee = (Callee){.spelling = spell(aot->heap, signature, name), .signature = signature, .place = place};
    return callee;
}

/* Another declaration of the same function says what a call of it hands over. */
static bool has_call(const Scope *scope, const char *name) {
    for (size_t i = 0; i < scope_count(scope); i++) {
        const ferry_declaration *row = scope_at(scope, i);
        if (row->what == FERRY_DECLARED_FUNCTION && row->signature->of_call && strcmp(row->name, name) == 0)
            return true;
    }
    return false;
}

static void add_function(Aot *aot, size_t index) {
    const ferry_declaration *row = scope_at(aot->model.scope, index);
    if (row->what != FERRY_DECLARED_FUNCTION) return;
    const Callee *callee = callee_new(aot, row->signature, row->name, aot->places[index]);
    if (!row->signature->variadic || row->signature->of_call)
        add_callee(aot, callee, add_downcalls);
    else if (!has_call(aot->model.scope, row->name))
        remark("%s:%u: %s: no code for its calls, since their types are open; write them after the `...`",
               callee->place.file, callee->place.line, callee->spelling);
    if (aot->upcalls == UPCALLS_ALL) add_callee(aot, callee, add_upcalls);
}

static void add_pointers(Aot *aot) {
    FunctionType *types;
    size_t count = aot_function_types(aot, &types);
    for (size_t i = 0; i < count; i++) {
        const Callee *callee = callee_new(aot, types[i].type->signature, "(*)", aot->places[types[i].declaration]);
        add_callee(aot, callee, add_upcalls);
    }
}

void aot_find_uses(Aot *aot) {
    size_t count = scope_count(aot->model.scope);
    for (size_t i = 0; i < count; i++) add_function(aot, i);
    if (aot->upcalls != UPCALLS_NONE) add_pointers(aot);
}
