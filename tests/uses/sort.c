/* sort.c: qsort, qsort_r and bsearch compare in the virtual machine; twalk and tdestroy visit through closures. */
#define _GNU_SOURCE
#include <search.h>
#include <stdlib.h>

#include "vm.h"

typedef int Comparator(const void *, const void *);
#define COMPARATOR "int compare(const void *, const void *)"

/* Machine code must be up to a million; libffi is shown what it can do. */
static size_t elements(const Way *way) {
    return way->path == FERRY_PATH_CODE ? 1000000 : 10000;
}

static int *random_ints(size_t count, uint32_t range) {
    uint64_t state = count;
    int *values = malloc(count * sizeof *values);
    cr_assert_not_null(values);
    for (size_t i = 0; i < count; i++) values[i] = (int)(next_random(&state) % range) - (int)(range / 2);
    return values;
}

static int compare_in_c(const void *a, const void *b) {
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

Test(uses, qsort_of_ints) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Program program = {way->convention, compare_ints, 0};
        ferry_closure *closure = new_closure(engine, way, COMPARATOR, vm_run, &program);
        size_t count = elements(way), bytes = count * sizeof(int);
        int *values = random_ints(count, 1u << 30), *expected = malloc(bytes);
        cr_assert_not_null(expected);
        memcpy(expected, values, bytes);
        qsort(expected, count, sizeof *expected, compare_in_c);
        qsort(values, count, sizeof *values, CODE(Comparator *, closure));
        cr_expect_eq(memcmp(values, expected, bytes), 0, "%s", way->name);
        cr_expect_geq(program.calls, count - 1);
        free(values);
        free(expected);
        release(closure);
        free_engine(engine);
    }
}

/* By two keys: a double behind a pointer, then a number. */
typedef struct Record {
    int number;
    double *weight;
    char padding[24];
} Record;

static const Instruction compare_weights[] = {{PUSH_ARGUMENT, 0},
                                              {LOAD_POINTER, offsetof(Record, weight)},
                                              {LOAD_DOUBLE, 0},
                                              {PUSH_ARGUMENT, 1},
                                              {LOAD_POINTER, offsetof(Record, weight)},
                                              {LOAD_DOUBLE, 0},
                                              {COMPARE_DOUBLES, 0},
                                              {RETURN, 0}};

static int compare_weights_in_c(const void *a, const void *b) {
    double left = *((const Record *)a)->weight, right = *((const Record *)b)->weight;
    return (left > right) - (left < right);
}

Test(uses, qsort_of_records) {
    enum { COUNT = 20000 };
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Program program = {way->convention, compare_weights, 0};
        ferry_closure *closure = new_closure(engine, way, COMPARATOR, vm_run, &program);
        static double weights[COUNT];
        static Record records[COUNT], expected[COUNT];
        for (int i = 0; i < COUNT; i++) { /* all different, so that there is one order */
            weights[i] = (i * 7919 % COUNT - 5000) / 16.0;
            records[i] = (Record){.number = i, .weight = &weights[i]};
            memset(records[i].padding, i, sizeof records[i].padding);
        }
        memcpy(expected, records, sizeof records);
        qsort(expected, COUNT, sizeof expected[0], compare_weights_in_c);
        qsort(records, COUNT, sizeof records[0], CODE(Comparator *, closure));
        cr_expect_eq(memcmp(records, expected, sizeof records), 0, "%s", way->name);
        release(closure);
        free_engine(engine);
    }
}

/* The third argument turns the order round. */
static const Instruction compare_directed[] = {{PUSH_ARGUMENT, 0}, {LOAD_INT, 0}, {PUSH_ARGUMENT, 1},
                                               {LOAD_INT, 0},      {COMPARE, 0},  {PUSH_ARGUMENT, 2},
                                               {LOAD_INT, 0},      {MULTIPLY, 0}, {RETURN, 0}};

static int compare_directed_in_c(const void *a, const void *b, void *direction) {
    return compare_in_c(a, b) * *(int *)direction;
}

Test(uses, qsort_r_hands_its_argument_on) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Program program = {way->convention, compare_directed, 0};
        ferry_closure *closure =
            new_closure(engine, way, "int f(const void *, const void *, void *)", vm_run, &program);
        enum { COUNT = 10000 };
        int *values = random_ints(COUNT, 1000000), expected[COUNT], directions[] = {-1, 1};
        memcpy(expected, values, sizeof expected);
        for (int i = 0; i < 2; i++) {
            qsort_r(expected, COUNT, sizeof *expected, compare_directed_in_c, &directions[i]);
            qsort_r(values, COUNT, sizeof *values, CODE(int (*)(const void *, const void *, void *), closure),
                    &directions[i]);
            cr_expect_eq(memcmp(values, expected, sizeof expected), 0, "%s, %d", way->name, directions[i]);
        }
        free(values);
        release(closure);
        free_engine(engine);
    }
}

/* Every other number is there: 0, 2, 4, ... */
Test(uses, bsearch_finds_what_is_there_and_nothing_else) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Program program = {way->convention, compare_ints, 0};
        ferry_closure *closure = new_closure(engine, way, COMPARATOR, vm_run, &program);
        size_t count = elements(way), wrong = 0;
        int *values = malloc(count * sizeof *values);
        cr_assert_not_null(values);
        for (size_t i = 0; i < count; i++) values[i] = (int)(2 * i);
        uint64_t state = 1;
        for (size_t i = 0; i < 100000; i++) {
            int key = (int)(next_random(&state) % (2 * count + 2)) - 1;
            const int *found = bsearch(&key, values, count, sizeof *values, CODE(Comparator *, closure));
            bool there = key >= 0 && key % 2 == 0 && (size_t)key / 2 < count;
            wrong += found != (there ? &values[key / 2] : NULL);
        }
        cr_expect_eq(wrong, 0, "%s", way->name);
        cr_expect_gt(program.calls, 100000);
        free(values);
        release(closure);
        free_engine(engine);
    }
}

/* ---- trees: twalk hands its visitor no argument of the caller's, so the closure's context is all that it has ---- */

typedef struct Walk {
    ferry_convention convention;
    int *visited;
    size_t count;
    int deepest;
} Walk;

static void visit(void *context, void *arguments, void *result) {
    (void)result;
    Walk *walk = context;
    const void *node = ARGUMENT(const void *, walk->convention, arguments, 0);
    VISIT order = ARGUMENT(VISIT, walk->convention, arguments, 1);
    int depth = ARGUMENT(int, walk->convention, arguments, 2);
    if (depth > walk->deepest) walk->deepest = depth;
    if (order == postorder || order == leaf) walk->visited[walk->count++] = **(int *const *)node;
}

static void destroy(void *context, void *arguments, void *result) {
    (void)result;
    Walk *walk = context;
    *ARGUMENT(int *, walk->convention, arguments, 0) = INT32_MIN;
    walk->count--;
}

Test(uses, tsearch_compares_and_twalk_visits_in_order) {
    enum { COUNT = 5000 };
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Program program = {way->convention, compare_ints, 0};
        int visited[COUNT], expected[COUNT], *values = random_ints(COUNT, 3000);
        Walk walk = {.convention = way->convention, .visited = visited};
        ferry_closure *compare = new_closure(engine, way, COMPARATOR, vm_run, &program);
        ferry_closure *visitor =
            new_closure(engine, way, "enum visit : int { a }; void f(const void *, enum visit, int)", visit, &walk);
        ferry_closure *destroyer = new_closure(engine, way, "void f(void *)", destroy, &walk);
        void *root = NULL;
        size_t distinct = 0, left = 0;
        memcpy(expected, values, sizeof expected);
        qsort(expected, COUNT, sizeof expected[0], compare_in_c);
        for (size_t i = 0; i < COUNT; i++)
            if (i == 0 || expected[i] != expected[i - 1]) expected[distinct++] = expected[i];
        for (size_t i = 0; i < COUNT; i++) cr_assert_not_null(tsearch(&values[i], &root, CODE(Comparator *, compare)));
        twalk(root, CODE(void (*)(const void *, VISIT, int), visitor));
        cr_expect_eq(walk.count, distinct, "%s", way->name);
        cr_expect_arr_eq(visited, expected, distinct * sizeof expected[0]);
        cr_expect(walk.deepest >= 10 && walk.deepest < 30, "%d", walk.deepest);
        int absent = 123456;
        cr_expect_null(tfind(&absent, &root, CODE(Comparator *, compare)));
        cr_expect_not_null(tfind(&values[17], &root, CODE(Comparator *, compare)));
        tdestroy(root, CODE(void (*)(void *), destroyer));
        cr_expect_eq(walk.count, 0);
        for (size_t i = 0; i < COUNT; i++) left += values[i] != INT32_MIN;
        cr_expect_eq(left, COUNT - distinct);
        free(values);
        release(compare);
        release(visitor);
        release(destroyer);
        free_engine(engine);
    }
}
