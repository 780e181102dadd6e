/* cli/call.h: what the files of `ferry call` share. */
#ifndef FERRY_CLI_CALL_H
#define FERRY_CLI_CALL_H

#include "cli/value.h"

/* A function of a library. */
typedef struct Callee {
    const char *name;
    const ferry_signature *signature; /* of this call: variadic arguments included */
    void *library;                    /* dlopen's; NULL: what is loaded already */
    void (*function)(void);
} Callee;

/* A call ready to be made. arguments and result are as the convention wants them. */
typedef struct Call {
    const Values *values;
    Callee callee;
    ferry_convention convention;
    void **places;    /* of each argument, its value in memory */
    Pointed *pointed; /* of each argument, the memory made for it */
    const void *arguments;
    void *result;
    int *errno_place; /* NULL: not asked for */
} Call;

/* library.c. False after a complaint. */
bool library_open(const char *name, void **library);
bool library_find(const char *library_name, Callee *callee);

/* arguments.c: reads the texts by the signature's types; false after a complaint. A variadic signature gets its
 * types from them where the declaration does not give them. */
bool arguments_read(Call *call, char **texts, size_t count);
bool arguments_pass(Call *call); /* lays them out for the convention, with room for the result */

/* crash.c: a fault inside the function is reported before the process dies of it. */
void crash_watch(const char *function);

#endif
