/* From an ELF object to blobs.
 *
 *   .text      | f0 ... | f1 ...    | f2 ..  |        cut at the symbols
 *   .eh_frame  | CIE | FDE of f0 | FDE of f1 | FDE of f2 |
 *
 *   unwind of f1:   | CIE | FDE of f1 | 0 |           the FDE's pointer to its CIE is set anew
 *
 *   CIE   length:4  0:4        version:1  "zR"  ...  encoding:1  ...
 *   FDE   length:4  pointer:4  initial location:4  range:4  ...     pointer = own address - address of the CIE
 *
 * .eh_frame's own relocations fill in the initial locations; that is done again where a blob is placed.
 *
 * In an object that is made ahead of time the functions have names of their own, and are known by their order. Its
 * .rodata is relocated, by the linker, with one distance for each function.
 */
#include <llvm-c/Object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/jit.h"

enum { FDE_POINTER = 4, FDE_LOCATION = 8, FDE_RANGE = 12, FDE_SIZE = 16 };
enum { CIE_VERSION = 8, CIE_AUGMENTATION = 9, CIE_SIZE = 17 };
enum { ENCODING_PCREL_SDATA4 = 0x1b };

typedef struct Bytes {
    const uint8_t *data;
    size_t size;
} Bytes;

typedef struct Span {
    size_t start;
    size_t size; /* 0: no such symbol was seen */
} Span;

/* An object being read. */
typedef struct Object {
    LLVMBinaryRef binary;
    Bytes text;
    Bytes frames;
    Span *functions; /* by index in the request */
    size_t count;
    uint64_t distance; /* see object_read */
    size_t found;      /* of an object that is made ahead of time: functions, and distances */
    size_t distances;
    uint8_t *unwind; /* room for the table of one function: .eh_frame's size and the terminator */
    size_t unwind_room;
} Object;

static uint32_t read_u32(const uint8_t *data) {
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

static void write_u32(uint8_t *data, size_t value) {
    uint32_t word = (uint32_t)value;
    memcpy(data, &word, sizeof word);
}

static bool starts_with(const char *string, const char *prefix) {
    return strncmp(string, prefix, strlen(prefix)) == 0;
}

static ferry_code count_distances(Object *object, LLVMSectionIteratorRef section, ferry_error *error) {
    LLVMRelocationIteratorRef relocation = LLVMGetRelocations(section);
    ferry_code code = FERRY_OK;
    while (code == FERRY_OK && !LLVMIsRelocationIteratorAtEnd(section, relocation)) {
        uint64_t type = LLVMGetRelocationType(relocation);
        if (type != object->distance)
            code = fail(error, FERRY_BACKEND, "distance %zu in the object is a relocation of type %llu",
                        object->distances, (unsigned long long)type);
        object->distances++;
        LLVMMoveToNextRelocation(relocation);
    }
    LLVMDisposeRelocationIterator(relocation);
    return code;
}

/* Relocations of anything but the unwind table leave the blob. */
static ferry_code refuse_relocations(LLVMSectionIteratorRef section, const char *name, ferry_error *error) {
    if (strcmp(name, ".rela.eh_frame") == 0 || strcmp(name, ".rel.eh_frame") == 0) return FERRY_OK;
    LLVMRelocationIteratorRef relocation = LLVMGetRelocations(section);
    ferry_code code = FERRY_OK;
    if (!LLVMIsRelocationIteratorAtEnd(section, relocation)) {
        LLVMSymbolIteratorRef symbol = LLVMGetRelocationSymbol(relocation);
        code = fail(error, FERRY_BACKEND, "a relocation leaves the blob: %s, offset %llu, refers to \"%s\"", name,
                    (unsigned long long)LLVMGetRelocationOffset(relocation), LLVMGetSymbolName(symbol));
        LLVMDisposeSymbolIterator(symbol);
    }
    LLVMDisposeRelocationIterator(relocation);
    return code;
}

static ferry_code read_section(Object *object, LLVMSectionIteratorRef section, ferry_error *error) {
    const char *name = LLVMGetSectionName(section);
    if (name == NULL) return FERRY_OK;
    if (object->distance != 0 && strcmp(name, ".rela.rodata") == 0) return count_distances(object, section, error);
    if (starts_with(name, ".rel")) return refuse_relocations(section, name, error);
    Bytes *bytes = NULL;
    if (strcmp(name, ".text") == 0) bytes = &object->text;
    if (strcmp(name, ".eh_frame") == 0) bytes = &object->frames;
    if (bytes == NULL) return FERRY_OK;
    bytes->data = (const uint8_t *)LLVMGetSectionContents(section);
    bytes->size = (size_t)LLVMGetSectionSize(section);
    return FERRY_OK;
}

static ferry_code read_sections(Object *object, ferry_error *error) {
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(object->binary);
    ferry_code code = FERRY_OK;
    while (code == FERRY_OK && !LLVMObjectFileIsSectionIteratorAtEnd(object->binary, section)) {
        code = read_section(object, section, error);
        LLVMMoveToNextSection(section);
    }
    LLVMDisposeSectionIterator(section);
    if (code != FERRY_OK) return code;
    if (object->text.size == 0) return fail(error, FERRY_BACKEND, "the object has no section .text");
    if (object->frames.size == 0) return fail(error, FERRY_BACKEND, "the object has no section .eh_frame");
    if (object->distance != 0 && object->distances != object->count)
        return fail(error, FERRY_BACKEND, "the object has %zu distances for %zu functions", object->distances,
                    object->count);
    return FERRY_OK;
}

/* The index in the request; SIZE_MAX for other symbols. */
static size_t index_of(Object *object, const char *name) {
    if (name == NULL) return SIZE_MAX;
    if (object->distance != 0) return starts_with(name, AHEAD_PREFIX) ? object->found++ : SIZE_MAX;
    if (starts_with(name, TRAMPOLINE_PREFIX)) return strtoul(name + strlen(TRAMPOLINE_PREFIX), NULL, 10);
    if (starts_with(name, STUB_PREFIX)) return strtoul(name + strlen(STUB_PREFIX), NULL, 10);
    return SIZE_MAX;
}

static void read_symbol(Object *object, LLVMSymbolIteratorRef symbol) {
    size_t index = index_of(object, LLVMGetSymbolName(symbol));
    if (index >= object->count) return;
    object->functions[index] =
        (Span){.start = (size_t)LLVMGetSymbolAddress(symbol), .size = (size_t)LLVMGetSymbolSize(symbol)};
}

static int compare_spans(const void *left, const void *right) {
    const Span *first = left, *second = right;
    return (first->start > second->start) - (first->start < second->start);
}

static ferry_code read_symbols(Object *object, ferry_error *error) {
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(object->binary);
    while (!LLVMObjectFileIsSymbolIteratorAtEnd(object->binary, symbol)) {
        read_symbol(object, symbol);
        LLVMMoveToNextSymbol(symbol);
    }
    LLVMDisposeSymbolIterator(symbol);
    if (object->found > object->count)
        return fail(error, FERRY_BACKEND, "the object has %zu functions, not %zu", object->found, object->count);
    if (object->distance != 0) qsort(object->functions, object->count, sizeof(Span), compare_spans);
    for (size_t i = 0; i < object->count; i++) {
        const Span *function = &object->functions[i];
        if (function->size == 0) return fail(error, FERRY_BACKEND, "function %zu is missing in the object", i);
        if (function->start > object->text.size || function->size > object->text.size - function->start)
            return fail(error, FERRY_BACKEND, "function %zu lies outside of .text", i);
    }
    return FERRY_OK;
}

static Bytes record_at(const Object *object, size_t position) {
    const uint8_t *data = object->frames.data + position;
    size_t left = object->frames.size - position;
    if (left < 4 || read_u32(data) == 0 || read_u32(data) > left - 4) return (Bytes){0};
    return (Bytes){.data = data, .size = 4 + (size_t)read_u32(data)};
}

static bool is_cie(Bytes record) {
    return record.size >= FDE_LOCATION && read_u32(record.data + FDE_POINTER) == 0;
}

/* Version 1 and augmentation "zR" of one byte; the three numbers between them take one byte each in every table that
 * LLVM writes for a 64-bit target. */
static ferry_code check_cie(Bytes cie, ferry_error *error) {
    const uint8_t *data = cie.data;
    bool is_known = cie.size >= CIE_SIZE && data[CIE_VERSION] == 1 && memcmp(data + CIE_AUGMENTATION, "zR", 3) == 0 &&
                    data[CIE_AUGMENTATION + 6] == 1 && data[CIE_AUGMENTATION + 7] == ENCODING_PCREL_SDATA4;
    if (is_known) return FERRY_OK;
    return fail(error, FERRY_BACKEND, "unwind table: the CIE is not of version 1, \"zR\", pcrel sdata4");
}

static ferry_code emit_blob(const Object *object, const CompileRequest *request, size_t index, Bytes cie, Bytes fde,
                            BlobSink *sink, void *context, ferry_error *error) {
    const Span *function = &object->functions[index];
    if (fde.size < FDE_SIZE || read_u32(fde.data + FDE_RANGE) != function->size)
        return fail(error, FERRY_BACKEND, "unwind table: entry %zu covers %u bytes, the function has %zu", index,
                    fde.size < FDE_SIZE ? 0 : read_u32(fde.data + FDE_RANGE), function->size);
    size_t size = cie.size + fde.size + 4;
    if (size > object->unwind_room) return fail(error, FERRY_BACKEND, "unwind table: entry %zu is too large", index);
    memcpy(object->unwind, cie.data, cie.size);
    memcpy(object->unwind + cie.size, fde.data, fde.size);
    write_u32(object->unwind + cie.size + FDE_POINTER, cie.size + FDE_POINTER);
    write_u32(object->unwind + cie.size + FDE_LOCATION, 0);
    write_u32(object->unwind + cie.size + fde.size, 0);

    char shape[224], name[256];
    shape_name(request->shapes[index], shape, sizeof shape);
    snprintf(name, sizeof name, "ferry:%s%s", shape, request->bound != NULL ? " bound" : "");
    Blob blob = {.code = object->text.data + function->start,
                 .code_size = function->size,
                 .unwind = object->unwind,
                 .unwind_size = size,
                 .unwind_fixup = cie.size + FDE_LOCATION,
                 .name = name};
    return sink(context, index, &blob, error);
}

/* LLVM writes the entries in the order of the functions. */
static ferry_code emit_blobs(const Object *object, const CompileRequest *request, BlobSink *sink, void *context,
                             ferry_error *error) {
    Bytes cie = {0};
    size_t index = 0;
    for (size_t position = 0; position < object->frames.size;) {
        Bytes record = record_at(object, position);
        if (record.size < FDE_LOCATION) break;
        if (is_cie(record)) {
            TRY(check_cie(record, error));
            cie = record;
        } else {
            if (cie.data == NULL ||
                read_u32(record.data + FDE_POINTER) != (size_t)(record.data + FDE_POINTER - cie.data))
                return fail(error, FERRY_BACKEND, "unwind table: entry %zu is not of the CIE before it", index);
            if (index == object->count)
                return fail(error, FERRY_BACKEND, "unwind table: more than %zu entries", object->count);
            TRY(emit_blob(object, request, index++, cie, record, sink, context, error));
        }
        position += record.size;
    }
    if (index == object->count) return FERRY_OK;
    return fail(error, FERRY_BACKEND, "unwind table: %zu entries for %zu functions", index, object->count);
}

static ferry_code read_binary(const Jit *jit, const CompileRequest *request, uint64_t distance, LLVMBinaryRef binary,
                              BlobSink *sink, void *context, ferry_error *error) {
    Object object = {.binary = binary, .count = request->count, .distance = distance};
    TRY(read_sections(&object, error));
    object.unwind_room = object.frames.size + 4;
    object.unwind = memory_new(jit->allocator, object.unwind_room);
    object.functions = memory_new(jit->allocator, object.count * sizeof(Span));
    ferry_code code = FERRY_OK;
    if (object.unwind == NULL || object.functions == NULL) code = fail_out_of_memory(error, "an object being read");
    if (code == FERRY_OK) code = read_symbols(&object, error);
    if (code == FERRY_OK) code = emit_blobs(&object, request, sink, context, error);
    memory_release(jit->allocator, object.functions, object.count * sizeof(Span));
    memory_release(jit->allocator, object.unwind, object.unwind_room);
    return code;
}

ferry_code object_open(const Jit *jit, LLVMMemoryBufferRef object, LLVMBinaryRef *binary, ferry_error *error) {
    char *message = NULL;
    *binary = LLVMCreateBinary(object, jit->context, &message);
    if (*binary != NULL) return FERRY_OK;
    fail(error, FERRY_BACKEND, "LLVM cannot read its own object: %s", message == NULL ? "no reason" : message);
    if (message != NULL) LLVMDisposeMessage(message);
    return FERRY_BACKEND;
}

ferry_code object_read(const Jit *jit, const CompileRequest *request, uint64_t distance, LLVMMemoryBufferRef object,
                       BlobSink *sink, void *context, ferry_error *error) {
    LLVMBinaryRef binary = NULL;
    TRY(object_open(jit, object, &binary, error));
    ferry_code code = read_binary(jit, request, distance, binary, sink, context, error);
    LLVMDisposeBinary(binary);
    return code;
}
