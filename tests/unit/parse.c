/* Declarations: what each form means. parse_error.c has what is refused, parse_hostile.c what is absurd. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/declarations.h"

TestSuite(parse, .init = open_all, .fini = close_all);

static void declare(const char *text) {
    ferry_code code = scope_parse(scope, text, strlen(text), &error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, error.message, error.excerpt);
}

static const ferry_declaration *find(const char *name) {
    const ferry_declaration *declaration = scope_find(scope, name);
    cr_assert_not_null(declaration, "%s is not declared", name);
    return declaration;
}

static const Type *type_of(const char *name) {
    return find(name)->type;
}

static const Type *read_type(const char *text) {
    const Type *type = NULL;
    ferry_code code = parse_type(&types, NULL, scope, text, &type, &error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, error.message, error.excerpt);
    return type;
}

/* Both texts spell the same type. */
static void expect_same(const char *left, const char *right) {
    cr_expect_eq(read_type(left), read_type(right), "%s is not %s", left, right);
}

static const Member *member(const char *type, size_t index) {
    const Type *record = read_type(type);
    cr_assert(index < record->member_count, "%s has no member %zu", type, index);
    return &record->members[index];
}

Test(parse, every_spelling_of_a_scalar_in_every_order) {
    static const struct {
        const char *text;
        ferry_kind kind;
    } rows[] = {
        {"void", FERRY_VOID},
        {"_Bool", FERRY_BOOL},
        {"char", FERRY_CHAR},
        {"signed char", FERRY_SCHAR},
        {"char signed", FERRY_SCHAR},
        {"__signed__ char", FERRY_SCHAR},
        {"unsigned char", FERRY_UCHAR},
        {"char unsigned", FERRY_UCHAR},
        {"short", FERRY_SHORT},
        {"int short", FERRY_SHORT},
        {"signed short", FERRY_SHORT},
        {"short signed int", FERRY_SHORT},
        {"unsigned short", FERRY_USHORT},
        {"short unsigned int", FERRY_USHORT},
        {"int", FERRY_INT},
        {"signed", FERRY_INT},
        {"__signed", FERRY_INT},
        {"int signed", FERRY_INT},
        {"unsigned", FERRY_UINT},
        {"int unsigned", FERRY_UINT},
        {"long", FERRY_LONG},
        {"long int", FERRY_LONG},
        {"signed long", FERRY_LONG},
        {"int long signed", FERRY_LONG},
        {"unsigned long", FERRY_ULONG},
        {"long unsigned", FERRY_ULONG},
        {"int unsigned long", FERRY_ULONG},
        {"long long", FERRY_LLONG},
        {"long int long", FERRY_LLONG},
        {"signed long long", FERRY_LLONG},
        {"long signed int long", FERRY_LLONG},
        {"unsigned long long", FERRY_ULLONG},
        {"unsigned long long int", FERRY_ULLONG},
        {"long unsigned long", FERRY_ULLONG},
        {"long int unsigned long", FERRY_ULLONG},
        {"__int128", FERRY_INT128},
        {"signed __int128", FERRY_INT128},
        {"unsigned __int128", FERRY_UINT128},
        {"__int128 unsigned", FERRY_UINT128},
        {"_Float16", FERRY_FLOAT16},
        {"__bf16", FERRY_BFLOAT16},
        {"float", FERRY_FLOAT},
        {"_Float32", FERRY_FLOAT},
        {"double", FERRY_DOUBLE},
        {"_Float64", FERRY_DOUBLE},
        {"_Float32x", FERRY_DOUBLE},
        {"long double", FERRY_LONG_DOUBLE},
        {"double long", FERRY_LONG_DOUBLE},
        {"__float128", FERRY_FLOAT128},
        {"_Float128", FERRY_FLOAT128},
        {"_Complex", FERRY_COMPLEX_DOUBLE},
        {"_Complex double", FERRY_COMPLEX_DOUBLE},
        {"double _Complex", FERRY_COMPLEX_DOUBLE},
        {"__complex__ double", FERRY_COMPLEX_DOUBLE},
        {"_Complex _Float64", FERRY_COMPLEX_DOUBLE},
        {"float _Complex", FERRY_COMPLEX_FLOAT},
        {"_Complex _Float32", FERRY_COMPLEX_FLOAT},
        {"_Complex long double", FERRY_COMPLEX_LONG_DOUBLE},
        {"long _Complex double", FERRY_COMPLEX_LONG_DOUBLE},
        {"double _Complex long", FERRY_COMPLEX_LONG_DOUBLE},
        {"_Complex __float128", FERRY_COMPLEX_FLOAT128},
        {"_Float128 _Complex", FERRY_COMPLEX_FLOAT128},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(read_type(rows[i].text)->kind, rows[i].kind, "%s", rows[i].text);
}

Test(parse, every_kind_is_read_by_its_own_spelling) {
    for (int kind = 0; kind < FERRY_SCALAR_COUNT; kind++)
        cr_expect_eq((int)read_type(kind_spelling((ferry_kind)kind))->kind, kind);
}

Test(parse, names_of_stdint_and_stddef_need_no_declaration) {
    static const struct {
        const char *text;
        ferry_kind kind;
    } rows[] = {
        {"bool", FERRY_BOOL},
        {"int8_t", FERRY_INT8},
        {"uint64_t", FERRY_UINT64},
        {"int_least8_t", FERRY_INT8},
        {"uint_least16_t", FERRY_UINT16},
        {"int_least32_t", FERRY_INT32},
        {"uint_least64_t", FERRY_UINT64},
        {"int_fast8_t", FERRY_SCHAR},
        {"uint_fast8_t", FERRY_UCHAR},
        {"int_fast16_t", FERRY_INT_FAST16},
        {"uint_fast32_t", FERRY_UINT_FAST32},
        {"int_fast64_t", FERRY_INT64},
        {"uint_fast64_t", FERRY_UINT64},
        {"intmax_t", FERRY_INT64},
        {"uintmax_t", FERRY_UINT64},
        {"intptr_t", FERRY_INTPTR},
        {"uintptr_t", FERRY_UINTPTR},
        {"size_t", FERRY_SIZE},
        {"ssize_t", FERRY_SSIZE},
        {"ptrdiff_t", FERRY_PTRDIFF},
        {"wchar_t", FERRY_WCHAR},
        {"wint_t", FERRY_UINT},
        {"char8_t", FERRY_UCHAR},
        {"char16_t", FERRY_UINT16},
        {"char32_t", FERRY_UINT32},
        {"__int128_t", FERRY_INT128},
        {"__uint128_t", FERRY_UINT128},
        {"nullptr_t", FERRY_POINTER},
        {"max_align_t", FERRY_STRUCT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(read_type(rows[i].text)->kind, rows[i].kind, "%s", rows[i].text);
    cr_expect_eq(read_type("FILE *")->base->complete, false);
}

Test(parse, a_text_may_give_known_names_its_own_meaning) {
    declare("typedef unsigned short size_t; int ssize_t(size_t); enum { wchar_t = 3 }; int a[wchar_t];");
    cr_expect_eq(type_of("size_t")->kind, FERRY_USHORT);
    cr_expect_eq(find("ssize_t")->signature->parameters[0]->kind, FERRY_USHORT);
    cr_expect_eq(type_of("a")->count, 3);
}

Test(parse, a_typedef_name_may_be_declared_as_something_else_after_a_type) {
    declare("typedef int T; struct s { T T; unsigned T2; }; int f(T T);");
    cr_expect_str_eq(type_of("struct s")->members[0].name, "T");
}

Test(parse, qualifiers_are_no_part_of_a_type) {
    expect_same("const int", "int");
    expect_same("int volatile const", "int");
    expect_same("__const char *__restrict", "char *");
    expect_same("char *const volatile *restrict", "char **");
    expect_same("unsigned const long", "unsigned long");
    expect_same("int (*const)(void)", "int (*)(void)");
    expect_same("void (const char *restrict, int [const])", "void (char *, int *)");
}

Test(parse, storage_classes_and_function_specifiers_are_no_part_of_a_type) {
    declare("extern int a; static int b; _Thread_local int c; extern __thread int d; __extension__ int e;"
            "static inline int f(register int x); extern _Noreturn void g(void); int inline static __inline h(void);");
    for (const char *name = "abcde"; *name != '\0'; name++)
        cr_expect_eq(type_of((char[]){*name, '\0'}), read_type("int"));
    cr_expect_eq(type_of("f"), read_type("int (int)"));
    cr_expect_eq(type_of("g"), read_type("void (void)"));
    cr_expect_eq(type_of("h"), read_type("int (void)"));
}

Test(parse, asm_labels_are_skipped) {
    declare("int f(int) __asm__(\"_\" \"f64\") __attribute__((nonnull)); extern int x asm(\"y\");");
    cr_expect_eq(find("f")->what, FERRY_DECLARED_FUNCTION);
    cr_expect_eq(find("x")->what, FERRY_DECLARED_VARIABLE);
}

Test(parse, declarators_nest) {
    const Type *type = read_type("int (*(*[3])(char))[5]");
    cr_assert_eq(type->kind, FERRY_ARRAY);
    cr_expect_eq(type->count, 3);
    cr_assert_eq(type->base->kind, FERRY_POINTER);
    const Signature *signature = type->base->base->signature;
    cr_assert_not_null(signature);
    cr_expect_eq(signature->parameters[0]->kind, FERRY_CHAR);
    cr_assert_eq(signature->result->kind, FERRY_POINTER);
    cr_expect_eq(signature->result->base->kind, FERRY_ARRAY);
    cr_expect_eq(signature->result->base->count, 5);
}

Test(parse, arrays_of_arrays_are_read_from_the_left) {
    const Type *type = read_type("int [2][3]");
    cr_expect_eq(type->count, 2);
    cr_expect_eq(type->base->count, 3);
}

Test(parse, one_declaration_may_have_several_declarators) {
    declare("int a, *b, c[2], (*d)(void), e(char), **f;");
    cr_expect_eq(type_of("a"), read_type("int"));
    cr_expect_eq(type_of("b"), read_type("int *"));
    cr_expect_eq(type_of("c"), read_type("int [2]"));
    cr_expect_eq(type_of("d"), read_type("int (*)(void)"));
    cr_expect_eq(type_of("e"), read_type("int (char)"));
    cr_expect_eq(type_of("f"), read_type("int **"));
}

Test(parse, parentheses_round_a_name_change_nothing) {
    declare("int (a); int (*(b)); int ((f))(int); int (g(int));");
    cr_expect_eq(type_of("a"), read_type("int"));
    cr_expect_eq(type_of("b"), read_type("int *"));
    cr_expect_eq(type_of("f"), read_type("int (int)"));
    cr_expect_eq(type_of("g"), read_type("int (int)"));
}

Test(parse, array_and_function_parameters_are_pointers) {
    expect_same("void (int [3])", "void (int *)");
    expect_same("void (int [static 3])", "void (int *)");
    expect_same("void (int [const restrict static 3])", "void (int *)");
    expect_same("void (int [static const 3])", "void (int *)");
    expect_same("void (int [*])", "void (int *)");
    expect_same("void (int [])", "void (int *)");
    expect_same("void (int n, int a[n], int b[n * 2 + 1])", "void (int, int *, int *)");
    expect_same("void (int [][4])", "void (int (*)[4])");
    expect_same("void (int f(char))", "void (int (*)(char))");
    declare("typedef int A[3]; typedef int F(void);");
    expect_same("void (A, F)", "void (int *, int (*)(void))");
}

Test(parse, a_type_in_parentheses_is_a_parameter) {
    declare("typedef int T;");
    expect_same("void (int (T))", "void (int (*)(int))");
    expect_same("int (T)", "int (int)");
}

Test(parse, no_parameters) {
    expect_same("int ()", "int (void)");
    declare("typedef void nothing;");
    expect_same("int (nothing)", "int (void)");
    cr_expect_eq(read_type("int (void)")->signature->count, 0);
}

Test(parse, variadic_functions) {
    const Signature *signature = read_type("int (char *, ...)")->signature;
    cr_expect(signature->variadic);
    cr_expect_not(signature->of_call);
    cr_expect_eq(signature->fixed, 1);
    cr_expect_eq(read_type("int (...)")->signature->fixed, 0);
}

Test(parse, types_after_the_dots_are_those_of_a_call) {
    declare("int printf(const char *, ..., int, double x, const char *);");
    const Signature *signature = find("printf")->signature;
    cr_expect(signature->variadic);
    cr_expect(signature->of_call);
    cr_expect_eq(signature->fixed, 1);
    cr_assert_eq(signature->count, 4);
    cr_expect_eq(signature->parameters[2]->kind, FERRY_DOUBLE);
    declare("int printf(const char *, ..., void);");
    cr_expect(find("printf")->signature->of_call);
    cr_expect_eq(find("printf")->signature->count, 1);
}

Test(parse, a_typedef_of_a_function_type_declares_functions) {
    declare("typedef int F(char); F f, *p;");
    cr_expect_eq(find("f")->what, FERRY_DECLARED_FUNCTION);
    cr_expect_eq(find("f")->signature->parameters[0]->kind, FERRY_CHAR);
    cr_expect_eq(find("p")->what, FERRY_DECLARED_VARIABLE);
}

Test(parse, members_of_structs) {
    declare("struct s { char a, *b; int c[2]; struct inner { long d; } e; void (*f)(struct s *); ; };");
    const Type *type = type_of("struct s");
    cr_assert_eq(type->member_count, 5);
    static const char *const names[] = {"a", "b", "c", "e", "f"};
    for (size_t i = 0; i < 5; i++) cr_expect_str_eq(type->members[i].name, names[i]);
    cr_expect_eq(type->members[3].type, type_of("struct inner"));
    cr_expect_eq(read_type("struct {}")->member_count, 0);
    cr_expect_eq(read_type("union { int a; float b; }")->kind, FERRY_UNION);
}

Test(parse, bit_fields) {
    const char *text = "struct { int a : 3; unsigned : 5; long b : 2 + 2, : 0; _Bool c : 1; }";
    cr_expect_eq(member(text, 0)->bits, 3);
    cr_expect(member(text, 0)->is_bitfield);
    cr_expect_null(member(text, 1)->name);
    cr_expect_eq(member(text, 1)->bits, 5);
    cr_expect_eq(member(text, 2)->bits, 4);
    cr_expect_eq(member(text, 3)->bits, 0);
    cr_expect_eq(member(text, 3)->type->kind, FERRY_LONG);
    cr_expect_eq(member(text, 4)->type->kind, FERRY_BOOL);
}

Test(parse, anonymous_members_have_no_name) {
    const char *text = "struct { int a; union { int b; float c; }; const struct { int d; }; }";
    cr_expect_eq(read_type(text)->member_count, 3);
    cr_expect_null(member(text, 1)->name);
    cr_expect_eq(member(text, 1)->type->kind, FERRY_UNION);
}

Test(parse, a_tag_alone_in_a_struct_is_no_member) {
    cr_expect_eq(read_type("struct { struct t { int x; }; enum { ONE }; int y; }")->member_count, 1);
}

Test(parse, flexible_and_empty_arrays) {
    cr_expect_eq(member("struct { int n; char data[]; }", 1)->type->count, FERRY_FLEXIBLE);
    cr_expect_eq(member("struct { int n; char data[0]; }", 1)->type->count, 0);
}

Test(parse, a_tag_is_incomplete_inside_of_its_own_braces_and_complete_behind_them) {
    declare("struct node { struct node *next; int value; }; struct node f(struct node);");
    const Type *node = type_of("struct node");
    cr_expect(node->complete);
    cr_expect_not(node->members[0].type->base->complete);
    cr_expect_eq(find("f")->signature->result, node);
}

Test(parse, a_typedef_of_a_tag_is_completed_with_it) {
    declare("typedef struct point point, *link; struct point { double x, y; }; double length(point, link);");
    cr_expect_eq(find("length")->signature->parameters[0], type_of("struct point"));
    cr_expect_eq(find("length")->signature->parameters[1]->base, type_of("struct point"));
}

Test(parse, the_same_definition_again_is_none) {
    declare("typedef struct b *link; struct a { struct b *p; }; struct b { int x; }; typedef int T;");
    size_t before = scope_count(scope);
    declare("typedef struct b *link; struct a { struct b *p; }; struct b { int x; }; typedef signed T;");
    cr_expect_eq(scope_count(scope), before);
}

Test(parse, declarations_are_listed_in_order) {
    declare("typedef int T; enum e { A = 5 }; struct s; int f(void); extern T v;");
    static const struct {
        ferry_declared what;
        const char *name;
    } rows[] = {
        {FERRY_DECLARED_TYPEDEF, "T"},    {FERRY_DECLARED_ENUMERATOR, "A"}, {FERRY_DECLARED_TAG, "enum e"},
        {FERRY_DECLARED_TAG, "struct s"}, {FERRY_DECLARED_FUNCTION, "f"},   {FERRY_DECLARED_VARIABLE, "v"},
    };
    cr_assert_eq(scope_count(scope), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(scope_at(scope, i)->what, rows[i].what);
        cr_expect_str_eq(scope_at(scope, i)->name, rows[i].name);
    }
    cr_expect_null(scope_at(scope, COUNT_OF(rows)));
    cr_expect_eq(find("A")->type, type_of("enum e"));
    cr_expect_eq(find("A")->value, 5);
}

Test(parse, tags_and_other_names_are_found_apart) {
    declare("struct point { int x; } point; union other { int y; };");
    cr_expect_eq(find("point")->what, FERRY_DECLARED_VARIABLE);
    cr_expect_eq(find("struct point")->what, FERRY_DECLARED_TAG);
    cr_expect_null(scope_find(scope, "union point"));
    cr_expect_null(scope_find(scope, "enum point"));
    cr_expect_null(scope_find(scope, "other"));
    cr_expect_null(scope_find(scope, "struct "));
    cr_expect_null(scope_find(scope, ""));
}

Test(parse, the_newest_declaration_is_found) {
    declare("struct s; int f(int);");
    declare("struct s { int x; }; int f(char);");
    cr_expect(type_of("struct s")->complete);
    cr_expect_eq(find("f")->signature->parameters[0]->kind, FERRY_CHAR);
}

Test(parse, many_names_are_all_found) {
    char text[64], name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "typedef int name_%d[%d];", i, i + 1);
        declare(text);
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "name_%d", i);
        cr_assert_eq(type_of(name)->count, (uint64_t)i + 1);
    }
}

Test(parse, the_underlying_type_of_an_enum_is_what_gcc_chooses) {
    static const struct {
        const char *text;
        ferry_kind kind;
    } rows[] = {
        {"enum { A }", FERRY_UINT},
        {"enum { A = -1 }", FERRY_INT},
        {"enum { A = 0xffffffff }", FERRY_UINT},
        {"enum { A = 0x100000000 }", FERRY_UINT64},
        {"enum { A = -1, B = 0x80000000 }", FERRY_INT64},
        {"enum { A = 0xffffffffffffffff }", FERRY_UINT64},
        {"enum { A = 255 } __attribute__((packed))", FERRY_UCHAR},
        {"enum __attribute__((packed)) { A = 256 }", FERRY_USHORT},
        {"enum { A = -128 } __attribute__((packed))", FERRY_SCHAR},
        {"enum { A = -129 } __attribute__((packed))", FERRY_SHORT},
        {"enum { A = -1, B = 128 } __attribute__((packed))", FERRY_SHORT},
        {"enum { A = 65536 } __attribute__((packed))", FERRY_UINT},
        {"enum : uint8_t { A = 255 }", FERRY_UINT8},
        {"enum : unsigned long long int { A }", FERRY_ULLONG},
        {"enum [[deprecated]] : bool { A = 1 }", FERRY_BOOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Type *type = read_type(rows[i].text);
        cr_assert_eq(type->kind, FERRY_ENUM);
        cr_expect_eq(type->base->kind, rows[i].kind, "%s: %s", rows[i].text, kind_spelling(type->base->kind));
    }
}

Test(parse, enumerators_count_on) {
    declare("enum { A, B = 7, C, D = -2, E, F __attribute__((deprecated)) = B + C, };");
    static const int values[] = {0, 7, 8, -2, -1, 15};
    for (size_t i = 0; i < COUNT_OF(values); i++) cr_expect_eq(find((char[]){(char)('A' + i), '\0'})->value, values[i]);
}

Test(parse, an_enum_with_a_fixed_type_may_be_declared_first) {
    declare("enum e : short; enum e f(enum e); enum e : short { ONE = 1 };");
    cr_expect_eq(find("f")->signature->result->base->kind, FERRY_SHORT);
}

Test(parse, a_type_is_read_with_the_names_of_a_scope_and_adds_none) {
    declare("typedef struct { int x; } T;");
    size_t before = scope_count(scope);
    cr_expect_eq(read_type("struct fresh { T t; enum { NEW } e; } *")->base->members[0].type, type_of("T"));
    cr_expect_eq(scope_count(scope), before);
    cr_expect_null(scope_find(scope, "struct fresh"));
    const Type *type;
    cr_expect_eq(parse_type(&types, NULL, NULL, "T *", &type, &error), FERRY_UNKNOWN_NAME);
}

static const Signature *read_signature(const char *text, const char **name) {
    const Signature *signature = NULL;
    ferry_code code = parse_signature(&types, NULL, text, &signature, name, &error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, error.message, error.excerpt);
    return signature;
}

Test(parse, the_signature_of_a_text_is_its_last_function) {
    const char *name;
    const Signature *signature =
        read_signature("struct p { double x; }; int f(int); double g(struct p); int x;", &name);
    cr_expect_str_eq(name, "g");
    cr_expect_eq(signature->result->kind, FERRY_DOUBLE);
    read_signature("double pow(double, double)", &name);
    cr_expect_str_eq(name, "pow");
}

Test(parse, a_signature_needs_no_name) {
    const char *name = "not touched";
    cr_expect_eq(read_signature("double (double)", &name), read_signature("double f(double)", NULL));
    read_signature("struct p { int x; }; int (*(struct p))(void);", &name);
    cr_expect_null(name);
    const Signature *call = read_signature("int (char *, ..., int)", NULL);
    cr_expect(call->of_call);
    cr_expect_eq(read_signature("double complex (double complex)", NULL)->result->kind, FERRY_COMPLEX_DOUBLE);
}

Test(parse, complex_is_a_word_beside_float_and_double_and_a_name_elsewhere) {
    declare("double complex f(float complex, long double complex x, complex double *); double complex (*p)(void);");
    const Signature *signature = find("f")->signature;
    cr_expect_eq(signature->result->kind, FERRY_COMPLEX_DOUBLE);
    cr_expect_eq(signature->parameters[0]->kind, FERRY_COMPLEX_FLOAT);
    cr_expect_eq(signature->parameters[1]->kind, FERRY_COMPLEX_LONG_DOUBLE);
    cr_expect_eq(type_of("p")->base->signature->result->kind, FERRY_COMPLEX_DOUBLE);
    declare("typedef struct { double re, im; } complex; complex g(complex); struct s { double complex; };");
    cr_expect_eq(find("g")->signature->result->kind, FERRY_STRUCT);
    cr_expect_str_eq(type_of("struct s")->members[0].name, "complex");
}

Test(parse, comments_and_spliced_lines_are_blanks) {
    declare("/* * / */ int // to the \\\n end ; ] \n a /**/ ; \\\n\tlong\\\r\nb;");
    cr_expect_eq(type_of("a")->kind, FERRY_INT);
    cr_expect_eq(type_of("b")->kind, FERRY_LONG);
}

Test(parse, digraphs_mean_what_they_stand_for) {
    declare("struct s <% int a<:3:>; %>;");
    cr_expect_eq(type_of("struct s")->members[0].type->count, 3);
}

Test(parse, names_may_have_letters_of_every_language) {
    declare("int gr\xc3\xb6\xc3\x9f"
            "e(int \xe5\x80\xa4, int $x);");
    cr_expect_not_null(scope_find(scope, "gr\xc3\xb6\xc3\x9f"
                                         "e"));
}

Test(parse, a_failed_text_leaves_the_scope_as_it_was) {
    declare("typedef int T; struct s;");
    size_t before = scope_count(scope);
    const char *text = "struct s { int x; }; typedef long U; int f(T); enum { A }; int ?";
    cr_expect_neq(scope_parse(scope, text, strlen(text), &error), FERRY_OK);
    cr_expect_eq(scope_count(scope), before);
    cr_expect_null(scope_find(scope, "U"));
    cr_expect_null(scope_find(scope, "f"));
    cr_expect_null(scope_find(scope, "A"));
    cr_expect_not(type_of("struct s")->complete);
    declare("typedef char U; struct s { long y; };");
    cr_expect_eq(type_of("U")->kind, FERRY_CHAR);
}
