/* jit/stub.h: the upcall stub of a shape. */
#ifndef FERRY_JIT_STUB_H
#define FERRY_JIT_STUB_H

#include "abi/shape.h"
#include "jit/emit.h"

/* Adds a function of the signature that the shape comes from to the module, which receives the closure's cell in the
 * static-chain register; for a late shape the function that answers once the closure has ended. See jit/backend.h.
 * Scratch memory is in arena. */
MUST_USE ferry_code stub_build(const Emit *emit, const Target *target, const Shape *shape, const char *name,
                               Arena *arena, ferry_error *error);

#endif
