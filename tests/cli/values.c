/* Values in memory against what the compiler makes of the same numbers. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void print(ferry_kind kind, const void *memory, char *text, size_t size) {
    FILE *out = fmemopen(text, size, "w");
    cr_assert_not_null(out);
    write_float(out, kind, memory);
    fclose(out);
}

/* The digits of a number, without leading and trailing zeros. */
static size_t significant_digits(const char *text) {
    size_t count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        if (*text == '0') {
            if (count > 0) zeros++;
            continue;
        }
        count += zeros + 1;
        zeros = 0;
    }
    return count;
}

static void expect_read_back(ferry_kind kind, const void *memory, size_t size) {
    char text[128], *end;
    unsigned char again[16] = {0};
    print(kind, memory, text, sizeof text);
    scan_float(kind, text, &end, again);
    cr_assert_eq(*end, '\0', "%s", text);
    cr_assert_eq(memcmp(again, memory, size), 0, "%s reads back differently", text);
    cr_assert_leq(significant_digits(text), float_digits(kind), "%s is too long", text);
}

Test(values, every_half_reads_back_as_it_was_written) {
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits;
        bool is_nan = (bits & 0x7FFF) > 0x7C00;
        if (!is_nan) expect_read_back(FERRY_FLOAT16, &half, sizeof half);
    }
}

Test(values, every_bfloat_reads_back_as_it_was_written) {
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t bfloat = (uint16_t)bits;
        bool is_nan = (bits & 0x7FFF) > 0x7F80;
        if (!is_nan) expect_read_back(FERRY_BFLOAT16, &bfloat, sizeof bfloat);
    }
}

#ifdef __FLT16_MAX__
Test(values, halves_are_rounded_as_the_compiler_rounds_them) {
    uint64_t state = 88172645463325252;
    for (int i = 0; i < 200000; i++) {
        char text[64], *end;
        double value = ldexp((double)(int64_t)next(&state), -63 + (int)(next(&state) % 48) - 30);
        if (i % 4 == 0) value = ldexp(rint(ldexp(value, 12)), -12); /* ties are among these */
        _Float16 expected = (_Float16)value, found;
        snprintf(text, sizeof text, "%.17g", value);
        scan_float(FERRY_FLOAT16, text, &end, &found);
        uint16_t found_bits, expected_bits;
        memcpy(&found_bits, &found, sizeof found_bits);
        memcpy(&expected_bits, &expected, sizeof expected_bits);
        cr_assert_eq(found_bits, expected_bits, "%s", text);
    }
}
#endif

Test(values, bfloats_are_rounded_to_nearest_even) {
    static const struct {
        const char *text;
        uint16_t bits;
    } cases[] = {{"1", 0x3F80},       {"1.00390625", 0x3F80}, {"1.01171875", 0x3F82}, {"1.0039063", 0x3F81},
                 {"-2", 0xC000},      {"3.39e38", 0x7F7F},    {"3.4e38", 0x7F80},     {"9.2e-41", 0x0001},
                 {"4.5e-41", 0x0000}, {"-0", 0x8000},         {"1e-38", 0x006D},      {"inf", 0x7F80}};
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        uint16_t found;
        char *end;
        scan_float(FERRY_BFLOAT16, cases[i].text, &end, &found);
        cr_expect_eq(found, cases[i].bits, "%s is %#x", cases[i].text, found);
    }
}

Test(values, floats_of_every_width_read_back_and_are_the_shortest) {
    static const struct {
        ferry_kind kind;
        size_t size;
    } kinds[] = {{FERRY_FLOAT, sizeof(float)}, {FERRY_DOUBLE, sizeof(double)}};
    uint64_t state = 2463534242;
    for (int i = 0; i < 20000; i++) {
        for (size_t k = 0; k < LENGTH_OF(kinds); k++) {
            uint64_t bits = next(&state);
            double value;
            float narrow;
            memcpy(&value, &bits, sizeof value);
            memcpy(&narrow, &bits, sizeof narrow);
            if (kinds[k].kind == FERRY_DOUBLE ? isnan(value) || isinf(value) : isnan(narrow) || isinf(narrow)) continue;
            expect_read_back(kinds[k].kind, &bits, kinds[k].size);

            char text[128], shorter[128], *end;
            unsigned char again[16] = {0};
            print(kinds[k].kind, &bits, text, sizeof text);
            size_t digits = significant_digits(text);
            double wide = kinds[k].kind == FERRY_DOUBLE ? value : (double)narrow;
            bool is_integer = wide == rint(wide) && fabs(wide) < 1e18; /* written in full */
            if (digits < 2 || is_integer) continue;
            snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, wide);
            scan_float(kinds[k].kind, shorter, &end, again);
            cr_assert_neq(memcmp(again, &bits, kinds[k].size), 0, "%s would do for %s", shorter, text);
        }
    }
}

Test(values, long_doubles_read_back) {
    uint64_t state = 1;
    for (int i = 0; i < 5000; i++) {
        long double value = ldexpl((long double)next(&state), (int)(next(&state) % 2000) - 1000);
        unsigned char memory[16] = {0};
        memcpy(memory, &value, LDBL_MANT_DIG == 64 ? 10 : sizeof value);
        expect_read_back(FERRY_LONG_DOUBLE, memory, LDBL_MANT_DIG == 64 ? 10 : sizeof value);
    }
}

#if defined(__GLIBC__) && defined(__SIZEOF_FLOAT128__)
Test(values, quads_read_back_and_have_all_their_digits) {
    __extension__ typedef __float128 Quad;
    uint64_t state = 7;
    for (int i = 0; i < 5000; i++) {
        Quad whole = (Quad)next(&state), divisor = (Quad)next(&state), value = whole + whole / divisor;
        expect_read_back(FERRY_FLOAT128, &value, sizeof value);
    }
    Quad third = (Quad)1 / 3;
    char text[128];
    print(FERRY_FLOAT128, &third, text, sizeof text);
    cr_expect_str_eq(text, "0.3333333333333333333333333333333333");
}
#endif

Test(values, numbers_are_written_as_people_write_them) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {1024, "1024"},
                 {0.5, "0.5"},
                 {100000, "100000"},
                 {1e15, "1000000000000000"},
                 {1e17, "1e+17"},
                 {123.25, "123.25"},
                 {0.001, "0.001"},
                 {0.00001, "0.00001"},
                 {1e-6, "1e-06"},
                 {1.5e-9, "1.5e-09"},
                 {-1e300, "-1e+300"},
                 {72057594037927936.0, "72057594037927936"},
                 {1e22, "1e+22"},
                 {12345678.5, "12345678.5"}};
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        char text[128];
        print(FERRY_DOUBLE, &cases[i].value, text, sizeof text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

/* Stored and loaded at every position and width, beside what the compiler does with the same fields. */
Test(values, bit_fields_are_stored_where_they_belong_and_touch_nothing_else) {
    for (uint32_t bit = 0; bit < 24; bit++) {
        for (uint32_t bits = 1; bits <= 32; bits++) {
            unsigned char memory[8], before[8];
            memset(memory, 0xA5, sizeof memory);
            memcpy(before, memory, sizeof before);
            Place place = {.memory = (char *)memory, .bit = bit, .bits = bits, .is_bitfield = true};
            Wide value = (Wide)0x9E3779B9u & (((Wide)1 << bits) - 1);
            store_integer(&place, 4, value);
            cr_assert(load_integer(&place, 4, false) == value);
            store_integer(
                &place, 4,
                load_integer(&(Place){.memory = (char *)before, .bit = bit, .bits = bits, .is_bitfield = true}, 4,
                             false));
            cr_assert_arr_eq(memory, before, sizeof memory);
        }
    }
}

Test(values, bit_fields_agree_with_the_compiler) {
    struct {
        unsigned a : 3;
        int b : 5;
        unsigned c : 12;
        int d : 11;
    } fields = {.a = 5, .b = -7, .c = 3000, .d = -1000};
    static const struct {
        uint32_t bit, bits;
        bool is_signed;
        int value;
    } rows[] = {{0, 3, false, 5}, {3, 5, true, -7}, {8, 12, false, 3000}, {20, 11, true, -1000}};
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        Place place = {.memory = (char *)&fields, .bit = rows[i].bit, .bits = rows[i].bits, .is_bitfield = true};
        cr_expect_eq((int)load_integer(&place, 4, rows[i].is_signed), rows[i].value);
    }
}

Test(values, wide_integers_are_written_in_full) {
    char buffer[48];
    cr_expect_str_eq(format_wide(0, false, buffer), "0");
    cr_expect_str_eq(format_wide(UINT64_MAX, true, buffer), "-18446744073709551615");
#ifdef __SIZEOF_INT128__
    cr_expect_str_eq(format_wide(~(Wide)0, false, buffer), "340282366920938463463374607431768211455");
#endif
}
