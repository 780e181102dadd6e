/* runtime/interface.h: what tables that C calls and tables that C hands in have in common.
 *
 * Glossary
 *   record   the struct type of a table, without the alignment of a typedef
 *   place    the byte at which a member lies in the table
 */
#ifndef FERRY_RUNTIME_INTERFACE_H
#define FERRY_RUNTIME_INTERFACE_H

#include "ferry/interface.h"
#include "runtime/engine.h"

typedef void (*Function)(void);

typedef struct TableShape {
    const Type *record;
    const Layout *layout;
} TableShape;

/* api_interface.c: FERRY_INVALID for what is no struct, FERRY_INCOMPLETE for a struct without members yet. */
MUST_USE ferry_code table_shape(Engine *engine, const Type *type, TableShape *shape, ferry_error *error);
/* What the member points to, looking through typedefs; NULL when that is no function. */
const Signature *table_function(const TableShape *shape, size_t index);
/* Puts `member 2 "scale": ` before the message of a failure; code is returned. */
ferry_code table_fail_at(const TableShape *shape, size_t index, ferry_code code, ferry_error *error);

static inline size_t table_place(const TableShape *shape, size_t index) {
    return (size_t)(shape->layout->member_offsets[index] / 8);
}

#endif
