/* cli/model.h: one target with the declarations of one text, for the commands that show what ferry knows:
 * abi, layout, ir, asm. They include the internals that they show. */
#ifndef FERRY_CLI_MODEL_H
#define FERRY_CLI_MODEL_H

#include "abi/layout.h"
#include "abi/parse.h"
#include "abi/place.h"
#include "cli/cli.h"

typedef struct Model {
    const Target *target;
    Arena arena;
    TypeTable types;
    LayoutTable layouts;
    Scope *scope;
} Model;

typedef struct Function {
    const char *name;           /* NULL: a function type without one */
    const Signature *declared;  /* as the text says */
    const Signature *signature; /* of a call */
    bool is_open; /* variadic, and the declaration gives no types after the `...`: placed as a call without any */
} Function;

/* model.c. False after a complaint; *status is then the exit status. --target picks the target. */
bool model_open(Model *model, const Invocation *invocation, int *status);
const Target *model_target(const Invocation *invocation, int *status); /* NULL after a complaint */
bool model_open_for(Model *model, const Target *target, int *status);
void model_close(Model *model);
bool model_parse(Model *model, const char *text, int *status); /* all declarations, into the scope */
bool model_function(Model *model, const char *text, Function *function, int *status); /* the last one of text */
bool model_settle(Model *model, Function *function, int *status); /* the signature of a call, also when is_open */
bool model_place(Model *model, const Function *function, const Placement **placement, int *status);

/* abi_text.c, abi_stack.c, abi_json.c: one placement. */
void abi_print(Invocation *invocation, const Function *function, const Placement *placement);
void abi_print_stack(Invocation *invocation, const Placement *placement);
void abi_write_json(Json *json, const Function *function, const Placement *placement);
const char *value_label(Heap *heap, const Placement *placement,
                        size_t index);                              /* "arg 2", "vararg 3"; SIZE_MAX: "result" */
const char *short_type(Heap *heap, const Type *type, bool ascii);   /* its spelling, cut when it is long */
const char *byte_range(Heap *heap, uint64_t offset, uint64_t size); /* "8-15", "3" */

/* layout_text.c, layout_json.c: one type. alias: the typedef's name, for a record without a tag; NULL: none. */
bool layout_print(Invocation *invocation, Model *model, const Type *type, const char *alias, int *status);
bool layout_write_json(Json *json, Model *model, const Type *type, int *status);

/* What lies between and behind the members of a record, in bits. layout_gaps.c */
typedef struct Gap {
    size_t before; /* index of the member behind it; the member count: at the end */
    uint64_t bit_offset;
    uint64_t bits;
} Gap;
typedef struct Gaps {
    Gap *list; /* in the order of the members; the padding at the end is the last one */
    size_t count;
    uint64_t hole_bits; /* without the padding at the end */
    size_t holes;
    uint64_t padding_bits;
} Gaps;
bool layout_gaps(Model *model, Heap *heap, const Layout *layout, Gaps *gaps, int *status);
bool member_extent(Model *model, const Layout *layout, size_t index, uint64_t *bits, int *status);

#endif
