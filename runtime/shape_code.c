/* shape_code.c: machine code of shapes, made by the LLVM module and placed in the engine's code space.
 *
 * What failed for want of memory fails the request and may be tried again. Every other failure to make code is
 * remembered, in the shape or, where no shape can have code, in the engine. */
#define _POSIX_C_SOURCE 200809L
#include "runtime/engine.h"

#include <time.h>

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* Where the blobs of one request go. */
typedef struct Sink {
    Engine *engine;
    Code **codes; /* one for each shape of the request */
    bool no_code; /* the failure was the code space's, not the compiler's */
} Sink;

static ferry_code keep_blob(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Sink *sink = context;
    ferry_code code = code_add(sink->engine->code, blob, &sink->codes[index], error);
    sink->no_code = code != FERRY_OK && code != FERRY_OUT_OF_MEMORY;
    return code;
}

static void remove_codes(Engine *engine, Code **codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (codes[i] != NULL) code_remove(engine->code, codes[i]);
        codes[i] = NULL;
    }
}

ferry_code shapes_compile(Engine *engine, const Shape *const *shapes, size_t count, const void *bound, Code **codes,
                          ferry_error *error) {
    if (engine->no_code != NULL) return fail(error, FERRY_NO_CODE, "%s", engine->no_code);
    TRY(backend_load(&engine->loaded, engine->backend_path, engine->allocator, error));
    CompileRequest request = {
        .target = engine->target, .quality = engine->quality, .shapes = shapes, .count = count, .bound = bound};
    Sink sink = {.engine = engine, .codes = codes};
    uint64_t start = now();
    ferry_code code = engine->loaded.backend->compile(engine->loaded.state, &request, keep_blob, &sink, error);
    engine->compile_nanoseconds += now() - start;
    if (code == FERRY_OK) return FERRY_OK;
    remove_codes(engine, codes, count);
    if (sink.no_code) engine->no_code = arena_string(&engine->arena, error->message);
    return code;
}

ferry_code reason_keep(Engine *engine, const ferry_error *failure, const char **reason, ferry_error *error) {
    *reason = arena_string(&engine->arena, failure->message);
    return *reason != NULL ? FERRY_OK : fail_out_of_memory(error, "the reason of a failure");
}

/* ---- many at once ---- */

ferry_code batch_open(Batch *batch, Arena *scratch, size_t most, ferry_error *error) {
    batch->entries = arena_array(scratch, most, sizeof *batch->entries);
    batch->shapes = arena_array(scratch, most, sizeof *batch->shapes);
    batch->codes = arena_array(scratch, most, sizeof *batch->codes);
    batch->count = 0;
    if (batch->entries == NULL || batch->shapes == NULL || batch->codes == NULL)
        return fail_out_of_memory(error, "a batch of signatures");
    return FERRY_OK;
}

void batch_add(Batch *batch, ShapeEntry *entry) {
    if (entry->code != NULL || entry->queued) return;
    entry->queued = true;
    batch->entries[batch->count] = entry;
    batch->shapes[batch->count++] = entry->shape;
}

ferry_code batch_make(Engine *engine, Batch *batch, ferry_error *error) {
    return batch->count == 0 ? FERRY_OK
                             : shapes_compile(engine, batch->shapes, batch->count, NULL, batch->codes, error);
}

void batch_close(Batch *batch, bool made) {
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i]->queued = false;
        if (made) batch->entries[i]->code = batch->codes[i];
    }
}

/* A failure is the last one's: the one that was asked for, the others being what it needs. */
ferry_code shapes_complete(Engine *engine, ShapeEntry *const *entries, size_t count, ferry_error *error) {
    ShapeEntry *asked = entries[count - 1];
    if (asked->reason != NULL) return FERRY_OK;
    Arena scratch = {.allocator = engine->allocator};
    Batch batch;
    ferry_error failure;
    ferry_code code = batch_open(&batch, &scratch, count, &failure);
    for (size_t i = 0; i < count && code == FERRY_OK; i++) batch_add(&batch, entries[i]);
    if (code == FERRY_OK) code = batch_make(engine, &batch, &failure);
    batch_close(&batch, code == FERRY_OK);
    arena_free(&scratch);
    if (code == FERRY_OUT_OF_MEMORY) *error = failure;
    if (code == FERRY_OK || code == FERRY_OUT_OF_MEMORY) return code;
    return reason_keep(engine, &failure, &asked->reason, error);
}
