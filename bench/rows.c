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

/* ---- C calls back ---- */

#define CALL_BACK(name, result, types, values)                                                                         \
    static void call_back_##name(Function *const *object, const Frame *frame, size_t iterations, void *where) {        \
        (void)frame;                                                                                                   \
        for (; iterations != 0; iterations--) {                                                                        \
            Function *code = __atomic_load_n(object, __ATOMIC_RELAXED);                                                \
            KEEP_##result(where, ((result(*) types)code)values);                                                       \
        }                                                                                                              \
    }
FIXED_SIGNATURES(CALL_BACK, IN_VALUES)

/* ---- the wrappers of limit.c, the stubs of stubs.c ---- */

#define NOTHING(type, index)
#define CODE_OF(name)        {__start_##name##_code, __stop_##name##_code}
#define DECLARE_CODE(name)   extern const char __start_##name##_code[], __stop_##name##_code[];
#define DECLARE(maker, name) DECLARE_CODE(maker##_slots_##name) DECLARE_CODE(maker##_pointers_##name)
#define DECLARE_STUBS(maker, name)                                                                                     \
    DECLARE_CODE(maker##_up_slots_##name)                                                                              \
    DECLARE_CODE(maker##_up_slots_errno_##name)                                                                        \
    DECLARE_CODE(maker##_up_slots_static_##name)                                                                       \
    DECLARE_CODE(maker##_up_pointers_##name)                                                                           \
    DECLARE_CODE(maker##_up_pointers_errno_##name)
#define WRAPPERS(maker, name)                                                                                          \
    [LIMIT_SLOTS] = CODE_OF(maker##_slots_##name), [LIMIT_POINTERS] = CODE_OF(maker##_pointers_##name)
#define STUBS(maker, name)                                                                                             \
    [LIMIT_UP_SLOTS] = CODE_OF(maker##_up_slots_##name),                                                               \
    [LIMIT_UP_SLOTS_ERRNO] = CODE_OF(maker##_up_slots_errno_##name),                                                   \
    [LIMIT_UP_SLOTS_STATIC] = CODE_OF(maker##_up_slots_static_##name),                                                 \
    [LIMIT_UP_POINTERS] = CODE_OF(maker##_up_pointers_##name),                                                         \
    [LIMIT_UP_POINTERS_ERRNO] = CODE_OF(maker##_up_pointers_errno_##name)

#define GCC(name, result, types, values)       DECLARE(gcc, name)
#define GCC_STUBS(name, result, types, values) DECLARE_STUBS(gcc, name)
SIGNATURES(GCC, NOTHING)
FIXED_SIGNATURES(GCC_STUBS, NOTHING)
#ifdef BENCH_CLANG
#define CLANG(name, result, types, values)       DECLARE(clang, name)
#define CLANG_STUBS(name, result, types, values) DECLARE_STUBS(clang, name)
SIGNATURES(CLANG, NOTHING)
FIXED_SIGNATURES(CLANG_STUBS, NOTHING)
#define BY_CLANG(...) [MAKER_CLANG] = {__VA_ARGS__}
#else
#define BY_CLANG(...) [MAKER_CLANG] = {{NULL, NULL}}
#endif

#define CALLS(name)   .symbol = #name, .function = (Function *)callee_##name, .direct = direct_##name
#define ONE_WAY(name) CALLS(name), .limit = {[MAKER_GCC] = {WRAPPERS(gcc, name)}, BY_CLANG(WRAPPERS(clang, name))}
#define BOTH_WAYS(name)                                                                                                \
    CALLS(name), .call_back = call_back_##name, .slots_handler = handle_slots_##name,                                  \
        .pointers_handler = handle_pointers_##name, .ffi_handler = handle_ffi_##name,                                  \
        .limit = {[MAKER_GCC] = {WRAPPERS(gcc, name), STUBS(gcc, name)},                                               \
                  BY_CLANG(WRAPPERS(clang, name), STUBS(clang, name))}

const Row rows[] = {
    {BOTH_WAYS(none), .name = "void(void)", .declaration = "void f(void)", .parameters = "", .result = 'v'},
    {BOTH_WAYS(long1), .name = "long(long)", .declaration = "long f(long)", .parameters = "l", .result = 'l',
     .expected = {2}},
    {BOTH_WAYS(double3), .name = "double(double x3)", .declaration = "double f(double, double, double)",
     .parameters = "ddd", .result = 'd', .expected = {2}},
    {BOTH_WAYS(long6), .name = "long(long x6)", .declaration = "long f(long, long, long, long, long, long)",
     .parameters = "llllll", .result = 'l', .expected = {51}},
    {BOTH_WAYS(long12), .name = "long(long x12)",
     .declaration = "long f(long, long, long, long, long, long, long, long, long, long, long, long)",
     .parameters = "llllllllllll", .result = 'l', .expected = {168}},
    {BOTH_WAYS(double10), .name = "double(double x10)",
     .declaration = "double f(double, double, double, double, double, double, double, double, double, double)",
     .parameters = "dddddddddd", .result = 'd', .expected = {13}},
    {BOTH_WAYS(mixed8), .name = "double(8 mixed)",
     .declaration = "double f(int, double, long, float, short, double, char, const char *)", .parameters = "idlfsdcp",
     .result = 'd', .expected = {28}},
    {BOTH_WAYS(pair), .name = "struct{double x2}", .parameters = "P", .result = 'P', .expected = {3, 2},
     .declaration = "struct pair { double x, y; }; struct pair f(struct pair)"},
    {BOTH_WAYS(triple), .name = "struct{long x3}", .parameters = "T", .result = 'T', .expected = {3, 1, 2},
     .declaration = "struct triple { long a, b, c; }; struct triple f(struct triple)"},
    {ONE_WAY(variadic), .name = "int(int, ...) with 3", .declaration = "int f(int, ..., int, double, long)",
     .parameters = "iidl", .result = 'i', .fixed = 1, .expected = {24}},
};
const size_t row_count = sizeof rows / sizeof rows[0];

const char *const mode_names[MODE_COUNT] = {"kept", "fill", "upcall"};

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

bool row_has(const Row *row, Mode mode) {
    if (mode == MODE_FILL) return row_slots(row) != 0; /* else there is nothing to write */
    return mode != MODE_UPCALL || row->call_back != NULL;
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
