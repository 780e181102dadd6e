/* interface_imports.c: tables of functions that C hands in. */
#include <errno.h>
#include <unistd.h>

#include "interface_support.h"

static double c_area(struct Shape *shape) {
    return shape == NULL ? -1 : 5;
}

static void c_scale(struct Shape *shape, double by) {
    (void)shape;
    errno = (int)by;
}

static int c_corners(const struct Shape *shape, int more) {
    return more + (shape == NULL);
}

static ferry_imports *new_imports(ferry_engine *engine, const ferry_type *type, const void *functions,
                                  const ferry_binding_options *options) {
    ferry_error error;
    ferry_imports *imports = ferry_imports_create(engine, type, functions, options, &error);
    cr_assert_not_null(imports, "%s", error.message);
    return imports;
}

Test(interface, imports_are_called_by_index_and_by_name) {
    static const struct {
        ferry_policy policy;
        ferry_binding_options options;
        ferry_path path;
    } paths[] = {
        {FERRY_NOW, {.convention = FERRY_SLOTS}, MADE(FERRY_PATH_CODE)},
        {FERRY_NOW, {.convention = FERRY_SLOTS, .bound = true}, MADE(FERRY_PATH_BOUND)},
        {FERRY_NEVER, {.convention = FERRY_SLOTS}, FERRY_PATH_LIBFFI},
    };
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        ferry_engine *engine = new_engine(paths[p].policy);
        struct Shape_vtable table = {c_area, NULL, c_corners};
        ferry_imports *imports = new_imports(engine, parse_type(engine, SHAPE), &table, &paths[p].options);
        memset(&table, 0x11, sizeof table); /* was only read then */
        uint64_t slots[2] = {0, 41};
        double area = 0;
        int64_t corners = 0;
        ferry_call(ferry_imports_at(imports, 0), slots, &area);
        ferry_call(ferry_imports_find(imports, "corners"), slots, &corners);
        cr_expect_eq(area, -1.0);
        cr_expect_eq(corners, 42);
        cr_expect_eq(ferry_binding_path(ferry_imports_at(imports, 2)), paths[p].path);
        cr_expect_eq(ferry_imports_find(imports, "area"), ferry_imports_at(imports, 0));
        cr_expect_null(ferry_imports_at(imports, 1));
        cr_expect_null(ferry_imports_find(imports, "scale"));
        cr_expect_null(ferry_imports_find(imports, "none"));
        cr_expect_null(ferry_imports_at(imports, 3));
        cr_expect_eq(bindings_alive(engine), 2);
        ferry_imports_free(imports);
        cr_expect_eq(bindings_alive(engine), 0);
        free_engine(engine);
    }
}

Test(interface, imports_capture_errno_when_asked) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    const struct Shape_vtable table = {NULL, c_scale, NULL};
    const ferry_binding_options options = {.convention = FERRY_POINTERS, .capture_errno = true};
    ferry_imports *imports = new_imports(engine, parse_type(engine, SHAPE), &table, &options);
    void *self = NULL;
    double by = 33;
    int captured = 0;
    void *arguments[3] = {&self, &by, &captured};
    ferry_call(ferry_imports_find(imports, "scale"), arguments, NULL);
    cr_expect_eq(captured, 33);
    ferry_imports_free(imports);
    free_engine(engine);
}

Test(interface, only_pointers_to_functions_are_imported) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_imports *imports = new_imports(engine, declared(engine, MIXED, "struct mixed"), &initial, NULL);
    int64_t slots[2] = {6, 7}, product = 0;
    for (size_t i = 0; i < MIXED_MEMBERS; i++)
        cr_expect_eq(ferry_imports_at(imports, i) != NULL, i == 1 || i == 6, "member %zu", i);
    ferry_call(ferry_imports_find(imports, "kept"), slots, &product);
    cr_expect_eq(product, 42);
    cr_expect_null(ferry_imports_find(imports, "inner"));
    cr_expect_null(ferry_imports_find(imports, "size"));
    ferry_imports_free(imports);
    free_engine(engine);
}

Test(interface, an_interface_is_imported_by_another_engine) {
    ferry_engine *maker = new_engine(FERRY_NOW), *user = new_engine(FERRY_NEVER);
    Square square = {.side = 2};
    ferry_method methods[3];
    shape_methods(FERRY_SLOTS, &square, methods);
    ferry_interface *interface = new_interface(maker, SHAPE, methods, 3, NULL);
    struct Shape *object = ferry_interface_object(interface);
    square.object = object;
    ferry_imports *imports = new_imports(user, parse_type(user, SHAPE), object->vtable, NULL);
    struct {
        void *self;
        double by;
    } slots = {object, 2.5};
    double area = 0;
    ferry_call(ferry_imports_find(imports, "scale"), &slots, NULL);
    ferry_call(ferry_imports_find(imports, "area"), &slots, &area);
    cr_expect_eq(area, 25.0);
    cr_expect_eq(square.strangers, 0);
    ferry_imports_free(imports);
    end_interface(interface);
    free_engine(user);
    free_engine(maker);
}

Test(interface, a_variadic_member_has_no_binding) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    int (*const functions[2])(void) = {getpagesize, getpagesize};
    const ferry_type *type = parse_type(engine, "struct { int (*f)(void); int (*log)(const char *, ...); }");
    ferry_imports *imports = new_imports(engine, type, functions, NULL);
    cr_expect_not_null(ferry_imports_find(imports, "f"));
    cr_expect_null(ferry_imports_find(imports, "log"));
    ferry_imports_free(imports);
    free_engine(engine);
}

typedef struct BadImport {
    const char *type;
    ferry_policy policy;
    ferry_code code;
    const char *message; /* how it begins */
} BadImport;

static const BadImport bad_imports[] = {
    {"union u { int (*f)(void); }", FERRY_NOW, FERRY_INVALID, "table is no struct but a union"},
    {"struct later", FERRY_NOW, FERRY_INCOMPLETE, "table: struct later is incomplete"},
    {"struct { int (*f)(void); int (*g)(__float128); }", FERRY_NEVER, FERRY_UNSUPPORTED, "member 1 \"g\": "},
};

static int nothing_special(void) {
    return 0;
}

Test(interface, imports_that_are_refused) {
    int (*const functions[2])(void) = {nothing_special, nothing_special};
    for (size_t i = 0; i < sizeof bad_imports / sizeof bad_imports[0]; i++) {
        const BadImport *each = &bad_imports[i];
        ferry_engine *engine = new_engine(each->policy);
        ferry_error error = {0};
        const ferry_type *type = parse_type(engine, each->type);
        cr_expect_null(ferry_imports_create(engine, type, functions, NULL, &error), "%s", each->type);
        cr_expect_eq(error.code, each->code, "%s: %s", each->type, error.message);
        cr_expect_eq(strncmp(error.message, each->message, strlen(each->message)), 0, "%s", error.message);
        cr_expect_null(ferry_imports_create(engine, type, functions, NULL, NULL));
        cr_expect_eq(bindings_alive(engine), 0);
        free_engine(engine);
    }
}

Test(interface, parameters_of_imports_that_are_refused) {
    ferry_engine *engine = new_engine(FERRY_NOW), *other = new_engine(FERRY_NEVER);
    ferry_error error;
    const struct Shape_vtable table = {c_area, c_scale, c_corners};
    const ferry_type *type = parse_type(engine, SHAPE);
    const ferry_binding_options wrong = {.convention = (ferry_convention)7};
    cr_expect_null(ferry_imports_create(NULL, type, &table, NULL, &error));
    cr_expect_str_eq(error.message, "engine is NULL");
    cr_expect_null(ferry_imports_create(engine, NULL, &table, NULL, &error));
    cr_expect_str_eq(error.message, "table is NULL");
    cr_expect_null(ferry_imports_create(other, type, &table, NULL, &error));
    cr_expect_eq(error.code, FERRY_FOREIGN);
    cr_expect_null(ferry_imports_create(engine, type, NULL, NULL, &error));
    cr_expect_str_eq(error.message, "functions is NULL");
    cr_expect_null(ferry_imports_create(engine, type, &table, &wrong, &error));
    cr_expect_str_eq(error.message, "member 0 \"area\": options.convention 7 is none");
    cr_expect_null(ferry_imports_at(NULL, 0));
    cr_expect_null(ferry_imports_find(NULL, "area"));
    ferry_imports_free(NULL);
    ferry_imports *imports = new_imports(engine, type, &table, NULL);
    cr_expect_null(ferry_imports_find(imports, NULL));
    cr_expect_null(ferry_imports_find(imports, ""));
    ferry_imports_free(imports);
    free_engine(other);
    free_engine(engine);
}
