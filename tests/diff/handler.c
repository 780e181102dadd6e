/* tests/diff/handler.c: the handler of closures: checks every leaf of its arguments where ferry/closure.h says they
 * are, and returns known leaves. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "diff.h"

static void differs(Upcall *upcall, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void differs(Upcall *upcall, const char *format, ...) {
    va_list arguments;
    if (upcall->failure[0] != 0) return;
    va_start(arguments, format);
    vsnprintf(upcall->failure, sizeof upcall->failure, format, arguments);
    va_end(arguments);
}

static const ferry_type *parameter(const Upcall *upcall, size_t index) {
    return ferry_signature_parameter(upcall->call->signature, index);
}

static void check_value(Upcall *upcall, size_t index, void *bytes) {
    const Call *call = upcall->call;
    MemoryWalk walk = {.engine = call->engine,
                       .stream = stream_open(call->seed, index),
                       .bytes = bytes,
                       .check = true,
                       .inject = call->inject};
    walk_memory(&walk, parameter(upcall, index), 0);
    if (walk.failure[0] != 0) differs(upcall, "the handler's argument %zu: %.200s", index, walk.failure);
}

/* ---- arguments ---- */

static void check_extension(Upcall *upcall, size_t index, const uint8_t *slot) {
    uint64_t expected = extended(kind_of(parameter(upcall, index)), slot), got = first_bytes(slot, 8);
    if (got != expected)
        differs(upcall, "the handler's argument %zu is not extended: %#llx, not %#llx", index, (unsigned long long)got,
                (unsigned long long)expected);
}

/* The number of slots, without a cursor's. */
static size_t check_slots(Upcall *upcall, uint8_t *slots) {
    size_t offset = 0;
    for (size_t i = 0; i < upcall->count; i++) {
        const ferry_type *type = parameter(upcall, i);
        uint8_t *slot = slots + offset;
        if (is_narrow_integer(type)) check_extension(upcall, i, slot);
        check_value(upcall, i, slot);
        offset += rounded(size_of(upcall->call->engine, type, NULL), 8);
    }
    return offset / 8;
}

static void check_pointers(Upcall *upcall, void *const *pointers) {
    for (size_t i = 0; i < upcall->count; i++) {
        size_t alignment;
        size_of(upcall->call->engine, parameter(upcall, i), &alignment);
        if (pointers[i] == NULL || (uintptr_t)pointers[i] % alignment != 0)
            differs(upcall, "the handler's argument %zu is at %p, not aligned to %zu", i, pointers[i], alignment);
        else
            check_value(upcall, i, pointers[i]);
    }
}

/* They belong to the handler, which may write to them. */
static void spoil_arguments(Upcall *upcall, void *arguments, size_t elements) {
    for (size_t i = 0; !upcall->slots && i < upcall->count; i++)
        random_fill(&upcall->random, ((void **)arguments)[i],
                    size_of(upcall->call->engine, parameter(upcall, i), NULL));
    random_fill(&upcall->random, arguments, 8 * elements);
}

/* ---- further arguments ---- */

static bool fetch(Upcall *upcall, ferry_cursor *cursor, size_t index) {
    size_t alignment;
    const ferry_type *type = parameter(upcall, index);
    size_t size = size_of(upcall->call->engine, type, &alignment);
    ferry_error error = {.code = FERRY_OK};
    Place *place = place_open(index, rounded(size, alignment), &upcall->random);
    place_note(place);
    ferry_code code = ferry_cursor_next(cursor, type, place->bytes, &error);
    if (code == FERRY_UNSUPPORTED)
        snprintf(upcall->refusal, sizeof upcall->refusal, "%.199s", error.message);
    else if (code != FERRY_OK)
        differs(upcall, "the cursor's argument %zu: %s", index, error.message);
    if (!place_unchanged(place, code == FERRY_OK ? size : 0))
        differs(upcall, "the cursor wrote around argument %zu", index);
    if (code == FERRY_OK) check_value(upcall, index, place->bytes);
    return code == FERRY_OK;
}

/* Once more from the first one, half of the time. */
static void check_cursor(Upcall *upcall, ferry_cursor *cursor) {
    size_t count = ferry_signature_count(upcall->call->signature);
    bool good = true;
    for (size_t i = upcall->count; good && i < count; i++) good = fetch(upcall, cursor, i);
    if (!good || random_chance(&upcall->random, 50)) return;
    ferry_cursor_rewind(cursor);
    size_t again = upcall->count + random_below(&upcall->random, (uint32_t)(count - upcall->count) + 1);
    for (size_t i = upcall->count; good && i < again; i++) good = fetch(upcall, cursor, i);
}

/* ---- the result ---- */

/* The memory that C hands in is aligned for the type; gcc's for vectors beyond the machine's to 16 only. */
static size_t result_alignment(const Upcall *upcall, const ferry_type *type) {
    size_t alignment;
    size_of(upcall->call->engine, type, &alignment);
    if (!upcall->call->junk->hidden_result) return alignment < 8 ? 8 : alignment;
    return kind_of(type) == FERRY_VECTOR && alignment > 16 ? 16 : alignment;
}

static void check_result_memory(Upcall *upcall, const void *result, const ferry_type *type) {
    size_t alignment = result_alignment(upcall, type);
    if (result == NULL || (uintptr_t)result % alignment != 0)
        differs(upcall, "the result's memory is at %p, not aligned to %zu", result, alignment);
}

/* A narrow integer is written extended, or with garbage above its own bytes; padding holds what was there, or garbage.
 */
static void write_result(Upcall *upcall, void *result) {
    const Call *call = upcall->call;
    const ferry_type *type = ferry_signature_result(call->signature);
    size_t size = size_of(call->engine, type, NULL);
    if (size == 0) return;
    check_result_memory(upcall, result, type);
    if (upcall->failure[0] != 0) return;
    bool narrow = is_narrow_integer(type), other = random_chance(&upcall->random, 50);
    if (narrow || other) random_fill(&upcall->random, result, narrow ? 8 : size);
    MemoryWalk walk = {.engine = call->engine,
                       .stream = stream_open(call->seed, RESULT_NUMBER),
                       .bytes = result,
                       .inject = call->inject};
    walk_memory(&walk, type, 0);
    if (!narrow || other) return;
    uint64_t number = extended(kind_of(type), result);
    memcpy(result, &number, 8);
}

/* ---- the machine's state ---- */

static bool direction_is_down(void) {
    uint64_t flags;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags)::"memory");
    return (flags & 0x400) != 0;
}

/* The frame address is 16 below what the stack pointer was before the call. */
static void check_state(Upcall *upcall) {
    if ((uintptr_t)__builtin_frame_address(0) % 16 != 0) differs(upcall, "the stack is not aligned to 16");
    if (direction_is_down()) differs(upcall, "the direction flag is set in the handler");
    if (!x87_is_empty()) differs(upcall, "the x87 stack is not empty in the handler");
}

/* In every register that a function may change. */
static void leave_garbage(uint64_t junk) {
    __asm__ volatile("movq %0, %%xmm0\n\t"
                     "punpcklqdq %%xmm0, %%xmm0\n\t"
                     "movaps %%xmm0, %%xmm1\n\tmovaps %%xmm0, %%xmm2\n\tmovaps %%xmm0, %%xmm3\n\t"
                     "movaps %%xmm0, %%xmm4\n\tmovaps %%xmm0, %%xmm5\n\tmovaps %%xmm0, %%xmm6\n\t"
                     "movaps %%xmm0, %%xmm7\n\tmovaps %%xmm0, %%xmm8\n\tmovaps %%xmm0, %%xmm9\n\t"
                     "movaps %%xmm0, %%xmm10\n\tmovaps %%xmm0, %%xmm11\n\tmovaps %%xmm0, %%xmm12\n\t"
                     "movaps %%xmm0, %%xmm13\n\tmovaps %%xmm0, %%xmm14\n\tmovaps %%xmm0, %%xmm15\n\t"
                     "movq %0, %%rcx\n\tmovq %0, %%rdx\n\tmovq %0, %%rsi\n\tmovq %0, %%rdi\n\t"
                     "movq %0, %%r8\n\tmovq %0, %%r9\n\tmovq %0, %%r10\n\tmovq %0, %%r11"
                     :
                     : "a"(junk)
                     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

void upcall_handler(void *context, void *arguments, void *result) {
    Upcall *upcall = context;
    check_state(upcall);
    upcall->calls++;
    size_t elements = upcall->count;
    if (upcall->slots)
        elements = check_slots(upcall, arguments);
    else
        check_pointers(upcall, arguments);
    if (upcall->cursor) check_cursor(upcall, ((ferry_cursor **)arguments)[elements]);
    if (upcall->failure[0] == 0) spoil_arguments(upcall, arguments, elements);
    write_result(upcall, result);
    errno = upcall->errno_set;
    leave_garbage(random_next(&upcall->random));
}
