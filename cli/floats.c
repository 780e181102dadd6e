/* Floating-point numbers in memory: reading, and writing the shortest text that reads back the same.
 *
 * Each number is rounded once, from its decimal text, except _Float16 and __bf16: those go through double, so that a
 * text within 2^-53 of a tie may be rounded twice. __float128 uses the C library's strtof128 where there is one
 * (glibc); elsewhere only values that long double holds can be read and written. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

#if defined(__GLIBC__) && defined(__SIZEOF_FLOAT128__)
__extension__ typedef __float128 Quad;
/* <stdlib.h> declares them with _Float128, a name that not every compiler has. */
Quad quad_scan(const char *text, char **end) __asm__("strtof128");
int quad_format(char *buffer, size_t size, const char *format, Quad value) __asm__("strfromf128");
#else
typedef long double Quad;
static Quad quad_scan(const char *text, char **end) {
    return strtold(text, end);
}
static int quad_format(char *buffer, size_t size, const char *format, Quad value) {
    char longer[16];
    snprintf(longer, sizeof longer, "%.*sLe", (int)(strlen(format) - 1), format);
    return snprintf(buffer, size, longer, value);
}
#endif

/* How many decimal digits always tell two neighbours apart: 1 + ceil(p * log10(2)) for p bits of significand. */
size_t float_digits(ferry_kind kind) {
    switch (kind) {
    case FERRY_FLOAT16: return 5;
    case FERRY_BFLOAT16: return 4;
    case FERRY_FLOAT: return FLT_DECIMAL_DIG;
    case FERRY_DOUBLE: return DBL_DECIMAL_DIG;
    case FERRY_LONG_DOUBLE: return LDBL_DECIMAL_DIG;
    default: return 36;
    }
}

/* The two 16-bit formats: sign, exponent, significand.
 *
 *   _Float16   s eeeee mmmmmmmmmm
 *   __bf16     s eeeeeeee mmmmmmm
 */
typedef struct Narrow {
    int fraction_bits;
    int least_exponent; /* of the normal numbers */
    uint16_t infinity;
} Narrow;

static Narrow narrow_of(ferry_kind kind) {
    return kind == FERRY_FLOAT16 ? (Narrow){10, -14, 0x7C00} : (Narrow){7, -126, 0x7F80};
}

/* Round to nearest, ties to even. The implicit leading one carries into the exponent by itself. */
static uint16_t narrow_from(Narrow narrow, double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value)) return (uint16_t)(sign | narrow.infinity | 1 << (narrow.fraction_bits - 1));
    if (isinf(value)) return sign | narrow.infinity;
    if (value == 0) return sign; /* has no exponent */
    if (value < 0) value = -value;
    int exponent = 0;
    frexp(value, &exponent);
    exponent--;
    if (exponent < narrow.least_exponent) exponent = narrow.least_exponent;
    double scaled = ldexp(value, narrow.fraction_bits - exponent); /* exact, or far too small to matter */
    if (exponent > 127) return sign | narrow.infinity;
    uint32_t whole = (uint32_t)scaled;
    double rest = scaled - whole;
    if (rest > 0.5 || (rest == 0.5 && (whole & 1) != 0)) whole++;
    uint32_t bits = ((uint32_t)(exponent - narrow.least_exponent) << narrow.fraction_bits) + whole;
    return sign | (bits >= narrow.infinity ? narrow.infinity : (uint16_t)bits);
}

static double narrow_to(Narrow narrow, uint16_t bits) {
    uint32_t magnitude = bits & 0x7FFF, fraction_mask = (1u << narrow.fraction_bits) - 1;
    uint32_t field = magnitude >> narrow.fraction_bits, fraction = magnitude & fraction_mask;
    double value;
    if (magnitude > narrow.infinity)
        value = (double)NAN;
    else if (magnitude == narrow.infinity)
        value = (double)INFINITY;
    else if (field == 0)
        value = ldexp(fraction, narrow.least_exponent - narrow.fraction_bits);
    else
        value = ldexp(fraction + fraction_mask + 1, narrow.least_exponent - narrow.fraction_bits + (int)field - 1);
    return (bits & 0x8000) != 0 ? -value : value;
}

/* Of an x87 number only its ten bytes are stored: the padding stays as it was. */
enum { LONG_DOUBLE_BYTES = LDBL_MANT_DIG == 64 ? 10 : sizeof(long double) };

void scan_float(ferry_kind kind, const char *text, char **end, void *memory) {
    switch (kind) {
    case FERRY_FLOAT: {
        float value = strtof(text, end);
        memcpy(memory, &value, sizeof value);
        return;
    }
    case FERRY_DOUBLE: {
        double value = strtod(text, end);
        memcpy(memory, &value, sizeof value);
        return;
    }
    case FERRY_LONG_DOUBLE: {
        long double value = strtold(text, end);
        memcpy(memory, &value, LONG_DOUBLE_BYTES);
        return;
    }
    case FERRY_FLOAT128: {
        Quad value = quad_scan(text, end);
        memcpy(memory, &value, sizeof value);
        return;
    }
    default: {
        uint16_t bits = narrow_from(narrow_of(kind), strtod(text, end));
        memcpy(memory, &bits, sizeof bits);
    }
    }
}

static size_t float_bytes(ferry_kind kind) {
    switch (kind) {
    case FERRY_FLOAT: return sizeof(float);
    case FERRY_DOUBLE: return sizeof(double);
    case FERRY_LONG_DOUBLE: return LONG_DOUBLE_BYTES;
    case FERRY_FLOAT128: return sizeof(Quad);
    default: return sizeof(uint16_t);
    }
}

/* As printf's %.*e. */
static void format_scientific(ferry_kind kind, const void *memory, int precision, char *buffer, size_t size) {
    char format[16];
    double value = 0;
    long double extended = 0;
    Quad quad = 0;
    float single = 0;
    uint16_t bits = 0;
    switch (kind) {
    case FERRY_LONG_DOUBLE:
        memcpy(&extended, memory, LONG_DOUBLE_BYTES);
        snprintf(buffer, size, "%.*Le", precision, extended);
        return;
    case FERRY_FLOAT128:
        memcpy(&quad, memory, sizeof quad);
        snprintf(format, sizeof format, "%%.%de", precision);
        quad_format(buffer, size, format, quad);
        return;
    case FERRY_FLOAT:
        memcpy(&single, memory, sizeof single);
        value = (double)single;
        break;
    case FERRY_DOUBLE: memcpy(&value, memory, sizeof value); break;
    default: memcpy(&bits, memory, sizeof bits); value = narrow_to(narrow_of(kind), bits);
    }
    snprintf(buffer, size, "%.*e", precision, value);
}

bool float_is_infinite(ferry_kind kind, const void *memory) {
    char text[64];
    format_scientific(kind, memory, 0, text, sizeof text);
    return strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0;
}

/* "-1.25e+03" as "-1250", as long as that is no longer than its digits make sense. */
static void write_decimal(FILE *out, const char *text, int exponent, int most) {
    char digits[64] = {0};
    int count = 0;
    if (*text == '-') fputc(*text++, out);
    for (; *text != 'e'; text++)
        if (*text != '.') digits[count++] = *text;
    while (count > 1 && digits[count - 1] == '0') count--;
    if (exponent >= 0 && exponent < most) {
        for (int i = 0; i <= exponent || i < count; i++) {
            if (i == exponent + 1) fputc('.', out);
            fputc(i < count ? digits[i] : '0', out);
        }
    } else if (exponent < 0 && exponent >= -5) {
        fprintf(out, "0.%.*s%.*s", -exponent - 1, "0000", count, digits);
    } else {
        fprintf(out, "%c%s%.*se%+03d", digits[0], count > 1 ? "." : "", count - 1, digits + 1, exponent);
    }
}

void write_float(FILE *out, ferry_kind kind, const void *memory) {
    char text[80], *end;
    size_t bytes = float_bytes(kind);
    int most = (int)float_digits(kind), precision = 0;
    for (; precision < most - 1; precision++) {
        unsigned char again[16] = {0};
        format_scientific(kind, memory, precision, text, sizeof text);
        if (strpbrk(text, "n") != NULL) break; /* inf, nan */
        scan_float(kind, text, &end, again);
        if (memcmp(again, memory, bytes) == 0) break;
    }
    format_scientific(kind, memory, precision, text, sizeof text);
    const char *mark = strchr(text, 'e');
    if (mark == NULL) {
        fputs(text, out);
        return;
    }
    int exponent = (int)strtol(mark + 1, NULL, 10);
    bool is_integer = exponent >= precision && exponent < most; /* its own digits, not zeros that read back the same */
    if (is_integer) format_scientific(kind, memory, exponent, text, sizeof text);
    write_decimal(out, text, exponent, most);
}
