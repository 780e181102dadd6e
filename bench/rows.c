/* rows.c: what is called: the rows of the table, their arguments and their results. */
#include <string.h>

#include "bench/bench.h"
#include "bench/callees.h"

/* ---- direct calls: the C compiler's own, the values taken from where fill takes them ---- */

#define IN_VALUES(type, index) (*(type const *)&frame->values[index])
#define DIRECT(name, result, types, values)                                                                            \
    static void direct_##name(const Frame *frame, size_t iterations, void *where) {                                    \
        (void)frame;                                                                                                   \
        for (; iterations != 0; iterations--) KEEP_##result(where, callee_##name values);                              \
    }
SIGNATURES(DIRECT, IN_VALUES)

/* ---- the wrappers of limit.c ---- */

#define NOTHING(type, index)
#define CODE(name)                       {__start_##name##_code, __stop_##name##_code}
#define DECLARE_CODE(name)               extern const char __start_##name##_code[], __stop_##name##_code[];
#define GCC(name, result, types, values) DECLARE_CODE(gcc_slots_##name) DECLARE_CODE(gcc_pointers_##name)
SIGNATURES(GCC, NOTHING)
#define GCC_WRAPPERS(name) [MAKER_GCC] = {CODE(gcc_slots_##name), CODE(gcc_pointers_##name)}
#ifdef BENCH_CLANG
#define CLANG(name, result, types, values) DECLARE_CODE(clang_slots_##name) DECLARE_CODE(clang_pointers_##name)
SIGNATURES(CLANG, NOTHING)
#define CLANG_WRAPPERS(name) [MAKER_CLANG] = {CODE(clang_slots_##name), CODE(clang_pointers_##name)}
#else
#define CLANG_WRAPPERS(name) [MAKER_CLANG] = {{NULL, NULL}, {NULL, NULL}}
#endif

#define CALLS(name)                                                                                                    \
    .symbol = #name, .function = (Function *)callee_##name, .direct = direct_##name,                                   \
    .limit = {GCC_WRAPPERS(name), CLANG_WRAPPERS(name)}

const Row rows[] = {
    {CALLS(none), .name = "void(void)", .declaration = "void f(void)", .parameters = "", .result = 'v'},
    {CALLS(long1), .name = "long(long)", .declaration = "long f(long)", .parameters = "l", .result = 'l',
     .expected = {2}},
    {CALLS(double3), .name = "double(double x3)", .declaration = "double f(double, double, double)",
     .parameters = "ddd", .result = 'd', .expected = {2}},
    {CALLS(long6), .name = "long(long x6)", .declaration = "long f(long, long, long, long, long, long)",
     .parameters = "llllll", .result = 'l', .expected = {51}},
    {CALLS(long12), .name = "long(long x12)",
     .declaration = "long f(long, long, long, long, long, long, long, long, long, long, long, long)",
     .parameters = "llllllllllll", .result = 'l', .expected = {168}},
    {CALLS(double10), .name = "double(double x10)",
     .declaration = "double f(double, double, double, double, double, double, double, double, double, double)",
     .parameters = "dddddddddd", .result = 'd', .expected = {13}},
    {CALLS(mixed8), .name = "double(8 mixed)",
     .declaration = "double f(int, double, long, float, short, double, char, const char *)", .parameters = "idlfsdcp",
     .result = 'd', .expected = {28}},
    {CALLS(pair), .name = "struct{double x2}", .parameters = "P", .result = 'P', .expected = {3, 2},
     .declaration = "struct pair { double x, y; }; struct pair f(struct pair)"},
    {CALLS(triple), .name = "struct{long x3}", .parameters = "T", .result = 'T', .expected = {3, 1, 2},
     .declaration = "struct triple { long a, b, c; }; struct triple f(struct triple)"},
    {CALLS(variadic), .name = "int(int, ...) with 3", .declaration = "int f(int, ..., int, double, long)",
     .parameters = "iidl", .result = 'i', .fixed = 1, .expected = {24}},
};
const size_t row_count = sizeof rows / sizeof rows[0];

static size_t slots_of(char letter) {
    switch (letter) {
    case 'v': return 0;
    case 'P': return 2;
    case 'T': return 3;
    default: return 1;
    }
}

size_t row_slots(const Row *row) {
    size_t slots = 0;
    for (const char *letter = row->parameters; *letter != 0; letter++) slots += slots_of(*letter);
    return slots;
}

bool row_is_scalar(const Row *row) {
    return strpbrk(row->parameters, "PT") == NULL && row->result != 'P' && row->result != 'T';
}

static const char pointed_at[] = "\x08"; /* argument 8 of the mixed row */

/* Slot `index` of a value whose number is index + 1. */
static uint64_t slot_value(char letter, size_t index) {
    union {
        uint64_t slot;
        long l;
        double d;
        float f;
        const char *p;
    } value = {.l = (long)index + 1};
    switch (letter) {
    case 'd':
    case 'P': value.d = (double)index + 1; break;
    case 'f': value.f = (float)index + 1; break;
    case 'p': value.p = pointed_at; break;
    default: break;
    }
    return value.slot;
}

void row_fill(const Row *row, Frame *frame) {
    size_t slot = 0;
    for (size_t k = 0; row->parameters[k] != 0; k++) {
        frame->lent[k] = frame->pointers[k] = &frame->slots[slot];
        for (size_t part = slots_of(row->parameters[k]); part != 0; part--, slot++)
            frame->values[slot] = frame->slots[slot] = slot_value(row->parameters[k], slot);
    }
}

void row_poison(Frame *frame) {
    memset(frame->result, 0xa5, sizeof frame->result);
    callee_none_ran = 0;
}

static double result_number(char letter, uint64_t slot) {
    double number;
    memcpy(&number, &slot, sizeof number);
    return letter == 'd' || letter == 'P' ? number : (double)(int64_t)slot;
}

bool row_check(const Row *row, const Frame *frame, char *message, size_t size) {
    if (row->result == 'v' && callee_none_ran == 0) {
        snprintf(message, size, "%s was not called", row->name);
        return false;
    }
    for (size_t k = 0; k < slots_of(row->result); k++) {
        double got = result_number(row->result, frame->result[k]);
        if (got == row->expected[k]) continue;
        snprintf(message, size, "%s returned %g in slot %zu, expected %g", row->name, got, k, row->expected[k]);
        return false;
    }
    return true;
}
