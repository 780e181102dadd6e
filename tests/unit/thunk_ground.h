/* thunk_ground.h: what the tests of thunks share. */
#ifndef FERRY_TESTS_THUNK_GROUND_H
#define FERRY_TESTS_THUNK_GROUND_H

#include "trampolines/thunk.h"

enum { CELL_WORDS = THUNK_BYTES / sizeof(uintptr_t) };
typedef uintptr_t ThunkCell[CELL_WORDS];

/* What a thunk may jump to: returns the static chain. */
void *static_chain(void);

/* Of a cell whose first word is static_chain. */
void *call_thunk(const void *cell);

ThunkSpace *open_thunks(const ferry_allocator *allocator);

/* Takes count cells, at most `most` at a time, makes them jump to static_chain, and hands them out. Usable in a child,
 * in which Criterion's assertions are not: false where one cannot be had, is not zero, or not aligned. */
bool take_cells(ThunkSpace *space, size_t count, size_t most, ThunkCell **cells);

/* Whether each gets itself as the static chain. */
bool call_cells(ThunkCell **cells, size_t count);

/* Takes all thunks that come with the library, for as long as the process lives: so that a refusal is one. */
void use_up_supply(void);

/* Sanitizers map memory themselves, at any time: limits and counts of the whole process say nothing then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

/* What the process holds: bytes of address space, mappings (0 where SANITIZED). No heap is used. */
size_t address_space(void);
size_t all_mappings(void);

/* The permissions of the mapping that holds address, as "r-xs"; fails the test where any is writable and executable. */
void permissions_at(const void *address, char permissions[5]);

/* From now on the system call fails with EPERM; where third is not ANY_ARGUMENT only with that third argument. */
#define ANY_ARGUMENT UINT32_MAX
void forbid_call(uint32_t number, uint32_t third);

#endif
