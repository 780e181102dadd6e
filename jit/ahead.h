/* jit/ahead.h: a module of trampolines as an object to be linked. */
#ifndef FERRY_JIT_AHEAD_H
#define FERRY_JIT_AHEAD_H

#include "jit/jit.h"

MUST_USE ferry_code ahead_check(const ObjectRequest *request, ferry_error *error);
/* Gives the functions of a module of the request's shapes their names, and adds the table. */
MUST_USE ferry_code ahead_complete(const Jit *jit, LLVMModuleRef module, const ObjectRequest *request,
                                   ferry_error *error);
/* Copies the object, which has been read, and finds the table in it. */
MUST_USE ferry_code ahead_copy(const Jit *jit, const ObjectRequest *request, LLVMMemoryBufferRef buffer,
                               ObjectFile *object, ferry_error *error);
void ahead_free(ObjectFile *object);

#endif
