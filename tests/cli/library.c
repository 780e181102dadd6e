/* Functions for the transcripts beside this file to call: one for each way that a value can be written. */
#include <complex.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Integers: each comes back as it was. */
EXPORT bool same_bool(bool value) {
    return value;
}
EXPORT char same_char(char value) {
    return value;
}
EXPORT signed char same_schar(signed char value) {
    return value;
}
EXPORT unsigned char same_uchar(unsigned char value) {
    return value;
}
EXPORT short same_short(short value) {
    return value;
}
EXPORT unsigned same_unsigned(unsigned value) {
    return value;
}
EXPORT long same_long(long value) {
    return value;
}
EXPORT uint64_t same_uint64(uint64_t value) {
    return value;
}
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;
EXPORT Int128 same_int128(Int128 value) {
    return value;
}
EXPORT Uint128 same_uint128(Uint128 value) {
    return value;
}

typedef enum Colour { RED, GREEN = 5, BLUE } Colour;
EXPORT Colour next_colour(Colour colour) {
    return colour == RED ? GREEN : BLUE;
}

/* Floats. */
EXPORT float same_float(float value) {
    return value;
}
EXPORT double same_double(double value) {
    return value;
}
EXPORT long double same_long_double(long double value) {
    return value;
}
EXPORT double complex twice(double complex value) {
    return 2 * value;
}
EXPORT float complex conjugate(float complex value) {
    return conjf(value);
}
#ifdef __SIZEOF_FLOAT128__
__extension__ typedef __float128 Quad;
EXPORT Quad same_quad(Quad value) {
    return value;
}
#endif

#ifdef __FLT16_MAX__
EXPORT _Float16 same_half(_Float16 value) {
    return value;
}
#endif

/* Structs, unions, arrays, bit-fields, vectors. */
struct point {
    double x, y;
};
EXPORT struct point swap(struct point p) {
    return (struct point){p.y, p.x};
}

struct line {
    struct point ends[2];
    char name[8];
};
EXPORT struct line turn(struct line line) {
    struct point first = line.ends[0];
    line.ends[0] = line.ends[1];
    line.ends[1] = first;
    return line;
}

union number {
    float f;
    int32_t i;
};
EXPORT union number same_number(union number value) {
    return value;
}

struct packet {
    unsigned kind : 3;
    int delta : 5;
    unsigned : 4;
    unsigned size : 12;
};
EXPORT struct packet grow(struct packet p) {
    p.size++;
    p.delta = -p.delta;
    return p;
}

struct shape {
    Colour colour;
    union {
        int radius;
        struct {
            short width, height;
        };
    };
    const char *label;
};
EXPORT struct shape same_shape(struct shape value) {
    return value;
}

typedef int four __attribute__((vector_size(16)));
EXPORT four add(four a, four b) {
    return a + b;
}

/* Memory. */
EXPORT int sum(const int *values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++) total += values[i];
    return total;
}
EXPORT void negate(int *values, int count) {
    for (int i = 0; i < count; i++) values[i] = -values[i];
}
EXPORT double total_x(const struct point *points, int count) {
    double total = 0;
    for (int i = 0; i < count; i++) total += points[i].x;
    return total;
}
EXPORT int apply(int (*function)(int), int value) {
    return function(value);
}
EXPORT int triple(int value) {
    return 3 * value;
}
EXPORT int is_null(const void *pointer) {
    return pointer == NULL;
}
EXPORT void *same_pointer(void *pointer) {
    return pointer;
}
EXPORT int a_variable = 7;

/* Text. */
EXPORT const char *greeting(void) {
    return "h\xc3\xa9llo \"you\"\n\x01";
}
EXPORT void say(const char *text) {
    printf("said: %s", text);
}

/* Variadic: prints each argument by its letter in kinds. */
EXPORT int show(const char *kinds, ...) {
    va_list list;
    va_start(list, kinds);
    int count = 0;
    for (; kinds[count] != '\0'; count++) {
        switch (kinds[count]) {
        case 'i': printf("int %d\n", va_arg(list, int)); break;
        case 'u': printf("unsigned %u\n", va_arg(list, unsigned)); break;
        case 'l': printf("long %ld\n", va_arg(list, long)); break;
        case 'd': printf("double %g\n", va_arg(list, double)); break;
        case 'D': printf("long double %Lg\n", va_arg(list, long double)); break;
        case 's': printf("string %s\n", va_arg(list, const char *)); break;
        default: printf("pointer %s\n", va_arg(list, void *) == NULL ? "NULL" : "to something");
        }
    }
    va_end(list);
    return count;
}

EXPORT int fail_with(int number) {
    errno = number;
    return -1;
}

EXPORT void crash(void) {
    abort();
}
EXPORT int read_from(const volatile int *pointer) {
    return *pointer;
}
EXPORT void nothing(void) {}
EXPORT unsigned char bytes_or(const unsigned char *bytes, size_t count) {
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++) all |= bytes[i];
    return all;
}
EXPORT size_t length_of_all(const char *const *texts, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += strlen(texts[i]);
    return total;
}
