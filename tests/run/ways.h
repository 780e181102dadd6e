/* ways.h: calling a function in every way there is, and looking at every byte that comes back.
 *
 * The result's memory is filled with a pattern first; what lies behind the result must still be the pattern. */
#ifndef FERRY_TESTS_RUN_WAYS_H
#define FERRY_TESTS_RUN_WAYS_H

#include <stdint.h>
#include <stdio.h>

#include "support.h"

#define PATTERN 0xA5

typedef struct Case {
    const char *text; /* a type's name, or whole declarations */
    void (*function)(void);
    bool slow; /* libffi can do it */
    const void *values[MOST_ARGUMENTS];
    const void *result; /* NULL: void */
    size_t size;        /* of the result */
    size_t parts;       /* of the result, of equal size */
    size_t used;        /* meaningful bytes of a part */
} Case;

/* ---- the ways ---- */

typedef struct Way {
    const char *name;
    ferry_policy policy;
    ferry_binding_options options;
    ferry_path path;
} Way;

static const Way ways[] = {
    {"slots, shared", FERRY_NOW, {.convention = FERRY_SLOTS}, MADE(FERRY_PATH_CODE)},
    {"slots, bound", FERRY_NOW, {.convention = FERRY_SLOTS, .bound = true}, MADE(FERRY_PATH_BOUND)},
    {"slots, slow", FERRY_NEVER, {.convention = FERRY_SLOTS}, FERRY_PATH_LIBFFI},
    {"pointers, shared", FERRY_NOW, {.convention = FERRY_POINTERS}, MADE(FERRY_PATH_CODE)},
    {"pointers, bound", FERRY_NOW, {.convention = FERRY_POINTERS, .bound = true}, MADE(FERRY_PATH_BOUND)},
    {"pointers, slow", FERRY_NEVER, {.convention = FERRY_POINTERS}, FERRY_PATH_LIBFFI},
};
#define WAYS (sizeof ways / sizeof ways[0])

static inline const char *whole(const char *text, char *buffer, size_t size) {
    if (strchr(text, '(') != NULL && strstr(text, "f(") != NULL) return text;
    snprintf(buffer, size, "%s f(%s)", text, text);
    return buffer;
}

/* Of a narrow integer: it fills 8 bytes. */
static inline size_t written(const ferry_type *type, const Case *each, uint64_t *expected) {
    memcpy(expected, each->result, each->size);
    ferry_kind kind = ferry_type_kind(type);
    bool integer = (kind >= FERRY_BOOL && kind <= FERRY_WCHAR) || kind == FERRY_ENUM || kind == FERRY_POINTER;
    if (!integer || each->size >= 8) return each->size;
    bool negative = (expected[0] >> (8 * each->size - 1)) & 1;
    if (negative && is_signed_integer(type)) expected[0] |= ~UINT64_C(0) << (8 * each->size);
    return 8;
}

static inline void check_result(const Case *each, const char *way, const ferry_type *type, const unsigned char *result,
                                size_t size) {
    uint64_t expected[MOST_SLOTS] = {0};
    size_t count = each->result != NULL ? written(type, each, expected) : 0;
    size_t part = each->parts > 1 ? count / each->parts : count;
    size_t used = each->used < part && each->used != each->size ? each->used : part;
    for (size_t at = 0; at < count; at += part) {
        cr_assert_arr_eq(result + at, (const unsigned char *)expected + at, used, "%s (%s): wrong result", each->text,
                         way);
    }
    for (size_t i = count; i < size; i++)
        cr_assert_eq(result[i], PATTERN, "%s (%s): byte %zu behind the result was written", each->text, way, i);
}

static inline void call_one(ferry_engine *engine, const Case *each, const Way *way) {
    char buffer[256];
    const ferry_signature *signature = parse(engine, whole(each->text, buffer, sizeof buffer));
    ferry_error error;
    ferry_binding *binding = ferry_bind(engine, signature, each->function, &way->options, &error);
    if (way->path == FERRY_PATH_LIBFFI && !each->slow) {
        cr_assert_null(binding, "%s: libffi was expected to be refused", each->text);
        bool known = error.code == FERRY_UNSUPPORTED || (way->policy != FERRY_NEVER && error.code == FERRY_NO_CODE);
        cr_assert(known, "%s: %s", each->text, error.message);
        return;
    }
    cr_assert_not_null(binding, "%s (%s): %s", each->text, way->name, error.message);
    cr_assert_eq(ferry_binding_path(binding), way->path, "%s (%s): %s", each->text, way->name,
                 ferry_binding_reason(binding));
    uint64_t slots[MOST_SLOTS] __attribute__((aligned(16)));
    unsigned char result[MOST_SLOTS * 8] __attribute__((aligned(16)));
    fill_slots(engine, signature, each->values, slots);
    memset(result, PATTERN, sizeof result);
    const void *arguments = way->options.convention == FERRY_SLOTS ? (const void *)slots : each->values;
    ferry_code code = ferry_call_checked(binding, arguments, result, &error);
    cr_assert_eq(code, FERRY_OK, "%s (%s): %s", each->text, way->name, error.message);
    check_result(each, way->name, ferry_signature_result(signature), result, sizeof result);
    ferry_binding_free(binding);
}

static inline void call_all(const Case *cases, size_t count) {
    for (size_t w = 0; w < WAYS; w++) {
        ferry_engine *engine = new_engine(ways[w].policy);
        for (size_t i = 0; i < count; i++) call_one(engine, &cases[i], &ways[w]);
        free_engine(engine);
    }
}

#define RESULT(type, value) &(const type){value}, sizeof(type), 1, sizeof(type)

#endif
