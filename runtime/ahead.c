/* ahead.c: from shapes to an object with its table.
 *
 * The table is laid out before anything is compiled, since the object contains it; sizes and checksums of the code are
 * known only afterwards, and are written over the object's own bytes. */
#include "runtime/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/engine.h"

/* A shape by what it is found by. */
typedef struct Known {
    Digest digest;
    const Shape *shape;
} Known;

/* What is filled in while the code is made. */
typedef struct Filling {
    uint8_t *table;
    AheadObject *object;
    size_t next; /* blob */
} Filling;

static int compare_known(const void *left, const void *right) {
    const Known *first = left, *second = right;
    return digest_compare(first->digest, second->digest);
}

/* In the order of the table, each once. */
static ferry_code sort_shapes(const AheadRequest *request, Arena *arena, Known **known, size_t *count,
                              ferry_error *error) {
    Known *list = arena_array(arena, request->count, sizeof *list);
    if (list == NULL) return fail_out_of_memory(error, "the shapes of an object");
    for (size_t i = 0; i < request->count; i++) {
        size_t size;
        const void *key = shape_key(request->shapes[i], &size);
        list[i] = (Known){.digest = digest_of(0, key, size), .shape = request->shapes[i]};
    }
    qsort(list, request->count, sizeof *list, compare_known);
    size_t kept = 0;
    for (size_t i = 0; i < request->count; i++) {
        if (kept == 0 || digest_compare(list[kept - 1].digest, list[i].digest) != 0) list[kept++] = list[i];
    }
    *known = list;
    *count = kept;
    return FERRY_OK;
}

static ferry_code copy_text(char *field, size_t size, const char *text, const char *what, ferry_error *error) {
    size_t length = strlen(text);
    if (length >= size)
        return fail(error, FERRY_TOO_LARGE, "%s '%s' is longer than the %zu bytes that a table has for it", what, text,
                    size - 1);
    memcpy(field, text, length + 1);
    return FERRY_OK;
}

static ferry_code describe(const AheadRequest *request, const Backend *backend, BundleHeader *about,
                           ferry_error *error) {
    *about = (BundleHeader){.format = BUNDLE_FORMAT, .contract = BUNDLE_CONTRACT};
    memcpy(about->magic, BUNDLE_MAGIC, sizeof about->magic);
    TRY(copy_text(about->ferry, sizeof about->ferry, ferry_version(), "the version", error));
    TRY(copy_text(about->llvm, sizeof about->llvm, backend->llvm, "the version", error));
    TRY(copy_text(about->target, sizeof about->target, request->target->name, "the target", error));
    return copy_text(about->features, sizeof about->features, request->target->cpu_features, "the list of features",
                     error);
}

static ferry_quality quality_of(const AheadRequest *request) {
    return request->quality == FERRY_BY_SHAPE ? FERRY_BETTER : request->quality;
}

static const char *name_of(const Shape *shape, Arena *arena) {
    size_t length = shape_name(shape, NULL, 0);
    char *name = arena_new(arena, length + 1);
    if (name != NULL) shape_name(shape, name, length + 1);
    return name;
}

static ferry_code name_shapes(const Known *known, size_t count, Arena *arena, const char ***names, ferry_error *error) {
    const char **list = arena_array(arena, count, sizeof *list);
    bool named = list != NULL;
    for (size_t i = 0; named && i < count; i++) named = (list[i] = name_of(known[i].shape, arena)) != NULL;
    *names = list;
    return named ? FERRY_OK : fail_out_of_memory(error, "the names of shapes");
}

static ferry_code make_table(const AheadRequest *request, const Backend *backend, const Known *known,
                             const char *const *names, size_t count, Arena *arena, uint8_t **table, size_t *size,
                             ferry_error *error) {
    BundleHeader about;
    TRY(describe(request, backend, &about, error));
    BundleItem *items = arena_array(arena, count, sizeof *items);
    if (items == NULL) return fail_out_of_memory(error, "the table of an object");
    for (size_t i = 0; i < count; i++) {
        items[i] = (BundleItem){.digest = known[i].digest, .name = "", .quality = quality_of(request)};
        if (!request->described) continue;
        items[i].shape = known[i].shape;
        items[i].shape_size = known[i].shape->bytes;
        items[i].name = names[i];
    }
    return bundle_write(&about, items, count, arena, table, size, error);
}

static ferry_code take_blob(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Filling *filling = context;
    AheadObject *object = filling->object;
    if (index != filling->next || index >= object->count || blob->code_size > UINT32_MAX ||
        blob->unwind_size > UINT32_MAX)
        return fail(error, FERRY_BACKEND, "the LLVM module made blob %zu of %zu bytes out of turn", index,
                    blob->code_size);
    filling->next++;
    bundle_write_code(filling->table, index, blob->code, blob->code_size);
    object->code_sizes[index] = (uint32_t)blob->code_size;
    object->unwind_sizes[index] = (uint32_t)blob->unwind_size;
    return FERRY_OK;
}

/* The object's own table becomes the finished one. */
static ferry_code finish(const ObjectFile *file, const ObjectRequest *asked, const Filling *filling, Arena *arena,
                         ferry_error *error) {
    AheadObject *object = filling->object;
    size_t size = asked->table_size;
    if (file->table_at > file->size || size > file->size - file->table_at ||
        memcmp(file->bytes + file->table_at, asked->table, size) != 0 || filling->next != object->count)
        return fail(error, FERRY_BACKEND,
                    "the LLVM module's object does not hold the table at byte %zu, or not all code", file->table_at);
    bundle_write_checksum(filling->table);
    uint8_t *bytes = arena_copy(arena, file->bytes, file->size);
    if (bytes == NULL) return fail_out_of_memory(error, "an object");
    memcpy(bytes + file->table_at, filling->table, size);
    object->bytes = bytes;
    object->size = file->size;
    object->table_at = file->table_at;
    object->table_size = size;
    return FERRY_OK;
}

static ferry_code open_object(const Known *known, size_t count, Arena *arena, AheadObject *object, ferry_error *error) {
    *object = (AheadObject){.count = count};
    object->shapes = arena_array(arena, count, sizeof *object->shapes);
    object->code_sizes = arena_array(arena, count, sizeof *object->code_sizes);
    object->unwind_sizes = arena_array(arena, count, sizeof *object->unwind_sizes);
    if (object->shapes == NULL || object->code_sizes == NULL || object->unwind_sizes == NULL)
        return fail_out_of_memory(error, "an object");
    for (size_t i = 0; i < count; i++) object->shapes[i] = known[i].shape;
    return FERRY_OK;
}

static ferry_code compile(Loaded *loaded, const ObjectRequest *asked, Arena *arena, AheadObject *object,
                          ferry_error *error) {
    Filling filling = {.table = arena_copy(arena, asked->table, asked->table_size), .object = object};
    if (filling.table == NULL) return fail_out_of_memory(error, "the table of an object");
    ObjectFile file = {0};
    TRY(loaded->backend->object(loaded->state, asked, take_blob, &filling, &file, error));
    ferry_code code = finish(&file, asked, &filling, arena, error);
    loaded->backend->free_object(&file);
    return code;
}

ferry_code ahead_make(Loaded *loaded, const AheadRequest *request, Arena *arena, AheadObject *object,
                      ferry_error *error) {
    Known *known;
    size_t count;
    const char **names;
    uint8_t *table;
    size_t table_size;
    if (request->count == 0) return fail(error, FERRY_INVALID, "an object without shapes");
    TRY(sort_shapes(request, arena, &known, &count, error));
    TRY(open_object(known, count, arena, object, error));
    TRY(name_shapes(known, count, arena, &names, error));
    TRY(make_table(request, loaded->backend, known, names, count, arena, &table, &table_size, error));
    const ObjectRequest asked = {
        .compile = {.target = request->target,
                    .quality = quality_of(request),
                    .shapes = object->shapes,
                    .count = count},
        .names = names,
        .table_name = request->table_name,
        .table_hidden = request->table_hidden,
        .table = table,
        .table_size = table_size,
    };
    return compile(loaded, &asked, arena, object, error);
}
