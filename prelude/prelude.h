/* prelude.h: what makes the prelude, the internal interface of this folder on one page.
 *
 * `ferry-prelude` is run while ferry is built and is not installed. The pipeline, one file a stage:
 *
 *   common.txt --pattern.c--> signatures and ways, the most wanted first
 *              --wanted.c---> shapes, each once
 *              --budget.c---> as many of them as have room
 *              --output.c---> prelude.o for the library, prelude.txt for people and tests
 *
 * cover.c answers what the patterns are good for: how many of the functions of real headers have their shape among
 * them.
 *
 * Glossary
 *   way      one of the ways in which a signature may be crossed: direction, convention, errno
 *   wanted   a shape that some pattern asks for; of an upcall with its late shape, since one is of no use without the
 *            other
 */
#ifndef FERRY_PRELUDE_PRELUDE_H
#define FERRY_PRELUDE_PRELUDE_H

#include "abi/parse.h"
#include "runtime/ahead.h"

#define PRELUDE_SYMBOL "ferry_prelude"

/* ---- model.c: the types of the patterns on one target ---- */
typedef struct Model {
    const Target *target;
    Arena arena;
    TypeTable types;
    LayoutTable layouts;
    Scope *scope;
} Model;

/* The row whose code runs on every processor of this machine's kind. */
MUST_USE ferry_code model_target(const Target **target, ferry_error *error);
MUST_USE ferry_code model_open(Model *model, const Target *target, ferry_error *error);
void model_close(Model *model);
MUST_USE ferry_code model_shape(Model *model, const Signature *signature, const ShapeOptions *options,
                                const Shape **shape, ferry_error *error);
/* A file as a whole, terminated, in the arena. */
MUST_USE ferry_code read_whole(Arena *arena, const char *path, char **text, ferry_error *error);

/* ---- pattern.c ---- */
typedef struct Way {
    const char *name;
    ShapeOptions options;
} Way;

extern const Way ways[]; /* all that there are */
extern const size_t way_count;

/* Receives each signature of a pattern, with each of its ways, in order. */
typedef ferry_code WishSink(void *context, const Signature *signature, const Way *way, ferry_error *error);

/* Reads the whole text: declarations go to the model's scope, signatures to the sink. Errors name the line. */
MUST_USE ferry_code patterns_read(Model *model, char *text, WishSink *sink, void *context, ferry_error *error);

/* ---- wanted.c ---- */
typedef struct Wanted {
    const Shape *shape;
    struct Wanted *late; /* of an UPCALL; else NULL */
    size_t bytes;        /* what it takes in a library, once that is known */
    bool chosen;
} Wanted;

typedef struct WantedList {
    Wanted **items; /* in order of priority */
    size_t count;
    size_t room;
    Table by_shape;
} WantedList;

MUST_USE ferry_code wanted_read(Model *model, const char *path, WantedList *list, ferry_error *error);
Wanted *wanted_find(const WantedList *list, const Shape *shape); /* NULL: it is not wanted */
void wanted_close(WantedList *list);

/* ---- budget.c ---- */

/* Chooses from the front as many as fit into so many bytes, and makes them. */
MUST_USE ferry_code budget_make(Model *model, Loaded *loaded, WantedList *list, size_t budget, AheadObject *object,
                                ferry_error *error);

/* What an object adds to the library that it is linked into. */
typedef struct Bytes {
    size_t code;   /* executable sections */
    size_t unwind; /* .eh_frame */
    size_t search; /* the linker's table to search it by */
    size_t table;  /* everything else that is loaded */
} Bytes;

MUST_USE ferry_code object_measure(const AheadObject *object, Bytes *bytes, ferry_error *error);
static inline size_t bytes_of_all(const Bytes *bytes) {
    return bytes->code + bytes->unwind + bytes->search + bytes->table;
}

/* ---- output.c ---- */
MUST_USE ferry_code write_object(const char *path, const AheadObject *object, ferry_error *error);
MUST_USE ferry_code write_list(const char *path, const Target *target, const AheadObject *object, Arena *arena,
                               ferry_error *error);

/* ---- cover.c ---- */
MUST_USE ferry_code cover_report(const Target *target, const char *patterns, char *const *paths, int count,
                                 ferry_error *error);

#endif
