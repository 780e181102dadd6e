/* tests/diff/report.c: what happened, in numbers; and everything that was left out, with the reason. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

#define REASONS 14 /* printed of each kind */

struct Tally {
    char *reason;
    size_t count;
    Tally *next;
};

/* Numbers and quoted names vary from case to case; what is left is the reason. */
static char *generalised(const char *reason) {
    char *text = strdup(reason), *out = text;
    if (text == NULL) abort();
    for (const char *in = reason; *in != 0 && *in != '\n'; in++) {
        bool repeats = isdigit((unsigned char)*in) && out > text && out[-1] == '#';
        if (!repeats) *out++ = isdigit((unsigned char)*in) ? '#' : *in;
    }
    *out = 0;
    return text;
}

static void count_reason(Tally **tallies, const char *reason) {
    char *text = generalised(reason);
    Tally **at = tallies;
    while (*at != NULL && strcmp((*at)->reason, text) != 0) at = &(*at)->next;
    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL) abort();
        (*at)->reason = text;
    } else {
        free(text);
    }
    (*at)->count++;
}

void report_skip(Report *report, const char *reason) {
    report->skipped++;
    count_reason(&report->skips, reason);
}

void report_outcome(Report *report, const Outcome *outcome) {
    if (outcome->verdict == FAILED)
        report->failed++;
    else
        report->passed++;
    for (Way way = 0; way < WAYS; way++) {
        report->called[way] += outcome->passed[way];
        report->refused[way] += outcome->refused[way] != 0;
        if (!outcome->refused[way]) continue;
        char reason[256];
        snprintf(reason, sizeof reason, "%s: %s", way_names[way], outcome->refusal[way]);
        count_reason(&report->refusals, reason);
    }
}

static void print_reasons(const Tally *tallies, const char *title, FILE *out) {
    size_t printed = 0, rest = 0;
    if (tallies != NULL) fprintf(out, "%s\n", title);
    for (size_t most = SIZE_MAX; tallies != NULL && most > 0;) {
        size_t below = 0;
        for (const Tally *tally = tallies; tally != NULL; tally = tally->next)
            if (tally->count < most && tally->count > below) below = tally->count;
        for (const Tally *tally = tallies; below > 0 && tally != NULL; tally = tally->next) {
            if (tally->count != below) continue;
            if (printed++ < REASONS)
                fprintf(out, "  %6zu  %.150s\n", tally->count, tally->reason);
            else
                rest += tally->count;
        }
        most = below;
    }
    if (rest > 0) fprintf(out, "  %6zu  for other reasons\n", rest);
}

static void print_ways(const Report *report, Side side, FILE *out) {
    fputs(side == CALLEE ? "calls" : "upcalls", out);
    for (Way way = first_way[side]; way < first_way[side + 1]; way++) {
        const char *name = way_names[way] + (side == CALLEE ? 0 : strlen("upcall "));
        fprintf(out, "%s %s %zu", way == first_way[side] ? ":" : ",", name, report->called[way]);
        if (report->refused[way] > 0) fprintf(out, " (refused %zu)", report->refused[way]);
    }
    fputc('\n', out);
}

void report_print(const Report *report, FILE *out) {
    print_ways(report, CALLEE, out);
    print_ways(report, CALLER, out);
    print_reasons(report->skips, "skipped, a case, compiler and direction each:", out);
    print_reasons(report->refusals, "refused by ferry:", out);
    fprintf(out, "%zu passed, %zu failed, %zu skipped\n", report->passed, report->failed, report->skipped);
}

static void free_tallies(Tally *tally) {
    while (tally != NULL) {
        Tally *next = tally->next;
        free(tally->reason);
        free(tally);
        tally = next;
    }
}

void report_free(Report *report) {
    free_tallies(report->skips);
    free_tallies(report->refusals);
    *report = (Report){0};
}
