/* interface.c: tables of functions that C calls. */
#include "interface_support.h"

Test(interface, c_calls_the_methods_through_the_object) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        Square square = {.side = 2};
        ferry_method methods[3];
        shape_methods(closure_ways[w].convention, &square, methods);
        ferry_interface_options options = {.closure.convention = closure_ways[w].convention};
        ferry_interface *interface = new_interface(engine, SHAPE, methods, 3, &options);
        square.object = ferry_interface_object(interface);
        cr_expect_eq(describe(ferry_interface_object(interface)), 36000 + 9 + 4 - 7, "%s", closure_ways[w].name);
        cr_expect_eq(square.strangers, 0);
        cr_expect_eq(square.side, 3.0);
        for (size_t i = 0; i < 3; i++)
            cr_expect_eq(ferry_closure_path(ferry_interface_closure(interface, i)), closure_ways[w].path);
        end_interface(interface);
        cr_expect_eq(closures_alive(engine), 0);
        free_engine(engine);
    }
}

Test(interface, the_object_s_first_word_is_the_table_and_its_members_are_the_closures_code) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    Square square = {.side = 2};
    ferry_method methods[3];
    shape_methods(FERRY_SLOTS, &square, methods);
    methods[1].handler = NULL;
    ferry_interface *interface = new_interface(engine, SHAPE, methods, 3, NULL);
    const struct Shape_vtable *table = ferry_interface_table(interface);
    const struct Shape *object = ferry_interface_object(interface);
    cr_expect_eq(object->vtable, table);
    cr_expect_eq((void (*)(void))table->area, ferry_closure_code(ferry_interface_closure(interface, 0)));
    cr_expect_eq((void (*)(void))table->corners, ferry_closure_code(ferry_interface_closure(interface, 2)));
    cr_expect_null(table->scale);
    cr_expect_null(ferry_interface_closure(interface, 1));
    cr_expect_null(ferry_interface_closure(interface, 3));
    cr_expect_null(ferry_interface_closure(interface, SIZE_MAX));
    cr_expect_eq(closures_alive(engine), 2);
    cr_expect_eq(ferry_interface_revoke(interface, NULL), FERRY_OK, "where there is nothing, nothing ends");
    end_interface(interface);
    free_engine(engine);
}

Test(interface, tables_made_before_their_stubs_find_them_later_at_the_same_addresses) {
    ferry_engine *engine = new_engine(FERRY_ON_REQUEST);
    ferry_error error;
    Square square = {.side = 2};
    ferry_method methods[3];
    shape_methods(FERRY_SLOTS, &square, methods);
    ferry_interface *interface = new_interface(engine, SHAPE, methods, 3, NULL);
    const ferry_signature *signatures[3];
    struct Shape_vtable before;
    memcpy(&before, ferry_interface_table(interface), sizeof before);
    square.object = ferry_interface_object(interface);
    for (size_t i = 0; i < 3; i++) {
        ferry_closure *closure = ferry_interface_closure(interface, i);
        cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_LIBFFI);
        signatures[i] = ferry_closure_signature(closure);
    }
    cr_expect_eq(describe(ferry_interface_object(interface)), 36000 + 9 + 4 - 7);
    cr_assert_eq(ferry_closures_prepare(engine, signatures, 3, NULL, &error), FERRY_OK, "%s", error.message);
    for (int i = 0; i < 3; i++) {
        square.side = 2;
        cr_expect_eq(describe(ferry_interface_object(interface)), 36000 + 9 + 4 - 7);
    }
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(ferry_closure_path(ferry_interface_closure(interface, i)), FERRY_PATH_CODE, "member %zu", i);
    cr_expect_arr_eq(ferry_interface_table(interface), &before, sizeof before);
    cr_expect_eq(square.strangers, 0);
    end_interface(interface);
    free_engine(engine);
}

/* ---- what else may be in a table ---- */

static void add_handler(void *context, void *arguments, void *result) {
    int64_t *slots = arguments;
    *(int64_t *)result = slots[0] + slots[1] + *(long *)context;
}

static void subtract_handler(void *context, void *arguments, void *result) {
    int64_t *slots = arguments;
    *(int64_t *)result = slots[0] - slots[1] + *(long *)context;
}

static ferry_interface *new_mixed(ferry_engine *engine, const void *start, long *context) {
    ferry_error error;
    const ferry_type *type = declared(engine, MIXED, "struct mixed");
    cr_assert_eq(ferry_type_member_count(type), MIXED_MEMBERS);
    const ferry_method methods[MIXED_MEMBERS] = {[1] = {add_handler, context}, [3] = {subtract_handler, context}};
    const ferry_interface_options options = {.initial = start};
    ferry_interface *interface = ferry_interface_create(engine, type, methods, MIXED_MEMBERS, &options, &error);
    cr_assert_not_null(interface, "%s", error.message);
    return interface;
}

Test(interface, what_has_no_handler_is_kept_from_the_initial_table) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    long context = 100;
    unsigned char unaligned[sizeof(struct mixed) + 1];
    memcpy(unaligned + 1, &initial, sizeof initial);
    ferry_interface *interface = new_mixed(engine, unaligned + 1, &context);
    const struct mixed *table = ferry_interface_table(interface);
    cr_expect_eq((uintptr_t)table % 64, 0);
    cr_expect_eq(table->size, (int32_t)sizeof initial);
    cr_expect_eq(table->nested.letter, 'n');
    cr_expect_eq(table->nested.inner, inner_of_c);
    cr_expect_eq(table->flags, 5);
    cr_expect_eq(table->version, 300);
    cr_expect_eq(table->kept(6, 7), 42);
    cr_expect_null(table->empty);
    cr_expect_eq(table->numbers[0], 1.5);
    cr_expect_eq(table->numbers[1], -2.5);
    cr_expect_eq(table->add(6, 7), 113);
    cr_expect_eq(table->subtract(6, 7), 99);
    end_interface(interface);
    free_engine(engine);
}

Test(interface, without_an_initial_table_all_else_is_zero) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    long context = 0;
    ferry_interface *interface = new_mixed(engine, NULL, &context);
    struct mixed copy, zeros;
    memset(&zeros, 0, sizeof zeros);
    memcpy(&copy, ferry_interface_table(interface), sizeof copy);
    cr_expect_eq(copy.add(1, 2), 3);
    cr_expect_eq(copy.subtract(1, 2), -1);
    memset(&copy.add, 0, sizeof copy.add);
    memset(&copy.subtract, 0, sizeof copy.subtract);
    cr_expect_eq(memcmp(&copy, &zeros, sizeof copy), 0);
    end_interface(interface);
    free_engine(engine);
}

struct __attribute__((packed)) tight {
    char tag;
    BinaryPointer add;
    char end;
};

Test(interface, members_of_a_packed_table_and_of_an_aligned_one) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_error error;
    long context = 1;
    const ferry_method methods[3] = {[1] = {add_handler, &context}};
    const struct tight start = {'t', NULL, 'e'};
    const ferry_interface_options options = {.initial = &start};
    const ferry_type *type =
        parse_type(engine, "struct tight { char tag; long (*add)(long, long); char end; } __attribute__((packed))");
    type = ferry_type_aligned(engine, type, 4096, &error);
    cr_assert_not_null(type, "%s", error.message);
    ferry_interface *interface = ferry_interface_create(engine, type, methods, 3, &options, &error);
    cr_assert_not_null(interface, "%s", error.message);
    const struct tight *table = ferry_interface_table(interface);
    cr_expect_eq((uintptr_t)table % 4096, 0);
    cr_expect_eq(table->tag, 't');
    cr_expect_eq(table->end, 'e');
    cr_expect_eq(table->add(20, 30), 51);
    end_interface(interface);
    free_engine(engine);
}

Test(interface, tables_may_be_without_handlers_and_without_members) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_error error;
    const ferry_method none[3] = {{0}};
    const ferry_type *empty = ferry_type_record(engine, FERRY_STRUCT, "empty", NULL, 0, NULL, &error);
    cr_assert_not_null(empty, "%s", error.message);
    ferry_interface *nothing = new_interface(engine, SHAPE, none, 3, NULL);
    ferry_interface *less = ferry_interface_create(engine, empty, NULL, 0, NULL, &error);
    cr_assert_not_null(less, "%s", error.message);
    const struct Shape_vtable zeros = {0};
    ferry_imports *imports = ferry_imports_create(engine, parse_type(engine, SHAPE), &zeros, NULL, &error);
    cr_assert_not_null(imports, "%s", error.message);
    cr_expect_arr_eq(ferry_interface_table(nothing), &zeros, sizeof zeros);
    cr_expect_not_null(ferry_interface_table(less));
    cr_expect_null(ferry_imports_find(imports, "area"));
    cr_expect_null(ferry_imports_at(imports, 0));
    end_interface(nothing);
    end_interface(less);
    ferry_imports_free(imports);
    free_engine(engine);
}

/* A method may be variadic, as any closure. */
static void total(void *context, void *arguments, void *result) {
    uint64_t *slots = arguments;
    ferry_cursor *cursor = ((void **)arguments)[1];
    double sum = 0;
    for (uint64_t i = 0; i < slots[0]; i++) {
        double value = 0;
        ferry_error error;
        const ferry_type *type = *(const ferry_type **)context;
        cr_assert_eq(ferry_cursor_next(cursor, type, &value, &error), FERRY_OK, "%s", error.message);
        sum += value;
    }
    *(double *)result = sum;
}

Test(interface, a_variadic_method) {
    for (int never = 0; never < 2; never++) {
        ferry_engine *engine = new_engine(never ? FERRY_NEVER : FERRY_NOW);
        const ferry_type *type = parse_type(engine, "double");
        const ferry_method method = {total, &type};
        ferry_interface *interface =
            new_interface(engine, "struct { double (*total)(unsigned long, ...); }", &method, 1, NULL);
        const struct {
            double (*total)(unsigned long, ...);
        } *table = ferry_interface_table(interface);
        cr_expect_eq(table->total(4, 1.0, 2.0, 4.0, 8.5), 15.5);
        cr_expect_eq(table->total(0), 0.0);
        end_interface(interface);
        free_engine(engine);
    }
}
