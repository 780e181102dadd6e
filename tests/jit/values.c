/* Values of every class arrive and come back: registers, stack, x87, vectors, variadic, errno, bound. */
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#include "workshop.h"

typedef _Complex long double ComplexLongDouble;
typedef long Vector16 __attribute__((vector_size(16)));
typedef long Vector32 __attribute__((vector_size(32)));

/* Slots hold values as memory does; here each is copied to its slot and pointed to, so that one call of a test
 * serves both conventions. */
typedef struct Arguments {
    uint64_t slots[128];
    void *pointers[64];
    size_t slot_count;
    size_t count;
} Arguments;

static void add(Arguments *arguments, const void *value, size_t size) {
    void *place = memcpy(&arguments->slots[arguments->slot_count], value, size);
    arguments->pointers[arguments->count++] = place;
    arguments->slot_count += (size + 7) / 8;
}

#define ADD(arguments, type, value) add(arguments, &(type){value}, sizeof(type))

static const void *handed(const Arguments *arguments, ferry_convention convention) {
    return convention == FERRY_SLOTS ? (const void *)arguments->slots : (const void *)arguments->pointers;
}

/* Makes and calls f for each convention and quality; result is cleared before each call. */
#define EACH_CALL(workshop, declaration, function, arguments, result)                                                  \
    EACH_WAY(convention, quality)                                                                                      \
    for (bool once = each(workshop, declaration, convention, quality, FUNCTION(function), arguments, &(result),        \
                          sizeof(result));                                                                             \
         once; once = false)

static bool each(Workshop *workshop, const char *declaration, ferry_convention convention, ferry_quality quality,
                 void (*function)(void), const Arguments *arguments, void *result, size_t size) {
    Made made = workshop_make(workshop, declaration, convention, quality);
    memset(result, 0, size);
    call(&made, function, handed(arguments, convention), result);
    return true;
}

static Workshop workshop;

static void open_workshop(void) {
    workshop_open(&workshop, "x86_64-sysv");
}
static void close_workshop(void) {
    workshop_close(&workshop);
}

TestSuite(jit_values, .init = open_workshop, .fini = close_workshop);

static double mixed(int a, double b, long c, float d, short e, double f, char g, void *h) {
    return a + b + (double)c + d + e + f + g + (h == NULL ? 0.5 : 0);
}

Test(jit_values, integers_and_floats_in_registers) {
    Arguments arguments = {0};
    ADD(&arguments, int, -1);
    ADD(&arguments, double, 2);
    ADD(&arguments, long, 40);
    ADD(&arguments, float, 8);
    ADD(&arguments, short, -16);
    ADD(&arguments, double, 32);
    ADD(&arguments, char, 64);
    ADD(&arguments, void *, NULL);
    double result;
    EACH_CALL(&workshop, "double f(int, double, long, float, short, double, char, void *)", mixed, &arguments, result)
    cr_expect_eq(result, 129.5);
}

static long order(long a, long b, long c, long d, long e, long f, int g, long h, short i, long j, char k, float l,
                  long m, long n, unsigned short o, long p) {
    long values[] = {a, b, c, d, e, f, g, h, i, j, k, (long)l, m, n, o, p};
    for (long i = 0; i < 16; i++)
        if (values[i] != -i) return i;
    return 100;
}

/* l takes a vector register, so that the stack has a gap where the slots have none */
Test(jit_values, sixteen_of_all_widths_arrive_in_order) {
    Arguments arguments = {0};
    for (int i = 0; i < 6; i++) ADD(&arguments, long, -i);
    ADD(&arguments, int, -6);
    ADD(&arguments, long, -7);
    ADD(&arguments, short, -8);
    ADD(&arguments, long, -9);
    ADD(&arguments, signed char, -10);
    ADD(&arguments, float, -11);
    ADD(&arguments, long, -12);
    ADD(&arguments, long, -13);
    ADD(&arguments, unsigned short, 14);
    ADD(&arguments, long, -15);
    long result;
    EACH_CALL(&workshop,
              "long f(long, long, long, long, long, long, int, long, short, long, char, float, long, long, "
              "unsigned short, long)",
              order, &arguments, result)
    cr_expect_eq(result, 14, "the only one that is not its own negative: %ld", result);
}

static double ten(double a, double b, double c, double d, double e, double f, double g, double h, float i, double j) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}

Test(jit_values, floats_overflow_to_the_stack_while_general_registers_are_free) {
    Arguments arguments = {0};
    for (int i = 1; i <= 8; i++) ADD(&arguments, double, i);
    ADD(&arguments, float, 9);
    ADD(&arguments, double, 10);
    double result;
    EACH_CALL(&workshop, "double f(double, double, double, double, double, double, double, double, float, double)", ten,
              &arguments, result)
    cr_expect_eq(result, 385);
}

static __int128 stacked(long a, long b, long c, long d, long e, __int128 f, long g, long double h, long i) {
    return f * 2 + a + b + c + d + e + g * 1000 + (long)h * 10000 + i * 100000;
}

/* r9 is still there for g; f and h are aligned to 16 on the stack, i is not */
Test(jit_values, wide_scalars_on_the_stack_burn_no_register) {
    Arguments arguments = {0};
    for (int i = 0; i < 5; i++) ADD(&arguments, long, 1);
    ADD(&arguments, __int128, (__int128)1 << 70);
    ADD(&arguments, long, 7);
    ADD(&arguments, long double, 8);
    ADD(&arguments, long, 9);
    __int128 result;
    EACH_CALL(&workshop, "__int128 f(long, long, long, long, long, __int128, long, long double, long)", stacked,
              &arguments, result)
    cr_expect(result == ((__int128)1 << 71) + 5 + 7000 + 80000 + 900000);
}

static long double cube(long double x) {
    return x * x * x;
}
static ComplexLongDouble turn(ComplexLongDouble x) {
    ComplexLongDouble value = 0;
    __real__ value = -__imag__ x;
    __imag__ value = __real__ x;
    return value;
}

Test(jit_values, results_in_x87_registers) {
    Arguments arguments = {0}, complex = {0};
    ADD(&arguments, long double, 3);
    long double result;
    EACH_CALL(&workshop, "long double f(long double)", cube, &arguments, result) cr_expect_eq(result, 27);
    ComplexLongDouble value = 0, turned;
    __real__ value = 5;
    __imag__ value = 7;
    add(&complex, &value, sizeof value);
    EACH_CALL(&workshop, "_Complex long double f(_Complex long double)", turn, &complex, turned)
    cr_expect(__real__ turned == -7 && __imag__ turned == 5);
}

static __float128 quad(__float128 a, int b) {
    return a * b;
}
static _Float16 half(_Float16 a, float b) {
    return (_Float16)((float)a * b);
}
static _Complex float conjugate(_Complex float a) {
    __imag__ a = -__imag__ a;
    return a;
}
static _Complex double square(_Complex double a) {
    return a * a;
}

Test(jit_values, floats_of_every_format) {
    Arguments quads = {0}, halves = {0}, floats = {0}, doubles = {0};
    __float128 q;
    ADD(&quads, __float128, (__float128)1 / 3);
    ADD(&quads, int, 6);
    EACH_CALL(&workshop, "__float128 f(__float128, int)", quad, &quads, q) cr_expect(q == (__float128)1 / 3 * 6);
    _Float16 h;
    ADD(&halves, _Float16, (_Float16)1.5);
    ADD(&halves, float, 4);
    EACH_CALL(&workshop, "_Float16 f(_Float16, float)", half, &halves, h) cr_expect((float)h == 6);
    _Complex float c, c_in = 0;
    __real__ c_in = 1;
    __imag__ c_in = 2;
    add(&floats, &c_in, sizeof c_in);
    EACH_CALL(&workshop, "_Complex float f(_Complex float)", conjugate, &floats, c)
    cr_expect(__real__ c == 1 && __imag__ c == -2);
    _Complex double d, d_in = 0;
    __real__ d_in = 1;
    __imag__ d_in = 2;
    add(&doubles, &d_in, sizeof d_in);
    EACH_CALL(&workshop, "_Complex double f(_Complex double)", square, &doubles, d)
    cr_expect(__real__ d == -3 && __imag__ d == 4);
}

/* gcc 12 has no __bf16: its 16 bits travel in a vector register as those of _Float16 do. */
static _Float16 same(_Float16 a) {
    return a;
}

Test(jit_values, a_bfloat_keeps_all_its_bits) {
    Arguments arguments = {0};
    uint16_t bits = 0x7fa5, result; /* a signalling NaN: any conversion would change it */
    add(&arguments, &bits, sizeof bits);
    EACH_CALL(&workshop, "__bf16 f(__bf16)", same, &arguments, result) cr_expect_eq(result, bits);
}

struct int_double {
    int i;
    double d;
};
struct double_long {
    double d;
    long l;
};
struct pair {
    long x, y;
};
struct triple {
    long x[3];
};
struct floats {
    float f[3];
};

static struct double_long swap(struct int_double value) {
    return (struct double_long){value.d, value.i};
}
static struct triple rotate(struct triple v, long by) {
    return (struct triple){{v.x[1], v.x[2], v.x[0] + by}};
}
static struct floats scale(struct floats v, float by) {
    return (struct floats){{v.f[0] * by, v.f[1] * by, v.f[2] * by}};
}

Test(jit_values, structs_in_registers_and_in_memory) {
    Arguments one = {0}, two = {0}, three = {0};
    struct int_double in = {-3, 0.5};
    struct double_long out;
    add(&one, &in, sizeof in);
    EACH_CALL(&workshop, "struct { double d; long l; } f(struct { int i; double d; })", swap, &one, out)
    cr_expect(out.d == 0.5 && out.l == -3);
    struct triple triple = {{1, 2, 3}}, rotated;
    add(&two, &triple, sizeof triple);
    ADD(&two, long, 10);
    EACH_CALL(&workshop, "struct t { long x[3]; } f(struct t, long)", rotate, &two, rotated)
    cr_expect(rotated.x[0] == 2 && rotated.x[1] == 3 && rotated.x[2] == 11);
    struct floats floats = {{1, 2, 3}}, scaled;
    add(&three, &floats, sizeof floats);
    ADD(&three, float, 2);
    EACH_CALL(&workshop, "struct f { float x[3]; } f(struct f, float)", scale, &three, scaled)
    cr_expect(scaled.f[0] == 2 && scaled.f[1] == 4 && scaled.f[2] == 6);
}

static long given_back(long a, long b, long c, long d, long e, struct int_double pair, struct double_long mixed, long f,
                       struct pair whole) {
    return a + b + c + d + e + pair.i * 10 + (long)mixed.l * 100 + f * 1000 + whole.x * 10000 + whole.y * 100000;
}

/* whole needs two registers, none is left: it goes to the stack. pair takes the last. */
Test(jit_values, a_struct_that_finds_no_register_goes_to_the_stack_whole) {
    Arguments arguments = {0};
    for (int i = 0; i < 5; i++) ADD(&arguments, long, 1);
    struct int_double pair = {2, 0};
    struct double_long mixed_value = {0, 3};
    long whole[2] = {5, 6};
    add(&arguments, &pair, sizeof pair);
    add(&arguments, &mixed_value, sizeof mixed_value);
    ADD(&arguments, long, 4);
    add(&arguments, whole, sizeof whole);
    long result;
    EACH_CALL(&workshop,
              "long f(long, long, long, long, long, struct { int i; double d; }, struct { double d; long l; }, long, "
              "struct { long x, y; })",
              given_back, &arguments, result)
    cr_expect_eq(result, 654325, "%ld", result);
}

struct large {
    char c[5000];
};

static long weigh(struct large value) {
    long sum = 0;
    for (size_t i = 0; i < sizeof value.c; i++) sum += (long)(i % 11) * value.c[i];
    return sum;
}

Test(jit_values, a_struct_larger_than_a_page) {
    static struct large value;
    for (size_t i = 0; i < sizeof value.c; i++) value.c[i] = (char)(i * 31);
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop, "long f(struct { char c[5000]; })", convention, quality);
        const void *pointers[] = {&value};
        long result = 0;
        call(&made, FUNCTION(weigh), convention == FERRY_SLOTS ? (const void *)&value : pointers, &result);
        cr_expect_eq(result, weigh(value));
    }
}

/* What a variadic callee saves is decided by al: garbage there, and the doubles are lost. */
Test(jit_values, variadic_calls_pass_integers_floats_and_wide_values) {
    char text[100];
    Arguments arguments = {0};
    ADD(&arguments, char *, text);
    ADD(&arguments, size_t, sizeof text);
    ADD(&arguments, const char *, "%d %g %ld %Lg %s %g %d %d");
    ADD(&arguments, int, -1);
    ADD(&arguments, double, 0.5);
    ADD(&arguments, long, 3);
    ADD(&arguments, long double, 0.25L);
    ADD(&arguments, const char *, "five");
    ADD(&arguments, double, 6);
    ADD(&arguments, int, 7);
    ADD(&arguments, int, 8);
    long result;
    EACH_CALL(&workshop,
              "int f(char *, size_t, const char *, ..., int, double, long, long double, char *, double, int, int)",
              snprintf, &arguments, result) {
        cr_expect_str_eq(text, "-1 0.5 3 0.25 five 6 7 8");
        cr_expect_eq(result, 24);
    }
}

/* al is an upper bound of the vector registers in use. */
uint64_t al_of_call(void);
__asm__(".text\nal_of_call:\n\tendbr64\n\tmovzbl %al, %eax\n\tret\n");

Test(jit_values, a_variadic_call_counts_its_vector_registers_in_al) {
    Arguments arguments = {0};
    for (int i = 0; i < 10; i++) ADD(&arguments, double, i);
    uint64_t result;
    EACH_CALL(&workshop, "unsigned long f(double, ..., double, double)", al_of_call, &arguments, result)
    cr_expect(result >= 3 && result <= 8, "al is %lu", result);
    EACH_CALL(&workshop, "unsigned long f(void *, ..., int)", al_of_call, &arguments, result)
    cr_expect_eq(result, 0);
    EACH_CALL(&workshop,
              "unsigned long f(double, ..., double, double, double, double, double, double, double, double, double)",
              al_of_call, &arguments, result)
    cr_expect_eq(result, 8);
}

static Vector16 add_vectors(Vector16 a, Vector16 b) {
    return a + b;
}

Test(jit_values, vectors_of_16_bytes) {
    Arguments arguments = {0};
    Vector16 a = {1, 2}, b = {30, 40}, result;
    add(&arguments, &a, sizeof a);
    add(&arguments, &b, sizeof b);
    EACH_CALL(&workshop, "typedef long v __attribute__((vector_size(16))); v f(v, v);", add_vectors, &arguments, result)
    cr_expect(result[0] == 31 && result[1] == 42);
}

/* gcc passes what the function's own features say, clang what the file's do: there add_wide is no callee of this row.
 */
#ifndef __clang__
__attribute__((target("avx"))) static Vector32 add_wide(Vector32 a, int b, Vector32 c) {
    return a + b + c;
}

Test(jit_values, vectors_of_32_bytes_with_avx) {
#ifdef __clang__
    return; /* by its target attribute clang chooses instructions alone: the vectors travel as -mavx of the file says */
#endif
    if (!__builtin_cpu_supports("avx")) return;
    Workshop avx;
    workshop_open(&avx, "x86_64-sysv-avx");
    _Alignas(32) uint64_t slots[9] = {1, 2, 3, 4, 1000, 50, 60, 70, 80};
    _Alignas(32) uint64_t second[4] = {50, 60, 70, 80}, result[4];
    const void *pointers[] = {slots, &slots[4], second};
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&avx, "typedef long v __attribute__((vector_size(32))); v f(v, int, v);", convention,
                                  quality);
        memset(result, 0, sizeof result);
        call(&made, FUNCTION(add_wide), convention == FERRY_SLOTS ? (const void *)slots : pointers, result);
        for (size_t i = 0; i < 4; i++) cr_expect_eq(result[i], slots[i] + 1000 + second[i]);
    }
    workshop_close(&avx);
}
#endif

static int fails_with(int code) {
    errno = code;
    return -1;
}
static long double fails_long(long double value) {
    errno = ERANGE;
    return value;
}
static struct triple fails_hidden(void) {
    errno = EINTR;
    return (struct triple){{1, 2, 3}};
}

static Made make_capturing(const char *declaration, ferry_convention convention, ferry_quality quality) {
    const Shape *shape = workshop_shape(&workshop, declaration, convention, true);
    CompileRequest request = workshop_request(&workshop, &shape, quality);
    return workshop_make_request(&workshop, &request);
}

Test(jit_values, errno_is_captured_after_the_call) {
    EACH_WAY(convention, quality) {
        int captured = 0;
        uint64_t first = ENOENT;
        Made made = make_capturing("int f(int)", convention, quality);
        void *slots[] = {(void *)(uintptr_t)first, &captured}, *pointers[] = {&first, &captured};
        void **arguments = convention == FERRY_SLOTS ? slots : pointers;
        long result = 0;
        call(&made, FUNCTION(fails_with), arguments, &result);
        cr_expect_eq(captured, ENOENT);
        cr_expect_eq(result, -1);
        /* the result may be written over the arguments */
        captured = 0;
        call(&made, FUNCTION(fails_with), arguments, arguments);
        cr_expect_eq(captured, ENOENT);

        Made hidden = make_capturing("struct { long x[3]; } f(void)", convention, quality);
        void *only[] = {&captured};
        struct triple triple = {0};
        call(&hidden, FUNCTION(fails_hidden), only, &triple);
        cr_expect(captured == EINTR && triple.x[2] == 3);

        Made wide = make_capturing("long double f(long double)", convention, quality);
        _Alignas(16) struct {
            long double value;
            int *captured;
        } wide_slots = {1.5L, &captured};
        void *wide_pointers[] = {&wide_slots.value, &captured};
        long double returned = 0;
        call(&wide, FUNCTION(fails_long), convention == FERRY_SLOTS ? (void *)&wide_slots : (void *)wide_pointers,
             &returned);
        cr_expect(captured == ERANGE && returned == 1.5L);
    }
}

Test(jit_values, bound_code_needs_no_binding) {
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        const Shape *shape = workshop_shape(&workshop, "long double f(long double)", FERRY_SLOTS, false);
        CompileRequest request = workshop_request(&workshop, &shape, quality);
        request.bound = (const void *)(uintptr_t)cube;
        Made made = workshop_make_request(&workshop, &request);
        long double value = 2, result = 0;
        made.entry(NULL, &value, &result);
        cr_expect_eq(result, 8);
    }
}

__attribute__((noinline)) static int depth_of_stack(long a, long b, long c, long d, long e, long f, long g) {
    void *frames[64];
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g;
    return backtrace(frames, 64);
}

/* The unwinder goes through the trampoline: it finds one frame more than without. */
Test(jit_values, a_backtrace_goes_through_a_trampoline) {
    Arguments arguments = {0};
    for (int i = 0; i < 7; i++) ADD(&arguments, long, i);
    int direct = depth_of_stack(0, 0, 0, 0, 0, 0, 0);
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop, "int f(long, long, long, long, long, long, long)", convention, quality);
        Bound bound = {.entry = made.entry, .target = FUNCTION(depth_of_stack)};
        long through = 0;
        made.entry((const ferry_binding *)(const void *)&bound, handed(&arguments, convention), &through);
        cr_expect_eq(through, direct + 1, "%ld instead of %d", through, direct + 1);
    }
}
