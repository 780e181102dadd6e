/* jit/llvm_version.h: all that differs between the versions of LLVM that this room builds with (19 to 22).
 *
 * So far it is nothing but names: the part of the C API that is used here has not changed between them. Code outside
 * this header never asks for the version.
 */
#ifndef FERRY_JIT_LLVM_VERSION_H
#define FERRY_JIT_LLVM_VERSION_H

#include <llvm/Config/llvm-config.h>

#if LLVM_VERSION_MAJOR < 19 || LLVM_VERSION_MAJOR > 22
#error "ferry knows LLVM 19 to 22"
#endif

#define JIT_LLVM_NAME "LLVM " LLVM_VERSION_STRING

/* The value of the attribute `uwtable` for tables that are right at every instruction. */
#define JIT_UWTABLE_ASYNC 2

#endif
