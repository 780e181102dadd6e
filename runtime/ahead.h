/* runtime/ahead.h: making code ahead of time, for `ferry aot` and for the prelude. Not part of the libraries' work: no
 * engine uses it. */
#ifndef FERRY_RUNTIME_AHEAD_H
#define FERRY_RUNTIME_AHEAD_H

#include "abi/shape.h"
#include "runtime/engine.h"
#include "trampolines/bundle.h"

typedef struct AheadRequest {
    const Target *target;
    ferry_quality quality; /* FERRY_BY_SHAPE: better, since nobody waits */
    const Shape *const *shapes;
    size_t count;           /* at least one; the same shape twice is one */
    const char *table_name; /* of the table's symbol: a C identifier */
    bool table_hidden;
    bool described; /* with the shapes and their names; false: with their digests alone, for the prelude */
} AheadRequest;

/* What came out of it, in the arena. */
typedef struct AheadObject {
    const uint8_t *bytes; /* an ELF object, complete */
    size_t size;
    size_t table_at;        /* where in it the table lies, which bundle_open can read with that place's bytes */
    size_t table_size;      /* without distances */
    size_t count;           /* of different shapes */
    const Shape **shapes;   /* in the order of the table */
    uint32_t *code_sizes;   /* in the same order */
    uint32_t *unwind_sizes; /* of the tables, as blobs have them */
} AheadObject;

/* loaded: see backend_load. The same request, with the same LLVM, gives the same bytes. */
MUST_USE ferry_code ahead_make(Loaded *loaded, const AheadRequest *request, Arena *arena, AheadObject *object,
                               ferry_error *error);

#endif
