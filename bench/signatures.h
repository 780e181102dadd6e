/* signatures.h: the measured signatures, written once.
 *
 * This list becomes the callees' prototypes, the loops of direct calls and of calls back, the handlers, and what a
 * person would write by hand, wrappers and stubs, which gcc, clang and TinyCC each compile (limit.c, stubs.c). It
 * includes nothing, so that TinyCC can be given it as a string.
 *
 *   X(name, result, parameters, arguments)
 *   AT(type, index): the argument of that type and position, as the user of the list finds it; as a parameter it is
 *                    called a0, a1, ...
 *   KEEP_result(where, call): stores a result as the slots convention wants it; int fills its slot
 *
 * FIXED are those that are called in both directions, by C as well.
 *
 * Every argument's slot has the number of the argument: structs are alone here.
 */
#ifndef FERRY_BENCH_SIGNATURES_H
#define FERRY_BENCH_SIGNATURES_H

typedef struct Pair {
    double x, y;
} Pair;

typedef struct Triple {
    long a, b, c;
} Triple;

typedef const char *Text;

#define KEEP_void(where, call)   ((void)(where), call)
#define KEEP_int(where, call)    (*(long *)(where) = call)
#define KEEP_long(where, call)   (*(long *)(where) = call)
#define KEEP_double(where, call) (*(double *)(where) = call)
#define KEEP_Pair(where, call)   (*(Pair *)(where) = call)
#define KEEP_Triple(where, call) (*(Triple *)(where) = call)

#define FIXED_SIGNATURES(X, AT)                                                                                        \
    X(none, void, (void), ())                                                                                          \
    X(long1, long, (long a0), (AT(long, 0)))                                                                           \
    X(double3, double, (double a0, double a1, double a2), (AT(double, 0), AT(double, 1), AT(double, 2)))               \
    X(long6, long, (long a0, long a1, long a2, long a3, long a4, long a5),                                             \
      (AT(long, 0), AT(long, 1), AT(long, 2), AT(long, 3), AT(long, 4), AT(long, 5)))                                  \
    X(long12, long,                                                                                                    \
      (long a0, long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11),  \
      (AT(long, 0), AT(long, 1), AT(long, 2), AT(long, 3), AT(long, 4), AT(long, 5), AT(long, 6), AT(long, 7),         \
       AT(long, 8), AT(long, 9), AT(long, 10), AT(long, 11)))                                                          \
    X(double10, double,                                                                                                \
      (double a0, double a1, double a2, double a3, double a4, double a5, double a6, double a7, double a8, double a9),  \
      (AT(double, 0), AT(double, 1), AT(double, 2), AT(double, 3), AT(double, 4), AT(double, 5), AT(double, 6),        \
       AT(double, 7), AT(double, 8), AT(double, 9)))                                                                   \
    X(mixed8, double, (int a0, double a1, long a2, float a3, short a4, double a5, char a6, Text a7),                   \
      (AT(int, 0), AT(double, 1), AT(long, 2), AT(float, 3), AT(short, 4), AT(double, 5), AT(char, 6), AT(Text, 7)))   \
    X(pair, Pair, (Pair a0), (AT(Pair, 0)))                                                                            \
    X(triple, Triple, (Triple a0), (AT(Triple, 0)))

#define SIGNATURES(X, AT)                                                                                              \
    FIXED_SIGNATURES(X, AT)                                                                                            \
    X(variadic, int, (int a0, ...), (AT(int, 0), AT(int, 1), AT(double, 2), AT(long, 3)))

#endif
