/* tests/diff/call.c: one call through ferry: managed code calls a compiled function. */
#include <string.h>

#include "diff.h"

const char *const way_names[WAYS] = {"slots",
                                     "slots bound",
                                     "pointers",
                                     "pointers bound",
                                     "slots slow",
                                     "pointers slow",
                                     "upcall slots",
                                     "upcall pointers",
                                     "upcall slots slow",
                                     "upcall pointers slow",
                                     "upcall slots cursor",
                                     "upcall pointers cursor",
                                     "upcall slots cursor slow",
                                     "upcall pointers cursor slow"};

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
        total += rounded(size_of(frame->call->engine, ferry_signature_parameter(signature, i), NULL), 8);
    Place *array = place_open(AREA_ARRAY, total, &frame->random);
    for (size_t i = 0; i < frame->arguments; i++) {
        const ferry_type *type = ferry_signature_parameter(signature, i);
        uint8_t *slot = array->bytes + offset;
        fill_value(frame, i, slot);
        if (is_narrow_integer(type)) {
            uint64_t number = extended(kind_of(type), slot);
            memcpy(slot, &number, 8);
        }
        offset += rounded(size_of(frame->call->engine, type, NULL), 8);
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
        size_t size = size_of(frame->call->engine, ferry_signature_parameter(signature, i), &alignment);
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
    size_t alignment, size = size_of(frame->call->engine, type, &alignment);
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
    probe_open(call->seed, CALLEE, STREAM);
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
