/* slow_upcall.c: one call that arrives through libffi, by a plan.
 *
 * Moving on to machine code. The thunk of a closure on the slow path jumps to the relay, that to libffi's code, which
 * ends in `enter`.
 * When code of the shape has been made meanwhile, the first call that notices exchanges the cell's entry:
 *
 *     a call                                            the end of the closure (ferry_closure_revoke, _release)
 *     1  entry of upcall is there, and so late_entry    1  life = ended
 *     2  life: ended?                                   2  late_entry of upcall there? then
 *     3  cell's entry: relay -> stub, or late           3  cell's entry = late
 *
 * If the call finds the closure alive, its 2 is before the end's 1, so the end's 2 sees what the call saw in 1, and the
 * end's 3 either follows the call's or makes it fail. If it finds it ended, it has nothing else to write than the end
 * has. In no order is a stub left in the cell of an ended closure. */
#include "runtime/closure.h"

#include <errno.h>

/* The first address in memory that is so aligned. */
static unsigned char *align(unsigned char *memory, uint32_t alignment) {
    return memory + (-(uintptr_t)memory & (alignment - 1));
}

/* ---- from C ---- */

static void gather(const SlowUpcall *plan, void *const *values, unsigned char *memory) {
    for (uint32_t i = 0; i < plan->move_count; i++) {
        const SlowMove *move = &plan->moves[i];
        uint64_t word = move->extended ? slow_word(values[i], move->size, move->extension) : 0;
        if (move->extended)
            memcpy(memory + move->to, &word, sizeof word);
        else
            memcpy(memory + move->to, values[i], move->size);
    }
}

static void point(const SlowUpcall *plan, void *const *values, unsigned char *memory, void **pointers) {
    for (uint32_t i = 0; i < plan->sources; i++) {
        const SlowPointer *pointer = &plan->pointers[i];
        pointers[i] = pointer->in_place ? values[pointer->argument] : memory + pointer->to;
    }
}

/* values: behind those of the fixed arguments. */
static void fill_cursor(const Upcall *upcall, void *const *values, ferry_cursor *cursor) {
    const SlowUpcall *plan = upcall->plan;
    *cursor = (ferry_cursor){.upcall = upcall, .halves = 1};
    for (size_t i = plan->first[BANK_GENERAL]; i < plan->end[BANK_GENERAL]; i++)
        memcpy(&cursor->general[i], *values++, sizeof cursor->general[i]);
    for (size_t i = plan->first[BANK_FLOAT]; i < plan->end[BANK_FLOAT]; i++)
        memcpy(cursor->vectors[i], *values++, SLOW_WORD);
    cursor->stack = *values;
}

/* ---- the handler ---- */

/* The call after which the stub is asked for. */
static void count(Upcall *upcall) {
    Engine *engine = upcall->engine;
    if (engine->policy != FERRY_AFTER_CALLS) return;
    uint32_t calls = atomic_load_explicit(&upcall->calls, memory_order_relaxed);
    if (calls < engine->after_calls) calls = atomic_fetch_add_explicit(&upcall->calls, 1, memory_order_relaxed) + 1;
    if (calls >= engine->after_calls) upcall_request(upcall);
}

/* Says whether the closure has ended, and moves it on from libffi if there is code. */
bool slow_upcall_move_on(Cell *cell, Upcall *upcall) {
    uintptr_t entry = upcall_entry(upcall);
    bool ended = cell_has_ended(cell);
    if (entry == 0) return ended;
    if (ended) entry = atomic_load(&upcall->late_entry);
    /* A call may have been stopped for so long that the cell is another closure's by now. */
    if (atomic_load(&cell->upcall) != upcall) return ended;
    uintptr_t expected = (uintptr_t)thunk_relay();
    atomic_compare_exchange_strong(&cell->entry, &expected, entry);
    return ended;
}

static void handle(Cell *cell, Upcall *upcall, void *arguments, void *result) {
    count(upcall);
    if (slow_upcall_move_on(cell, upcall)) {
        upcall->late(cell, NULL, result);
        return;
    }
    ferry_handler handler = atomic_load_explicit(&cell->handler, memory_order_relaxed);
    void *context = atomic_load_explicit(&cell->context, memory_order_relaxed);
    int kept = errno;
    handler(context, arguments, result);
    if (upcall->keep_errno) errno = kept;
}

/* ---- to C ---- */

static void give_back(const SlowUpcall *plan, const void *result, void *returned) {
    uint64_t word = 0;
    switch (plan->result) {
    case SLOW_INTEGER:
        word = slow_word(result, plan->result_size, plan->result_extension);
        memcpy(returned, &word, sizeof(ffi_arg));
        break;
    case SLOW_BYTES: memcpy(returned, result, plan->result_size); break;
    case SLOW_HIDDEN: memcpy(returned, &result, sizeof result); break;
    default: break;
    }
}

/* ---- the call ---- */

static_assert(sizeof(ffi_arg) == SLOW_WORD, "an integer result fills a word");

/* libffi's closure function. Everything that the handler gets is in this frame; the plan was checked against
 * SLOW_STACK_LIMIT. */
static void enter(ffi_cif *cif, void *returned, void **values, void *data) {
    Cell *cell = atomic_load_explicit(&((Detail *)data)->cell, memory_order_relaxed);
    Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    const SlowUpcall *plan = upcall->plan;
    unsigned char room[plan->memory + plan->memory_alignment];
    unsigned char own[plan->result_size + SLOW_WORD + plan->result_alignment];
    void *pointers[plan->pointers != NULL ? plan->sources + 1 : 1];
    ferry_cursor cursor, *further = &cursor;
    unsigned char *memory = align(room, plan->memory_alignment);
    void *result = align(own, plan->result_alignment);
    (void)cif;
    if (plan->result == SLOW_HIDDEN) memcpy(&result, *values++, sizeof result);
    gather(plan, values, memory);
    if (plan->pointers != NULL) point(plan, values, memory, pointers);
    if (plan->cursor) {
        fill_cursor(upcall, values + plan->move_count, &cursor);
        if (plan->pointers != NULL) pointers[plan->sources] = further;
        if (plan->pointers == NULL) memcpy(memory + (size_t)plan->sources * SLOW_WORD, &further, SLOW_WORD);
    }
    handle(cell, upcall, plan->pointers != NULL ? (void *)pointers : memory, result);
    give_back(plan, result, returned);
}

/* ---- closures of libffi's ----
 *
 * Those that it makes for Go are data alone: whoever calls one has its address in the static chain's register, and
 * jumps to what its first word says. So they need no executable memory, and each process of a fork has its own. The
 * first thing in a detail is such a closure, and libffi's function gets its address. */

static_assert(sizeof(ffi_go_closure) == sizeof(((Detail *)NULL)->ffi) && offsetof(ffi_go_closure, tramp) == 0,
              "a detail has room for it");
static_assert(offsetof(Detail, ffi) == 0, "the address of the one is that of the other");

ferry_code slow_upcall_open(const Upcall *upcall, Cell *cell, Detail *detail, ferry_error *error) {
    ffi_go_closure closure = {0};
    ffi_status status = ffi_prep_go_closure(&closure, upcall->plan->cif, enter);
    if (status != FFI_OK) return fail(error, FERRY_UNSUPPORTED, "libffi refuses the closure (status %d)", (int)status);
    memcpy(detail->ffi, &closure, sizeof closure);
    atomic_store_explicit(&detail->cell, cell, memory_order_relaxed);
    return FERRY_OK;
}
