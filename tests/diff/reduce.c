/* tests/diff/reduce.c: the simplest signature that still fails, step by step. */
#include "diff.h"

/* Every edit makes a signature smaller or plainer, so this ends; after a successful one the same number names the next.
 */
static const ferry_signature *edited(ferry_engine *engine, const ferry_signature *signature, int64_t edit, bool *last) {
    Rebuild rebuild = {.engine = engine, .edit = edit, .rename = true};
    const ferry_signature *candidate = rebuild_signature(&rebuild, signature);
    *last = rebuild.edit >= 0; /* there is no edit of that number */
    return candidate;
}

const ferry_signature *reduce(ferry_engine *engine, const ferry_signature *signature, StillFails *fails, void *context,
                              unsigned attempts) {
    bool progress = true, last = false;
    while (progress && attempts > 0) {
        progress = false;
        for (int64_t edit = 0; attempts > 0; attempts--) {
            const ferry_signature *candidate = edited(engine, signature, edit, &last);
            if (last) break;
            bool better = candidate != NULL && candidate != signature && fails(context, candidate);
            if (better)
                signature = candidate;
            else
                edit++;
            progress |= better;
        }
    }
    Rebuild names = {.engine = engine, .edit = -1, .rename = true};
    const ferry_signature *renamed = rebuild_signature(&names, signature);
    return renamed == NULL ? signature : renamed;
}
