/* tests/diff/reduce.c: the simplest signature that still fails, step by step. */
#include <time.h>

#include "diff.h"

static const ferry_signature *edited(ferry_engine *engine, const ferry_signature *signature, Grain grain, int64_t edit,
                                     bool *last) {
    Rebuild rebuild = {.engine = engine, .grain = grain, .edit = edit, .rename = true};
    const ferry_signature *candidate = rebuild_signature(&rebuild, signature);
    *last = rebuild.edit >= 0; /* there is no edit of that number */
    return candidate;
}

/* All edits once, each as often as it helps; after a successful one the same number names the next. */
static bool pass(ferry_engine *engine, const ferry_signature **signature, Grain grain, StillFails *fails, void *context,
                 time_t end) {
    bool progress = false, last = false;
    for (int64_t edit = 0; time(NULL) < end;) {
        const ferry_signature *candidate = edited(engine, *signature, grain, edit, &last);
        if (last) break;
        bool better = candidate != NULL && candidate != *signature && fails(context, candidate);
        if (better)
            *signature = candidate;
        else
            edit++;
        progress |= better;
    }
    return progress;
}

/* Every edit makes a signature smaller or plainer, so this ends. Coarse ones first: they save the most. */
const ferry_signature *reduce(ferry_engine *engine, const ferry_signature *signature, StillFails *fails, void *context,
                              unsigned seconds) {
    time_t end = time(NULL) + seconds;
    for (Grain grain = ARGUMENTS; grain < FINE; grain++) pass(engine, &signature, grain, fails, context, end);
    while (pass(engine, &signature, FINE, fails, context, end)) continue;
    Rebuild names = {.engine = engine, .edit = -1, .rename = true};
    const ferry_signature *renamed = rebuild_signature(&names, signature);
    return renamed == NULL ? signature : renamed;
}
