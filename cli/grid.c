/* Tables with aligned columns. */
#include <string.h>

#include "cli/cli.h"

size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80; /* UTF-8's later bytes do not count */
    return width;
}

void grid_add(Grid *grid, const char *const *cells) {
    if (grid->row_count == grid->row_capacity) {
        size_t capacity = grid->row_capacity == 0 ? 16 : 2 * grid->row_capacity;
        const char *(*rows)[GRID_COLUMNS] = heap_new(grid->heap, capacity * sizeof *rows);
        if (grid->row_count > 0) memcpy(rows, grid->rows, grid->row_count * sizeof *rows);
        grid->rows = rows;
        grid->row_capacity = capacity;
    }
    for (size_t i = 0; i < grid->columns; i++) grid->rows[grid->row_count][i] = cells[i] != NULL ? cells[i] : "";
    grid->row_count++;
}

/* The last cell that is not empty is not padded: no line ends with spaces. */
static void print_row(const Grid *grid, const Screen *screen, const char *const *cells, const size_t *widths,
                      bool is_title) {
    size_t last = grid->columns;
    while (last > 0 && cells[last - 1][0] == '\0') last--;
    for (size_t i = 0; i < last; i++) {
        int padding = (int)(widths[i] - text_width(cells[i]));
        if (i > 0) fputs("  ", screen->out);
        if (grid->right[i]) fprintf(screen->out, "%*s", padding, "");
        screen_print(screen, is_title ? STYLE_BOLD : grid->styles[i], "%s", cells[i]);
        if (!grid->right[i] && i + 1 < last) fprintf(screen->out, "%*s", padding, "");
    }
    fputc('\n', screen->out);
}

void grid_print(const Grid *grid, const Screen *screen) {
    size_t widths[GRID_COLUMNS];
    for (size_t i = 0; i < grid->columns; i++) {
        widths[i] = text_width(grid->titles[i]);
        for (size_t row = 0; row < grid->row_count; row++) {
            size_t width = text_width(grid->rows[row][i]);
            if (width > widths[i]) widths[i] = width;
        }
    }
    print_row(grid, screen, grid->titles, widths, true);
    for (size_t row = 0; row < grid->row_count; row++) print_row(grid, screen, grid->rows[row], widths, false);
}
