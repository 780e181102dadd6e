/* ferry/declare.h: types and signatures from C declarations.
 *
 * The grammar is that of declarations in C17, with GNU's and C23's attributes, C23's `enum e : T` and `[[...]]`, all
 * of <stdint.h>'s and <stddef.h>'s names, comments, and integer constant expressions in bounds, widths and
 * enumerators. No preprocessor: lines that begin with # are refused. In a call of a variadic function the types of
 * its variadic arguments may follow the `...`: int printf(const char *, ..., int, double).
 */
#ifndef FERRY_DECLARE_H
#define FERRY_DECLARE_H

#include "ferry/type.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a text has declared: typedefs, tags, enumerators, functions and variables, in order. */
typedef struct ferry_scope ferry_scope;

typedef enum ferry_declared {
    FERRY_DECLARED_TYPEDEF,
    FERRY_DECLARED_TAG,
    FERRY_DECLARED_ENUMERATOR,
    FERRY_DECLARED_FUNCTION,
    FERRY_DECLARED_VARIABLE
} ferry_declared;

typedef struct ferry_declaration {
    ferry_declared what;
    const char *name;                 /* "struct point" for a tag */
    const ferry_type *type;           /* of a function: its function type */
    const ferry_signature *signature; /* of a function, else NULL */
    int64_t value;                    /* of an enumerator, else 0 */
} ferry_declaration;

/* An empty scope; owned by the caller, must be freed before its engine. A scope is used by one thread at a time. */
FERRY_API ferry_scope *ferry_scope_create(ferry_engine *engine, ferry_error *error);
FERRY_API void ferry_scope_free(ferry_scope *scope); /* NULL is allowed */

/* Adds all declarations of text (zero-terminated, not kept) to the scope. On failure the scope is as it was before,
 * and error has line, column and excerpt. */
FERRY_API ferry_code ferry_scope_parse(ferry_scope *scope, const char *text, ferry_error *error);

/* The same for text of a given length, which may hold any bytes. */
FERRY_API ferry_code ferry_scope_parse_bytes(ferry_scope *scope, const char *text, size_t length, ferry_error *error);

/* Everything declared so far, in order; the pointer is valid until the scope is parsed into again or freed. */
FERRY_API size_t ferry_scope_count(const ferry_scope *scope);
FERRY_API const ferry_declaration *ferry_scope_at(const ferry_scope *scope, size_t index);

/* The newest declaration with that name ("point", "struct point"), or NULL. */
FERRY_API const ferry_declaration *ferry_scope_find(const ferry_scope *scope, const char *name);

/* The type that text spells, as in a cast: "unsigned long", "struct { int x; double y; }", "int (*)(void)", with the
 * names of scope where that is not NULL (scope must be of the same engine). */
FERRY_API const ferry_type *ferry_type_parse(ferry_engine *engine, ferry_scope *scope, const char *text,
                                             ferry_error *error);

/* The signature of the last function that text declares; its name is returned through name where that is not NULL
 * (storage: the engine's). A function type without a name, "double (double)", is accepted too; name is then NULL. */
FERRY_API const ferry_signature *ferry_signature_parse(ferry_engine *engine, const char *text, const char **name,
                                                       ferry_error *error);

#ifdef __cplusplus
}
#endif
#endif
