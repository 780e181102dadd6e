/* tests/diff/upcall.c: one call through a closure: a compiled function calls managed code. Then the closure ends, and
 * is called once more. */
#include <stdlib.h>
#include <string.h>

#include "diff.h"

static const struct {
    bool slots, slow, cursor;
} ways[WAYS] = {
    [UP_SLOTS] = {true, false, false},           [UP_POINTERS] = {false, false, false},
    [UP_SLOTS_SLOW] = {true, true, false},       [UP_POINTERS_SLOW] = {false, true, false},
    [UP_SLOTS_CURSOR] = {true, false, true},     [UP_POINTERS_CURSOR] = {false, false, true},
    [UP_SLOTS_CURSOR_SLOW] = {true, true, true}, [UP_POINTERS_CURSOR_SLOW] = {false, true, true},
};

static const char closure_name[] = "diff";

/* What the engines reported since the last look. */
static struct {
    unsigned count;
    ferry_event event;
    bool named, has_message;
    const ferry_signature *signature;
} reports;

void upcall_report(void *context, const ferry_report *report) {
    (void)context;
    reports.count++;
    reports.event = report->event;
    reports.named = report->name != NULL && strcmp(report->name, closure_name) == 0;
    reports.has_message = report->message != NULL && report->message[0] != 0;
    reports.signature = report->signature;
}

static void finalize(void *context) {
    ((Upcall *)context)->finalized++;
}

bool way_is_slow(Way way) {
    return way == SLOTS_SLOW || way == POINTERS_SLOW || ways[way].slow;
}

bool way_applies(Way way, const ferry_signature *signature) {
    return !ways[way].cursor || ferry_signature_is_variadic(signature);
}

/* ---- making ---- */

/* With a cursor the closure knows just what stands before the `...`. */
static const ferry_signature *closure_signature(const Call *call, ferry_error *error) {
    const ferry_type *types[MAX_ARGUMENTS];
    const ferry_signature *signature = call->signature;
    if (!ways[call->way].cursor) return signature;
    size_t fixed = ferry_signature_fixed(signature);
    for (size_t i = 0; i < fixed; i++) types[i] = ferry_signature_parameter(signature, i);
    return ferry_signature_create(call->engine, ferry_signature_result(signature), types, fixed, true, error);
}

/* A value of the result's type at the end of an area. */
static const void *make_fallback(const Call *call) {
    size_t alignment, size = size_of(call->engine, ferry_signature_result(call->signature), &alignment);
    Random random = {mix(call->seed, 7)};
    Place *place = place_open(AREA_RESULT, rounded(size, alignment), &random);
    MemoryWalk walk = {
        .engine = call->engine, .stream = stream_open(call->seed, FALLBACK_NUMBER), .bytes = place->bytes};
    if (size != 0) walk_memory(&walk, ferry_signature_result(call->signature), 0);
    return place->bytes;
}

static void draw_options(Upcall *upcall) {
    Random *random = &upcall->random;
    ferry_closure_options *options = &upcall->options;
    bool has_result = ferry_type_kind(ferry_signature_result(upcall->call->signature)) != FERRY_VOID;
    options->convention = upcall->slots ? FERRY_SLOTS : FERRY_POINTERS;
    options->handler_errno = random_chance(random, 25);
    options->boundary = random_chance(random, 25) ? FERRY_STOP : FERRY_LET_THROUGH;
    options->name = random_chance(random, 25) ? closure_name : NULL;
    options->finalize = random_chance(random, 25) ? finalize : NULL;
    options->fallback = has_result && random_chance(random, 40) ? make_fallback(upcall->call) : NULL;
}

static void spell_options(const Upcall *upcall, char *text, size_t size) {
    const ferry_closure_options *options = &upcall->options;
    snprintf(text, size, "%s%s%s%s%s", options->handler_errno ? ", handler_errno" : "",
             options->boundary == FERRY_STOP ? ", stop" : "", options->name != NULL ? ", name" : "",
             options->finalize != NULL ? ", finalize" : "", options->fallback != NULL ? ", fallback" : "");
}

/* ---- calling ---- */

static const char *drive(Upcall *upcall, void (*code)(void), Expected expected) {
    const Call *call = upcall->call;
    probe_open(call->seed, CALLER, expected);
    gate_open(call->junk, code, &upcall->random);
    ((void (*)(void (*)(void)))call->function)(gate_code());
    const char *failure = gate_failure();
    if (upcall->failure[0] != 0) return upcall->failure;
    if (upcall->refusal[0] != 0) return NULL;
    if (failure != NULL) return failure;
    if (probe.failure[0] != 0) return probe.failure;
    if (probe.calls != 1) return "the caller did not come back exactly once";
    return x87_is_empty() ? NULL : "the x87 stack is not empty";
}

static const char *check_live(Upcall *upcall, const ferry_closure *closure, void (*code)(void)) {
    if (way_is_slow(upcall->call->way) != (ferry_closure_path(closure) == FERRY_PATH_LIBFFI)) {
        const char *reason = ferry_closure_reason(closure);
        return reason[0] != 0 ? reason : "not on the path that it should be on";
    }
    const char *failure = drive(upcall, code, STREAM);
    if (failure != NULL || upcall->refusal[0] != 0) return failure;
    if (upcall->calls != 1) return "the handler was not called exactly once";
    if (reports.count != 0) return "the call was reported";
    int expected = upcall->options.handler_errno ? upcall->errno_set : probe.errno_before;
    if (probe.errno_after == expected) return NULL;
    return upcall->options.handler_errno ? "errno is not the handler's" : "the caller sees the handler's errno";
}

static const char *check_late(Upcall *upcall, const ferry_signature *signature, void (*code)(void)) {
    const ferry_closure_options *options = &upcall->options;
    unsigned calls = upcall->calls;
    if (upcall->finalized != (options->finalize != NULL)) return "the finalizer was not called exactly once";
    const char *failure = drive(upcall, code, options->fallback != NULL ? FALLBACK : ZEROS);
    if (failure != NULL) return failure;
    if (upcall->calls != calls) return "the handler was called";
    if (reports.count != 1 || reports.event != FERRY_LATE_CALL) return "it was not reported exactly once";
    if (reports.named != (options->name != NULL)) return "the report has another name";
    if (reports.signature != signature || !reports.has_message) return "the report lacks its signature or message";
    return probe.errno_after == probe.errno_before ? NULL : "errno has changed";
}

/* By revoking it, or by giving back the only reference. */
static const char *end(Upcall *upcall, ferry_closure **closure) {
    ferry_error error;
    bool revoke = random_chance(&upcall->random, 50);
    ferry_code code = revoke ? ferry_closure_revoke(*closure, &error) : ferry_closure_release(*closure, &error);
    if (!revoke) *closure = NULL;
    return code == FERRY_OK ? NULL : "it could not be ended";
}

static void spell(const Upcall *upcall, const char *when, const char *failure, char *message, size_t size) {
    char options[80];
    spell_options(upcall, options, sizeof options);
    snprintf(message, size, "%s%s%s%s", when, failure, options[0] != 0 ? "; with" : "",
             options[0] != 0 ? options + 1 : "");
}

/* The life of a closure. What the cursor refuses is refused; the end is looked at nevertheless. */
static Verdict live_and_end(Upcall *upcall, ferry_closure **closure, char *message, size_t size) {
    const ferry_signature *signature = ferry_closure_signature(*closure);
    void (*code)(void) = ferry_closure_code(*closure);
    const char *failure = check_live(upcall, *closure, code), *when = "";
    bool refused = upcall->refusal[0] != 0;
    if (refused) snprintf(message, size, "%s", upcall->refusal);
    upcall->refusal[0] = 0;
    if (failure == NULL) {
        when = "after its end: ";
        failure = end(upcall, closure);
    }
    if (failure == NULL) failure = check_late(upcall, signature, code);
    if (failure != NULL) spell(upcall, when, failure, message, size);
    return failure != NULL ? FAILED : refused ? REFUSED : PASSED;
}

Verdict upcall_case(const Call *call, char *message, size_t size) {
    Upcall upcall = {.call = call, .random = {mix(call->seed, call->way)}, .errno_set = errno_of(call->seed)};
    ferry_error error;
    upcall.slots = ways[call->way].slots;
    upcall.cursor = ways[call->way].cursor;
    upcall.count = upcall.cursor ? ferry_signature_fixed(call->signature) : ferry_signature_count(call->signature);
    memset(&reports, 0, sizeof reports);
    if (area_end(0) == NULL) return snprintf(message, size, "no memory for the guarded areas"), FAILED;
    draw_options(&upcall);
    const ferry_signature *signature = closure_signature(call, &error);
    ferry_closure *closure = NULL;
    if (signature != NULL)
        closure = ferry_closure_create(call->engine, signature, upcall_handler, &upcall, &upcall.options, &error);
    if (closure == NULL) return snprintf(message, size, "%s", error.message), REFUSED;
    if (ferry_closure_signature(closure) != signature) return snprintf(message, size, "its signature differs"), FAILED;
    Verdict verdict = live_and_end(&upcall, &closure, message, size);
    bool released = ferry_closure_release(closure, &error) == FERRY_OK;
    if (!released && verdict != FAILED) spell(&upcall, "its release: ", error.message, message, size);
    return released ? verdict : FAILED;
}
