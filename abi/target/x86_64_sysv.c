/* x86_64_sysv.c: System V ABI for x86-64 (section 3.2.3, "Parameter Passing").
 *
 * classify   each eightbyte of a value gets a class (x86_64_sysv_classify.c)
 *
 *     struct { float a, b; int c; long double d }      too large: MEMORY
 *     struct { float a, b; int c; }                    SSE | INTEGER
 *     struct { char c[9]; }                            INTEGER | INTEGER (1 byte)
 *     __m256                                           SSE | SSEUP | SSEUP | SSEUP
 *
 * assign     all eightbytes find registers, or the whole value goes to the stack and takes none
 */
#include "abi/target/x86_64_sysv.h"

#include <stdio.h>
#include <string.h>

#include "abi/target/rows.h"

static const char *const class_names[] = {"NO_CLASS", "INTEGER", "SSE",         "SSEUP",
                                          "X87",      "X87UP",   "COMPLEX_X87", "MEMORY"};

static bool is_memory(const Classes *classes) {
    return classes->of[0] == MEMORY;
}

static size_t count_registers(const Classes *classes, Class class) {
    size_t count = 0;
    for (size_t i = 0; i < classes->count; i++) count += classes->of[i] == class;
    return count;
}

static bool is_all_padding(const Classes *classes) {
    return count_registers(classes, NO_CLASS) == classes->count;
}

static bool is_x87(const Classes *classes) {
    return classes->count != 0 && (classes->of[0] == X87 || classes->of[0] == COMPLEX_X87);
}

/* emit: the pieces of a value whose classes all found registers. An SSE with the SSEUPs after it is one register. */
static void take_registers(Placer *placer, PlacedValue *value, const Classes *classes) {
    uint64_t size = value->layout->size;
    for (size_t i = 0, next; i < classes->count; i = next) {
        next = i + 1;
        if (classes->of[i] == NO_CLASS) continue;
        while (next < classes->count && classes->of[next] == SSEUP) next++;
        uint64_t end = 8 * next < size ? 8 * next : size;
        Bank bank = classes->of[i] == INTEGER ? BANK_GENERAL : BANK_FLOAT;
        placer_take(placer, value, bank, (uint32_t)(8 * i), (uint32_t)(end - 8 * i));
    }
}

/* text: "SSE, INTEGER", or "MEMORY: larger than 16 bytes". */
static void describe(const Classes *classes, char *text, size_t size) {
    text[0] = '\0';
    if (classes->count == 0) snprintf(text, size, "no bytes");
    for (size_t i = 0, used = 0; i < classes->count && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ", class_names[classes->of[i]]);
    }
    if (classes->why != NULL) snprintf(text, size, "MEMORY: %s", classes->why);
}

static ferry_code tell_rule(Placer *placer, PlacedValue *value, const Classes *classes, const char *more,
                            ferry_error *error) {
    if (classes->count == 1 && classes->why == NULL && more[0] == '\0') {
        value->rule = class_names[classes->of[0]]; /* of every scalar: the same text, for nothing */
        return FERRY_OK;
    }
    char classes_text[128], text[192];
    describe(classes, classes_text, sizeof classes_text);
    snprintf(text, sizeof text, "%s%s", classes_text, more);
    value->rule = arena_string(placer->arena, text);
    return value->rule == NULL ? fail_out_of_memory(error, "a placement") : FERRY_OK;
}

static bool same(const Classes *left, const Classes *right) {
    if (is_memory(left) || is_memory(right)) return is_memory(left) == is_memory(right);
    return left->count == right->count && memcmp(left->of, right->of, left->count * sizeof left->of[0]) == 0;
}

static ferry_code tell_dispute(Placer *placer, PlacedValue *value, const Classes *gcc, const Classes *clang,
                               ferry_error *error) {
    if (same(gcc, clang)) return FERRY_OK;
    char left[128], right[128], text[300];
    describe(gcc, left, sizeof left);
    describe(clang, right, sizeof right);
    snprintf(text, sizeof text, "gcc (followed): %s; clang: %s", left, right);
    value->dispute = arena_string(placer->arena, text);
    return value->dispute == NULL ? fail_out_of_memory(error, "a placement") : FERRY_OK;
}

/* gcc counts a record of nothing but unnamed bit-fields in registers, but as an empty one on the stack. */
static bool is_only_unnamed(const Layout *layout) {
    for (size_t i = 0; i < layout->leaf_count; i++) {
        if (!layout->leaves[i].unnamed) return false;
    }
    return layout->has_leaves;
}

static ferry_code to_stack(Placer *placer, PlacedValue *value, ferry_error *error) {
    if (is_only_unnamed(value->layout)) {
        value->mode = MODE_IGNORED;
        return FERRY_OK;
    }
    /* The `aligned` of a typedef does not reach the call: its main variant is passed. */
    const Layout *main_variant;
    TRY(layout_of(placer->layouts, type_strip(value->type), &main_variant, error));
    uint64_t alignment = main_variant->alignment < 8 ? 8 : main_variant->alignment;
    return placer_on_stack(placer, value, alignment, error);
}

/* Vectors of 32 and 64 bytes travel in registers only when they are named. */
static bool is_wide(const Classes *classes) {
    return classes->count > 2 && classes->of[0] == SSE;
}

/* The followed reading, and the other one, which has nothing else to say of integers. */
static ferry_code classify(const Target *target, const PlacedValue *value, Classes *classes, Classes *clang,
                           ferry_error *error) {
    TRY(sysv_classify(value->layout, target, &sysv_gcc, classes, error));
    *clang = *classes;
    if (type_is_integral(value->type)) return FERRY_OK;
    return sysv_classify(value->layout, target, &sysv_clang, clang, error);
}

static ferry_code place_arg(Placer *placer, PlacedValue *value, ferry_error *error) {
    const Target *target = placer->target;
    Classes classes, clang;
    TRY(classify(target, value, &classes, &clang, error));
    if (is_wide(&classes) && value->variadic) classes = clang = sysv_memory("variadic");
    if (is_wide(&classes) && placer->is_variadic_call) clang = sysv_memory("named, but the function is variadic");
    if (!is_all_padding(&classes) || !is_all_padding(&clang)) {
        TRY(tell_dispute(placer, value, &classes, &clang, error));
    }
    if (is_all_padding(&classes)) {
        value->mode = MODE_IGNORED;
        return tell_rule(placer, value, &classes, "", error);
    }
    if (is_memory(&classes) || is_x87(&classes)) {
        TRY(tell_rule(placer, value, &classes, is_x87(&classes) ? ": in memory as an argument" : "", error));
        return to_stack(placer, value, error);
    }
    size_t general = placer->used[BANK_GENERAL] + count_registers(&classes, INTEGER);
    size_t vector = placer->used[BANK_FLOAT] + count_registers(&classes, SSE);
    if (general > target->banks[BANK_GENERAL].arguments || vector > target->banks[BANK_FLOAT].arguments) {
        TRY(tell_rule(placer, value, &classes, "; no register left", error));
        return to_stack(placer, value, error);
    }
    TRY(tell_rule(placer, value, &classes, "", error));
    take_registers(placer, value, &classes);
    return FERRY_OK;
}

/* The n-th register of a bank becomes the n-th result register. */
static void name_results(const Target *target, PlacedValue *value) {
    for (size_t i = 0; i < value->piece_count; i++) {
        Piece *piece = &value->pieces[i];
        piece->number = target->banks[piece->bank].results[piece->number];
    }
}

static void take_x87(PlacedValue *value, const Classes *classes) {
    uint32_t part = classes->of[0] == COMPLEX_X87 ? (uint32_t)value->layout->size / 2 : (uint32_t)value->layout->size;
    for (uint32_t offset = 0; offset < value->layout->size; offset += part) {
        value->pieces[value->piece_count] =
            (Piece){.bank = BANK_X87, .number = value->piece_count, .offset = offset, .size = part};
        value->piece_count++;
    }
}

static bool is_one_double(const Type *type) {
    return type->kind == FERRY_VECTOR && type->count == 8 && type->base->kind == FERRY_DOUBLE;
}

/* clang returns a vector that no register takes in several registers, as LLVM splits it. */
static bool is_split_by_clang(const Type *type, const Classes *classes) {
    return type->kind == FERRY_VECTOR && type->count > 16 && is_memory(classes);
}

static ferry_code place_ret(Placer *placer, PlacedValue *value, ferry_error *error) {
    Classes classes, clang;
    TRY(classify(placer->target, value, &classes, &clang, error));
    if (is_one_double(type_strip(value->type))) clang = (Classes){.of = {SSE}, .count = 1};
    if (is_split_by_clang(type_strip(value->type), &clang)) clang = (Classes){.of = {SSE, SSE}, .count = 2};
    TRY(tell_dispute(placer, value, &classes, &clang, error));
    TRY(tell_rule(placer, value, &classes, "", error));
    if (is_all_padding(&classes)) {
        value->mode = MODE_IGNORED;
    } else if (is_memory(&classes)) {
        value->mode = MODE_POINTER;
        placer->placement->hidden_result = true;
        placer_take(placer, value, BANK_GENERAL, 0, placer->target->pointer.size);
    } else if (is_x87(&classes)) {
        take_x87(value, &classes);
    } else {
        Placer results = {.target = placer->target};
        take_registers(&results, value, &classes);
        name_results(placer->target, value);
    }
    return FERRY_OK;
}

/* The first six carry arguments; rax and rdx carry results. */
static const char *const general_names[] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax"};
static const uint8_t general_results[] = {6, 2};
static const char *const xmm_names[] = {"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"};
static const char *const ymm_names[] = {"ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7"};
static const char *const zmm_names[] = {"zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7"};
static const uint8_t vector_results[] = {0, 1};
static const char *const x87_names[] = {"st0", "st1"};

#define SOURCES "System V ABI, AMD64 Architecture Processor Supplement, version 1.0, sections 3.1.2 and 3.2.3"

/* The rows differ in what the vector registers can hold; everything else is one list. */
#define ROW(row_name, row_description, features, vector_bytes)                                                         \
    {                                                                                                                  \
        .name = row_name,                                                                                              \
        .description = row_description,                                                                                \
        .triple = "x86_64-unknown-linux-gnu",                                                                          \
        .cpu_features = features,                                                                                      \
        .baseline = "x86_64-sysv",                                                                                     \
        .sources = SOURCES,                                                                                            \
        .scalars =                                                                                                     \
            {                                                                                                          \
                [FERRY_BOOL] = {1, 1},                                                                                 \
                [FERRY_CHAR] = {1, 1},                                                                                 \
                [FERRY_SCHAR] = {1, 1},                                                                                \
                [FERRY_UCHAR] = {1, 1},                                                                                \
                [FERRY_SHORT] = {2, 2},                                                                                \
                [FERRY_USHORT] = {2, 2},                                                                               \
                [FERRY_INT] = {4, 4},                                                                                  \
                [FERRY_UINT] = {4, 4},                                                                                 \
                [FERRY_LONG] = {8, 8},                                                                                 \
                [FERRY_ULONG] = {8, 8},                                                                                \
                [FERRY_LLONG] = {8, 8},                                                                                \
                [FERRY_ULLONG] = {8, 8},                                                                               \
                [FERRY_INT128] = {16, 16},                                                                             \
                [FERRY_UINT128] = {16, 16},                                                                            \
                [FERRY_INT8] = {1, 1},                                                                                 \
                [FERRY_UINT8] = {1, 1},                                                                                \
                [FERRY_INT16] = {2, 2},                                                                                \
                [FERRY_UINT16] = {2, 2},                                                                               \
                [FERRY_INT32] = {4, 4},                                                                                \
                [FERRY_UINT32] = {4, 4},                                                                               \
                [FERRY_INT64] = {8, 8},                                                                                \
                [FERRY_UINT64] = {8, 8},                                                                               \
                [FERRY_INT_FAST16] = {8, 8},                                                                           \
                [FERRY_UINT_FAST16] = {8, 8},                                                                          \
                [FERRY_INT_FAST32] = {8, 8},                                                                           \
                [FERRY_UINT_FAST32] = {8, 8},                                                                          \
                [FERRY_INTPTR] = {8, 8},                                                                               \
                [FERRY_UINTPTR] = {8, 8},                                                                              \
                [FERRY_SIZE] = {8, 8},                                                                                 \
                [FERRY_SSIZE] = {8, 8},                                                                                \
                [FERRY_PTRDIFF] = {8, 8},                                                                              \
                [FERRY_WCHAR] = {4, 4},                                                                                \
                [FERRY_FLOAT16] = {2, 2},                                                                              \
                [FERRY_BFLOAT16] = {2, 2},                                                                             \
                [FERRY_FLOAT] = {4, 4},                                                                                \
                [FERRY_DOUBLE] = {8, 8},                                                                               \
                [FERRY_LONG_DOUBLE] = {16, 16},                                                                        \
                [FERRY_FLOAT128] = {16, 16},                                                                           \
                [FERRY_COMPLEX_FLOAT] = {8, 4},                                                                        \
                [FERRY_COMPLEX_DOUBLE] = {16, 8},                                                                      \
                [FERRY_COMPLEX_LONG_DOUBLE] = {32, 16},                                                                \
                [FERRY_COMPLEX_FLOAT128] = {32, 16},                                                                   \
            },                                                                                                         \
        .pointer = {8, 8},                                                                                             \
        .char_is_signed = true,                                                                                        \
        .wchar_is_signed = true,                                                                                       \
        .vector_alignment_limit = 64,                                                                                  \
        .banks =                                                                                                       \
            {                                                                                                          \
                [BANK_GENERAL] = {.names = general_names,                                                              \
                                  .count = COUNT_OF(general_names),                                                    \
                                  .arguments = 6,                                                                      \
                                  .results = general_results,                                                          \
                                  .result_count = COUNT_OF(general_results),                                           \
                                  .bytes = 8},                                                                         \
                [BANK_FLOAT] = {.names = xmm_names,                                                                    \
                                .names32 = ymm_names,                                                                  \
                                .names64 = zmm_names,                                                                  \
                                .count = COUNT_OF(xmm_names),                                                          \
                                .arguments = 8,                                                                        \
                                .results = vector_results,                                                             \
                                .result_count = COUNT_OF(vector_results),                                              \
                                .bytes = vector_bytes},                                                                \
                [BANK_X87] = {.names = x87_names,                                                                      \
                              .count = COUNT_OF(x87_names),                                                            \
                              .results = vector_results,                                                               \
                              .result_count = COUNT_OF(vector_results),                                                \
                              .bytes = 16},                                                                            \
            },                                                                                                         \
        .int_upper_half_free = true,                                                                                   \
        .slot_size = 8,                                                                                                \
        .stack_alignment = 16,                                                                                         \
        .vector_register_bytes = vector_bytes,                                                                         \
        .place_arg = place_arg,                                                                                        \
        .place_ret = place_ret,                                                                                        \
    }

const Target target_x86_64_sysv = ROW("x86_64-sysv", "x86-64 System V (Linux, BSD)", "", 16);
const Target target_x86_64_sysv_avx = ROW("x86_64-sysv-avx", "x86-64 System V, callees built with AVX", "+avx", 32);
const Target target_x86_64_sysv_avx512 =
    ROW("x86_64-sysv-avx512", "x86-64 System V, callees built with AVX-512", "+avx512f", 64);
