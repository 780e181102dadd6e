/* mix.c: some tens of functions, each of another shape. Parameter k (the first is 1) is k; the result is the sum of
 * their squares, made of k times parameter k: a value that went to the wrong place shows. */
#include <string.h>

#include "bench/bench.h"

#define PARAMETERS_0(a)                      a
#define PARAMETERS_1(a)                      a p1
#define PARAMETERS_2(a, b)                   PARAMETERS_1(a), b p2
#define PARAMETERS_3(a, b, c)                PARAMETERS_2(a, b), c p3
#define PARAMETERS_4(a, b, c, d)             PARAMETERS_3(a, b, c), d p4
#define PARAMETERS_5(a, b, c, d, e)          PARAMETERS_4(a, b, c, d), e p5
#define PARAMETERS_6(a, b, c, d, e, f)       PARAMETERS_5(a, b, c, d, e), f p6
#define PARAMETERS_7(a, b, c, d, e, f, g)    PARAMETERS_6(a, b, c, d, e, f), g p7
#define PARAMETERS_8(a, b, c, d, e, f, g, h) PARAMETERS_7(a, b, c, d, e, f, g), h p8

#define SUM_0 0.0
#define SUM_1 ((double)p1)
#define SUM_2 (SUM_1 + 2 * (double)p2)
#define SUM_3 (SUM_2 + 3 * (double)p3)
#define SUM_4 (SUM_3 + 4 * (double)p4)
#define SUM_5 (SUM_4 + 5 * (double)p5)
#define SUM_6 (SUM_5 + 6 * (double)p6)
#define SUM_7 (SUM_6 + 7 * (double)p7)
#define SUM_8 (SUM_7 + 8 * (double)p8)

#define MIXES(X)                                                                                                       \
    X(a1, long, 0, void)                                                                                               \
    X(a2, double, 0, void)                                                                                             \
    X(b1, long, 1, long)                                                                                               \
    X(b2, double, 1, double)                                                                                           \
    X(b3, int, 1, int)                                                                                                 \
    X(b4, float, 1, float)                                                                                             \
    X(b5, double, 1, long)                                                                                             \
    X(c1, long, 2, long, long)                                                                                         \
    X(c2, double, 2, double, double)                                                                                   \
    X(c3, double, 2, double, int)                                                                                      \
    X(c4, double, 2, int, double)                                                                                      \
    X(c5, int, 2, long, int)                                                                                           \
    X(c6, float, 2, float, float)                                                                                      \
    X(d1, long, 3, long, long, long)                                                                                   \
    X(d2, double, 3, double, double, double)                                                                           \
    X(d3, int, 3, long, int, int)                                                                                      \
    X(d4, int, 3, long, long, int)                                                                                     \
    X(d5, double, 3, long, double, double)                                                                             \
    X(d6, long, 3, int, short, char)                                                                                   \
    X(e1, long, 4, long, long, long, long)                                                                             \
    X(e2, int, 4, int, long, int, long)                                                                                \
    X(e3, double, 4, long, double, long, double)                                                                       \
    X(e4, float, 4, float, int, float, int)                                                                            \
    X(e5, int, 4, int, int, long, long)                                                                                \
    X(f1, long, 5, long, long, long, long, long)                                                                       \
    X(f2, int, 5, long, int, long, int, long)                                                                          \
    X(f3, double, 5, double, double, long, long, double)                                                               \
    X(f4, long, 5, int, double, int, double, int)                                                                      \
    X(g1, long, 6, long, long, long, long, long, long)                                                                 \
    X(g2, int, 6, long, long, int, long, long, int)                                                                    \
    X(g3, double, 6, double, double, double, double, double, double)                                                   \
    X(g4, double, 6, int, double, long, float, short, double)                                                          \
    X(h1, long, 7, long, long, long, long, long, long, long)                                                           \
    X(h2, double, 7, long, double, long, double, long, double, long)                                                   \
    X(h3, int, 7, int, int, int, int, int, int, int)                                                                   \
    X(i1, long, 8, long, long, long, long, long, long, long, long)                                                     \
    X(i2, double, 8, double, double, double, double, double, double, double, double)                                   \
    X(i3, double, 8, int, double, long, float, short, double, char, long)                                              \
    X(i4, float, 8, float, float, float, float, float, float, float, float)                                            \
    X(i5, int, 8, char, short, int, long, char, short, int, long)

#define FUNCTION(name, result, count, ...)                                                                             \
    __attribute__((noinline)) static result mix_##name(PARAMETERS_##count(__VA_ARGS__)) {                              \
        return (result)SUM_##count;                                                                                    \
    }
MIXES(FUNCTION)

#define MIX(name, result, count, ...)                                                                                  \
    {#result " f(" #__VA_ARGS__ ")", #__VA_ARGS__, #result[0], count, (Function *)mix_##name},
const Mix mixes[] = {MIXES(MIX)};
const size_t mix_count = sizeof mixes / sizeof mixes[0];

static uint64_t bits_of(char type, double value) {
    uint64_t bits = (uint64_t)value;
    float narrow = (float)value;
    if (type == 'd') memcpy(&bits, &value, sizeof value);
    if (type == 'f') memcpy(&bits, &narrow, sizeof narrow);
    return bits;
}

/* Small numbers are right in a slot, little-endian, whatever integer type is read from its start. */
void mix_fill(const Mix *mix, MixFrame *frame) {
    const char *type = mix->parameters;
    *frame = (MixFrame){0};
    for (size_t k = 0; k < mix->count; k++) {
        frame->slots[k] = bits_of(*type, (double)(k + 1));
        frame->pointers[k] = &frame->slots[k];
        type = strchr(type, ' ') != NULL ? strchr(type, ' ') + 1 : "";
    }
}

bool mix_check(const Mix *mix, MixFrame *frame) {
    double right = 0, result;
    float narrow;
    for (size_t k = 1; k <= mix->count; k++) right += (double)(k * k);
    switch (mix->result) {
    case 'd': memcpy(&result, frame->result, sizeof result); break;
    case 'f': memcpy(&narrow, frame->result, sizeof narrow), result = (double)narrow; break;
    default: result = (double)(int64_t)frame->result[0];
    }
    memset(frame->result, 0xa5, sizeof frame->result);
    return result == right;
}
