/* slow.c: one call through libffi, by a plan. */
#include "runtime/engine.h"

#include <string.h>

/* Where the managed side keeps the value that argument is a piece of. */
static const char *value_of(const SlowPlan *plan, const SlowArgument *argument, const void *arguments) {
    if (plan->pointers) return ((const char *const *)arguments)[argument->source];
    return (const char *)arguments + (size_t)argument->source * 8;
}

/* The first `size` bytes as a word: exactly those are read. */
static uint64_t load_word(const char *bytes, unsigned size, unsigned extension) {
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    if (extension != EXTEND_SIGN) return word;
    unsigned shift = 64 - 8 * size;
    return (uint64_t)((int64_t)(word << shift) >> shift);
}

/* libffi takes the addresses of its arguments as plain pointers but reads through them only. */
static void *address_of(const char *bytes) {
    void *address;
    memcpy(&address, &bytes, sizeof address);
    return address;
}

static void gather(const SlowPlan *plan, const void *arguments, uint64_t *words, void **values) {
    for (uint32_t i = 0; i < plan->count; i++) {
        const SlowArgument *argument = &plan->arguments[i];
        const char *piece = value_of(plan, argument, arguments) + argument->offset;
        if (argument->copied != 0) words[i] = load_word(piece, argument->copied, argument->extension);
        values[i] = argument->copied != 0 ? (void *)&words[i] : address_of(piece);
    }
}

/* Called through the binding's entry, as machine code would be. The arrays are bounded by SIGNATURE_PARAMETER_LIMIT
 * and SLOW_STACK_LIMIT, which the plan was checked against. */
void slow_call(const ferry_binding *binding, const void *arguments, void *result) {
    const SlowPlan *plan = binding->route->plan;
    uint64_t words[plan->count + 1];
    void *values[plan->count + 1];
    char copy[plan->result_copy + plan->result_alignment];
    void *hidden = result;
    /* Read before the call: the result may be written over the arguments. */
    int *captured = plan->capture_errno ? ((int *const *)arguments)[plan->sources] : NULL;
    if (plan->result_copy != 0) hidden = copy + (-(uintptr_t)copy & (plan->result_alignment - 1));
    values[0] = &hidden;
    gather(plan, arguments, words, values + plan->hidden_result);
    ffi_call(plan->cif, binding->target, plan->hidden_result ? NULL : result, values);
    if (captured != NULL) *captured = *binding->errno_location();
    if (plan->result_copy != 0) memcpy(result, hidden, plan->result_copy);
}
