/* interface_support.h: what the tests of interfaces share: tables as C knows them, and the VM's side of them. */
#ifndef FERRY_TESTS_RUN_INTERFACE_SUPPORT_H
#define FERRY_TESTS_RUN_INTERFACE_SUPPORT_H

#include <stdint.h>

#include "closure_support.h"

static inline const ferry_type *parse_type(ferry_engine *engine, const char *text) {
    ferry_error error;
    const ferry_type *type = ferry_type_parse(engine, NULL, text, &error);
    cr_assert_not_null(type, "%s: %s\n%s", text, error.message, error.excerpt);
    return type;
}

static inline ferry_interface *new_interface(ferry_engine *engine, const char *table, const ferry_method *methods,
                                             size_t count, const ferry_interface_options *options) {
    ferry_error error;
    ferry_interface *interface =
        ferry_interface_create(engine, parse_type(engine, table), methods, count, options, &error);
    cr_assert_not_null(interface, "%s: %s", table, error.message);
    return interface;
}

static inline void end_interface(ferry_interface *interface) {
    ferry_error error;
    cr_assert_eq(ferry_interface_release(interface, &error), FERRY_OK, "%s", error.message);
}

static inline size_t closures_alive(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics.closures;
}

static inline size_t bindings_alive(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics.bindings;
}

/* ---- a table as C knows it, with what C does to it ---- */

struct Shape;
struct Shape_vtable {
    double (*area)(struct Shape *);
    void (*scale)(struct Shape *, double);
    int (*corners)(const struct Shape *, int);
};
struct Shape {
    const struct Shape_vtable *vtable;
};

#define SHAPE                                                                                                          \
    "struct Shape_vtable { double (*area)(struct Shape *); void (*scale)(struct Shape *, double);"                     \
    " int (*corners)(const struct Shape *, int); }"

static inline double describe(struct Shape *shape) {
    shape->vtable->scale(shape, 3);
    double first = shape->vtable->area(shape);
    shape->vtable->scale(shape, 0.5);
    return first * 1000 + shape->vtable->area(shape) + shape->vtable->corners(shape, -7);
}

/* The VM's side: a square, in both conventions. */
typedef struct Square {
    double side;
    const void *object; /* what the handlers must be passed as the first argument */
    int strangers;      /* how often it was another */
} Square;

static inline void area_slots(void *context, void *arguments, void *result) {
    Square *square = context;
    square->strangers += *(void **)arguments != square->object;
    *(double *)result = square->side * square->side;
}

static inline void scale_slots(void *context, void *arguments, void *result) {
    (void)result;
    Square *square = context;
    square->strangers += *(void **)arguments != square->object;
    square->side *= ((double *)arguments)[1];
}

static inline void corners_slots(void *context, void *arguments, void *result) {
    Square *square = context;
    int64_t *slots = arguments;
    square->strangers += *(void **)arguments != square->object;
    *(int64_t *)result = 4 + slots[1];
}

static inline void area_pointers(void *context, void *arguments, void *result) {
    area_slots(context, *(void **)arguments, result);
}

static inline void scale_pointers(void *context, void *arguments, void *result) {
    void **pointers = arguments;
    (void)result;
    Square *square = context;
    square->strangers += *(void **)pointers[0] != square->object;
    square->side *= *(double *)pointers[1];
}

static inline void corners_pointers(void *context, void *arguments, void *result) {
    void **pointers = arguments;
    Square *square = context;
    square->strangers += *(void **)pointers[0] != square->object;
    *(int *)result = 4 + *(int *)pointers[1];
}

static inline void shape_methods(ferry_convention convention, Square *square, ferry_method methods[3]) {
    bool slots = convention == FERRY_SLOTS;
    methods[0] = (ferry_method){slots ? area_slots : area_pointers, square};
    methods[1] = (ferry_method){slots ? scale_slots : scale_pointers, square};
    methods[2] = (ferry_method){slots ? corners_slots : corners_pointers, square};
}

/* ---- what else may be in a table ---- */

typedef long Binary(long, long);
typedef Binary *BinaryPointer;
typedef BinaryPointer Spaced __attribute__((aligned(32)));
struct mixed {
    int32_t size;
    BinaryPointer add;
    struct {
        char letter;
        void (*inner)(void);
    } nested;
    Spaced subtract;
    unsigned flags : 3, version : 9;
    BinaryPointer kept, empty;
    double numbers[2];
} __attribute__((aligned(64)));

#define MIXED                                                                                                          \
    "typedef long Binary(long, long); typedef Binary *BinaryPointer;"                                                  \
    "typedef BinaryPointer Spaced __attribute__((aligned(32)));"                                                       \
    "struct mixed { int32_t size; BinaryPointer add; struct { char letter; void (*inner)(void); } nested;"             \
    " Spaced subtract; unsigned flags : 3, version : 9; BinaryPointer kept, empty; double numbers[2]; }"               \
    " __attribute__((aligned(64)));"
#define MIXED_MEMBERS 9

static inline long kept_by_c(long a, long b) {
    return a * b;
}

static inline void inner_of_c(void) {}

static inline const ferry_type *declared(ferry_engine *engine, const char *text, const char *name) {
    ferry_error error;
    ferry_scope *scope = ferry_scope_create(engine, &error);
    cr_assert_not_null(scope, "%s", error.message);
    cr_assert_eq(ferry_scope_parse(scope, text, &error), FERRY_OK, "%s\n%s", error.message, error.excerpt);
    const ferry_type *type = ferry_scope_find(scope, name)->type;
    ferry_scope_free(scope);
    return type;
}

static const struct mixed initial = {.size = sizeof(struct mixed),
                                     .add = kept_by_c,
                                     .nested = {'n', inner_of_c},
                                     .flags = 5,
                                     .version = 300,
                                     .kept = kept_by_c,
                                     .numbers = {1.5, -2.5}};

/* ---- methods that answer their context ---- */

static inline void end_context(void *context) {
    ++*(int *)context;
}

static inline void answer(void *context, void *arguments, void *result) {
    (void)arguments;
    *(int64_t *)result = *(int *)context;
}

#endif
