/* jit/backend.h: the interface between the core and the LLVM module. No type of LLVM's in it.
 *
 * The module is a shared object that exports one symbol, ferry_backend, a function that returns this table. The core
 * loads it when the first blob must be made and remembers a failure to.
 */
#ifndef FERRY_JIT_BACKEND_H
#define FERRY_JIT_BACKEND_H

#include "abi/shape.h"
#include "trampolines/blob.h"

#define BACKEND_VERSION 1
#define BACKEND_SYMBOL  "ferry_backend"

/* How the code finds what it needs in the binding that it receives: byte offsets of words. runtime/binding.h asserts
 * that the struct agrees.
 *
 *   void trampoline(const binding *binding, const void *arguments, void *result)
 *
 *   binding  +0   entry: the trampoline itself
 *            +8   target: the C function
 *            +16  errno_location: int *(*)(void), the C library's */
enum { BINDING_TARGET_OFFSET = 8, BINDING_ERRNO_OFFSET = 16 };

typedef struct CompileRequest {
    const Target *target;
    ferry_quality quality;
    const Shape *const *shapes;
    size_t count;
    const void *bound; /* count is 1: the function's address to put into the code; NULL: take it from the binding */
} CompileRequest;

/* Receives blob number `index` of the request, in order; a failure ends the compile with that code and error. */
typedef ferry_code BlobSink(void *context, size_t index, const Blob *blob, ferry_error *error);

typedef enum DumpStage { DUMP_IR, DUMP_ASSEMBLY } DumpStage;

typedef struct Backend {
    uint32_t version; /* BACKEND_VERSION */
    const char *llvm; /* "LLVM 22.1.8" */
    /* One state per engine; used by one thread at a time. */
    MUST_USE ferry_code (*open)(const ferry_allocator *allocator, void **state, ferry_error *error);
    void (*close)(void *state);
    MUST_USE ferry_code (*compile)(void *state, const CompileRequest *request, BlobSink *sink, void *context,
                                   ferry_error *error);
    /* The request's one shape as text; freed with free_text. */
    MUST_USE ferry_code (*dump)(void *state, const CompileRequest *request, DumpStage stage, char **text,
                                ferry_error *error);
    void (*free_text)(char *text);
} Backend;

typedef const Backend *BackendFunction(void);

#endif
