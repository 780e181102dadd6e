/* interface_bad_input.c: interfaces that are refused. */
#include "interface_support.h"

typedef struct BadTable {
    const char *type;
    size_t count;
    size_t handler; /* of this member; SIZE_MAX: none */
    ferry_code code;
    const char *message;
} BadTable;

static const BadTable bad_tables[] = {
    {"union u { int (*f)(void); }", 1, 0, FERRY_INVALID, "table is no struct but a union"},
    {"int (*)(void)", 1, 0, FERRY_INVALID, "table is no struct but int (*)(void)"},
    {"struct later", 1, 0, FERRY_INCOMPLETE, "table: struct later is incomplete"},
    {"struct t { int (*f)(void); int (*g)(void); }", 1, 0, FERRY_INVALID, "count is 1, but struct t has 2 members"},
    {"struct t { int (*f)(void); int (*g)(void); }", 3, 0, FERRY_INVALID, "count is 3, but struct t has 2 members"},
    {"struct t { int (*f)(void); int size; }", 2, 1, FERRY_INVALID,
     "member 1 \"size\": a handler, but int is no pointer to a function"},
    {"struct t { int (*f)(void); void *data; }", 2, 1, FERRY_INVALID,
     "member 1 \"data\": a handler, but void * is no pointer to a function"},
    {"struct t { int (*f)(void); struct { int (*g)(void); } inner; }", 2, 1, FERRY_INVALID,
     "member 1 \"inner\": a handler, but struct { int (*g)(void); } is no pointer to a function"},
    {"struct t { int (*f)(void); struct { int (*g)(void); }; }", 2, 1, FERRY_INVALID,
     "member 1: a handler, but struct { int (*g)(void); } is no pointer to a function"},
    {"struct t { int (**f)(void); }", 1, 0, FERRY_INVALID,
     "member 0 \"f\": a handler, but int (**)(void) is no pointer to a function"},
    {"struct t { int (*f[2])(void); }", 1, 0, FERRY_INVALID,
     "member 0 \"f\": a handler, but int (*[2])(void) is no pointer to a function"},
};

Test(interface, tables_that_are_refused) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    for (size_t i = 0; i < sizeof bad_tables / sizeof bad_tables[0]; i++) {
        const BadTable *each = &bad_tables[i];
        ferry_error error = {0};
        ferry_method methods[3] = {{0}};
        int context = 0;
        methods[each->handler] = (ferry_method){answer, &context};
        const ferry_type *type = parse_type(engine, each->type);
        cr_expect_null(ferry_interface_create(engine, type, methods, each->count, NULL, &error));
        cr_expect_eq(error.code, each->code, "%s: %d", each->type, (int)error.code);
        cr_expect_str_eq(error.message, each->message);
        cr_expect_null(ferry_interface_create(engine, type, methods, each->count, NULL, NULL));
    }
    cr_expect_eq(closures_alive(engine), 0);
    free_engine(engine);
}

Test(interface, parameters_that_are_refused) {
    ferry_engine *engine = new_engine(FERRY_NOW), *other = new_engine(FERRY_NEVER);
    ferry_error error;
    int context = 0;
    const ferry_method method = {answer, &context};
    const ferry_type *type = parse_type(engine, "struct t { int (*f)(void); }");
    const int fallback = 3;
    const ferry_interface_options falling = {.closure.fallback = &fallback};
    const ferry_interface_options wrong = {.closure.convention = (ferry_convention)7};
    cr_expect_null(ferry_interface_create(NULL, type, &method, 1, NULL, &error));
    cr_expect_str_eq(error.message, "engine is NULL");
    cr_expect_null(ferry_interface_create(engine, NULL, &method, 1, NULL, &error));
    cr_expect_str_eq(error.message, "table is NULL");
    cr_expect_null(ferry_interface_create(other, type, &method, 1, NULL, &error));
    cr_expect_eq(error.code, FERRY_FOREIGN);
    cr_expect_null(ferry_interface_create(engine, type, NULL, 1, NULL, &error));
    cr_expect_str_eq(error.message, "methods is NULL");
    cr_expect_null(ferry_interface_create(engine, type, &method, 1, &falling, &error));
    cr_expect_eq(error.code, FERRY_INVALID);
    cr_expect_str_eq(error.message, "options.closure.fallback is not NULL, but the methods' results differ in type");
    cr_expect_null(ferry_interface_create(engine, type, &method, 1, &wrong, &error));
    cr_expect_eq(error.code, FERRY_INVALID);
    cr_expect_str_eq(error.message, "member 0 \"f\": options.convention 7 is none");
    cr_expect_null(ferry_interface_table(NULL));
    cr_expect_null(ferry_interface_object(NULL));
    cr_expect_null(ferry_interface_closure(NULL, 0));
    cr_expect_eq(ferry_interface_retain(NULL, &error), FERRY_INVALID);
    cr_expect_eq(ferry_interface_revoke(NULL, &error), FERRY_INVALID);
    cr_expect_str_eq(error.message, "interface is NULL");
    cr_expect_eq(ferry_interface_release(NULL, &error), FERRY_OK);
    free_engine(other);
    free_engine(engine);
}

#define THIRD_IS_UNSUPPORTED                                                                                           \
    "struct t { int (*one)(void); int (*two)(void); __float128 (*three)(__float128); int (*four)(void); }"

Test(interface, all_methods_are_made_or_none_and_no_context_is_finalized) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_error error;
    int contexts[4] = {0};
    ferry_method methods[4];
    for (int i = 0; i < 4; i++) methods[i] = (ferry_method){answer, &contexts[i]};
    const ferry_interface_options options = {.closure = {.name = "t", .finalize = end_context}};
    const ferry_type *type = parse_type(engine, THIRD_IS_UNSUPPORTED);
    cr_expect_null(ferry_interface_create(engine, type, methods, 4, &options, &error));
    cr_expect_eq(error.code, FERRY_UNSUPPORTED, "%s", error.message);
    cr_expect_eq(strncmp(error.message, "member 2 \"three\": ", 18), 0, "%s", error.message);
    for (int i = 0; i < 4; i++) cr_expect_eq(contexts[i], 0, "context %d", i);
    cr_expect_eq(closures_alive(engine), 0);
    methods[2].handler = NULL;
    ferry_interface *interface = ferry_interface_create(engine, type, methods, 4, &options, &error);
    cr_assert_not_null(interface, "%s", error.message);
    end_interface(interface);
    cr_expect_eq(contexts[0] + contexts[1] + contexts[3], 3);
    cr_expect_eq(contexts[2], 0);
    free_engine(engine);
}
