/* Not a byte too many is read or written, and none that a value does not own is trusted. */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "workshop.h"

/* Structs of 1 to 20 bytes without alignment: the callee adds up what it received, weighted by position. */
#define SIZES(X)                                                                                                       \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(19) X(20)

static long weigh(const uint8_t *bytes, size_t size) {
    long sum = 0;
    for (size_t i = 0; i < size; i++) sum += (long)((i + 1) * bytes[i]);
    return sum;
}

#define DEFINE(n)                                                                                                      \
    struct bytes##n {                                                                                                  \
        uint8_t c[n];                                                                                                  \
    };                                                                                                                 \
    static long weigh##n(struct bytes##n value) {                                                                      \
        return weigh(value.c, n);                                                                                      \
    }                                                                                                                  \
    static struct bytes##n make##n(uint8_t first) {                                                                    \
        struct bytes##n value;                                                                                         \
        for (size_t i = 0; i < n; i++) value.c[i] = (uint8_t)(first + i);                                              \
        return value;                                                                                                  \
    }
SIZES(DEFINE)

static const struct Sized {
    size_t size;
    void (*weigh)(void);
    void (*make)(void);
} sized[] = {
#define ROW(n) {n, FUNCTION(weigh##n), FUNCTION(make##n)},
    SIZES(ROW)
#undef ROW
};

/* arguments: what the convention wants for one value at `value`. */
static const void *arguments_of(ferry_convention convention, uint8_t *value, void **cell) {
    *cell = value;
    return convention == FERRY_SLOTS ? (const void *)value : (const void *)cell;
}

Test(jit_exact, no_byte_beyond_a_struct_is_read) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(sized); i++) {
        size_t size = sized[i].size;
        char declaration[80];
        snprintf(declaration, sizeof declaration, "long f(struct { unsigned char c[%zu]; })", size);
        uint8_t *value = page_end(size);
        for (size_t k = 0; k < size; k++) value[k] = (uint8_t)(k * 7 + size);
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, declaration, convention, quality);
            void *cell;
            long sum = 0;
            call(&made, sized[i].weigh, arguments_of(convention, value, &cell), &sum);
            cr_expect_eq(sum, weigh(value, size), "%s", declaration);
        }
    }
    workshop_close(&workshop);
}

Test(jit_exact, no_byte_beyond_a_struct_is_written) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(sized); i++) {
        size_t size = sized[i].size;
        char declaration[80];
        snprintf(declaration, sizeof declaration, "struct { unsigned char c[%zu]; } f(unsigned char)", size);
        uint8_t *result = page_end(size);
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, declaration, convention, quality);
            uint64_t first = 100 + size;
            const void *cell = &first;
            memset(result, 0, size);
            call(&made, sized[i].make, convention == FERRY_SLOTS ? (const void *)&first : (const void *)&cell, result);
            for (size_t k = 0; k < size; k++) cr_expect_eq(result[k], (uint8_t)(first + k), "%s", declaration);
        }
    }
    workshop_close(&workshop);
}

/* Odd pieces in a vector register: three halves are six bytes of one. */
struct halves {
    _Float16 h[3];
};

static struct halves turn(struct halves value) {
    return (struct halves){{value.h[2], value.h[1], value.h[0]}};
}

Test(jit_exact, three_halves_are_six_bytes) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop, "struct h { _Float16 h[3]; } f(struct h)", convention, quality);
        struct halves *value = (void *)page_end(sizeof *value), *result = (void *)page_end(sizeof *result);
        void *cell;
        *value = (struct halves){{(_Float16)1.5, (_Float16)-2, (_Float16)0.25}};
        call(&made, FUNCTION(turn), arguments_of(convention, (uint8_t *)value, &cell), result);
        cr_expect(result->h[0] == value->h[2] && result->h[1] == value->h[1] && result->h[2] == value->h[0]);
    }
    workshop_close(&workshop);
}

static float half_of(float value) {
    return value / 2;
}

Test(jit_exact, of_a_float_only_its_four_bytes_are_written) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop, "float f(float)", convention, quality);
        float *value = (void *)page_end(sizeof *value), *result = (void *)page_end(sizeof *result);
        void *cell;
        *value = 5;
        call(&made, FUNCTION(half_of), arguments_of(convention, (uint8_t *)value, &cell), result);
        cr_expect_eq(*result, 2.5F);
    }
    workshop_close(&workshop);
}

/* The C types of narrow integers, each with what a register of all bits set means in it. */
static uint64_t garbage(uint64_t value) {
    return value | 0xa5a5a5a500000000;
}
static uint64_t garbage8(void) {
    return 0x5a5a5a5a5a5a5a80;
}
static uint64_t garbage16(void) {
    return 0x5a5a5a5a5a5a8000;
}
static uint64_t garbage32(void) {
    return 0x5a5a5a5a80000000;
}

static const struct Narrow {
    const char *declaration;
    uint64_t (*function)(void);
    uint64_t extended;
} narrow[] = {
    {"signed char f(void)", garbage8, (uint64_t)INT8_MIN},
    {"char f(void)", garbage8, (uint64_t)INT8_MIN},
    {"unsigned char f(void)", garbage8, 0x80},
    {"_Bool f(void)", garbage8, 0x80},
    {"short f(void)", garbage16, (uint64_t)INT16_MIN},
    {"unsigned short f(void)", garbage16, 0x8000},
    {"int f(void)", garbage32, (uint64_t)INT32_MIN},
    {"unsigned f(void)", garbage32, 0x80000000},
    {"enum e : short { A } f(void)", garbage16, (uint64_t)INT16_MIN},
};

Test(jit_exact, narrow_results_fill_eight_bytes_whatever_the_callee_left_above_them) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(narrow); i++) {
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, narrow[i].declaration, convention, quality);
            uint64_t result[2] = {0x1111111111111111, 0x2222222222222222};
            call(&made, FUNCTION(narrow[i].function), NULL, result);
            cr_expect_eq(result[0], narrow[i].extended, "%s gives %llx", narrow[i].declaration,
                         (unsigned long long)result[0]);
            cr_expect_eq(result[1], 0x2222222222222222);
        }
    }
    workshop_close(&workshop);
}

/* What clang's callees take for granted: 32 bits are right. */
static long whole(int a, int b, int c, int d, int e, int f, int g, int h, int i, unsigned j) {
    cr_expect_eq(a, -128);
    cr_expect_eq(b, 0x80);
    cr_expect_eq(c, -32768);
    cr_expect_eq(d, 0x8000);
    cr_expect_eq(e, 7);
    cr_expect_eq(f, 8);
    cr_expect_eq(g, -128, "on the stack");
    cr_expect_eq(h, 0x8000, "on the stack");
    cr_expect_eq(i, -9, "on the stack");
    cr_expect_eq(j, 0x80000001, "on the stack");
    return 1;
}

Test(jit_exact, narrow_arguments_are_extended_whatever_the_slot_holds_above_them) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    uint64_t slots[10] = {0x80, 0x80, 0x8000, 0x8000, 7, 8, 0x80, 0x8000, (uint32_t)-9, 0x80000001};
    void *pointers[10];
    for (size_t i = 0; i < 10; i++) {
        uint64_t above = i == 0 || i == 1 || i == 6 ? ~(uint64_t)0xff : ~(uint64_t)0xffff;
        bool is_int = i == 4 || i == 5 || i >= 8;
        slots[i] = is_int ? garbage(slots[i]) : slots[i] | (above & 0x7777777777777777);
        pointers[i] = &slots[i];
    }
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop,
                                  "long f(signed char, unsigned char, short, unsigned short, int, int, signed char, "
                                  "unsigned short, int, unsigned)",
                                  convention, quality);
        long result = 0;
        call(&made, FUNCTION(whole), convention == FERRY_SLOTS ? (void *)slots : (void *)pointers, &result);
        cr_expect_eq(result, 1);
    }
    workshop_close(&workshop);
}

/* Types whose alignment a slot does not have. */
struct wide {
    alignas(64) long x[8];
};

static struct wide make_wide(long first) {
    struct wide value;
    for (long i = 0; i < 8; i++) value.x[i] = first + i;
    return value;
}

/* rdi is the hidden result's address: looked at before any struct is made in it */
static void *check_wide(void *hidden, long first) {
    cr_expect_eq((uintptr_t)hidden % 64, 0, "the hidden result is not aligned");
    struct wide value = make_wide(first);
    return memcpy(hidden, &value, sizeof value);
}

#define WIDE "struct wide { _Alignas(64) long x[8]; } "

Test(jit_exact, an_over_aligned_hidden_result_is_aligned_although_the_slots_are_not) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    alignas(64) uint64_t memory[17];
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        Made made = workshop_make(&workshop, WIDE "f(long)", FERRY_SLOTS, quality);
        uint64_t first = 40;
        for (size_t shift = 0; shift < 8; shift++) {
            memset(memory, 0, sizeof memory);
            call(&made, FUNCTION(check_wide), &first, memory + shift);
            for (size_t i = 0; i < 8; i++) cr_expect_eq(memory[shift + i], 40 + i);
            cr_expect_eq(memory[shift + 8], 0);
        }
    }
    workshop_close(&workshop);
}

/* The compiler takes the alignment for granted: it must not see what is asked. */
static uintptr_t hidden_address(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    __asm__ volatile("" : "+r"(address));
    return address;
}

static long sum_wide(long before, struct wide value, long a, long b, long c, long d, long e, long f,
                     struct wide other) {
    cr_expect_eq(hidden_address(&value) % 64, 0, "the first argument is not aligned");
    cr_expect_eq(hidden_address(&other) % 64, 0, "the last argument is not aligned");
    long sum = before + a + b + c + d + e + 10 * f;
    for (size_t i = 0; i < 8; i++) sum += 100 * value.x[i] + 10000 * other.x[i];
    return sum;
}

/* f is on the stack after a struct at offset 0, so that 56 bytes are left free before the other struct */
Test(jit_exact, an_over_aligned_argument_is_aligned_on_the_stack) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    alignas(64) long slots[23]; /* before, value, a to f, other: neither struct is at a multiple of 64 */
    struct wide values[2];
    for (long i = 0; i < 23; i++) slots[i] = 1;
    for (long i = 0; i < 16; i++) values[i / 8].x[i % 8] = 1;
    void *pointers[] = {slots, &values[0], slots, slots, slots, slots, slots, slots, &values[1]};
    EACH_WAY(convention, quality) {
        Made made = workshop_make(&workshop,
                                  WIDE "; long f(long, struct wide, long, long, long, long, long, long, "
                                       "struct wide);",
                                  convention, quality);
        long result = 0;
        call(&made, FUNCTION(sum_wide), convention == FERRY_SLOTS ? (void *)slots : (void *)pointers, &result);
        cr_expect_eq(result, 6 + 10 + 800 + 80000, "%ld", result);
    }
    workshop_close(&workshop);
}

/* Packed members make a value of alignment 1: it may lie anywhere. */
struct __attribute__((packed)) odd {
    char c;
    double d;
    long l;
};

static double weigh_odd(struct odd value) {
    return value.c + value.d + (double)value.l;
}

Test(jit_exact, a_packed_struct_may_lie_at_any_address) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        Made made = workshop_make(&workshop, "double f(struct __attribute__((packed)) { char c; double d; long l; })",
                                  FERRY_POINTERS, quality);
        struct odd *value = (void *)page_end(sizeof *value);
        *value = (struct odd){1, 2.5, 100};
        const void *pointers[] = {value};
        double result = 0;
        call(&made, FUNCTION(weigh_odd), pointers, &result);
        cr_expect_eq(result, 103.5);
    }
    workshop_close(&workshop);
}
