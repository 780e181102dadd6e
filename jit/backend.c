#include "jit/backend.h"

#include <stdio.h>
#include <string.h>

#include "jit/ahead.h"
#include "jit/jit.h"
#include "jit/llvm_version.h"
#include "jit/stub.h"
#include "jit/trampoline.h"

/* A context keeps every type and constant that was ever made in it (the address in bound code is one). It is given up
 * after so many functions, so that an engine that lives for years does not grow. */
#define CONTEXT_FUNCTIONS 256

static void diagnose(LLVMDiagnosticInfoRef info, void *context) {
    Jit *jit = context;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || jit->diagnostic[0] != '\0') return;
    char *message = LLVMGetDiagInfoDescription(info);
    snprintf(jit->diagnostic, sizeof jit->diagnostic, "%s", message);
    if (jit->diagnostic[0] == '\0') snprintf(jit->diagnostic, sizeof jit->diagnostic, "an error without a text");
    LLVMDisposeMessage(message);
}

static void close_context(Jit *jit) {
    if (jit->context != NULL) LLVMContextDispose(jit->context);
    jit->context = NULL;
    jit->context_functions = 0;
}

/* Names of values are for readers only: a compile drops them. */
static void begin(Jit *jit, const CompileRequest *request, bool is_for_readers) {
    if (jit->context_functions >= CONTEXT_FUNCTIONS) close_context(jit);
    if (jit->context == NULL) {
        jit->context = LLVMContextCreate();
        LLVMContextSetDiagnosticHandler(jit->context, diagnose, jit);
    }
    LLVMContextSetDiscardValueNames(jit->context, !is_for_readers);
    jit->context_functions += request->count;
    jit->diagnostic[0] = '\0';
}

/* endbr64 at the entry: the processor may check where an indirect call lands. */
static void set_flags(Jit *jit, LLVMModuleRef module) {
    static const char branch[] = "cf-protection-branch";
    LLVMMetadataRef one = LLVMValueAsMetadata(LLVMConstInt(LLVMInt32TypeInContext(jit->context), 1, false));
    LLVMAddModuleFlag(module, LLVMModuleFlagBehaviorOverride, branch, sizeof branch - 1, one);
}

const char *module_symbol(const CompileRequest *request, size_t index, char symbol[SYMBOL_ROOM]) {
    char number[24] = "";
    const char *prefix = request->shapes[index]->direction == DOWNCALL ? TRAMPOLINE_PREFIX : STUB_PREFIX;
    if (request->count > 1) snprintf(number, sizeof number, "%zu", index);
    snprintf(symbol, SYMBOL_ROOM, "%s%s", prefix, number);
    return symbol;
}

static ferry_code add_function(const Emit *emit, const CompileRequest *request, size_t index, Arena *arena,
                               ferry_error *error) {
    const Shape *shape = request->shapes[index];
    char symbol[SYMBOL_ROOM];
    const char *name = module_symbol(request, index, symbol);
    if (shape->direction != DOWNCALL) return stub_build(emit, request->target, shape, name, arena, error);
    return trampoline_build(emit, request->target, shape, request->bound, name, arena, error);
}

static ferry_code add_functions(const Emit *emit, const CompileRequest *request, Arena *arena, ferry_error *error) {
    for (size_t i = 0; i < request->count; i++) TRY(add_function(emit, request, i, arena, error));
    return FERRY_OK;
}

ferry_code module_build(Jit *jit, const Machine *machine, const CompileRequest *request, LLVMModuleRef *module,
                        ferry_error *error) {
    Arena arena = {.allocator = jit->allocator};
    Emit emit;
    *module = LLVMModuleCreateWithNameInContext("ferry", jit->context);
    LLVMSetTarget(*module, machine->triple);
    LLVMSetModuleDataLayout(*module, machine->layout);
    set_flags(jit, *module);
    emit_open(&emit, jit->context, *module, request->quality);
    emit.thread_space = machine->thread_space;
    ferry_code code = add_functions(&emit, request, &arena, error);
    emit_close(&emit);
    arena_free(&arena);
    if (code == FERRY_OK) return FERRY_OK;
    LLVMDisposeModule(*module);
    *module = NULL;
    return code;
}

static ferry_code check(const CompileRequest *request, ferry_error *error) {
    if (request->target == NULL || request->shapes == NULL || request->count == 0)
        return fail(error, FERRY_INVALID, "a compile needs a target and at least one shape");
    if (request->quality != FERRY_QUICK && request->quality != FERRY_BETTER)
        return fail(error, FERRY_INVALID, "a compile is quick or better, not of quality %d", (int)request->quality);
    if (request->bound != NULL && request->count != 1)
        return fail(error, FERRY_INVALID, "bound code is made one shape at a time, not %zu", request->count);
    if (request->bound != NULL && request->shapes[0]->direction != DOWNCALL)
        return fail(error, FERRY_INVALID, "code of an upcall is not bound to a function");
    return FERRY_OK;
}

static ferry_code open_state(const ferry_allocator *allocator, void **state, ferry_error *error) {
    Jit *jit = memory_new(allocator, sizeof *jit);
    if (jit == NULL) return fail_out_of_memory(error, "the state of the LLVM module");
    jit->allocator = allocator;
    *state = jit;
    return FERRY_OK;
}

static void close_state(void *state) {
    Jit *jit = state;
    if (jit == NULL) return;
    close_context(jit);
    machine_close_all(jit);
    memory_release(jit->allocator, jit, sizeof *jit);
}

static ferry_code compile(void *state, const CompileRequest *request, BlobSink *sink, void *context,
                          ferry_error *error) {
    Jit *jit = state;
    const Machine *machine = NULL;
    LLVMModuleRef module = NULL;
    LLVMMemoryBufferRef object = NULL;
    TRY(check(request, error));
    TRY(machine_get(jit, request->target, request->quality, &machine, error));
    begin(jit, request, false);
    TRY(module_build(jit, machine, request, &module, error));
    ferry_code code = machine_emit(jit, machine, module, LLVMObjectFile, &object, error);
    LLVMDisposeModule(module);
    if (code != FERRY_OK) return code;
    code = object_read(jit, request, 0, object, sink, context, error);
    LLVMDisposeMemoryBuffer(object);
    return code;
}

static ferry_code dump(void *state, const CompileRequest *request, DumpStage stage, char **text, ferry_error *error) {
    Jit *jit = state;
    const Machine *machine = NULL;
    LLVMModuleRef module = NULL;
    TRY(check(request, error));
    TRY(machine_get(jit, request->target, request->quality, &machine, error));
    begin(jit, request, true);
    TRY(module_build(jit, machine, request, &module, error));
    ferry_code code = dump_module(jit, machine, module, stage, text, error);
    LLVMDisposeModule(module);
    return code;
}

static void free_text(char *text) {
    if (text != NULL) LLVMDisposeMessage(text);
}

static ferry_code make_object(Jit *jit, const Machine *machine, const ObjectRequest *request, LLVMModuleRef module,
                              BlobSink *sink, void *context, ObjectFile *object, ferry_error *error) {
    LLVMMemoryBufferRef buffer = NULL;
    TRY(ahead_complete(jit, module, request, error));
    TRY(module_verify(module, error));
    TRY(machine_emit(jit, machine, module, LLVMObjectFile, &buffer, error));
    ferry_code code = object_read(jit, &request->compile, machine->distance, buffer, sink, context, error);
    if (code == FERRY_OK) code = ahead_copy(jit, request, buffer, object, error);
    LLVMDisposeMemoryBuffer(buffer);
    return code;
}

/* In a context of its own: what was made before must not show in an object, and its table is not to be kept. */
static ferry_code object(void *state, const ObjectRequest *request, BlobSink *sink, void *context, ObjectFile *object,
                         ferry_error *error) {
    Jit *jit = state;
    const Machine *machine = NULL;
    LLVMModuleRef module = NULL;
    *object = (ObjectFile){0};
    TRY(check(&request->compile, error));
    TRY(ahead_check(request, error));
    TRY(machine_get(jit, request->compile.target, request->compile.quality, &machine, error));
    close_context(jit);
    begin(jit, &request->compile, false);
    ferry_code code = module_build(jit, machine, &request->compile, &module, error);
    if (code == FERRY_OK) code = make_object(jit, machine, request, module, sink, context, object, error);
    if (module != NULL) LLVMDisposeModule(module);
    close_context(jit);
    return code;
}

static const Backend backend = {
    .version = BACKEND_VERSION,
    .llvm = JIT_LLVM_NAME,
    .open = open_state,
    .close = close_state,
    .compile = compile,
    .dump = dump,
    .free_text = free_text,
    .object = object,
    .free_object = ahead_free,
};

FERRY_API const Backend *ferry_backend(void);

const Backend *ferry_backend(void) {
    return &backend;
}
