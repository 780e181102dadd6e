/* Texts that nobody writes: too deep, too long, random, and without memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/declarations.h"

TestSuite(parse_hostile, .init = open_all, .fini = close_all);

/* before, then count times part, then after; the caller frees it. */
static char *repeat(const char *before, const char *part, size_t count, const char *after) {
    size_t length = strlen(part), start = strlen(before);
    char *text = malloc(start + length * count + strlen(after) + 1);
    cr_assert_not_null(text);
    memcpy(text, before, start);
    for (size_t i = 0; i < count; i++) memcpy(text + start + i * length, part, length);
    memcpy(text + start + length * count, after, strlen(after) + 1);
    return text;
}

static ferry_code parse_repeated(const char *before, const char *part, size_t count, const char *after) {
    char *text = repeat(before, part, count, after);
    error = (ferry_error){0};
    ferry_code code = scope_parse(scope, text, strlen(text), &error);
    free(text);
    return code;
}

Test(parse_hostile, ten_thousand_of_anything_inside_each_other_is_too_large) {
    static const struct {
        const char *before, *part;
    } rows[] = {
        {"int ", "("},
        {"int x[", "("},
        {"int x[", "-"},
        {"int x[", "1?"},
        {"int x[", "1?1:"},
        {"int x[", "(int)"},
        {"int x[", "(struct{int a["},
        {"", "struct{"},
        {"", "union{struct{int x;};"},
        {"void f(", "void(*)("},
        {"void f(", "int g("},
        {"", "enum{A=("},
        {"", "enum:"},
        {"", "_Alignas("},
        {"int x[", "(int(*)(int["},
        {"int ", "(*"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ferry_code code = parse_repeated(rows[i].before, rows[i].part, 10000, "");
        cr_expect_eq(code, FERRY_TOO_LARGE, "%s%s...: %s", rows[i].before, rows[i].part, error.message);
        cr_expect(error.line == 1 && error.column > 1);
        cr_expect_eq(scope_count(scope), 0);
    }
}

Test(parse_hostile, types_deeper_than_the_limit_are_too_large) {
    cr_expect_eq(parse_repeated("int ", "*", 10000, "x;"), FERRY_TOO_LARGE);
    cr_expect_eq(parse_repeated("int x", "[1]", 10000, ";"), FERRY_TOO_LARGE);
    cr_expect_gt(error.column, 5);
    cr_expect_eq(parse_repeated("int ", "*", 150, "x;"), FERRY_OK);
    cr_expect_eq(parse_repeated("int y", "[1]", 150, ";"), FERRY_OK);
}

Test(parse_hostile, nesting_below_the_limit_is_read) {
    char *text = repeat("int x[", "(", 150, "1");
    char *whole = repeat(text, ")", 150, "];");
    cr_expect_eq(scope_parse(scope, whole, strlen(whole), &error), FERRY_OK, "%s", error.message);
    free(whole);
    free(text);
    text = repeat("", "struct {", 150, "int a;");
    whole = repeat(text, "} b;", 150, "");
    cr_expect_eq(scope_parse(scope, whole, strlen(whole), &error), FERRY_OK, "%s", error.message);
    free(whole);
    free(text);
}

Test(parse_hostile, a_hundred_thousand_parameters_are_too_many) {
    cr_expect_eq(parse_repeated("int f(int", ",int", 100000, ");"), FERRY_TOO_LARGE);
    cr_expect_not_null(strstr(error.message, "parameters"));
    cr_expect_eq(error.column, 10 + (SIGNATURE_PARAMETER_LIMIT - 1) * 4 + 1);
    cr_expect_eq(parse_repeated("int f(char *, ..., int", ",int", 100000, ");"), FERRY_TOO_LARGE);
    cr_expect_eq(parse_repeated("int f(int", ",int", SIGNATURE_PARAMETER_LIMIT - 1, ");"), FERRY_OK, "%s",
                 error.message);
}

Test(parse_hostile, a_hundred_thousand_members_are_too_many) {
    cr_expect_eq(parse_repeated("struct s {", "int:3;", 100000, "};"), FERRY_TOO_LARGE);
    cr_expect_not_null(strstr(error.message, "members"));
}

Test(parse_hostile, a_hundred_thousand_enumerators_are_not) {
    size_t count = 100000;
    char *text = malloc(count * 16);
    cr_assert_not_null(text);
    size_t length = (size_t)sprintf(text, "enum {");
    for (size_t i = 0; i < count; i++) length += (size_t)sprintf(text + length, "e%zu,", i);
    length += (size_t)sprintf(text + length, "};");
    cr_expect_eq(scope_parse(scope, text, length, &error), FERRY_OK, "%s", error.message);
    cr_expect_eq(scope_count(scope), count);
    cr_expect_eq(scope_find(scope, "e99999")->value, 99999);
    free(text);
}

/* Four times the text may take about four times as long; a quadratic reader would need sixteen times. */
static double seconds(const char *before, const char *part, size_t count, const char *after) {
    clock_t start = clock();
    (void)parse_repeated(before, part, count, after);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

Test(parse_hostile, time_grows_with_the_length_of_the_text) {
    static const char *const parts[] = {
        "int x;",  "/**/", " ",         "int f(int a, char *b);", "extern int*x;",    "typedef int T; ",
        "\n",      "a",    "struct s;", "[[deprecated]]",         "int x asm(\"\");", "/* * ",
        "// \\\n", "9",    "'a'+"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        double once = seconds("", parts[i], 25000, ""), more = seconds("", parts[i], 200000, "");
        cr_expect(more < 0.1 || more < 40 * once, "%s: %f s, then %f s", parts[i], once, more);
    }
}

Test(parse_hostile, random_bytes_are_an_error_with_a_place) {
    uint64_t state = 1;
    char text[64];
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)(round % (int)sizeof text);
        for (size_t i = 0; i < length; i++) {
            state = hash_number(state, i);
            text[i] = (char)(state >> 32);
        }
        size_t before = scope_count(scope);
        error = (ferry_error){0};
        if (scope_parse(scope, text, length, &error) == FERRY_OK) continue;
        cr_assert_eq(scope_count(scope), before);
        cr_assert(error.line >= 1 && error.column >= 1 && error.message[0] != '\0');
        cr_assert_not_null(strstr(error.excerpt, "^"));
    }
}

static const char whole[] =
    "typedef struct point { double x, y; struct point *next; } point __attribute__((aligned(32)));\n"
    "enum color : uint8_t { RED = 1 << 2, GREEN, BLUE = 'b' } __attribute__((packed));\n"
    "union u { int a : 3; float v __attribute__((vector_size(16))); };\n"
    "int (*signal(int sig, void (*func)(int)))(int);\n"
    "int printf(const char *restrict, ..., int, double); extern char **environ, x[RED];\n";

Test(parse_hostile, every_beginning_of_a_text_is_an_error_or_a_shorter_text) {
    cr_assert_eq(scope_parse(scope, whole, sizeof whole - 1, &error), FERRY_OK, "%s", error.message);
    scope_close(scope);
    cr_assert(scope_open(&types, NULL, &scope, &error) == FERRY_OK);
    for (size_t length = 0; length < sizeof whole; length++) {
        Scope *part;
        cr_assert(scope_open(&types, NULL, &part, &error) == FERRY_OK);
        error = (ferry_error){0};
        ferry_code code = scope_parse(part, whole, length, &error);
        cr_expect(code == FERRY_OK || (error.line >= 1 && scope_count(part) == 0));
        scope_close(part);
    }
}

typedef struct Budget {
    size_t left;
    size_t held;
} Budget;

static void *allocate(void *context, size_t size) {
    Budget *budget = context;
    if (budget->left == 0) return NULL;
    budget->left--;
    void *pointer = malloc(size);
    if (pointer != NULL) budget->held++;
    return pointer;
}

static void release(void *context, void *pointer, size_t size) {
    (void)size;
    ((Budget *)context)->held--;
    free(pointer);
}

/* Everything once with that much memory; everything is given back. */
static ferry_code run_with(size_t allocations) {
    Budget budget = {.left = allocations};
    ferry_allocator allocator = {&budget, allocate, release};
    TypeTable table;
    Scope *own = NULL;
    const Type *type;
    const Signature *signature;
    const char *name;
    ferry_code code = type_table_open(&table, &allocator, &error);
    cr_assert_eq(code, FERRY_OK);
    code = scope_open(&table, &allocator, &own, &error);
    if (code == FERRY_OK) {
        code = scope_parse(own, whole, sizeof whole - 1, &error);
        cr_expect(code == FERRY_OK || scope_count(own) == 0);
    }
    if (code == FERRY_OK)
        code = parse_type(&table, &allocator, own, "struct { point *p[3]; enum color c; }", &type, &error);
    if (code == FERRY_OK) code = parse_type(&table, &allocator, NULL, "int (*)(char)", &type, &error);
    if (code == FERRY_OK)
        code = parse_signature(&table, &allocator, "struct q { int x; }; int f(struct q)", &signature, &name, &error);
    scope_close(own);
    type_table_close(&table);
    cr_assert_eq(budget.held, 0, "leaked with %zu allocations", allocations);
    return code;
}

Test(parse_hostile, without_memory_every_allocation_fails_cleanly) {
    size_t allocations = 0;
    ferry_code code;
    while ((code = run_with(allocations)) != FERRY_OK) {
        cr_assert_eq(code, FERRY_OUT_OF_MEMORY, "%zu: %s", allocations, error.message);
        allocations++;
    }
    cr_expect_gt(allocations, 10);
}
