/* execute.c: all code of the prelude, run: each signature of the patterns in each of its ways is called, or called
 * back, through the public interface with random values, under the policy `never`. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

enum { ROUNDS = 3, SLOTS = MOST_PARAMETERS * MOST_BYTES / 8, PATTERN = 0xA5 };
enum { ERRNO_BEFORE = 41, ERRNO_INSIDE = 42 };

/* ---- what the functions in C see and give ---- */

unsigned char answer[MOST_BYTES];
static unsigned char noted[MOST_PARAMETERS][MOST_BYTES];
static size_t notes;

void note(size_t index, const void *value, size_t size) {
    memcpy(noted[index], value, size);
    notes++;
}

void leave_errno(void) {
    errno = ERRNO_INSIDE;
}

/* ---- values ---- */

static uint64_t seed;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Not every pattern of bytes is an x87 number. */
static void fill(const Facts *facts, unsigned char *value) {
    memset(value, 0, MOST_BYTES);
    const bool wide = facts->mask[0] == 'x';
    const long double number = ldexpl((long double)(int64_t)next_random(), (int)(next_random() % 200) - 100);
    if (wide) memcpy(value, &number, 10);
    for (size_t i = 0; i < facts->size && !wide; i++) value[i] = (unsigned char)(next_random() >> 24);
}

static bool same(const Facts *facts, const unsigned char *left, const unsigned char *right) {
    for (size_t i = 0; i < facts->size; i++) {
        if (facts->mask[i] != '.' && left[i] != right[i]) return false;
    }
    return true;
}

/* The 8 bytes of a slot that an integer fills, or of a result. */
static uint64_t extended(const Facts *facts, const unsigned char *value) {
    uint64_t slot = 0;
    memcpy(&slot, value, facts->size);
    const unsigned shift = 64 - 8 * (unsigned)facts->size;
    return facts->is_signed ? (uint64_t)((int64_t)(slot << shift) >> shift) : slot;
}

/* ---- one engine, and a signature as the library parses it ---- */

typedef struct World {
    ferry_engine *engine;
    const Case *each;
    const char *way;
    bool slots;
    bool with_errno; /* captured, or the handler's */
    unsigned char values[MOST_PARAMETERS][MOST_BYTES];
    _Alignas(16) uint64_t arguments[SLOTS];
} World;

static void report_late(void *context, const ferry_report *report) {
    *(size_t *)context += report->event == FERRY_LATE_CALL;
}

static size_t late_calls;

static ferry_engine *new_engine(unsigned without) {
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_NEVER,
                                          .without = without | FERRY_SOURCE_BUNDLES | FERRY_SOURCE_CACHE,
                                          .report = report_late,
                                          .report_context = &late_calls};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

static void free_engine(ferry_engine *engine) {
    ferry_error error;
    cr_assert_eq(ferry_engine_free(engine, &error), FERRY_OK, "%s", error.message);
}

static const ferry_signature *parse(ferry_engine *engine, const char *text) {
    static char whole[8192];
    ferry_error error;
    snprintf(whole, sizeof whole, "%s%s;", declarations, text);
    const ferry_signature *signature = ferry_signature_parse(engine, whole, NULL, &error);
    cr_assert_not_null(signature, "%s: %s", text, error.message);
    return signature;
}

static bool contains(const char *way, const char *word) {
    return strstr(way, word) != NULL;
}

static World world_of(ferry_engine *engine, const Case *each, size_t way) {
    const char *name = way_names[way];
    return (World){.engine = engine,
                   .each = each,
                   .way = name,
                   .slots = contains(name, "slots"),
                   .with_errno = contains(name, "+errno")};
}

/* ---- calls of C ---- */

/* Behind the last argument comes where errno goes. */
static void lay_out(World *world, int *errno_seen) {
    const Case *each = world->each;
    size_t next = 0;
    for (size_t i = 0; i < each->count; i++) {
        const Facts *facts = each->parameters[i];
        fill(facts, world->values[i]);
        const uint64_t slot = facts->fills_slot ? extended(facts, world->values[i]) : 0;
        if (!world->slots)
            world->arguments[next++] = (uintptr_t)world->values[i];
        else if (facts->fills_slot)
            world->arguments[next++] = slot;
        else
            memcpy(&world->arguments[next], world->values[i], facts->size);
        if (world->slots && !facts->fills_slot) next += (facts->size + 7) / 8;
    }
    world->arguments[next] = (uintptr_t)errno_seen;
}

static void check_arguments(const World *world) {
    const Case *each = world->each;
    cr_assert_eq(notes, each->count, "%s (%s): %zu arguments arrived", each->text, world->way, notes);
    for (size_t i = 0; i < each->count; i++) {
        cr_assert(same(each->parameters[i], noted[i], world->values[i]), "%s (%s): argument %zu", each->text,
                  world->way, i);
    }
}

/* Integers fill 8 bytes; behind the result nothing is written. */
static void check_result(const World *world, const unsigned char *result, size_t room) {
    const Facts *facts = world->each->result;
    size_t written = facts != NULL ? facts->size : 0;
    if (facts != NULL && facts->fills_slot) {
        uint64_t expected = extended(facts, answer), got;
        memcpy(&got, result, sizeof got);
        cr_assert_eq(got, expected, "%s (%s): the result", world->each->text, world->way);
        written = sizeof got;
    } else if (facts != NULL) {
        cr_assert(same(facts, result, answer), "%s (%s): the result", world->each->text, world->way);
    }
    for (size_t i = written; i < room; i++)
        cr_assert_eq(result[i], PATTERN, "%s (%s): byte %zu behind the result", world->each->text, world->way, i);
}

static void call_once(World *world, const ferry_binding *binding) {
    _Alignas(16) unsigned char result[MOST_BYTES + 16];
    int errno_seen = 0;
    memset(result, PATTERN, sizeof result);
    if (world->each->result != NULL) fill(world->each->result, answer);
    lay_out(world, &errno_seen);
    notes = 0;
    errno = ERRNO_BEFORE;
    ferry_call(binding, world->arguments, result);
    check_arguments(world);
    check_result(world, result, sizeof result);
    if (world->with_errno) cr_assert_eq(errno_seen, ERRNO_INSIDE, "%s (%s): errno", world->each->text, world->way);
}

static void run_downcall(World *world) {
    ferry_error error;
    const ferry_binding_options options = {.convention = world->slots ? FERRY_SLOTS : FERRY_POINTERS,
                                           .capture_errno = world->with_errno};
    ferry_binding *binding =
        ferry_bind(world->engine, parse(world->engine, world->each->text), world->each->callee, &options, &error);
    cr_assert_not_null(binding, "%s (%s): %s", world->each->text, world->way, error.message);
    cr_assert_eq(ferry_binding_tier(binding), FERRY_TIER_PRELUDE, "%s (%s): %s, %s", world->each->text, world->way,
                 ferry_tier_text(ferry_binding_tier(binding)), ferry_binding_reason(binding));
    for (int i = 0; i < ROUNDS; i++) call_once(world, binding);
    ferry_binding_free(binding);
}

/* ---- calls by C ---- */

/* In slots an integer fills its slot; behind pointers are just the values. */
static void take(void *context, void *arguments, void *result) {
    const World *world = context;
    const Case *each = world->each;
    size_t next = 0;
    for (size_t i = 0; i < each->count; i++) {
        const Facts *facts = each->parameters[i];
        const unsigned char *value =
            world->slots ? (const unsigned char *)arguments + 8 * next : ((const unsigned char *const *)arguments)[i];
        if (world->slots && facts->fills_slot) {
            uint64_t slot;
            memcpy(&slot, value, sizeof slot);
            cr_assert_eq(slot, extended(facts, world->values[i]), "%s (%s): argument %zu", each->text, world->way, i);
        }
        note(i, value, facts->size);
        next += (facts->size + 7) / 8;
    }
    if (each->result != NULL) memcpy(result, answer, each->result->size);
    errno = ERRNO_INSIDE;
}

static void be_called_once(World *world, ferry_function *code, const unsigned char *expected, int expected_errno) {
    unsigned char result[MOST_BYTES] = {0};
    void *values[MOST_PARAMETERS];
    for (size_t i = 0; i < world->each->count; i++) values[i] = world->values[i];
    errno = ERRNO_BEFORE;
    world->each->caller(code, values, result);
    cr_assert_eq(errno, expected_errno, "%s (%s): errno is %d", world->each->text, world->way, errno);
    if (world->each->result != NULL)
        cr_assert(same(world->each->result, result, expected), "%s (%s): the result", world->each->text, world->way);
}

static void check_tier(const World *world, const ferry_closure *closure) {
    cr_assert_eq(ferry_closure_tier(closure), FERRY_TIER_PRELUDE, "%s (%s): %s, %s", world->each->text, world->way,
                 ferry_tier_text(ferry_closure_tier(closure)), ferry_closure_reason(closure));
}

/* And once more after its end: zeros come from the late stub. */
static void run_upcall(World *world) {
    static const unsigned char zeros[MOST_BYTES];
    ferry_error error;
    const ferry_closure_options options = {.convention = world->slots ? FERRY_SLOTS : FERRY_POINTERS,
                                           .handler_errno = world->with_errno};
    const Case *each = world->each;
    ferry_closure *closure =
        ferry_closure_create(world->engine, parse(world->engine, each->text), take, world, &options, &error);
    cr_assert_not_null(closure, "%s (%s): %s", each->text, world->way, error.message);
    check_tier(world, closure);
    ferry_function *code = ferry_closure_code(closure);
    for (int i = 0; i < ROUNDS; i++) {
        if (each->result != NULL) fill(each->result, answer);
        for (size_t k = 0; k < each->count; k++) fill(each->parameters[k], world->values[k]);
        notes = 0;
        be_called_once(world, code, answer, world->with_errno ? ERRNO_INSIDE : ERRNO_BEFORE);
        check_arguments(world);
    }
    cr_assert_eq(ferry_closure_release(closure, &error), FERRY_OK);
    const size_t before = late_calls;
    be_called_once(world, code, zeros, ERRNO_BEFORE);
    cr_assert_eq(late_calls, before + 1, "%s (%s): a late call", each->text, world->way);
}

/* ---- the tests ---- */

static size_t run_way(ferry_engine *engine, size_t way, const char *direction) {
    size_t done = 0;
    const bool upcalls = contains(direction, "closure");
    for (size_t i = 0; i < case_count; i++) {
        if ((cases[i].ways & 1U << way) == 0 || contains(way_names[way], "closure") != upcalls) continue;
        World world = world_of(engine, &cases[i], way);
        if (upcalls)
            run_upcall(&world);
        else
            run_downcall(&world);
        done++;
    }
    return done;
}

static void run_all(const char *direction, size_t at_least) {
    ferry_engine *engine = new_engine(0);
    ferry_statistics statistics;
    size_t done = 0;
    seed = UINT64_C(0x9E3779B97F4A7C15);
    for (size_t way = 0; way < case_way_count; way++) done += run_way(engine, way, direction);
    cr_assert_geq(done, at_least, "%zu signatures were run", done);
    ferry_engine_statistics(engine, &statistics);
    cr_assert_eq(statistics.compiled, 0);
    cr_assert_eq(statistics.without_code, 0);
    cr_assert_not(statistics.backend_loaded);
    cr_assert_eq(statistics.from_prelude, statistics.shapes, "%zu of %zu shapes", statistics.from_prelude,
                 statistics.shapes);
    free_engine(engine);
}

Test(prelude, all_calls_of_c) {
    run_all("call", 1200);
}

Test(prelude, all_calls_by_c) {
    run_all("closure", 300);
}

static ferry_tier tier_of(unsigned without, const char *text) {
    ferry_engine *engine = new_engine(without);
    ferry_error error;
    ferry_binding *binding = ferry_bind(engine, parse(engine, text), cases[0].callee, NULL, &error);
    cr_assert_not_null(binding, "%s", error.message);
    const ferry_tier tier = ferry_binding_tier(binding);
    ferry_binding_free(binding);
    free_engine(engine);
    return tier;
}

/* What is not in it goes by libffi, as does everything where it is not to be used. */
Test(prelude, what_is_not_there) {
    cr_assert_eq(tier_of(0, "double f(long, double)"), FERRY_TIER_PRELUDE);
    cr_assert_eq(tier_of(FERRY_SOURCE_PRELUDE, "double f(long, double)"), FERRY_TIER_LIBFFI);
    cr_assert_eq(tier_of(0, "double f(struct longs5, short, struct longs5, short)"), FERRY_TIER_LIBFFI);
}
