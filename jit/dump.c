#include <llvm-c/Analysis.h>
#include <string.h>

#include "jit/jit.h"

ferry_code module_verify(LLVMModuleRef module, ferry_error *error) {
    char *message = NULL;
    bool is_broken = LLVMVerifyModule(module, LLVMReturnStatusAction, &message);
    if (is_broken) fail(error, FERRY_BACKEND, "LLVM refuses the code: %s", message == NULL ? "no reason" : message);
    if (message != NULL) LLVMDisposeMessage(message);
    return is_broken ? FERRY_BACKEND : FERRY_OK;
}

/* What is of use to a reader: instructions and labels. Sections, types, sizes and unwind directives are not. */
static bool is_kept(const char *line, size_t length) {
    while (length > 0 && (*line == ' ' || *line == '\t')) line++, length--;
    if (length == 0 || *line == '#') return false;
    bool is_label = line[length - 1] == ':';
    if (is_label) return strncmp(line, ".Lfunc", 6) != 0;
    return *line != '.';
}

/* text becomes shorter in place */
static void keep_instructions(char *text) {
    char *end = text;
    for (char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] == '\n');
        if (is_kept(line, length)) {
            memmove(end, line, length);
            end[length] = '\n';
            end += length + 1;
        }
        line = next;
    }
    *end = '\0';
}

static ferry_code assembly(Jit *jit, const Machine *machine, LLVMModuleRef module, char **text, ferry_error *error) {
    LLVMMemoryBufferRef buffer = NULL;
    TRY(machine_emit(jit, machine, module, LLVMAssemblyFile, &buffer, error));
    *text = LLVMCreateMessage(LLVMGetBufferStart(buffer)); /* a buffer of LLVM's ends in a zero */
    LLVMDisposeMemoryBuffer(buffer);
    if (*text == NULL) return fail_out_of_memory(error, "the text of an assembly");
    keep_instructions(*text);
    return FERRY_OK;
}

ferry_code dump_module(Jit *jit, const Machine *machine, LLVMModuleRef module, DumpStage stage, char **text,
                       ferry_error *error) {
    TRY(module_verify(module, error));
    if (stage == DUMP_ASSEMBLY) return assembly(jit, machine, module, text, error);
    *text = LLVMPrintModuleToString(module);
    return *text != NULL ? FERRY_OK : fail_out_of_memory(error, "the text of a module");
}
