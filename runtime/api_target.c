/* api_target.c: ferry/target.h. */
#include "ferry/target.h"

#include "runtime/engine.h"

static ferry_code find_layout(Engine *engine, const Type *type, const Layout **layout, ferry_error *error) {
    TRY(check_type(engine, type, "type", error));
    engine_lock(engine);
    ferry_code code = layout_of(&engine->layouts, type, layout, error);
    engine_unlock(engine);
    return code;
}

ferry_code ferry_type_measure(ferry_engine *engine, const ferry_type *type, ferry_extent *extent, ferry_error *error) {
    ferry_error scratch;
    const Layout *layout;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(extent, "extent", error));
    TRY(find_layout(engine, type, &layout, error));
    if (type_strip(type)->kind == FERRY_ARRAY && type_strip(type)->count == FERRY_FLEXIBLE)
        return fail(error, FERRY_INCOMPLETE, "an array without a bound has no size");
    *extent = (ferry_extent){.size = layout->size, .alignment = layout->alignment};
    return FERRY_OK;
}

ferry_code ferry_type_locate(ferry_engine *engine, const ferry_type *type, size_t index, uint64_t *bit_offset,
                             ferry_error *error) {
    ferry_error scratch;
    const Layout *layout;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(bit_offset, "bit_offset", error));
    TRY(find_layout(engine, type, &layout, error));
    const Type *record = type_strip(type);
    if (record->kind != FERRY_STRUCT && record->kind != FERRY_UNION)
        return fail(error, FERRY_INVALID, "type is no struct or union and has no members");
    if (index >= record->member_count)
        return fail(error, FERRY_INVALID, "index %zu: the type has %zu members", index, record->member_count);
    *bit_offset = layout->member_offsets[index];
    return FERRY_OK;
}

ferry_code ferry_type_slots(ferry_engine *engine, const ferry_type *type, uint64_t *slots, ferry_error *error) {
    ferry_error scratch;
    const Layout *layout;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(slots, "slots", error));
    TRY(find_layout(engine, type, &layout, error));
    *slots = layout->size / 8 + (layout->size % 8 != 0);
    return FERRY_OK;
}
