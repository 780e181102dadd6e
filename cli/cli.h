/* cli/cli.h: the whole internal interface of the `ferry` command, by the file that owns it.
 *
 * A command is a row: its name, what it takes, its options, its examples, and the function that runs it. The rows are
 * listed once, in main.c; help, parsing and error messages read them and nothing else.
 *
 * Exit status: 0 done, 1 the machine failed (memory, a file, the LLVM module), 2 what was asked for makes no sense.
 */
#ifndef FERRY_CLI_CLI_H
#define FERRY_CLI_CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ferry/ferry.h"

#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define LENGTH_OF(array)    (sizeof(array) / sizeof((array)[0]))

enum { EXIT_DONE = 0, EXIT_MACHINE = 1, EXIT_USAGE = 2 };

/* heap.c: memory that lives until the command ends. Never NULL: without memory the process ends with a message. */
typedef struct Heap {
    struct HeapBlock *newest;
} Heap;
void *heap_new(Heap *heap, size_t size); /* cleared, aligned to 64 */
char *heap_format(Heap *heap, const char *format, ...) PRINTF(2, 3);
char *heap_copy(Heap *heap, const char *bytes, size_t length);       /* with a zero behind */
char *heap_read_file(Heap *heap, const char *path);                  /* "-": standard input; NULL after a complaint */
char *heap_read_bytes(Heap *heap, const char *path, size_t *length); /* the same, of a file that may hold zeros */
void heap_free(Heap *heap);

/* style.c: where to write and how it may look. */
typedef enum Style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN } Style;
typedef struct Screen {
    FILE *out;
    bool colour; /* a terminal, and NO_COLOR is not set */
    bool ascii;  /* --plain, or the locale is not UTF-8 */
} Screen;
void screen_open(Screen *screen, FILE *out, bool plain);
void screen_print(const Screen *screen, Style style, const char *format, ...) PRINTF(3, 4);

/* message.c: complaints, to standard error. */
void complain(const char *format, ...) PRINTF(1, 2);
void complain_in(const char *text, size_t column, const char *format, ...) PRINTF(3, 4); /* with a caret, from 0 */
void remark(const char *format, ...) PRINTF(1, 2); /* no complaint: something to know */
int complain_error(const ferry_error *error);      /* with line, column and excerpt; returns the exit status */
int complain_error_in(const char *file, const ferry_error *error); /* the same, of a file; NULL: of no file */

/* options.c */
enum { OPTION_LIMIT = 16 };
typedef struct OptionRow {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, for people; NULL: nothing */
    const char *help;
    char letter; /* 0: none */
} OptionRow;

typedef struct Invocation Invocation;
typedef struct Command {
    const char *name;
    const char *summary;
    const char *usage;       /* what follows the name */
    const char *description; /* paragraphs for --help */
    const char *examples;
    OptionRow options[OPTION_LIMIT]; /* up to the first without a name */
    bool options_first;              /* what follows the first argument is no option, even with a dash: `call ... -2` */
    bool raw;                        /* hands everything on unparsed */
    int (*run)(Invocation *invocation);
} Command;

struct Invocation {
    const Command *command;
    const char *values[OPTION_LIMIT]; /* NULL: not given; "" for one that takes nothing */
    char **arguments;
    size_t argument_count;
    Heap heap;
    Screen screen;
};
bool options_parse(Invocation *invocation, char **words, size_t count); /* false after a complaint */
const char *option_value(const Invocation *invocation, const char *name);
bool option_given(const Invocation *invocation, const char *name);
void options_help(const Screen *screen, const Command *command);
bool expect_arguments(const Invocation *invocation, size_t least, size_t most); /* false after a complaint */
/* The index of an option's value in choices, 0 when it was not given; SIZE_MAX after a complaint. */
size_t option_choice(const Invocation *invocation, const char *name, const char *const *choices, size_t count);

/* grid.c: tables with aligned columns of UTF-8 text. */
enum { GRID_COLUMNS = 8 };
typedef struct Grid {
    Heap *heap;
    size_t columns;
    const char *titles[GRID_COLUMNS];
    bool right[GRID_COLUMNS]; /* aligned to the right */
    Style styles[GRID_COLUMNS];
    const char *(*rows)[GRID_COLUMNS];
    size_t row_count, row_capacity;
} Grid;
void grid_add(Grid *grid, const char *const *cells); /* `columns` cells, NULL for an empty one; not copied */
void grid_print(const Grid *grid, const Screen *screen);
size_t text_width(const char *text); /* in characters */

/* json.c: a writer. name is NULL inside arrays. */
typedef struct Json {
    FILE *out;
    unsigned depth;
    bool empty; /* nothing yet in the innermost array or object */
} Json;
void json_open(Json *json, const char *name, char bracket);         /* '{' or '[' */
void json_close(Json *json, char bracket);                          /* '}' or ']'; the outermost ends the line */
void json_string(Json *json, const char *name, const char *string); /* NULL: null */
void json_number(Json *json, const char *name, uint64_t number);
void json_signed(Json *json, const char *name, int64_t number);
void json_bool(Json *json, const char *name, bool value);

/* host.c: this machine. */
const char *host_target(ferry_error *error);   /* the name of its target; NULL when it has none */
char *host_file(Heap *heap, const char *name); /* name next to this program or in its libexec; NULL: in neither */

/* The rows, each in the file of its name. */
extern const Command call_command, abi_command, layout_command, ir_command, asm_command, targets_command, bench_command,
    aot_command, cache_command;
int print_version(Invocation *invocation); /* version.c */

#endif
