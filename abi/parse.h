/* abi/parse.h: C declarations to types and signatures (the grammar is described in ferry/declare.h).
 *
 *   lex.c       bytes -> tokens with their place
 *   parse_*.c   tokens -> types, one file per part of the grammar
 *   scope.c     what was declared; undone as a whole when a text fails
 */
#ifndef FERRY_ABI_PARSE_H
#define FERRY_ABI_PARSE_H

#include "abi/type.h"
#include "ferry/declare.h"

typedef struct ferry_scope Scope;

MUST_USE ferry_code scope_open(TypeTable *types, const ferry_allocator *allocator, Scope **scope, ferry_error *error);
void scope_close(Scope *scope);
MUST_USE ferry_code scope_parse(Scope *scope, const char *text, size_t length, ferry_error *error);
TypeTable *scope_types(const Scope *scope);
size_t scope_count(const Scope *scope);
const ferry_declaration *scope_at(const Scope *scope, size_t index);
const ferry_declaration *scope_find(const Scope *scope, const char *name);

/* scope may be NULL. */
MUST_USE ferry_code parse_type(TypeTable *types, const ferry_allocator *allocator, Scope *scope, const char *text,
                               const Type **type, ferry_error *error);
/* *name: interned, or NULL for a function type without a name. */
MUST_USE ferry_code parse_signature(TypeTable *types, const ferry_allocator *allocator, const char *text,
                                    const Signature **signature, const char **name, ferry_error *error);

#endif
