/* What an object has that a module for blobs has not:
 *
 *   .text      | f0 | f1 | f2 ...                         local symbols, "ferry:" and the name
 *   .rodata    | table | f0 - table | f1 - table ...      4 bytes each
 *                ^ NAME
 *
 * The table itself is private to the object, and NAME an alias of it. So the distances are between two symbols that
 * nothing outside can replace: the linker settles them, and nothing is left to be relocated when the code is loaded,
 * which lets the table be read-only wherever the object ends up.
 *
 * No name can clash with another one, nor mean anything to LLVM (".L" and "llvm." do), since all begin with "ferry:".
 */
#include "jit/ahead.h"

#include <llvm-c/Object.h>
#include <string.h>

enum { TABLE_ALIGNMENT = 16, TABLE_UNIT = 8 };

/* All distances stay within 31 bits, with room for the code. */
#define TABLE_LIMIT ((size_t)1 << 30)

static bool is_identifier(const char *name) {
    static const char letters[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool is_digit = name[0] >= '0' && name[0] <= '9';
    return name[0] != '\0' && !is_digit && name[strspn(name, letters)] == '\0';
}

ferry_code ahead_check(const ObjectRequest *request, ferry_error *error) {
    if (request->compile.bound != NULL)
        return fail(error, FERRY_INVALID, "code in an object is not bound to a function");
    if (request->table_name == NULL || !is_identifier(request->table_name))
        return fail(error, FERRY_INVALID, "the table's name '%s' is no C identifier",
                    request->table_name == NULL ? "" : request->table_name);
    if (request->table == NULL || request->table_size == 0 || request->table_size % TABLE_UNIT != 0)
        return fail(error, FERRY_INVALID, "a table of %zu bytes: not a multiple of %d", request->table_size,
                    TABLE_UNIT);
    if (request->names == NULL) return fail(error, FERRY_INVALID, "an object's functions need names");
    for (size_t i = 0; i < request->compile.count; i++)
        if (request->names[i] == NULL) return fail(error, FERRY_INVALID, "function %zu of an object has no name", i);
    size_t distances = request->compile.count <= TABLE_LIMIT / 4 ? 4 * request->compile.count : TABLE_LIMIT;
    if (request->table_size > TABLE_LIMIT - distances)
        return fail(error, FERRY_TOO_LARGE, "a table of %zu bytes for %zu functions: the limit is %zu",
                    request->table_size, request->compile.count, TABLE_LIMIT);
    return FERRY_OK;
}

/* ---- the module ---- */

static ferry_code name_function(LLVMValueRef function, const char *name, Arena *arena, ferry_error *error) {
    size_t prefix = strlen(AHEAD_PREFIX), length = strlen(name);
    char *symbol = arena_new(arena, prefix + length + 1);
    if (symbol == NULL) return fail_out_of_memory(error, "the name of a function");
    memcpy(symbol, AHEAD_PREFIX, prefix + 1);
    memcpy(symbol + prefix, name, length + 1);
    LLVMSetValueName2(function, symbol, prefix + length);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    return FERRY_OK;
}

static LLVMTypeRef table_type(LLVMContextRef context, const ObjectRequest *request) {
    LLVMTypeRef members[] = {
        LLVMArrayType2(LLVMInt8TypeInContext(context), request->table_size),
        LLVMArrayType2(LLVMInt32TypeInContext(context), request->compile.count),
    };
    return LLVMStructTypeInContext(context, members, COUNT_OF(members), false);
}

static LLVMValueRef distance(LLVMContextRef context, LLVMValueRef function, LLVMValueRef table) {
    LLVMTypeRef word = LLVMInt64TypeInContext(context);
    LLVMValueRef bytes = LLVMConstSub(LLVMConstPtrToInt(function, word), LLVMConstPtrToInt(table, word));
    return LLVMConstTrunc(bytes, LLVMInt32TypeInContext(context));
}

/* distances: of the functions' number */
static void fill_table(LLVMContextRef context, LLVMValueRef table, const ObjectRequest *request,
                       LLVMValueRef *distances) {
    LLVMValueRef members[] = {
        LLVMConstStringInContext2(context, request->table, request->table_size, true),
        LLVMConstArray2(LLVMInt32TypeInContext(context), distances, request->compile.count),
    };
    LLVMSetInitializer(table, LLVMConstStructInContext(context, members, COUNT_OF(members), false));
    LLVMSetGlobalConstant(table, true);
    LLVMSetLinkage(table, LLVMPrivateLinkage);
    LLVMSetAlignment(table, TABLE_ALIGNMENT);
}

static ferry_code complete(LLVMContextRef context, LLVMModuleRef module, const ObjectRequest *request, Arena *arena,
                           ferry_error *error) {
    size_t count = request->compile.count;
    LLVMTypeRef type = table_type(context, request);
    LLVMValueRef table = LLVMAddGlobal(module, type, "ferry.table");
    LLVMValueRef *distances = arena_array(arena, count, sizeof *distances);
    if (distances == NULL) return fail_out_of_memory(error, "the distances of an object");
    for (size_t i = 0; i < count; i++) {
        char symbol[SYMBOL_ROOM];
        LLVMValueRef function = LLVMGetNamedFunction(module, module_symbol(&request->compile, i, symbol));
        if (function == NULL) return fail(error, FERRY_BACKEND, "function %zu is missing in the module", i);
        distances[i] = distance(context, function, table);
        TRY(name_function(function, request->names[i], arena, error));
    }
    fill_table(context, table, request, distances);
    LLVMValueRef name = LLVMAddAlias2(module, type, 0, table, request->table_name);
    LLVMSetVisibility(name, request->table_hidden ? LLVMHiddenVisibility : LLVMDefaultVisibility);
    return FERRY_OK;
}

ferry_code ahead_complete(const Jit *jit, LLVMModuleRef module, const ObjectRequest *request, ferry_error *error) {
    Arena arena = {.allocator = jit->allocator};
    ferry_code code = complete(jit->context, module, request, &arena, error);
    arena_free(&arena);
    return code;
}

/* ---- the object ---- */

/* The memory of an ObjectFile's bytes. */
typedef struct Holder {
    const ferry_allocator *allocator;
    size_t size;
    uint8_t bytes[];
} Holder;

/* false: there is no such symbol in a section that takes room in the file */
static bool find_symbol(LLVMBinaryRef binary, const char *name, const char **contents) {
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(binary);
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(binary);
    *contents = NULL;
    while (!LLVMObjectFileIsSymbolIteratorAtEnd(binary, symbol)) {
        const char *known = LLVMGetSymbolName(symbol);
        if (known != NULL && strcmp(known, name) == 0) {
            LLVMMoveToContainingSection(section, symbol);
            bool is_there = !LLVMObjectFileIsSectionIteratorAtEnd(binary, section);
            uint64_t offset = LLVMGetSymbolAddress(symbol);
            if (is_there && offset < LLVMGetSectionSize(section)) *contents = LLVMGetSectionContents(section) + offset;
            break;
        }
        LLVMMoveToNextSymbol(symbol);
    }
    LLVMDisposeSectionIterator(section);
    LLVMDisposeSymbolIterator(symbol);
    return *contents != NULL;
}

static ferry_code find_table(LLVMBinaryRef binary, const ObjectRequest *request, LLVMMemoryBufferRef buffer,
                             size_t *table_at, ferry_error *error) {
    const char *start = LLVMGetBufferStart(buffer), *contents;
    size_t size = LLVMGetBufferSize(buffer);
    if (!find_symbol(binary, request->table_name, &contents))
        return fail(error, FERRY_BACKEND, "the object has no table %s", request->table_name);
    *table_at = (size_t)((uintptr_t)contents - (uintptr_t)start);
    if (*table_at > size || request->table_size > size - *table_at ||
        memcmp(contents, request->table, request->table_size) != 0)
        return fail(error, FERRY_BACKEND, "the object's table %s is not what was asked for", request->table_name);
    return FERRY_OK;
}

ferry_code ahead_copy(const Jit *jit, const ObjectRequest *request, LLVMMemoryBufferRef buffer, ObjectFile *object,
                      ferry_error *error) {
    LLVMBinaryRef binary = NULL;
    *object = (ObjectFile){.size = LLVMGetBufferSize(buffer)};
    TRY(object_open(jit, buffer, &binary, error));
    ferry_code code = find_table(binary, request, buffer, &object->table_at, error);
    LLVMDisposeBinary(binary);
    if (code != FERRY_OK) return code;
    size_t size = sizeof(Holder) + object->size;
    Holder *holder = memory_new(jit->allocator, size);
    if (holder == NULL) return fail_out_of_memory(error, "an object");
    *holder = (Holder){.allocator = jit->allocator, .size = size};
    object->bytes = memcpy(holder->bytes, LLVMGetBufferStart(buffer), object->size);
    return FERRY_OK;
}

void ahead_free(ObjectFile *object) {
    if (object->bytes != NULL) {
        Holder *holder = (void *)(object->bytes - offsetof(Holder, bytes));
        memory_release(holder->allocator, holder, holder->size);
    }
    *object = (ObjectFile){0};
}
