/* What is no declaration: each error with its code, its place, and what it says. */
#include <string.h>

#include "tests/unit/declarations.h"

TestSuite(parse_error, .init = open_all, .fini = close_all);

static const struct {
    const char *text;
    ferry_code code;
    uint32_t line, column;
    const char *message; /* a part of it */
} rows[] = {
    {"int f(", FERRY_SYNTAX, 1, 7, "expected a type, found the end of the text"},
    {"int f(int x", FERRY_SYNTAX, 1, 12, "expected ',' or ')', found the end of the text"},
    {"int f(int x,)", FERRY_SYNTAX, 1, 13, "expected a parameter, found ')'"},
    {"int f(int, ... int);", FERRY_SYNTAX, 1, 16, "expected ')', or ',' and the types of a call, found 'int'"},
    {"int f(int x y);", FERRY_SYNTAX, 1, 13, "expected ',' or ')', found 'y'"},
    {"int 3;", FERRY_SYNTAX, 1, 5, "expected a name, found '3'"},
    {"int *;", FERRY_SYNTAX, 1, 6, "expected a name, found ';'"},
    {"int (x;", FERRY_SYNTAX, 1, 7, "expected ')', found ';'"},
    {"int;", FERRY_SYNTAX, 1, 4, "expected a name, found ';'"},
    {"typedef int;", FERRY_SYNTAX, 1, 12, "expected a name, found ';'"},
    {"static;", FERRY_SYNTAX, 1, 7, "expected a declaration, found ';'"},
    {"}", FERRY_SYNTAX, 1, 1, "expected a declaration, found '}'"},
    {"int x y;", FERRY_SYNTAX, 1, 7, "expected '(', '[', ',' or ';', found 'y'"},
    {"int *x y;", FERRY_SYNTAX, 1, 8, "expected ',' or ';', found 'y'"},
    {"int x : 3;", FERRY_SYNTAX, 1, 7, "expected '(', '[', ',' or ';', found ':'"},
    {"int x = 3;", FERRY_SYNTAX, 1, 7, "only declarations can be read, no initial values"},
    {"int f(void) { return 1; }", FERRY_SYNTAX, 1, 13, "only declarations can be read, no bodies of functions"},
    {"extern \"C\" { int f(); }", FERRY_SYNTAX, 1, 8, "extern \"C\" is C++, leave it out"},
    {"if (1) x;", FERRY_SYNTAX, 1, 1, "expected a declaration, found 'if'"},
    {"int x;\n\n  int return;", FERRY_SYNTAX, 3, 7, "expected a name, found 'return'"},
    {"struct p { int x };", FERRY_SYNTAX, 1, 18, "expected ',' or ';', found '}'"},
    {"struct p { int x;\n", FERRY_SYNTAX, 1, 18, "expected a member or '}', found the end of the text"},
    {"struct p { int; };", FERRY_SYNTAX, 1, 15, "expected the name of a member, found ';'"},
    {"struct 3;", FERRY_SYNTAX, 1, 8, "expected a tag or '{', found '3'"},
    {"struct { static int x; } y;", FERRY_SYNTAX, 1, 10,
     "expected a type, found 'static', which cannot stand in a struct or union"},
    {"int f(static int x);", FERRY_SYNTAX, 1, 7, "found 'static', which cannot stand for a parameter"},
    {"int x[(static int)3];", FERRY_SYNTAX, 1, 8, "found 'static', which cannot stand in a type name"},
    {"register int x;", FERRY_SYNTAX, 1, 1, "found 'register', which cannot stand outside of functions"},
    {"typedef extern int x;", FERRY_SYNTAX, 1, 9, "'extern' after another storage class"},
    {"enum {};", FERRY_SYNTAX, 1, 7, "expected the name of an enumerator, found '}'"},
    {"enum { A B };", FERRY_SYNTAX, 1, 10, "expected ',' or '}', found 'B'"},
    {"enum;", FERRY_SYNTAX, 1, 5, "expected a tag, ':' or '{', found ';'"},
    {"enum : 3;", FERRY_SYNTAX, 1, 6, "expected a tag, ':' or '{', found ':'"},
    {"int a[3", FERRY_SYNTAX, 1, 8, "expected ']', found the end of the text"},
    {"int a[;", FERRY_SYNTAX, 1, 7, "expected an integer constant expression, found ';'"},
    {"int a[1 +];", FERRY_SYNTAX, 1, 10, "expected an integer constant expression, found ']'"},
    {"int a[(1];", FERRY_SYNTAX, 1, 9, "expected an operator or ')', found ']'"},
    {"int a[1 ? 2];", FERRY_SYNTAX, 1, 12, "expected ':', found ']'"},
    {"int a[*];", FERRY_SYNTAX, 1, 7, "expected an integer constant expression, found '*'"},
    {"int a[static 3];", FERRY_SYNTAX, 1, 7, "expected an integer constant expression, found 'static'"},
    {"int x; int a[x];", FERRY_SYNTAX, 1, 14, "expected an integer constant expression, found 'x'"},
    {"int f(int n, struct { int x : n; } y);", FERRY_SYNTAX, 1, 31,
     "expected an integer constant expression, found one with a variable"},
    {"int a['ab'];", FERRY_SYNTAX, 1, 7, "expected one character between the quotes, found 'ab'"},
    {"int a[''];", FERRY_SYNTAX, 1, 7, "expected one character between the quotes, found ''"},
    {"int a['\\q'];", FERRY_SYNTAX, 1, 7, "expected one character between the quotes, found '\\q'"},
    {"int a['\\x'];", FERRY_SYNTAX, 1, 7, "expected one character between the quotes"},
    {"int a['a", FERRY_SYNTAX, 1, 7, "this character is never closed: expected ', found the end of the text"},
    {"int f(void) asm(\"f\n\");", FERRY_SYNTAX, 1, 17,
     "this string is never closed: expected \", found the end of the line"},
    {"int f(void) asm(f);", FERRY_SYNTAX, 1, 17, "expected a string, found 'f'"},
    {"int a[1.5];", FERRY_SYNTAX, 1, 7, "expected an integer, found '1.5'"},
    {"int a[0x];", FERRY_SYNTAX, 1, 7, "expected an integer, found '0x'"},
    {"int a[08];", FERRY_SYNTAX, 1, 7, "expected an integer, found '08'"},
    {"int a[3z];", FERRY_SYNTAX, 1, 7, "expected an integer, found '3z'"},
    {"int a[1lul];", FERRY_SYNTAX, 1, 7, "expected an integer, found '1lul'"},
    {"#include <stdio.h>\nint x;", FERRY_SYNTAX, 1, 1, "there is no preprocessor here"},
    {"int x;\n  # define X", FERRY_SYNTAX, 2, 3, "there is no preprocessor here"},
    {"int x; /* never", FERRY_SYNTAX, 1, 8, "this comment is never closed: expected '*/', found the end of the text"},
    {"int @;", FERRY_SYNTAX, 1, 5, "found '@', which has no meaning in C"},
    {"int \\x;", FERRY_SYNTAX, 1, 5, "found '\\', which has no meaning in C"},
    {"int \001;", FERRY_SYNTAX, 1, 5, "found the byte 0x01, which is no text"},
    {"int \377;", FERRY_SYNTAX, 1, 5, "found the byte 0xff, which is no text"},
    {"long long long x;", FERRY_SYNTAX, 1, 11, "one 'long' too many in this type"},
    {"int unsigned int x;", FERRY_SYNTAX, 1, 14, "one 'int' too many in this type"},
    {"unsigned float x;", FERRY_SYNTAX, 1, 10, "'float' cannot be combined with 'unsigned' in one type"},
    {"int char x;", FERRY_SYNTAX, 1, 5, "'char' cannot be combined with 'int' in one type"},
    {"short long x;", FERRY_SYNTAX, 1, 7, "'long' cannot be combined with 'short' in one type"},
    {"long _Complex x;", FERRY_SYNTAX, 1, 6, "expected 'double' to complete the type, found 'x'"},
    {"size_t unsigned x;", FERRY_SYNTAX, 1, 8, "'unsigned' cannot be combined with the type before it"},
    {"int struct s x;", FERRY_SYNTAX, 1, 5, "'struct' cannot be combined with the type before it"},
    {"struct s {} enum e x;", FERRY_SYNTAX, 1, 13, "'enum' cannot be combined with the type before it"},
    {"int (*p)(char *, ..., int);", FERRY_SYNTAX, 1, 9, "types after '...' belong to a call"},
    {"typedef int f(char *, ..., int);", FERRY_SYNTAX, 1, 14, "types after '...' belong to a call"},
    {"void f(int g(char *, ..., int));", FERRY_SYNTAX, 1, 13, "types after '...' belong to a call"},
    {"_Alignas(8) typedef int x;", FERRY_SYNTAX, 1, 1, "_Alignas cannot align a typedef or function"},
    {"_Alignas(8) int x(void);", FERRY_SYNTAX, 1, 1, "_Alignas cannot align a typedef or function"},
    {"int f(_Alignas(8) int x);", FERRY_SYNTAX, 1, 7, "_Alignas cannot align a parameter"},
    {"struct { _Alignas(8) int x : 3; } y;", FERRY_SYNTAX, 1, 10, "_Alignas cannot align a bit-field"},
    {"int x[(_Alignas(8) int)3];", FERRY_SYNTAX, 1, 8, "_Alignas cannot stand in a type name"},
    {"int __attribute__((packed) x;", FERRY_SYNTAX, 1, 28, "expected '))', found 'x'"},
    {"int __attribute__(packed) x;", FERRY_SYNTAX, 1, 19, "expected '((', found 'packed'"},
    {"int __attribute__((3)) x;", FERRY_SYNTAX, 1, 20, "expected the name of an attribute, found '3'"},
    {"int __attribute__((cold hot)) x;", FERRY_SYNTAX, 1, 25, "expected ',' or ')', found 'hot'"},
    {"[[deprecated(]] int x;", FERRY_SYNTAX, 1, 23, "expected ')', found the end of the text"},
    {"[[deprecated] int x;", FERRY_SYNTAX, 1, 15, "expected ']]', found 'int'"},
    {"_Static_assert(1, 2);", FERRY_SYNTAX, 1, 19, "expected a string, found '2'"},
    {"foo x;", FERRY_UNKNOWN_NAME, 1, 1, "unknown type 'foo'"},
    {"unsinged x;", FERRY_UNKNOWN_NAME, 1, 1, "unknown type 'unsinged', did you mean 'unsigned'?"},
    {"int f(intt);", FERRY_UNKNOWN_NAME, 1, 7, "unknown type 'intt', did you mean 'int'?"},
    {"int f(uint3_t);", FERRY_UNKNOWN_NAME, 1, 7, "unknown type 'uint3_t', did you mean 'uint8_t'?"},
    {"typedef int point; pint x;", FERRY_UNKNOWN_NAME, 1, 20, "unknown type 'pint', did you mean 'point'?"},
    {"int f(int a, b);", FERRY_UNKNOWN_NAME, 1, 14, "unknown type 'b'"},
    {"enum nope x;", FERRY_UNKNOWN_NAME, 1, 6, "unknown enum 'nope'"},
    {"enum { LIMIT }; int x[LIMT];", FERRY_UNKNOWN_NAME, 1, 23, "unknown constant 'LIMT', did you mean 'LIMIT'?"},
    {"struct s { struct s x; };", FERRY_INCOMPLETE, 1, 21,
     "a member needs a complete type: struct s is not defined yet"},
    {"struct s; int f(struct s a);", FERRY_INCOMPLETE, 1, 17,
     "a parameter needs a complete type: struct s is not defined yet"},
    {"union u; union u f(void);", FERRY_INCOMPLETE, 1, 19, "the result has the incomplete type union u"},
    {"struct s; struct s x[3];", FERRY_INCOMPLETE, 1, 21, "an array's element has the incomplete type struct s"},
    {"struct { int a; int a; } x;", FERRY_INVALID, 1, 21, "two members are named 'a'"},
    {"struct { int a; struct { int b, a; }; } x;", FERRY_INVALID, 1, 17, "two members are named 'a'"},
    {"struct { int a[]; int b; } x;", FERRY_INVALID, 1, 14, "a flexible array must be the last member of its struct"},
    {"union { int a[]; } x;", FERRY_INVALID, 1, 13, "a flexible array cannot be a member of a union"},
    {"struct { void a; } x;", FERRY_INVALID, 1, 15, "a member cannot be void"},
    {"struct { int a(void); } x;", FERRY_INVALID, 1, 14, "a member cannot be a function, only a pointer to one"},
    {"struct { float a : 3; } x;", FERRY_INVALID, 1, 16, "a bit-field needs an integer type"},
    {"struct { int a : 33; } x;", FERRY_INVALID, 1, 18, "33 bits do not fit the type of the bit-field, which has 32"},
    {"struct { int a : 0; } x;", FERRY_INVALID, 1, 18, "the bit-field 'a' has width 0; only one without a name can"},
    {"struct { int a : -1; } x;", FERRY_INVALID, 1, 18, "the width of a bit-field must be 0 to 128"},
    {"int x[-1];", FERRY_INVALID, 1, 7, "the bound of an array is negative: -1"},
    {"int x[1 / 0];", FERRY_INVALID, 1, 9, "division by zero in a constant expression"},
    {"int x[1 % 0];", FERRY_INVALID, 1, 9, "division by zero in a constant expression"},
    {"int x[2147483647 + 1];", FERRY_INVALID, 1, 18, "this constant expression overflows"},
    {"int x[-2147483647 - 2];", FERRY_INVALID, 1, 19, "this constant expression overflows"},
    {"int x[65536 * 65536];", FERRY_INVALID, 1, 13, "this constant expression overflows"},
    {"int x[-(-2147483647 - 1)];", FERRY_INVALID, 1, 7, "this constant expression overflows"},
    {"int x[(-0x7fffffffffffffff - 1) / -1];", FERRY_INVALID, 1, 33, "this constant expression overflows"},
    {"int x[1 << 32];", FERRY_INVALID, 1, 9, "the shift in this constant expression is negative or beyond the width"},
    {"int x[1 >> -1];", FERRY_INVALID, 1, 9, "the shift in this constant expression is negative or beyond the width"},
    {"int x[(float)1];", FERRY_INVALID, 1, 7, "a constant expression can only be cast to an integer type"},
    {"int f(int)[3];", FERRY_INVALID, 1, 6, "a function cannot return an array"},
    {"int f(void)(void);", FERRY_INVALID, 1, 6, "a function cannot return a function"},
    {"int x[3](void);", FERRY_INVALID, 1, 6, "an array's element cannot be a function, only a pointer to one"},
    {"void x[3];", FERRY_INVALID, 1, 7, "an array's element cannot be void"},
    {"int x[3][];", FERRY_INVALID, 1, 6, "an array's element cannot be an array without a bound"},
    {"void x;", FERRY_INVALID, 1, 6, "a variable cannot be void"},
    {"int f(void, int);", FERRY_INVALID, 1, 7, "a parameter cannot be void unless it is the only one and has no name"},
    {"int f(int, void);", FERRY_INVALID, 1, 12, "a parameter cannot be void"},
    {"int f(void x);", FERRY_INVALID, 1, 7, "a parameter cannot be void"},
    {"int f(char *, ..., float);", FERRY_INVALID, 1, 20, "variadic argument 1 is float, which C promotes to double"},
    {"int f(char *, ..., int, char, int);", FERRY_INVALID, 1, 25,
     "variadic argument 2 is char, which C promotes to int"},
    {"typedef int T; typedef long T;", FERRY_INVALID, 1, 29,
     "the typedef 'T' was declared before with another type, 'int'"},
    {"typedef int T; int T(void);", FERRY_INVALID, 1, 20, "'T' was declared before as a typedef"},
    {"int f(void); extern int f;", FERRY_INVALID, 1, 25, "'f' was declared before as a function"},
    {"enum { A }; int A;", FERRY_INVALID, 1, 17, "'A' was declared before as an enumerator"},
    {"enum { A }; enum { A = 2 };", FERRY_INVALID, 1, 20, "the enumerator 'A' was declared before"},
    {"enum { A, A };", FERRY_INVALID, 1, 11, "the enumerator 'A' was declared before"},
    {"int x; enum { x };", FERRY_INVALID, 1, 15, "'x' was declared before as something else"},
    {"struct s { int r; }; union s x;", FERRY_INVALID, 1, 28, "'s' was declared as struct before, not as union"},
    {"struct s { int a; }; struct s { int b; };", FERRY_INVALID, 1, 29,
     "struct 's' was defined with other members before"},
    {"struct s { struct s { int a; } b; };", FERRY_INVALID, 1, 19, "'s' is defined inside of itself"},
    {"enum e : int; enum e : char { A };", FERRY_INVALID, 1, 20,
     "enum 'e' was declared with another underlying type before"},
    {"enum e : float { A };", FERRY_INVALID, 1, 10, "the underlying type of an enum must be an integer type"},
    {"int x __attribute__((aligned(3)));", FERRY_INVALID, 1, 22,
     "the argument of 'aligned' must be a power of two up to 268435456"},
    {"int x __attribute__((aligned(0)));", FERRY_INVALID, 1, 22, "the argument of 'aligned' must be a power of two"},
    {"int x __attribute__((vector_size(12)));", FERRY_INVALID, 1, 22,
     "the argument of 'vector_size' must be a power of two"},
    {"int x __attribute__((vector_size(128)));", FERRY_INVALID, 1, 22, "vector_size 128 is not 4, 8, 16, 32 or 64"},
    {"void f(void) __attribute__((vector_size(16)));", FERRY_INVALID, 1, 29,
     "a vector's element must be an integer or floating type"},
    {"_Alignas(3) int x;", FERRY_INVALID, 1, 10, "the argument of _Alignas must be 0 or a power of two"},
    {"_Static_assert(0, \"no\");", FERRY_INVALID, 1, 1, "this static assertion is false: \"no\""},
    {"int a[99999999999999999999];", FERRY_TOO_LARGE, 1, 7, "'99999999999999999999' does not fit 64 bits"},
    {"int a[18446744073709551615u];", FERRY_TOO_LARGE, 1, 7,
     "an array of 18446744073709551615 elements is beyond every target"},
    {"enum { A = 18446744073709551615u, B };", FERRY_TOO_LARGE, 1, 35, "the value of 'B' does not fit 64 bits"},
    {"enum { A = 18446744073709551615u, B = -1 };", FERRY_TOO_LARGE, 1, 1,
     "no integer type holds all values of this enum"},
    {"enum : uint8_t { A = 256 };", FERRY_TOO_LARGE, 1, 18,
     "the value of 'A' does not fit the underlying type 'uint8_t'"},
    {"enum : unsigned { A = -1 };", FERRY_TOO_LARGE, 1, 19,
     "the value of 'A' does not fit the underlying type 'unsigned int'"},
    {"enum : char { A = 200 };", FERRY_TOO_LARGE, 1, 15, "the value of 'A' does not fit the underlying type 'char'"},
    {"int a['\\777'];", FERRY_TOO_LARGE, 1, 7, "'\\777' does not fit its character type"},
    {"_Atomic int x;", FERRY_UNSUPPORTED, 1, 1, "'_Atomic' is not supported: an atomic type may be larger"},
    {"int *_Atomic x;", FERRY_UNSUPPORTED, 1, 6, "'_Atomic' is not supported"},
    {"_Atomic(int) x;", FERRY_UNSUPPORTED, 1, 1, "'_Atomic' is not supported"},
    {"_BitInt(3) x;", FERRY_UNSUPPORTED, 1, 1, "'_BitInt' is not supported"},
    {"_Decimal64 x;", FERRY_UNSUPPORTED, 1, 1, "'_Decimal64' is not supported"},
    {"typeof(3) x;", FERRY_UNSUPPORTED, 1, 1, "'typeof' is not supported"},
    {"int __stdcall f(void);", FERRY_UNSUPPORTED, 1, 5, "'__stdcall' is not supported"},
    {"int (__cdecl *f)(void);", FERRY_UNSUPPORTED, 1, 6, "'__cdecl' is not supported"},
    {"_Complex int x;", FERRY_UNSUPPORTED, 1, 10, "only float, double, long double and __float128 can be complex here"},
    {"_Float16 _Complex x;", FERRY_UNSUPPORTED, 1, 10,
     "only float, double, long double and __float128 can be complex here"},
    {"va_list x;", FERRY_UNSUPPORTED, 1, 1, "'va_list' is not supported: it is another type on every target"},
    {"int a[sizeof(int)];", FERRY_UNSUPPORTED, 1, 7, "'sizeof' is not supported"},
    {"int a[_Alignof(int)];", FERRY_UNSUPPORTED, 1, 7, "'_Alignof' is not supported"},
    {"int a[offsetof(int, x)];", FERRY_UNSUPPORTED, 1, 7, "'offsetof' is not supported"},
    {"int a['\\xff'];", FERRY_UNSUPPORTED, 1, 7, "differs between targets"},
    {"int a[(char)200];", FERRY_UNSUPPORTED, 1, 7, "the result of this cast differs between targets"},
    {"int a[(size_t)-1];", FERRY_UNSUPPORTED, 1, 7, "the result of this cast differs between targets"},
    {"int a[(long)0x100000000];", FERRY_UNSUPPORTED, 1, 7, "the result of this cast differs between targets"},
    {"int f(int n, int a[][n]);", FERRY_UNSUPPORTED, 1, 21,
     "an array of variable length is only supported as the outermost part of a parameter"},
    {"int f(int x __attribute__((aligned(16))));", FERRY_UNSUPPORTED, 1, 28,
     "the attribute 'aligned' is not supported on a parameter"},
    {"int (__attribute__((aligned(8))) *x);", FERRY_UNSUPPORTED, 1, 21,
     "the attribute 'aligned' is not supported in this position"},
    {"struct { int a; __attribute__((packed)) struct { int b; }; } x;", FERRY_UNSUPPORTED, 1, 32,
     "gcc ignores attributes in front of an anonymous struct or union, clang does not"},
    {"int x __attribute__((aligned));", FERRY_UNSUPPORTED, 1, 22, "'aligned' without a number is not supported"},
    {"struct { _Alignas(double) int a; } x;", FERRY_UNSUPPORTED, 1, 19, "_Alignas of a type is not supported here"},
    {"int __attribute__((ms_abi)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'ms_abi' is not supported: "},
    {"int __attribute__((sysv_abi)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'sysv_abi' is not supported: "},
    {"int __attribute__((stdcall)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'stdcall' is not supported: "},
    {"int __attribute__((fastcall)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'fastcall' is not supported: "},
    {"int __attribute__((regparm(3))) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'regparm' is not supported: "},
    {"int __attribute__((transparent_union)) x;", FERRY_UNSUPPORTED, 1, 20,
     "the attribute 'transparent_union' is not supported: "},
    {"int __attribute__((mode(DI))) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'mode' is not supported: "},
    {"int __attribute__((scalar_storage_order(\"big-endian\"))) x;", FERRY_UNSUPPORTED, 1, 20,
     "the attribute 'scalar_storage_order' is not supported: "},
    {"int __attribute__((ms_struct)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'ms_struct' is not supported: "},
    {"int __attribute__((gcc_struct)) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'gcc_struct' is not supported: "},
    {"int __attribute__((target(\"avx\"))) x;", FERRY_UNSUPPORTED, 1, 20, "the attribute 'target' is not supported: "},
    {"int __attribute__((ext_vector_type(4))) x;", FERRY_UNSUPPORTED, 1, 20,
     "the attribute 'ext_vector_type' is not supported: "},
    {"int __attribute__((__ms_abi__)) f(void);", FERRY_UNSUPPORTED, 1, 20,
     "the attribute '__ms_abi__' is not supported: it chooses another calling convention"},
    {"int __attribute__((blub)) f(void);", FERRY_UNSUPPORTED, 1, 20,
     "the attribute 'blub' is not known: it may change how values travel"},
    {"[[blub]] int f(void);", FERRY_UNSUPPORTED, 1, 3, "the attribute 'blub' is not known"},
    {"[[packed]] int f(void);", FERRY_UNSUPPORTED, 1, 3, "the attribute 'packed' is not known"},
    {"[[foo::bar]] int f(void);", FERRY_UNSUPPORTED, 1, 3, "the attributes of 'foo' are not known"},
    {"[[gnu::ms_abi]] int f(void);", FERRY_UNSUPPORTED, 1, 8, "the attribute 'ms_abi' is not supported"},
};

static ferry_code parse(const char *text) {
    error = (ferry_error){0};
    return scope_parse(scope, text, strlen(text), &error);
}

Test(parse_error, each_error_has_its_code_place_and_words) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(parse(rows[i].text), rows[i].code, "%s: %s", rows[i].text, error.message);
        cr_expect_eq(error.code, rows[i].code);
        cr_expect_eq(error.line, rows[i].line, "%s: line %u", rows[i].text, error.line);
        cr_expect_eq(error.column, rows[i].column, "%s: column %u: %s", rows[i].text, error.column, error.message);
        cr_expect_not_null(strstr(error.message, rows[i].message), "%s: %s", rows[i].text, error.message);
        cr_expect_eq(scope_count(scope), 0);
    }
}

static void expect_excerpt(const char *text, const char *excerpt) {
    cr_expect_neq(parse(text), FERRY_OK);
    cr_expect_str_eq(error.excerpt, excerpt);
}

Test(parse_error, the_excerpt_is_the_line_with_a_caret_below_the_place) {
    expect_excerpt("foo x;", "foo x;\n^");
    expect_excerpt("int a;\nint f(foo);\nint b;", "int f(foo);\n      ^");
    expect_excerpt("int a;\r\nint f(foo);\r\n", "int f(foo);\n      ^");
}

Test(parse_error, tabs_stay_tabs_so_that_the_caret_is_below_its_place) {
    expect_excerpt("\tint\tf(foo);", "\tint\tf(foo);\n\t   \t  ^");
}

Test(parse_error, the_caret_counts_characters_and_the_column_bytes) {
    expect_excerpt("/* \xc3\xa9\xe2\x82\xac */ foo x;", "/* \xc3\xa9\xe2\x82\xac */ foo x;\n         ^");
    cr_expect_eq(error.column, 13);
}

Test(parse_error, bytes_that_are_no_text_are_question_marks_in_the_excerpt) {
    expect_excerpt("/* \xff \x01 \xc3 */ foo x;", "/* ? ? ? */ foo x;\n            ^");
}

Test(parse_error, at_the_end_of_the_text_the_caret_is_behind_the_last_word) {
    expect_excerpt("int f(int  \n\n  /* c */ \n", "int f(int  \n         ^");
    cr_expect_eq(error.line, 1);
    cr_expect_eq(error.column, 10);
}

Test(parse_error, of_a_long_line_the_surroundings_are_shown) {
    char text[2048];
    memset(text, ' ', sizeof text);
    memcpy(text, "int x;", 6);
    memcpy(text + 1000, "foo bar;", 8);
    memcpy(text + sizeof text - 8, "int y;", 7);
    cr_expect_eq(parse(text), FERRY_UNKNOWN_NAME);
    cr_expect_eq(error.column, 1001);
    char *caret_line = strchr(error.excerpt, '\n');
    cr_assert_not_null(caret_line);
    size_t caret = strlen(caret_line + 1) - 1;
    cr_expect_eq(strncmp(error.excerpt + caret, "foo bar;", 8), 0);
    cr_expect_eq(strncmp(error.excerpt, "...", 3), 0);
    cr_expect_eq(strncmp(caret_line - 3, "...", 3), 0);
}

Test(parse_error, a_zero_byte_is_no_text) {
    cr_expect_eq(scope_parse(scope, "int x;\0int y;", 13, &error), FERRY_SYNTAX);
    cr_expect_eq(error.column, 7);
    cr_expect_str_eq(error.message, "found the byte 0x00, which is no text");
}

Test(parse_error, a_type_ends_with_its_text) {
    const Type *type;
    cr_expect_eq(parse_type(&types, NULL, scope, "int x", &type, &error), FERRY_SYNTAX);
    cr_expect_str_eq(error.message, "expected the end of the type, found 'x'");
    cr_expect_eq(parse_type(&types, NULL, scope, "", &type, &error), FERRY_SYNTAX);
    cr_expect_str_eq(error.message, "expected a type, found the end of the text");
    cr_expect_eq(parse_type(&types, NULL, scope, "int;", &type, &error), FERRY_SYNTAX);
    cr_expect_eq(error.column, 4);
}

Test(parse_error, a_signature_needs_a_function) {
    const Signature *signature;
    cr_expect_eq(parse_signature(&types, NULL, "int x; typedef int f(int);", &signature, NULL, &error), FERRY_SYNTAX);
    cr_expect_str_eq(error.message, "expected the declaration of a function, found none in the text");
    cr_expect_eq(parse_signature(&types, NULL, "double (*)(double)", &signature, NULL, &error), FERRY_SYNTAX);
    cr_expect_str_eq(error.message, "expected a name or a function type, found the type 'double (*)(double)'");
    cr_expect_eq(parse_signature(&types, NULL, "", &signature, NULL, &error), FERRY_SYNTAX);
}

Test(parse_error, long_words_are_cut_in_messages) {
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_expect_eq(parse(text), FERRY_UNKNOWN_NAME);
    cr_expect_str_eq(error.message, "unknown type 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'");
}
