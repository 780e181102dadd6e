/* C calls closures through pointers of their true type; handlers look at what arrives. */
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#include "workshop.h"

typedef _Complex long double ComplexLongDouble;
typedef long Vector16 __attribute__((vector_size(16)));
typedef long Vector32 __attribute__((vector_size(32)));
typedef long Vector64 __attribute__((vector_size(64)));

/* What a handler must find, as slots hold it, and what it answers. */
typedef struct Desk {
    ferry_convention convention;
    uint64_t slots[64];
    size_t offset[24]; /* in slots */
    size_t size[24];   /* of what is compared in slots: 8 of an integer */
    size_t exact[24];  /* of the type */
    size_t alignment[24];
    size_t slot_count;
    size_t count;
    const void *answer;
    size_t answer_size;
    size_t answer_alignment;
    size_t calls;
    size_t wrong; /* arguments */
} Desk;

enum { WHOLE, SIGNED, UNSIGNED };

#define WIDENING(type)                                                                                                 \
    _Generic((type *)NULL,                                                                                             \
        _Bool *: UNSIGNED,                                                                                             \
        char *: SIGNED,                                                                                                \
        signed char *: SIGNED,                                                                                         \
        unsigned char *: UNSIGNED,                                                                                     \
        short *: SIGNED,                                                                                               \
        unsigned short *: UNSIGNED,                                                                                    \
        int *: SIGNED,                                                                                                 \
        unsigned *: UNSIGNED,                                                                                          \
        default: WHOLE)

static void expect(Desk *desk, const void *value, size_t size, size_t alignment, int widening) {
    size_t i = desk->count++;
    uint64_t *slot = &desk->slots[desk->slot_count];
    memcpy(slot, value, size);
    unsigned shift = size < 8 ? 64 - 8 * (unsigned)size : 0;
    if (widening == SIGNED) *slot = (uint64_t)((int64_t)(*slot << shift) >> shift);
    desk->offset[i] = 8 * desk->slot_count;
    desk->size[i] = widening == WHOLE ? size : 8;
    desk->exact[i] = size;
    desk->alignment[i] = alignment;
    desk->slot_count += (size + 7) / 8;
}

#define EXPECT(desk, type, value) expect((desk), &(type){value}, sizeof(type), _Alignof(type), WIDENING(type))
#define ANSWER(desk, value)                                                                                            \
    ((desk)->answer = &(value), (desk)->answer_size = sizeof(value),                                                   \
     (desk)->answer_alignment = _Alignof(__typeof__(value)))

static void handler(void *context, void *arguments, void *result) {
    Desk *desk = context;
    desk->calls++;
    for (size_t i = 0; i < desk->count; i++) {
        bool in_slots = desk->convention == FERRY_SLOTS;
        const char *expected = (const char *)desk->slots + desk->offset[i];
        const char *found = in_slots ? (const char *)arguments + desk->offset[i] : ((const char **)arguments)[i];
        bool is_right = memcmp(found, expected, in_slots ? desk->size[i] : desk->exact[i]) == 0;
        bool is_aligned = in_slots || (uintptr_t)found % desk->alignment[i] == 0;
        desk->wrong += !is_right || !is_aligned;
    }
    if (desk->answer == NULL) {
        desk->wrong += result != NULL;
    } else {
        desk->wrong += (uintptr_t)result % desk->answer_alignment != 0;
        memcpy(result, desk->answer, desk->answer_size);
    }
}

static Workshop workshop;

static void open_workshop(void) {
    workshop_open(&workshop, "x86_64-sysv");
}
static void close_workshop(void) {
    workshop_close(&workshop);
}

TestSuite(jit_stub_values, .init = open_workshop, .fini = close_workshop);

/* A closure under test: `code` is called in the body once for each convention and quality. */
typedef struct Closure {
    void (*code)(void);
    TestCell cell;
    TestUpcall upcall;
} Closure;

static void make(Workshop *in, Closure *closure, const char *declaration, const ShapeOptions *options,
                 ferry_quality quality) {
    Made stub = workshop_make_stub(in, declaration, options, quality);
    closure->cell.entry = stub.code;
    closure->cell.upcall = &closure->upcall;
    closure->upcall.errno_offset = workshop_errno_offset();
    closure->code = workshop_thunk(in, &closure->cell);
}

static bool begin(Workshop *in, Closure *closure, Desk *desk, const char *declaration, ferry_convention convention,
                  ferry_quality quality) {
    ShapeOptions options = {.direction = UPCALL, .convention = convention};
    *closure = (Closure){.cell = {.handler = handler, .context = desk}};
    make(in, closure, declaration, &options, quality);
    desk->convention = convention;
    desk->calls = desk->wrong = 0;
    return true;
}

static bool end(const Desk *desk, const char *declaration) {
    cr_expect_eq(desk->calls, 1, "%s", declaration);
    cr_expect_eq(desk->wrong, 0, "%zu wrong in %s", desk->wrong, declaration);
    return false;
}

#define EACH_STUB_IN(workshop, declaration, desk, closure)                                                             \
    EACH_WAY(convention, quality)                                                                                      \
    for (bool once = begin((workshop), (closure), (desk), declaration, convention, quality); once;                     \
         once = end((desk), declaration))
#define EACH_STUB(declaration, desk, closure) EACH_STUB_IN(&workshop, declaration, desk, closure)

Test(jit_stub_values, integers_and_floats_in_registers) {
    typedef double Function(int, double, long, float, short, double, char, void *);
    Desk desk = {0};
    Closure closure;
    double answer = 129.5;
    EXPECT(&desk, int, -1);
    EXPECT(&desk, double, 2);
    EXPECT(&desk, long, 40);
    EXPECT(&desk, float, 8);
    EXPECT(&desk, short, -16);
    EXPECT(&desk, double, 32);
    EXPECT(&desk, char, 64);
    EXPECT(&desk, void *, &desk);
    ANSWER(&desk, answer);
    EACH_STUB("double f(int, double, long, float, short, double, char, void *)", &desk, &closure)
    cr_expect_eq(((Function *)closure.code)(-1, 2, 40, 8, -16, 32, 64, &desk), 129.5);
}

/* The caller believes in longs, so that there is garbage above every narrow value. */
Test(jit_stub_values, what_is_above_a_narrow_value_is_not_trusted) {
    typedef long Function(long, long, long, long, long, long, long, long, long, long, long, long);
    static const long garbage = 0x5a5a5a5a5a5a5a5a;
    Desk desk = {0};
    Closure closure;
    long answer = 7;
    for (int i = 0; i < 2; i++) {
        EXPECT(&desk, signed char, -2);
        EXPECT(&desk, unsigned char, 0xfe);
        EXPECT(&desk, short, -3);
        EXPECT(&desk, unsigned short, 0xfffd);
        EXPECT(&desk, int, -4);
        EXPECT(&desk, unsigned, 0xfffffffc);
    }
    ANSWER(&desk, answer);
    long c = (garbage & ~0xffL) | 0xfe, s = (garbage & ~0xffffL) | 0xfffd, i = (garbage & ~0xffffffffL) | 0xfffffffc;
    EACH_STUB("long f(signed char, unsigned char, short, unsigned short, int, unsigned, signed char, unsigned char, "
              "short, unsigned short, int, unsigned)",
              &desk, &closure)
    cr_expect_eq(((Function *)closure.code)(c, c, s, s, i, i, c, c, s, s, i, i), 7);
}

/* C may count on 32 bits. The handler writes eight bytes, of which only those of the type count. */
Test(jit_stub_values, narrow_results_fill_32_bits) {
    static const struct {
        const char *declaration;
        int expected;
    } rows[] = {
        {"signed char f(void)", -2},        {"unsigned char f(void)", 0xfe}, {"short f(void)", (int)0xffff80fe},
        {"unsigned short f(void)", 0x80fe}, {"_Bool f(void)", 0xfe},         {"int f(void)", (int)0xbeef80fe},
    };
    uint64_t answer = 0xdeadbeefbeef80fe;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Desk desk = {0};
        Closure closure;
        ANSWER(&desk, answer);
        EACH_STUB(rows[i].declaration, &desk, &closure)
        cr_expect_eq(((int (*)(void))closure.code)(), rows[i].expected, "%s", rows[i].declaration);
    }
}

Test(jit_stub_values, both_banks_overflow_to_the_stack) {
    typedef float Function(long, long, long, long, long, long, int, double, double, double, double, double, double,
                           double, double, float, double, unsigned short, long);
    Desk desk = {0};
    Closure closure;
    float answer = 0.5F;
    for (int i = 0; i < 6; i++) EXPECT(&desk, long, -i);
    EXPECT(&desk, int, -6);
    for (int i = 0; i < 8; i++) EXPECT(&desk, double, i);
    EXPECT(&desk, float, 8);
    EXPECT(&desk, double, 9);
    EXPECT(&desk, unsigned short, 0xfff6);
    EXPECT(&desk, long, -11);
    ANSWER(&desk, answer);
    EACH_STUB(
        "float f(long, long, long, long, long, long, int, double, double, double, double, double, double, double, "
        "double, float, double, unsigned short, long)",
        &desk, &closure)
    cr_expect_eq(((Function *)closure.code)(0, -1, -2, -3, -4, -5, -6, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xfff6, -11),
                 0.5F);
}

Test(jit_stub_values, wide_scalars) {
    typedef __int128 Function(long, __int128, long, long, long double, __int128, long, __float128, ComplexLongDouble,
                              _Complex float);
    Desk desk = {0};
    Closure closure;
    __int128 wide = ((__int128)1 << 100) - 3, answer = -wide;
    ComplexLongDouble complex = 0;
    _Complex float floats = 0;
    __real__ complex = 5;
    __imag__ complex = -7;
    __real__ floats = 1;
    __imag__ floats = 2;
    EXPECT(&desk, long, 1);
    EXPECT(&desk, __int128, wide);
    EXPECT(&desk, long, 2);
    EXPECT(&desk, long, 3);
    long double x87 = 0.1L;
    expect(&desk, &x87, 10, 16, WHOLE); /* the rest is padding */
    EXPECT(&desk, __int128, wide + 1);
    EXPECT(&desk, long, 4);
    EXPECT(&desk, __float128, (__float128)1 / 3);
    expect(&desk, &complex, 10, 16, WHOLE);
    desk.slot_count += 2;
    expect(&desk, &floats, sizeof floats, 4, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB("__int128 f(long, __int128, long, long, long double, __int128, long, __float128, _Complex long double, "
              "_Complex float)",
              &desk, &closure)
    cr_expect(((Function *)closure.code)(1, wide, 2, 3, 0.1L, wide + 1, 4, (__float128)1 / 3, complex, floats) ==
              answer);
}

Test(jit_stub_values, results_in_x87_registers) {
    Desk desk = {0}, pair = {0};
    Closure closure;
    long double answer = 1 / 3.0L;
    ComplexLongDouble both = 0;
    __real__ both = -1;
    __imag__ both = 1 / 7.0L;
    ANSWER(&desk, answer);
    EACH_STUB("long double f(void)", &desk, &closure)
    cr_expect(((long double (*)(void))closure.code)() == answer);
    ANSWER(&pair, both);
    EACH_STUB("_Complex long double f(void)", &pair, &closure)
    cr_expect(((ComplexLongDouble (*)(void))closure.code)() == both);
}

Test(jit_stub_values, vectors_of_16_bytes) {
    typedef Vector16 Function(Vector16, long, Vector16);
    Desk desk = {0};
    Closure closure;
    Vector16 a = {1, 2}, b = {-3, 4}, answer = {5, -6};
    expect(&desk, &a, sizeof a, 16, WHOLE);
    EXPECT(&desk, long, 7);
    expect(&desk, &b, sizeof b, 16, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB("typedef long v __attribute__((vector_size(16))); v f(v, long, v);", &desk, &closure) {
        Vector16 result = ((Function *)closure.code)(a, 7, b);
        cr_expect(memcmp(&result, &answer, sizeof answer) == 0);
    }
}

/* gcc passes what the function's own features say, clang what the file's do. */
#ifndef __clang__
__attribute__((target("avx"), noinline)) static void call_32(void (*code)(void), const Vector32 *a, const Vector32 *b,
                                                             void *result) {
    Vector32 value = ((Vector32 (*)(Vector32, int, Vector32))code)(*a, -1, *b);
    memcpy(result, &value, sizeof value);
}

Test(jit_stub_values, vectors_of_32_bytes) {
    if (!__builtin_cpu_supports("avx")) return;
    Workshop avx;
    Desk desk = {0};
    Closure closure;
    Vector32 a = {1, 2, 3, 4}, b = {-3, 4, 5, -6}, answer = {5, -6, 7, 8}, result;
    workshop_open(&avx, "x86_64-sysv-avx");
    expect(&desk, &a, sizeof a, 32, WHOLE);
    EXPECT(&desk, int, -1);
    expect(&desk, &b, sizeof b, 32, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB_IN(&avx, "typedef long v __attribute__((vector_size(32))); v f(v, int, v);", &desk, &closure) {
        call_32(closure.code, &a, &b, &result);
        cr_expect(memcmp(&result, &answer, sizeof answer) == 0);
    }
    workshop_close(&avx);
}

__attribute__((target("avx512f"), noinline)) static void call_64(void (*code)(void), const Vector64 *a,
                                                                 const Vector64 *b, void *result) {
    Vector64 value = ((Vector64 (*)(Vector64, int, Vector64))code)(*a, -1, *b);
    memcpy(result, &value, sizeof value);
}

Test(jit_stub_values, vectors_of_64_bytes) {
    if (!__builtin_cpu_supports("avx512f")) return;
    Workshop avx;
    Desk desk = {0};
    Closure closure;
    Vector64 a = {1, 2, 3, 4, 5, 6, 7, 8}, b = {-3, 4, 5, -6, 7}, answer = {5, -6, 7, 8, 9, 0, 1, 2}, result;
    workshop_open(&avx, "x86_64-sysv-avx512");
    expect(&desk, &a, sizeof a, 64, WHOLE);
    EXPECT(&desk, int, -1);
    expect(&desk, &b, sizeof b, 64, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB_IN(&avx, "typedef long v __attribute__((vector_size(64))); v f(v, int, v);", &desk, &closure) {
        call_64(closure.code, &a, &b, &result);
        cr_expect(memcmp(&result, &answer, sizeof answer) == 0);
    }
    workshop_close(&avx);
}
#endif

typedef struct IntDouble {
    int i;
    double d;
} IntDouble;
typedef struct Pair {
    long x, y;
} Pair;
typedef struct Floats {
    float f[3];
} Floats;
typedef struct Triple {
    long x[3];
} Triple;
typedef struct Seven {
    char c[7];
} Seven;
typedef struct Aligned {
    long l[4];
} __attribute__((aligned(32))) Aligned;

Test(jit_stub_values, structs_in_registers_and_in_memory) {
    typedef Floats Function(Seven, Floats, Pair, IntDouble, Triple, Pair, long);
    Desk desk = {0};
    Closure closure;
    Seven seven = {{'s', 'e', 'v', 'e', 'n', '.', '!'}};
    Floats floats = {{1, 2, 3}}, answer = {{-1, -2, -3}};
    Pair pair = {4, 5}, stacked = {-4, -5};
    IntDouble mixed;
    Triple triple = {{6, 7, 8}};
    memset(&mixed, 0, sizeof mixed);
    mixed.i = -9;
    mixed.d = 0.25;
    expect(&desk, &seven, sizeof seven, 1, WHOLE);
    expect(&desk, &floats, sizeof floats, 4, WHOLE);
    expect(&desk, &pair, sizeof pair, 8, WHOLE);
    expect(&desk, &mixed.i, 4, 8, WHOLE); /* the rest of that word is padding */
    desk.slot_count = desk.slot_count + 1;
    expect(&desk, &triple, sizeof triple, 8, WHOLE);
    expect(&desk, &stacked, sizeof stacked, 8, WHOLE);
    EXPECT(&desk, long, 10);
    ANSWER(&desk, answer);
    EACH_STUB("struct { float f[3]; } f(struct { char c[7]; }, struct { float f[3]; }, struct { long x, y; }, "
              "struct { int i; double d; }, struct { long x[3]; }, struct { long x, y; }, long)",
              &desk, &closure) {
        Floats result = ((Function *)closure.code)(seven, floats, pair, mixed, triple, stacked, 10);
        cr_expect(memcmp(&result, &answer, sizeof answer) == 0);
    }
}

Test(jit_stub_values, an_over_aligned_struct_on_the_stack) {
    typedef long Function(long, Aligned, long, long, long, long, long, int, Aligned);
    Desk desk = {0};
    Closure closure;
    Aligned first = {{1, 2, 3, 4}}, second = {{5, 6, 7, 8}};
    long answer = 9;
    EXPECT(&desk, long, 1);
    expect(&desk, &first, sizeof first, 32, WHOLE);
    for (int i = 2; i < 7; i++) EXPECT(&desk, long, i);
    EXPECT(&desk, int, -7);
    expect(&desk, &second, sizeof second, 32, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB("typedef struct { long l[4]; } __attribute__((aligned(32))) a; "
              "long f(long, a, long, long, long, long, long, int, a);",
              &desk, &closure)
    cr_expect_eq(((Function *)closure.code)(1, first, 2, 3, 4, 5, 6, -7, second), 9);
}

/* The alignment of a typedef does not reach the stack, but the handler's pointer has it. */
Test(jit_stub_values, an_aligned_scalar_that_the_stack_does_not_align) {
    typedef long Function(long, long, long, long, long, long, long, long);
    Desk desk = {0};
    Closure closure;
    long answer = 9;
    for (int i = 0; i < 7; i++) EXPECT(&desk, long, i);
    expect(&desk, &(long){7}, 8, 64, WHOLE);
    ANSWER(&desk, answer);
    EACH_STUB("typedef long __attribute__((aligned(64))) a; long f(long, long, long, long, long, long, long, a);",
              &desk, &closure)
    cr_expect_eq(((Function *)closure.code)(0, 1, 2, 3, 4, 5, 6, 7), 9);
}

typedef struct Large {
    char c[5000];
} Large;

static void large_handler(void *context, void *arguments, void *result) {
    const char *bytes = *(ferry_convention *)context == FERRY_SLOTS ? arguments : *(char **)arguments;
    Large *large = result;
    for (size_t i = 0; i < sizeof large->c; i++) large->c[i] = (char)(bytes[i] + 1);
}

/* The result is made where C wants it, and its address is returned in rax. */
Test(jit_stub_values, a_hidden_result_larger_than_a_page) {
    static Large value, result;
    for (size_t i = 0; i < sizeof value.c; i++) value.c[i] = (char)(i * 31);
    EACH_WAY(convention, quality) {
        ShapeOptions options = {.direction = UPCALL, .convention = convention};
        Closure closure = {.cell = {.handler = large_handler, .context = &convention}};
        make(&workshop, &closure, "struct l { char c[5000]; } f(struct l)", &options, quality);
        result = ((Large (*)(Large))closure.code)(value);
        for (size_t i = 0; i < sizeof value.c; i++) cr_assert_eq(result.c[i], (char)(value.c[i] + 1));
        Large *(*plain)(Large *, Large) = (Large * (*)(Large *, Large)) closure.code;
        cr_expect_eq(plain(&result, value), &result);
    }
}

/* Calls code with rsp at stack, where the arguments are. */
void call_on_stack(void (*code)(void), void *stack);
__asm__(".text\n"
        "call_on_stack:\n\t"
        "endbr64\n\t"
        "pushq %rbx\n\t"
        "movq %rsp, %rbx\n\t"
        "movq %rsi, %rsp\n\t"
        "callq *%rdi\n\t"
        "movq %rbx, %rsp\n\t"
        "popq %rbx\n\t"
        "ret\n");

/* The arguments end where the memory does. */
Test(jit_stub_values, nothing_is_read_beyond_the_arguments) {
    for (size_t size = 17; size < 100; size++) {
        char declaration[64];
        Desk desk = {0};
        Closure closure;
        uint8_t bytes[100];
        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(3 * i + 1);
        snprintf(declaration, sizeof declaration, "void f(struct { char c[%zu]; })", size);
        expect(&desk, bytes, size, 1, WHOLE);
        uint8_t *top = page_end((size_t)256 << 10) + ((size_t)256 << 10);
        uint8_t *stack = top - (size + 15) / 16 * 16;
        EACH_STUB(declaration, &desk, &closure) {
            memcpy(stack, bytes, size);
            call_on_stack(closure.code, stack);
        }
    }
}

static void spoil_errno(void *context, void *arguments, void *result) {
    (void)arguments;
    *(int *)context = errno;
    errno = EINTR;
    if (result != NULL) memset(result, 0, 4);
}

Test(jit_stub_values, errno_is_kept_where_the_shape_says_so) {
    static const char *const declarations[] = {"int f(int)", "void f(void)", "struct { long x[3]; } f(void)"};
    for (size_t i = 0; i < COUNT_OF(declarations); i++) {
        EACH_WAY(convention, quality) {
            for (int keep = 0; keep < 2; keep++) {
                ShapeOptions options = {.direction = UPCALL, .convention = convention, .keep_errno = keep == 1};
                int seen = 0;
                long memory[3];
                Closure closure = {.cell = {.handler = spoil_errno, .context = &seen}};
                make(&workshop, &closure, declarations[i], &options, quality);
                errno = ENOENT;
                ((void (*)(void *))closure.code)(memory);
                int after = errno;
                cr_expect_eq(seen, ENOENT);
                cr_expect_eq(after, keep ? ENOENT : EINTR, "%s: %d", declarations[i], after);
            }
        }
    }
}

/* What a late stub was called with. */
static struct {
    void *cell;
    void *arguments;
    size_t calls;
} late;

static void answer_late(void *cell, void *arguments, void *result) {
    late.cell = cell;
    late.arguments = arguments;
    late.calls++;
    const Desk *desk = ((TestCell *)cell)->context;
    if (result != NULL) memcpy(result, desk->answer, desk->answer_size);
}

static void make_late(Closure *closure, Desk *desk, const char *declaration, ferry_quality quality) {
    ShapeOptions options = {.direction = UPCALL_LATE};
    *closure = (Closure){.cell = {.context = desk}, .upcall = {.late = answer_late}};
    make(&workshop, closure, declaration, &options, quality);
    memset(&late, 0, sizeof late);
}

#define EXPECT_LATE(closure) cr_expect(late.calls == 1 && late.cell == &(closure).cell && late.arguments == NULL)

Test(jit_stub_values, late_stubs_answer_through_the_upcall) {
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        Closure closure;
        Desk desk = {0};
        short number = -5;
        double real = 0.5;
        Triple triple = {{1, 2, 3}};
        ANSWER(&desk, number);
        make_late(&closure, &desk, "short f(long, struct { char c[40]; }, double)", quality);
        cr_expect_eq(((int (*)(long))closure.code)(1), -5);
        EXPECT_LATE(closure);
        ANSWER(&desk, real);
        make_late(&closure, &desk, "double f(float)", quality);
        cr_expect_eq(((double (*)(float))closure.code)(1), 0.5);
        EXPECT_LATE(closure);
        make_late(&closure, &desk, "void f(long)", quality);
        ((void (*)(long))closure.code)(1);
        EXPECT_LATE(closure);
        ANSWER(&desk, triple);
        make_late(&closure, &desk, "struct { long x[3]; } f(double)", quality);
        Triple result = ((Triple (*)(double))closure.code)(1);
        cr_expect(memcmp(&result, &triple, sizeof triple) == 0);
        EXPECT_LATE(closure);
    }
}

__attribute__((noinline)) static void count_frames(void *context, void *arguments, void *result) {
    void *frames[64];
    (void)context, (void)arguments;
    *(int *)result = backtrace(frames, 64);
}

__attribute__((noinline)) static int frames_of(int (*function)(long, long, long, long, long, long, long)) {
    return function(1, 2, 3, 4, 5, 6, 7) + 1;
}
static int frames_here(long a, long b, long c, long d, long e, long f, long g) {
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g;
    int count;
    count_frames(NULL, NULL, &count);
    return count + 1;
}

/* The unwinder goes through a stub as through any C function. */
Test(jit_stub_values, a_backtrace_goes_through_a_stub) {
    int direct = frames_of(frames_here);
    EACH_WAY(convention, quality) {
        ShapeOptions options = {.direction = UPCALL, .convention = convention, .keep_errno = true};
        Closure closure = {.cell = {.handler = count_frames}};
        make(&workshop, &closure, "int f(long, long, long, long, long, long, long)", &options, quality);
        int through = frames_of((int (*)(long, long, long, long, long, long, long))closure.code) + 1;
        cr_expect_eq(through, direct, "%d instead of %d", through, direct);
    }
}
