/* Colour only on a terminal (https://no-color.org), line drawing only where the locale can show it. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *const sequences[] = {
    [STYLE_PLAIN] = "",         [STYLE_BOLD] = "\x1b[1m",    [STYLE_DIM] = "\x1b[2m",   [STYLE_RED] = "\x1b[1;31m",
    [STYLE_GREEN] = "\x1b[32m", [STYLE_YELLOW] = "\x1b[33m", [STYLE_CYAN] = "\x1b[36m",
};

static bool wants_colour(FILE *out) {
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (refused == NULL || *refused == '\0') && (terminal == NULL || strcmp(terminal, "dumb") != 0) &&
           isatty(fileno(out));
}

/* Asks about the user's locale without entering it: a function called by `ferry call` must find the C locale. */
static bool shows_utf8(void) {
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0) return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

void screen_open(Screen *screen, FILE *out, bool plain) {
    *screen = (Screen){.out = out, .colour = !plain && wants_colour(out), .ascii = plain || !shows_utf8()};
}

void screen_print(const Screen *screen, Style style, const char *format, ...) {
    bool coloured = screen->colour && style != STYLE_PLAIN;
    if (coloured) fputs(sequences[style], screen->out);
    va_list list;
    va_start(list, format);
    vfprintf(screen->out, format, list);
    va_end(list);
    if (coloured) fputs("\x1b[0m", screen->out);
}
