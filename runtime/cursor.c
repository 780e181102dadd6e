/* cursor.c: the further arguments of a variadic call, one by one: ferry/closure.h.
 *
 * A stub kept the argument registers that the fixed arguments left over. The next argument is placed by the target's
 * own rules, from the state in which placing the fixed ones ended, as if the signature went on with it; then its pieces
 * are copied out of the kept registers and the stack.
 *
 *     int f(const char *, ...)      f("...", 1, 2.5, (struct { long a[3]; }){...})
 *
 *     general   rdi used   rsi: 1   rdx ...        used = 1 -> 2
 *     float     xmm0: 2.5           xmm1 ...       used = 0 -> 1
 *     stack     24 bytes                           offset = 0 -> 24
 */
#include "runtime/closure.h"

#include <string.h>

/* ---- what can be asked for ---- */

static ferry_code check_shape(const Type *type, size_t index, ferry_error *error) {
    const Type *stripped = type_strip(type);
    switch (stripped->kind) {
    case FERRY_VOID: return fail(error, FERRY_INVALID, "variadic argument %zu is void", index + 1);
    case FERRY_ARRAY:
        return fail(error, FERRY_INVALID,
                    "variadic argument %zu is an array, which C passes as a pointer: declare it as that", index + 1);
    case FERRY_FUNCTION:
        return fail(error, FERRY_INVALID,
                    "variadic argument %zu is a function, which C passes as a pointer: declare it as that", index + 1);
    default: break;
    }
    if (stripped->complete) return type_check_promoted(type, index, error);
    return fail(error, FERRY_INCOMPLETE, "variadic argument %zu has the incomplete type %s %s", index + 1,
                stripped->kind == FERRY_UNION ? "union" : "struct", stripped->name);
}

/* `started` counts the arguments that were fetched, plus one. */
static ferry_code check(const ferry_cursor *cursor, const Type *type, const void *value, ferry_error *error) {
    TRY(check_pointer(cursor, "cursor", error));
    TRY(check_type(cursor->upcall->engine, type, "type", error));
    TRY(check_pointer(value, "value", error));
    return check_shape(type, cursor->started != 0 ? cursor->started - 1 : 0, error);
}

/* ---- where it is ---- */

static ferry_code check_piece(const ferry_cursor *cursor, const PlacedValue *value, const Piece *piece,
                              ferry_error *error) {
    uint32_t known = piece->bank == BANK_FLOAT && !cursor->halves ? 16 : 8;
    if (piece->on_stack || piece->size <= known) return FERRY_OK;
    char spelling[96];
    type_spell(value->type, NULL, spelling, sizeof spelling);
    return fail(error, FERRY_UNSUPPORTED, "%s fills more than %u bytes of a vector register, which %s", spelling, known,
                cursor->halves ? "libffi does not hand on: ferry_closures_prepare makes code that does"
                               : "the closure does not keep");
}

/* Into value, which is placed as far as the placer goes; the pieces are in placer->arena. */
static ferry_code place_next(const ferry_cursor *cursor, Placer *placer, const Type *type, PlacedValue *value,
                             ferry_error *error) {
    TRY(placer_add(placer, value, type, true, error));
    for (size_t i = 0; i < value->piece_count; i++) TRY(check_piece(cursor, value, &value->pieces[i], error));
    return FERRY_OK;
}

/* ---- copying ---- */

static const unsigned char *piece_bytes(const ferry_cursor *cursor, const Piece *piece) {
    if (piece->on_stack) return cursor->stack + (piece->stack_offset - cursor->upcall->stack);
    if (piece->bank == BANK_FLOAT) return cursor->vectors[piece->number];
    return (const unsigned char *)&cursor->general[piece->number];
}

static void copy_out(const ferry_cursor *cursor, const PlacedValue *placed, void *value) {
    const void *copy;
    if (placed->mode == MODE_POINTER) {
        memcpy(&copy, piece_bytes(cursor, &placed->pieces[0]), sizeof copy);
        memcpy(value, copy, placed->layout->size);
        return;
    }
    for (size_t i = 0; i < placed->piece_count; i++) {
        const Piece *piece = &placed->pieces[i];
        memcpy((unsigned char *)value + piece->offset, piece_bytes(cursor, piece), piece->size);
    }
}

/* ---- going on ---- */

static void start(ferry_cursor *cursor) {
    if (cursor->started != 0) return;
    memcpy(cursor->used, cursor->upcall->used, sizeof cursor->used);
    cursor->offset = 0;
    cursor->started = 1;
}

static void advance(ferry_cursor *cursor, const Placer *placer) {
    memcpy(cursor->used, placer->used, sizeof cursor->used);
    cursor->offset = placer->stack - cursor->upcall->stack;
    cursor->started++;
}

/* Under the engine's lock, since a type that was never measured is. */
static ferry_code next(ferry_cursor *cursor, const Type *type, void *value, ferry_error *error) {
    const Upcall *upcall = cursor->upcall;
    Engine *engine = upcall->engine;
    Arena scratch = {.allocator = engine->allocator};
    Placement placement = {.target = engine->target, .signature = upcall->placed};
    Placer placer = {.target = engine->target,
                     .layouts = &engine->layouts,
                     .placement = &placement,
                     .arena = &scratch,
                     .stack = upcall->stack + cursor->offset,
                     .is_variadic_call = true};
    memcpy(placer.used, cursor->used, sizeof placer.used);
    PlacedValue placed = {.type = type};
    ferry_code code = place_next(cursor, &placer, type, &placed, error);
    if (code == FERRY_OK) copy_out(cursor, &placed, value);
    if (code == FERRY_OK) advance(cursor, &placer);
    arena_free(&scratch);
    return code;
}

ferry_code ferry_cursor_next(ferry_cursor *cursor, const ferry_type *type, void *value, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check(cursor, type, value, error));
    start(cursor);
    Engine *engine = cursor->upcall->engine;
    engine_lock(engine);
    ferry_code code = next(cursor, type, value, error);
    engine_unlock(engine);
    if (code == FERRY_OK || code == FERRY_OUT_OF_MEMORY) return code;
    return fail_within(error, code, "variadic argument %u: ", (unsigned)cursor->started);
}

void ferry_cursor_rewind(ferry_cursor *cursor) {
    if (cursor != NULL) cursor->started = 0;
}
