/* tiers.c: when code is made, and what goes on until it is there. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/run/support.h"

static long add(long a, long b) {
    return a + b;
}

static double scale(double x, int by) {
    return x * by;
}

static long call_add(const ferry_binding *binding, long a, long b) {
    const long slots[] = {a, b};
    long result = -1;
    ferry_call(binding, slots, &result);
    return result;
}

static void wait_for_code(ferry_engine *engine) {
    ferry_error error;
    cr_assert_eq(ferry_engine_wait(engine, 20000, &error), FERRY_OK, "%s", error.message);
}

static ferry_statistics statistics_of(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics;
}

static size_t count_threads(void) {
    size_t count = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) sscanf(line, "Threads: %zu", &count);
    if (status != NULL) fclose(status);
    return count;
}

/* ---- background ---- */

Test(tiers, an_unknown_shape_works_at_once_and_its_code_comes) {
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    cr_expect_eq(call_add(binding, 3, 4), 7);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_QUICK, "%s", ferry_tier_text(ferry_binding_tier(binding)));
    cr_expect_eq(ferry_binding_path(binding), FERRY_PATH_CODE);
    cr_expect_str_eq(ferry_binding_reason(binding), "");
    cr_expect_eq(call_add(binding, 5, 6), 11);
    const ferry_statistics statistics = statistics_of(engine);
    cr_expect_eq(statistics.compiled, 1);
    cr_expect_eq(statistics.waiting, 0);
    cr_expect_eq(statistics.requests, 1);
    cr_expect(statistics.thread_running);
    cr_expect_gt(statistics.load_nanoseconds, 0);
    cr_expect_gt(statistics.compile_nanoseconds, 0);
    cr_expect_gt(statistics.place_nanoseconds, 0);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, a_call_takes_up_code_that_came_since_the_last) {
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    ferry_entry before;
    memcpy(&before, binding, sizeof before);
    wait_for_code(engine);
    cr_expect_eq(call_add(binding, 1, 2), 3); /* by its code already */
    ferry_entry after;
    size_t size;
    memcpy(&after, binding, sizeof after);
    cr_expect_neq(before, after);
    cr_expect_eq((const void *)(uintptr_t)after, ferry_binding_code(binding, &size));
    cr_expect_gt(size, 0);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, until_its_code_is_there_a_binding_says_that_it_waits) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding = bind(engine, "double scale(double, int)", FUNCTION(scale), NULL);
    ferry_tier tier = ferry_binding_tier(binding); /* LLVM is not loaded in the time of one call */
    cr_expect_eq(tier, FERRY_TIER_WAITING, "%s", ferry_tier_text(tier));
    cr_expect_eq(ferry_binding_path(binding), FERRY_PATH_LIBFFI);
    cr_expect_str_eq(ferry_binding_reason(binding), "its machine code is being made");
    cr_expect_eq(ferry_engine_wait(engine, 0, &error), FERRY_TIMEOUT);
    cr_expect_not_null(strstr(error.message, "1 shapes"), "%s", error.message);
    wait_for_code(engine);
    ferry_binding_free(binding);
    free_engine(engine);
}

static long thousandth(long a) {
    return a + 1000;
}

Test(tiers, what_waits_together_is_made_in_few_batches) {
    enum { COUNT = 60 };
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *bindings[COUNT];
    for (size_t i = 0; i < COUNT; i++) { /* one shape each: a struct of i + 17 bytes on the stack */
        char text[96];
        snprintf(text, sizeof text, "struct { char c[%zu]; } ; long f(long)", i + 17);
        snprintf(text, sizeof text, "typedef struct { char c[%zu]; } s; long f(long, s)", i + 17);
        bindings[i] = bind(engine, text, FUNCTION(thousandth), NULL);
    }
    wait_for_code(engine);
    const ferry_statistics statistics = statistics_of(engine);
    cr_expect_eq(statistics.compiled, COUNT, "%zu", statistics.compiled);
    cr_expect_leq(statistics.requests, 12, "%llu", (unsigned long long)statistics.requests);
    for (size_t i = 0; i < COUNT; i++) {
        char slots[256] = {5};
        long result = 0;
        ferry_call(bindings[i], slots, &result);
        cr_expect_eq(result, 1005);
        ferry_binding_free(bindings[i]);
    }
    free_engine(engine);
}

Test(tiers, the_thread_starts_when_it_is_needed_and_ends_with_the_engine) {
    if (BUILT_WITH(thread_sanitizer)) cr_skip_test("it has a thread of its own, from the first one on");
    size_t others = count_threads();
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    const ferry_signature *signature = parse(engine, "long add(long, long)");
    cr_expect_eq(count_threads(), others, "before anything was asked for");
    cr_expect_not(statistics_of(engine).thread_running);
    ferry_binding *binding = ferry_bind(engine, signature, FUNCTION(add), NULL, NULL);
    cr_expect_eq(count_threads(), others + 1);
    ferry_binding_free(binding);
    free_engine(engine);
    cr_expect_eq(count_threads(), others, "after the engine's end");
}

typedef __attribute__((vector_size(16))) float Four;
static Four twice(Four four) {
    return four + four;
}

Test(tiers, what_libffi_cannot_pass_has_its_code_at_once) {
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_binding *binding =
        bind(engine, "typedef float four __attribute__((vector_size(16))); four twice(four)", FUNCTION(twice), NULL);
    cr_expect_eq(ferry_binding_path(binding), FERRY_PATH_CODE);
    _Alignas(16) float slots[4] = {1, 2, 3, 4}, result[4];
    ferry_call(binding, slots, result);
    cr_expect_eq(result[3], 8);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, without_llvm_everything_stays_with_libffi_and_says_why) {
    ferry_error error;
    const ferry_engine_options options = {.without = FERRY_SOURCE_ALL, .backend = "/nonexistent/ferry-llvm.so"};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_LIBFFI);
    cr_expect_not_null(strstr(ferry_binding_reason(binding), "/nonexistent/"), "%s", ferry_binding_reason(binding));
    cr_expect_not_null(strstr(statistics_of(engine).backend_error, "/nonexistent/"));
    cr_expect_eq(call_add(binding, 3, 4), 7);
    ferry_binding_free(binding);
    free_engine(engine);
}

/* ---- closures ---- */

static void add_handler(void *context, void *arguments, void *result) {
    const long *slots = arguments;
    long sum = slots[0] + slots[1] + *(const long *)context;
    memcpy(result, &sum, sizeof sum);
}

Test(tiers, a_closure_of_an_unknown_shape_works_at_once_and_its_stub_comes) {
    ferry_error error;
    long extra = 100;
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    ferry_closure *closure =
        ferry_closure_create(engine, parse(engine, "long f(long, long)"), add_handler, &extra, NULL, &error);
    cr_assert_not_null(closure, "%s", error.message);
    long (*code)(long, long) = (long (*)(long, long))ferry_closure_code(closure);
    cr_expect_eq(code(1, 2), 103);
    wait_for_code(engine);
    cr_expect_eq(ferry_closure_tier(closure), FERRY_TIER_QUICK, "%s", ferry_tier_text(ferry_closure_tier(closure)));
    cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_CODE);
    cr_expect_eq(code(3, 4), 107);
    cr_expect_eq(statistics_of(engine).compiled, 2); /* the stub and the late stub */
    ferry_closure_release(closure, NULL);
    cr_expect_eq(code(3, 4), 0); /* late */
    free_engine(engine);
}

/* ---- after so many calls ---- */

Test(tiers, after_so_many_calls_and_not_before) {
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_AFTER_CALLS, .after_calls = 5, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    ferry_binding *other = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    for (int i = 0; i < 4; i++) cr_expect_eq(call_add(i % 2 ? other : binding, i, 1), i + 1);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_WAITING);
    cr_expect_not(statistics_of(engine).backend_loaded);
    cr_expect_eq(call_add(binding, 4, 1), 5);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_QUICK);
    cr_expect_eq(ferry_binding_tier(other), FERRY_TIER_QUICK);
    cr_expect_eq(call_add(other, 7, 1), 8);
    ferry_binding_free(binding);
    ferry_binding_free(other);
    free_engine(engine);
}

Test(tiers, a_closure_gets_its_stub_after_so_many_calls) {
    ferry_error error;
    long extra = 0;
    const ferry_engine_options options = {.policy = FERRY_AFTER_CALLS, .after_calls = 3, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    ferry_closure *closure =
        ferry_closure_create(engine, parse(engine, "long f(long, long)"), add_handler, &extra, NULL, &error);
    cr_assert_not_null(closure, "%s", error.message);
    long (*code)(long, long) = (long (*)(long, long))ferry_closure_code(closure);
    for (int i = 0; i < 2; i++) cr_expect_eq(code(i, 2), i + 2);
    wait_for_code(engine);
    cr_expect_eq(ferry_closure_tier(closure), FERRY_TIER_WAITING);
    cr_expect_eq(code(9, 2), 11);
    wait_for_code(engine);
    cr_expect_eq(ferry_closure_path(closure), FERRY_PATH_CODE);
    cr_expect_eq(code(3, 4), 7);
    ferry_closure_release(closure, NULL);
    free_engine(engine);
}

/* ---- the other policies ---- */

Test(tiers, never_is_never) {
    size_t threads = count_threads();
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    for (int i = 0; i < 1000; i++) cr_assert_eq(call_add(binding, i, 1), i + 1);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_LIBFFI);
    cr_expect_eq(count_threads(), threads);
    cr_expect_not(statistics_of(engine).backend_loaded);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, now_is_now_and_starts_no_thread) {
    size_t threads = count_threads();
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_QUICK);
    cr_expect_eq(count_threads(), threads);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, the_better_quality_is_a_tier_of_its_own) {
    const ferry_engine_options options = {.policy = FERRY_NOW, .quality = FERRY_BETTER, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, NULL);
    cr_assert_not_null(engine);
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), NULL);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_BETTER);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, prepare_waits_for_code_that_is_being_made) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    const ferry_signature *signature = parse(engine, "long add(long, long)");
    ferry_binding *binding = ferry_bind(engine, signature, FUNCTION(add), NULL, NULL);
    cr_assert_eq(ferry_prepare(engine, &signature, 1, NULL, &error), FERRY_OK, "%s", error.message);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_QUICK);
    ferry_binding_free(binding);
    free_engine(engine);
}

Test(tiers, every_tier_has_a_text) {
    for (int tier = FERRY_TIER_LIBFFI; tier <= FERRY_TIER_BETTER; tier++)
        cr_expect_neq(ferry_tier_text((ferry_tier)tier)[0], '\0');
    cr_expect_str_eq(ferry_tier_text(FERRY_TIER_CACHE), "cache");
    cr_expect_str_eq(ferry_tier_text((ferry_tier)99), "unknown tier");
    cr_expect_eq(ferry_binding_tier(NULL), FERRY_TIER_LIBFFI);
    cr_expect_eq(ferry_closure_tier(NULL), FERRY_TIER_LIBFFI);
    cr_expect_eq(ferry_engine_wait(NULL, 0, NULL), FERRY_INVALID);
}

/* ---- no thread ---- */

/* Too little address space for another stack. */
static void forbid_threads(struct rlimit *before) {
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    cr_assert_not_null(statm);
    cr_assert_eq(fscanf(statm, "%lu", &pages), 1);
    fclose(statm);
    cr_assert_eq(getrlimit(RLIMIT_AS, before), 0);
    const struct rlimit tight = {.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (1 << 20),
                                 .rlim_max = before->rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
}

Test(tiers, where_no_thread_can_be_started_waiting_makes_the_code) {
    if (BUILT_WITH(address_sanitizer) || BUILT_WITH(thread_sanitizer)) cr_skip_test("the address space is endless");
    struct rlimit before;
    ferry_engine *engine = new_engine(FERRY_BACKGROUND);
    const ferry_signature *signature = parse(engine, "long add(long, long)");
    forbid_threads(&before);
    ferry_binding *binding = ferry_bind(engine, signature, FUNCTION(add), NULL, NULL);
    setrlimit(RLIMIT_AS, &before);
    cr_assert_not_null(binding);
    cr_assert_not(statistics_of(engine).thread_running);
    cr_expect_neq(statistics_of(engine).thread_error[0], '\0');
    cr_expect_eq(call_add(binding, 3, 4), 7);
    wait_for_code(engine);
    cr_expect_eq(ferry_binding_tier(binding), FERRY_TIER_QUICK);
    ferry_binding_free(binding);
    free_engine(engine);
}
