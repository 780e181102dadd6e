/* slow_plan.c: where a downcall through libffi takes its arguments from. */
#include "runtime/slow.h"

/* Slots are whole words, so reading one whole reads nothing behind the value. */
static SlowArgument of_piece(const SlowPlan *plan, const PlacedValue *value, const Piece *piece) {
    bool whole = piece->size == SLOW_WORD || (!plan->pointers && piece->offset % SLOW_WORD == 0);
    return (SlowArgument){.source = plan->sources,
                          .offset = piece->offset,
                          .copied = whole ? 0 : (uint8_t)piece->size,
                          .extension = (uint8_t)value->extension};
}

/* A narrow integer fills its word on the stack as it does in a register. */
static SlowArgument of_stacked(const SlowPlan *plan, const PlacedValue *value) {
    bool narrow = value->extension != EXTEND_NONE && value->layout->size < SLOW_WORD;
    return (SlowArgument){.source = plan->sources,
                          .copied = narrow && plan->pointers ? (uint8_t)value->layout->size : 0,
                          .extension = (uint8_t)value->extension};
}

static void plan_arguments(SlowPlan *plan, SlowArgument *arguments, const Placement *placement) {
    for (size_t i = 0; i < placement->count; i++) {
        const PlacedValue *value = &placement->values[i];
        for (size_t k = 0; k < value->piece_count; k++) {
            const Piece *piece = &value->pieces[k];
            arguments[plan->count++] = piece->on_stack ? of_stacked(plan, value) : of_piece(plan, value, piece);
        }
        plan->sources += shape_sources(value->layout, plan->pointers ? FERRY_POINTERS : FERRY_SLOTS);
    }
}

/* The callee may rely on the type's alignment, which slots do not give. */
static ferry_code plan_hidden(SlowPlan *plan, const Placement *placement, ferry_error *error) {
    const PlacedValue *result = &placement->result;
    if (!plan->hidden_result || plan->pointers || result->layout->alignment <= SLOW_WORD) return FERRY_OK;
    if (result->layout->size > SLOW_STACK_LIMIT || result->layout->alignment > SLOW_STACK_LIMIT)
        return slow_refuse(placement, result, "its aligned copy is larger than 1 MiB", error);
    plan->result_copy = (uint32_t)result->layout->size;
    plan->result_alignment = (uint32_t)result->layout->alignment;
    return FERRY_OK;
}

ferry_code slow_plan_make(const Placement *placement, ferry_convention convention, bool capture_errno, Arena *arena,
                          const SlowPlan **plan, ferry_error *error) {
    SlowPlan *made = arena_new(arena, sizeof *made);
    SlowArgument *arguments = arena_array(arena, slow_piece_count(placement), sizeof *arguments);
    if (made == NULL || arguments == NULL) return fail_out_of_memory(error, "a libffi plan");
    *made = (SlowPlan){.arguments = arguments,
                       .pointers = convention == FERRY_POINTERS,
                       .capture_errno = capture_errno,
                       .hidden_result = placement->hidden_result,
                       .result_alignment = 1};
    TRY(plan_hidden(made, placement, error));
    TRY(slow_cif_make(placement, DOWNCALL, false, arena, &made->cif, error));
    plan_arguments(made, arguments, placement);
    *plan = made;
    return FERRY_OK;
}
