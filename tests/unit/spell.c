/* The spelling of types: what people read, and what the parser reads back as the same type. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "abi/parse.h"

static TypeTable types;
static Scope *scope;
static ferry_error error;

static void open_all(void) {
    const char *text =
        "struct point { double x, y; }; union number { int i; float f; }; enum color { RED }; struct open;"
        "typedef int low __attribute__((aligned(2))); typedef int grid[2][3] __attribute__((aligned(32)));";
    cr_assert(type_table_open(&types, NULL, &error) == FERRY_OK);
    cr_assert(scope_open(&types, NULL, &scope, &error) == FERRY_OK);
    cr_assert(scope_parse(scope, text, strlen(text), &error) == FERRY_OK, "%s", error.message);
}
static void close_all(void) {
    scope_close(scope);
    type_table_close(&types);
}

TestSuite(spell, .init = open_all, .fini = close_all);

static const Type *read_type(const char *text) {
    const Type *type = NULL;
    ferry_code code = parse_type(&types, NULL, scope, text, &type, &error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, error.message, error.excerpt);
    return type;
}

static void expect_spelling(const Type *type, const char *name, const char *spelling) {
    char buffer[512];
    size_t length = type_spell(type, name, buffer, sizeof buffer);
    cr_expect_str_eq(buffer, spelling);
    cr_expect_eq(length, strlen(spelling));
}

/* Spellings that are their own. */
static const char *const fixed_points[] = {
    "void",
    "unsigned long long",
    "uint_fast16_t",
    "long double _Complex",
    "int *",
    "char **",
    "int[3]",
    "int[2][3]",
    "int[]",
    "int *[3]",
    "int (*)[3]",
    "int (*(*)[3])[4]",
    "int (void)",
    "double (double)",
    "int *(char *, int)",
    "int (*)(void)",
    "int (**)(void)",
    "int (*[3])(void)",
    "int (*(int))(char)",
    "int (*(*)(int))(char)",
    "void (*(int, void (*)(int)))(int)",
    "int (*(*(void))[5])(char)",
    "int (...)",
    "int (char *, ...)",
    "int (char *, ..., int, double)",
    "int (char *, ..., void)",
    "int (..., int)",
    "int (..., void)",
    "struct point",
    "struct point *",
    "union number",
    "enum color",
    "struct open *",
    "struct point (struct point, union number *)",
    "enum : int",
    "enum : uint8_t *",
    "struct {}",
    "union {} *",
    "struct { int x; }",
    "struct { int a; char *b; int c[3]; int (*d)(void); }",
    "struct { struct { int x; } a; union { int b; float c; }; }",
    "struct { int a : 3; unsigned int : 5; long : 0; enum : int b : 2; enum : int : 1; }",
    "struct { int n; char data[]; }",
    "struct { char data[0]; }",
    "struct __attribute__((packed)) { int x; }",
    "struct __attribute__((aligned(16))) { int x; }",
    "union __attribute__((packed, aligned(4))) { int x; } *",
    "struct { int a __attribute__((packed)); int b __attribute__((aligned(8))); }",
    "struct { int a[2] __attribute__((packed, aligned(2))); int b : 3 __attribute__((packed)); }",
    "struct { int (*f)(void) __attribute__((aligned(32))); _Alignas(8) struct { int x; }; }",
    "int __attribute__((vector_size(16)))",
    "float __attribute__((vector_size(8))) *",
    "int __attribute__((vector_size(16))) (double __attribute__((vector_size(32))))",
    "int __attribute__((vector_size(16))) [[gnu::aligned(4)]]",
    "int [[gnu::aligned(2)]]",
    "int [[gnu::aligned(2)]] *",
    "int [[gnu::aligned(2)]] (int [[gnu::aligned(2)]])",
    "int *[[gnu::aligned(16)]]",
    "int *[[gnu::aligned(16)]] *",
    "int[2] [[gnu::aligned(16)]][3]",
    "int[2][3] [[gnu::aligned(16)]]",
    "int (*)[3] [[gnu::aligned(16)]]",
    "int (*[[gnu::aligned(16)]])(void)",
    "int [[gnu::aligned(2)]][3]",
    "enum : int [[gnu::aligned(8)]]",
    "enum color [[gnu::aligned(1)]] *",
    "struct point [[gnu::aligned(1)]]",
    "struct { int x; } [[gnu::aligned(64)]] *",
    "struct { int [[gnu::aligned(2)]] x; int *[[gnu::aligned(16)]] y; struct { int z; } [[gnu::aligned(2)]]; }",
};

Test(spell, a_spelling_is_read_as_the_type_that_it_spells) {
    for (size_t i = 0; i < COUNT_OF(fixed_points); i++)
        expect_spelling(read_type(fixed_points[i]), NULL, fixed_points[i]);
}

Test(spell, every_scalar_is_spelled_by_its_kind) {
    for (int kind = 0; kind < FERRY_SCALAR_COUNT; kind++) {
        const Type *type;
        cr_assert(type_scalar(&types, (ferry_kind)kind, &type, &error) == FERRY_OK);
        expect_spelling(type, NULL, kind_spelling((ferry_kind)kind));
        cr_expect_eq(read_type(kind_spelling((ferry_kind)kind)), type);
    }
}

Test(spell, qualifiers_and_other_words_are_gone) {
    static const char *const rows[][2] = {
        {"const char *restrict const", "char *"},
        {"long unsigned int long", "unsigned long long"},
        {"void (int a[static 3], int f(void))", "void (int *, int (*)(void))"},
        {"low", "int [[gnu::aligned(2)]]"},
        {"grid *", "int (*)[2] [[gnu::aligned(32)]][3]"},
        {"int ()", "int (void)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) expect_spelling(read_type(rows[i][0]), NULL, rows[i][1]);
}

Test(spell, a_name_stands_where_the_declarator_has_its_middle) {
    static const char *const rows[][2] = {
        {"int", "int n"},
        {"int *", "int *n"},
        {"int [2][3]", "int n[2][3]"},
        {"int (*)[3]", "int (*n)[3]"},
        {"int *[3]", "int *n[3]"},
        {"int (void)", "int n(void)"},
        {"int (*)(char)", "int (*n)(char)"},
        {"void (*(int, void (*)(int)))(int)", "void (*n(int, void (*)(int)))(int)"},
        {"int (*(*[3])(void))[5]", "int (*(*n[3])(void))[5]"},
        {"struct { int x; }", "struct { int x; } n"},
        {"struct point", "struct point n"},
        {"int *[[gnu::aligned(16)]]", "int *[[gnu::aligned(16)]] n"},
        {"int [[gnu::aligned(2)]]", "int [[gnu::aligned(2)]] n"},
        {"int __attribute__((vector_size(16)))", "int __attribute__((vector_size(16))) n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Scope *own;
        expect_spelling(read_type(rows[i][0]), "n", rows[i][1]);
        if (strstr(rows[i][1], "point") != NULL) continue; /* a tag of the other scope */
        cr_assert(scope_open(&types, NULL, &own, &error) == FERRY_OK);
        cr_expect_eq(scope_parse(own, rows[i][1], strlen(rows[i][1]), &error), FERRY_OK, "%s", error.message);
        cr_expect_eq(scope_find(own, "n")->type, read_type(rows[i][0]), "%s", rows[i][1]);
        scope_close(own);
    }
}

Test(spell, signatures) {
    char buffer[64];
    const Signature *signature = read_type("void (*(int, void (*)(int)))(int)")->signature;
    signature_spell(signature, "signal", buffer, sizeof buffer);
    cr_expect_str_eq(buffer, "void (*signal(int, void (*)(int)))(int)");
    signature_spell(read_type("double (double)")->signature, NULL, buffer, sizeof buffer);
    cr_expect_str_eq(buffer, "double (double)");
    signature_spell(read_type("int (char *, ..., int)")->signature, "printf", buffer, sizeof buffer);
    cr_expect_str_eq(buffer, "int printf(char *, ..., int)");
}

Test(spell, a_buffer_that_is_too_small_holds_the_beginning) {
    const Type *type = read_type("int (*)(char *)");
    char buffer[] = "untouched untouched";
    for (size_t size = 0; size < 18; size++) {
        memset(buffer, '#', sizeof buffer - 1);
        cr_expect_eq(type_spell(type, "f", size == 0 ? NULL : buffer, size), 16);
        size_t kept = size == 0 ? 0 : size - 1 < 16 ? size - 1 : 16;
        cr_expect_eq(strncmp(buffer, "int (*f)(char *)", kept), 0);
        if (size != 0) cr_expect_eq(buffer[kept], '\0');
        cr_expect_eq(buffer[size == 0 ? 0 : kept + 1], '#', "nothing is written behind the end");
    }
}

/* Each is a struct of two of the one before: the spelling of the last would have 2^60 members. */
Test(spell, an_endless_spelling_is_cut) {
    const Type *type = read_type("struct { int x; }");
    for (int i = 0; i < 60; i++) {
        Member members[2] = {{.name = "a", .type = type}, {.name = "b", .type = type}};
        cr_assert(type_record(&types, FERRY_STRUCT, NULL, members, 2, NULL, &type, &error) == FERRY_OK);
    }
    char buffer[32];
    size_t length = type_spell(type, NULL, buffer, sizeof buffer);
    cr_expect_eq(strlen(buffer), sizeof buffer - 1);
    char *all = malloc(length + 1);
    cr_assert_not_null(all);
    cr_expect_eq(type_spell(type, NULL, all, length + 1), length);
    cr_expect_str_eq(all + length - 3, "...");
    free(all);
}

Test(spell, a_packed_anonymous_struct_has_no_spelling_that_could_be_misread) {
    const Type *type;
    Member member = {.type = read_type("struct { int x; }"), .packed = true};
    cr_assert(type_record(&types, FERRY_STRUCT, NULL, &member, 1, NULL, &type, &error) == FERRY_OK);
    expect_spelling(type, NULL, "struct { __attribute__((packed)) struct { int x; }; }");
    cr_expect_eq(parse_type(&types, NULL, NULL, "struct { __attribute__((packed)) struct { int x; }; }", &type, &error),
                 FERRY_UNSUPPORTED);
}
