/* abi/scope.c: what was declared.
 *
 *     buckets  ->  newest symbol of the bucket  ->  older  ->  older ...
 *     symbols  [0] [1] [2] ... in the order of declaration
 *
 * Looking a name up meets the newest symbol first. Cutting symbols off from the end and setting their buckets back to
 * the older ones restores exactly the state before them. Invariant: count <= 2 * bucket_count.
 */
#include "abi/parse_internal.h"

#include <string.h>

#define FIRST_BUCKETS 16

ferry_code scope_open(TypeTable *types, const ferry_allocator *allocator, Scope **scope, ferry_error *error) {
    Scope *made = memory_new(allocator, sizeof *made);
    if (made == NULL) return fail_out_of_memory(error, "a scope");
    made->types = types;
    made->allocator = allocator;
    *scope = made;
    return FERRY_OK;
}

void scope_close(Scope *scope) {
    if (scope == NULL) return;
    memory_release(scope->allocator, scope->symbols, scope->capacity * sizeof *scope->symbols);
    memory_release(scope->allocator, scope->buckets, scope->bucket_count * sizeof *scope->buckets);
    memory_release(scope->allocator, scope, sizeof *scope);
}

TypeTable *scope_types(const Scope *scope) {
    return scope->types;
}

size_t scope_count(const Scope *scope) {
    return scope->count;
}

const ferry_declaration *scope_at(const Scope *scope, size_t index) {
    return index < scope->count ? &scope->symbols[index].declaration : NULL;
}

static uint64_t hash_name(NameSpace space, const char *name, size_t length) {
    return hash_bytes(space, name, length);
}

static NameSpace space_of(const Symbol *symbol) {
    return symbol->declaration.what == FERRY_DECLARED_TAG ? SPACE_TAG : SPACE_ORDINARY;
}

static uint32_t *bucket_of(const Scope *scope, uint64_t hash) {
    return &scope->buckets[hash & (scope->bucket_count - 1)];
}

Symbol *scope_lookup(const Scope *scope, NameSpace space, const char *name, size_t length) {
    if (scope->bucket_count == 0) return NULL;
    uint64_t hash = hash_name(space, name, length);
    for (uint32_t index = *bucket_of(scope, hash); index != SYMBOL_NONE; index = scope->symbols[index].older) {
        Symbol *symbol = &scope->symbols[index];
        bool found = symbol->hash == hash && space_of(symbol) == space && symbol->key_length == length &&
                     memcmp(symbol->key, name, length) == 0;
        if (found) return symbol;
    }
    return NULL;
}

static void link_symbol(Scope *scope, size_t index) {
    uint32_t *bucket = bucket_of(scope, scope->symbols[index].hash);
    scope->symbols[index].older = *bucket;
    *bucket = (uint32_t)index;
}

static ferry_code grow_symbols(Scope *scope, ferry_error *error) {
    size_t capacity = scope->capacity == 0 ? FIRST_BUCKETS : scope->capacity * 2;
    Symbol *symbols = capacity < SYMBOL_NONE ? memory_new(scope->allocator, capacity * sizeof *symbols) : NULL;
    if (symbols == NULL) return fail_out_of_memory(error, "the declarations of a scope");
    if (scope->count != 0) memcpy(symbols, scope->symbols, scope->count * sizeof *symbols);
    memory_release(scope->allocator, scope->symbols, scope->capacity * sizeof *symbols);
    scope->symbols = symbols;
    scope->capacity = capacity;
    return FERRY_OK;
}

static ferry_code grow_buckets(Scope *scope, ferry_error *error) {
    size_t count = scope->bucket_count == 0 ? FIRST_BUCKETS : scope->bucket_count * 2;
    uint32_t *buckets = memory_new(scope->allocator, count * sizeof *buckets);
    if (buckets == NULL) return fail_out_of_memory(error, "the declarations of a scope");
    memset(buckets, 0xff, count * sizeof *buckets); /* SYMBOL_NONE */
    memory_release(scope->allocator, scope->buckets, scope->bucket_count * sizeof *buckets);
    scope->buckets = buckets;
    scope->bucket_count = count;
    for (size_t index = 0; index < scope->count; index++) link_symbol(scope, index);
    return FERRY_OK;
}

/* Tags are listed as "struct point": the key is what follows the blank. */
static size_t key_offset(const ferry_declaration *declaration) {
    return declaration->what == FERRY_DECLARED_TAG ? (size_t)(strchr(declaration->name, ' ') + 1 - declaration->name)
                                                   : 0;
}

ferry_code scope_append(Scope *scope, NameSpace space, const ferry_declaration *declaration, const Constant *constant,
                        ferry_error *error) {
    if (scope->count == scope->capacity) TRY(grow_symbols(scope, error));
    if (scope->count >= 2 * scope->bucket_count) TRY(grow_buckets(scope, error));
    Symbol *symbol = &scope->symbols[scope->count];
    *symbol = (Symbol){.declaration = *declaration, .key = declaration->name + key_offset(declaration)};
    if (constant != NULL) symbol->constant = *constant;
    symbol->key_length = strlen(symbol->key);
    symbol->hash = hash_name(space, symbol->key, symbol->key_length);
    link_symbol(scope, scope->count);
    scope->count++;
    return FERRY_OK;
}

void scope_cut(Scope *scope, size_t count) {
    while (scope->count > count) {
        const Symbol *symbol = &scope->symbols[--scope->count];
        *bucket_of(scope, symbol->hash) = symbol->older;
    }
}

/* How a tag's kind is written before its name. */
static const struct {
    const char *prefix;
    ferry_kind kind;
} tag_prefixes[] = {{"struct ", FERRY_STRUCT}, {"union ", FERRY_UNION}, {"enum ", FERRY_ENUM}};

const ferry_declaration *scope_find(const Scope *scope, const char *name) {
    for (size_t index = 0; index < COUNT_OF(tag_prefixes); index++) {
        size_t length = strlen(tag_prefixes[index].prefix);
        if (strncmp(name, tag_prefixes[index].prefix, length) != 0) continue;
        const Symbol *tag = scope_lookup(scope, SPACE_TAG, name + length, strlen(name + length));
        return tag != NULL && tag->declaration.type->kind == tag_prefixes[index].kind ? &tag->declaration : NULL;
    }
    const Symbol *symbol = scope_lookup(scope, SPACE_ORDINARY, name, strlen(name));
    return symbol != NULL ? &symbol->declaration : NULL;
}

/* Puts around inner what surrounds it in type. */
static ferry_code rewrap(TypeTable *types, const Type *type, const Type *inner, const Type **wrapped,
                         ferry_error *error) {
    if (type->base == inner) {
        *wrapped = type;
        return FERRY_OK;
    }
    switch (type->kind) {
    case FERRY_POINTER: return type_pointer(types, inner, wrapped, error);
    case FERRY_ARRAY: return type_array(types, inner, type->count, wrapped, error);
    default: return type_aligned(types, inner, type->alignment, wrapped, error);
    }
}

ferry_code scope_refresh(const Scope *scope, const Type *type, const Type **refreshed, ferry_error *error) {
    *refreshed = type;
    if (type->kind == FERRY_POINTER || type->kind == FERRY_ARRAY || type->kind == FERRY_ALIGNED) {
        const Type *inner; /* the recursion is bounded by TYPE_DEPTH_LIMIT */
        TRY(scope_refresh(scope, type->base, &inner, error));
        return rewrap(scope->types, type, inner, refreshed, error);
    }
    bool is_open = (type->kind == FERRY_STRUCT || type->kind == FERRY_UNION) && !type->complete;
    if (!is_open) return FERRY_OK;
    const Symbol *tag = scope_lookup(scope, SPACE_TAG, type->name, strlen(type->name));
    if (tag != NULL && tag->declaration.type->kind == type->kind) *refreshed = tag->declaration.type;
    return FERRY_OK;
}
