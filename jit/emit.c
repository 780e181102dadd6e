#include "jit/emit.h"

#include <string.h>

#include "jit/llvm_version.h"

static const char *const attribute_names[ATTRIBUTE_COUNT] = {
#define EMIT_ATTRIBUTE(name, text) [ATTRIBUTE_##name] = text,
    EMIT_ATTRIBUTES(EMIT_ATTRIBUTE)
#undef EMIT_ATTRIBUTE
};

static unsigned kind_of(const char *name) {
    return LLVMGetEnumAttributeKindForName(name, strlen(name));
}

void emit_open(Emit *emit, LLVMContextRef context, LLVMModuleRef module, ferry_quality quality) {
    emit->context = context;
    emit->module = module;
    emit->builder = LLVMCreateBuilderInContext(context);
    emit->quality = quality;
    emit->pointer = LLVMPointerTypeInContext(context, 0);
    emit->word = LLVMInt64TypeInContext(context);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) emit->attributes[i] = kind_of(attribute_names[i]);
}

void emit_close(Emit *emit) {
    LLVMDisposeBuilder(emit->builder);
}

/* A frame of more than a page is touched page by page, so that it cannot reach over the guard page below the stack. */
static void probe_stack(const Emit *emit, LLVMValueRef function) {
    static const char key[] = "probe-stack", value[] = "inline-asm";
    LLVMAttributeRef attribute = LLVMCreateStringAttribute(emit->context, key, sizeof key - 1, value, sizeof value - 1);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

LLVMValueRef emit_function(const Emit *emit, const char *name, LLVMTypeRef type) {
    LLVMValueRef function = LLVMAddFunction(emit->module, name, type);
    LLVMAttributeRef attributes[] = {emit_attribute(emit, ATTRIBUTE_NOIMPLICITFLOAT, 0),
                                     emit_attribute(emit, ATTRIBUTE_UWTABLE, JIT_UWTABLE_ASYNC)};
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attributes[i]);
    probe_stack(emit, function);
    LLVMPositionBuilderAtEnd(emit->builder, LLVMAppendBasicBlockInContext(emit->context, function, ""));
    return function;
}

LLVMTypeRef emit_integer(const Emit *emit, uint64_t bytes) {
    return LLVMIntTypeInContext(emit->context, (unsigned)(8 * bytes));
}

LLVMTypeRef emit_bytes(const Emit *emit, uint64_t count) {
    return LLVMArrayType2(LLVMInt8TypeInContext(emit->context), count);
}

LLVMAttributeRef emit_attribute(const Emit *emit, EmitAttribute attribute, uint64_t value) {
    return LLVMCreateEnumAttribute(emit->context, emit->attributes[attribute], value);
}

LLVMAttributeRef emit_type_attribute(const Emit *emit, EmitAttribute attribute, LLVMTypeRef type) {
    return LLVMCreateTypeAttribute(emit->context, emit->attributes[attribute], type);
}

LLVMValueRef emit_word(const Emit *emit, uint64_t value) {
    return LLVMConstInt(emit->word, value, false);
}

LLVMValueRef emit_extend(const Emit *emit, LLVMValueRef value, LLVMTypeRef type, bool is_signed) {
    return is_signed ? LLVMBuildSExt(emit->builder, value, type, "") : LLVMBuildZExt(emit->builder, value, type, "");
}

/* alignment(base + offset) = the lowest bit that is set in either */
Address emit_offset(const Emit *emit, Address base, uint64_t offset) {
    if (offset == 0) return base;
    LLVMValueRef index = emit_word(emit, offset);
    LLVMTypeRef byte = LLVMInt8TypeInContext(emit->context);
    uint64_t bits = base.alignment | offset;
    return (Address){.pointer = LLVMBuildInBoundsGEP2(emit->builder, byte, base.pointer, &index, 1, ""),
                     .alignment = bits & (~bits + 1)};
}

LLVMValueRef emit_load(const Emit *emit, LLVMTypeRef type, Address address) {
    LLVMValueRef load = LLVMBuildLoad2(emit->builder, type, address.pointer, "");
    LLVMSetAlignment(load, (unsigned)address.alignment);
    return load;
}

void emit_store(const Emit *emit, LLVMValueRef value, Address address) {
    LLVMValueRef store = LLVMBuildStore(emit->builder, value, address.pointer);
    LLVMSetAlignment(store, (unsigned)address.alignment);
}

Address emit_local(const Emit *emit, uint64_t size, uint64_t alignment) {
    LLVMValueRef local = LLVMBuildAlloca(emit->builder, emit_bytes(emit, size), "");
    LLVMSetAlignment(local, (unsigned)alignment);
    return (Address){.pointer = local, .alignment = alignment};
}

void emit_copy(const Emit *emit, Address to, Address from, uint64_t size) {
    static const char name[] = "llvm.memcpy.inline";
    LLVMTypeRef types[] = {emit->pointer, emit->pointer, emit->word};
    unsigned intrinsic = LLVMLookupIntrinsicID(name, sizeof name - 1);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(emit->module, intrinsic, types, COUNT_OF(types));
    LLVMTypeRef type = LLVMIntrinsicGetType(emit->context, intrinsic, types, COUNT_OF(types));
    LLVMValueRef is_volatile = LLVMConstInt(LLVMInt1TypeInContext(emit->context), 0, false);
    LLVMValueRef arguments[] = {to.pointer, from.pointer, emit_word(emit, size), is_volatile};
    LLVMValueRef call = LLVMBuildCall2(emit->builder, type, function, arguments, COUNT_OF(arguments), "");
    LLVMSetInstrParamAlignment(call, 1, (unsigned)to.alignment);
    LLVMSetInstrParamAlignment(call, 2, (unsigned)from.alignment);
}

/* The largest power of two that is at most size: 7 bytes are 4 + 2 + 1. */
static uint64_t chunk_of(uint64_t size) {
    uint64_t chunk = 8;
    while (chunk > size) chunk /= 2;
    return chunk;
}

void emit_copy_words(const Emit *emit, Address to, Address from, uint64_t size) {
    for (uint64_t done = 0, chunk; done < size; done += chunk) {
        chunk = chunk_of(size - done);
        LLVMValueRef part = emit_load(emit, emit_integer(emit, chunk), emit_offset(emit, from, done));
        emit_store(emit, part, emit_offset(emit, to, done));
    }
}

LLVMValueRef emit_load_bits(const Emit *emit, Address address, uint64_t size) {
    LLVMValueRef word = NULL;
    for (uint64_t done = 0; done < size;) {
        uint64_t chunk = chunk_of(size - done);
        LLVMValueRef part = emit_load(emit, emit_integer(emit, chunk), emit_offset(emit, address, done));
        part = LLVMBuildZExt(emit->builder, part, emit->word, "");
        if (done > 0) part = LLVMBuildShl(emit->builder, part, emit_word(emit, 8 * done), "");
        word = word == NULL ? part : LLVMBuildOr(emit->builder, word, part, "");
        done += chunk;
    }
    return word;
}

void emit_store_bits(const Emit *emit, LLVMValueRef word, Address address, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        uint64_t chunk = chunk_of(size - done);
        LLVMValueRef part = word;
        if (done > 0) part = LLVMBuildLShr(emit->builder, part, emit_word(emit, 8 * done), "");
        part = LLVMBuildTrunc(emit->builder, part, emit_integer(emit, chunk), "");
        emit_store(emit, part, emit_offset(emit, address, done));
        done += chunk;
    }
}
