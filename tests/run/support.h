/* support.h: what the tests of this folder share: engines, signatures, and calling in every way there is. */
#ifndef FERRY_TESTS_RUN_SUPPORT_H
#define FERRY_TESTS_RUN_SUPPORT_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/ferry.h"

/* How calls go for which code is made. tests/seccomp runs these tests where none can be: then all of them go by libffi.
 */
#ifdef TESTS_WITHOUT_CODE
#define MADE(path) FERRY_PATH_LIBFFI
#else
#define MADE(path) (path)
#endif

/* What this is built with. */
#if defined(__has_feature)
#define BUILT_WITH(feature) __has_feature(feature)
#else
#define BUILT_WITH(feature) 0
#endif

static inline ferry_engine *new_engine(ferry_policy policy) {
    ferry_error error;
    ferry_engine_options options = {.policy = policy, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

static inline void free_engine(ferry_engine *engine) {
    ferry_error error;
    cr_assert_eq(ferry_engine_free(engine, &error), FERRY_OK, "%s", error.message);
}

static inline const ferry_signature *parse(ferry_engine *engine, const char *text) {
    ferry_error error;
    const ferry_signature *signature = ferry_signature_parse(engine, text, NULL, &error);
    cr_assert_not_null(signature, "%s: %s\n%s", text, error.message, error.excerpt);
    return signature;
}

static inline ferry_binding *bind(ferry_engine *engine, const char *text, void (*function)(void),
                                  const ferry_binding_options *options) {
    ferry_error error;
    ferry_binding *binding = ferry_bind(engine, parse(engine, text), function, options, &error);
    cr_assert_not_null(binding, "%s: %s", text, error.message);
    return binding;
}

#define FUNCTION(name) ((void (*)(void))(name))

#define MOST_ARGUMENTS 16
#define MOST_SLOTS     256

/* As the slots convention wants it: integers narrower than a slot fill it. */
static inline bool is_signed_integer(const ferry_type *type) {
    while (ferry_type_kind(type) == FERRY_ENUM || ferry_type_kind(type) == FERRY_ALIGNED) type = ferry_type_base(type);
    switch (ferry_type_kind(type)) {
    case FERRY_CHAR:
    case FERRY_SCHAR:
    case FERRY_SHORT:
    case FERRY_INT:
    case FERRY_INT8:
    case FERRY_INT16:
    case FERRY_INT32:
    case FERRY_WCHAR: return true;
    default: return false;
    }
}

/* Fills slots (of 8 bytes, aligned to 16) from pointers to values. Returns how many were used. */
static inline size_t fill_slots(ferry_engine *engine, const ferry_signature *signature, const void *const *values,
                                uint64_t *slots) {
    size_t next = 0;
    for (size_t i = 0; i < ferry_signature_count(signature); i++) {
        const ferry_type *type = ferry_signature_parameter(signature, i);
        ferry_extent extent;
        cr_assert_eq(ferry_type_measure(engine, type, &extent, NULL), FERRY_OK);
        size_t count = (size_t)(extent.size + 7) / 8;
        cr_assert_leq(next + count, MOST_SLOTS);
        memset(slots + next, 0, count * 8);
        memcpy(slots + next, values[i], (size_t)extent.size);
        bool negative = extent.size < 8 && (slots[next] >> (8 * extent.size - 1)) & 1;
        if (negative && is_signed_integer(type)) slots[next] |= ~UINT64_C(0) << (8 * extent.size);
        next += count;
    }
    return next;
}

#endif
