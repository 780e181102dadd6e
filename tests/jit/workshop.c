#define _GNU_SOURCE
#include "workshop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY ((size_t)4 << 20)

extern const Backend *ferry_backend(void);
extern void __register_frame(void *);

void workshop_open(Workshop *workshop, const char *target) {
    ferry_error error = {0};
    *workshop = (Workshop){.backend = ferry_backend(), .target = target_find(target)};
    cr_assert_not_null(workshop->target);
    cr_assert_eq(workshop->backend->open(NULL, &workshop->state, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(type_table_open(&workshop->types, NULL, &error), FERRY_OK, "%s", error.message);
    layout_table_open(&workshop->layouts, workshop->target, &workshop->arena, NULL);
    workshop->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(workshop->memory, MAP_FAILED);
}

void workshop_close(Workshop *workshop) {
    workshop->backend->close(workshop->state);
    layout_table_close(&workshop->layouts);
    type_table_close(&workshop->types);
    arena_free(&workshop->arena);
}

const Placement *workshop_place(Workshop *workshop, const char *declaration) {
    ferry_error error = {0};
    const Signature *signature = NULL;
    const Placement *placement = NULL;
    const char *name = NULL;
    ferry_code code = parse_signature(&workshop->types, NULL, declaration, &signature, &name, &error);
    cr_assert_eq(code, FERRY_OK, "%s: %s\n%s", declaration, error.message, error.excerpt);
    if (signature->variadic && !signature->of_call) {
        code = signature_of_call(&workshop->types, signature, NULL, 0, &signature, &error);
        cr_assert_eq(code, FERRY_OK, "%s: %s", declaration, error.message);
    }
    code = place_signature(&workshop->layouts, &workshop->arena, signature, &placement, &error);
    cr_assert_eq(code, FERRY_OK, "%s: %s", declaration, error.message);
    return placement;
}

const Shape *workshop_shape_of(Workshop *workshop, const Placement *placement, const ShapeOptions *options) {
    ferry_error error = {0};
    const Shape *shape = NULL;
    ferry_code code = shape_of(placement, options, &workshop->arena, &shape, &error);
    cr_assert_eq(code, FERRY_OK, "%s", error.message);
    return shape;
}

const Shape *workshop_shape(Workshop *workshop, const char *declaration, ferry_convention convention,
                            bool capture_errno) {
    ShapeOptions options = {.convention = convention, .capture_errno = capture_errno};
    return workshop_shape_of(workshop, workshop_place(workshop, declaration), &options);
}

CompileRequest workshop_request(const Workshop *workshop, const Shape *const *shape, ferry_quality quality) {
    return (CompileRequest){.target = workshop->target, .quality = quality, .shapes = shape, .count = 1};
}

static void *put(Workshop *workshop, const void *bytes, size_t size, size_t alignment) {
    workshop->used = (workshop->used + alignment - 1) / alignment * alignment;
    cr_assert_leq(workshop->used + size, MEMORY);
    uint8_t *place = workshop->memory + workshop->used;
    memcpy(place, bytes, size);
    workshop->used += size;
    return place;
}

ferry_code workshop_sink(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Workshop *workshop = context;
    (void)error;
    Made *made = &workshop->next[index];
    uint8_t *code = put(workshop, blob->code, blob->code_size, 16);
    uint8_t *unwind = put(workshop, blob->unwind, blob->unwind_size, 8);
    int32_t distance = (int32_t)(code - (unwind + blob->unwind_fixup));
    memcpy(unwind + blob->unwind_fixup, &distance, sizeof distance);
    __register_frame(unwind);
    *made = (Made){.code = code, .size = blob->code_size, .unwind_size = blob->unwind_size};
    memcpy(&made->entry, &code, sizeof code);
    snprintf(made->name, sizeof made->name, "%s", blob->name);
    return FERRY_OK;
}

Made workshop_make_request(Workshop *workshop, const CompileRequest *request) {
    ferry_error error = {0};
    Made made = {0};
    workshop->next = &made;
    ferry_code code = workshop->backend->compile(workshop->state, request, workshop_sink, workshop, &error);
    cr_assert_eq(code, FERRY_OK, "%s", error.message);
    cr_assert_not_null(made.code, "no blob arrived");
    return made;
}

Made workshop_make(Workshop *workshop, const char *declaration, ferry_convention convention, ferry_quality quality) {
    const Shape *shape = workshop_shape(workshop, declaration, convention, false);
    CompileRequest request = workshop_request(workshop, &shape, quality);
    return workshop_make_request(workshop, &request);
}

Made workshop_make_stub(Workshop *workshop, const char *declaration, const ShapeOptions *options,
                        ferry_quality quality) {
    const Shape *shape = workshop_shape_of(workshop, workshop_place(workshop, declaration), options);
    CompileRequest request = workshop_request(workshop, &shape, quality);
    return workshop_make_request(workshop, &request);
}

intptr_t workshop_errno_offset(void) {
    return (char *)&errno - (char *)__builtin_thread_pointer();
}

/* endbr64; movabs $cell, %r10; jmp *(%r10) */
void (*workshop_thunk(Workshop *workshop, const TestCell *cell))(void) {
    uint8_t code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x49, 0xba, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xff, 0x22};
    memcpy(code + 6, &cell, sizeof cell);
    void *place = put(workshop, code, sizeof code, 16);
    void (*function)(void);
    memcpy(&function, &place, sizeof function);
    return function;
}

static char *dump(Workshop *workshop, const char *declaration, const Shape *shape, ferry_quality quality,
                  DumpStage stage) {
    ferry_error error = {0};
    char *text = NULL;
    CompileRequest request = workshop_request(workshop, &shape, quality);
    ferry_code code = workshop->backend->dump(workshop->state, &request, stage, &text, &error);
    cr_assert_eq(code, FERRY_OK, "%s: %s", declaration, error.message);
    return text;
}

char *workshop_dump(Workshop *workshop, const char *declaration, ferry_convention convention, ferry_quality quality,
                    DumpStage stage) {
    return dump(workshop, declaration, workshop_shape(workshop, declaration, convention, false), quality, stage);
}

char *workshop_dump_stub(Workshop *workshop, const char *declaration, const ShapeOptions *options,
                         ferry_quality quality, DumpStage stage) {
    const Shape *shape = workshop_shape_of(workshop, workshop_place(workshop, declaration), options);
    return dump(workshop, declaration, shape, quality, stage);
}

static int *errno_location(void) {
    return &errno;
}

void call(const Made *made, void (*function)(void), const void *arguments, void *result) {
    Bound bound = {.entry = made->entry, .target = function, .errno_location = errno_location};
    made->entry((const ferry_binding *)(const void *)&bound, arguments, result);
}

__attribute__((noinline)) void dirty_stack(void) {
    volatile uint8_t below[8192];
    for (size_t i = 0; i < sizeof below; i++) below[i] = 0xd3;
}

uint8_t *page_end(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (size + page - 1) / page;
    uint8_t *memory = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + pages * page, page, PROT_NONE), 0);
    return memory + pages * page - size;
}
