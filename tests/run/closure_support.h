/* closure_support.h: what the tests of closures share. */
#ifndef FERRY_TESTS_RUN_CLOSURE_SUPPORT_H
#define FERRY_TESTS_RUN_CLOSURE_SUPPORT_H

#include <stdio.h>

#include "support.h"

/* Sanitizers map memory themselves: limits of the whole process hit them first. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

typedef struct ClosureWay {
    const char *name;
    ferry_policy policy;
    ferry_convention convention;
    ferry_path path;
} ClosureWay;

static const ClosureWay closure_ways[] = {
    {"slots", FERRY_NOW, FERRY_SLOTS, MADE(FERRY_PATH_CODE)},
    {"pointers", FERRY_NOW, FERRY_POINTERS, MADE(FERRY_PATH_CODE)},
    {"slots, slow", FERRY_NEVER, FERRY_SLOTS, FERRY_PATH_LIBFFI},
    {"pointers, slow", FERRY_NEVER, FERRY_POINTERS, FERRY_PATH_LIBFFI},
};
#define CLOSURE_WAYS (sizeof closure_ways / sizeof closure_ways[0])

static inline ferry_closure *new_closure(ferry_engine *engine, const char *text, ferry_handler handler, void *context,
                                         const ferry_closure_options *options) {
    ferry_error error;
    ferry_closure *closure = ferry_closure_create(engine, parse(engine, text), handler, context, options, &error);
    cr_assert_not_null(closure, "%s: %s", text, error.message);
    return closure;
}

static inline void release(ferry_closure *closure) {
    ferry_error error;
    cr_assert_eq(ferry_closure_release(closure, &error), FERRY_OK, "%s", error.message);
}

/* The newest report, and how many there were. For one thread. */
typedef struct Reports {
    size_t count;
    ferry_event event;
    char name[64];
    char message[512];
} Reports;

static inline void note_report(void *context, const ferry_report *report) {
    Reports *reports = context;
    reports->count++;
    reports->event = report->event;
    snprintf(reports->name, sizeof reports->name, "%s", report->name != NULL ? report->name : "(none)");
    snprintf(reports->message, sizeof reports->message, "%s", report->message);
}

static inline ferry_engine *reporting_engine(ferry_policy policy, Reports *reports) {
    ferry_error error;
    ferry_engine_options options = {
        .policy = policy, .without = FERRY_SOURCE_ALL, .report = note_report, .report_context = reports};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

#endif
