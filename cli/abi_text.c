/* A placement as a table and its notes. */
#include <string.h>

#include "cli/model.h"

enum { TYPE_WIDTH = 40 };

const char *value_label(Heap *heap, const Placement *placement, size_t index) {
    if (index == SIZE_MAX) return "result";
    return heap_format(heap, "%s %zu", placement->values[index].variadic ? "vararg" : "arg", index + 1);
}

const char *short_type(Heap *heap, const Type *type, bool ascii) {
    char *text = heap_new(heap, 512);
    type_spell(type, NULL, text, 512);
    if (text_width(text) <= TYPE_WIDTH) return text;
    size_t cut = TYPE_WIDTH - 3;
    while (((unsigned char)text[cut] & 0xC0) == 0x80) cut--; /* not inside a UTF-8 sequence */
    text[cut] = '\0';
    return heap_format(heap, "%s%s", text, ascii ? "..." : "…");
}

const char *byte_range(Heap *heap, uint64_t offset, uint64_t size) {
    if (size <= 1) return heap_format(heap, "%llu", (unsigned long long)offset);
    return heap_format(heap, "%llu-%llu", (unsigned long long)offset, (unsigned long long)(offset + size - 1));
}

static const char *piece_where(Heap *heap, const Placement *placement, const PlacedValue *value, const Piece *piece) {
    const char *extended = value->extension == EXTEND_SIGN   ? ", sign-extended"
                           : value->extension == EXTEND_ZERO ? ", zero-extended"
                                                             : "";
    const char *pointer = value->mode == MODE_POINTER ? "address in " : "";
    if (piece->on_stack)
        return heap_format(heap, "%sstack + %llu%s", pointer, (unsigned long long)piece->stack_offset, extended);
    return heap_format(heap, "%s%s%s", pointer, piece_register(placement->target, piece), extended);
}

/* One row for each piece; the first one has the value's name, type, size and rule. */
static void add_value(Grid *grid, const Screen *screen, const Placement *placement, const PlacedValue *value,
                      size_t index) {
    Heap *heap = grid->heap;
    bool travels = value->mode != MODE_IGNORED;
    size_t rows = travels ? value->piece_count : 1;
    for (size_t i = 0; i < rows; i++) {
        const Piece *piece = travels ? &value->pieces[i] : NULL;
        const char *cells[GRID_COLUMNS] = {NULL};
        if (i == 0) {
            cells[0] = value_label(heap, placement, index);
            cells[1] = short_type(heap, value->type, screen->ascii);
            if (value->layout != NULL) cells[2] = heap_format(heap, "%llu", (unsigned long long)value->layout->size);
            cells[5] = value->rule;
        }
        bool is_part = value->mode == MODE_DIRECT && (rows > 1 || piece->size > 1);
        cells[3] = is_part ? byte_range(heap, piece->offset, piece->size) : NULL;
        cells[4] = travels ? piece_where(heap, placement, value, piece) : "nowhere";
        grid_add(grid, cells);
    }
}

static void print_table(Invocation *invocation, const Placement *placement) {
    Grid grid = {.heap = &invocation->heap,
                 .columns = 6,
                 .titles = {"value", "type", "size", "bytes", "where", "rule"},
                 .right = {[2] = true},
                 .styles = {[4] = STYLE_CYAN, [5] = STYLE_DIM}};
    add_value(&grid, &invocation->screen, placement, &placement->result, SIZE_MAX);
    for (size_t i = 0; i < placement->count; i++)
        add_value(&grid, &invocation->screen, placement, &placement->values[i], i);
    grid_print(&grid, &invocation->screen);
}

/* What one register carries into the call, NULL for nothing. */
static const char *register_load(Heap *heap, const Placement *placement, Bank bank, size_t number) {
    for (size_t i = 0; i <= placement->count; i++) {
        bool is_result = i == 0; /* the hidden result's address comes in as an argument */
        const PlacedValue *value = is_result ? &placement->result : &placement->values[i - 1];
        if (is_result && !placement->hidden_result) continue;
        for (size_t k = 0; value->mode != MODE_IGNORED && k < value->piece_count; k++) {
            const Piece *piece = &value->pieces[k];
            if (piece->on_stack || piece->bank != bank || piece->number != number) continue;
            const char *name = piece_register(placement->target, piece);
            if (is_result) return heap_format(heap, "%s = address of the result", name);
            const char *label = value_label(heap, placement, i - 1);
            if (value->piece_count == 1) return heap_format(heap, "%s = %s", name, label);
            return heap_format(heap, "%s = %s [%s]", name, label, byte_range(heap, piece->offset, piece->size));
        }
    }
    return NULL;
}

/* In the order of the target's row, in lines of a readable length. */
static void print_registers(Invocation *invocation, const Placement *placement) {
    enum { MARGIN = 11, LINE_WIDTH = 100 };
    const Screen *screen = &invocation->screen;
    size_t column = MARGIN;
    screen_print(screen, STYLE_BOLD, "\nregisters  ");
    for (size_t bank = 0; bank < BANK_COUNT; bank++) {
        for (size_t number = 0; number < placement->target->banks[bank].count; number++) {
            const char *text = register_load(&invocation->heap, placement, (Bank)bank, number);
            if (text == NULL) continue;
            bool is_first = column == MARGIN, fits = column + 2 + strlen(text) <= LINE_WIDTH;
            const char *between = is_first ? "" : fits ? ", " : ",\n           ";
            fprintf(screen->out, "%s%s", between, text);
            column = (fits || is_first ? column + strlen(between) : MARGIN) + strlen(text);
        }
    }
    fputs(column == MARGIN ? "none\n" : "\n", screen->out);
}

static bool has_register(const Target *target, const char *name) {
    for (size_t i = 0; i < target->banks[BANK_GENERAL].count; i++)
        if (strcmp(target->banks[BANK_GENERAL].names[i], name) == 0) return true;
    return false;
}

static void print_notes(Invocation *invocation, const Function *function, const Placement *placement) {
    const Screen *screen = &invocation->screen;
    if (placement->signature->variadic && has_register(placement->target, "rax"))
        fprintf(screen->out, "al         %u: how many vector registers this variadic call uses, at most\n",
                placement->vector_count);
    if (function->is_open)
        screen_print(screen, STYLE_DIM,
                     "           shown without variadic arguments: write their types after the `...`, as in "
                     "`..., int, double`\n");
    for (size_t i = 0; i <= placement->count; i++) {
        const PlacedValue *value = i == 0 ? &placement->result : &placement->values[i - 1];
        if (value->dispute == NULL) continue;
        screen_print(screen, STYLE_YELLOW, "disputed   ");
        fprintf(screen->out, "%s: %s\n", value_label(&invocation->heap, placement, i == 0 ? SIZE_MAX : i - 1),
                value->dispute);
    }
}

void abi_print(Invocation *invocation, const Function *function, const Placement *placement) {
    size_t size = signature_spell(function->declared, function->name, NULL, 0) + 1;
    char *declaration = heap_new(&invocation->heap, size);
    signature_spell(function->declared, function->name, declaration, size);
    screen_print(&invocation->screen, STYLE_BOLD, "%s", declaration);
    screen_print(&invocation->screen, STYLE_DIM, "  on %s\n\n", placement->target->name);
    print_table(invocation, placement);
    print_registers(invocation, placement);
    abi_print_stack(invocation, placement);
    print_notes(invocation, function, placement);
}
