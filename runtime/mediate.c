/* mediate.c: what stands between a stub and a handler, where anything has to: boundaries, finalizers, the end. */
#include "runtime/closure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- reports ---- */

static const char *subject_of(ferry_event event) {
    if (event == FERRY_IGNORED_CACHE) return "the cache";
    return event == FERRY_IGNORED_BUNDLE ? "a bundle" : "a closure";
}

static void format_message(char *message, size_t size, ferry_event event, const char *name, const Signature *signature,
                           const char *format, va_list arguments) {
    char what[320], spelling[160];
    vsnprintf(what, sizeof what, format, arguments);
    if (signature == NULL) snprintf(spelling, sizeof spelling, "%s", subject_of(event));
    if (signature != NULL) signature_spell(signature, name != NULL ? name : "closure", spelling, sizeof spelling);
    snprintf(message, size, "%s: %s", spelling, what);
}

void report_event(Engine *engine, ferry_event event, const char *name, const Signature *signature, const char *format,
                  ...) {
    char message[512];
    atomic_fetch_add_explicit(&engine->events[event], 1, memory_order_relaxed);
    if (engine->report == NULL) return;
    va_list arguments;
    va_start(arguments, format);
    format_message(message, sizeof message, event, name, signature, format, arguments);
    va_end(arguments);
    const ferry_report report = {.event = event, .name = name, .signature = signature, .message = message};
    engine->report(engine->report_context, &report);
}

/* ---- the end ---- */

/* What a call gets instead of the handler's result. A stub reads of a narrow integer just its own bytes, and so does
 * everything else. The handler is not to be asked, so nothing holds the detail but the lock (or the caller). */
static void write_fallback(const Upcall *upcall, const Detail *detail, void *result) {
    const Layout *layout = upcall->layouts[upcall->placed->count];
    if (layout == NULL || layout->size == 0) return;
    if (detail != NULL && detail->fallback_size == layout->size)
        memcpy(result, detail->fallback, detail->fallback_size);
    else
        memset(result, 0, layout->size);
}

/* First the result, as long as the cell is surely what it was; then the report, in which anything may happen. */
void late_call(Cell *cell, void *arguments, void *result) {
    (void)arguments;
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    Engine *engine = upcall->engine;
    const char *name = NULL;
    int kept = errno;
    bool locked = details_lock(engine->closures);
    const Detail *detail = locked ? cell_detail(cell) : NULL;
    write_fallback(upcall, detail, result);
    if (detail != NULL) name = detail->name;
    if (locked) details_unlock(engine->closures);
    report_event(engine, FERRY_LATE_CALL, name, upcall->signature, "was called after its end");
    errno = kept;
}

/* ---- calls under way ---- */

/* false: the closure has ended and its context is gone. */
static bool calls_take(Detail *detail) {
    uint64_t calls = atomic_load_explicit(&detail->calls, memory_order_relaxed);
    while (calls != 0) {
        if (atomic_compare_exchange_weak(&detail->calls, &calls, calls + 1)) return true;
    }
    return false;
}

void calls_drop(Cell *cell, Detail *detail) {
    if (atomic_fetch_sub(&detail->calls, 1) != 1) return;
    if (detail->finalize != NULL) detail->finalize(detail->context);
    holds_drop(cell, detail);
}

void holds_drop(Cell *cell, Detail *detail) {
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    if (atomic_fetch_sub(&detail->holds, 1) == 1) cell_give(upcall->engine->closures, cell);
}

/* What a boundary lets through (the end of a thread, for one) still ends the call: it is counted down. */
static void leave(void *cell) {
    calls_drop(cell, cell_detail(cell));
}

/* ---- the call ---- */

static void call_stopped(Cell *cell, Detail *detail, void *arguments, void *result) {
    char what[160];
    Departure departure =
        guard_call(detail->handler, detail->context, arguments, result, leave, cell, what, sizeof what);
    if (departure == RETURNED) return;
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    write_fallback(upcall, detail, result);
    if (departure == THREW)
        report_event(upcall->engine, FERRY_STOPPED_EXCEPTION, detail->name, upcall->signature,
                     "%s was stopped at the boundary", what);
    else
        report_event(upcall->engine, FERRY_STOPPED_LONGJMP, detail->name, upcall->signature,
                     "a longjmp was stopped at the boundary");
}

/* The call holds cell and detail: whatever the handler ends, itself too, they are what they were until it is over. */
void mediate(void *context, void *arguments, void *result) {
    Cell *cell = context;
    Detail *detail = cell_detail(cell);
    if (!calls_take(detail)) {
        late_call(cell, arguments, result);
        return;
    }
    if (detail->boundary == FERRY_STOP)
        call_stopped(cell, detail, arguments, result);
    else
        guard_pass(detail->handler, detail->context, arguments, result, leave, cell);
    calls_drop(cell, detail);
}
