/* criterion/criterion.h of the ThreadSanitizer build.
 *
 * Criterion's own processes share memory at addresses that ThreadSanitizer keeps for itself, so there its programs do
 * not start. This header has the macros that tests/run uses; runner.c forks once for each test and prints Criterion's
 * last line.
 */
#ifndef FERRY_TESTS_TSAN_CRITERION_H
#define FERRY_TESTS_TSAN_CRITERION_H

#include <stdbool.h>
#include <string.h>

typedef struct SuiteOptions {
    int signal;    /* that must end the test */
    int exit_code; /* with which it must end */
    double timeout;
    void (*init)(void);
    void (*fini)(void);
    bool disabled;
    const char *description;
} SuiteOptions;

typedef struct SuiteTest {
    const char *suite, *name;
    void (*run)(void);
    SuiteOptions options;
    struct SuiteTest *next;
} SuiteTest;

/* runner.c */
void suite_register(SuiteTest *test);
void suite_set_options(const char *suite, const SuiteOptions *options);
void suite_check(bool holds, bool fatal, const char *file, int line, const char *condition, const char *format, ...);
void suite_skip(const char *format, ...);

#define Test(suite_, name_, ...)                                                                                       \
    static void suite_##suite_##_##name_(void);                                                                        \
    __attribute__((constructor)) static void register_##suite_##_##name_(void) {                                       \
        static SuiteTest test = {                                                                                      \
            .suite = #suite_, .name = #name_, .run = suite_##suite_##_##name_, .options = {__VA_ARGS__}};              \
        suite_register(&test);                                                                                         \
    }                                                                                                                  \
    static void suite_##suite_##_##name_(void)

#define TestSuite(suite_, ...)                                                                                         \
    __attribute__((constructor)) static void set_options_##suite_(void) {                                              \
        static const SuiteOptions options = {__VA_ARGS__};                                                             \
        suite_set_options(#suite_, &options);                                                                          \
    }                                                                                                                  \
    static void set_options_##suite_(void)

#define SUITE_CHECK(fatal, condition, ...)                                                                             \
    suite_check((condition), fatal, __FILE__, __LINE__, #condition, "" __VA_ARGS__)

#define cr_assert(condition, ...)             SUITE_CHECK(true, condition, __VA_ARGS__)
#define cr_assert_not(condition, ...)         SUITE_CHECK(true, !(condition), __VA_ARGS__)
#define cr_assert_eq(left, right, ...)        SUITE_CHECK(true, (left) == (right), __VA_ARGS__)
#define cr_assert_neq(left, right, ...)       SUITE_CHECK(true, (left) != (right), __VA_ARGS__)
#define cr_assert_lt(left, right, ...)        SUITE_CHECK(true, (left) < (right), __VA_ARGS__)
#define cr_assert_leq(left, right, ...)       SUITE_CHECK(true, (left) <= (right), __VA_ARGS__)
#define cr_assert_gt(left, right, ...)        SUITE_CHECK(true, (left) > (right), __VA_ARGS__)
#define cr_assert_geq(left, right, ...)       SUITE_CHECK(true, (left) >= (right), __VA_ARGS__)
#define cr_assert_null(pointer, ...)          SUITE_CHECK(true, (pointer) == NULL, __VA_ARGS__)
#define cr_assert_not_null(pointer, ...)      SUITE_CHECK(true, (pointer) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(left, right, ...)    SUITE_CHECK(true, strcmp(left, right) == 0, __VA_ARGS__)
#define cr_assert_str_neq(left, right, ...)   SUITE_CHECK(true, strcmp(left, right) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(left, right, n, ...) SUITE_CHECK(true, memcmp(left, right, n) == 0, __VA_ARGS__)
#define cr_assert_fail(...)                   suite_check(false, true, __FILE__, __LINE__, "fail", "" __VA_ARGS__)

#define cr_expect(condition, ...)             SUITE_CHECK(false, condition, __VA_ARGS__)
#define cr_expect_not(condition, ...)         SUITE_CHECK(false, !(condition), __VA_ARGS__)
#define cr_expect_eq(left, right, ...)        SUITE_CHECK(false, (left) == (right), __VA_ARGS__)
#define cr_expect_neq(left, right, ...)       SUITE_CHECK(false, (left) != (right), __VA_ARGS__)
#define cr_expect_lt(left, right, ...)        SUITE_CHECK(false, (left) < (right), __VA_ARGS__)
#define cr_expect_leq(left, right, ...)       SUITE_CHECK(false, (left) <= (right), __VA_ARGS__)
#define cr_expect_gt(left, right, ...)        SUITE_CHECK(false, (left) > (right), __VA_ARGS__)
#define cr_expect_geq(left, right, ...)       SUITE_CHECK(false, (left) >= (right), __VA_ARGS__)
#define cr_expect_null(pointer, ...)          SUITE_CHECK(false, (pointer) == NULL, __VA_ARGS__)
#define cr_expect_not_null(pointer, ...)      SUITE_CHECK(false, (pointer) != NULL, __VA_ARGS__)
#define cr_expect_str_eq(left, right, ...)    SUITE_CHECK(false, strcmp(left, right) == 0, __VA_ARGS__)
#define cr_expect_str_neq(left, right, ...)   SUITE_CHECK(false, strcmp(left, right) != 0, __VA_ARGS__)
#define cr_expect_arr_eq(left, right, n, ...) SUITE_CHECK(false, memcmp(left, right, n) == 0, __VA_ARGS__)
#define cr_expect_fail(...)                   suite_check(false, false, __FILE__, __LINE__, "fail", "" __VA_ARGS__)

#define cr_skip_test(...) suite_skip("" __VA_ARGS__)

#endif
