/* Attributes in every position, and integer constant expressions. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/declarations.h"

TestSuite(parse_attribute, .init = open_all, .fini = close_all);

/* The type of x, which the text declares. */
static const Type *x_of(const char *text) {
    const ferry_declaration *declaration;
    Scope *own;
    cr_assert(scope_open(&types, NULL, &own, &error) == FERRY_OK);
    ferry_code code = scope_parse(own, text, strlen(text), &error);
    cr_assert(code == FERRY_OK, "%s: %s\n%s", text, error.message, error.excerpt);
    declaration = scope_find(own, "x");
    cr_assert_not_null(declaration, "%s", text);
    const Type *type = declaration->type;
    scope_close(own);
    return type;
}

Test(parse_attribute, of_a_record_behind_its_keyword_or_its_brace) {
    static const struct {
        const char *text;
        bool packed;
        uint64_t alignment;
    } rows[] = {
        {"struct __attribute__((packed)) { int a; } x;", true, 0},
        {"struct { int a; } __attribute__((packed)) x;", true, 0},
        {"struct __attribute__((__packed__, aligned(8))) { int a; } x;", true, 8},
        {"struct { int a; } __attribute__((packed)) __attribute((aligned(4))) x;", true, 4},
        {"struct __attribute__((aligned(4))) { int a; } __attribute__((__aligned__(16))) x;", false, 16},
        {"struct [[gnu::packed]] { int a; } x;", true, 0},
        {"struct [[__gnu__::__aligned__(32), deprecated(\"(\")]] [[gnu::packed]] { int a; } x;", true, 32},
        {"union { int a; } __attribute__((,packed,,)) const x;", true, 0},
        {"typedef struct { int a; } x __attribute__((packed));", false, 0}, /* compilers ignore it there */
        {"__attribute__((packed)) struct { int a; } x;", false, 0},
        {"struct s { int a; }; struct __attribute__((packed)) s x;", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Type *type = x_of(rows[i].text);
        cr_expect_eq(type->packed, rows[i].packed, "%s", rows[i].text);
        cr_expect_eq(type->alignment, rows[i].alignment, "%s", rows[i].text);
    }
}

Test(parse_attribute, of_members) {
    static const struct {
        const char *text;
        bool packed[2];
        uint64_t alignment[2];
    } rows[] = {
        {"struct { int a __attribute__((packed)), b; } x;", {true, false}, {0, 0}},
        {"struct { __attribute__((packed)) int a, b; } x;", {true, true}, {0, 0}},
        {"struct { int __attribute__((aligned(8))) a, b; } x;", {false, false}, {8, 8}},
        {"struct { int a, __attribute__((aligned(8))) b; } x;", {false, false}, {0, 8}},
        {"struct { int a [[gnu::aligned(8)]]; [[gnu::packed]] int b; } x;", {false, true}, {8, 0}},
        {"struct { [[gnu::aligned(4)]] int a, b [[gnu::aligned(8)]]; } x;", {false, false}, {4, 8}},
        {"struct { _Alignas(16) int a; alignas(0) int b; } x;", {false, false}, {16, 0}},
        {"struct { _Alignas(char) _Alignas(int32_t) int a; int _Alignas(float) b; } x;", {false, false}, {4, 4}},
        {"struct { int a : 3 __attribute__((packed)), b : 2 __attribute__((aligned(4))); } x;", {true, false}, {0, 4}},
        {"struct { _Alignas(8) struct { int c; }; int (*b)(void) __attribute__((aligned(32))); } x;", {0}, {8, 32}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Type *type = x_of(rows[i].text);
        for (size_t m = 0; m < 2; m++) {
            cr_expect_eq(type->members[m].packed, rows[i].packed[m], "%s %zu", rows[i].text, m);
            cr_expect_eq(type->members[m].alignment, rows[i].alignment[m], "%s %zu", rows[i].text, m);
        }
    }
}

Test(parse_attribute, aligned_makes_another_type_of_a_typedef) {
    static const char *const texts[] = {
        "typedef int x __attribute__((aligned(2)));",
        "typedef __attribute__((aligned(2))) int x;",
        "typedef int __attribute__((aligned(2))) x;",
        "[[gnu::aligned(2)]] typedef int x;",
        "typedef int x [[gnu::aligned(2)]];",
        "typedef int [[gnu::aligned(2)]] x;",
        "typedef int y, x __attribute__((aligned(2)));",
        "typedef int y, __attribute__((aligned(2))) x;",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const Type *type = x_of(texts[i]);
        cr_expect_eq(type->kind, FERRY_ALIGNED, "%s", texts[i]);
        cr_expect_eq(type->alignment, 2, "%s", texts[i]);
        cr_expect_eq(type->base->kind, FERRY_INT, "%s", texts[i]);
    }
}

Test(parse_attribute, aligned_of_a_part_of_a_declarator) {
    const Type *type = x_of("typedef int *__attribute__((aligned(16))) *x;");
    cr_assert_eq(type->kind, FERRY_POINTER);
    cr_expect_eq(type->base->kind, FERRY_ALIGNED);
    cr_expect_eq(type->base->base->kind, FERRY_POINTER);
    type = x_of("typedef int [[gnu::aligned(16)]] *x;");
    cr_expect_eq(type->base->kind, FERRY_ALIGNED);
    type = x_of("typedef int x[2] [[gnu::aligned(16)]][3];");
    cr_expect_eq(type->kind, FERRY_ALIGNED);
    cr_expect_eq(type->base->count, 2);
    type = x_of("typedef __attribute__((aligned(16))) int *x;"); /* about what is declared */
    cr_expect_eq(type->kind, FERRY_ALIGNED);
    cr_expect_eq(type->base->kind, FERRY_POINTER);
}

Test(parse_attribute, vector_size_is_about_the_innermost_part) {
    static const char *const texts[] = {
        "typedef int x __attribute__((vector_size(16)));",
        "typedef __attribute__((vector_size(16))) int x;",
        "typedef int __attribute__((vector_size(4 * 4))) x;",
        "typedef int [[gnu::vector_size(16)]] x;",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cr_expect_eq(x_of(texts[i])->kind, FERRY_VECTOR, "%s", texts[i]);
        cr_expect_eq(x_of(texts[i]), x_of(texts[0]), "%s", texts[i]);
    }
    cr_expect_eq(x_of("int *x __attribute__((vector_size(16)));")->base->kind, FERRY_VECTOR);
    cr_expect_eq(x_of("float x(int) __attribute__((vector_size(8)));")->signature->result->kind, FERRY_VECTOR);
    cr_expect_eq(x_of("struct { float y[2] __attribute__((vector_size(8))); } x;")->members[0].type->base->kind,
                 FERRY_VECTOR);
    cr_expect_eq(x_of("void x(int v __attribute__((vector_size(8))));")->signature->parameters[0]->kind, FERRY_VECTOR);
}

Test(parse_attribute, what_cannot_change_a_call_is_ignored) {
    const Type *plain = x_of("int x(const char *, ...);");
    static const char *const texts[] = {
        "__attribute__((format(printf, 1, 2), nonnull(1), __nothrow__, pure)) int x(const char *, ...);",
        "int x(const char *, ...) __attribute__((const)) __attribute__((visibility(\"hidden\"), leaf));",
        "[[nodiscard]] int x([[maybe_unused]] const char *s, ...);",
        "[[gnu::cold, clang::no_sanitize(\"address\")]] int x [[deprecated]] (const char *, ...) [[gnu::pure]];",
        "int x(const char *s __attribute__((nonstring, unused)), ...);",
        "int __attribute__((aligned(64))) x(const char *, ...);", /* where the function's code lies */
        "extern __attribute__((__warn_unused_result__)) int (x)(const char *, ...) __attribute__(());",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) cr_expect_eq(x_of(texts[i]), plain, "%s", texts[i]);
}

Test(parse_attribute, constant_expressions) {
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"42", 42},
        {"052", 42},
        {"0x2A", 42},
        {"0b101010", 42},
        {"0o52", 42},
        {"1'000'000", 1000000},
        {"3u + 4UL + 5ll + 6LLU", 18},
        {"1 + 2 * 3 - 4 / 2 % 3", 5},
        {"(1 + 2) * 3", 9},
        {"-7 / 2", -3},
        {"-7 % 3", -1},
        {"- - 3", 3},
        {"~0", -1},
        {"~0u", 4294967295},
        {"!5 + !0", 1},
        {"+7", 7},
        {"1 << 10 | 3", 1027},
        {"-16 >> 2", -4},
        {"1ull << 40 >> 38", 4},
        {"6 & 3 ^ 1 | 8", 11},
        {"1 < 2 == 2 > 1", 1},
        {"3 <= 3 && 4 >= 5 || 0", 0},
        {"1 != 2", 1},
        {"-1 > 0u", 1},
        {"-1 > 0ul", 1},
        {"-1ll > 0u", 0},
        {"4294967295u + 1", 0},
        {"0 ? 1 / 0 : 5", 5},
        {"1 ? 2 : 3 ? 4 : 5", 2},
        {"0 && 1 / 0", 0},
        {"1 || 1 / 0", 1},
        {"0 ?: 6", 6},
        {"7 ?: 6", 7},
        {"'a'", 97},
        {"'\\n' + '\\0' + '\\\\' + '\\''", 10 + 92 + 39},
        {"'\\101' + '\\x41'", 130},
        {"L'\\u20ac'", 0x20ac},
        {"u'\xe2\x82\xac' + U'x' + u8'y'", 0x20ac + 120 + 121},
        {"(signed char)200", -56},
        {"(uint8_t)300", 44},
        {"(short)-1", -1},
        {"(unsigned)-1", 4294967295},
        {"(_Bool)8", 1},
        {"(size_t)12 * (long)2", 24},
        {"(enum { A2 = 3 })5 + A2", 8},
        {"true + true + false", 2},
        {"__extension__ 8", 8},
        {"2147483647 + 1u", 2147483648},
        {"2147483648 - 1", 2147483647},
        {"0x7fffffffffffffff", INT64_MAX},
        {"-0x7fffffffffffffff - 1", INT64_MIN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "enum { V%zu = %s };", i, rows[i].text);
        ferry_code code = scope_parse(scope, text, strlen(text), &error);
        cr_assert(code == FERRY_OK, "%s: %s", text, error.message);
        snprintf(text, sizeof text, "V%zu", i);
        cr_expect_eq(scope_find(scope, text)->value, rows[i].value, "%s is %lld", rows[i].text,
                     (long long)scope_find(scope, text)->value);
    }
}

Test(parse_attribute, static_assertions_are_checked) {
    cr_expect_eq(x_of("_Static_assert(1 + 1 == 2, \"sums\"); static_assert(1); "
                      "struct { int a; _Static_assert(1, \"\" \"\"); } x;")
                     ->member_count,
                 1);
    const char *text = "_Static_assert(1 == 2, \"sums\");";
    cr_expect_eq(scope_parse(scope, text, strlen(text), &error), FERRY_INVALID);
    cr_expect_str_eq(error.message, "this static assertion is false: \"sums\"");
}
