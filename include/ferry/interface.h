/* ferry/interface.h: callables and tables of functions that cross a boundary.
 *
 * A callable is what one language hands to another: a function pointer and who keeps it alive. It is a plain C struct,
 * so that any language can read it:
 *
 *     offset 0         code      the C function: call it like any function pointer of that type
 *     offset 1 word    context   whom retain and release are told
 *     offset 2 words   retain    one owner more
 *     offset 3 words   release   one owner less; with the last one the function ends
 *
 * An interface is a C struct of function pointers, each backed by a handler:
 *
 *     struct Shape_vtable { double (*area)(struct Shape *); void (*scale)(struct Shape *, double); };
 *
 * made from that declaration in one call. Its mirror makes a binding of each function in such a struct that C hands in.
 */
#ifndef FERRY_INTERFACE_H
#define FERRY_INTERFACE_H

#include "ferry/closure.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_callable {
    void (*code)(void);
    void *context;
    void (*retain)(void *context);  /* any thread */
    void (*release)(void *context); /* any thread */
} ferry_callable;

/* Fills callable with the closure's code and one new reference to it, which belongs to the receiver: whoever is done
 * with the callable calls release(context) once. The caller keeps its own reference. FERRY_STALE for an ended closure.
 */
FERRY_API ferry_code ferry_closure_export(ferry_closure *closure, ferry_callable *callable, ferry_error *error);

/* ---- tables that C calls ---- */

typedef struct ferry_interface ferry_interface;

/* What stands behind one member of the table. */
typedef struct ferry_method {
    ferry_handler handler; /* NULL: the member stays NULL, or what `initial` has there */
    void *context;
} ferry_method;

typedef struct ferry_interface_options {
    ferry_closure_options closure; /* of every method; a name becomes "name.member"; fallback must be NULL, since the
                                      results' types differ; finalize is called for each method's context */
    const void *initial;           /* a table of that type to start from: its bytes are kept wherever no handler
                                      stands behind a member (sizes, versions, functions of C's). NULL: zeros */
} ferry_interface_options;

/* table: a complete struct type; methods: one for each of its members, in order, `count` the number of members. Only
 * members that are pointers to functions may have a handler. All closures are made or none; on failure no finalizer is
 * called. One reference belongs to the caller, who releases it before the engine is freed. */
FERRY_API ferry_interface *ferry_interface_create(ferry_engine *engine, const ferry_type *table,
                                                  const ferry_method *methods, size_t count,
                                                  const ferry_interface_options *options, ferry_error *error);

/* The C struct. */
FERRY_API const void *ferry_interface_table(const ferry_interface *interface);

/* An opaque object whose first word points to the table, as in `struct Shape { const struct Shape_vtable *vtable; }`:
 * C passes it back as the first argument of each method. */
FERRY_API void *ferry_interface_object(ferry_interface *interface);

/* The closure behind member `index`, borrowed; NULL where there is none. */
FERRY_API ferry_closure *ferry_interface_closure(const ferry_interface *interface, size_t index);

/* One reference more or less, or the end of every closure. The last release ends the interface; C may still call
 * through its table until `quarantine` further interfaces have ended (ferry_engine_options), and is reported as for any
 * ended closure. Until then FERRY_STALE for an interface without references; after that its pointer is not valid. Any
 * thread.
 */
FERRY_API ferry_code ferry_interface_retain(ferry_interface *interface, ferry_error *error);
FERRY_API ferry_code ferry_interface_release(ferry_interface *interface, ferry_error *error); /* NULL is allowed */
FERRY_API ferry_code ferry_interface_revoke(ferry_interface *interface, ferry_error *error);  /* every closure */

/* ---- tables that C hands in ---- */

typedef struct ferry_imports ferry_imports;

/* Makes a binding for each function pointer in *functions, a struct of type `table`. Only read now: later changes of
 * the struct do not matter. Members that are NULL, no function pointers, or variadic (each call of such a function
 * needs a binding of its own) have none. The options are those of ferry_bind. */
FERRY_API ferry_imports *ferry_imports_create(ferry_engine *engine, const ferry_type *table, const void *functions,
                                              const ferry_binding_options *options, ferry_error *error);
FERRY_API ferry_binding *ferry_imports_at(const ferry_imports *imports, size_t index); /* of member index, or NULL */
FERRY_API ferry_binding *ferry_imports_find(const ferry_imports *imports, const char *member); /* by name, or NULL */
FERRY_API void ferry_imports_free(ferry_imports *imports); /* with its bindings. NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
