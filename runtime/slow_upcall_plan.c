/* slow_upcall_plan.c: where an upcall through libffi puts what C passed.
 *
 *     long f(char a, struct { double x; long n; } b, struct { long a[3]; } c)
 *
 *     libffi     0: u64     1: double    2: u64     3: 24 bytes, stacked
 *     slots      [0,8)      [8,16)       [16,24)    [24,48)                      a extended
 *     pointers   [0,1)      [8,16)       [16,24)    in place                     a, b: in memory; c: on C's stack
 */
#include "runtime/closure.h"

typedef struct Planner {
    const Placement *placement;
    SlowUpcall *plan;
    SlowMove *moves;
    SlowPointer *pointers; /* NULL: FERRY_SLOTS */
    uint64_t memory;
} Planner;

/* Of an integer narrower than a slot; nothing else is widened. */
static unsigned extension_of(const PlacedValue *value) {
    return value->layout->size < SLOW_WORD ? value->extension : EXTEND_NONE;
}

/* Whether the handler may have it where C put it. */
static bool stays(const Planner *planner, const PlacedValue *value) {
    return planner->pointers != NULL && value->piece_count == 1 && value->pieces[0].on_stack &&
           value->layout->alignment <= value->stack_alignment;
}

static void plan_moves(Planner *planner, const PlacedValue *value, uint32_t to) {
    for (size_t i = 0; i < value->piece_count; i++) {
        const Piece *piece = &value->pieces[i];
        planner->moves[planner->plan->move_count++] =
            (SlowMove){.to = to + piece->offset,
                       .size = stays(planner, value) ? 0 : piece->size,
                       .extended = planner->pointers == NULL && extension_of(value) != EXTEND_NONE,
                       .extension = (uint8_t)extension_of(value)};
    }
}

/* A value's place in memory; *to is its first byte. */
static ferry_code take_memory(Planner *planner, const PlacedValue *value, uint32_t *to, ferry_error *error) {
    SlowUpcall *plan = planner->plan;
    const Layout *layout = value->layout;
    uint64_t alignment = planner->pointers != NULL ? layout->alignment : SLOW_WORD;
    if (layout->size > SLOW_STACK_LIMIT || alignment > SLOW_STACK_LIMIT)
        return slow_refuse(planner->placement, value, "its copy is larger than 1 MiB", error);
    if (alignment > plan->memory_alignment) plan->memory_alignment = (uint32_t)alignment;
    *to = (uint32_t)round_up(planner->memory, alignment);
    planner->memory = *to + layout->size;
    if (planner->pointers == NULL) planner->memory = round_up(planner->memory, SLOW_WORD);
    if (planner->memory > SLOW_STACK_LIMIT)
        return slow_refuse(planner->placement, value, "the copies of the arguments are larger than 1 MiB", error);
    return FERRY_OK;
}

static ferry_code plan_value(Planner *planner, const PlacedValue *value, ferry_error *error) {
    SlowUpcall *plan = planner->plan;
    uint32_t to = 0;
    if (!stays(planner, value)) TRY(take_memory(planner, value, &to, error));
    if (planner->pointers != NULL) {
        planner->pointers[plan->sources] =
            (SlowPointer){.to = to, .argument = plan->move_count, .in_place = stays(planner, value)};
    }
    plan_moves(planner, value, to);
    plan->sources += shape_sources(value->layout, planner->pointers != NULL ? FERRY_POINTERS : FERRY_SLOTS);
    return FERRY_OK;
}

static ferry_code plan_values(Planner *planner, ferry_error *error) {
    const Placement *placement = planner->placement;
    SlowUpcall *plan = planner->plan;
    for (size_t i = 0; i < placement->count; i++) TRY(plan_value(planner, &placement->values[i], error));
    /* In slots the cursor's address is behind them. */
    plan->memory = (uint32_t)planner->memory;
    if (planner->pointers == NULL && plan->cursor) plan->memory += SLOW_WORD;
    return FERRY_OK;
}

/* What the handler may write: an integer with 8 bytes, of anything else its own. */
static ferry_code plan_result(Planner *planner, ferry_error *error) {
    const PlacedValue *result = &planner->placement->result;
    SlowUpcall *plan = planner->plan;
    if (result->mode == MODE_IGNORED) return FERRY_OK;
    if (result->mode == MODE_POINTER) plan->result = SLOW_HIDDEN;
    if (result->mode == MODE_POINTER) return FERRY_OK;
    if (result->layout->alignment > SLOW_STACK_LIMIT)
        return slow_refuse(planner->placement, result, "its memory is larger than 1 MiB", error);
    bool integer = type_is_integral(result->type) && result->layout->size <= SLOW_WORD;
    plan->result = integer ? SLOW_INTEGER : SLOW_BYTES;
    plan->result_size = (uint32_t)result->layout->size;
    plan->result_extension = (uint8_t)extension_of(result);
    if (result->layout->alignment > SLOW_WORD) plan->result_alignment = (uint32_t)result->layout->alignment;
    return FERRY_OK;
}

static void plan_cursor(SlowUpcall *plan, const Placement *placement) {
    plan->first[BANK_GENERAL] = placement->general_used;
    plan->first[BANK_FLOAT] = placement->float_used;
    plan->end[BANK_GENERAL] = placement->target->banks[BANK_GENERAL].arguments;
    plan->end[BANK_FLOAT] = placement->target->banks[BANK_FLOAT].arguments;
}

ferry_code slow_upcall_plan(const Upcall *upcall, const Placement *placement, Arena *arena, const SlowUpcall **plan,
                            ferry_error *error) {
    SlowUpcall *made = arena_new(arena, sizeof *made);
    SlowMove *moves = arena_array(arena, slow_piece_count(placement), sizeof *moves);
    SlowPointer *pointers = arena_array(arena, placement->count, sizeof *pointers);
    if (made == NULL || moves == NULL || pointers == NULL) return fail_out_of_memory(error, "a libffi plan");
    if (upcall->convention == FERRY_SLOTS) pointers = NULL;
    *made = (SlowUpcall){.moves = moves,
                         .pointers = pointers,
                         .memory_alignment = SLOW_WORD,
                         .result_alignment = SLOW_WORD,
                         .cursor = upcall->cursor};
    Planner planner = {.placement = placement, .plan = made, .moves = moves, .pointers = pointers};
    TRY(slow_cif_make(placement, UPCALL, upcall->cursor, arena, &made->cif, error));
    TRY(plan_values(&planner, error));
    TRY(plan_result(&planner, error));
    if (upcall->cursor) plan_cursor(made, placement);
    *plan = made;
    return FERRY_OK;
}
