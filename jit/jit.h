/* jit/jit.h: the whole internal interface of this room: shapes -> LLVM IR -> object -> blobs.
 *
 *   machine.c     target -> LLVM's target machine, made once and kept; module -> object or assembly
 *   carrier.c     shape -> LLVM's parameters and result, chosen so that LLVM puts every piece where the shape says
 *   emit.c        a small vocabulary: load, store, offset, copy
 *   trampoline.c  the body of a downcall trampoline
 *   stub.c        the body of an upcall stub
 *   object.c      object -> blobs
 *   dump.c        what `ferry ir` and `ferry asm` print
 *   ahead.c       a module as an object to be linked, with a table (jit/ahead.h)
 *   backend.c     the table that the core sees, and the pipeline
 */
#ifndef FERRY_JIT_JIT_H
#define FERRY_JIT_JIT_H

#include <llvm-c/Core.h>
#include <llvm-c/Object.h>
#include <llvm-c/TargetMachine.h>

#include "jit/backend.h"

typedef struct Machine {
    const Target *target; /* NULL: a free place */
    ferry_quality quality;
    LLVMTargetMachineRef llvm;
    LLVMTargetDataRef layout;
    char *triple;          /* normalised */
    unsigned thread_space; /* see Emit */
    uint64_t distance;     /* the type of ELF's relocation of 4 bytes that are relative to their own place */
} Machine;

#define JIT_MACHINES 4

/* One per engine; used by one thread at a time. */
typedef struct Jit {
    const ferry_allocator *allocator; /* NULL: malloc; the engine's, which outlives this */
    Machine machines[JIT_MACHINES];
    size_t next_machine; /* the place that is given up when all are taken */
    LLVMContextRef context;
    size_t context_functions; /* made in context so far */
    char diagnostic[256];     /* the first error that LLVM has reported in the present compile, or "" */
} Jit;

/* machine.c */
MUST_USE ferry_code machine_get(Jit *jit, const Target *target, ferry_quality quality, const Machine **machine,
                                ferry_error *error);
void machine_close_all(Jit *jit);
MUST_USE ferry_code machine_emit(Jit *jit, const Machine *machine, LLVMModuleRef module, LLVMCodeGenFileType type,
                                 LLVMMemoryBufferRef *buffer, ferry_error *error);

/* backend.c: a module with the trampolines and stubs of a request; owned by the caller, who disposes of it. */
MUST_USE ferry_code module_build(Jit *jit, const Machine *machine, const CompileRequest *request, LLVMModuleRef *module,
                                 ferry_error *error);

/* The symbols of a module's functions: a prefix and the index in the request, which is left out when it is alone.
 * In an object that is made ahead of time: a prefix and the name that was asked for, and in the order of the request.
 */
#define TRAMPOLINE_PREFIX "trampoline"
#define STUB_PREFIX       "stub"
#define AHEAD_PREFIX      "ferry:"
#define SYMBOL_ROOM       40
const char *module_symbol(const CompileRequest *request, size_t index, char symbol[SYMBOL_ROOM]);

/* object.c. distance: of an object that is made ahead of time the relocation (see Machine) that its distances, as many
 * as functions, must have; 0: there are none. */
MUST_USE ferry_code object_read(const Jit *jit, const CompileRequest *request, uint64_t distance,
                                LLVMMemoryBufferRef object, BlobSink *sink, void *context, ferry_error *error);
/* binary looks into the object, which must outlive it; disposed of by the caller. */
MUST_USE ferry_code object_open(const Jit *jit, LLVMMemoryBufferRef object, LLVMBinaryRef *binary, ferry_error *error);

/* dump.c: the text is LLVM's memory, freed with LLVMDisposeMessage. */
MUST_USE ferry_code module_verify(LLVMModuleRef module, ferry_error *error);
MUST_USE ferry_code dump_module(Jit *jit, const Machine *machine, LLVMModuleRef module, DumpStage stage, char **text,
                                ferry_error *error);

#endif
