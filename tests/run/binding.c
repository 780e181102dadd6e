/* binding.c: many arguments, variadic calls, errno, and what is above the bits of narrow values; both conventions,
 * shared code, bound code and the slow path. */
#include <errno.h>
#include <stdarg.h>

#include "ways.h"

struct longs {
    long a, b, c;
};
struct long_double_ {
    long a;
    double b;
};
struct bytes3 {
    char c[3];
};
struct bytes7 {
    char c[7];
};
struct __attribute__((packed)) packed5 {
    char a;
    int b;
};
struct bytes12 {
    int a, b, c;
};
struct large {
    char c[100];
};

/* ---- many arguments ---- */

static long weigh(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}

static double weigh_doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i,
                            double j) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}

static double mixed(int a, double b, long c, float d, short e, double f, char g, const char *h) {
    return a + b * 2 + (double)c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h[0] * 8;
}

/* The narrow ones beyond the sixth lie on the stack. */
static long narrow_on_the_stack(long a, long b, long c, long d, long e, long f, signed char g, unsigned short h, int i,
                                _Bool j, float k) {
    return a + b + c + d + e + f + 1000 * g + 3 * h + 5 * (long)i + 7 * j + (long)k;
}

/* The struct finds one general register left and goes to the stack; the long behind it uses that register. */
struct two {
    long p, q;
};

static long given_back(long a, long b, long c, long d, long e, struct longs f, struct two g, long h,
                       struct long_double_ i) {
    return a + b + c + d + e + f.a + f.b * 2 + f.c * 3 + g.p * 11 + g.q * 13 + h * 17 + i.a * 5 + (long)i.b * 7;
}

/* A pair of general and vector register where other vector registers are in use already. */
static double pair_after_vectors(double x, double y, long a, long b, long c, long d, long e, struct long_double_ p) {
    return x + 2 * y + (double)(a + b + c + d + e) + 3 * (double)p.a + 5 * p.b;
}

static long wide_integer_stacked(long a, long b, long c, long d, long e, __int128 f, long g, __int128 h) {
    return a + b + c + d + e + (long)(f >> 64) + (long)f + g * 3 + (long)(h >> 64) * 5 + (long)h * 7;
}

static int many_bytes(struct bytes3 a, struct bytes7 b, struct packed5 c, struct bytes12 d, struct large e) {
    return a.c[0] + a.c[2] * 2 + b.c[6] * 3 + c.a * 4 + c.b * 5 + d.a + d.c * 6 + e.c[0] + e.c[99] * 7;
}

static struct longs hidden_and_stack(struct large a, long b, long double c) {
    return (struct longs){a.c[1], b, (long)c};
}

static void nothing(void) {}

static const long n[] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12};
static const double x[] = {1.5, -2.5, 3.5, -4.5, 5.5, -6.5, 7.5, -8.5, 9.5, -10.5};
static const int i_value = -7;
static const float f_value = 2.5f;
static const short s_value = -300;
static const char c_value = -9;
static const char *const string = "hello";
static const signed char sc_value = -100;
static const unsigned short us_value = 65000;
static const _Bool b_value = 1;
static const struct longs longs_value = {100, -200, 300};
static const struct long_double_ pair_value = {-11, 13.0};
static const struct two two_value = {17, -19};
static const __int128 wide_value = 77 - ((__int128)5 << 64);
static const struct bytes3 bytes3_value = {{1, 2, -3}};
static const struct bytes7 bytes7_value = {{1, 2, 3, 4, 5, 6, -7}};
static const struct packed5 packed5_value = {-8, 123456};
static const struct bytes12 bytes12_value = {9, 10, -11};
static const struct large large_value = {{[0] = 5, [1] = 6, [99] = 7}};
static const long double ld_value = -44.0L;

#define PAIR "struct pair { long a; double b; }; "
#define STRUCTS                                                                                                        \
    "struct b3 { char c[3]; }; struct b7 { char c[7]; }; struct __attribute__((packed)) p5 { char a; int b; };"        \
    "struct b12 { int a, b, c; }; struct large { char c[100]; };"

Test(binding, many_arguments_arrive_where_they_belong) {
    const Case cases[] = {
        {"void f(void)", FUNCTION(nothing), true, {0}, NULL, 0, 1, 0},
        {"long f(long, long, long, long, long, long, long, long, long, long, long, long)",
         FUNCTION(weigh),
         true,
         {n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11},
         RESULT(long, weigh(1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12))},
        {"double f(double, double, double, double, double, double, double, double, double, double)",
         FUNCTION(weigh_doubles),
         true,
         {x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7, x + 8, x + 9},
         RESULT(double, weigh_doubles(1.5, -2.5, 3.5, -4.5, 5.5, -6.5, 7.5, -8.5, 9.5, -10.5))},
        {"double f(int, double, long, float, short, double, char, const char *)",
         FUNCTION(mixed),
         true,
         {&i_value, x, n + 3, &f_value, &s_value, x + 1, &c_value, &string},
         RESULT(double, mixed(i_value, x[0], n[3], f_value, s_value, x[1], c_value, string))},
        {"long f(long, long, long, long, long, long, signed char, unsigned short, int, _Bool, float)",
         FUNCTION(narrow_on_the_stack),
         true,
         {n, n, n, n, n, n, &sc_value, &us_value, &i_value, &b_value, &f_value},
         RESULT(long, narrow_on_the_stack(1, 1, 1, 1, 1, 1, sc_value, us_value, i_value, b_value, f_value))},
        {PAIR "struct three { long a, b, c; }; struct two { long p, q; };"
              "long f(long, long, long, long, long, struct three, struct two, long, struct pair)",
         FUNCTION(given_back),
         true,
         {n, n, n, n, n, &longs_value, &two_value, n + 5, &pair_value},
         RESULT(long, 5 + 100 - 2 * 200 + 3 * 300 - 11 * 5 + 13 * 7 + 17 * 11 - 19 * 13 - 6 * 17)},
        {PAIR "double f(double, double, long, long, long, long, long, struct pair)",
         FUNCTION(pair_after_vectors),
         true,
         {x, x + 1, n, n, n, n, n, &pair_value},
         RESULT(double, pair_after_vectors(x[0], x[1], 1, 1, 1, 1, 1, pair_value))},
        {"long f(long, long, long, long, long, __int128, long, __int128)",
         FUNCTION(wide_integer_stacked),
         true,
         {n, n, n, n, n, &wide_value, n + 1, &wide_value},
         RESULT(long, wide_integer_stacked(1, 1, 1, 1, 1, wide_value, -2, wide_value))},
        {STRUCTS "int f(struct b3, struct b7, struct p5, struct b12, struct large)",
         FUNCTION(many_bytes),
         true,
         {&bytes3_value, &bytes7_value, &packed5_value, &bytes12_value, &large_value},
         RESULT(int, many_bytes(bytes3_value, bytes7_value, packed5_value, bytes12_value, large_value))},
        {STRUCTS "struct three { long a, b, c; } f(struct large, long, long double)",
         FUNCTION(hidden_and_stack),
         true,
         {&large_value, n + 1, &ld_value},
         &(const struct longs){6, -2, -44},
         sizeof(struct longs),
         1,
         sizeof(struct longs)},
    };
    call_all(cases, sizeof cases / sizeof cases[0]);
}

/* ---- variadic ---- */

static double sum(int count, ...) {
    va_list list;
    va_start(list, count);
    double total = 0;
    for (int i = 0; i < count; i++) total += i % 2 == 0 ? va_arg(list, int) : va_arg(list, double);
    va_end(list);
    return total;
}

Test(binding, variadic_arguments_arrive) {
    static const int count = 4, one = -1, three = 3;
    const Case cases[] = {
        {"double f(int, ..., int, double, int, double)",
         FUNCTION(sum),
         true,
         {&count, &one, x, &three, x + 1},
         RESULT(double, -1 + 1.5 + 3 - 2.5)},
    };
    call_all(cases, sizeof cases / sizeof cases[0]);
}

Test(binding, snprintf_prints_what_it_is_given) {
    for (size_t w = 0; w < WAYS; w++) {
        ferry_engine *engine = new_engine(ways[w].policy);
        ferry_binding *binding =
            bind(engine, "int f(char *, size_t, const char *, ..., int, double, const char *, long double)",
                 FUNCTION(snprintf), &ways[w].options);
        char text[64] = "";
        const char *target = text, *format = "%d %.2f %s %.1Lf";
        const size_t size = sizeof text;
        const void *values[] = {&target, &size, &format, &i_value, x, &string, &ld_value};
        uint64_t slots[MOST_SLOTS] __attribute__((aligned(16)));
        fill_slots(engine, ferry_binding_signature(binding), values, slots);
        int64_t length = 0;
        ferry_call(binding, ways[w].options.convention == FERRY_SLOTS ? (const void *)slots : values, &length);
        cr_expect_str_eq(text, "-7 1.50 hello -44.0", "%s", ways[w].name);
        cr_expect_eq(length, (int64_t)strlen(text), "%s", ways[w].name);
        ferry_binding_free(binding);
        free_engine(engine);
    }
}

/* ---- errno ---- */

static int failing(int code) {
    errno = code;
    return -1;
}

Test(binding, errno_is_captured_right_after_the_call) {
    for (size_t w = 0; w < WAYS; w++) {
        ferry_engine *engine = new_engine(ways[w].policy);
        ferry_binding_options options = ways[w].options;
        options.capture_errno = true;
        ferry_binding *binding = bind(engine, "int f(int)", FUNCTION(failing), &options);
        int captured = 0, code = 42;
        int *place = &captured;
        int64_t slots[2] = {42, (int64_t)(intptr_t)place}, result = 0;
        const void *pointers[2] = {&code, place};
        errno = 7;
        ferry_call(binding, options.convention == FERRY_SLOTS ? (const void *)slots : pointers, &result);
        cr_expect_eq(captured, 42, "%s", ways[w].name);
        cr_expect_eq(result, -1, "%s", ways[w].name);
        ferry_binding_free(binding);
        free_engine(engine);
    }
}

/* ---- what is above and behind a value ---- */

/* Result registers full of garbage above the result's own width. */
#define GARBAGE(name, low)                                                                                             \
    __attribute__((naked)) static void name(void) {                                                                    \
        __asm__("movabsq $0xdeadbeefdead" low ", %rax\n\tret");                                                        \
    }
GARBAGE(garbage_8, "be80")
GARBAGE(garbage_16, "8001")
GARBAGE(garbage_0, "be00")

__attribute__((naked)) static void garbage_32(void) {
    __asm__("movabsq $0xdeadbeef80000001, %rax\n\tret");
}

Test(binding, narrow_results_are_extended_and_free_of_garbage) {
    const Case cases[] = {
        {"signed char f(void)", garbage_8, true, {0}, RESULT(int64_t, -128)},
        {"unsigned char f(void)", garbage_8, true, {0}, RESULT(int64_t, 128)},
        {"_Bool f(void)", garbage_0, true, {0}, RESULT(int64_t, 0)},
        {"short f(void)", garbage_16, true, {0}, RESULT(int64_t, -32767)},
        {"uint16_t f(void)", garbage_16, true, {0}, RESULT(int64_t, 32769)},
        {"int f(void)", garbage_32, true, {0}, RESULT(int64_t, -2147483647)},
        {"unsigned f(void)", garbage_32, true, {0}, RESULT(int64_t, 2147483649)},
        {"enum e : short { A } f(void)", garbage_16, true, {0}, RESULT(int64_t, -32767)},
    };
    call_all(cases, sizeof cases / sizeof cases[0]);
}

/* What a callee compiled by clang relies on: the caller has extended its narrow arguments to 32 bits. */
static int register_as_int(int value) {
    return value;
}
static int stack_as_int(long a, long b, long c, long d, long e, long f, int value) {
    return value + (int)(a + b + c + d + e + f);
}

Test(binding, narrow_arguments_are_extended_by_the_caller) {
    const Case cases[] = {
        {"int f(signed char)", FUNCTION(register_as_int), true, {&sc_value}, RESULT(int, -100)},
        {"int f(unsigned short)", FUNCTION(register_as_int), true, {&us_value}, RESULT(int, 65000)},
        {"int f(short)", FUNCTION(register_as_int), true, {&s_value}, RESULT(int, -300)},
        {"int f(long, long, long, long, long, long, signed char)",
         FUNCTION(stack_as_int),
         true,
         {n, n, n, n, n, n, &sc_value},
         RESULT(int, -94)},
        {"int f(long, long, long, long, long, long, unsigned short)",
         FUNCTION(stack_as_int),
         true,
         {n, n, n, n, n, n, &us_value},
         RESULT(int, 65006)},
    };
    call_all(cases, sizeof cases / sizeof cases[0]);
}
