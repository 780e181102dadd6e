/* binding_types.c: every kind of value in and out, both conventions, shared code, bound code and the slow path. A case
 * is a function that returns its argument. */
#include <complex.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ways.h"

typedef _Complex float __attribute__((mode(TC))) complex_float128;
typedef const char *text_pointer;
typedef int v4 __attribute__((vector_size(4)));
typedef float v8 __attribute__((vector_size(8)));
typedef int v16 __attribute__((vector_size(16)));

struct doubles {
    double x, y;
};
struct longs {
    long a, b, c;
};
struct floats {
    float a, b, c;
};
struct bytes3 {
    char c[3];
};
struct bytes7 {
    char c[7];
};
struct bytes12 {
    int a, b, c;
};
struct int_float {
    int i;
    float f;
};
struct long_double_ {
    long a;
    double b;
};
struct double_long {
    double a;
    long b;
};
struct __attribute__((packed)) packed5 {
    char a;
    int b;
};
struct x87 {
    long double d;
};
union number {
    float f;
    int i;
};
struct __attribute__((aligned(16))) wide {
    long a, b;
};
struct __attribute__((aligned(16))) wide3 {
    long a[4];
};
struct nested {
    struct {
        short s;
        char c[2];
    } in[2];
    double d;
};
struct fields {
    unsigned a : 3;
    int b : 13;
    long c : 40;
};
struct large {
    char c[100];
};
struct half {
    _Float16 h;
};
struct quad {
    __float128 q;
};
enum colour { RED = -3, GREEN = 7 };

/* One per type: its declaration for ferry, and a value. Where slow is false libffi cannot pass it exactly. */
#define TYPES(X)                                                                                                       \
    X(t_bool, "_Bool", _Bool, true, 1)                                                                                 \
    X(t_char, "char", char, true, -100)                                                                                \
    X(t_schar, "signed char", signed char, true, -100)                                                                 \
    X(t_uchar, "unsigned char", unsigned char, true, 200)                                                              \
    X(t_short, "short", short, true, -30000)                                                                           \
    X(t_ushort, "unsigned short", unsigned short, true, 60000)                                                         \
    X(t_int, "int", int, true, -2000000000)                                                                            \
    X(t_uint, "unsigned", unsigned, true, 4000000000u)                                                                 \
    X(t_long, "long", long, true, INT64_C(-0x123456789abcdef0))                                                        \
    X(t_ulong, "unsigned long", unsigned long, true, 0xfedcba9876543210)                                               \
    X(t_llong, "long long", long long, true, INT64_MIN)                                                                \
    X(t_int128, "__int128", __int128, true, -((__int128)1 << 100) + 7)                                                 \
    X(t_uint128, "unsigned __int128", unsigned __int128, true, ((unsigned __int128)0xfeed << 112) + 9)                 \
    X(t_wchar, "wchar_t", __WCHAR_TYPE__, true, -5)                                                                    \
    X(t_pointer, "const char *", text_pointer, true, "hello")                                                          \
    X(t_enum, "enum e { RED = -3, GREEN = 7 } f(enum e)", enum colour, true, RED)                                      \
    X(t_half, "_Float16", _Float16, true, (_Float16)1.5)                                                               \
    X(t_float, "float", float, true, -1.25f)                                                                           \
    X(t_double, "double", double, true, 3.14159)                                                                       \
    X(t_float128, "__float128", __float128, false, (__float128)1 / 3)                                                  \
    X(t_cfloat, "float _Complex", _Complex float, true, 1.5f - 2.5f * I)                                               \
    X(t_cdouble, "double _Complex", _Complex double, true, 1.5 - 2.5 * I)                                              \
    X(t_v4, "typedef int v __attribute__((vector_size(4))); v f(v)", v4, true, {-77})                                  \
    X(t_v8, "typedef float v __attribute__((vector_size(8))); v f(v)", v8, true, {1.5f, -2.5f})                        \
    X(t_v16, "typedef int v __attribute__((vector_size(16))); v f(v)", v16, false, {1, -2, 3, -4})                     \
    X(t_doubles, "struct s { double x, y; } f(struct s)", struct doubles, true, {1.5, 2.5})                            \
    X(t_longs, "struct s { long a, b, c; } f(struct s)", struct longs, true, {1, -2, 3})                               \
    X(t_floats, "struct s { float a, b, c; } f(struct s)", struct floats, true, {1, -2, 3})                            \
    X(t_bytes3, "struct s { char c[3]; } f(struct s)", struct bytes3, true, {{1, -2, 3}})                              \
    X(t_bytes7, "struct s { char c[7]; } f(struct s)", struct bytes7, true, {{1, -2, 3, 4, 5, 6, -7}})                 \
    X(t_bytes12, "struct s { int a, b, c; } f(struct s)", struct bytes12, true, {1, -2, 3})                            \
    X(t_int_float, "struct s { int i; float f; } f(struct s)", struct int_float, true, {-1, 2.5f})                     \
    X(t_long_double_, "struct s { long a; double b; } f(struct s)", struct long_double_, true, {-1, 2.5})              \
    X(t_double_long, "struct s { double a; long b; } f(struct s)", struct double_long, true, {-1.5, 2})                \
    X(t_packed5, "struct __attribute__((packed)) s { char a; int b; } f(struct s)", struct packed5, true, {1, -2})     \
    X(t_union, "union u { float f; int i; } f(union u)", union number, true, {.i = -77})                               \
    X(t_wide, "struct __attribute__((aligned(16))) s { long a, b; } f(struct s)", struct wide, true, {-1, 2})          \
    X(t_wide3, "struct __attribute__((aligned(16))) s { long a[4]; } f(struct s)", struct wide3, true,                 \
      {{1, -2, 3, -4}})                                                                                                \
    X(t_nested, "struct s { struct { short s; char c[2]; } in[2]; double d; } f(struct s)", struct nested, true,       \
      {{{-1, {2, 3}}, {4, {-5, 6}}}, 7.5})                                                                             \
    X(t_fields, "struct s { unsigned a : 3; int b : 13; long c : 40; } f(struct s)", struct fields, true,              \
      {5, -1000, -123456789012})                                                                                       \
    X(t_large, "struct s { char c[100]; } f(struct s)", struct large, true, {"a long text in a struct"})               \
    X(t_half_struct, "struct s { _Float16 h; } f(struct s)", struct half, true, {(_Float16)-2.5})                      \
    X(t_quad_struct, "struct s { __float128 q; } f(struct s)", struct quad, false, {(__float128)2 / 7})

#define IDENTITY(name, text, type, slow, ...)                                                                          \
    static type name(type value) {                                                                                     \
        return value;                                                                                                  \
    }                                                                                                                  \
    static const type name##_value = __VA_ARGS__;
TYPES(IDENTITY)

/* x87 registers carry 10 of the 16 bytes; the others are compared by nobody. */
static long double f_long_double(long double value) {
    return value;
}
static const long double long_double_value = 1.0L / 3;
static _Complex long double f_clong_double(_Complex long double value) {
    return value;
}
static const _Complex long double clong_double_value = 1.0L / 3 - 2.0L * I;
static struct x87 f_x87(struct x87 value) {
    return value;
}
static const struct x87 x87_value = {-2.0L / 3};
static complex_float128 f_cfloat128(complex_float128 value) {
    return value;
}
static const complex_float128 cfloat128_value = 1.5;

#define IDENTITY_CASE(name, text, type, slow, ...)                                                                     \
    {text, FUNCTION(name), slow, {&name##_value}, &name##_value, sizeof(type), 1, sizeof(type)},
static const Case identities[] = {
    TYPES(IDENTITY_CASE) /* and those whose result is not all of its bytes */
    {"long double", FUNCTION(f_long_double), true, {&long_double_value}, &long_double_value, 16, 1, 10},
    {"long double _Complex", FUNCTION(f_clong_double), true, {&clong_double_value}, &clong_double_value, 32, 2, 10},
    {"struct s { long double d; } f(struct s)", FUNCTION(f_x87), true, {&x87_value}, &x87_value, 16, 1, 10},
    {"_Complex __float128", FUNCTION(f_cfloat128), true, {&cfloat128_value}, &cfloat128_value, 32, 1, 32},
};

Test(binding, every_type_goes_in_and_comes_back) {
    call_all(identities, sizeof identities / sizeof identities[0]);
}

/* The last bytes before a page that is not there. */
static unsigned char *page_end(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    cr_assert_eq(mprotect(pages + page, page, PROT_NONE), 0);
    return pages + page;
}

Test(binding, nothing_is_read_or_written_behind_a_value) {
    unsigned char *end = page_end();
    for (size_t w = 3; w < WAYS; w++) { /* the ways of pointers */
        ferry_engine *engine = new_engine(ways[w].policy);
        for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
            const Case *each = &identities[i];
            if (ways[w].path == FERRY_PATH_LIBFFI && !each->slow) continue;
            char buffer[256];
            ferry_binding *binding =
                bind(engine, whole(each->text, buffer, sizeof buffer), each->function, &ways[w].options);
            const void *values[] = {memcpy(end - each->size, each->values[0], each->size)};
            unsigned char result[256] __attribute__((aligned(16)));
            ferry_call(binding, values, result);
            /* The result: narrow integers need 8 bytes. */
            ferry_call(binding, each->values, end - (each->size < 8 ? 8 : each->size));
            ferry_binding_free(binding);
        }
        free_engine(engine);
    }
}

/* A callee may store with instructions that need the alignment of the result's type; slots give 8. */
uintptr_t hidden_result_address;
__attribute__((naked)) static void store_aligned(void) {
    __asm__("movaps %xmm0, (%rdi)\n\tmovaps %xmm0, 16(%rdi)\n\t"
            "movq %rdi, hidden_result_address(%rip)\n\tmovq %rdi, %rax\n\tret");
}

Test(binding, hidden_results_are_aligned_for_their_type) {
    for (size_t w = 0; w < 3; w++) { /* the ways of slots */
        ferry_engine *engine = new_engine(ways[w].policy);
        ferry_binding *binding = bind(engine, "struct __attribute__((aligned(16))) s { long a[4]; } f(void)",
                                      store_aligned, &ways[w].options);
        uint64_t slots[5] __attribute__((aligned(16)));
        ferry_call(binding, NULL, slots + 1);
        cr_expect_eq(hidden_result_address % 16, 0, "%s", ways[w].name);
        ferry_binding_free(binding);
        free_engine(engine);
    }
}
