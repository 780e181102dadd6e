/* shape_table.c: shape -> what is known of its code. */
#include "runtime/engine.h"

static bool same_shape(const void *value, const void *key) {
    const ShapeEntry *entry = value;
    return shape_equal(entry->shape, key);
}

/* The entry keeps a copy: shape may lie in scratch memory. */
ferry_code shape_entry_find(Engine *engine, const Shape *shape, ShapeEntry **entry, ferry_error *error) {
    const void *found = table_find(&engine->shapes, shape->hash, same_shape, shape);
    if (found != NULL) {
        *entry = (ShapeEntry *)(uintptr_t)found; /* NOLINT(performance-no-int-to-ptr): the table keeps const pointers */
        return FERRY_OK;
    }
    ShapeEntry *made = arena_new(&engine->arena, sizeof *made);
    const Shape *copy = arena_copy(&engine->arena, shape, shape->bytes);
    if (made == NULL || copy == NULL || !table_reserve(&engine->shapes))
        return fail_out_of_memory(error, "the table of shapes");
    made->shape = copy;
    TRY(ready_find(engine, made, error));
    table_insert(&engine->shapes, shape->hash, made);
    *entry = made;
    return FERRY_OK;
}

void shape_entry_each(Engine *engine, void (*each)(void *context, ShapeEntry *entry), void *context) {
    for (size_t i = 0; i < engine->shapes.capacity; i++) {
        const void *value = engine->shapes.cells[i].value;
        if (value != NULL) each(context, (ShapeEntry *)(uintptr_t)value); /* NOLINT(performance-no-int-to-ptr) */
    }
}
