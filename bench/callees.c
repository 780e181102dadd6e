/* callees.c: the C functions that are called, and the handlers. Each looks at all of its arguments and does little
 * else, so that what is measured is the way there and back. They stand alone in this file, compiled without link-time
 * optimisation. */
#include "bench/callees.h"

#include <stdarg.h>

long callee_none_ran;

void callee_none(void) {
    callee_none_ran = 1;
}

long callee_long1(long a) {
    return a + 1;
}

double callee_double3(double a, double b, double c) {
    return a - b + c;
}

long callee_long6(long a, long b, long c, long d, long e, long f) {
    return a + 2 * b + 4 * c - d - 2 * e + 8 * f;
}

long callee_long12(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
    return a + 2 * b + 4 * c - d - 2 * e + 8 * f + (g + 4 * h) - (i + 2 * j) + (k + 8 * l);
}

double callee_double10(double a, double b, double c, double d, double e, double f, double g, double h, double i,
                       double j) {
    return ((a - b) + (c - d)) - ((e - f) - (g + h)) + (i - j);
}

double callee_mixed8(int a, double b, long c, float d, short e, double f, char g, const char *h) {
    return (double)(a + 2 * c + 4 * e - g + *h) + (b - f + (double)d);
}

Pair callee_pair(Pair a) {
    return (Pair){a.x + a.y, a.y};
}

Triple callee_triple(Triple a) {
    return (Triple){a.c, a.a, a.b};
}

int callee_variadic(int a, ...) {
    va_list list;
    va_start(list, a);
    int b = va_arg(list, int);
    double c = va_arg(list, double);
    long d = va_arg(list, long);
    va_end(list);
    return a + 2 * b + (int)c + 4 * (int)d;
}

/* ---- handlers: the same, inlined, on what the convention hands over ---- */

#define IN_SLOT(type, index) (*(type const *)((const char *)arguments + 8 * (index)))
#define BEHIND(type, index)  (*(type const *)((const void *const *)arguments)[index])

#define HANDLE(convention, name, result, values)                                                                       \
    __attribute__((flatten)) void handle_##convention##_##name(void *context, void *arguments, void *where) {          \
        (void)context;                                                                                                 \
        (void)arguments;                                                                                               \
        KEEP_##result(where, callee_##name values);                                                                    \
    }
#define HANDLE_SLOTS(name, result, types, values)    HANDLE(slots, name, result, values)
#define HANDLE_POINTERS(name, result, types, values) HANDLE(pointers, name, result, values)
#define HANDLE_FFI(name, result, types, values)                                                                        \
    __attribute__((flatten)) void handle_ffi_##name(ffi_cif *cif, void *where, void **arguments, void *context) {      \
        (void)cif;                                                                                                     \
        (void)context;                                                                                                 \
        (void)arguments;                                                                                               \
        KEEP_##result(where, callee_##name values);                                                                    \
    }

FIXED_SIGNATURES(HANDLE_SLOTS, IN_SLOT)
FIXED_SIGNATURES(HANDLE_POINTERS, BEHIND)
FIXED_SIGNATURES(HANDLE_FFI, BEHIND)
