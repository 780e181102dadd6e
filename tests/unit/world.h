/* tests/unit/world.h: a table of types with one target, and declarations read into it; every failure fails the test. */
#ifndef FERRY_TESTS_UNIT_WORLD_H
#define FERRY_TESTS_UNIT_WORLD_H

#include <criterion/criterion.h>

#include "abi/parse.h"
#include "abi/shape.h"

typedef struct World {
    TypeTable types;
    Arena arena;
    LayoutTable layouts;
    ferry_error error;
} World;

static inline void open_world(World *world, const char *target) {
    *world = (World){0};
    cr_assert(type_table_open(&world->types, NULL, &world->error) == FERRY_OK);
    layout_table_open(&world->layouts, target_find(target), &world->arena, NULL);
}

static inline void close_world(World *world) {
    layout_table_close(&world->layouts);
    arena_free(&world->arena);
    type_table_close(&world->types);
}

static inline const Type *read_type(World *world, const char *text) {
    const Type *type = NULL;
    ferry_code code = parse_type(&world->types, NULL, NULL, text, &type, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, world->error.message, world->error.excerpt);
    return type;
}

static inline const Layout *lay(World *world, const char *text) {
    const Layout *layout = NULL;
    ferry_code code = layout_of(&world->layouts, read_type(world, text), &layout, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s", text, world->error.message);
    return layout;
}

static inline const Signature *read_signature(World *world, const char *text) {
    const Signature *signature = NULL;
    const char *name;
    ferry_code code = parse_signature(&world->types, NULL, text, &signature, &name, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, world->error.message, world->error.excerpt);
    return signature;
}

static inline const Placement *place(World *world, const char *text) {
    const Placement *placement = NULL;
    ferry_code code =
        place_signature(&world->layouts, &world->arena, read_signature(world, text), &placement, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s", text, world->error.message);
    return placement;
}

#endif
