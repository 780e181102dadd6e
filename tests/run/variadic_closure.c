/* variadic_closure.c: closures that C calls with further arguments, and the cursor that fetches them. The callers are
 * compiled from C, so that the compiler's own rules decide where everything travels. */
#include <stdint.h>

#include "closure_support.h"

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors of 32 bytes, without AVX: they go through memory either way */
#endif

typedef void (*Code)(void);

/* A value that C passes: of each stretch of its type the bytes that count, the rest being padding. */
typedef struct Known {
    const char *type;
    const void *value;
    size_t used;
    size_t second; /* where the second part begins; 0: there is none */
} Known;

typedef struct Case {
    const char *text;
    long (*call)(Code code);
    Known named[20];
    Known further[24];
    bool wide; /* more than 8 bytes of a vector register: not with libffi */
} Case;

/* ---- values ---- */

typedef float v4 __attribute__((vector_size(16)));
typedef double v4d __attribute__((vector_size(32)));
typedef struct two {
    long a, b;
} two;
typedef struct mixed {
    double x;
    long n;
} mixed;
typedef struct pair {
    double x, y;
} pair;
typedef struct three {
    long a[3];
} three;
typedef struct five {
    char c[5];
} five;
typedef struct floats {
    float f[3];
} floats;
typedef struct __attribute__((packed)) odd {
    char c;
    double d;
} odd;
typedef struct __attribute__((aligned(32))) wide {
    long a[4];
} wide;
typedef struct empty {
} empty;
typedef struct holder {
    v4 v;
} holder;

#define TYPES                                                                                                          \
    "typedef float v4 __attribute__((vector_size(16))); typedef double v4d __attribute__((vector_size(32)));"          \
    "struct two { long a, b; }; struct mixed { double x; long n; }; struct pair { double x, y; };"                     \
    "struct three { long a[3]; }; struct five { char c[5]; }; struct floats { float f[3]; };"                          \
    "struct __attribute__((packed)) odd { char c; double d; };"                                                        \
    "struct __attribute__((aligned(32))) wide { long a[4]; }; struct empty {}; struct holder { v4 v; };"

static const two two1 = {1, -2}, two2 = {INT64_MAX, INT64_MIN};
static const mixed mixed1 = {1.5, -7}, mixed2 = {-2.5, 8};
static const pair pair1 = {0.25, -0.5}, pair2 = {1e300, 2};
static const three three1 = {{11, 12, 13}}, three2 = {{-1, 0, 1}};
static const five five1 = {"abcd"};
static const floats floats1 = {{1, 2, 3}};
static const odd odd1 = {'x', 6.5};
static const wide wide1 = {{5, 6, 7, 8}};
static const v4 v41 = {1, 2, 3, 4};
static const v4d v4d1 = {1, 2, 3, 4};
static const holder holder1 = {{5, 6, 7, 8}};
static const __int128 huge1 = ((__int128)0x0123456789abcdef << 64) | 0x1122334455667788;
static const __float128 quad1 = 1.25;
static const float _Complex complex1 = 1.0f + 2.0f * 1.0iF;
static const double _Complex complex2 = 3.0 - 4.0 * 1.0i;
static const long double _Complex complex3 = 5.0L + 6.0L * 1.0i;
static int object;
static void *const pointer1 = &object;

#define IS(type, object) {#type, &(object), sizeof(type), 0}
#define I(value)         {"int", &(const int){value}, sizeof(int), 0}
#define L(value)         {"long", &(const long){value}, sizeof(long), 0}
#define D(value)         {"double", &(const double){value}, sizeof(double), 0}
#define LD(value)        {"long double", &(const long double){value}, 10, 0}

/* ---- callers ---- */

#define CALLER(name, parameters, ...)                                                                                  \
    static long name(Code code) {                                                                                      \
        return ((long(*) parameters)code)(__VA_ARGS__);                                                                \
    }

CALLER(nothing, (int, ...), 5)
CALLER(ints, (int, ...), 1, -2, 3, -4, 5, -6, 7, -8, 9, INT32_MIN, 11)
CALLER(longs, (const void *, ...), &object, 1L, -2L, 3L, INT64_MIN, 5L, 6L, 7L, INT64_MAX)
CALLER(doubles, (double, ...), 0.5, 1.5, -2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, -10.5)
CALLER(by_turns, (int, ...), 1, 2.0, 3L, pointer1, 4.0, 5, 6.0, 7L, 8, 9L, 10.0, 11.0, 12, 13.0, 14.0, 15.0, 16.0)
CALLER(extended, (int, ...), 1, 2.0L, 3, -4.5L, 5, 6, 7, 8, 9.25L, 10)
CALLER(huge, (int, ...), 1, huge1, 2, 3, huge1, 4, 5, huge1)
CALLER(in_registers, (int, ...), 1, two1, mixed1, pair1, five1, floats1, 2)
CALLER(no_half, (int, ...), 1, 2, 3, 4, 5, two1, 6, two2, 7)
CALLER(no_half_float, (int, ...), 1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, pair1, 8.0, pair2, 9.0)
CALLER(one_of_each, (int, ...), 1, mixed1, 2, 3, 4, 5, 6, mixed2, 7.0)
CALLER(in_memory, (int, ...), 1, three1, 2, odd1, 3.0, three2, 4, five1)
CALLER(over_aligned, (int, ...), 1, 2.0L, wide1, 3, wide1, 4.0, three1, wide1)
CALLER(complexes, (int, ...), 1, complex1, complex2, complex3, 2, complex2, complex2, complex2, complex1, complex2)
CALLER(no_bytes, (int, ...), 1, (empty){}, 2, (empty){}, 3.0)
CALLER(vectors, (int, ...), 1, v41, 2, quad1, holder1, 3.0)
CALLER(vectors_on_stack, (int, ...), 1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, v41, 2, v41, quad1)
CALLER(vectors_in_memory, (int, ...), 1, v4d1, 2, v4d1, 3.0)
CALLER(behind_a_mix, (double, int, three, float, char, long double, short, ...), 1.5, 2, three1, 3.5f, 'c', 4.5L, -5, 6,
       7.5, 8L, 9, 10, three2, 11.5)
CALLER(behind_full,
       (double, long, double, long, double, long, double, long, double, long, double, long, double, long, double, long,
        double, char, ...),
       1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20.0, two1, 21.0L, 22)
CALLER(behind_a_vector, (v4, int, ...), v41, 1, 2, 3.0)
CALLER(behind_odd, (odd, ...), odd1, 2, 2.0L, 3, 4, 5, 6, 7, 8)
CALLER(behind_wide, (int, wide, ...), 1, wide1, 2, wide1, 3, 4, 5, 6, 7)

static const Case cases[] = {
    {"long f(int, ...)", nothing, {I(5)}, {{0}}, false},
    {"long f(int, ...)",
     ints,
     {I(1)},
     {I(-2), I(3), I(-4), I(5), I(-6), I(7), I(-8), I(9), I(INT32_MIN), I(11)},
     false},
    {"long f(const void *, ...)",
     longs,
     {IS(void *, pointer1)},
     {L(1), L(-2), L(3), L(INT64_MIN), L(5), L(6), L(7), L(INT64_MAX)},
     false},
    {"long f(double, ...)",
     doubles,
     {D(0.5)},
     {D(1.5), D(-2.5), D(3.5), D(4.5), D(5.5), D(6.5), D(7.5), D(8.5), D(9.5), D(-10.5)},
     false},
    {"long f(int, ...)",
     by_turns,
     {I(1)},
     {D(2), L(3), IS(void *, pointer1), D(4), I(5), D(6), L(7), I(8), L(9), D(10), D(11), I(12), D(13), D(14), D(15),
      D(16)},
     false},
    {"long f(int, ...)", extended, {I(1)}, {LD(2), I(3), LD(-4.5L), I(5), I(6), I(7), I(8), LD(9.25L), I(10)}, false},
    {"long f(int, ...)",
     huge,
     {I(1)},
     {IS(__int128, huge1), I(2), I(3), IS(__int128, huge1), I(4), I(5), IS(__int128, huge1)},
     false},
    {"long f(int, ...)",
     in_registers,
     {I(1)},
     {IS(struct two, two1), IS(struct mixed, mixed1), IS(struct pair, pair1), IS(struct five, five1),
      IS(struct floats, floats1), I(2)},
     false},
    {"long f(int, ...)",
     no_half,
     {I(1)},
     {I(2), I(3), I(4), I(5), IS(struct two, two1), I(6), IS(struct two, two2), I(7)},
     false},
    {"long f(int, ...)",
     no_half_float,
     {I(1)},
     {D(1), D(2), D(3), D(4), D(5), D(6), D(7), IS(struct pair, pair1), D(8), IS(struct pair, pair2), D(9)},
     false},
    {"long f(int, ...)",
     one_of_each,
     {I(1)},
     {IS(struct mixed, mixed1), I(2), I(3), I(4), I(5), I(6), IS(struct mixed, mixed2), D(7)},
     false},
    {"long f(int, ...)",
     in_memory,
     {I(1)},
     {IS(struct three, three1), I(2), IS(struct odd, odd1), D(3), IS(struct three, three2), I(4),
      IS(struct five, five1)},
     false},
    {"long f(int, ...)",
     over_aligned,
     {I(1)},
     {LD(2), IS(struct wide, wide1), I(3), IS(struct wide, wide1), D(4), IS(struct three, three1),
      IS(struct wide, wide1)},
     false},
    {"long f(int, ...)",
     complexes,
     {I(1)},
     {IS(float _Complex, complex1),
      IS(double _Complex, complex2),
      {"long double _Complex", &complex3, 10, 16},
      I(2),
      IS(double _Complex, complex2),
      IS(double _Complex, complex2),
      IS(double _Complex, complex2),
      IS(float _Complex, complex1),
      IS(double _Complex, complex2)},
     false},
    {"long f(int, ...)", no_bytes, {I(1)}, {{"struct empty", "", 0, 0}, I(2), {"struct empty", "", 0, 0}, D(3)}, false},
    {"long f(int, ...)",
     vectors,
     {I(1)},
     {IS(v4, v41), I(2), IS(__float128, quad1), IS(struct holder, holder1), D(3)},
     true},
    {"long f(int, ...)",
     vectors_on_stack,
     {I(1)},
     {D(1), D(2), D(3), D(4), D(5), D(6), D(7), D(8), IS(v4, v41), I(2), IS(v4, v41), IS(__float128, quad1)},
     false},
    {"long f(int, ...)", vectors_in_memory, {I(1)}, {IS(v4d, v4d1), I(2), IS(v4d, v4d1), D(3)}, false},
    {"long f(double, int, struct three, float, char, long double, short, ...)",
     behind_a_mix,
     {D(1.5),
      I(2),
      IS(struct three, three1),
      {"float", &(const float){3.5f}, 4, 0},
      {"char", "c", 1, 0},
      LD(4.5L),
      {"short", &(const short){-5}, 2, 0}},
     {I(6), D(7.5), L(8), I(9), I(10), IS(struct three, three2), D(11.5)},
     false},
    {"long f(double, long, double, long, double, long, double, long, double, long, double, long, double, long, double,"
     " long, double, char, ...)",
     behind_full,
     {D(1),
      L(2),
      D(3),
      L(4),
      D(5),
      L(6),
      D(7),
      L(8),
      D(9),
      L(10),
      D(11),
      L(12),
      D(13),
      L(14),
      D(15),
      L(16),
      D(17),
      {"char", &(const char){18}, 1, 0}},
     {I(19), D(20), IS(struct two, two1), LD(21), I(22)},
     false},
    {"long f(v4, int, ...)", behind_a_vector, {IS(v4, v41), I(1)}, {I(2), D(3)}, true},
    {"long f(struct odd, ...)",
     behind_odd,
     {IS(struct odd, odd1)},
     {I(2), LD(2), I(3), I(4), I(5), I(6), I(7), I(8)},
     false},
    {"long f(int, struct wide, ...)",
     behind_wide,
     {I(1), IS(struct wide, wide1)},
     {I(2), IS(struct wide, wide1), I(3), I(4), I(5), I(6), I(7)},
     false},
};
#define CASES (sizeof cases / sizeof cases[0])

/* ---- the receiver ---- */

typedef struct Receiver {
    ferry_engine *engine;
    ferry_scope *scope;
    const Case *each;
    const ferry_signature *signature;
    const ClosureWay *way;
    const ferry_type *types[24]; /* of the further arguments */
    size_t calls;
    size_t refused;
} Receiver;

static void check_value(const Receiver *receiver, const Known *known, const unsigned char *got, size_t size) {
    const unsigned char *expected = known->value;
    const char *text = receiver->each->text;
    cr_assert_arr_eq(got, expected, known->used, "%s (%s): a %s is wrong", text, receiver->way->name, known->type);
    if (known->second != 0) cr_assert_arr_eq(got + known->second, expected + known->second, known->used);
    for (size_t i = size; i < size + 8; i++) cr_assert_eq(got[i], 0xA5, "%s: written beyond a %s", text, known->type);
}

static void check_named(const Receiver *receiver, void *arguments) {
    uint64_t *slots = arguments;
    void **pointers = arguments;
    size_t slot = 0, count = ferry_signature_count(receiver->signature);
    for (size_t i = 0; i < count; i++) {
        unsigned char copy[128];
        ferry_extent extent;
        const ferry_type *type = ferry_signature_parameter(receiver->signature, i);
        cr_assert_eq(ferry_type_measure(receiver->engine, type, &extent, NULL), FERRY_OK);
        memset(copy, 0xA5, sizeof copy);
        bool in_slots = receiver->way->convention == FERRY_SLOTS;
        memcpy(copy, in_slots ? (const void *)&slots[slot] : pointers[i], (size_t)extent.size);
        check_value(receiver, &receiver->each->named[i], copy, (size_t)extent.size);
        slot += (size_t)(extent.size + 7) / 8;
    }
}

static ferry_cursor *cursor_of(const ferry_engine *engine, const ferry_signature *signature,
                               ferry_convention convention, void *arguments) {
    size_t at = 0;
    for (size_t i = 0; i < ferry_signature_count(signature); i++) {
        ferry_extent extent = {0};
        const ferry_type *type = ferry_signature_parameter(signature, i);
        cr_assert_eq(ferry_type_measure((ferry_engine *)engine, type, &extent, NULL), FERRY_OK);
        at += convention == FERRY_SLOTS ? (size_t)(extent.size + 7) / 8 : 1;
    }
    return ((void **)arguments)[at];
}

/* true: all of them came. */
static bool fetch_further(Receiver *receiver, ferry_cursor *cursor) {
    for (size_t i = 0; receiver->each->further[i].type != NULL; i++) {
        unsigned char copy[128] __attribute__((aligned(64)));
        ferry_extent extent;
        ferry_error error;
        const Known *known = &receiver->each->further[i];
        cr_assert_eq(ferry_type_measure(receiver->engine, receiver->types[i], &extent, NULL), FERRY_OK);
        memset(copy, 0xA5, sizeof copy);
        ferry_code code = ferry_cursor_next(cursor, receiver->types[i], copy, &error);
        if (code == FERRY_UNSUPPORTED && receiver->each->wide && receiver->way->path == FERRY_PATH_LIBFFI) {
            cr_expect_not_null(strstr(error.message, "more than 8 bytes of a vector register"), "%s", error.message);
            receiver->refused++;
            return false;
        }
        cr_assert_eq(code, FERRY_OK, "%s (%s): %s", receiver->each->text, receiver->way->name, error.message);
        check_value(receiver, known, copy, (size_t)extent.size);
    }
    return true;
}

static void receive(void *context, void *arguments, void *result) {
    Receiver *receiver = context;
    ferry_cursor *cursor = cursor_of(receiver->engine, receiver->signature, receiver->way->convention, arguments);
    check_named(receiver, arguments);
    for (int round = 0; round < 3; round++) {
        fetch_further(receiver, cursor);
        ferry_cursor_rewind(cursor);
    }
    receiver->calls++;
    *(long *)result = 4711;
}

static void open_receiver(Receiver *receiver, const ClosureWay *way, const Case *each) {
    ferry_error error;
    *receiver = (Receiver){.engine = new_engine(way->policy), .each = each, .way = way};
    receiver->scope = ferry_scope_create(receiver->engine, &error);
    cr_assert_not_null(receiver->scope, "%s", error.message);
    cr_assert_eq(ferry_scope_parse(receiver->scope, TYPES, &error), FERRY_OK, "%s", error.message);
    for (size_t i = 0; each->further[i].type != NULL; i++) {
        receiver->types[i] = ferry_type_parse(receiver->engine, receiver->scope, each->further[i].type, &error);
        cr_assert_not_null(receiver->types[i], "%s", error.message);
    }
}

static void close_receiver(Receiver *receiver) {
    ferry_scope_free(receiver->scope);
    free_engine(receiver->engine);
}

static void run_case(const ClosureWay *way, const Case *each) {
    Receiver receiver;
    ferry_error error;
    char text[1024];
    open_receiver(&receiver, way, each);
    snprintf(text, sizeof text, "%s%s", TYPES, each->text);
    receiver.signature = parse(receiver.engine, text);
    ferry_closure_options options = {.convention = way->convention};
    ferry_closure *closure =
        ferry_closure_create(receiver.engine, receiver.signature, receive, &receiver, &options, &error);
    if (closure == NULL && each->wide && way->path == FERRY_PATH_LIBFFI) {
        cr_expect_eq(error.code, way->policy == FERRY_NEVER ? FERRY_UNSUPPORTED : FERRY_NO_CODE);
        cr_expect_not_null(strstr(error.message, "8 bytes of a vector register"), "%s", error.message);
        close_receiver(&receiver);
        return;
    }
    cr_assert_not_null(closure, "%s (%s): %s", each->text, way->name, error.message);
    cr_expect_eq(ferry_closure_path(closure), way->path, "%s: %s", each->text, ferry_closure_reason(closure));
    for (size_t i = 1; i <= 2; i++) {
        cr_expect_eq(each->call(ferry_closure_code(closure)), 4711, "%s (%s)", each->text, way->name);
        cr_expect_eq(receiver.calls, i);
    }
    cr_expect_eq(receiver.refused, each->wide && way->path == FERRY_PATH_LIBFFI ? 6 : 0);
    release(closure);
    close_receiver(&receiver);
}

Test(variadic_closure, every_further_argument_arrives) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        for (size_t i = 0; i < CASES; i++) run_case(&closure_ways[w], &cases[i]);
    }
}

/* ---- results ---- */

typedef struct large {
    long a[6];
} large;

typedef struct Summing {
    const ferry_type *type;
} Summing;

static void sum_up(void *context, void *arguments, void *result) {
    uint64_t *slots = arguments;
    ferry_cursor *cursor = ((void **)arguments)[1];
    large sum = {{0}};
    for (size_t i = 0; i < slots[0]; i++)
        cr_assert_eq(ferry_cursor_next(cursor, ((Summing *)context)->type, &sum.a[i % 6], NULL), FERRY_OK);
    memcpy(result, &sum, sizeof sum);
}

Test(variadic_closure, hidden_results_take_the_first_register) {
    for (size_t w = 0; w < CLOSURE_WAYS; w += 2) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        Summing summing = {ferry_type_scalar(engine, FERRY_LONG, NULL)};
        ferry_closure *closure = new_closure(engine, "struct large { long a[6]; }; struct large f(unsigned long, ...)",
                                             sum_up, &summing, NULL);
        large got = ((large (*)(unsigned long, ...))ferry_closure_code(closure))(8, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L);
        const large expected = {{7, 8, 3, 4, 5, 6}};
        cr_expect_arr_eq(&got, &expected, sizeof got, "%s", closure_ways[w].name);
        release(closure);
        free_engine(engine);
    }
}

/* ---- what is refused ---- */

typedef struct Refused {
    const char *type;
    ferry_code code;
    const char *message;
} Refused;

static const Refused refused[] = {
    {"float", FERRY_INVALID, "variadic argument 2 is float, which C promotes to double: declare it as that"},
    {"short", FERRY_INVALID, "variadic argument 2 is short, which C promotes to int: declare it as that"},
    {"unsigned char", FERRY_INVALID,
     "variadic argument 2 is unsigned char, which C promotes to int: declare it as that"},
    {"_Bool", FERRY_INVALID, "variadic argument 2 is _Bool, which C promotes to int: declare it as that"},
    {"void", FERRY_INVALID, "variadic argument 2 is void"},
    {"struct unknown", FERRY_INCOMPLETE, "variadic argument 2 has the incomplete type struct unknown"},
    {"int[3]", FERRY_INVALID, "variadic argument 2 is an array, which C passes as a pointer: declare it as that"},
    {"int(double)", FERRY_INVALID,
     "variadic argument 2 is a function, which C passes as a pointer: declare it as that"},
};
#define REFUSED (sizeof refused / sizeof refused[0])

typedef struct Asking {
    const ferry_type *types[REFUSED];
    const ferry_type *integer;
    const ferry_type *foreign;
} Asking;

static void expect_refusal(ferry_code got, ferry_code code, const ferry_error *error, const char *message) {
    cr_expect_eq(got, code, "%s", error->message);
    cr_expect_eq(error->code, code);
    cr_expect_str_eq(error->message, message);
}

static void ask_wrongly(void *context, void *arguments, void *result) {
    Asking *asking = context;
    ferry_cursor *cursor = ((void **)arguments)[1];
    ferry_error error;
    int value = 0;
    cr_assert_eq(ferry_cursor_next(cursor, asking->integer, &value, &error), FERRY_OK, "%s", error.message);
    cr_expect_eq(value, 10);
    for (size_t i = 0; i < REFUSED; i++) {
        unsigned char room[64];
        memset(room, 0xA5, sizeof room);
        ferry_code code = ferry_cursor_next(cursor, asking->types[i], room, &error);
        expect_refusal(code, refused[i].code, &error, refused[i].message);
        for (size_t k = 0; k < sizeof room; k++) cr_assert_eq(room[k], 0xA5);
    }
    expect_refusal(ferry_cursor_next(cursor, asking->foreign, &value, &error), FERRY_FOREIGN, &error,
                   "type belongs to another engine");
    expect_refusal(ferry_cursor_next(cursor, NULL, &value, &error), FERRY_INVALID, &error, "type is NULL");
    expect_refusal(ferry_cursor_next(cursor, asking->integer, NULL, &error), FERRY_INVALID, &error, "value is NULL");
    expect_refusal(ferry_cursor_next(NULL, asking->integer, &value, &error), FERRY_INVALID, &error, "cursor is NULL");
    cr_expect_eq(ferry_cursor_next(cursor, asking->types[0], &value, NULL), FERRY_INVALID);
    ferry_cursor_rewind(NULL);
    /* None of this moved it. */
    cr_assert_eq(ferry_cursor_next(cursor, asking->integer, &value, &error), FERRY_OK, "%s", error.message);
    *(int *)result = value;
}

Test(variadic_closure, wrong_types_are_refused_and_do_not_move_the_cursor) {
    ferry_engine *other = new_engine(FERRY_NEVER);
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        ferry_error error;
        Asking asking = {.integer = ferry_type_scalar(engine, FERRY_INT, NULL),
                         .foreign = ferry_type_scalar(other, FERRY_INT, NULL)};
        for (size_t i = 0; i < REFUSED; i++) {
            asking.types[i] = i == 5 ? ferry_type_incomplete(engine, FERRY_STRUCT, "unknown", &error)
                                     : ferry_type_parse(engine, NULL, refused[i].type, &error);
            cr_assert_not_null(asking.types[i], "%s: %s", refused[i].type, error.message);
        }
        ferry_closure_options options = {.convention = closure_ways[w].convention};
        ferry_closure *closure = new_closure(engine, "int f(long, ...)", ask_wrongly, &asking, &options);
        cr_expect_eq(((int (*)(long, ...))ferry_closure_code(closure))(1, 10, 20), 20, "%s", closure_ways[w].name);
        release(closure);
        free_engine(engine);
    }
    free_engine(other);
}

typedef struct Halved {
    const ferry_type *vector, *real;
} Halved;

static void ask_for_more_than_is_known(void *context, void *arguments, void *result) {
    const Halved *halved = context;
    ferry_cursor *cursor = ((void **)arguments)[1];
    ferry_error error;
    v4 vector = {0};
    double real = 0;
    cr_expect_eq(ferry_cursor_next(cursor, halved->vector, &vector, &error), FERRY_UNSUPPORTED);
    cr_expect_not_null(strstr(error.message, "variadic argument 1: "), "%s", error.message);
    cr_assert_eq(ferry_cursor_next(cursor, halved->real, &real, &error), FERRY_OK, "%s", error.message);
    *(double *)result = real + vector[0];
}

Test(variadic_closure, half_a_vector_is_refused_and_does_not_move_the_cursor) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_error error;
    const ferry_type *real = ferry_type_scalar(engine, FERRY_DOUBLE, NULL);
    Halved halved = {ferry_type_vector(engine, real, 16, &error), real};
    cr_assert_not_null(halved.vector, "%s", error.message);
    ferry_closure *closure = new_closure(engine, "double f(int, ...)", ask_for_more_than_is_known, &halved, NULL);
    cr_expect_eq(((double (*)(int, ...))ferry_closure_code(closure))(1, 2.5, 3.5), 2.5);
    release(closure);
    free_engine(engine);
}

Test(variadic_closure, a_refusal_reads_as_that_of_a_signature) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_error error;
    const ferry_type *types[] = {ferry_type_scalar(engine, FERRY_INT, NULL),
                                 ferry_type_scalar(engine, FERRY_FLOAT, NULL)};
    cr_expect_null(ferry_signature_of_call(engine, parse(engine, "int f(long, ...)"), types, 2, &error));
    cr_expect_str_eq(error.message, refused[0].message);
    free_engine(engine);
}

CALLER(told, (int, ...), 1, 2.5, two1, 3L)
static const Case told_case = {
    "long f(int, ..., double, struct two, long)", told, {I(1), D(2.5), IS(struct two, two1), L(3)}, {{0}}, false};

static void receive_named(void *context, void *arguments, void *result) {
    Receiver *receiver = context;
    check_named(receiver, arguments);
    receiver->calls++;
    *(long *)result = 4711;
}

Test(variadic_closure, a_signature_that_tells_its_variadic_arguments_has_them_as_any_others) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        Receiver receiver;
        ferry_error error;
        open_receiver(&receiver, &closure_ways[w], &told_case);
        receiver.signature = parse(receiver.engine, TYPES "long f(int, ..., double, struct two, long)");
        ferry_closure_options options = {.convention = closure_ways[w].convention};
        ferry_closure *closure =
            ferry_closure_create(receiver.engine, receiver.signature, receive_named, &receiver, &options, &error);
        cr_assert_not_null(closure, "%s", error.message);
        cr_expect_eq(told(ferry_closure_code(closure)), 4711);
        cr_expect_eq(receiver.calls, 1);
        release(closure);
        close_receiver(&receiver);
    }
}
