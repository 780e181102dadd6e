/* without_code.c: what an engine does, and says, where no memory can be made executable: ready-made code is used, the
 * rest goes by libffi, and the statistics name what could not be done.
 *
 * A test forbids executable memory to itself, after the bundles are loaded. */
#include <stdio.h>

#include "forbid.h"
#include "tests/run/support.h"

static const ferry_policy policies[] = {FERRY_BACKGROUND, FERRY_NOW, FERRY_AFTER_CALLS, FERRY_ON_REQUEST, FERRY_NEVER};
#define POLICIES (sizeof policies / sizeof policies[0])

/* ---- shapes: in the prelude, in the bundle, in neither ---- */

static long add(long a, long b) {
    return a + 10 * b;
}

typedef struct Odd {
    float a;
    long double b;
    char c[3];
} Odd;

#define ODD "typedef struct { float a; long double b; char c[3]; } Odd; "

static Odd turn(Odd odd, short by, Odd other, float x) {
    return (Odd){.a = odd.a + x, .b = other.b * by, .c = {odd.c[2], other.c[1], odd.c[0]}};
}

static Odd odd(float a, long double b, char c) {
    return (Odd){.a = a, .b = b, .c = {c, (char)(c + 1), (char)(c + 2)}};
}

static void check_odd(Odd result) {
    cr_expect_eq(result.a, 4.0F);
    cr_expect_eq(result.b, -14.0L);
    cr_expect_eq(result.c[0], 'c');
    cr_expect_eq(result.c[1], 'q');
    cr_expect_eq(result.c[2], 'a');
}

static ferry_engine *open_engine(ferry_policy policy, unsigned without) {
    ferry_error error;
    const ferry_engine_options options = {.policy = policy, .without = without | FERRY_SOURCE_CACHE, .after_calls = 2};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

/* Until it is known that what is on its way cannot come. */
static void settle(ferry_engine *engine) {
    ferry_error error;
    cr_expect_eq(ferry_engine_wait(engine, 20000, &error), FERRY_OK, "%s", error.message);
}

static void check_tier(ferry_tier tier, ferry_tier expected, const char *reason) {
    cr_expect_eq(tier, expected, "%s, not %s: %s", ferry_tier_text(tier), ferry_tier_text(expected), reason);
    cr_expect_eq(reason[0] != '\0', expected == FERRY_TIER_LIBFFI, "%s", reason);
}

static void call_add(ferry_engine *engine, ferry_tier tier, const ferry_binding_options *options) {
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), options);
    for (long i = 0; i < 10; i++) {
        long a = i, b = 4, result = -1;
        const long slots[] = {a, b};
        const void *const pointers[] = {&a, &b};
        ferry_call(binding, options->convention == FERRY_SLOTS ? (const void *)slots : pointers, &result);
        cr_expect_eq(result, i + 40);
    }
    settle(engine);
    check_tier(ferry_binding_tier(binding), tier, ferry_binding_reason(binding));
    ferry_binding_free(binding);
}

static void call_turn(ferry_engine *engine, ferry_tier tier) {
    const ferry_binding_options options = {.convention = FERRY_POINTERS};
    ferry_binding *binding = bind(engine, ODD "Odd turn(Odd, short, Odd, float)", FUNCTION(turn), &options);
    Odd first = odd(1, 2, 'a'), second = odd(5, 7, 'p'), result;
    short by = -2;
    float x = 3;
    const void *const pointers[] = {&first, &by, &second, &x};
    for (int i = 0; i < 10; i++) {
        result = odd(0, 0, 0);
        ferry_call(binding, pointers, &result);
        check_odd(result);
    }
    settle(engine);
    check_tier(ferry_binding_tier(binding), tier, ferry_binding_reason(binding));
    ferry_binding_free(binding);
}

/* ---- closures ---- */

static void add_slots(void *context, void *arguments, void *result) {
    const long *slots = arguments;
    *(long *)result = add(slots[0], slots[1]) + *(long *)context;
}

static void turn_pointers(void *context, void *arguments, void *result) {
    void **pointers = arguments;
    ++*(long *)context;
    *(Odd *)result = turn(*(Odd *)pointers[0], *(short *)pointers[1], *(Odd *)pointers[2], *(float *)pointers[3]);
}

static ferry_closure *new_closure(ferry_engine *engine, const char *text, ferry_handler handler, void *context,
                                  const ferry_closure_options *options) {
    ferry_error error;
    ferry_closure *closure = ferry_closure_create(engine, parse(engine, text), handler, context, options, &error);
    cr_assert_not_null(closure, "%s: %s", text, error.message);
    return closure;
}

static void end(ferry_closure *closure) {
    ferry_error error;
    cr_assert_eq(ferry_closure_release(closure, &error), FERRY_OK, "%s", error.message);
}

static void be_called_by_add(ferry_engine *engine, ferry_tier tier) {
    long context = 0;
    ferry_closure *closure = new_closure(engine, "long f(long, long)", add_slots, &context, NULL);
    long (*function)(long, long) = (long (*)(long, long))ferry_closure_code(closure);
    for (context = 0; context < 1000; context += 100) cr_expect_eq(function(5, 6), 65 + context);
    settle(engine);
    check_tier(ferry_closure_tier(closure), tier, ferry_closure_reason(closure));
    end(closure);
}

static void be_called_by_turn(ferry_engine *engine, ferry_tier tier) {
    long calls = 0;
    const ferry_closure_options options = {.convention = FERRY_POINTERS};
    ferry_closure *closure = new_closure(engine, ODD "Odd f(Odd, short, Odd, float)", turn_pointers, &calls, &options);
    Odd (*function)(Odd, short, Odd, float) = (Odd (*)(Odd, short, Odd, float))ferry_closure_code(closure);
    for (int i = 0; i < 10; i++) check_odd(function(odd(1, 2, 'a'), -2, odd(5, 7, 'p'), 3));
    cr_expect_eq(calls, 10);
    settle(engine);
    check_tier(ferry_closure_tier(closure), tier, ferry_closure_reason(closure));
    end(closure);
}

/* ---- what is said ---- */

static ferry_statistics statistics_of(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics;
}

static bool names_refusal(const char *text) {
    return strstr(text, "no executable memory") != NULL && strstr(text, "Operation not permitted") != NULL;
}

/* Code is only missed where it was to be made. */
static bool makes_by_itself(ferry_policy policy) {
    return policy == FERRY_BACKGROUND || policy == FERRY_NOW || policy == FERRY_AFTER_CALLS;
}

static void check_statistics(ferry_engine *engine, ferry_policy policy) {
    const ferry_statistics statistics = statistics_of(engine);
    cr_expect_eq(statistics.compiled, 0);
    cr_expect_eq(statistics.blobs, 0);
    cr_expect_eq(statistics.slab_bytes_mapped, 0);
    cr_expect_eq(statistics.waiting, 0);
    cr_expect_eq(names_refusal(statistics.backend_error), makes_by_itself(policy), "%s", statistics.backend_error);
    cr_expect_eq(names_refusal(statistics.thunk_error), policy != FERRY_NEVER, "%s", statistics.thunk_error);
}

Test(without_code, with_every_policy_the_prelude_and_libffi_serve_all_calls) {
    forbid("executable");
    for (size_t p = 0; p < POLICIES; p++) {
        ferry_engine *engine = open_engine(policies[p], 0);
        const ferry_binding_options slots = {.convention = FERRY_SLOTS}, pointers = {.convention = FERRY_POINTERS};
        call_add(engine, FERRY_TIER_PRELUDE, &slots);
        call_add(engine, FERRY_TIER_PRELUDE, &pointers);
        call_turn(engine, FERRY_TIER_LIBFFI);
        be_called_by_add(engine, FERRY_TIER_PRELUDE);
        be_called_by_turn(engine, FERRY_TIER_LIBFFI);
        check_statistics(engine, policies[p]);
        cr_expect_geq(statistics_of(engine).from_prelude, 3);
        free_engine(engine);
    }
}

Test(without_code, with_every_policy_libffi_alone_serves_all_calls) {
    forbid("executable");
    for (size_t p = 0; p < POLICIES; p++) {
        ferry_engine *engine = open_engine(policies[p], FERRY_SOURCE_ALL);
        const ferry_binding_options slots = {.convention = FERRY_SLOTS}, pointers = {.convention = FERRY_POINTERS};
        call_turn(engine, FERRY_TIER_LIBFFI);
        be_called_by_turn(engine, FERRY_TIER_LIBFFI);
        call_add(engine, FERRY_TIER_LIBFFI, &slots);
        call_add(engine, FERRY_TIER_LIBFFI, &pointers);
        be_called_by_add(engine, FERRY_TIER_LIBFFI);
        check_statistics(engine, policies[p]);
        free_engine(engine);
    }
}

static void use_bundle(ferry_engine *engine, ferry_policy policy) {
    call_turn(engine, FERRY_TIER_BUNDLE);
    be_called_by_turn(engine, FERRY_TIER_BUNDLE);
    cr_expect_geq(statistics_of(engine).from_bundles, 2);
    cr_expect_str_eq(statistics_of(engine).bundle_error, "");
    cr_expect_eq(statistics_of(engine).thunk_error[0] != '\0', policy != FERRY_NEVER);
    free_engine(engine);
}

Test(without_code, a_bundle_that_was_there_before_is_used) {
    ferry_engine *engines[POLICIES];
    ferry_error error;
    for (size_t p = 0; p < POLICIES; p++) {
        engines[p] = open_engine(policies[p], 0);
        cr_assert_eq(ferry_engine_add_bundle(engines[p], FERRY_TEST_BUNDLE, &error), FERRY_OK, "%s", error.message);
    }
    forbid("executable");
    for (size_t p = 0; p < POLICIES; p++) use_bundle(engines[p], policies[p]);
}

Test(without_code, a_bundle_that_comes_too_late_is_refused_and_all_goes_on) {
    forbid("executable");
    for (size_t p = 0; p < POLICIES; p++) {
        ferry_engine *engine = open_engine(policies[p], 0);
        ferry_error error = {0};
        cr_expect_neq(ferry_engine_add_bundle(engine, FERRY_TEST_BUNDLE, &error), FERRY_OK);
        cr_expect_not_null(strstr(error.message, FERRY_TEST_BUNDLE), "%s", error.message);
        call_turn(engine, FERRY_TIER_LIBFFI);
        be_called_by_turn(engine, FERRY_TIER_LIBFFI);
        free_engine(engine);
    }
}

/* Code that was made before goes on beside what can no longer be made. */
Test(without_code, what_was_made_before_stays) {
    ferry_engine *engine = open_engine(FERRY_NOW, FERRY_SOURCE_ALL);
    const ferry_binding_options slots = {.convention = FERRY_SLOTS};
    ferry_binding *binding = bind(engine, "long add(long, long)", FUNCTION(add), &slots);
    long context = 7;
    ferry_closure *closure = new_closure(engine, "long f(long, long)", add_slots, &context, NULL);
    cr_assert_eq(ferry_binding_path(binding), FERRY_PATH_CODE, "%s", ferry_binding_reason(binding));
    cr_assert_eq(ferry_closure_path(closure), FERRY_PATH_CODE, "%s", ferry_closure_reason(closure));
    forbid("executable");
    long arguments[] = {1, 2}, result = 0;
    ferry_call(binding, arguments, &result);
    cr_expect_eq(result, 21);
    cr_expect_eq(((long (*)(long, long))ferry_closure_code(closure))(1, 2), 28);
    call_turn(engine, FERRY_TIER_LIBFFI);
    end(closure);
    ferry_binding_free(binding);
    free_engine(engine);
}

/* Files in memory alone are refused: LLVM can be loaded, but what it makes has no place. */
Test(without_code, where_there_are_no_files_in_memory_it_is_the_same) {
    forbid("memfd");
    for (size_t p = 0; p < POLICIES; p++) {
        ferry_engine *engine = open_engine(policies[p], 0);
        const ferry_binding_options slots = {.convention = FERRY_SLOTS};
        call_add(engine, FERRY_TIER_PRELUDE, &slots);
        call_turn(engine, FERRY_TIER_LIBFFI);
        be_called_by_add(engine, FERRY_TIER_PRELUDE);
        be_called_by_turn(engine, FERRY_TIER_LIBFFI);
        check_statistics(engine, policies[p]);
        free_engine(engine);
    }
}
