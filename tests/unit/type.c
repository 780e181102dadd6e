/* Types: interning, and what is refused when a type is made. */
#include <criterion/criterion.h>
#include <string.h>

#include "abi/type.h"

static TypeTable table;
static ferry_error error;

static void open_table(void) {
    cr_assert(type_table_open(&table, NULL, &error) == FERRY_OK);
}
static void close_table(void) {
    type_table_close(&table);
}

TestSuite(type, .init = open_table, .fini = close_table);

static const Type *scalar(ferry_kind kind) {
    const Type *type = NULL;
    cr_assert_eq(type_scalar(&table, kind, &type, &error), FERRY_OK);
    return type;
}

static const Type *record(const char *name, const Member *members, size_t count) {
    const Type *type = NULL;
    cr_assert_eq(type_record(&table, FERRY_STRUCT, name, members, count, NULL, &type, &error), FERRY_OK, "%s",
                 error.message);
    return type;
}

Test(type, equal_types_are_the_same_pointer) {
    Member members[] = {{.name = "a", .type = scalar(FERRY_INT)}, {.name = "b", .type = scalar(FERRY_DOUBLE)}};
    cr_expect_eq(scalar(FERRY_INT), scalar(FERRY_INT));
    cr_expect_eq(record("s", members, 2), record("s", members, 2));
    const Type *left, *right;
    cr_assert_eq(type_pointer(&table, record(NULL, members, 2), &left, &error), FERRY_OK);
    cr_assert_eq(type_pointer(&table, record(NULL, members, 2), &right, &error), FERRY_OK);
    cr_expect_eq(left, right);
}

Test(type, types_differ_in_every_part) {
    Member members[] = {{.name = "a", .type = scalar(FERRY_INT)}, {.name = "b", .type = scalar(FERRY_DOUBLE)}};
    const Type *plain = record("s", members, 2);
    cr_expect_neq(plain, record("t", members, 2));
    cr_expect_neq(plain, record("s", members, 1));
    members[0].name = "c";
    cr_expect_neq(plain, record("s", members, 2));
    members[0].name = "a";
    members[0].alignment = 8;
    cr_expect_neq(plain, record("s", members, 2));
    members[0].alignment = 0;
    members[0].packed = true;
    cr_expect_neq(plain, record("s", members, 2));
    members[0].packed = false;
    members[0].is_bitfield = true;
    members[0].bits = 32;
    cr_expect_neq(plain, record("s", members, 2));
    const Type *packed;
    ferry_record_options options = {.packed = true};
    members[0].is_bitfield = false;
    cr_assert_eq(type_record(&table, FERRY_STRUCT, "s", members, 2, &options, &packed, &error), FERRY_OK);
    cr_expect_neq(plain, packed);
}

Test(type, what_is_handed_in_need_not_outlive_the_call) {
    char name[] = "point", member[] = "x";
    Member members[] = {{.name = member, .type = scalar(FERRY_INT)}};
    const Type *type = record(name, members, 1);
    memset(name, '?', sizeof name - 1);
    memset(member, '?', sizeof member - 1);
    members[0].type = NULL;
    cr_expect_str_eq(type->name, "point");
    cr_expect_str_eq(type->members[0].name, "x");
    cr_expect_eq(type->members[0].type, scalar(FERRY_INT));
}

static void expect_refused(const Member *members, size_t count, ferry_code expected, const char *word) {
    const Type *type;
    error.message[0] = '\0';
    ferry_code code = type_record(&table, FERRY_STRUCT, "s", members, count, NULL, &type, &error);
    cr_expect_eq(code, expected);
    cr_expect(strstr(error.message, word) != NULL, "\"%s\" does not name %s", error.message, word);
}

Test(type, bad_members_are_refused_by_name) {
    const Type *incomplete, *flexible;
    cr_assert_eq(type_incomplete(&table, FERRY_STRUCT, "later", &incomplete, &error), FERRY_OK);
    cr_assert_eq(type_array(&table, scalar(FERRY_INT), FERRY_FLEXIBLE, &flexible, &error), FERRY_OK);
    expect_refused(&(Member){.name = "v", .type = scalar(FERRY_VOID)}, 1, FERRY_INVALID, "member v");
    expect_refused(&(Member){.name = "i", .type = incomplete}, 1, FERRY_INCOMPLETE, "struct later");
    expect_refused(&(Member){.name = "n"}, 1, FERRY_INVALID, "member 0");
    expect_refused(&(Member){.name = "b", .type = scalar(FERRY_FLOAT), .is_bitfield = true, .bits = 3}, 1,
                   FERRY_INVALID, "member b");
    expect_refused(&(Member){.name = "z", .type = scalar(FERRY_INT), .is_bitfield = true}, 1, FERRY_INVALID, "width 0");
    expect_refused(&(Member){.name = "a", .type = scalar(FERRY_INT), .alignment = 3}, 1, FERRY_INVALID, "3");
    Member middle[] = {{.name = "f", .type = flexible}, {.name = "i", .type = scalar(FERRY_INT)}};
    expect_refused(middle, 2, FERRY_INVALID, "flexible");
    Member twice[] = {{.name = "x", .type = scalar(FERRY_INT)}, {.name = "x", .type = scalar(FERRY_INT)}};
    expect_refused(twice, 2, FERRY_INVALID, "x");
}

Test(type, bad_vectors_arrays_and_enums_are_refused) {
    const Type *type;
    cr_expect_eq(type_vector(&table, scalar(FERRY_INT), 12, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_vector(&table, scalar(FERRY_INT), 128, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_vector(&table, scalar(FERRY_BOOL), 16, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_vector(&table, scalar(FERRY_LONG_DOUBLE), 16, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_array(&table, scalar(FERRY_VOID), 2, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_enum(&table, "e", scalar(FERRY_FLOAT), &type, &error), FERRY_INVALID);
    cr_expect_eq(type_aligned(&table, scalar(FERRY_INT), 0, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_scalar(&table, FERRY_STRUCT, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_record(&table, FERRY_ENUM, "e", NULL, 0, NULL, &type, &error), FERRY_INVALID);
    cr_expect_eq(type_incomplete(&table, FERRY_STRUCT, "", &type, &error), FERRY_INVALID);
}

Test(type, nesting_has_a_limit) {
    const Type *type = scalar(FERRY_INT);
    ferry_code code = FERRY_OK;
    size_t depth = 0;
    for (; code == FERRY_OK && depth < 10000; depth++) {
        Member member = {.name = "inner", .type = type};
        code = type_record(&table, FERRY_STRUCT, NULL, &member, 1, NULL, &type, &error);
    }
    cr_expect_eq(code, FERRY_TOO_LARGE);
    cr_expect_lt(depth, TYPE_DEPTH_LIMIT + 1);
}

Test(type, parameters_of_array_and_function_type_become_pointers) {
    const Type *array, *pointer, *function;
    const Signature *inner, *signature;
    cr_assert_eq(type_array(&table, scalar(FERRY_INT), 4, &array, &error), FERRY_OK);
    cr_assert_eq(type_pointer(&table, scalar(FERRY_INT), &pointer, &error), FERRY_OK);
    cr_assert_eq(signature_create(&table, scalar(FERRY_VOID), NULL, 0, false, &inner, &error), FERRY_OK);
    cr_assert_eq(type_function(&table, inner, &function, &error), FERRY_OK);
    const Type *parameters[] = {array, function};
    cr_assert_eq(signature_create(&table, scalar(FERRY_VOID), parameters, 2, false, &signature, &error), FERRY_OK);
    cr_expect_eq(signature->parameters[0], pointer);
    cr_expect_eq(signature->parameters[1]->kind, FERRY_POINTER);
    cr_expect_eq(signature->parameters[1]->base, function);
}

Test(type, bad_signatures_are_refused) {
    const Type *array, *many[SIGNATURE_PARAMETER_LIMIT + 1];
    const Signature *signature;
    cr_assert_eq(type_array(&table, scalar(FERRY_INT), 4, &array, &error), FERRY_OK);
    cr_expect_eq(signature_create(&table, array, NULL, 0, false, &signature, &error), FERRY_INVALID);
    many[0] = scalar(FERRY_VOID);
    cr_expect_eq(signature_create(&table, scalar(FERRY_INT), many, 1, false, &signature, &error), FERRY_INVALID);
    for (size_t i = 0; i < COUNT_OF(many); i++) many[i] = scalar(FERRY_INT);
    cr_expect_eq(signature_create(&table, many[0], many, COUNT_OF(many), false, &signature, &error), FERRY_TOO_LARGE);
    cr_assert_eq(signature_create(&table, many[0], many, 2, false, &signature, &error), FERRY_OK);
    cr_expect_eq(signature_of_call(&table, signature, many, 1, &signature, &error), FERRY_INVALID);
}

Test(type, a_call_of_a_variadic_function_is_a_signature_of_its_own) {
    const Type *parameters[] = {scalar(FERRY_INT), scalar(FERRY_DOUBLE)};
    const Signature *fixed, *call, *again;
    cr_assert_eq(signature_create(&table, parameters[0], parameters, 1, true, &fixed, &error), FERRY_OK);
    cr_assert_eq(signature_of_call(&table, fixed, parameters, 2, &call, &error), FERRY_OK);
    cr_assert_eq(signature_of_call(&table, fixed, parameters, 2, &again, &error), FERRY_OK);
    cr_expect_eq(call, again);
    cr_expect_eq(call->count, 3);
    cr_expect_eq(call->fixed, 1);
    cr_expect_eq(signature_of_call(&table, call, parameters, 1, &again, &error), FERRY_INVALID);
}
