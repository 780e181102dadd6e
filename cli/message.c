/* Complaints: what is wrong, where, and nothing else. */
#include <string.h>

#include "cli/cli.h"

/* Output that was written before the complaint shall also be seen before it. */
static Screen begin(void) {
    fflush(stdout);
    Screen screen;
    screen_open(&screen, stderr, false);
    screen_print(&screen, STYLE_RED, "ferry: ");
    return screen;
}

void complain(const char *format, ...) {
    begin();
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

/* A long text is shown around its column. */
static void print_excerpt(const char *text, size_t column) {
    enum { BEFORE = 60, SHOWN = 100 };
    size_t length = strcspn(text, "\n"), start = column > BEFORE ? column - BEFORE : 0;
    if (start > length) start = length;
    size_t shown = length - start > SHOWN ? SHOWN : length - start;
    fprintf(stderr, "    %.*s\n    ", (int)shown, text + start);
    for (size_t i = start; i < column; i++) fputc(text[i] == '\t' ? '\t' : ' ', stderr);
    fputs("^\n", stderr);
}

void remark(const char *format, ...) {
    fflush(stdout);
    Screen screen;
    screen_open(&screen, stderr, false);
    screen_print(&screen, STYLE_YELLOW, "ferry: ");
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

void complain_in(const char *text, size_t column, const char *format, ...) {
    begin();
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    print_excerpt(text, column);
}

static int status_of(ferry_code code) {
    switch (code) {
    case FERRY_OUT_OF_MEMORY:
    case FERRY_NO_CODE:
    case FERRY_BACKEND:
    case FERRY_SYSTEM:
    case FERRY_UNFIT:
    case FERRY_TIMEOUT: return EXIT_MACHINE;
    default: return EXIT_USAGE;
    }
}

/* The excerpt is two lines; both are moved in so that the caret stays under its column. */
static void print_indented(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        fprintf(stderr, "    %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

int complain_error_in(const char *file, const ferry_error *error) {
    begin();
    if (file != NULL) fprintf(stderr, "%s: ", file);
    if (error->line > 0) fprintf(stderr, "line %u, column %u: ", error->line, error->column);
    fprintf(stderr, "%s\n", error->message[0] != '\0' ? error->message : ferry_code_text(error->code));
    if (error->excerpt[0] != '\n') print_indented(error->excerpt); /* nothing to point at in an empty text */
    return status_of(error->code);
}

int complain_error(const ferry_error *error) {
    return complain_error_in(NULL, error);
}
