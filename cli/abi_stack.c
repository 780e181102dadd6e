/* A drawing of the argument area: one line a slot, high addresses at the top.
 *
 *            ┌────────────────────────────┐
 *    sp + 16 │ arg 8  long double  [8-15] │
 *    sp +  8 │ arg 8  long double  [0-7]  │
 *    sp +  0 │ arg 7  int                 │
 *            └────────────────────────────┘
 */
#include <string.h>

#include "cli/model.h"

/* A longer piece is drawn as its first slot, its last one, and dots. */
enum { SLOTS_DRAWN = 6 };

typedef struct Line {
    uint64_t offset;
    const char *text;
    bool is_gap; /* the dots */
} Line;

typedef struct Drawing {
    Heap *heap;
    const Placement *placement;
    bool ascii;
    Line *lines; /* low addresses first */
    size_t count, capacity;
} Drawing;

static void add_line(Drawing *drawing, uint64_t offset, const char *text, bool is_gap) {
    if (drawing->count == drawing->capacity) {
        size_t capacity = drawing->capacity == 0 ? 16 : 2 * drawing->capacity;
        Line *lines = heap_new(drawing->heap, capacity * sizeof *lines);
        if (drawing->count > 0) memcpy(lines, drawing->lines, drawing->count * sizeof *lines);
        drawing->lines = lines;
        drawing->capacity = capacity;
    }
    drawing->lines[drawing->count++] = (Line){offset, text, is_gap};
}

/* What of a piece lies in the slot at offset. */
static const char *describe(const Drawing *drawing, size_t index, const PlacedValue *value, const Piece *piece,
                            uint64_t offset) {
    Heap *heap = drawing->heap;
    uint64_t slot = drawing->placement->target->slot_size;
    const char *label = value_label(heap, drawing->placement, index);
    const char *type = short_type(heap, value->type, drawing->ascii);
    if (value->mode == MODE_POINTER)
        return heap_format(heap, "%s  address of %s", label, index == SIZE_MAX ? "the result" : "a copy");
    if (piece->size <= slot && value->piece_count == 1) return heap_format(heap, "%s  %s", label, type);
    uint64_t start = offset > piece->stack_offset ? offset - piece->stack_offset : 0;
    uint64_t end =
        offset + slot - piece->stack_offset < piece->size ? offset + slot - piece->stack_offset : piece->size;
    return heap_format(heap, "%s  %s  [%s]", label, type, byte_range(heap, piece->offset + start, end - start));
}

/* Draws one slot; returns the offset of the next one to be drawn. */
static uint64_t draw_slot(Drawing *drawing, uint64_t offset) {
    const Placement *placement = drawing->placement;
    uint64_t slot = placement->target->slot_size, next = offset + slot;
    const char *text = NULL;
    for (size_t i = 0; i <= placement->count; i++) {
        const PlacedValue *value = i == 0 ? &placement->result : &placement->values[i - 1];
        if (i == 0 && !placement->hidden_result) continue;
        for (size_t k = 0; value->mode != MODE_IGNORED && k < value->piece_count; k++) {
            const Piece *piece = &value->pieces[k];
            uint64_t end = piece->stack_offset + piece->size;
            if (!piece->on_stack || end <= offset || piece->stack_offset >= offset + slot) continue;
            const char *part = describe(drawing, i == 0 ? SIZE_MAX : i - 1, value, piece, offset);
            text = text == NULL ? part : heap_format(drawing->heap, "%s; %s", text, part);
            if (piece->stack_offset == offset && piece->size > SLOTS_DRAWN * slot) next = (end - 1) / slot * slot;
        }
    }
    add_line(drawing, offset, text != NULL ? text : "unused", false);
    if (next > offset + slot) add_line(drawing, 0, drawing->ascii ? ":" : "⋮", true);
    return next;
}

static void print_border(const Screen *screen, int margin, size_t width, const char *left, const char *right) {
    fprintf(screen->out, "%*s%s", margin, "", left);
    for (size_t i = 0; i < width + 2; i++) fputs(screen->ascii ? "-" : "─", screen->out);
    fprintf(screen->out, "%s\n", right);
}

static void print_lines(const Screen *screen, const Drawing *drawing) {
    size_t width = 0;
    for (size_t i = 0; i < drawing->count; i++) {
        size_t own = text_width(drawing->lines[i].text);
        if (own > width) width = own;
    }
    const char *side = screen->ascii ? "|" : "│";
    int digits = snprintf(NULL, 0, "%llu", (unsigned long long)drawing->lines[drawing->count - 1].offset);
    int margin = 11 + 5 + digits + 1;
    print_border(screen, margin, width, screen->ascii ? "+" : "┌", screen->ascii ? "+" : "┐");
    for (size_t i = drawing->count; i-- > 0;) {
        const Line *line = &drawing->lines[i];
        if (line->is_gap)
            fprintf(screen->out, "%*s%s ", margin, "", side);
        else
            fprintf(screen->out, "           sp + %*llu %s ", digits, (unsigned long long)line->offset, side);
        screen_print(screen, STYLE_CYAN, "%s", line->text);
        fprintf(screen->out, "%*s %s\n", (int)(width - text_width(line->text)), "", side);
    }
    print_border(screen, margin, width, screen->ascii ? "+" : "└", screen->ascii ? "+" : "┘");
}

void abi_print_stack(Invocation *invocation, const Placement *placement) {
    const Screen *screen = &invocation->screen;
    screen_print(screen, STYLE_BOLD, "stack      ");
    if (placement->stack_size == 0) {
        fputs("none\n", screen->out);
        return;
    }
    fprintf(screen->out, "%llu bytes, aligned to %llu; sp is the stack pointer just before the call\n",
            (unsigned long long)placement->stack_size, (unsigned long long)placement->stack_alignment);
    Drawing drawing = {.heap = &invocation->heap, .placement = placement, .ascii = screen->ascii};
    for (uint64_t offset = 0; offset < placement->stack_size;) offset = draw_slot(&drawing, offset);
    print_lines(screen, &drawing);
}
