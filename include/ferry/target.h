/* ferry/target.h: what a type looks like in memory on the engine's target.
 *
 * The rules are the psABI's of the target; docs/abi has a page for each with its sources.
 */
#ifndef FERRY_TARGET_H
#define FERRY_TARGET_H

#include "ferry/type.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_extent {
    uint64_t size;      /* in bytes, trailing padding included */
    uint64_t alignment; /* in bytes, a power of two */
} ferry_extent;

/* sizeof and _Alignof of type. Fails for void, functions, incomplete types, and sizes beyond 2^60. */
FERRY_API ferry_code ferry_type_measure(ferry_engine *engine, const ferry_type *type, ferry_extent *extent,
                                        ferry_error *error);

/* Where member `index` of a struct or union lies, in bits from its start: offset / 8 is offsetof unless it is a
 * bit-field. */
FERRY_API ferry_code ferry_type_locate(ferry_engine *engine, const ferry_type *type, size_t index, uint64_t *bit_offset,
                                       ferry_error *error);

/* The number of 8-byte slots that a value of type takes in the slots convention: size / 8, rounded up. */
FERRY_API ferry_code ferry_type_slots(ferry_engine *engine, const ferry_type *type, uint64_t *slots,
                                      ferry_error *error);

#ifdef __cplusplus
}
#endif
#endif
