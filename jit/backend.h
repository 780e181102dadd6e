/* jit/backend.h: the interface between the core and the LLVM module. No type of LLVM's in it.
 *
 * The module is a shared object that exports one symbol, ferry_backend, a function that returns this table. The core
 * loads it when the first blob must be made and remembers a failure to.
 */
#ifndef FERRY_JIT_BACKEND_H
#define FERRY_JIT_BACKEND_H

#include "abi/shape.h"
#include "trampolines/blob.h"

#define BACKEND_VERSION 3
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

/* The same for upcalls. A stub has the C function's own signature and receives the closure's cell in the static-chain
 * register, where a thunk (trampolines/thunk.h) put it. runtime/closure.h asserts that the structs agree.
 *
 *   stub        handler(context, arguments, result)      result: the hidden result's address, or the stub's own memory
 *   late stub   late(cell, NULL, result)
 *
 *   cell     +8   handler: void (*)(void *, void *, void *)
 *            +16  context
 *            +24  upcall
 *   upcall   +0   late: void (*)(cell *, void *, void *)
 *            +8   errno_offset: from the thread pointer to the C library's errno, in bytes; the same on all threads
 *
 * errno is kept by a stub whose shape says so: read before the handler runs, written back after it. */
enum { CELL_HANDLER_OFFSET = 8, CELL_CONTEXT_OFFSET = 16, CELL_UPCALL_OFFSET = 24 };
enum { UPCALL_LATE_OFFSET = 0, UPCALL_ERRNO_OFFSET = 8 };

/* What a stub with a cursor makes in its frame, aligned to 16, and passes the address of behind the last argument. It
 * holds the argument registers that the fixed parameters left over, each at the place of its number in its bank (the
 * others' places are not written), and where the further arguments on the stack begin:
 *
 *   cursor   +0    upcall
 *            +8    stack: the first byte behind the fixed arguments on the stack, at a multiple of the slot size
 *            +16   state: 16 bytes, zero; the runtime's
 *            +32   general registers, 8 bytes each
 *            +96   float registers, their first 16 bytes each
 */
enum { CURSOR_UPCALL_OFFSET = 0, CURSOR_STACK_OFFSET = 8, CURSOR_STATE_OFFSET = 16, CURSOR_STATE_SIZE = 16 };
enum { CURSOR_GENERAL_OFFSET = 32, CURSOR_GENERAL_COUNT = 8, CURSOR_FLOAT_OFFSET = 96, CURSOR_FLOAT_COUNT = 8 };
enum { CURSOR_SIZE = CURSOR_FLOAT_OFFSET + 16 * CURSOR_FLOAT_COUNT, CURSOR_ALIGNMENT = 16 };

typedef struct CompileRequest {
    const Target *target;
    ferry_quality quality; /* FERRY_QUICK or FERRY_BETTER */
    const Shape *const *shapes;
    size_t count;
    const void *bound; /* count is 1, and that a downcall: the function's address to put into the code; NULL: take it
                          from the binding */
} CompileRequest;

/* Receives blob number `index` of the request, in order; a failure ends the compile with that code and error. */
typedef ferry_code BlobSink(void *context, size_t index, const Blob *blob, ferry_error *error);

typedef enum DumpStage { DUMP_IR, DUMP_ASSEMBLY } DumpStage;

/* Ahead of time: the same functions as a relocatable ELF object of the target, and with them a table (for the core,
 * trampolines/bundle.h; nothing but bytes here), read-only, aligned to 16, under a global name, followed by one 4-byte
 * distance for each function: address of the function - address of the table. The functions have local names. All
 * relocations of the object are relative to where they stand. The same request gives the same bytes. */
typedef struct ObjectRequest {
    CompileRequest compile;   /* not bound; any number of shapes, each once; quality QUICK or BETTER */
    const char *const *names; /* of the functions, for debuggers and profilers; any text. A symbol is "ferry:" and it */
    const char *table_name;   /* a C identifier */
    bool table_hidden;        /* visible only inside of the program or the library that it is linked into */
    const void *table;
    size_t table_size; /* a multiple of 8 */
} ObjectRequest;

/* Freed with free_object. */
typedef struct ObjectFile {
    uint8_t *bytes; /* may be changed: the table's checksums are written into them */
    size_t size;
    size_t table_at; /* where the table lies in the file */
} ObjectFile;

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
    /* sink receives each blob, as with compile, before the object is returned. */
    MUST_USE ferry_code (*object)(void *state, const ObjectRequest *request, BlobSink *sink, void *context,
                                  ObjectFile *object, ferry_error *error);
    void (*free_object)(ObjectFile *object);
} Backend;

typedef const Backend *BackendFunction(void);

#endif
