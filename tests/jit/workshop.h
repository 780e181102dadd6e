/* workshop.h: makes trampolines and stubs from C declarations and puts them where they can be called. */
#ifndef FERRY_TESTS_JIT_WORKSHOP_H
#define FERRY_TESTS_JIT_WORKSHOP_H

#include <criterion/criterion.h>

#include "abi/parse.h"
#include "jit/backend.h"

/* A blob that was copied into executable memory, unwind table included (registered with the unwinder). */
typedef struct Made {
    ferry_entry entry;
    const uint8_t *code;
    size_t size;
    size_t unwind_size;
    char name[512];
} Made;

/* What a trampoline receives as its binding. */
typedef struct Bound {
    ferry_entry entry;
    void (*target)(void);
    int *(*errno_location)(void);
} Bound;

/* What a stub receives as its cell, as jit/backend.h draws it. */
typedef struct TestUpcall {
    void (*late)(void *cell, void *arguments, void *result);
    intptr_t errno_offset;
} TestUpcall;

typedef struct TestCell {
    const void *entry;
    void (*handler)(void *context, void *arguments, void *result);
    void *context;
    const TestUpcall *upcall;
} TestCell;

typedef struct Workshop {
    const ferry_allocator *allocator;
    const Backend *backend;
    const Target *target;
    void *state;
    TypeTable types;
    LayoutTable layouts;
    Arena arena;
    uint8_t *memory; /* writable and executable: a test may */
    size_t used;
    Made *next; /* where the sink puts blob `index`: next[index] */
} Workshop;

void workshop_open(Workshop *workshop, const char *target);
void workshop_close(Workshop *workshop);

const Shape *workshop_shape(Workshop *workshop, const char *declaration, ferry_convention convention,
                            bool capture_errno);
/* The placement of what C sees: of a variadic function without a call's arguments that of the call without any. */
const Placement *workshop_place(Workshop *workshop, const char *declaration);
const Shape *workshop_shape_of(Workshop *workshop, const Placement *placement, const ShapeOptions *options);
CompileRequest workshop_request(const Workshop *workshop, const Shape *const *shape, ferry_quality quality);

/* Fails the test when the compile fails. */
Made workshop_make(Workshop *workshop, const char *declaration, ferry_convention convention, ferry_quality quality);
Made workshop_make_request(Workshop *workshop, const CompileRequest *request);
Made workshop_make_stub(Workshop *workshop, const char *declaration, const ShapeOptions *options,
                        ferry_quality quality);
char *workshop_dump_stub(Workshop *workshop, const char *declaration, const ShapeOptions *options,
                         ferry_quality quality, DumpStage stage);
intptr_t workshop_errno_offset(void); /* from the thread pointer */
/* A C function pointer: loads the cell's address into the static-chain register and jumps to the cell's first word. */
void (*workshop_thunk(Workshop *workshop, const TestCell *cell))(void);
char *workshop_dump(Workshop *workshop, const char *declaration, ferry_convention convention, ferry_quality quality,
                    DumpStage stage); /* free with backend->free_text */
BlobSink workshop_sink;               /* context: the workshop */

void call(const Made *made, void (*function)(void), const void *arguments, void *result);

/* Fills the stack below the caller's frame, so that what a stub does not write there is no leftover that happens to be
 * right. */
void dirty_stack(void);

/* The last `size` bytes before a page that cannot be touched. */
uint8_t *page_end(size_t size);

#define FUNCTION(name) ((void (*)(void))(name))

/* Runs the statement once for each convention and quality. */
#define EACH_WAY(convention, quality)                                                                                  \
    for (ferry_convention convention = FERRY_SLOTS; convention <= FERRY_POINTERS; convention++)                        \
        for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++)

#endif
