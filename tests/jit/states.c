/* Requests, states, memory: what goes wrong ends in an error, and nothing is leaked. */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "workshop.h"

static ferry_code ignore(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)index, (void)blob, (void)error;
    return FERRY_OK;
}

static ferry_code refuse(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)blob;
    ++*(size_t *)context;
    return index == 1 ? fail(error, FERRY_NO_CODE, "no room for blob %zu", index) : FERRY_OK;
}

Test(jit_states, an_error_of_the_sink_ends_the_compile) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *shape = workshop_shape(&workshop, "long f(long)", FERRY_SLOTS, false);
    const Shape *shapes[3] = {shape, shape, shape};
    CompileRequest request = workshop_request(&workshop, shapes, FERRY_QUICK);
    request.count = 3;
    ferry_error error = {0};
    size_t calls = 0;
    cr_expect_eq(workshop.backend->compile(workshop.state, &request, refuse, &calls, &error), FERRY_NO_CODE);
    cr_expect_str_eq(error.message, "no room for blob 1");
    cr_expect_eq(calls, 2);
    workshop_close(&workshop);
}

Test(jit_states, a_request_without_shapes_or_with_many_bound_ones) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *shape = workshop_shape(&workshop, "long f(long)", FERRY_SLOTS, false);
    const Shape *shapes[2] = {shape, shape};
    ferry_error error = {0};
    CompileRequest request = workshop_request(&workshop, shapes, FERRY_QUICK);
    request.count = 0;
    cr_expect_eq(workshop.backend->compile(workshop.state, &request, ignore, NULL, &error), FERRY_INVALID);
    request.count = 2;
    request.bound = shape;
    cr_expect_eq(workshop.backend->compile(workshop.state, &request, ignore, NULL, &error), FERRY_INVALID);
    workshop_close(&workshop);
}

static ferry_code compile_for(Workshop *workshop, const Target *target, ferry_error *error) {
    const Shape *shape = workshop_shape(workshop, "long f(long)", FERRY_SLOTS, false);
    CompileRequest request = workshop_request(workshop, &shape, FERRY_QUICK);
    request.target = target;
    return workshop->backend->compile(workshop->state, &request, ignore, NULL, error);
}

Test(jit_states, a_target_that_no_code_is_made_for) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    ferry_error error = {0};
    Target other = *workshop.target;
    other.triple = "sparc-unknown-linux-gnu";
    cr_expect_eq(compile_for(&workshop, &other, &error), FERRY_UNSUPPORTED);
    cr_expect_not_null(strstr(error.message, "sparc-unknown-linux-gnu"), "%s", error.message);
    other = *workshop.target;
    other.big_endian = true;
    cr_expect_eq(compile_for(&workshop, &other, &error), FERRY_UNSUPPORTED);
    cr_expect_eq(compile_for(&workshop, workshop.target, &error), FERRY_OK, "%s", error.message);
    workshop_close(&workshop);
}

/* gcc passes it in ymm0, clang in memory; LLVM knows clang's way only. */
Test(jit_states, a_named_wide_vector_of_a_variadic_function_is_refused) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv-avx");
    static const char declaration[] = "typedef long v __attribute__((vector_size(32))); void f(v, ..., int);";
    const Shape *shape = workshop_shape(&workshop, declaration, FERRY_SLOTS, false);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    ferry_error error = {0};
    cr_expect_eq(workshop.backend->compile(workshop.state, &request, ignore, NULL, &error), FERRY_UNSUPPORTED);
    cr_expect_not_null(strstr(error.message, "32 bytes"), "%s", error.message);
    workshop_close(&workshop);
}

/* A copy of a shape that a test may spoil. */
static Shape *copy_of(const Shape *shape) {
    Shape *copy = malloc(shape->bytes);
    cr_assert_not_null(copy);
    return memcpy(copy, shape, shape->bytes);
}

static ShapePiece *pieces_of(Shape *shape) {
    return (ShapePiece *)(void *)(shape->values + shape->value_count);
}

static void spoil_register(Shape *shape) {
    pieces_of(shape)[shape->values[1].first_piece].number = 4;
}
static void spoil_stack(Shape *shape) {
    pieces_of(shape)[shape->values[6].first_piece].stack_offset = 8;
}
static void spoil_size(Shape *shape) {
    shape->stack_size += 16;
}
static void spoil_bank(Shape *shape) {
    pieces_of(shape)[shape->values[0].first_piece].bank = BANK_X87;
}
static void spoil_result(Shape *shape) {
    pieces_of(shape)[shape->result.first_piece].number = 1;
}
static void spoil_width(Shape *shape) {
    shape->values[0].is_scalar = false;
    pieces_of(shape)[shape->values[0].first_piece].size = 9;
}

Test(jit_states, a_shape_that_llvm_would_place_otherwise) {
    static void (*const spoils[])(Shape *) = {spoil_register, spoil_stack,  spoil_size,
                                              spoil_bank,     spoil_result, spoil_width};
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *good =
        workshop_shape(&workshop, "long f(long, long, long, long, long, long, long)", FERRY_SLOTS, false);
    for (size_t i = 0; i < COUNT_OF(spoils); i++) {
        Shape *spoilt = copy_of(good);
        spoils[i](spoilt);
        const Shape *shape = spoilt;
        CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
        ferry_error error = {0};
        cr_expect_eq(workshop.backend->compile(workshop.state, &request, ignore, NULL, &error), FERRY_BACKEND,
                     "spoil %zu", i);
        cr_expect_neq(error.message[0], '\0');
        free(spoilt);
    }
    workshop_close(&workshop);
}

/* An allocator that fails at the n-th call and knows what is out. */
typedef struct Meter {
    size_t calls;
    size_t fails_at;
    size_t out;
} Meter;

static void *meter_allocate(void *context, size_t size) {
    Meter *meter = context;
    if (++meter->calls == meter->fails_at) return NULL;
    void *memory = aligned_alloc(16, (size + 15) / 16 * 16);
    if (memory != NULL) meter->out += size;
    return memory;
}

static void meter_release(void *context, void *pointer, size_t size) {
    Meter *meter = context;
    meter->out -= size;
    free(pointer);
}

/* a compile and an object */
static ferry_code make_all_with(Workshop *workshop, const ferry_allocator *allocator, const ObjectRequest *request) {
    void *state = NULL;
    ferry_error error = {0};
    ObjectFile object = {0};
    ferry_code code = workshop->backend->open(allocator, &state, &error);
    if (code != FERRY_OK) return code;
    code = workshop->backend->compile(state, &request->compile, ignore, NULL, &error);
    if (code == FERRY_OK) code = workshop->backend->object(state, request, ignore, NULL, &object, &error);
    workshop->backend->free_object(&object);
    workshop->backend->close(state);
    return code;
}

Test(jit_states, no_memory_at_any_call) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    Meter meter = {0};
    ferry_allocator allocator = {.context = &meter, .allocate = meter_allocate, .release = meter_release};
    const Shape *shape = workshop_shape(&workshop, "struct { long x, y; } f(long, double)", FERRY_SLOTS, false);
    const char *name = "f";
    const uint64_t table = 0;
    const ObjectRequest request = {.compile = workshop_request(&workshop, &shape, FERRY_QUICK),
                                   .names = &name,
                                   .table_name = "table",
                                   .table = &table,
                                   .table_size = sizeof table};
    ferry_code code = FERRY_OUT_OF_MEMORY;
    for (size_t n = 1; code == FERRY_OUT_OF_MEMORY; n++) {
        meter = (Meter){.fails_at = n};
        code = make_all_with(&workshop, &allocator, &request);
        cr_expect_eq(meter.out, 0, "%zu bytes leaked when call %zu failed", meter.out, n);
        cr_expect(code == FERRY_OK || code == FERRY_OUT_OF_MEMORY);
    }
    cr_expect_eq(code, FERRY_OK);
    cr_expect_gt(meter.calls, 6);
    workshop_close(&workshop);
}

/* Every bound compile leaves a constant of its own in LLVM's context. */
Test(jit_states, an_engine_that_compiles_for_years_does_not_grow) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *shape = workshop_shape(&workshop, "long f(long, double)", FERRY_SLOTS, false);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    size_t before = 0;
    for (size_t i = 1; i <= 1536; i++) {
        ferry_error error = {0};
        request.bound = (const void *)(uintptr_t)(i * 4096);
        cr_assert_eq(workshop.backend->compile(workshop.state, &request, ignore, NULL, &error), FERRY_OK);
        if (i == 512) before = mallinfo2().uordblks;
    }
    size_t after = mallinfo2().uordblks;
    cr_expect_lt(after, before + 32768, "%zu bytes before, %zu after", before, after);
    workshop_close(&workshop);
}

static void *compile_some(void *argument) {
    (void)argument;
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (int i = 0; i < 20; i++) {
        ferry_quality quality = i % 2 == 0 ? FERRY_QUICK : FERRY_BETTER;
        cr_assert_gt(workshop_make(&workshop, "double f(int, double)", FERRY_SLOTS, quality).size, 0);
    }
    workshop_close(&workshop);
    return NULL;
}

Test(jit_states, states_of_several_threads_know_nothing_of_each_other) {
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, compile_some, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
}
