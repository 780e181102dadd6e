/* svg.c: a plot of the calls: for each signature a group of bars, how many times the limit each way takes.
 *
 * Two panels side by side (slots kept, slots just written), one logarithmic axis each. Bars start at 1, the limit: to
 * the right slower, to the left faster.
 */
#include <math.h>
#include <string.h>

#include "bench/bench.h"

static const struct {
    Column column;
    const char *label;
    const char *colour;
} bars[] = {
    {COLUMN_DIRECT, "direct call", "#8c8c8c"},
    {COLUMN_SLOTS, "ferry, slots", "#0072b2"},
    {COLUMN_SLOTS_BOUND, "ferry, slots, bound", "#56b4e9"},
    {COLUMN_POINTERS, "ferry, pointers", "#007a5a"},
    {COLUMN_POINTERS_BOUND, "ferry, pointers, bound", "#7fcfb5"},
    {COLUMN_TINYCC, "TinyCC wrapper", "#e69f00"},
    {COLUMN_SLOW, "ferry, slow path", "#cc79a7"},
    {COLUMN_LIBFFI, "libffi ffi_call", "#d55e00"},
};
enum { BAR_COUNT = sizeof bars / sizeof bars[0] };

/*   |<- LABELS ->|<- PANEL ->|<- GAP ->|<- PANEL ->|<- MARGIN ->|   */
#define LABELS 170.0
#define PANEL  430.0
#define GAP    50.0
#define MARGIN 50.0
#define TOP    130.0
#define BAR    9.0
#define GROUP  (BAR * (double)BAR_COUNT + 12.0)
#define BOTTOM 60.0
#define WIDTH  (LABELS + PANEL + GAP + PANEL + MARGIN)
static const double least = 0.25, most = 64;

static double place(double ratio) {
    double inside = ratio < least ? least : ratio > most ? most : ratio;
    return PANEL * log(inside / least) / log(most / least);
}

static void text(FILE *file, double x, double y, const char *more, const char *words) {
    fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, more);
    for (; *words != 0; words++) switch (*words) {
        case '<': fputs("&lt;", file); break;
        case '>': fputs("&gt;", file); break;
        case '&': fputs("&amp;", file); break;
        default: putc(*words, file);
        }
    fputs("</text>\n", file);
}

static size_t group_of(const Results *results, const Row *row) {
    size_t group = 0;
    const Row *last = NULL;
    for (size_t k = 0; k < results->row_count && results->rows[k].row != row; k++) {
        if (results->rows[k].row != last) group++;
        last = results->rows[k].row;
    }
    return group;
}

static size_t count_groups(const Results *results) {
    size_t groups = 0;
    for (size_t k = 0; k < results->row_count; k++)
        if (k == 0 || results->rows[k].row != results->rows[k - 1].row) groups++;
    return groups;
}

static void draw_legend(FILE *file) {
    for (size_t k = 0; k < BAR_COUNT; k++) {
        size_t line = k / 4, column = k % 4;
        double x = LABELS + (double)column * 225, y = 62 + (double)line * 20;
        fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"10\" fill=\"%s\"/>\n", x, y, bars[k].colour);
        text(file, x + 20, y + 9, "font-size=\"12\"", bars[k].label);
    }
}

static void draw_axis(FILE *file, double left, double height, const char *title) {
    text(file, left + PANEL / 2, TOP - 12, "font-size=\"13\" font-weight=\"bold\" text-anchor=\"middle\"", title);
    fprintf(file, "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.1f\" fill=\"#e8f2e4\"/>\n",
            left + place(1 / 1.05), TOP, place(1.05) - place(1 / 1.05), height);
    for (int power = -2; power <= 6; power++) { /* least to most */
        double tick = ldexp(1, power), x = left + place(tick);
        char label[16];
        snprintf(label, sizeof label, "%g", tick);
        fprintf(file, "<line x1=\"%.1f\" y1=\"%.0f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x, TOP, x,
                TOP + height, tick == 1 ? "#333333" : "#dddddd");
        text(file, x, TOP + height + 16, "font-size=\"11\" text-anchor=\"middle\"", label);
    }
    text(file, left + PANEL / 2, TOP + height + 36, "font-size=\"12\" text-anchor=\"middle\"",
         "time of a call, as a multiple of the hand-written wrapper's (log scale)");
}

static void draw_bar(FILE *file, double left, double y, double ratio, const char *colour) {
    double from = left + place(ratio < 1 ? ratio : 1), to = left + place(ratio < 1 ? 1 : ratio);
    char label[16];
    snprintf(label, sizeof label, ratio >= 10 ? "%.0f" : "%.2f", ratio);
    fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" fill=\"%s\"/>\n", from, y,
            to - from < 1 ? 1 : to - from, BAR - 1, colour);
    if (ratio < 0.995) /* what reads 1.00 stands with those that are */
        text(file, from - 3, y + 7.5, "font-size=\"8\" text-anchor=\"end\"", label);
    else
        text(file, to + 3, y + 7.5, "font-size=\"8\"", label);
}

static void draw_row(const Results *results, const RowResult *row, FILE *file) {
    double left = row->fill ? LABELS + PANEL + GAP : LABELS;
    double y = TOP + 6 + (double)group_of(results, row->row) * GROUP;
    for (size_t k = 0; k < BAR_COUNT; k++, y += BAR) {
        double ratio = row_ratio(row, bars[k].column);
        if (!isnan(ratio)) draw_bar(file, left, y, ratio, bars[k].colour);
    }
}

void svg_write(const Results *results, FILE *file) {
    double height = (double)count_groups(results) * GROUP;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
            "font-family=\"sans-serif\" fill=\"#222222\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            WIDTH, TOP + height + BOTTOM, WIDTH, TOP + height + BOTTOM);
    text(file, LABELS, 28, "font-size=\"17\" font-weight=\"bold\"", "Calling C: how close to code written by hand?");
    text(file, LABELS, 47, "font-size=\"12\" fill=\"#555555\"",
         "1 is the better one of gcc's and clang's -O2 code for a wrapper of that signature and convention; "
         "green band: within 5 %");
    draw_legend(file);
    draw_axis(file, LABELS, height, "argument slots kept");
    draw_axis(file, LABELS + PANEL + GAP, height, "argument slots written just before each call");
    const Row *last = NULL;
    for (size_t k = 0; k < results->row_count; k++) {
        const RowResult *row = &results->rows[k];
        double middle = TOP + (double)group_of(results, row->row) * GROUP + GROUP / 2 + 4;
        if (row->row != last) text(file, LABELS - 10, middle, "font-size=\"12\" text-anchor=\"end\"", row->row->name);
        last = row->row;
        draw_row(results, row, file);
        if (row_slots(row->row) == 0)
            text(file, LABELS + PANEL + GAP + place(1) + 8, middle, "font-size=\"11\" fill=\"#777777\"",
                 "no arguments to write");
    }
    fputs("</svg>\n", file);
}
