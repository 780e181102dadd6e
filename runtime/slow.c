/* slow.c: one call through libffi, by a plan. */
#include "runtime/engine.h"

#include <string.h>

/* Where the managed side keeps the value that argument is a piece of. */
static const char *value_of(const SlowPlan *plan, const SlowArgument *argument, const void *arguments) {
    if (plan->pointers) return ((const char *const *)arguments)[argument->source];
    return (const char *)arguments + (size_t)argument->source * 8;
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
        if (argument->copied != 0) words[i] = slow_word(piece, argument->copied, argument->extension);
        values[i] = argument->copied != 0 ? (void *)&words[i] : address_of(piece);
    }
}

/* The call after which the code is asked for. */
static void count(Route *route) {
    Engine *engine = route->engine;
    if (engine->policy != FERRY_AFTER_CALLS) return;
    uint32_t calls = atomic_load_explicit(&route->calls, memory_order_relaxed);
    if (calls < engine->after_calls) calls = atomic_fetch_add_explicit(&route->calls, 1, memory_order_relaxed) + 1;
    if (calls >= engine->after_calls) shape_request(engine, route->shape);
}

/* Takes up code that was made since: by this call if there is some. The binding is the engine's memory, and its entry
 * atomic: it is only lent as const. */
ferry_entry binding_move_on(const ferry_binding *binding) {
    ferry_entry entry = route_entry(binding->route);
    if (entry == NULL || entry == slow_call) return slow_call; /* NULL: all bindings of the route so far are bound */
    atomic_store_explicit(&((ferry_binding *)(uintptr_t)binding)->entry, entry, memory_order_relaxed); /* NOLINT */
    return entry;
}

/* Called through the binding's entry, as machine code would be. The arrays are bounded by SIGNATURE_PARAMETER_LIMIT
 * and SLOW_STACK_LIMIT, which the plan was checked against. */
static void call(const ferry_binding *binding, const void *arguments, void *result) {
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

void slow_call(const ferry_binding *binding, const void *arguments, void *result) {
    ferry_entry entry = binding_move_on(binding);
    if (entry != slow_call) {
        entry(binding, arguments, result);
        return;
    }
    maker_revive(binding->route->engine);
    count(binding->route);
    call(binding, arguments, result);
}
