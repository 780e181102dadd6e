/* slow_closure.c: closures through libffi and what follows: the same signatures with machine code from the start, on
 * libffi for ever, and on libffi until the code is there. The callers are compiled from C. */
#include <stdint.h>

#include "closure_support.h"

typedef void (*Code)(void);

typedef struct Value {
    const void *bytes;
    size_t used; /* those that count; the rest is padding */
} Value;

typedef struct Case {
    const char *text;
    void (*call)(Code code, void *result);
    Value values[24];
    Value result;
    bool wide; /* more than 8 bytes of a vector register: not with libffi */
} Case;

/* ---- values ---- */

typedef float v4 __attribute__((vector_size(16)));
typedef int aligned_int __attribute__((aligned(64)));
typedef struct two {
    long a, b;
} two;
typedef struct mixed {
    double x;
    long n;
} mixed;
typedef struct turned {
    int n;
    double x;
} turned;
typedef struct pair {
    double x, y;
} pair;
typedef struct three {
    long a[3];
} three;
typedef struct five {
    char c[5];
} five;
typedef struct twelve {
    int a[3];
} twelve;
typedef struct floats {
    float f[3];
} floats;
typedef struct __attribute__((packed)) odd {
    char c;
    double d;
} odd;
typedef struct __attribute__((aligned(64))) wide {
    long a[8];
} wide;
typedef struct __attribute__((aligned(16))) sixteen {
    long a[4];
} sixteen;
typedef struct empty {
} empty;
typedef union any {
    double d;
    long l;
    char c[8];
} any;
typedef struct holder {
    long double l;
} holder;
enum color { RED, GREEN, BLUE = 7 };

#define TYPES                                                                                                          \
    "typedef float v4 __attribute__((vector_size(16))); typedef int aligned_int __attribute__((aligned(64)));"         \
    "struct two { long a, b; }; struct mixed { double x; long n; }; struct turned { int n; double x; };"               \
    "struct pair { double x, y; }; struct three { long a[3]; }; struct five { char c[5]; };"                           \
    "struct twelve { int a[3]; }; struct floats { float f[3]; };"                                                      \
    "struct __attribute__((packed)) odd { char c; double d; };"                                                        \
    "struct __attribute__((aligned(64))) wide { long a[8]; };"                                                         \
    "struct __attribute__((aligned(16))) sixteen { long a[4]; }; struct empty {};"                                     \
    "union any { double d; long l; char c[8]; }; struct holder { long double l; };"                                    \
    "enum color { RED, GREEN, BLUE = 7 };"

static const signed char sc = -100;
static const unsigned char uc = 200;
static const short ss = -30000;
static const unsigned short us = 60000;
static const int si = INT32_MIN;
static const unsigned ui = UINT32_MAX;
static const long sl = INT64_MIN;
static const unsigned long ul = UINT64_MAX;
static const _Bool yes = 1, no = 0;
static const enum color blue = BLUE;
static const aligned_int ai = -64;
static int object;
static void *const pointer = &object;
static const float fl = -1.5f;
static const double db = 2.25;
static const long double ld = -3.125L;
static const __int128 huge = ((__int128)0x7edcba9876543210 << 64) | 0x1122334455667788;
static const __float128 quad = 0.125;
static const float _Complex cf = 1.0f - 2.0f * 1.0iF;
static const double _Complex cd = 3.0 + 4.0 * 1.0i;
static const long double _Complex cl = 5.0L + 6.0L * 1.0i;
static const two two1 = {1, -2};
static const mixed mixed1 = {1.5, -7};
static const turned turned1 = {0x01020304, 8.5};
static const pair pair1 = {0.25, -0.5};
static const three three1 = {{11, 12, 13}};
static const five five1 = {"abcd"};
static const twelve twelve1 = {{1, -2, 3}};
static const floats floats1 = {{1, 2, 3}};
static const odd odd1 = {'x', 6.5};
static const wide wide1 = {{5, 6, 7, 8, 9, 10, 11, 12}};
static const sixteen sixteen1 = {{-5, -6, -7, -8}};
static const any any1 = {.l = 0x0102030405060708};
static const holder holder1 = {-9.5L};
static const v4 v41 = {1, 2, 3, 4};

#define IS(object) {&(object), sizeof(object)}

/* ---- callers ---- */

#define CALLER(name, type, parameters, ...)                                                                            \
    static void name(Code code, void *result) {                                                                        \
        type got = ((type(*) parameters)code)(__VA_ARGS__);                                                            \
        memcpy(result, &got, sizeof got);                                                                              \
    }

static void no_result(Code code, void *result) {
    (void)result;
    ((void (*)(int, empty, double))code)(si, (empty){}, db);
}

static void no_bytes(Code code, void *result) {
    (void)result;
    ((empty (*)(empty, two))code)((empty){}, two1);
}

CALLER(chars, signed char, (signed char, unsigned char, _Bool, _Bool), sc, uc, yes, no)
CALLER(bytes, unsigned char, (short, unsigned short), ss, us)
CALLER(shorts, short, (int, unsigned, enum color), si, ui, blue)
CALLER(words, unsigned short, (long, unsigned long, void *), sl, ul, pointer)
CALLER(truth, _Bool, (void), )
CALLER(color, enum color, (enum color), blue)
CALLER(integer, int, (aligned_int), ai)
CALLER(aligned, aligned_int, (void), )
CALLER(natural, unsigned, (void *), pointer)
CALLER(longer, long, (float, int, double, char), fl, si, db, sc)
CALLER(address, void *, (void), )
CALLER(narrow_on_stack, unsigned long,
       (long, long, long, long, long, long, signed char, unsigned short, _Bool, int, void *, aligned_int), 1, 2, 3, 4,
       5, 6, sc, us, yes, si, pointer, ai)
CALLER(real, float, (float, double, long double, float), fl, db, ld, fl)
CALLER(reals, double, (double, double, double, double, double, double, double, double, double, float, long double), 1,
       2, 3, 4, 5, 6, 7, 8, db, fl, ld)
CALLER(extended, long double, (int, long double, holder), si, ld, holder1)
CALLER(held, holder, (long double), ld)
CALLER(huge_one, __int128, (__int128, int, int, int, __int128, int), huge, 1, 2, 3, huge, 4)
CALLER(float_complex, float _Complex, (float _Complex, double _Complex), cf, cd)
CALLER(double_complex, double _Complex, (long double _Complex, float _Complex), cl, cf)
CALLER(extended_complex, long double _Complex, (double _Complex, long double _Complex), cd, cl)
CALLER(small, two, (two, mixed, pair), two1, mixed1, pair1)
CALLER(sse_first, mixed, (five, floats, any), five1, floats1, any1)
CALLER(general_first, turned, (turned, twelve), turned1, twelve1)
CALLER(two_reals, pair, (floats, pair, pair, pair, pair), floats1, pair1, pair1, pair1, pair1)
CALLER(twelve_bytes, twelve, (twelve, twelve, twelve, twelve), twelve1, twelve1, twelve1, twelve1)
CALLER(five_bytes, five, (five, int, five, five, five, five, five, five), five1, 1, five1, five1, five1, five1, five1,
       five1)
CALLER(three_floats, floats, (void), )
CALLER(any_union, any, (any), any1)
CALLER(hidden, three, (three, int, odd, double, two), three1, si, odd1, db, two1)
CALLER(packed, odd, (odd, empty, odd), odd1, (empty){}, odd1)
CALLER(aligned_hidden, wide, (int, sixteen, char), si, sixteen1, sc)
CALLER(aligned_on_stack, sixteen, (long double, char, wide, int, sixteen), ld, sc, wide1, si, sixteen1)
CALLER(vector, v4, (v4, int), v41, si)
CALLER(quadruple, __float128, (double, __float128), db, quad)
CALLER(vector_on_stack, int, (double, double, double, double, double, double, double, double, v4, __float128), 1, 2, 3,
       4, 5, 6, 7, 8, v41, quad)
CALLER(many, long,
       (double, int, two, float, pair, long, char, three, double, mixed, short, pair, long double, float, long, double,
        double, five, odd, int),
       db, si, two1, fl, pair1, sl, sc, three1, db, mixed1, ss, pair1, ld, fl, sl, db, db, five1, odd1, si)

static const double reals8[] = {1, 2, 3, 4, 5, 6, 7, 8};
#define R(i) {&reals8[(i) - 1], 8}
static const long longs6[] = {1, 2, 3, 4, 5, 6};
#define N(i) {&longs6[(i) - 1], 8}
static const int ints4[] = {1, 2, 3, 4};
#define M(i)                 {&ints4[(i) - 1], 4}
#define EXTENDED(object)     {&(object), 10}
#define PARTLY(object, used) {&(object), used}
#define NOTHING              {"", 0}

static const Case cases[] = {
    {"void f(int, struct empty, double)", no_result, {IS(si), NOTHING, IS(db)}, NOTHING, false},
    {"struct empty f(struct empty, struct two)", no_bytes, {NOTHING, IS(two1)}, NOTHING, false},
    {"signed char f(signed char, unsigned char, _Bool, _Bool)",
     chars,
     {IS(sc), IS(uc), IS(yes), IS(no)},
     IS(sc),
     false},
    {"unsigned char f(short, unsigned short)", bytes, {IS(ss), IS(us)}, IS(uc), false},
    {"short f(int, unsigned, enum color)", shorts, {IS(si), IS(ui), IS(blue)}, IS(ss), false},
    {"unsigned short f(long, unsigned long, void *)", words, {IS(sl), IS(ul), IS(pointer)}, IS(us), false},
    {"_Bool f(void)", truth, {{0}}, IS(yes), false},
    {"enum color f(enum color)", color, {IS(blue)}, IS(blue), false},
    {"int f(aligned_int)", integer, {IS(ai)}, IS(si), false},
    {"aligned_int f(void)", aligned, {{0}}, IS(ai), false},
    {"unsigned f(void *)", natural, {IS(pointer)}, IS(ui), false},
    {"long f(float, int, double, char)", longer, {IS(fl), IS(si), IS(db), IS(sc)}, IS(sl), false},
    {"void *f(void)", address, {{0}}, IS(pointer), false},
    {"unsigned long f(long, long, long, long, long, long, signed char, unsigned short, _Bool, int, void *,"
     " aligned_int)",
     narrow_on_stack,
     {N(1), N(2), N(3), N(4), N(5), N(6), IS(sc), IS(us), IS(yes), IS(si), IS(pointer), IS(ai)},
     IS(ul),
     false},
    {"float f(float, double, long double, float)", real, {IS(fl), IS(db), EXTENDED(ld), IS(fl)}, IS(fl), false},
    {"double f(double, double, double, double, double, double, double, double, double, float, long double)",
     reals,
     {R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), IS(db), IS(fl), EXTENDED(ld)},
     IS(db),
     false},
    {"long double f(int, long double, struct holder)",
     extended,
     {IS(si), EXTENDED(ld), EXTENDED(holder1)},
     EXTENDED(ld),
     false},
    {"struct holder f(long double)", held, {EXTENDED(ld)}, EXTENDED(holder1), false},
    {"__int128 f(__int128, int, int, int, __int128, int)",
     huge_one,
     {IS(huge), M(1), M(2), M(3), IS(huge), M(4)},
     IS(huge),
     false},
    {"float _Complex f(float _Complex, double _Complex)", float_complex, {IS(cf), IS(cd)}, IS(cf), false},
    {"double _Complex f(long double _Complex, float _Complex)", double_complex, {EXTENDED(cl), IS(cf)}, IS(cd), false},
    {"long double _Complex f(double _Complex, long double _Complex)",
     extended_complex,
     {IS(cd), EXTENDED(cl)},
     EXTENDED(cl),
     false},
    {"struct two f(struct two, struct mixed, struct pair)", small, {IS(two1), IS(mixed1), IS(pair1)}, IS(two1), false},
    {"struct mixed f(struct five, struct floats, union any)",
     sse_first,
     {IS(five1), IS(floats1), IS(any1)},
     IS(mixed1),
     false},
    {"struct turned f(struct turned, struct twelve)",
     general_first,
     {PARTLY(turned1, 4), IS(twelve1)},
     PARTLY(turned1, 4),
     false},
    {"struct pair f(struct floats, struct pair, struct pair, struct pair, struct pair)",
     two_reals,
     {IS(floats1), IS(pair1), IS(pair1), IS(pair1), IS(pair1)},
     IS(pair1),
     false},
    {"struct twelve f(struct twelve, struct twelve, struct twelve, struct twelve)",
     twelve_bytes,
     {IS(twelve1), IS(twelve1), IS(twelve1), IS(twelve1)},
     IS(twelve1),
     false},
    {"struct five f(struct five, int, struct five, struct five, struct five, struct five, struct five, struct five)",
     five_bytes,
     {IS(five1), M(1), IS(five1), IS(five1), IS(five1), IS(five1), IS(five1), IS(five1)},
     IS(five1),
     false},
    {"struct floats f(void)", three_floats, {{0}}, IS(floats1), false},
    {"union any f(union any)", any_union, {IS(any1)}, IS(any1), false},
    {"struct three f(struct three, int, struct odd, double, struct two)",
     hidden,
     {IS(three1), IS(si), IS(odd1), IS(db), IS(two1)},
     IS(three1),
     false},
    {"struct odd f(struct odd, struct empty, struct odd)", packed, {IS(odd1), NOTHING, IS(odd1)}, IS(odd1), false},
    {"struct wide f(int, struct sixteen, char)", aligned_hidden, {IS(si), IS(sixteen1), IS(sc)}, IS(wide1), false},
    {"struct sixteen f(long double, char, struct wide, int, struct sixteen)",
     aligned_on_stack,
     {EXTENDED(ld), IS(sc), IS(wide1), IS(si), IS(sixteen1)},
     IS(sixteen1),
     false},
    {"v4 f(v4, int)", vector, {IS(v41), IS(si)}, IS(v41), true},
    {"__float128 f(double, __float128)", quadruple, {IS(db), IS(quad)}, IS(quad), true},
    {"int f(double, double, double, double, double, double, double, double, v4, __float128)",
     vector_on_stack,
     {R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), IS(v41), IS(quad)},
     IS(si),
     false},
    {"long f(double, int, struct two, float, struct pair, long, char, struct three, double, struct mixed, short,"
     " struct pair, long double, float, long, double, double, struct five, struct odd, int)",
     many,
     {IS(db), IS(si),    IS(two1),     IS(fl), IS(pair1), IS(sl), IS(sc), IS(three1), IS(db),   IS(mixed1),
      IS(ss), IS(pair1), EXTENDED(ld), IS(fl), IS(sl),    IS(db), IS(db), IS(five1),  IS(odd1), IS(si)},
     IS(sl),
     false},
};
#define CASES (sizeof cases / sizeof cases[0])

/* ---- the receiver ---- */

typedef struct Receiver {
    ferry_engine *engine;
    const Case *each;
    const char *way;
    const ferry_signature *signature;
    ferry_convention convention;
    size_t calls;
} Receiver;

static size_t measure(const Receiver *receiver, const ferry_type *type, ferry_extent *extent) {
    cr_assert_eq(ferry_type_measure(receiver->engine, type, extent, NULL), FERRY_OK);
    return (size_t)extent->size;
}

/* Integers narrower than a slot fill it. */
static void check_extension(const Receiver *receiver, const ferry_type *type, const Value *value, uint64_t slot) {
    uint64_t word = 0;
    ferry_kind kind = ferry_type_kind(type);
    bool integer = (kind >= FERRY_BOOL && kind <= FERRY_WCHAR) || kind == FERRY_ENUM || kind == FERRY_ALIGNED;
    if (!integer || value->used >= 8) return;
    memcpy(&word, value->bytes, value->used);
    bool negative = (word >> (8 * value->used - 1) & 1) != 0;
    if (negative && is_signed_integer(type)) word |= ~UINT64_C(0) << (8 * value->used);
    cr_assert_eq(slot, word, "%s (%s): %zu bytes are not extended", receiver->each->text, receiver->way, value->used);
}

/* The arguments are the handler's: what it writes there must not matter. */
static void check_argument(const Receiver *receiver, size_t index, unsigned char *at, const ferry_extent *extent) {
    const Value *value = &receiver->each->values[index];
    cr_assert_arr_eq(at, value->bytes, value->used, "%s (%s): argument %zu", receiver->each->text, receiver->way,
                     index);
    if (receiver->convention == FERRY_POINTERS)
        cr_assert_eq((uintptr_t)at % extent->alignment, 0, "%s: argument %zu", receiver->each->text, index);
    memset(at, 0xEE, (size_t)extent->size);
}

static void check_arguments(const Receiver *receiver, void *arguments) {
    uint64_t *slots = arguments;
    void **pointers = arguments;
    size_t slot = 0;
    for (size_t i = 0; i < ferry_signature_count(receiver->signature); i++) {
        ferry_extent extent;
        const ferry_type *type = ferry_signature_parameter(receiver->signature, i);
        size_t size = measure(receiver, type, &extent);
        if (receiver->convention == FERRY_SLOTS && size != 0)
            check_extension(receiver, type, &receiver->each->values[i], slots[slot]);
        check_argument(receiver, i, receiver->convention == FERRY_SLOTS ? (void *)&slots[slot] : pointers[i], &extent);
        slot += (size + 7) / 8;
    }
}

/* Every other time an integer fills 8 bytes, with what is above it being nonsense to whoever reads more than it. */
static void write_result(const Receiver *receiver, void *result) {
    const ferry_type *type = ferry_signature_result(receiver->signature);
    const Value *value = &receiver->each->result;
    ferry_extent extent;
    if (ferry_type_kind(type) == FERRY_VOID || measure(receiver, type, &extent) == 0) return;
    cr_assert_eq((uintptr_t)result % extent.alignment, 0, "%s: result", receiver->each->text);
    /* C hands in the memory for what goes back through it: structs that are large or have unaligned fields. */
    bool handed_in = extent.size > 16 || (extent.size > 8 && extent.alignment == 1);
    cr_assert(handed_in || (uintptr_t)result % 8 == 0, "%s: result", receiver->each->text);
    ferry_kind kind = ferry_type_kind(type);
    bool integer = (kind >= FERRY_BOOL && kind <= FERRY_WCHAR) || kind == FERRY_ENUM || kind == FERRY_POINTER;
    if (integer && receiver->calls % 2 == 1) memset(result, 0x5A, 8);
    memcpy(result, value->bytes, (size_t)extent.size);
}

static void receive(void *context, void *arguments, void *result) {
    Receiver *receiver = context;
    check_arguments(receiver, arguments);
    write_result(receiver, result);
    receiver->calls++;
}

static void call_and_check(Receiver *receiver, Code code, size_t times) {
    const Case *each = receiver->each;
    for (size_t i = 0; i < times; i++) {
        unsigned char result[256] = {0};
        size_t calls = receiver->calls;
        each->call(code, result);
        cr_assert_eq(receiver->calls, calls + 1);
        cr_assert_arr_eq(result, each->result.bytes, each->result.used, "%s (%s): result", each->text, receiver->way);
    }
}

static void prepare(const Receiver *receiver, const ferry_closure_options *options) {
    ferry_error error;
    ferry_code code = ferry_closures_prepare(receiver->engine, &receiver->signature, 1, options, &error);
    cr_assert_eq(code, FERRY_OK, "%s: %s", receiver->each->text, error.message);
}

/* ---- every family, in every way ---- */

typedef struct Way {
    const char *name;
    ferry_policy policy;
    ferry_convention convention;
} Way;

static const Way ways[] = {
    {"slots, never", FERRY_NEVER, FERRY_SLOTS},
    {"pointers, never", FERRY_NEVER, FERRY_POINTERS},
    {"slots, now", FERRY_NOW, FERRY_SLOTS},
    {"pointers, now", FERRY_NOW, FERRY_POINTERS},
#ifndef TESTS_WITHOUT_CODE
    {"slots, request", FERRY_ON_REQUEST, FERRY_SLOTS},
    {"pointers, request", FERRY_ON_REQUEST, FERRY_POINTERS},
#endif
};

/* libffi's until the code is there, and still with the call that finds it; whoever asks finds it too. */
static void run_taken_over(Receiver *receiver, ferry_closure *closure, const ferry_closure_options *options) {
    Code code = ferry_closure_code(closure);
    cr_assert_eq(ferry_closure_path(closure), FERRY_PATH_LIBFFI);
    cr_expect_neq(ferry_closure_reason(closure)[0], '\0');
    call_and_check(receiver, code, 2);
    prepare(receiver, options);
    call_and_check(receiver, code, 1);
    cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_CODE, "%s (%s)", receiver->each->text, receiver->way);
    cr_expect_str_eq(ferry_closure_reason(closure), "");
    cr_expect_eq(ferry_closure_code(closure), code);
    call_and_check(receiver, code, 2);
}

static void run_case(const Way *way, const Case *each) {
    ferry_error error;
    char text[1400];
    ferry_closure_options options = {.convention = way->convention};
    Receiver receiver = {
        .engine = new_engine(way->policy), .each = each, .way = way->name, .convention = way->convention};
    snprintf(text, sizeof text, "%s%s", TYPES, each->text);
    receiver.signature = parse(receiver.engine, text);
    ferry_closure *closure =
        ferry_closure_create(receiver.engine, receiver.signature, receive, &receiver, &options, &error);
    ferry_path path = way->policy == FERRY_NOW ? MADE(FERRY_PATH_CODE) : FERRY_PATH_LIBFFI;
    if (each->wide && path == FERRY_PATH_LIBFFI) {
        cr_assert_null(closure, "%s", each->text);
        cr_expect_eq(error.code, way->policy == FERRY_NEVER ? FERRY_UNSUPPORTED : FERRY_NO_CODE, "%s", error.message);
        cr_expect_not_null(strstr(error.message, "8 bytes of a vector register"), "%s", error.message);
        free_engine(receiver.engine);
        return;
    }
    cr_assert_not_null(closure, "%s (%s): %s", each->text, way->name, error.message);
    if (way->policy == FERRY_ON_REQUEST) {
        run_taken_over(&receiver, closure, &options);
    } else {
        cr_assert_eq(ferry_closure_path(closure), path, "%s (%s): %s", each->text, way->name,
                     ferry_closure_reason(closure));
        call_and_check(&receiver, ferry_closure_code(closure), 4);
    }
    release(closure);
    free_engine(receiver.engine);
}

Test(slow_closure, every_family_arrives_in_every_way) {
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        for (size_t i = 0; i < CASES; i++) run_case(&ways[w], &cases[i]);
    }
}

/* ---- what the caller leaves in registers, and what it may rely on ---- */

static void check_narrow(void *context, void *arguments, void *result) {
    const uint64_t *slots = arguments;
    static const uint64_t expected[] = {(uint64_t)-2, 0xfe, (uint64_t)-3, 0xfffd, 1, (uint64_t)-4, 0xfffffffc, 0xfb};
    for (size_t i = 0; i < 8; i++) cr_expect_eq(slots[i], expected[i], "%zu: %lx", i, slots[i]);
    *(signed char *)result = *(const signed char *)context;
}

/* The ABI leaves the upper bits of an argument undefined; those of a result some compilers take for extended to int. */
Test(slow_closure, upper_bits_are_neither_taken_from_c_nor_left_to_it) {
    static const ferry_policy policies[] = {FERRY_NEVER, FERRY_NOW};
    for (size_t p = 0; p < 2; p++) {
        ferry_engine *engine = new_engine(policies[p]);
        signed char value = -5;
        ferry_closure *closure = new_closure(engine,
                                             "signed char f(signed char, unsigned char, short, unsigned short, _Bool,"
                                             " int, unsigned, unsigned char)",
                                             check_narrow, &value, NULL);
        int (*code)(long, long, long, long, long, long, long, long) =
            (int (*)(long, long, long, long, long, long, long, long))ferry_closure_code(closure);
        const long garbage = 0x5555555500000000, more = 0x55555555aaaa0000, most = 0x55555555aaaabb00;
        cr_expect_eq(code(most | 0xfe, most | 0xfe, more | 0xfffd, more | 0xfffd, most | 1, garbage | 0xfffffffc,
                          garbage | 0xfffffffc, most | 0xfb),
                     -5);
        release(closure);
        free_engine(engine);
    }
}

static void fill_three(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    memcpy(result, &three1, sizeof three1);
}

/* The address of a large result goes back to C as well. */
Test(slow_closure, the_hidden_pointer_is_returned) {
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        ferry_engine *engine = new_engine(ways[w].policy);
        ferry_closure_options options = {.convention = ways[w].convention};
        ferry_closure *closure =
            new_closure(engine, "struct three { long a[3]; }; struct three f(void)", fill_three, NULL, &options);
        void *(*code)(three *) = (void *(*)(three *))ferry_closure_code(closure);
        for (size_t i = 0; i < 2; i++) {
            three result = {{0}};
            cr_expect_eq(code(&result), &result, "%s", ways[w].name);
            cr_expect_arr_eq(&result, &three1, sizeof result);
        }
        release(closure);
        free_engine(engine);
    }
}

/* ---- refusals ---- */

static void never_called(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
    abort();
}

typedef struct Refusal {
    const char *text;
    ferry_convention convention;
    const char *value;
    const char *reason;
} Refusal;

#define V16 "typedef float v __attribute__((vector_size(16))); "

static const Refusal refusals[] = {
    {"__float128 f(void)", FERRY_SLOTS, "the result (__float128)", "8 bytes of a vector register"},
    {V16 "void f(int, v)", FERRY_POINTERS, "parameter 2", "8 bytes of a vector register"},
    {V16 "void f(int, v, ...)", FERRY_SLOTS, "parameter 2", "8 bytes of a vector register"},
    {"struct s { char c[2000000]; }; void f(int, struct s)", FERRY_SLOTS, "parameter 2 (struct s)", "1 MiB"},
    {"struct s { char c[600000]; }; void f(struct s, struct s)", FERRY_POINTERS, "parameter 2 (struct s)", "1 MiB"},
    {"struct s { char c[600000]; }; void f(struct s, struct s, ...)", FERRY_SLOTS, "parameter 2 (struct s)", "1 MiB"},
    {"struct __attribute__((aligned(65536))) s { char c[65536]; }; void f(struct s)", FERRY_SLOTS,
     "parameter 1 (struct s)", "32 KiB"},
    {"typedef int t __attribute__((aligned(2097152))); void f(t)", FERRY_POINTERS, "parameter 1", "1 MiB"},
    {"typedef int t __attribute__((aligned(524288))); void f(t, t, t, t)", FERRY_POINTERS, "parameter 3", "1 MiB"},
    {"typedef int t __attribute__((aligned(2097152))); t f(void)", FERRY_SLOTS, "the result", "1 MiB"},
};

Test(slow_closure, refuses_what_libffi_cannot_pass_exactly) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const Refusal *each = &refusals[i];
        ferry_error error;
        ferry_closure_options options = {.convention = each->convention};
        cr_assert_null(ferry_closure_create(engine, parse(engine, each->text), never_called, NULL, &options, &error),
                       "%s", each->text);
        cr_expect_eq(error.code, FERRY_UNSUPPORTED, "%s: %s", each->text, error.message);
        cr_expect_not_null(strstr(error.message, each->value), "%s: %s", each->text, error.message);
        cr_expect_not_null(strstr(error.message, each->reason), "%s: %s", each->text, error.message);
    }
    free_engine(engine);
}
