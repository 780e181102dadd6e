/* api_interface.c: ferry/interface.h, but for imports (api_imports.c).
 *
 * An interface is one block of memory:
 *
 *     +0        table       one word, where ferry_interface_object points: the table's address
 *               ...         what the interface knows of itself
 *               closures    one for each member, NULL where there is none
 *               (bytes)     the table, aligned as its type wants it
 *
 * Closures have references of their own, so that one that was exported lives on when its interface has ended. An ended
 * interface stays in quarantine, as its closures do: C may still call through its table, and is reported.
 */
#include "runtime/interface.h"

#include <stdio.h>
#include <string.h>

#include "runtime/closure.h"

#define MOST_REFERENCES UINT32_C(0x7fffffff) /* as a closure has */

struct ferry_interface {
    unsigned char *table;
    Engine *engine;
    size_t bytes; /* of the block */
    _Atomic uint32_t references;
    TableShape shape;
    ferry_interface *next; /* in quarantine */
    size_t count;
    ferry_closure *closures[];
};

static const ferry_interface_options defaults = {.initial = NULL};

/* ---- tables ---- */

ferry_code table_shape(Engine *engine, const Type *type, TableShape *shape, ferry_error *error) {
    TRY(check_type(engine, type, "table", error));
    const Type *record = type_strip(type);
    char spelling[128];
    type_spell(record, NULL, spelling, sizeof spelling);
    if (record->kind != FERRY_STRUCT)
        return fail(error, FERRY_INVALID, "table is no struct but %s",
                    record->kind == FERRY_UNION ? "a union" : spelling);
    if (!record->complete) return fail(error, FERRY_INCOMPLETE, "table: %s is incomplete", spelling);
    *shape = (TableShape){.record = record};
    engine_lock(engine);
    ferry_code code = layout_of(&engine->layouts, type, &shape->layout, error);
    engine_unlock(engine);
    return code;
}

const Signature *table_function(const TableShape *shape, size_t index) {
    const Type *type = type_strip(shape->record->members[index].type);
    if (type->kind != FERRY_POINTER) return NULL;
    const Type *target = type_strip(type->base);
    return target->kind == FERRY_FUNCTION ? target->signature : NULL;
}

static bool has_name(const Member *member) {
    return member->name != NULL && member->name[0] != '\0';
}

ferry_code table_fail_at(const TableShape *shape, size_t index, ferry_code code, ferry_error *error) {
    const Member *member = &shape->record->members[index];
    if (!has_name(member)) return fail_within(error, code, "member %zu: ", index);
    return fail_within(error, code, "member %zu \"%.100s\": ", index, member->name);
}

/* ---- checking ---- */

static ferry_code check_method(const TableShape *shape, size_t index, const ferry_method *method, ferry_error *error) {
    if (method->handler == NULL || table_function(shape, index) != NULL) return FERRY_OK;
    char spelling[128];
    type_spell(shape->record->members[index].type, NULL, spelling, sizeof spelling);
    ferry_code code = fail(error, FERRY_INVALID, "a handler, but %s is no pointer to a function", spelling);
    return table_fail_at(shape, index, code, error);
}

static ferry_code check_methods(const TableShape *shape, const ferry_method *methods, size_t count,
                                ferry_error *error) {
    if (count != shape->record->member_count) {
        char spelling[128];
        type_spell(shape->record, NULL, spelling, sizeof spelling);
        return fail(error, FERRY_INVALID, "count is %zu, but %s has %zu members", count, spelling,
                    shape->record->member_count);
    }
    if (count != 0) TRY(check_pointer(methods, "methods", error));
    for (size_t i = 0; i < count; i++) TRY(check_method(shape, i, &methods[i], error));
    return FERRY_OK;
}

static ferry_code check_options(const ferry_interface_options *options, ferry_error *error) {
    if (options->closure.fallback == NULL) return FERRY_OK;
    return fail(error, FERRY_INVALID, "options.closure.fallback is not NULL, but the methods' results differ in type");
}

/* ---- making ---- */

/* All stubs in one compile. What cannot be compiled is left to the closures, one by one: they know a slow path. */
static ferry_code prepare(Engine *engine, const TableShape *shape, const ferry_method *methods,
                          const ferry_closure_options *options, Arena *scratch, ferry_error *error) {
    size_t count = 0;
    if (engine->policy != FERRY_NOW) return FERRY_OK;
    const Signature **signatures = arena_array(scratch, shape->record->member_count, sizeof *signatures);
    if (signatures == NULL) return fail_out_of_memory(error, "an interface");
    for (size_t i = 0; i < shape->record->member_count; i++) {
        if (methods[i].handler != NULL) signatures[count++] = table_function(shape, i);
    }
    if (count == 0) return FERRY_OK;
    ferry_error left;
    ferry_code code = ferry_closures_prepare(engine, signatures, count, options, &left);
    if (code == FERRY_OUT_OF_MEMORY) *error = left;
    return code == FERRY_OUT_OF_MEMORY ? code : FERRY_OK;
}

/* "name.member". */
static ferry_code make_name(const char *name, const TableShape *shape, size_t index, Arena *scratch, const char **made,
                            ferry_error *error) {
    if (name == NULL) return FERRY_OK;
    const Member *member = &shape->record->members[index];
    char number[32];
    snprintf(number, sizeof number, "[%zu]", index);
    size_t size = strlen(name) + (has_name(member) ? strlen(member->name) + 2 : sizeof number);
    char *text = arena_new(scratch, size);
    if (text == NULL) return fail_out_of_memory(error, "a closure's name");
    snprintf(text, size, "%s%s%s", name, has_name(member) ? "." : "", has_name(member) ? member->name : number);
    *made = text;
    return FERRY_OK;
}

static ferry_code make_closure(Engine *engine, ferry_interface *interface, size_t index, const ferry_method *method,
                               ferry_closure_options options, Arena *scratch, ferry_error *error) {
    TRY(make_name(options.name, &interface->shape, index, scratch, &options.name, error));
    const Signature *signature = table_function(&interface->shape, index);
    ferry_closure *closure = ferry_closure_create(engine, signature, method->handler, method->context, &options, error);
    if (closure == NULL) return error->code;
    Function function = ferry_closure_code(closure);
    memcpy(interface->table + table_place(&interface->shape, index), &function, sizeof function);
    interface->closures[index] = closure;
    return FERRY_OK;
}

static ferry_code make_closures(Engine *engine, ferry_interface *interface, const ferry_method *methods,
                                const ferry_closure_options *options, ferry_error *error) {
    Arena scratch = {.allocator = engine->allocator};
    ferry_code code = prepare(engine, &interface->shape, methods, options, &scratch, error);
    for (size_t i = 0; i < interface->count && code == FERRY_OK; i++) {
        if (methods[i].handler == NULL) continue;
        code = make_closure(engine, interface, i, &methods[i], *options, &scratch, error);
        if (code != FERRY_OK) code = table_fail_at(&interface->shape, i, code, error);
    }
    arena_free(&scratch);
    return code;
}

static ferry_interface *open_block(Engine *engine, const TableShape *shape, const void *initial) {
    size_t count = shape->record->member_count;
    size_t head = sizeof(ferry_interface) + count * sizeof(ferry_closure *);
    size_t bytes = head + (size_t)shape->layout->alignment + (size_t)shape->layout->size;
    ferry_interface *interface = memory_new(engine->allocator, bytes);
    if (interface == NULL) return NULL;
    size_t table = (size_t)(round_up((uintptr_t)interface + head, shape->layout->alignment) - (uintptr_t)interface);
    interface->table = (unsigned char *)interface + table;
    interface->engine = engine;
    interface->bytes = bytes;
    interface->references = 1;
    interface->shape = *shape;
    interface->count = count;
    if (initial != NULL) memcpy(interface->table, initial, (size_t)shape->layout->size);
    atomic_fetch_add(&engine->interfaces, 1);
    return interface;
}

static void close_block(ferry_interface *interface) {
    memory_release(interface->engine->allocator, interface, interface->bytes);
}

/* The oldest goes when there are more than the quarantine holds. */
static void give_block(ferry_interface *interface) {
    Engine *engine = interface->engine;
    InterfaceQueue *queue = &engine->ended_interfaces;
    ferry_interface *oldest = NULL;
    engine_lock(engine);
    if (queue->newest != NULL) queue->newest->next = interface;
    if (queue->newest == NULL) queue->oldest = interface;
    queue->newest = interface;
    if (++queue->count > engine->closures->quarantine) {
        oldest = queue->oldest;
        queue->oldest = oldest->next;
        queue->count--;
    }
    engine_unlock(engine);
    atomic_fetch_sub(&engine->interfaces, 1);
    if (oldest != NULL) close_block(oldest);
}

void interfaces_close(Engine *engine) {
    for (ferry_interface *interface = engine->ended_interfaces.oldest, *next; interface != NULL; interface = next) {
        next = interface->next;
        close_block(interface);
    }
}

/* Nobody was ever told of these closures: the contexts stay the caller's, so no finalizer may run. */
static void discard(ferry_interface *interface) {
    for (size_t i = 0; i < interface->count; i++) {
        ferry_closure *closure = interface->closures[i];
        Detail *detail = closure != NULL ? cell_detail(cell_of(closure)) : NULL;
        if (detail != NULL) detail->finalize = NULL;
        (void)ferry_closure_release(closure, NULL);
    }
    atomic_fetch_sub(&interface->engine->interfaces, 1);
    close_block(interface);
}

static ferry_code create(Engine *engine, const Type *table, const ferry_method *methods, size_t count,
                         const ferry_interface_options *options, ferry_interface **made, ferry_error *error) {
    TableShape shape;
    TRY(table_shape(engine, table, &shape, error));
    TRY(check_methods(&shape, methods, count, error));
    TRY(check_options(options, error));
    ferry_interface *interface = open_block(engine, &shape, options->initial);
    if (interface == NULL) return fail_out_of_memory(error, "an interface");
    ferry_code code = make_closures(engine, interface, methods, &options->closure, error);
    if (code != FERRY_OK) discard(interface);
    if (code == FERRY_OK) *made = interface;
    return code;
}

ferry_interface *ferry_interface_create(ferry_engine *engine, const ferry_type *table, const ferry_method *methods,
                                        size_t count, const ferry_interface_options *options, ferry_error *error) {
    ferry_error scratch;
    ferry_interface *interface = NULL;
    if (error == NULL) error = &scratch;
    if (options == NULL) options = &defaults;
    return create(engine, table, methods, count, options, &interface, error) == FERRY_OK ? interface : NULL;
}

/* ---- looking ---- */

const void *ferry_interface_table(const ferry_interface *interface) {
    return interface != NULL ? interface->table : NULL;
}

void *ferry_interface_object(ferry_interface *interface) {
    return interface != NULL ? &interface->table : NULL;
}

ferry_closure *ferry_interface_closure(const ferry_interface *interface, size_t index) {
    return interface != NULL && index < interface->count ? interface->closures[index] : NULL;
}

/* ---- the end ---- */

static ferry_code stale_interface(const char *what, ferry_error *error) {
    return fail(error, FERRY_STALE, "the interface was %s after its end: it has no references any more", what);
}

ferry_code ferry_interface_retain(ferry_interface *interface, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(interface, "interface", error));
    uint32_t references = atomic_load_explicit(&interface->references, memory_order_relaxed);
    do {
        if (references == 0) return stale_interface("retained", error);
        if (references == MOST_REFERENCES)
            return fail(error, FERRY_TOO_LARGE, "the interface has 2^31 - 1 references already");
    } while (!atomic_compare_exchange_weak(&interface->references, &references, references + 1));
    return FERRY_OK;
}

/* Goes on after a failure, which only closures have that were released more often than retained; the first is told. */
static ferry_code for_each_closure(const ferry_interface *interface, ferry_code (*act)(ferry_closure *, ferry_error *),
                                   ferry_error *error) {
    ferry_code first = FERRY_OK;
    for (size_t i = 0; i < interface->count; i++) {
        ferry_error failure;
        if (interface->closures[i] == NULL) continue;
        ferry_code code = act(interface->closures[i], &failure);
        if (code == FERRY_OK || first != FERRY_OK) continue;
        *error = failure;
        first = table_fail_at(&interface->shape, i, code, error);
    }
    return first;
}

ferry_code ferry_interface_release(ferry_interface *interface, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    if (interface == NULL) return FERRY_OK;
    uint32_t references = atomic_load_explicit(&interface->references, memory_order_relaxed);
    do {
        if (references == 0) return stale_interface("released", error);
    } while (!atomic_compare_exchange_weak(&interface->references, &references, references - 1));
    if (references != 1) return FERRY_OK;
    ferry_code code = for_each_closure(interface, ferry_closure_release, error);
    give_block(interface);
    return code;
}

ferry_code ferry_interface_revoke(ferry_interface *interface, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(interface, "interface", error));
    if (atomic_load(&interface->references) == 0) return stale_interface("revoked", error);
    return for_each_closure(interface, ferry_closure_revoke, error);
}

/* ---- callables ---- */

static void retain_closure(void *context) {
    (void)ferry_closure_retain(context, NULL);
}

static void release_closure(void *context) {
    (void)ferry_closure_release(context, NULL);
}

ferry_code ferry_closure_export(ferry_closure *closure, ferry_callable *callable, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(callable, "callable", error));
    TRY(ferry_closure_retain(closure, error));
    if (cell_has_ended(cell_of(closure))) {
        (void)ferry_closure_release(closure, NULL);
        return fail(error, FERRY_STALE, "the closure was exported after its end: it is revoked");
    }
    *callable = (ferry_callable){
        .code = ferry_closure_code(closure), .context = closure, .retain = retain_closure, .release = release_closure};
    return FERRY_OK;
}
