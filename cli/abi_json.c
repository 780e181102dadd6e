/* A placement for programs. */
#include "cli/model.h"

static const char *const modes[] = {[MODE_IGNORED] = "ignored", [MODE_DIRECT] = "direct", [MODE_POINTER] = "pointer"};
static const char *const extensions[] = {[EXTEND_NONE] = "none", [EXTEND_ZERO] = "zero", [EXTEND_SIGN] = "sign"};

static void write_piece(Json *json, const Target *target, const PlacedValue *value, const Piece *piece) {
    json_open(json, NULL, '{');
    if (piece->on_stack)
        json_number(json, "stack_offset", piece->stack_offset);
    else
        json_string(json, "register", piece_register(target, piece));
    if (value->mode == MODE_DIRECT) json_number(json, "offset", piece->offset);
    json_number(json, "size", piece->size);
    json_close(json, '}');
}

static void write_value(Json *json, const char *name, const Target *target, const PlacedValue *value) {
    char type[512];
    type_spell(value->type, NULL, type, sizeof type);
    json_open(json, name, '{');
    json_string(json, "type", type);
    json_number(json, "size", value->layout != NULL ? value->layout->size : 0);
    json_number(json, "alignment", value->layout != NULL ? value->layout->alignment : 1);
    json_string(json, "mode", modes[value->mode]);
    json_string(json, "extension", extensions[value->extension]);
    json_bool(json, "variadic", value->variadic);
    json_open(json, "pieces", '[');
    for (size_t i = 0; value->mode != MODE_IGNORED && i < value->piece_count; i++)
        write_piece(json, target, value, &value->pieces[i]);
    json_close(json, ']');
    json_string(json, "rule", value->rule);
    json_string(json, "dispute", value->dispute);
    json_close(json, '}');
}

void abi_write_json(Json *json, const Function *function, const Placement *placement) {
    char declaration[2048];
    signature_spell(function->declared, function->name, declaration, sizeof declaration);
    json_open(json, NULL, '{');
    json_string(json, "target", placement->target->name);
    json_string(json, "name", function->name);
    json_string(json, "declaration", declaration);
    json_bool(json, "variadic", placement->signature->variadic);
    json_bool(json, "hidden_result", placement->hidden_result);
    write_value(json, "result", placement->target, &placement->result);
    json_open(json, "arguments", '[');
    for (size_t i = 0; i < placement->count; i++) write_value(json, NULL, placement->target, &placement->values[i]);
    json_close(json, ']');
    json_number(json, "general_registers", placement->general_used);
    json_number(json, "float_registers", placement->float_used);
    json_number(json, "vector_count", placement->vector_count);
    json_number(json, "stack_size", placement->stack_size);
    json_number(json, "stack_alignment", placement->stack_alignment);
    json_close(json, '}');
}
