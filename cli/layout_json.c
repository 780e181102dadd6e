/* A layout for programs: records with their members, nested. */
#include "cli/model.h"

static bool is_record(const Type *type) {
    return type->kind == FERRY_STRUCT || type->kind == FERRY_UNION;
}

static void write_gaps(Json *json, const Gaps *gaps, const Type *type) {
    json_open(json, "holes", '[');
    for (size_t i = 0; i < gaps->holes; i++) {
        const char *name = type->members[gaps->list[i].before].name;
        json_open(json, NULL, '{');
        json_number(json, "bit_offset", gaps->list[i].bit_offset);
        json_number(json, "bits", gaps->list[i].bits);
        json_string(json, "before", name);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_number(json, "padding_bits", gaps->padding_bits);
}

static bool write_members(Json *json, Model *model, const Layout *layout, int *status);

static bool write_member(Json *json, Model *model, const Layout *layout, size_t index, int *status) {
    const Member *member = &type_strip(layout->type)->members[index];
    uint64_t bits, offset = layout->member_offsets[index];
    char spelling[512];
    const Layout *inner = NULL;
    ferry_error error = {0};
    if (!member_extent(model, layout, index, &bits, status)) return false;
    type_spell(member->type, NULL, spelling, sizeof spelling);
    json_open(json, NULL, '{');
    json_string(json, "name", member->name);
    json_string(json, "type", spelling);
    if (member->is_bitfield) {
        json_number(json, "bit_offset", offset);
        json_number(json, "bits", bits);
    } else {
        json_number(json, "offset", offset / 8);
        json_number(json, "size", bits / 8);
    }
    bool nested = is_record(type_strip(member->type)) && !member->is_bitfield;
    if (nested && layout_of(&model->layouts, member->type, &inner, &error) != FERRY_OK) {
        *status = complain_error(&error);
        return false;
    }
    bool good = !nested || write_members(json, model, inner, status);
    json_close(json, '}');
    return good;
}

static bool write_members(Json *json, Model *model, const Layout *layout, int *status) {
    const Type *type = type_strip(layout->type);
    Gaps gaps;
    Heap heap = {0};
    bool good = layout_gaps(model, &heap, layout, &gaps, status);
    json_open(json, "members", '[');
    for (size_t i = 0; good && i < type->member_count; i++) good = write_member(json, model, layout, i, status);
    json_close(json, ']');
    if (good) write_gaps(json, &gaps, type);
    heap_free(&heap);
    return good;
}

bool layout_write_json(Json *json, Model *model, const Type *type, int *status) {
    const Layout *layout;
    ferry_error error = {0};
    if (layout_of(&model->layouts, type, &layout, &error) != FERRY_OK) {
        *status = complain_error(&error);
        return false;
    }
    char spelling[512];
    type_spell(type, NULL, spelling, sizeof spelling);
    json_open(json, NULL, '{');
    json_string(json, "target", model->target->name);
    json_string(json, "type", spelling);
    json_number(json, "size", layout->size);
    json_number(json, "alignment", layout->alignment);
    bool good = !is_record(type_strip(type)) || write_members(json, model, layout, status);
    json_close(json, '}');
    return good;
}
