/* sqlite_table.c: a virtual table of SQLite: sqlite3_module, a C struct of numbers and functions, is an interface. */
#include "sqlite.h"

/* Of the 24 members those that a read-only table needs; the others stay NULL. */
#define MODULE                                                                                                         \
    "typedef struct sqlite3 sqlite3; typedef struct sqlite3_vtab sqlite3_vtab;"                                        \
    "typedef struct sqlite3_vtab_cursor sqlite3_vtab_cursor; typedef struct sqlite3_index_info sqlite3_index_info;"    \
    "typedef struct sqlite3_value sqlite3_value; typedef struct sqlite3_context sqlite3_context;"                      \
    "struct sqlite3_module {"                                                                                          \
    "  int iVersion;"                                                                                                  \
    "  int (*xCreate)(sqlite3 *, void *, int, const char *const *, sqlite3_vtab **, char **);"                         \
    "  int (*xConnect)(sqlite3 *, void *, int, const char *const *, sqlite3_vtab **, char **);"                        \
    "  int (*xBestIndex)(sqlite3_vtab *, sqlite3_index_info *);"                                                       \
    "  int (*xDisconnect)(sqlite3_vtab *);"                                                                            \
    "  int (*xDestroy)(sqlite3_vtab *);"                                                                               \
    "  int (*xOpen)(sqlite3_vtab *, sqlite3_vtab_cursor **);"                                                          \
    "  int (*xClose)(sqlite3_vtab_cursor *);"                                                                          \
    "  int (*xFilter)(sqlite3_vtab_cursor *, int, const char *, int, sqlite3_value **);"                               \
    "  int (*xNext)(sqlite3_vtab_cursor *);"                                                                           \
    "  int (*xEof)(sqlite3_vtab_cursor *);"                                                                            \
    "  int (*xColumn)(sqlite3_vtab_cursor *, sqlite3_context *, int);"                                                 \
    "  int (*xRowid)(sqlite3_vtab_cursor *, int64_t *);"                                                               \
    "};"

static const char *const names[] = {"iVersion", "xCreate", "xConnect", "xBestIndex", "xDisconnect", "xDestroy", "xOpen",
                                    "xClose",   "xFilter", "xNext",    "xEof",       "xColumn",     "xRowid"};
enum { MEMBERS = sizeof names / sizeof names[0] };

/* The rows: n = 0, 1, ... rows - 1, with its square. */
typedef struct Squares {
    ferry_convention convention;
    int64_t rows;
    int tables, cursors; /* alive */
} Squares;

typedef struct Cursor {
    sqlite3_vtab_cursor base;
    int64_t row;
} Cursor;

static Cursor *cursor_at(void *context, void *arguments) {
    return ARGUMENT(Cursor *, ((Squares *)context)->convention, arguments, 0);
}

static void connect_table(void *context, void *arguments, void *result) {
    Squares *squares = context;
    sqlite3 *database = ARGUMENT(sqlite3 *, squares->convention, arguments, 0);
    cr_assert_eq(ARGUMENT(void *, squares->convention, arguments, 1), context);
    sqlite3_vtab *table = sqlite3_malloc(sizeof *table);
    cr_assert_not_null(table);
    *table = (sqlite3_vtab){0};
    *ARGUMENT(sqlite3_vtab **, squares->convention, arguments, 4) = table;
    squares->tables++;
    give(result, sqlite3_declare_vtab(database, "create table x(n integer, square integer)"));
}

static void best_index(void *context, void *arguments, void *result) {
    sqlite3_index_info *info = ARGUMENT(sqlite3_index_info *, ((Squares *)context)->convention, arguments, 1);
    info->estimatedCost = 1000;
    give(result, SQLITE_OK);
}

static void disconnect(void *context, void *arguments, void *result) {
    Squares *squares = context;
    sqlite3_free(ARGUMENT(sqlite3_vtab *, squares->convention, arguments, 0));
    squares->tables--;
    give(result, SQLITE_OK);
}

static void open_cursor(void *context, void *arguments, void *result) {
    Squares *squares = context;
    Cursor *cursor = sqlite3_malloc(sizeof *cursor);
    cr_assert_not_null(cursor);
    *cursor = (Cursor){.row = -1};
    *ARGUMENT(sqlite3_vtab_cursor **, squares->convention, arguments, 1) = &cursor->base;
    squares->cursors++;
    give(result, SQLITE_OK);
}

static void close_cursor(void *context, void *arguments, void *result) {
    sqlite3_free(cursor_at(context, arguments));
    ((Squares *)context)->cursors--;
    give(result, SQLITE_OK);
}

static void filter(void *context, void *arguments, void *result) {
    cursor_at(context, arguments)->row = 0;
    give(result, SQLITE_OK);
}

static void next_row(void *context, void *arguments, void *result) {
    cursor_at(context, arguments)->row++;
    give(result, SQLITE_OK);
}

static void at_end(void *context, void *arguments, void *result) {
    give(result, cursor_at(context, arguments)->row >= ((Squares *)context)->rows);
}

static void column(void *context, void *arguments, void *result) {
    Squares *squares = context;
    int64_t n = cursor_at(context, arguments)->row;
    int which = ARGUMENT(int, squares->convention, arguments, 2);
    sqlite3_result_int64(ARGUMENT(sqlite3_context *, squares->convention, arguments, 1), which == 0 ? n : n * n);
    give(result, SQLITE_OK);
}

static void row_id(void *context, void *arguments, void *result) {
    Squares *squares = context;
    *ARGUMENT(int64_t *, squares->convention, arguments, 1) = cursor_at(context, arguments)->row + 1;
    give(result, SQLITE_OK);
}

static const ferry_handler handlers[MEMBERS] = {
    [2] = connect_table, [3] = best_index, [4] = disconnect, [6] = open_cursor, [7] = close_cursor,
    [8] = filter,        [9] = next_row,   [10] = at_end,    [11] = column,     [12] = row_id};

static const ferry_type *module_type(ferry_engine *engine) {
    ferry_error error;
    ferry_scope *scope = ferry_scope_create(engine, &error);
    cr_assert_not_null(scope, "%s", error.message);
    cr_assert_eq(ferry_scope_parse(scope, MODULE, &error), FERRY_OK, "%s\n%s", error.message, error.excerpt);
    const ferry_type *type = ferry_scope_find(scope, "struct sqlite3_module")->type;
    for (size_t i = 0; i < MEMBERS; i++) cr_assert_str_eq(ferry_type_member(type, i)->name, names[i]);
    ferry_scope_free(scope);
    return type;
}

/* SQLite reads more members than were declared, according to iVersion; they lie behind and are NULL. */
static void define(sqlite3 *database, ferry_interface *interface, sqlite3_module *module, Squares *squares) {
    memset(module, 0, sizeof *module);
    memcpy(module, ferry_interface_table(interface), offsetof(sqlite3_module, xUpdate));
    cr_assert_eq(sqlite3_create_module(database, "squares", module, squares), SQLITE_OK);
}

Test(uses, sqlite_reads_a_table_of_the_virtual_machine) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        ferry_error error;
        Squares squares = {.convention = way->convention, .rows = 1000};
        ferry_method methods[MEMBERS];
        for (int i = 0; i < MEMBERS; i++) methods[i] = (ferry_method){handlers[i], &squares};
        const ferry_interface_options options = {.closure = {.convention = way->convention, .name = "squares"}};
        ferry_interface *interface =
            ferry_interface_create(engine, module_type(engine), methods, MEMBERS, &options, &error);
        cr_assert_not_null(interface, "%s", error.message);
        sqlite3 *database = open_database();
        sqlite3_module module;
        char text[256];
        define(database, interface, &module, &squares);
        query(database, "select count(*), sum(n), sum(square) from squares", text, sizeof text);
        cr_expect_str_eq(text, "1000|499500|332833500;", "%s", way->name);
        query(database, "select a.n, b.square, b.rowid from squares a join squares b on b.n = a.n + 1 where a.n > 996",
              text, sizeof text);
        cr_expect_str_eq(text, "997|996004|999;998|998001|1000;");
        cr_expect_eq(squares.tables, 1);
        cr_expect_eq(squares.cursors, 0);
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        cr_expect_eq(squares.tables, 0);
        cr_expect_eq(ferry_interface_release(interface, NULL), FERRY_OK);
        free_engine(engine);
    }
}
