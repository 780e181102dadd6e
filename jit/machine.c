#include <llvm-c/Target.h>
#include <pthread.h>
#include <string.h>

#include "jit/jit.h"
#include "jit/llvm_version.h"

/* The parts of LLVM that a target needs, by the first part of its triple. */
typedef struct Architecture {
    const char *name;
    const char *cpu;       /* the oldest one; a target's row adds features */
    unsigned thread_space; /* see Emit */
    uint64_t distance;     /* see Machine */
    void (*initialise)(void);
} Architecture;

static void initialise_x86(void) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
}

static const Architecture architectures[] = {
    /* LLVM knows what is relative to fs by this number */
    {.name = "x86_64-",
     .cpu = "x86-64",
     .thread_space = 257,
     .distance = 2, /* R_X86_64_PC32 */
     .initialise = initialise_x86},
};

/* LLVM's list of targets belongs to the process and is not locked: two engines may come here at once. */
static pthread_once_t initialised = PTHREAD_ONCE_INIT;

static void initialise_all(void) {
    for (size_t i = 0; i < COUNT_OF(architectures); i++) architectures[i].initialise();
}

static const Architecture *architecture_of(const char *triple) {
    for (size_t i = 0; i < COUNT_OF(architectures); i++)
        if (strncmp(triple, architectures[i].name, strlen(architectures[i].name)) == 0) return &architectures[i];
    return NULL;
}

static LLVMCodeGenOptLevel level_of(ferry_quality quality) {
    return quality == FERRY_BETTER ? LLVMCodeGenLevelDefault : LLVMCodeGenLevelNone;
}

/* Position-independent code in the small model refers to nothing that is far away: there is nothing it refers to. */
static LLVMTargetMachineRef create(LLVMTargetRef llvm, const Machine *machine, const char *cpu) {
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, cpu);
    LLVMTargetMachineOptionsSetFeatures(options, machine->target->cpu_features);
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, level_of(machine->quality));
    LLVMTargetMachineOptionsSetRelocMode(options, LLVMRelocPIC);
    LLVMTargetMachineOptionsSetCodeModel(options, LLVMCodeModelSmall);
    LLVMTargetMachineRef result = LLVMCreateTargetMachineWithOptions(llvm, machine->triple, options);
    LLVMDisposeTargetMachineOptions(options);
    return result;
}

static void close_machine(Machine *machine) {
    if (machine->layout != NULL) LLVMDisposeTargetData(machine->layout);
    if (machine->llvm != NULL) LLVMDisposeTargetMachine(machine->llvm);
    if (machine->triple != NULL) LLVMDisposeMessage(machine->triple);
    *machine = (Machine){0};
}

static ferry_code fail_with_message(ferry_error *error, ferry_code code, const char *what, char *message) {
    fail(error, code, "%s: %s", what, message != NULL && message[0] != '\0' ? message : "LLVM gives no reason");
    if (message != NULL) LLVMDisposeMessage(message);
    return code;
}

static ferry_code open_machine(Machine *machine, const Target *target, ferry_quality quality, ferry_error *error) {
    *machine = (Machine){.target = target, .quality = quality};
    machine->triple = LLVMNormalizeTargetTriple(target->triple);
    const Architecture *architecture = architecture_of(machine->triple);
    if (architecture == NULL)
        return fail(error, FERRY_UNSUPPORTED, "target %s: no code is made for %s yet", target->name, machine->triple);
    machine->thread_space = architecture->thread_space;
    machine->distance = architecture->distance;
    pthread_once(&initialised, initialise_all);
    LLVMTargetRef llvm = NULL;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(machine->triple, &llvm, &message))
        return fail_with_message(error, FERRY_BACKEND, target->name, message);
    machine->llvm = create(llvm, machine, architecture->cpu);
    if (machine->llvm == NULL)
        return fail(error, FERRY_BACKEND, "target %s: LLVM makes no target machine for %s", target->name,
                    machine->triple);
    machine->layout = LLVMCreateTargetDataLayout(machine->llvm);
    LLVMSetTargetMachineAsmVerbosity(machine->llvm, false);
    return FERRY_OK;
}

ferry_code machine_get(Jit *jit, const Target *target, ferry_quality quality, const Machine **machine,
                       ferry_error *error) {
    for (size_t i = 0; i < JIT_MACHINES; i++) {
        const Machine *known = &jit->machines[i];
        *machine = known;
        if (known->target == target && known->quality == quality) return FERRY_OK;
    }
    Machine *place = &jit->machines[jit->next_machine];
    close_machine(place);
    ferry_code code = open_machine(place, target, quality, error);
    if (code != FERRY_OK) {
        close_machine(place);
        return code;
    }
    jit->next_machine = (jit->next_machine + 1) % JIT_MACHINES;
    *machine = place;
    return FERRY_OK;
}

void machine_close_all(Jit *jit) {
    for (size_t i = 0; i < JIT_MACHINES; i++) close_machine(&jit->machines[i]);
}

ferry_code machine_emit(Jit *jit, const Machine *machine, LLVMModuleRef module, LLVMCodeGenFileType type,
                        LLVMMemoryBufferRef *buffer, ferry_error *error) {
    char *message = NULL;
    *buffer = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine->llvm, module, type, &message, buffer))
        return fail_with_message(error, FERRY_BACKEND, "LLVM cannot emit code", message);
    if (jit->diagnostic[0] == '\0') return FERRY_OK;
    LLVMDisposeMemoryBuffer(*buffer);
    *buffer = NULL;
    return fail(error, FERRY_BACKEND, "LLVM: %s", jit->diagnostic);
}
