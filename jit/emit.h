/* jit/emit.h: a small vocabulary, so that what makes code reads like what the code does. */
#ifndef FERRY_JIT_EMIT_H
#define FERRY_JIT_EMIT_H

#include <llvm-c/Core.h>

#include "abi/base.h"

/* Attributes that this room uses, with the names LLVM knows them by. */
#define EMIT_ATTRIBUTES(X)                                                                                             \
    X(BYVAL, "byval")                                                                                                  \
    X(ALIGNSTACK, "alignstack")                                                                                        \
    X(NEST, "nest")                                                                                                    \
    X(NOIMPLICITFLOAT, "noimplicitfloat")                                                                              \
    X(UWTABLE, "uwtable")

typedef enum EmitAttribute {
#define EMIT_ATTRIBUTE(name, text) ATTRIBUTE_##name,
    EMIT_ATTRIBUTES(EMIT_ATTRIBUTE)
#undef EMIT_ATTRIBUTE
        ATTRIBUTE_COUNT
} EmitAttribute;

/* What is at hand while a module is made. */
typedef struct Emit {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef pointer;
    LLVMTypeRef word; /* i64 */
    ferry_quality quality;
    unsigned thread_space; /* the address space in which 0 is the thread pointer; 0: the target has none */
    unsigned attributes[ATTRIBUTE_COUNT];
} Emit;

/* A place in memory and what is known of its alignment. */
typedef struct Address {
    LLVMValueRef pointer;
    uint64_t alignment;
} Address;

void emit_open(Emit *emit, LLVMContextRef context, LLVMModuleRef module, ferry_quality quality);
void emit_close(Emit *emit);
/* A function with the attributes that all generated code has; what is emitted next goes into it. */
LLVMValueRef emit_function(const Emit *emit, const char *name, LLVMTypeRef type);

LLVMTypeRef emit_integer(const Emit *emit, uint64_t bytes);
LLVMTypeRef emit_bytes(const Emit *emit, uint64_t count); /* [count x i8] */
LLVMAttributeRef emit_attribute(const Emit *emit, EmitAttribute attribute, uint64_t value);
LLVMAttributeRef emit_type_attribute(const Emit *emit, EmitAttribute attribute, LLVMTypeRef type);

LLVMValueRef emit_word(const Emit *emit, uint64_t value);
LLVMValueRef emit_extend(const Emit *emit, LLVMValueRef value, LLVMTypeRef type, bool is_signed);
Address emit_offset(const Emit *emit, Address base, uint64_t offset);
LLVMValueRef emit_load(const Emit *emit, LLVMTypeRef type, Address address);
void emit_store(const Emit *emit, LLVMValueRef value, Address address);
Address emit_local(const Emit *emit, uint64_t size, uint64_t alignment);
void emit_copy(const Emit *emit, Address to, Address from, uint64_t size); /* never a library call */
/* The same as loads and stores of words, which the quick code generator addresses better. For few of them. */
void emit_copy_words(const Emit *emit, Address to, Address from, uint64_t size);

/* size bytes (1 to 8) as the low bytes of a word, and back; not one byte more is touched. Little-endian. */
LLVMValueRef emit_load_bits(const Emit *emit, Address address, uint64_t size);
void emit_store_bits(const Emit *emit, LLVMValueRef word, Address address, uint64_t size);

#endif
