/* slow.c: what libffi cannot pass exactly is refused, and the message says which value and why. */
#include <stdint.h>

#include "support.h"

static void never_called(void) {
    abort();
}

typedef struct Refusal {
    const char *text;
    const char *value;  /* the culprit */
    const char *reason; /* the rule */
} Refusal;

#define V16 "typedef float v __attribute__((vector_size(16))); "
#define V32 "typedef float v __attribute__((vector_size(32))); "

static const Refusal refusals[] = {
    {"__float128 f(void)", "the result (__float128)", "8 bytes of a vector register"},
    {"int f(__float128)", "parameter 1 (__float128)", "8 bytes of a vector register"},
    {V16 "v f(void)", "the result", "8 bytes of a vector register"},
    {V16 "void f(int, v)", "parameter 2", "8 bytes of a vector register"},
    {V16 "struct s { v a; }; void f(double, int, struct s)", "parameter 3 (struct s)", "8 bytes of a vector register"},
    {"struct s { __float128 q; } f(void)", "the result (struct s)", "8 bytes of a vector register"},
    {"struct __attribute__((aligned(32))) s { char c[64]; }; void f(struct s)", "parameter 1 (struct s)",
     "aligned to 16 only"},
    {V32 "void f(double, ..., v)", "parameter 2", "aligned to 16 only"},
    {"struct s { char c[2000000]; }; void f(int, struct s)", "parameter 2 (struct s)", "1 MiB"},
    {"struct s { char c[600000]; }; void f(struct s, struct s)", "parameter 2 (struct s)", "1 MiB"},
    {"struct __attribute__((aligned(16))) s { char c[2000000]; } f(void)", "the result (struct s)", "1 MiB"},
};

Test(slow, refuses_what_libffi_cannot_pass_exactly) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const Refusal *each = &refusals[i];
        ferry_error error;
        cr_assert_null(ferry_bind(engine, parse(engine, each->text), never_called, NULL, &error), "%s", each->text);
        cr_expect_eq(error.code, FERRY_UNSUPPORTED, "%s: %s", each->text, error.message);
        cr_expect(strstr(error.message, each->value) != NULL, "%s: %s", each->text, error.message);
        cr_expect(strstr(error.message, each->reason) != NULL, "%s: %s", each->text, error.message);
    }
    free_engine(engine);
}

/* The same types where they lie on the stack anyway, or travel by hidden pointer: libffi only copies bytes there. */
static const char *const accepted[] = {
    "void f(double, double, double, double, double, double, double, double, __float128)",
    V16 "void f(double, double, double, double, double, double, double, double, v)",
    "struct s { __float128 a, b; } f(void)",
    "struct __attribute__((packed)) s { char a; double b; } f(struct s)",
    "union u { long double a; int b; } f(union u)",
    "_Float16 f(_Float16)",
    "__bf16 f(__bf16)",
    "struct s { struct {} e; float f; }; struct s f(struct s, struct {})",
    "long double _Complex f(long double _Complex, ..., long double)",
    "void f(int, ..., int, double)",
};

Test(slow, accepts_what_it_can_put_in_its_place) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        ferry_error error;
        ferry_binding *binding = ferry_bind(engine, parse(engine, accepted[i]), never_called, NULL, &error);
        cr_assert_not_null(binding, "%s: %s", accepted[i], error.message);
        cr_expect_eq(ferry_binding_path(binding), FERRY_PATH_LIBFFI);
        ferry_binding_free(binding);
    }
    free_engine(engine);
}

/* ---- values that go to the stack ---- */

struct large {
    long a[20];
};
struct __attribute__((packed)) odd {
    char c;
    double d;
};

static double stacked(double a, double b, double c, double d, double e, double f, double g, double h, __float128 q,
                      struct odd o, long double l, struct large s) {
    return a + b + c + d + e + f + g + h + (double)q * 2 + o.c * 3 + o.d * 4 + (double)l * 5 + (double)s.a[19] * 6;
}

Test(slow, stacked_values_arrive) {
    static const double one = 1;
    static const __float128 quad = 2.5;
    static const struct odd odd = {-3, 4.5};
    static const long double extended = -7.25L;
    static const struct large large = {{[19] = 99}};
    const void *values[] = {&one, &one, &one, &one, &one, &one, &one, &one, &quad, &odd, &extended, &large};
    ferry_engine *engine = new_engine(FERRY_NEVER);
    for (int pointers = 0; pointers < 2; pointers++) {
        ferry_binding_options options = {.convention = pointers ? FERRY_POINTERS : FERRY_SLOTS};
        ferry_binding *binding =
            bind(engine,
                 "struct __attribute__((packed)) odd { char c; double d; }; struct large { long a[20]; };"
                 "double f(double, double, double, double, double, double, double, double, __float128, struct odd,"
                 "long double, struct large)",
                 FUNCTION(stacked), &options);
        uint64_t slots[MOST_SLOTS] __attribute__((aligned(16)));
        double result = 0;
        fill_slots(engine, ferry_binding_signature(binding), values, slots);
        ferry_call(binding, pointers ? (const void *)values : slots, &result);
        cr_expect_eq(result, stacked(1, 1, 1, 1, 1, 1, 1, 1, quad, odd, extended, large));
        ferry_binding_free(binding);
    }
    free_engine(engine);
}
