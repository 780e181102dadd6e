/* tests/diff/call.c: one call through ferry.
 *
 * Every array and every value ends right before a page that may not be touched, and garbage lies in front of it:
 *
 *     area    ... garbage | value |  guard page
 *
 * so that reading or writing one byte too many is a crash or a changed canary.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "diff.h"

#define PAGE       4096u
#define AREA_BYTES (3 * PAGE)
#define CANARY     256u /* bytes of garbage that are watched in front of a value */
enum { AREA_ARRAY = MAX_ARGUMENTS, AREA_RESULT, AREAS };

const char *const way_names[WAYS] = {"slots",          "slots bound", "pointers",
                                     "pointers bound", "slots slow",  "pointers slow"};

/* One value in its area. */
typedef struct Place {
    uint8_t *bytes;
    size_t size;
    uint8_t copy[AREA_BYTES]; /* of canary and value, as they were before the call */
} Place;

/* What the callee sees: one call is under way at a time. */
static struct {
    uint64_t seed;
    Stream stream;
    int number;
    int calls;
    ferry_kind kind; /* of the scalar checked last, and its value */
    uint8_t expected[32];
    char failure[256];
} probe;

static Place places[AREAS];

/* ---- the callee's side ---- */

static void differs(const char *what, unsigned long long expected, unsigned long long got) {
    if (probe.failure[0] != 0) return;
    snprintf(probe.failure, sizeof probe.failure,
             "argument %d, leaf %llu (%s): the callee expected %#llx and got %#llx", probe.number,
             (unsigned long long)probe.stream.leaf - 1, what, expected, got);
}

static void open_argument(int number) {
    probe.number = number;
    probe.stream = stream_open(probe.seed, (size_t)number);
}

static unsigned long long first_bytes(const void *bytes, uint32_t size) {
    unsigned long long number = 0;
    memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
    return number;
}

/* The padding inside scalars is not compared: of a long double 10 bytes carry the value. */
static bool same_scalar(ferry_kind kind, const uint8_t *left, const uint8_t *right) {
    if (kind != FERRY_COMPLEX_LONG_DOUBLE) return memcmp(left, right, scalar_of(kind).value) == 0;
    return memcmp(left, right, 10) == 0 && memcmp(left + 16, right + 16, 10) == 0;
}

static void check(const void *value, int number) {
    ferry_kind kind = (ferry_kind)number;
    stream_scalar(&probe.stream, kind, probe.expected);
    probe.kind = kind;
    if (!same_scalar(kind, value, probe.expected))
        differs(kind == FERRY_POINTER ? "pointer" : "scalar", first_bytes(probe.expected, scalar_of(kind).size),
                first_bytes(value, scalar_of(kind).size));
}

/* bytes: a little-endian integer of under 8 bytes. */
static uint64_t extended(ferry_kind kind, const uint8_t *bytes) {
    Scalar scalar = scalar_of(kind);
    uint64_t number = first_bytes(bytes, scalar.size), sign = (uint64_t)1 << (8 * scalar.size - 1);
    return scalar.is_signed ? (number ^ sign) - sign : number;
}

static void widened(long long value) {
    uint64_t expected = extended(probe.kind, probe.expected);
    if ((uint64_t)value != expected) differs("its extension", expected, (unsigned long long)value);
}

static void check_bits(const Wide *value, int width, int is_bool) {
    Wide mask = width >= 128 ? ~(Wide)0 : ((Wide)1 << width) - 1;
    Wide expected = stream_bits(&probe.stream, (uint32_t)width, is_bool != 0);
    if ((*value & mask) != expected)
        differs("bit-field", (unsigned long long)expected, (unsigned long long)(*value & mask));
}

static void put(void *value, int kind) {
    uint8_t bytes[32];
    stream_scalar(&probe.stream, (ferry_kind)kind, bytes);
    memcpy(value, bytes, scalar_of((ferry_kind)kind).size);
}

static void put_bits(Wide *value, int width, int is_bool) {
    *value = stream_bits(&probe.stream, (uint32_t)width, is_bool != 0);
}

static int pick(int count) {
    return (int)stream_pick(&probe.stream, (uint32_t)count);
}

static void garbage(void *bytes, unsigned long size) {
    Random random = {mix(probe.seed, (uint64_t)probe.number + size)};
    random_fill(&random, bytes, size);
}

static int errno_of(uint64_t seed) {
    return (int)(mix(seed, 5) >> 40) + 1;
}

static void done(void) {
    probe.calls++;
    errno = errno_of(probe.seed);
}

const Helpers call_helpers = {open_argument, check, widened, check_bits, put, put_bits, pick, garbage, done};

/* ---- the managed side ---- */

static uint8_t *area_end(size_t area) {
    static uint8_t *areas;
    if (areas == NULL) {
        areas = mmap(NULL, AREAS * (AREA_BYTES + PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (areas == MAP_FAILED) return areas = NULL;
        for (size_t i = 0; i < AREAS; i++) mprotect(areas + i * (AREA_BYTES + PAGE) + AREA_BYTES, PAGE, PROT_NONE);
    }
    return areas + area * (AREA_BYTES + PAGE) + AREA_BYTES;
}

static Place *place_open(size_t area, size_t size, Random *random) {
    Place *place = &places[area];
    *place = (Place){.bytes = area_end(area) - size, .size = size};
    random_fill(random, place->bytes - CANARY, CANARY + size);
    return place;
}

static void place_note(Place *place) {
    memcpy(place->copy, place->bytes - CANARY, CANARY + place->size);
}

/* Of the value itself only what lies at `from` and beyond must be as it was. */
static bool place_unchanged(const Place *place, size_t from) {
    return memcmp(place->bytes - CANARY, place->copy, CANARY) == 0 &&
           memcmp(place->bytes + from, place->copy + CANARY + from, place->size - from) == 0;
}

typedef struct Frame {
    const Call *call;
    Random random;
    bool slots;
    bool capture_errno;
    int error_number; /* captured */
    size_t arguments;
    size_t result_size; /* written by the call */
    const void *array;
    void *result;
} Frame;

static size_t size_of(const Frame *frame, const ferry_type *type, size_t *alignment) {
    ferry_extent extent = {0, 1};
    ferry_error error;
    if (ferry_type_kind(type) != FERRY_VOID) (void)ferry_type_measure(frame->call->engine, type, &extent, &error);
    if (alignment != NULL) *alignment = (size_t)extent.alignment;
    return (size_t)extent.size;
}

static size_t rounded(size_t value, size_t to) {
    return (value + to - 1) / to * to;
}

static void fill_value(const Frame *frame, size_t index, uint8_t *bytes) {
    const Call *call = frame->call;
    MemoryWalk walk = {
        .engine = call->engine, .stream = stream_open(call->seed, index), .bytes = bytes, .inject = call->inject};
    walk_memory(&walk, ferry_signature_parameter(call->signature, index), 0);
}

static void fill_slots(Frame *frame) {
    const ferry_signature *signature = frame->call->signature;
    size_t total = frame->capture_errno ? 8 : 0, offset = 0;
    for (size_t i = 0; i < frame->arguments; i++)
        total += rounded(size_of(frame, ferry_signature_parameter(signature, i), NULL), 8);
    Place *array = place_open(AREA_ARRAY, total, &frame->random);
    for (size_t i = 0; i < frame->arguments; i++) {
        const ferry_type *type = ferry_signature_parameter(signature, i);
        uint8_t *slot = array->bytes + offset;
        fill_value(frame, i, slot);
        if (is_narrow_integer(type)) {
            uint64_t number = extended(kind_of(type), slot);
            memcpy(slot, &number, 8);
        }
        offset += rounded(size_of(frame, type, NULL), 8);
    }
    int *location = &frame->error_number;
    if (frame->capture_errno) memcpy(array->bytes + offset, &location, sizeof location);
    frame->array = array->bytes;
}

static void fill_pointers(Frame *frame) {
    const ferry_signature *signature = frame->call->signature;
    size_t count = frame->arguments + frame->capture_errno, alignment;
    Place *array = place_open(AREA_ARRAY, 8 * count, &frame->random);
    void **pointers = (void **)(void *)array->bytes;
    for (size_t i = 0; i < frame->arguments; i++) {
        size_t size = size_of(frame, ferry_signature_parameter(signature, i), &alignment);
        Place *place = place_open(i, rounded(size, alignment), &frame->random);
        fill_value(frame, i, place->bytes);
        place_note(place);
        pointers[i] = place->bytes;
    }
    if (frame->capture_errno) pointers[frame->arguments] = &frame->error_number;
    frame->array = array->bytes;
}

/* The result's memory. Where there is nothing to pass or to return, NULL half of the time. */
static void open_result(Frame *frame) {
    const ferry_type *type = ferry_signature_result(frame->call->signature);
    size_t alignment, size = size_of(frame, type, &alignment);
    frame->result_size = is_narrow_integer(type) ? 8 : size;
    if (frame->slots || frame->result_size > size) alignment = 8;
    Place *place = place_open(AREA_RESULT, rounded(frame->result_size, alignment), &frame->random);
    place_note(place);
    bool null = random_chance(&frame->random, 50);
    frame->result = size == 0 && null ? NULL : place->bytes;
    if (places[AREA_ARRAY].size == 0 && null) frame->array = NULL;
}

static const char *check_result(Frame *frame, MemoryWalk *walk) {
    const ferry_type *type = ferry_signature_result(frame->call->signature);
    Place *place = &places[AREA_RESULT];
    if (!place_unchanged(place, frame->result_size)) return "memory around the result was written";
    if (ferry_type_kind(type) == FERRY_VOID) return NULL;
    walk_memory(walk, type, 0);
    if (walk->failure[0] != 0) return walk->failure;
    if (!is_narrow_integer(type)) return NULL;
    return first_bytes(place->bytes, 8) == extended(kind_of(type), place->bytes) ? NULL : "the result is not extended";
}

static const char *check_call(Frame *frame, bool preserved, MemoryWalk *walk) {
    if (!preserved) return "a register that C preserves has changed, or the x87 stack is not empty";
    if (probe.failure[0] != 0) return probe.failure;
    if (probe.calls != 1) return "the function was not called exactly once";
    if (!place_unchanged(&places[AREA_ARRAY], 0)) return "the argument array was written";
    for (size_t i = 0; !frame->slots && i < frame->arguments; i++)
        if (!place_unchanged(&places[i], 0)) return "memory of an argument was written";
    if (frame->capture_errno && frame->error_number != errno_of(frame->call->seed))
        return "errno is not the function's";
    return check_result(frame, walk);
}

static ferry_path path_of(Way way) {
    if (way >= SLOTS_SLOW) return FERRY_PATH_LIBFFI;
    return way == SLOTS_BOUND || way == POINTERS_BOUND ? FERRY_PATH_BOUND : FERRY_PATH_CODE;
}

static const char *go(Frame *frame, const ferry_binding *binding, MemoryWalk *walk) {
    const Call *call = frame->call;
    uint64_t junk[48];
    if (ferry_binding_path(binding) != path_of(call->way)) return ferry_binding_reason(binding);
    if (frame->slots)
        fill_slots(frame);
    else
        fill_pointers(frame);
    place_note(&places[AREA_ARRAY]);
    open_result(frame);
    random_fill(&frame->random, junk, sizeof junk);
    probe.seed = call->seed;
    probe.calls = 0;
    probe.failure[0] = 0;
    ferry_entry entry = *(const ferry_entry *)(const void *)binding;
    bool preserved = enter(entry, binding, frame->array, frame->result, junk);
    walk->bytes = places[AREA_RESULT].bytes;
    return check_call(frame, preserved, walk);
}

Verdict call_case(const Call *call, char *message, size_t size) {
    Frame frame = {
        .call = call, .random = {mix(call->seed, call->way)}, .arguments = ferry_signature_count(call->signature)};
    frame.slots = call->way == SLOTS_SHARED || call->way == SLOTS_BOUND || call->way == SLOTS_SLOW;
    frame.capture_errno = random_chance(&frame.random, 25);
    ferry_binding_options options = {.convention = frame.slots ? FERRY_SLOTS : FERRY_POINTERS,
                                     .bound = path_of(call->way) == FERRY_PATH_BOUND,
                                     .capture_errno = frame.capture_errno};
    ferry_error error;
    if (area_end(0) == NULL) return snprintf(message, size, "no memory for the guarded areas"), FAILED;
    ferry_binding *binding = ferry_bind(call->engine, call->signature, call->function, &options, &error);
    if (binding == NULL) return snprintf(message, size, "%s", error.message), REFUSED;
    MemoryWalk walk = {.engine = call->engine, .stream = stream_open(call->seed, RESULT_NUMBER), .check = true};
    const char *failure = go(&frame, binding, &walk);
    if (failure != NULL) snprintf(message, size, "%s%s", failure, frame.capture_errno ? " (errno captured)" : "");
    ferry_binding_free(binding);
    return failure == NULL ? PASSED : FAILED;
}
