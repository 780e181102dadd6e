/* code_blobs.h: blobs written by hand, for the tests of trampolines/. */
#ifndef FERRY_TESTS_CODE_BLOBS_H
#define FERRY_TESTS_CODE_BLOBS_H

#include "trampolines/code.h"

enum { HAND_MADE_UNWIND_ROOM = 512 };

typedef struct HandMade {
    Blob blob;
    uint8_t unwind[HAND_MADE_UNWIND_ROOM];
    uint8_t code[512];
} HandMade;

/* int (*)(void) that returns value, followed by no-operations up to size bytes. */
void hand_made_constant(HandMade *made, int value, size_t size);

/* void (*)(void (*callee)(void)) that saves rbx and calls. */
void hand_made_caller(HandMade *made);

/* Completes made->blob: size bytes of code at `code`, and a table whose FDE has that program. */
void hand_made_describe(HandMade *made, const uint8_t *code, size_t size, const uint8_t *program, size_t program_size);

int call_constant(const Code *code);

/* An allocator that counts, and fails from the n-th request on (counted from 1; 0: never) where n is not 0. */
typedef struct Meter {
    size_t requests;
    size_t fail_at;
    size_t blocks; /* alive */
    size_t bytes;  /* alive */
} Meter;

ferry_allocator meter_allocator(Meter *meter);

/* What a process holds from the system. */
size_t count_mappings(void);
size_t count_files(void);

#endif
