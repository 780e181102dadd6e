/* tests/unit/declarations.h: a table of types and a scope for a suite of tests about texts. */
#ifndef FERRY_TESTS_UNIT_DECLARATIONS_H
#define FERRY_TESTS_UNIT_DECLARATIONS_H

#include <criterion/criterion.h>

#include "abi/parse.h"

static TypeTable types;
static Scope *scope;
static ferry_error error;

static void open_all(void) {
    cr_assert(type_table_open(&types, NULL, &error) == FERRY_OK);
    cr_assert(scope_open(&types, NULL, &scope, &error) == FERRY_OK);
}

static void close_all(void) {
    scope_close(scope);
    type_table_close(&types);
}

#endif
