/* jit/trampoline.h: the downcall trampoline of a shape. */
#ifndef FERRY_JIT_TRAMPOLINE_H
#define FERRY_JIT_TRAMPOLINE_H

#include "abi/shape.h"
#include "jit/emit.h"

/* Adds
 *
 *   void name(ptr binding, ptr arguments, ptr result)
 *
 * to the module; bound: the target's address, or NULL to take it from the binding. Scratch memory is in arena. */
MUST_USE ferry_code trampoline_build(const Emit *emit, const Target *target, const Shape *shape, const void *bound,
                                     const char *name, Arena *arena, ferry_error *error);

#endif
