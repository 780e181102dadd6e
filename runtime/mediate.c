/* mediate.c: what stands between a stub and a handler, where anything has to: boundaries, finalizers, the end. */
#include "runtime/closure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- reports ---- */

static void format_message(char *message, size_t size, const Detail *detail, const Signature *signature,
                           const char *format, va_list arguments) {
    char what[320], spelling[160];
    const char *name = detail != NULL ? detail->name : NULL;
    vsnprintf(what, sizeof what, format, arguments);
    signature_spell(signature, name != NULL ? name : "closure", spelling, sizeof spelling);
    snprintf(message, size, "%s: %s", spelling, what);
}

void report_event(Engine *engine, ferry_event event, const Cell *cell, const char *format, ...) {
    char message[512];
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    const Detail *detail = cell_detail(cell);
    atomic_fetch_add_explicit(&engine->events[event], 1, memory_order_relaxed);
    if (engine->report == NULL) return;
    va_list arguments;
    va_start(arguments, format);
    format_message(message, sizeof message, detail, upcall->signature, format, arguments);
    va_end(arguments);
    const ferry_report report = {.event = event,
                                 .name = detail != NULL ? detail->name : NULL,
                                 .signature = upcall->signature,
                                 .message = message};
    engine->report(engine->report_context, &report);
}

/* ---- the end ---- */

/* A stub reads of a narrow integer just its own bytes, and so does everything else. */
static void write_fallback(const Cell *cell, void *result) {
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    const Layout *layout = upcall->layouts[upcall->placed->count];
    const Detail *detail = cell_detail(cell);
    if (layout == NULL || layout->size == 0) return;
    if (detail != NULL && detail->fallback_size != 0)
        memcpy(result, detail->fallback, detail->fallback_size);
    else
        memset(result, 0, layout->size);
}

void late_call(Cell *cell, void *arguments, void *result) {
    (void)arguments;
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    int kept = errno;
    report_event(upcall->engine, FERRY_LATE_CALL, cell, "was called after its end");
    write_fallback(cell, result);
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
    detail->finalize(detail->context);
    holds_drop(cell, detail);
}

void holds_drop(Cell *cell, Detail *detail) {
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    if (atomic_fetch_sub(&detail->holds, 1) == 1) cell_give(upcall->engine->closures, cell);
}

static void leave(void *cell) {
    calls_drop(cell, cell_detail(cell));
}

/* ---- the call ---- */

static void call_stopped(Cell *cell, Detail *detail, void *arguments, void *result) {
    char what[160];
    Departure departure = guard_call(detail->handler, detail->context, arguments, result, what, sizeof what);
    if (departure == RETURNED) return;
    const Upcall *upcall = atomic_load_explicit(&cell->upcall, memory_order_relaxed);
    if (departure == THREW)
        report_event(upcall->engine, FERRY_STOPPED_EXCEPTION, cell, "%s was stopped at the boundary", what);
    else
        report_event(upcall->engine, FERRY_STOPPED_LONGJMP, cell, "a longjmp was stopped at the boundary");
    write_fallback(cell, result);
}

static void call(void *context, void *arguments, void *result) {
    Cell *cell = context;
    Detail *detail = cell_detail(cell);
    if (detail->boundary == FERRY_STOP)
        call_stopped(cell, detail, arguments, result);
    else
        detail->handler(detail->context, arguments, result);
}

/* What a boundary lets through (the end of a thread, for one) still ends the call: it is counted down. */
static void call_counted(Cell *cell, Detail *detail, void *arguments, void *result) {
    if (calls_take(detail)) {
        guard_pass(call, cell, arguments, result, leave, cell);
        calls_drop(cell, detail);
    } else {
        late_call(cell, arguments, result);
    }
}

void mediate(void *context, void *arguments, void *result) {
    Cell *cell = context;
    Detail *detail = cell_detail(cell);
    if (detail->finalize != NULL)
        call_counted(cell, detail, arguments, result);
    else
        call(cell, arguments, result);
}
