/* support.h: what the uses share: engines, closures, and a handler's view of its arguments in both conventions. */
#ifndef FERRY_TESTS_USES_SUPPORT_H
#define FERRY_TESTS_USES_SUPPORT_H

#include <criterion/criterion.h>
#include <stdint.h>
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

typedef struct Way {
    const char *name;
    ferry_policy policy;
    ferry_convention convention;
    ferry_path path;
} Way;

static const Way ways[] = {
    {"slots", FERRY_NOW, FERRY_SLOTS, MADE(FERRY_PATH_CODE)},
    {"pointers", FERRY_NOW, FERRY_POINTERS, MADE(FERRY_PATH_CODE)},
    {"slots, slow", FERRY_NEVER, FERRY_SLOTS, FERRY_PATH_LIBFFI},
    {"pointers, slow", FERRY_NEVER, FERRY_POINTERS, FERRY_PATH_LIBFFI},
};
#define WAYS (sizeof ways / sizeof ways[0])

static inline ferry_engine *new_engine(const Way *way) {
    ferry_error error;
    ferry_engine_options options = {.policy = way->policy, .without = FERRY_SOURCE_ALL};
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
    cr_assert_not_null(signature, "%s: %s", text, error.message);
    return signature;
}

static inline ferry_closure *new_closure_with(ferry_engine *engine, const Way *way, const char *text,
                                              ferry_handler handler, void *context, ferry_closure_options options) {
    ferry_error error;
    options.convention = way->convention;
    options.name = text;
    ferry_closure *closure = ferry_closure_create(engine, parse(engine, text), handler, context, &options, &error);
    cr_assert_not_null(closure, "%s (%s): %s", text, way->name, error.message);
    cr_assert_eq(ferry_closure_path(closure), way->path, "%s (%s): %s", text, way->name, ferry_closure_reason(closure));
    return closure;
}

static inline ferry_closure *new_closure(ferry_engine *engine, const Way *way, const char *text, ferry_handler handler,
                                         void *context) {
    return new_closure_with(engine, way, text, handler, context, (ferry_closure_options){0});
}

static inline void release(ferry_closure *closure) {
    ferry_error error;
    cr_assert_eq(ferry_closure_release(closure, &error), FERRY_OK, "%s", error.message);
}

/* The closure's code as a C function pointer of that type. */
#define CODE(type, closure) ((type)ferry_closure_code(closure))

/* The argument at `index`, where no argument before it takes more than a slot. */
#define ARGUMENT(type, convention, arguments, index)                                                                   \
    (*(type *)((convention) == FERRY_SLOTS ? (void *)((uint64_t *)(arguments) + (index))                               \
                                           : ((void **)(arguments))[index]))

/* As both conventions allow: an integer fills 8 bytes. */
static inline void give(void *result, int64_t value) {
    *(int64_t *)result = value;
}

/* Numbers that are the same in each run. */
static inline uint32_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
