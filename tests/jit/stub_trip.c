/* There and back: a trampoline calls a thunk, whose stub calls a handler, which must find the bytes that went into the
 * trampoline; what it writes must come out. Signatures are made at random from every class of type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workshop.h"

#define PARAMETERS 14
#define TRIPS      250

static const char *const types[] = {
    "_Bool",
    "signed char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned",
    "long",
    "unsigned long",
    "void *",
    "__int128",
    "_Float16",
    "__bf16",
    "float",
    "double",
    "long double",
    "__float128",
    "_Complex float",
    "_Complex double",
    "_Complex long double",
    "long __attribute__((vector_size(8)))",
    "long __attribute__((vector_size(16)))",
    "long __attribute__((vector_size(32)))",
    "long __attribute__((vector_size(64)))",
    "struct { char c[1]; }",
    "struct { char c[3]; }",
    "struct { char c[7]; }",
    "struct { char c[11]; }",
    "struct { char c[16]; }",
    "struct { char c[17]; }",
    "struct { char c[37]; }",
    "struct { char c[300]; }",
    "struct { short s; }",
    "struct { int i; }",
    "struct { float f; }",
    "struct { float f[2]; }",
    "struct { float f[3]; }",
    "struct { double d; float f; }",
    "struct { double d[2]; }",
    "struct { int i; double d; }",
    "struct { float f; int i; short s; }",
    "struct { double d; char c; }",
    "struct { long l[2]; }",
    "struct { long l[3]; }",
    "struct { long double x; }",
    "struct { char c; long double x; }",
    "union { long l; double d; float f[4]; }",
    "struct { char c; int i; } __attribute__((packed))",
    "struct { long l; } __attribute__((aligned(16)))",
    "struct { long l; } __attribute__((aligned(32)))",
    "struct { char c; } __attribute__((aligned(64)))",
    "struct { }",
    "struct { long : 64; }",
};

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(void *bytes, size_t size, uint64_t *state) {
    for (size_t i = 0; i < size; i++) ((uint8_t *)bytes)[i] = (uint8_t)(next_random(state) >> 32);
}

/* "void f(t0, t1)" with typedefs before it */
static void declare(char *text, size_t size, uint64_t *state) {
    size_t count = next_random(state) % (PARAMETERS + 1), length = 0;
    char list[PARAMETERS * 8] = "void";
    for (size_t i = 0, used = 0; i <= count; i++) {
        const char *type = types[next_random(state) % COUNT_OF(types)];
        const char *vector = strstr(type, "__attribute__((vector_size");
        int before = vector != NULL ? (int)(vector - type) : (int)strlen(type);
        length += (size_t)snprintf(text + length, size - length, "typedef %.*s t%zu %s; ", before, type, i,
                                   vector != NULL ? vector : "");
        if (i > 0) used += (size_t)snprintf(list + used, sizeof list - used, "%st%zu", i == 1 ? "" : ", ", i);
    }
    bool is_void = next_random(state) % 8 == 0;
    length += (size_t)snprintf(text + length, size - length, "%s f(%s);", is_void ? "void" : "t0", list);
    cr_assert_lt(length, size);
}

/* One value on its way; memory is larger and more aligned than any of them asks for. */
typedef struct Parcel {
    _Alignas(64) uint8_t bytes[384];
} Parcel;

typedef struct Trip {
    const char *declaration;
    const Placement *placement;
    ferry_convention convention;
    Parcel sent[PARAMETERS];
    Parcel answer;
    size_t calls;
} Trip;

static size_t slots_of(const PlacedValue *value) {
    return (size_t)(value->layout->size + 7) / 8;
}

/* Of an x87 register ten bytes are the value. */
static bool same(const PlacedValue *value, const uint8_t *left, const uint8_t *right) {
    if (value->mode == MODE_POINTER) return memcmp(left, right, value->layout->size) == 0;
    for (size_t i = 0; i < value->piece_count; i++) {
        const Piece *piece = &value->pieces[i];
        size_t size = !piece->on_stack && piece->bank == BANK_X87 ? 10 : piece->size;
        if (memcmp(left + piece->offset, right + piece->offset, size) != 0) return false;
    }
    return true;
}

static uint64_t extended(const PlacedValue *value, const uint8_t *bytes) {
    uint64_t word = 0;
    unsigned shift = 64 - 8 * (unsigned)value->layout->size;
    memcpy(&word, bytes, value->layout->size);
    if (value->extension == EXTEND_SIGN) return (uint64_t)((int64_t)(word << shift) >> shift);
    return word;
}

static void check_argument(Trip *trip, size_t index, uint8_t *bytes) {
    const PlacedValue *value = &trip->placement->values[index];
    const uint8_t *sent = trip->sent[index].bytes;
    cr_expect(same(value, bytes, sent), "parameter %zu of %s", index + 1, trip->declaration);
    if (trip->convention == FERRY_POINTERS) {
        cr_expect_eq((uintptr_t)bytes % value->layout->alignment, 0, "parameter %zu of %s", index + 1,
                     trip->declaration);
    } else if (value->extension != EXTEND_NONE) {
        uint64_t expected = extended(value, sent);
        cr_expect_eq(memcmp(bytes, &expected, 8), 0, "parameter %zu of %s fills its slot", index + 1,
                     trip->declaration);
    }
}

/* The arguments are the handler's: it may write to them. */
static void receive(void *context, void *arguments, void *result) {
    Trip *trip = context;
    trip->calls++;
    for (size_t i = 0, slot = 0; i < trip->placement->count; i++) {
        const PlacedValue *value = &trip->placement->values[i];
        uint8_t *bytes = (uint8_t *)arguments + 8 * slot;
        if (trip->convention == FERRY_POINTERS) bytes = ((uint8_t **)arguments)[i];
        if (value->layout->size > 0 || trip->convention == FERRY_POINTERS) check_argument(trip, i, bytes);
        if (value->layout->size > 0) memset(bytes, 0xee, value->layout->size);
        slot += slots_of(value);
    }
    const PlacedValue *value = &trip->placement->result;
    cr_expect_eq(result == NULL, value->mode == MODE_IGNORED, "%s", trip->declaration);
    if (value->mode == MODE_IGNORED) return;
    cr_expect_eq((uintptr_t)result % value->layout->alignment, 0, "result of %s", trip->declaration);
    memcpy(result, trip->answer.bytes, value->layout->size);
}

/* Between the values of slots lies garbage. */
static void pack(const Trip *trip, uint64_t *slots, const void **pointers, uint64_t *state) {
    fill(slots, 512 * 8, state);
    for (size_t i = 0, slot = 0; i < trip->placement->count; i++) {
        const PlacedValue *value = &trip->placement->values[i];
        pointers[i] = trip->sent[i].bytes;
        memcpy(&slots[slot], trip->sent[i].bytes, value->layout->size);
        slot += slots_of(value);
        cr_assert_leq(slot, 512);
    }
}

static void travel(Workshop *workshop, Trip *trip, ferry_quality quality, uint64_t *state) {
    ShapeOptions there = {.convention = trip->convention};
    ShapeOptions back = {.direction = UPCALL, .convention = trip->convention, .keep_errno = *state % 2 == 0};
    const Shape *shapes[] = {workshop_shape_of(workshop, trip->placement, &there),
                             workshop_shape_of(workshop, trip->placement, &back)};
    CompileRequest request = workshop_request(workshop, &shapes[0], quality);
    Made trampoline = workshop_make_request(workshop, &request);
    request.shapes = &shapes[1];
    Made stub = workshop_make_request(workshop, &request);
    TestUpcall upcall = {.errno_offset = workshop_errno_offset()};
    TestCell cell = {.entry = stub.code, .handler = receive, .context = trip, .upcall = &upcall};

    uint64_t slots[512];
    const void *pointers[PARAMETERS + 1];
    Parcel result;
    for (size_t i = 0; i < PARAMETERS; i++) fill(&trip->sent[i], sizeof trip->sent[i], state);
    fill(&trip->answer, sizeof trip->answer, state);
    fill(&result, sizeof result, state);
    pack(trip, slots, pointers, state);
    trip->calls = 0;
    void (*thunk)(void) = workshop_thunk(workshop, &cell);
    dirty_stack();
    call(&trampoline, thunk, trip->convention == FERRY_SLOTS ? (const void *)slots : (const void *)pointers,
         result.bytes);
    cr_expect_eq(trip->calls, 1);
    const PlacedValue *value = &trip->placement->result;
    if (value->mode != MODE_IGNORED)
        cr_expect(same(value, result.bytes, trip->answer.bytes), "result of %s", trip->declaration);
}

/* FERRY_TRIP_SEED in the environment: another set of signatures. */
static void travel_everywhere(const char *target) {
    char text[4096];
    const char *seed = getenv("FERRY_TRIP_SEED");
    uint64_t state = seed != NULL ? strtoull(seed, NULL, 0) : 1;
    if (state == 0) state = 1;
    for (size_t i = 0; i < TRIPS; i++) {
        Workshop workshop;
        workshop_open(&workshop, target);
        declare(text, sizeof text, &state);
        Trip trip = {.declaration = text, .placement = workshop_place(&workshop, text)};
        EACH_WAY(convention, quality) {
            trip.convention = convention;
            travel(&workshop, &trip, quality, &state);
        }
        workshop_close(&workshop);
    }
}

Test(jit_stub_trip, values_of_random_signatures_arrive_and_come_back) {
    travel_everywhere("x86_64-sysv");
}

Test(jit_stub_trip, the_same_with_vectors_of_32_bytes_in_registers) {
    if (__builtin_cpu_supports("avx")) travel_everywhere("x86_64-sysv-avx");
}

Test(jit_stub_trip, the_same_with_vectors_of_64_bytes_in_registers) {
    if (__builtin_cpu_supports("avx512f")) travel_everywhere("x86_64-sysv-avx512");
}
