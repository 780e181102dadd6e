/* cases.h: every signature of the patterns as C has it. generate.c writes the tables from prelude/common.txt, and a
 * compiler decides how each call really travels. */
#ifndef FERRY_TESTS_PRELUDE_CASES_H
#define FERRY_TESTS_PRELUDE_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "ferry/ferry.h"

#define MOST_PARAMETERS 16
#define MOST_BYTES      64 /* of one value */

typedef struct Facts {
    size_t size;
    bool fills_slot;  /* an integer of less than 8 bytes */
    bool is_signed;   /* that is extended by its sign */
    const char *mask; /* a letter for each byte: 'v' what counts, '.' padding, 'x' of an x87 number */
} Facts;

typedef void Caller(ferry_function *code, void *const *values, void *result);

typedef struct Case {
    const char *text;
    ferry_function *callee; /* notes its arguments and returns `answer`; NULL: no way calls C */
    Caller *caller;         /* calls a closure with these values; NULL: no way is a closure's */
    unsigned ways;          /* a bit for each of way_names */
    const Facts *result;    /* NULL: void */
    size_t count;
    const Facts *parameters[MOST_PARAMETERS];
} Case;

/* ---- generated ---- */
extern const char declarations[]; /* the typedefs */
extern const char *const way_names[];
extern const size_t case_way_count;
extern const Case cases[];
extern const size_t case_count;

/* ---- what the generated functions use: execute.c ---- */
extern unsigned char answer[MOST_BYTES];
void note(size_t index, const void *value, size_t size);
void leave_errno(void);

#endif
