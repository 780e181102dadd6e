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

/* distance: of an object that is made ahead of time */
static ferry_code read_with(Foreign *foreign, size_t count, uint64_t distance, size_t *blobs) {
    const Shape *shape = workshop_shape(&foreign->workshop, "void f(void)", FERRY_SLOTS, false);
    const Shape *shapes[2] = {shape, shape};
    CompileRequest request = workshop_request(&foreign->workshop, shapes, FERRY_QUICK);
    request.count = count;
    LLVMMemoryBufferRef object = NULL;
    ferry_code code =
        machine_emit(jit_of(foreign), foreign->machine, foreign->module, LLVMObjectFile, &object, &foreign->error);
    cr_assert_eq(code, FERRY_OK, "%s", foreign->error.message);
    *blobs = 0;
    code = object_read(jit_of(foreign), &request, distance, object, count_blobs, blobs, &foreign->error);
    LLVMDisposeMemoryBuffer(object);
    return code;
}

static ferry_code read(Foreign *foreign, size_t count, size_t *blobs) {
    return read_with(foreign, count, 0, blobs);
}

static void expect_refused_with(Foreign *foreign, size_t count, uint64_t distance, const char *word) {
    size_t blobs;
    cr_expect_eq(read_with(foreign, count, distance, &blobs), FERRY_BACKEND);
    cr_expect_not_null(strstr(foreign->error.message, word), "%s", foreign->error.message);
    cr_expect_eq(blobs, 0);
}

static void expect_refused(Foreign *foreign, size_t count, const char *word) {
    expect_refused_with(foreign, count, 0, word);
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

/* ---- made ahead of time ---- */

/* A read-only table of the addresses of the functions, or of their distances from it. */
static void add_table(Foreign *foreign, const char *const *functions, size_t count, bool of_addresses) {
    LLVMContextRef context = jit_of(foreign)->context;
    LLVMTypeRef word = LLVMInt64TypeInContext(context), half = LLVMInt32TypeInContext(context);
    LLVMTypeRef type = of_addresses ? word : half;
    LLVMValueRef table = LLVMAddGlobal(foreign->module, LLVMArrayType2(type, count), "table"), cells[4];
    LLVMValueRef start = LLVMConstPtrToInt(table, word);
    for (size_t i = 0; i < count; i++) {
        cells[i] = LLVMConstPtrToInt(LLVMGetNamedFunction(foreign->module, functions[i]), word);
        if (!of_addresses) cells[i] = LLVMConstTrunc(LLVMConstSub(cells[i], start), half);
    }
    LLVMSetInitializer(table, LLVMConstArray2(type, cells, count));
    LLVMSetGlobalConstant(table, true);
    LLVMSetLinkage(table, LLVMInternalLinkage);
    LLVMSetSection(table, ".rodata");
}

static const char *const ahead_names[] = {AHEAD_PREFIX "b", AHEAD_PREFIX "a"};

static void add_ahead(Foreign *foreign) {
    for (size_t i = 0; i < COUNT_OF(ahead_names); i++) {
        add_function(foreign, ahead_names[i], NULL, true);
        LLVMSetLinkage(LLVMGetNamedFunction(foreign->module, ahead_names[i]), LLVMInternalLinkage);
    }
    lengthen(foreign, ahead_names[1]);
}

static ferry_code keep_sizes(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)error;
    ((size_t *)context)[index] = blob->code_size;
    return FERRY_OK;
}

Test(jit_object, functions_made_ahead_of_time_are_known_by_their_order) {
    Foreign foreign;
    open_foreign(&foreign);
    add_ahead(&foreign);
    add_table(&foreign, ahead_names, 2, false);
    const Shape *shape = workshop_shape(&foreign.workshop, "void f(void)", FERRY_SLOTS, false);
    const Shape *shapes[2] = {shape, shape};
    CompileRequest request = workshop_request(&foreign.workshop, shapes, FERRY_QUICK);
    request.count = 2;
    size_t sizes[2] = {0};
    LLVMMemoryBufferRef object = NULL;
    ferry_code code =
        machine_emit(jit_of(&foreign), foreign.machine, foreign.module, LLVMObjectFile, &object, &foreign.error);
    cr_assert_eq(code, FERRY_OK);
    code =
        object_read(jit_of(&foreign), &request, foreign.machine->distance, object, keep_sizes, sizes, &foreign.error);
    cr_expect_eq(code, FERRY_OK, "%s", foreign.error.message);
    cr_expect(0 < sizes[0] && sizes[0] < sizes[1], "%zu, %zu", sizes[0], sizes[1]);
    LLVMDisposeMemoryBuffer(object);
    close_foreign(&foreign);
}

Test(jit_object, an_object_without_a_distance_for_each_function_is_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_ahead(&foreign);
    expect_refused_with(&foreign, 2, foreign.machine->distance, "0 distances for 2 functions");
    add_table(&foreign, ahead_names, 1, false);
    expect_refused_with(&foreign, 2, foreign.machine->distance, "1 distances for 2 functions");
    close_foreign(&foreign);
}

Test(jit_object, functions_that_nobody_asked_for_and_missing_ones_are_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_ahead(&foreign);
    add_table(&foreign, (const char *const[]){ahead_names[0], ahead_names[1], ahead_names[0]}, 3, false);
    expect_refused_with(&foreign, 3, foreign.machine->distance, "is missing");
    add_function(&foreign, AHEAD_PREFIX "c", NULL, true);
    add_function(&foreign, AHEAD_PREFIX "d", NULL, true);
    expect_refused_with(&foreign, 3, foreign.machine->distance, "4 functions, not 3");
    close_foreign(&foreign);
}

Test(jit_object, addresses_instead_of_distances_are_refused) {
    Foreign foreign;
    open_foreign(&foreign);
    add_ahead(&foreign);
    add_table(&foreign, ahead_names, 2, true);
    expect_refused_with(&foreign, 2, foreign.machine->distance, "relocation of type 1");
    close_foreign(&foreign);
}
