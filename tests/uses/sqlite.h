/* sqlite.h: what the uses in SQLite share. */
#ifndef FERRY_TESTS_USES_SQLITE_H
#define FERRY_TESTS_USES_SQLITE_H

#include <sqlite3.h>
#include <stdio.h>

#include "support.h"

static inline sqlite3 *open_database(void) {
    sqlite3 *database = NULL;
    cr_assert_eq(sqlite3_open(":memory:", &database), SQLITE_OK);
    return database;
}

static inline void run(sqlite3 *database, const char *sql) {
    cr_assert_eq(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(database));
}

/* All rows, by C alone: values with `|` between them, rows with `;`. */
static inline const char *query(sqlite3 *database, const char *sql, char *text, size_t size) {
    sqlite3_stmt *statement = NULL;
    size_t length = 0;
    text[0] = '\0';
    cr_assert_eq(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(database));
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement) && length < size; i++) {
            const unsigned char *value = sqlite3_column_text(statement, i);
            length += (size_t)snprintf(text + length, size - length, "%s%s", i == 0 ? "" : "|",
                                       value != NULL ? (const char *)value : "NULL");
        }
        if (length < size) length += (size_t)snprintf(text + length, size - length, ";");
    }
    cr_assert_eq(code, SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(database));
    sqlite3_finalize(statement);
    return text;
}

#endif
