/* stubs.c: the stubs a person would write by hand for each signature, in both conventions:
 *
 *   result stub(parameters)     collects them, calls handler(context, arguments, &result) of a cell
 *
 *   up_slots, up_pointers                the cell comes through the static chain, from a thunk (thunks.c)
 *   up_slots_errno, up_pointers_errno    and errno is after the handler what it was before
 *   up_slots_static                      the cell lies at an address that the code knows: no thunk, one such stub per
 *                                        closure. The only one that TinyCC can do
 */
#ifndef FERRY_BENCH_SIGNATURES_H
#include "bench/limit.h"
#include "bench/signatures.h"
#endif

/* ---- the arguments ---- */

/* Slots, or pointers, and no fewer. */
enum {
    ROOM_none = 0,
    ROOM_long1 = 1,
    ROOM_double3 = 3,
    ROOM_long6 = 6,
    ROOM_long12 = 12,
    ROOM_double10 = 10,
    ROOM_mixed8 = 8,
    ROOM_pair = 2,
    ROOM_triple = 3
};

/* As the slots convention wants it: narrow integers fill their slots. */
#define PUT_int(where, value)    (*(long *)(where) = (value))
#define PUT_short(where, value)  (*(long *)(where) = (value))
#define PUT_char(where, value)   (*(long *)(where) = (value))
#define PUT_long(where, value)   (*(long *)(where) = (value))
#define PUT_double(where, value) (*(double *)(where) = (value))
#define PUT_float(where, value)  (*(float *)(where) = (value))
#define PUT_Text(where, value)   (*(Text *)(where) = (value))
#define PUT_Pair(where, value)   (*(Pair *)(where) = (value))
#define PUT_Triple(where, value) (*(Triple *)(where) = (value))

#define INTO_SLOT(type, index) PUT_##type(arguments + (index), a##index)
#define POINT_AT(type, index)  (*(const void **)(arguments + (index)) = &a##index)
#define EACH(...)              ((void)0, ##__VA_ARGS__)

/* ---- the cell ---- */

#if defined(__x86_64__)
#define CHAIN      "r10"
#define THREAD(at) ((int __seg_fs *)(at))
#define THREAD_INT int __seg_fs
#elif defined(__aarch64__)
#define CHAIN      "x15"
#define THREAD(at) ((int *)((char *)__builtin_thread_pointer() + (at)))
#define THREAD_INT int
#else
#define CHAIN      "t2"
#define THREAD(at) ((int *)((char *)__builtin_thread_pointer() + (at)))
#define THREAD_INT int
#endif

#define FIND_IN_CHAIN                                                                                                  \
    register const LimitCell *chain __asm__(CHAIN);                                                                    \
    __asm__ volatile("" : "=r"(chain) : : "memory");                                                                   \
    const LimitCell *cell = chain;
#define FIND_up_slots          FIND_IN_CHAIN
#define FIND_up_slots_errno    FIND_IN_CHAIN
#define FIND_up_pointers       FIND_IN_CHAIN
#define FIND_up_pointers_errno FIND_IN_CHAIN
#define FIND_up_slots_static   const LimitCell *cell = (const LimitCell *)STATIC_CELL_ADDRESS;

/* ---- the call, and what C gets of it ---- */

#define CALL(arguments, where) cell->handler(cell->context, arguments, where);
#define CALL_KEEPING_ERRNO(arguments, where)                                                                           \
    THREAD_INT *place = THREAD(cell->errno_offset);                                                                    \
    int before = *place;                                                                                               \
    CALL(arguments, where)                                                                                             \
    *place = before;
#define CALL_up_slots          CALL
#define CALL_up_slots_errno    CALL_KEEPING_ERRNO
#define CALL_up_slots_static   CALL
#define CALL_up_pointers       CALL
#define CALL_up_pointers_errno CALL_KEEPING_ERRNO

#define ANSWER(type, call, arguments)                                                                                  \
    type answer;                                                                                                       \
    call(arguments, &answer) return answer;
#define ANSWER_void(call, arguments)   call(arguments, (void *)0)
#define ANSWER_long(call, arguments)   ANSWER(long, call, arguments)
#define ANSWER_double(call, arguments) ANSWER(double, call, arguments)
#define ANSWER_Pair(call, arguments)   ANSWER(Pair, call, arguments)
#define ANSWER_Triple(call, arguments) ANSWER(Triple, call, arguments)

#define STUB(kind, name, result, parameters, collect)                                                                  \
    result NAME(PREFIX, kind, name) parameters;                                                                        \
    HOW_##result __attribute__((section(SECTION(CODE(PREFIX, kind, name))))) result NAME(PREFIX, kind, name)           \
        parameters {                                                                                                   \
        FIND_##kind unsigned long arguments[ROOM_##name + 1];                                                          \
        (void)arguments;                                                                                               \
        EACH collect;                                                                                                  \
        ANSWER_##result(CALL_##kind, ROOM_##name == 0 ? (void *)0 : arguments)                                         \
    }

/* A char fills its slot with its sign, as it must; the static cell's address is fixed, as a hand would write it. */
/* NOLINTBEGIN(bugprone-signed-char-misuse, clang-analyzer-core.FixedAddressDereference) */
#define STATIC_SLOTS(name, result, parameters, collect) STUB(up_slots_static, name, result, parameters, collect)
FIXED_SIGNATURES(STATIC_SLOTS, INTO_SLOT)

#ifndef __TINYC__
#define SLOTS(name, result, parameters, collect)          STUB(up_slots, name, result, parameters, collect)
#define SLOTS_ERRNO(name, result, parameters, collect)    STUB(up_slots_errno, name, result, parameters, collect)
#define POINTERS(name, result, parameters, collect)       STUB(up_pointers, name, result, parameters, collect)
#define POINTERS_ERRNO(name, result, parameters, collect) STUB(up_pointers_errno, name, result, parameters, collect)

FIXED_SIGNATURES(SLOTS, INTO_SLOT)
FIXED_SIGNATURES(SLOTS_ERRNO, INTO_SLOT)
FIXED_SIGNATURES(POINTERS, POINT_AT)
FIXED_SIGNATURES(POINTERS_ERRNO, POINT_AT)
#endif
/* NOLINTEND(bugprone-signed-char-misuse, clang-analyzer-core.FixedAddressDereference) */
