/* cli/aot.h: what the files of `ferry aot` share, by the file that owns it.
 *
 *   aot_read.c     texts -> declarations, each with its place
 *   aot_types.c    declarations -> the function types in them
 *   aot_uses.c     declarations and function types -> shapes, each with what it serves
 *   aot.c          shapes -> an object (runtime/ahead.h); the command's row
 *   aot_output.c   object -> NAME.o, NAME.h, NAME.json
 *   aot_link.c     object -> NAME.so
 *   aot_inspect.c  a file -> what is in it; aot_image.c: whether its code is as it was made
 */
#ifndef FERRY_CLI_AOT_H
#define FERRY_CLI_AOT_H

#include "cli/model.h"
#include "runtime/ahead.h"

/* Where a declaration begins. */
typedef struct Place {
    const char *file;
    uint32_t line;
} Place;

/* What stubs are made for. */
typedef enum Upcalls { UPCALLS_POINTERS, UPCALLS_ALL, UPCALLS_NONE } Upcalls;

/* A function, or a type of functions. */
typedef struct Callee {
    const char *spelling; /* "double pow(double, double)", "int (*)(void *)" */
    const Signature *signature;
    Place place;
} Callee;

/* A shape and whom it serves; one shape serves many. */
typedef struct Use {
    const Shape *shape;
    const Callee *callee;
} Use;

typedef struct Skipped {
    const char *what; /* the declaration, or what is known of it */
    const char *reason;
    Place place;
} Skipped;

typedef struct Aot {
    Invocation *invocation;
    Heap *heap;
    Model model;

    /* options */
    bool conventions[2]; /* by ferry_convention */
    bool errnos[2];      /* without, with */
    Upcalls upcalls;
    ferry_quality quality;
    bool skip;
    const char *stem; /* --output without its ending */
    const char *symbol;

    Place *places; /* by the scope's index */
    size_t place_capacity;
    Use *uses;
    size_t use_count, use_capacity;
    Skipped *skipped;
    size_t skipped_count, skipped_capacity;
    bool failed; /* something was refused */
    int status;  /* of the exit; EXIT_DONE until something fails */
} Aot;

/* aot.c: with --skip a remark, otherwise a complaint that ends in a failure, though not yet. */
void aot_refuse(Aot *aot, Place place, const char *what, const ferry_error *error);
void *aot_grow(Heap *heap, void *list, size_t count, size_t *capacity, size_t size); /* room for one more */

/* aot_read.c: false after complaints. */
bool aot_read(Aot *aot, const char *path);

/* aot_types.c: all function types that the declarations mention, in the order in which they do. */
typedef struct FunctionType {
    const Type *type;
    size_t declaration; /* where it was met first */
} FunctionType;
size_t aot_function_types(Aot *aot, FunctionType **types);

/* aot_uses.c: fills in uses; what cannot be passed was refused. */
void aot_find_uses(Aot *aot);

/* aot_output.c: false after a complaint. A file is there as a whole or not at all. */
bool aot_write_file(Aot *aot, const char *path, const void *bytes, size_t size);
bool aot_write_header(Aot *aot, const AheadObject *object);
bool aot_write_manifest(Aot *aot, const AheadObject *object, const char *llvm);

/* aot_link.c */
bool aot_link(Aot *aot, const AheadObject *object);

/* aot_inspect.c, aot_image.c */
int aot_inspect(Invocation *invocation);
/* Looks at the code behind a table in an ELF file that could be loaded. FERRY_OK with *known false: it is another kind
 * of file. FERRY_UNFIT: damaged code, and whose. */
MUST_USE ferry_code aot_check_code(const uint8_t *bytes, size_t size, const Bundle *bundle, size_t table_at,
                                   bool *known, ferry_error *error);
bool aot_is_cut(const uint8_t *bytes, size_t size);                      /* an ELF file whose end is missing */
bool aot_exports(const uint8_t *bytes, size_t size, const char *symbol); /* as a shared object does */

#endif
