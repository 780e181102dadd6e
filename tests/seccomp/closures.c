/* closures.c: closures by the thunks that come with the library, in a program that the library is linked into in one
 * way or another (an archive in a program of fixed or of free addresses, a shared library).
 *
 * No executable memory is to be had from the first line of main on; everything that is checked must work all the same:
 *   - as many closures as the library has thunks, each of which is itself, called by C and by qsort; the next one is
 *     refused, with both reasons; what ended may be had again
 *   - a second engine shares them, and gets all when the first is freed
 *   - the statistics say why */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/ferry.h"
#include "forbid.h"

enum { SUPPLY = 2048, MOST = 2 * SUPPLY };

static int failures;

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, "" __VA_ARGS__);                                                                           \
            fputc('\n', stderr);                                                                                       \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static void add_context(void *context, void *arguments, void *result) {
    long long *slots = arguments;
    *(long long *)result = slots[0] + (long long)(size_t)context;
}

static void compare(void *context, void *arguments, void *result) {
    const int *const *slots = arguments;
    ++*(size_t *)context;
    *(long long *)result = (*slots[0] > *slots[1]) - (*slots[0] < *slots[1]);
}

static ferry_engine *open_engine(ferry_policy policy) {
    ferry_error error = {0};
    ferry_engine *engine =
        ferry_engine_create(&(ferry_engine_options){.policy = policy, .without = FERRY_SOURCE_CACHE}, &error);
    if (engine == NULL) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    return engine;
}

static const ferry_signature *parse(ferry_engine *engine, const char *text) {
    ferry_error error = {0};
    const ferry_signature *signature = ferry_signature_parse(engine, text, NULL, &error);
    CHECK(signature != NULL, "%s", error.message);
    return signature;
}

static ferry_closure *closures[MOST];

/* Until there are no more. */
static size_t make_all(ferry_engine *engine, ferry_error *error) {
    const ferry_signature *signature = parse(engine, "long long f(long long)");
    size_t count = 0;
    while (count < MOST &&
           (closures[count] = ferry_closure_create(engine, signature, add_context, (void *)count, NULL, error)) != NULL)
        count++;
    return count;
}

static void call_all(size_t count) {
    for (size_t i = 0; i < count; i++) {
        long long (*function)(long long) = (long long (*)(long long))ferry_closure_code(closures[i]);
        CHECK(function(1000000) == 1000000 + (long long)i, "closure %zu", i);
    }
}

static void end_all(size_t count) {
    ferry_error error;
    for (size_t i = 0; i < count; i++)
        CHECK(ferry_closure_release(closures[i], &error) == FERRY_OK, "%s", error.message);
}

static void check_refusal(const ferry_error *error) {
    CHECK(error->code == FERRY_NO_CODE, "%d", (int)error->code);
    CHECK(strstr(error->message, "2048 thunks") != NULL, "%s", error->message);
    CHECK(strstr(error->message, "mmap(PROT_READ | PROT_EXEC)") != NULL, "%s", error->message);
}

static void check_statistics(ferry_engine *engine, size_t alive) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    CHECK(strstr(statistics.thunk_error, "mmap(PROT_READ | PROT_EXEC)") != NULL, "%s", statistics.thunk_error);
    CHECK(statistics.closures == alive, "%zu closures", statistics.closures);
    CHECK(statistics.closure_bytes_mapped == SUPPLY * statistics.closure_bytes, "%zu", statistics.closure_bytes_mapped);
}

static void sort(ferry_engine *engine) {
    enum { COUNT = 300 };
    size_t calls = 0;
    int values[COUNT];
    ferry_error error = {0};
    ferry_closure *closure =
        ferry_closure_create(engine, parse(engine, "int f(const void *, const void *)"), compare, &calls, NULL, &error);
    CHECK(closure != NULL, "%s", error.message);
    if (closure == NULL) return;
    for (int i = 0; i < COUNT; i++) values[i] = i * 7919 % COUNT;
    qsort(values, COUNT, sizeof values[0], (int (*)(const void *, const void *))ferry_closure_code(closure));
    for (int i = 0; i < COUNT; i++) CHECK(values[i] == i, "%d at %d", values[i], i);
    CHECK(calls >= COUNT - 1, "%zu calls", calls);
    CHECK(ferry_closure_release(closure, &error) == FERRY_OK, "%s", error.message);
}

static void expect_none(ferry_engine *engine) {
    ferry_error error = {0};
    const ferry_signature *signature = parse(engine, "long long f(long long)");
    CHECK(ferry_closure_create(engine, signature, add_context, NULL, NULL, &error) == NULL, "one more");
    check_refusal(&error);
}

static void close_engine(ferry_engine *engine) {
    ferry_error error = {0};
    CHECK(ferry_engine_free(engine, &error) == FERRY_OK, "%s", error.message);
}

/* Of the cells that ended a few hundred stay in quarantine, see ferry_engine_options. */
static void use(ferry_policy policy) {
    ferry_error error = {0};
    ferry_engine *engine = open_engine(policy), *other = open_engine(policy);
    sort(engine);
    size_t count = make_all(engine, &error);
    CHECK(count == SUPPLY - 1, "%zu beside the one that has ended", count);
    check_refusal(&error);
    check_statistics(engine, count);
    call_all(count);
    expect_none(other);
    end_all(count);
    count = make_all(engine, &error);
    CHECK(count > SUPPLY / 2 && count < SUPPLY, "%zu again", count);
    call_all(count);
    end_all(count);
    close_engine(engine);
    CHECK(make_all(other, &error) == SUPPLY, "%s", error.message);
    call_all(SUPPLY);
    end_all(SUPPLY);
    close_engine(other);
}

int main(void) {
    forbid("executable");
    for (int policy = FERRY_BACKGROUND; policy <= FERRY_NEVER; policy++) use((ferry_policy)policy);
    if (failures == 0) printf("closures by the library's thunks, with every policy: right\n");
    return failures != 0;
}
