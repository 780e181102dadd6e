/* Objects that no trampoline makes: reading them ends in an error that names what is wrong. */
#include <string.h>

#include "jit/jit.h"
#include "workshop.h"

/* A module in the making, and what reading its object gave. */
typedef struct Foreign {
    Workshop workshop;
    const Machine *machine;
    LLVMModuleRef module;
    LLVMTypeRef type; /* void (void) */
    ferry_error error;
} Foreign;

static Jit *jit_of(Foreign *foreign) {
    return foreign->workshop.state;
}

static void open_foreign(Foreign *foreign) {
    *foreign = (Foreign){0};
    workshop_open(&foreign->workshop, "x86_64-sysv");
    Jit *jit = jit_of(foreign);
    workshop_make(&foreign->workshop, "void f(void)", FERRY_SLOTS, FERRY_QUICK); /* opens the context */
    ferry_code code = machine_get(jit, foreign->workshop.target, FERRY_QUICK, &foreign->machine, &foreign->error);
    cr_assert_eq(code, FERRY_OK);
    foreign->module = LLVMModuleCreateWithNameInContext("foreign", jit->context);
    LLVMSetTarget(foreign->module, foreign->machine->triple);
    LLVMSetModuleDataLayout(foreign->module, foreign->machine->layout);
    foreign->type = LLVMFunctionType(LLVMVoidTypeInContext(jit->context), NULL, 0, false);
}

static void close_foreign(Foreign *foreign) {
    LLVMDisposeModule(foreign->module);
    workshop_close(&foreign->workshop);
}

/* `void name(void) { if (callee) callee(); }`, with an unwind table unless it is marked nounwind. */
static void add_function(Foreign *foreign, const char *name, const char *callee, bool has_table) {
    LLVMContextRef context = jit_of(foreign)->context;
    LLVMValueRef function = LLVMAddFunction(foreign->module, name, foreign->type);
    const char *attribute = has_table ? "uwtable" : "nounwind";
    unsigned kind = LLVMGetEnumAttributeKindForName(attribute, strlen(attribute));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(context, kind, has_table ? 2 : 0));
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(context, function, ""));
    if (callee != NULL) {
        LLVMValueRef other = LLVMAddFunction(foreign->module, callee, foreign->type);
        LLVMBuildCall2(builder, foreign->type, other, NULL, 0, "");
    }
    LLVMBuildRetVoid(builder);
    LLVMDisposeBuilder(builder);
}

/* Makes a function a few bytes longer. */
static void lengthen(Foreign *foreign, const char *name) {
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(jit_of(foreign)->context);
    LLVMBasicBlockRef block = LLVMGetEntryBasicBlock(LLVMGetNamedFunction(foreign->module, name));
    LLVMPositionBuilderBefore(builder, LLVMGetFirstInstruction(block));
    LLVMBuildFence(builder, LLVMAtomicOrderingSequentiallyConsistent, false, "");
    LLVMDisposeBuilder(builder);
}

static ferry_code count_blobs(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)index, (void)blob, (void)error;
    ++*(size_t *)context;
    return FERRY_OK;
}

static ferry_code read(Foreign *foreign, size_t count, size_t *blobs) {
    const Shape *shape = workshop_shape(&foreign->workshop, "void f(void)", FERRY_SLOTS, false);
    const Shape *shapes[2] = {shape, shape};
    CompileRequest request = workshop_request(&foreign->workshop, shapes, FERRY_QUICK);
    request.count = count;
    LLVMMemoryBufferRef object = NULL;
    ferry_code code =
        machine_emit(jit_of(foreign), foreign->machine, foreign->module, LLVMObjectFile, &object, &foreign->error);
    cr_assert_eq(code, FERRY_OK, "%s", foreign->error.message);
    *blobs = 0;
    code = object_read(jit_of(foreign), &request, object, count_blobs, blobs, &foreign->error);
    LLVMDisposeMemoryBuffer(object);
    return code;
}

static void expect_refused(Foreign *foreign, size_t count, const char *word) {
    size_t blobs;
    cr_expect_eq(read(foreign, count, &blobs), FERRY_BACKEND);
    cr_expect_not_null(strstr(foreign->error.message, word), "%s", foreign->error.message);
    cr_expect_eq(blobs, 0);
}

Test(jit_object, a_relocation_that_leaves_the_blob_is_refused_by_name) {
    Foreign foreign;
    open_foreign(&foreign);
    add_function(&foreign, "trampoline", "memcpy_of_a_library", true);
    expect_refused(&foreign, 1, "\"memcpy_of_a_library\"");
    close_foreign(&foreign);
}

Test(jit_object, a_function_that_is_missing_is_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_function(&foreign, "trampoline0", NULL, true);
    expect_refused(&foreign, 2, "function 1 is missing");
    close_foreign(&foreign);
}

Test(jit_object, a_function_without_an_unwind_table_is_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_function(&foreign, "trampoline", NULL, false);
    expect_refused(&foreign, 1, ".eh_frame");
    close_foreign(&foreign);
}

Test(jit_object, an_unwind_table_of_another_function_is_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_function(&foreign, "trampoline", NULL, false);
    add_function(&foreign, "other", NULL, true);
    lengthen(&foreign, "other");
    expect_refused(&foreign, 1, "unwind table: entry 0");
    close_foreign(&foreign);
}

Test(jit_object, a_clean_object_is_read) {
    Foreign foreign;
    size_t blobs;
    open_foreign(&foreign);
    add_function(&foreign, "trampoline0", NULL, true);
    add_function(&foreign, "trampoline1", NULL, true);
    cr_expect_eq(read(&foreign, 2, &blobs), FERRY_OK, "%s", foreign.error.message);
    cr_expect_eq(blobs, 2);
    close_foreign(&foreign);
}
