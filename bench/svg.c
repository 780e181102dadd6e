/* svg.c: a plot of the calls: for each signature a group of bars, how many times the limit each way takes.
 *
 * Three panels side by side (slots kept, slots just written, C calls the VM), one logarithmic axis each. Bars start at
 * 1, the limit: to the right slower, to the left faster.
 */
#include <math.h>
#include <string.h>

#include "bench/bench.h"

/* One colour each, in both directions. */
static const struct {
    Column downcall, upcall;
    const char *label;
    const char *colour;
} bars[] = {
    {COLUMN_DIRECT, COLUMN_UP_NATIVE, "direct call, native callback", "#8c8c8c"},
    {COLUMN_SLOTS, COLUMN_UP_SLOTS, "ferry, slots", "#0072b2"},
    {COLUMN_SLOTS_BOUND, COLUMN_UP_SLOTS_HANDLER_ERRNO, "ferry, slots, bound; errno the handler's", "#56b4e9"},
    {COLUMN_POINTERS, COLUMN_UP_POINTERS, "ferry, pointers", "#007a5a"},
    {COLUMN_POINTERS_BOUND, COLUMN_UP_POINTERS_HANDLER_ERRNO, "ferry, pointers, bound; errno the handler's", "#7fcfb5"},
    {COLUMN_TINYCC, COLUMN_UP_TINYCC, "TinyCC", "#e69f00"},
    {COLUMN_SLOW, COLUMN_UP_SLOW, "ferry, slow path", "#cc79a7"},
    {COLUMN_LIBFFI, COLUMN_UP_LIBFFI, "libffi's call, closure", "#d55e00"},
};
enum { BAR_COUNT = sizeof bars / sizeof bars[0] };

static const char *const panel_titles[MODE_COUNT] = {
    [MODE_KEPT] = "calls to C, argument slots kept",
    [MODE_FILL] = "calls to C, argument slots written just before",
    [MODE_UPCALL] = "C calls the VM",
};

static const char *const panel_gaps[MODE_COUNT] = {
    [MODE_KEPT] = "not measured",
    [MODE_FILL] = "no arguments to write",
    [MODE_UPCALL] = "not called by C",
};

/*   |<- LABELS ->|<- PANEL ->|<- GAP ->|<- PANEL ->|<- GAP ->|<- PANEL ->|<- MARGIN ->|   */
#define LABELS 170.0
#define PANEL  430.0
#define GAP    50.0
#define MARGIN 50.0
#define TOP    130.0
#define BAR    9.0
#define GROUP  (BAR * (double)BAR_COUNT + 12.0)
#define BOTTOM 60.0
#define WIDTH  (LABELS + (double)MODE_COUNT * (PANEL + GAP) - GAP + MARGIN)
static const double least = 0.25, most = 64;

static double left_of(Mode mode) {
    return LABELS + (double)mode * (PANEL + GAP);
}

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

static const RowResult *find(const Results *results, const Row *row, Mode mode) {
    for (size_t k = 0; k < results->row_count; k++)
        if (results->rows[k].row == row && (mode == MODE_COUNT || results->rows[k].mode == mode))
            return &results->rows[k];
    return NULL;
}

/* A group for each row that was measured in any way. */
static size_t groups_before(const Results *results, const Row *row) {
    size_t groups = 0;
    for (const Row *other = rows; other != row; other++) groups += find(results, other, MODE_COUNT) != NULL;
    return groups;
}

static void draw_legend(FILE *file) {
    for (size_t k = 0; k < BAR_COUNT; k++) {
        size_t line = k / 4, column = k % 4;
        double x = LABELS + (double)column * 310, y = 62 + (double)line * 20;
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
         "time of a call, as a multiple of the hand-written code's (log scale)");
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
    double left = left_of(row->mode);
    double y = TOP + 6 + (double)groups_before(results, row->row) * GROUP;
    for (size_t k = 0; k < BAR_COUNT; k++, y += BAR) {
        double ratio = row_ratio(row, row->mode == MODE_UPCALL ? bars[k].upcall : bars[k].downcall);
        if (!isnan(ratio)) draw_bar(file, left, y, ratio, bars[k].colour);
    }
}

static void draw_group(const Results *results, const Row *row, FILE *file) {
    if (find(results, row, MODE_COUNT) == NULL) return;
    double middle = TOP + (double)groups_before(results, row) * GROUP + GROUP / 2 + 4;
    text(file, LABELS - 10, middle, "font-size=\"12\" text-anchor=\"end\"", row->name);
    for (Mode mode = 0; mode < MODE_COUNT; mode++)
        if (!row_has(row, mode))
            text(file, left_of(mode) + place(1) + 8, middle, "font-size=\"11\" fill=\"#777777\"", panel_gaps[mode]);
}

void svg_write(const Results *results, FILE *file) {
    double height = (double)groups_before(results, rows + row_count) * GROUP;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
            "font-family=\"sans-serif\" fill=\"#222222\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            WIDTH, TOP + height + BOTTOM, WIDTH, TOP + height + BOTTOM);
    text(file, LABELS, 28, "font-size=\"17\" font-weight=\"bold\"",
         "Calling C, and called by C: how close to code written by hand?");
    text(file, LABELS, 47, "font-size=\"12\" fill=\"#555555\"",
         "1 is the better one of gcc's and clang's -O2 code for a wrapper or a stub of that signature and convention; "
         "green band: within 5 %");
    draw_legend(file);
    for (Mode mode = 0; mode < MODE_COUNT; mode++) draw_axis(file, left_of(mode), height, panel_titles[mode]);
    for (size_t k = 0; k < results->row_count; k++) draw_row(results, &results->rows[k], file);
    for (size_t k = 0; k < row_count; k++) draw_group(results, &rows[k], file);
    fputs("</svg>\n", file);
}
