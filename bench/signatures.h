/* signatures.h: the measured signatures, written once.
 *
 * This list becomes the callees' prototypes, the loops of direct calls, and the hand-specialised wrappers, which gcc,
 * clang and TinyCC each compile (limit.c). It includes nothing, so that TinyCC can be given it as a string.
 *
 *   X(name, result, parameter types, arguments)
 *   AT(type, index): the argument of that type and position, as the user of the list finds it
 *   KEEP_result(where, call): stores a result as the slots convention wants it; int fills its slot
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

#define KEEP_void(where, call)   ((void)(where), call)
#define KEEP_int(where, call)    (*(long *)(where) = call)
#define KEEP_long(where, call)   (*(long *)(where) = call)
#define KEEP_double(where, call) (*(double *)(where) = call)
#define KEEP_Pair(where, call)   (*(Pair *)(where) = call)
#define KEEP_Triple(where, call) (*(Triple *)(where) = call)

#define SIGNATURES(X, AT)                                                                                              \
    X(none, void, (void), ())                                                                                          \
    X(long1, long, (long), (AT(long, 0)))                                                                              \
    X(double3, double, (double, double, double), (AT(double, 0), AT(double, 1), AT(double, 2)))                        \
    X(long6, long, (long, long, long, long, long, long),                                                               \
      (AT(long, 0), AT(long, 1), AT(long, 2), AT(long, 3), AT(long, 4), AT(long, 5)))                                  \
    X(long12, long, (long, long, long, long, long, long, long, long, long, long, long, long),                          \
      (AT(long, 0), AT(long, 1), AT(long, 2), AT(long, 3), AT(long, 4), AT(long, 5), AT(long, 6), AT(long, 7),         \
       AT(long, 8), AT(long, 9), AT(long, 10), AT(long, 11)))                                                          \
    X(double10, double, (double, double, double, double, double, double, double, double, double, double),              \
      (AT(double, 0), AT(double, 1), AT(double, 2), AT(double, 3), AT(double, 4), AT(double, 5), AT(double, 6),        \
       AT(double, 7), AT(double, 8), AT(double, 9)))                                                                   \
    X(mixed8, double, (int, double, long, float, short, double, char, const char *),                                   \
      (AT(int, 0), AT(double, 1), AT(long, 2), AT(float, 3), AT(short, 4), AT(double, 5), AT(char, 6), AT(char *, 7))) \
    X(pair, Pair, (Pair), (AT(Pair, 0)))                                                                               \
    X(triple, Triple, (Triple), (AT(Triple, 0)))                                                                       \
    X(variadic, int, (int, ...), (AT(int, 0), AT(int, 1), AT(double, 2), AT(long, 3)))

#endif
