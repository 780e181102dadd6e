/* rounds.c: several kinds of children, compared. In each round every kind runs once, in an order that changes from
 * round to round: what slows the machine down for a while meets all of them. */
#include "bench/bench.h"

void rounds_leave_out(Rounds *rounds, size_t kind, const char *why) {
    report_note("%s: not measured, %s", rounds->names[kind], why);
    rounds->names[kind] = NULL;
    /* Nothing that could be written anywhere. */
    for (size_t k = 0; k < MOST_STAGES; k++)
        if (rounds->measures[kind][k] != NULL) rounds->measures[kind][k]->count = 0;
}

bool rounds_child(Rounds *rounds, size_t kind, const char *path, double *numbers, size_t count) {
    char what[96];
    snprintf(what, sizeof what, "%s_%s", rounds->part, rounds->names[kind]);
    if (child_run(what, path, numbers, count)) return true;
    report_progress_end();
    rounds->results->wrong = true;
    rounds_leave_out(rounds, kind, "the child process failed");
    return false;
}

void rounds_run(Rounds *rounds, RoundStep *step, void *context) {
    size_t order[MOST_KINDS];
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (size_t k = 0; k < rounds->kinds; k++) order[k] = k;
    for (size_t round = 0; round < rounds->repetitions; round++) {
        harness_shuffle(order, rounds->kinds, &seed);
        for (size_t k = 0; k < rounds->kinds; k++) {
            report_progress(rounds->part, round * rounds->kinds + k, rounds->repetitions * rounds->kinds);
            if (rounds->names[order[k]] != NULL) step(context, order[k], round);
        }
    }
    report_progress_end();
}
