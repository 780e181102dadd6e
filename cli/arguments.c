/* The arguments of `ferry call`: from texts to what a binding takes. */
#include <string.h>

#include "cli/call.h"

/* The problem of one argument; its text with a caret where the place inside it is not obvious. */
static bool complain_argument(size_t index, const ferry_type *type, const char *text, const Problem *problem) {
    char spelling[96];
    ferry_type_format(type, NULL, spelling, sizeof spelling);
    if (problem->column > 0 || strchr(text, '{') != NULL)
        complain_in(text, problem->column, "argument %zu (%s): %s", index + 1, spelling, problem->message);
    else
        complain("argument %zu (%s): %s", index + 1, spelling, problem->message);
    return false;
}

static bool complain_count(const Callee *callee, size_t count) {
    size_t expected = ferry_signature_count(callee->signature);
    bool at_least =
        ferry_signature_is_variadic(callee->signature) && expected == ferry_signature_fixed(callee->signature);
    char declaration[512];
    ferry_signature_format(callee->signature, callee->name, declaration, sizeof declaration);
    complain("too %s arguments: %s takes %s%zu, %zu %s given\n    %s", count < expected ? "few" : "many", callee->name,
             at_least ? "at least " : "", expected, count, count == 1 ? "is" : "are", declaration);
    return false;
}

/* The types of the arguments behind the `...`, by the way they are written. */
static bool infer_variadic(Call *call, char **texts, size_t count) {
    size_t fixed = ferry_signature_fixed(call->callee.signature);
    const ferry_type **types = heap_new(call->values->heap, (count - fixed) * sizeof *types);
    for (size_t i = fixed; i < count; i++) {
        Problem problem;
        types[i - fixed] = value_infer(call->values, texts[i], &problem);
        if (types[i - fixed] != NULL) continue;
        complain("argument %zu: %s", i + 1, problem.message);
        return false;
    }
    ferry_error error = {0};
    const ferry_signature *signature =
        ferry_signature_of_call(call->values->engine, call->callee.signature, types, count - fixed, &error);
    if (signature == NULL) {
        complain_error(&error);
        return false;
    }
    call->callee.signature = signature;
    return true;
}

static bool settle_signature(Call *call, char **texts, size_t count) {
    const ferry_signature *signature = call->callee.signature;
    size_t expected = ferry_signature_count(signature);
    bool is_open = ferry_signature_is_variadic(signature) && expected == ferry_signature_fixed(signature);
    if (is_open ? count < expected : count != expected) return complain_count(&call->callee, count);
    return !is_open || infer_variadic(call, texts, count);
}

static bool read_one(Call *call, size_t index, const char *text) {
    const Values *values = call->values;
    const ferry_type *type = ferry_signature_parameter(call->callee.signature, index);
    ferry_extent extent;
    Problem problem = {0};
    if (!measure_type(values, type, &extent, &problem)) return complain_argument(index, type, text, &problem);
    call->places[index] = heap_new(values->heap, (size_t)extent.size);
    return value_read(values, type, text, call->places[index], &call->pointed[index], &problem) ||
           complain_argument(index, type, text, &problem);
}

bool arguments_read(Call *call, char **texts, size_t count) {
    if (!settle_signature(call, texts, count)) return false;
    call->places = heap_new(call->values->heap, (count + 1) * sizeof *call->places); /* one more for errno */
    call->pointed = heap_new(call->values->heap, (count + 1) * sizeof *call->pointed);
    for (size_t i = 0; i < count; i++)
        if (!read_one(call, i, texts[i])) return false;
    return true;
}

/* Slots of one argument, its bytes at the start of the first one; a narrow integer fills its slot. */
static void fill_slots(const ferry_type *type, void *value, uint64_t size, uint64_t *slots) {
    bool is_narrow = is_integer_type(type) && size < 8;
    if (is_narrow)
        *slots = (uint64_t)load_integer(&(Place){.type = type, .memory = value}, (size_t)size, is_signed_type(type));
    else
        memcpy(slots, value, (size_t)size);
}

static bool measure_slots(const Values *values, const ferry_type *type, uint64_t *slots) {
    ferry_error error = {0};
    if (ferry_type_slots(values->engine, type, slots, &error) == FERRY_OK) return true;
    complain_error(&error);
    return false;
}

static bool pass_in_slots(Call *call) {
    const Values *values = call->values;
    size_t count = ferry_signature_count(call->callee.signature);
    uint64_t total = 1, used = 0, slots; /* one more for errno */
    for (size_t i = 0; i < count; i++, total += slots)
        if (!measure_slots(values, ferry_signature_parameter(call->callee.signature, i), &slots)) return false;
    uint64_t *array = heap_new(values->heap, (size_t)total * sizeof *array);
    for (size_t i = 0; i < count; i++, used += slots) {
        const ferry_type *type = ferry_signature_parameter(call->callee.signature, i);
        ferry_extent extent;
        Problem problem = {0};
        if (!measure_type(values, type, &extent, &problem)) return complain_argument(i, type, "", &problem);
        if (!measure_slots(values, type, &slots)) return false;
        fill_slots(type, call->places[i], extent.size, array + used);
    }
    if (call->errno_place != NULL) memcpy(array + used, &call->errno_place, sizeof call->errno_place);
    call->arguments = array;
    return true;
}

bool arguments_pass(Call *call) {
    const ferry_type *type = ferry_signature_result(call->callee.signature);
    ferry_extent extent = {.size = 0};
    Problem problem = {0};
    bool has_result = ferry_type_kind(type) != FERRY_VOID;
    if (has_result && !measure_type(call->values, type, &extent, &problem)) {
        complain("the result: %s", problem.message);
        return false;
    }
    call->result = heap_new(call->values->heap, (size_t)extent.size + 8); /* narrow integers are written as 8 bytes */
    if (call->convention == FERRY_SLOTS) return pass_in_slots(call);
    call->places[ferry_signature_count(call->callee.signature)] = call->errno_place;
    call->arguments = call->places;
    return true;
}
