/* Stubs with cursors, the machine code of stubs, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "workshop.h"

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

static const char *const declarations[] = {
    "void f(void)",
    "long f(long)",
    "double f(double, double, double)",
    "long f(long, long, long, long, long, long, long, long, long, long, long, long)",
    "double f(double, double, double, double, double, double, double, double, double, double, double, double)",
    "int f(char, short, int, unsigned char, unsigned short, unsigned, signed char, short, int, char, short, int)",
    "double f(int, double, long, float, short, double, char, void *)",
    "struct s { double x, y; } f(struct s)",
    "struct s { long x, y, z; } f(struct s)",
    "struct s { char c[7]; } f(struct s)",
    "__int128 f(__int128, long)",
    "struct s { long x[16]; } f(struct s, int)",
    "long double f(long double)",
    "_Complex long double f(_Complex long double)",
    "__float128 f(__float128, _Complex float)",
    "_Float16 f(_Float16, __bf16)",
    "int f(const char *, ...)",
    "void f(struct { }, int)",
};

/* The first so many hold nothing that takes a vector register of 16 bytes. */
#define WITHOUT_VECTORS 14

static Workshop workshop;

static void open_workshop(void) {
    workshop_open(&workshop, "x86_64-sysv");
}
static void close_workshop(void) {
    workshop_close(&workshop);
}

TestSuite(jit_stub_code, .init = open_workshop, .fini = close_workshop);
TestSuite(jit_stub_cursor, .init = open_workshop, .fini = close_workshop);

static ShapeOptions upcall(const char *declaration, ferry_convention convention, bool keep_errno) {
    return (ShapeOptions){.direction = UPCALL,
                          .convention = convention,
                          .keep_errno = keep_errno,
                          .cursor = strstr(declaration, "...") != NULL};
}

static bool is_jump(const Made *made) {
    const uint8_t *end = made->code + made->size;
    bool by_register = end[-2] == 0xff && (end[-1] & 0xf8) == 0xe0; /* jmp *%r */
    bool by_memory = end[-3] == 0xff && (end[-2] & 0xf8) == 0x60;   /* jmp *n(%r) */
    return by_register || by_memory;
}

static size_t count(const char *text, const char *word) {
    size_t found = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) found++;
    return found;
}

Test(jit_stub_code, every_stub_begins_with_a_landing_pad_and_calls_the_handler_alone) {
    for (size_t i = 0; i < 2 * COUNT_OF(declarations); i++) {
        const char *declaration = declarations[i / 2];
        EACH_WAY(convention, quality) {
            ShapeOptions options = upcall(declaration, convention, i % 2 == 1);
            Made made = workshop_make_stub(&workshop, declaration, &options, quality);
            cr_expect_eq(memcmp(made.code, endbr64, sizeof endbr64), 0, "%s", declaration);
            char *text = workshop_dump_stub(&workshop, declaration, &options, quality, DUMP_ASSEMBLY);
            size_t calls = count(text, "call") + count(text, "jmp");
            cr_expect_eq(calls, 1, "%s has %zu calls:\n%s", declaration, calls, text);
            workshop.backend->free_text(text);
        }
    }
}

Test(jit_stub_code, no_value_is_moved_through_a_vector_register_that_did_not_come_in_one) {
    for (size_t i = 0; i < WITHOUT_VECTORS; i++) {
        EACH_WAY(convention, quality) {
            ShapeOptions options = upcall(declarations[i], convention, false);
            char *text = workshop_dump_stub(&workshop, declarations[i], &options, quality, DUMP_ASSEMBLY);
            cr_expect_eq(count(text, "movup") + count(text, "movap") + count(text, "movdq"), 0, "%s:\n%s",
                         declarations[i], text);
            workshop.backend->free_text(text);
        }
    }
}

/* What gcc 12 and clang 22 make with -O2 and without vectorizing of the stubs written by hand, the shorter of both. */
Test(jit_stub_code, better_code_has_no_more_instructions_than_compiled_c) {
    static const struct {
        size_t declaration;
        size_t instructions;
    } rows[] = {{0, 6}, {1, 10}, {2, 12}, {3, 27}, {6, 20}, {7, 12}, {8, 18}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *declaration = declarations[rows[i].declaration];
        ShapeOptions options = upcall(declaration, FERRY_SLOTS, false);
        char *text = workshop_dump_stub(&workshop, declaration, &options, FERRY_BETTER, DUMP_ASSEMBLY);
        size_t instructions = count(text, "\n\t");
        cr_expect_leq(instructions, rows[i].instructions, "%s: %zu\n%s", declaration, instructions, text);
        cr_expect_eq(count(text, "%rbp"), 0, "%s has a frame pointer:\n%s", declaration, text);
        workshop.backend->free_text(text);
    }
}

Test(jit_stub_code, a_stub_that_needs_nothing_afterwards_is_a_jump) {
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        ShapeOptions plain = upcall("", FERRY_SLOTS, false), keeping = upcall("", FERRY_SLOTS, true);
        ShapeOptions late = {.direction = UPCALL_LATE};
        Made made = workshop_make_stub(&workshop, "void f(void)", &plain, quality);
        cr_expect(is_jump(&made));
        made = workshop_make_stub(&workshop, "void f(long, struct { long x[9]; })", &late, quality);
        cr_expect(is_jump(&made));
        made = workshop_make_stub(&workshop, "void f(void)", &keeping, quality);
        cr_expect_not(is_jump(&made));
        made = workshop_make_stub(&workshop, "void f(long)", &plain, quality);
        cr_expect_not(is_jump(&made), "the handler reads the frame");
        made = workshop_make_stub(&workshop, "struct { long x[3]; } f(void)", &plain, quality);
        cr_expect_not(is_jump(&made), "rax is set afterwards");
    }
}

Test(jit_stub_code, over_aligned_arguments_in_slots_need_no_aligned_frame) {
    static const char declaration[] = "void f(struct { long x[4]; } __attribute__((aligned(32))))";
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        ShapeOptions options = upcall("", FERRY_SLOTS, false);
        char *text = workshop_dump_stub(&workshop, declaration, &options, quality, DUMP_ASSEMBLY);
        cr_expect_eq(count(text, "%rbp"), 0, "%s", text);
        workshop.backend->free_text(text);
    }
}

Test(jit_stub_code, dumps_are_readable) {
    ShapeOptions options = upcall("", FERRY_SLOTS, false);
    char *text = workshop_dump_stub(&workshop, "long f(long)", &options, FERRY_QUICK, DUMP_IR);
    cr_expect_not_null(strstr(text, "define i64 @stub(i64 %0, ptr nest %cell)"), "%s", text);
    workshop.backend->free_text(text);
    text = workshop_dump_stub(&workshop, "void f(void)", &options, FERRY_QUICK, DUMP_ASSEMBLY);
    cr_expect_eq(strncmp(text, "stub:\n\tendbr64\n", 15), 0, "%s", text);
    workshop.backend->free_text(text);
}

static ferry_code take(void *context, size_t index, const Blob *blob, ferry_error *error) {
    size_t *next = context;
    (void)error;
    cr_expect_eq(index, (*next)++);
    cr_expect_eq(strncmp(blob->name, index % 2 == 0 ? "ferry:upcall " : "ferry:slots ", 12), 0, "%s", blob->name);
    cr_expect_gt(blob->unwind_size, 0);
    return FERRY_OK;
}

Test(jit_stub_code, one_compile_makes_trampolines_and_stubs) {
    const Shape *shapes[2 * 4];
    ferry_error error = {0};
    size_t blobs = 0;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        ShapeOptions options = upcall("", FERRY_SLOTS, false);
        if (i % 2 == 1) options = (ShapeOptions){.convention = FERRY_SLOTS};
        shapes[i] = workshop_shape_of(&workshop, workshop_place(&workshop, declarations[i / 2]), &options);
    }
    CompileRequest request = workshop_request(&workshop, shapes, FERRY_QUICK);
    request.count = COUNT_OF(shapes);
    ferry_code code = workshop.backend->compile(workshop.state, &request, take, &blobs, &error);
    cr_assert_eq(code, FERRY_OK, "%s", error.message);
    cr_expect_eq(blobs, COUNT_OF(shapes));
}

/* ---- what is refused ---- */

static ferry_code ignore(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)index, (void)blob, (void)error;
    return FERRY_OK;
}

static ferry_code compile(const CompileRequest *request, ferry_error *error) {
    return workshop.backend->compile(workshop.state, request, ignore, NULL, error);
}

Test(jit_stub_code, a_stub_is_not_bound) {
    ShapeOptions options = upcall("", FERRY_SLOTS, false);
    const Shape *shape = workshop_shape_of(&workshop, workshop_place(&workshop, "long f(long)"), &options);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    ferry_error error = {0};
    request.bound = shape;
    cr_expect_eq(compile(&request, &error), FERRY_INVALID);
    cr_expect_not_null(strstr(error.message, "upcall"), "%s", error.message);
}

Test(jit_stub_code, a_cursor_has_room_for_so_many_registers) {
    Target other = *workshop.target;
    ShapeOptions options = upcall("...", FERRY_SLOTS, false);
    const Shape *shape = workshop_shape_of(&workshop, workshop_place(&workshop, "int f(int, ...)"), &options);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    ferry_error error = {0};
    other.banks[BANK_GENERAL].arguments = CURSOR_GENERAL_COUNT + 1;
    request.target = &other;
    cr_expect_eq(compile(&request, &error), FERRY_UNSUPPORTED);
    cr_expect_not_null(strstr(error.message, "cursor"), "%s", error.message);
}

static void spoil_register(Shape *shape, ShapePiece *pieces) {
    pieces[shape->values[1].first_piece].number = 4;
}
static void spoil_stack(Shape *shape, ShapePiece *pieces) {
    pieces[shape->values[6].first_piece].stack_offset = 8;
}
static void spoil_size(Shape *shape, ShapePiece *pieces) {
    (void)pieces;
    shape->stack_size += 16;
}
static void spoil_result(Shape *shape, ShapePiece *pieces) {
    pieces[shape->result.first_piece].number = 1;
}

Test(jit_stub_code, a_shape_that_llvm_would_place_otherwise_is_refused) {
    static void (*const spoils[])(Shape *, ShapePiece *) = {spoil_register, spoil_stack, spoil_size, spoil_result};
    ShapeOptions options = upcall("", FERRY_SLOTS, false);
    const Placement *placement = workshop_place(&workshop, "long f(long, long, long, long, long, long, long)");
    const Shape *good = workshop_shape_of(&workshop, placement, &options);
    for (size_t i = 0; i < COUNT_OF(spoils); i++) {
        Shape *spoilt = malloc(good->bytes);
        cr_assert_not_null(spoilt);
        memcpy(spoilt, good, good->bytes);
        spoils[i](spoilt, (ShapePiece *)(void *)(spoilt->values + spoilt->value_count));
        const Shape *shape = spoilt;
        CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
        ferry_error error = {0};
        cr_expect_eq(compile(&request, &error), FERRY_BACKEND, "spoil %zu", i);
        free(spoilt);
    }
}

/* An allocator that fails at the n-th call and knows what is out. */
typedef struct Meter {
    size_t calls;
    size_t fails_at;
    size_t out;
} Meter;

static void *meter_allocate(void *context, size_t size) {
    Meter *meter = context;
    if (++meter->calls == meter->fails_at) return NULL;
    void *memory = aligned_alloc(16, (size + 15) / 16 * 16);
    if (memory != NULL) meter->out += size;
    return memory;
}

static void meter_release(void *context, void *pointer, size_t size) {
    ((Meter *)context)->out -= size;
    free(pointer);
}

Test(jit_stub_code, no_memory_at_any_call) {
    Meter meter = {0};
    ferry_allocator allocator = {.context = &meter, .allocate = meter_allocate, .release = meter_release};
    ShapeOptions options = upcall("...", FERRY_POINTERS, true);
    const Placement *placement = workshop_place(&workshop, "struct { long x, y; } f(long, double, ...)");
    const Shape *shape = workshop_shape_of(&workshop, placement, &options);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    ferry_code code = FERRY_OUT_OF_MEMORY;
    for (size_t n = 1; code == FERRY_OUT_OF_MEMORY; n++) {
        void *state = NULL;
        ferry_error error = {0};
        meter = (Meter){.fails_at = n};
        code = workshop.backend->open(&allocator, &state, &error);
        if (code == FERRY_OK) {
            code = workshop.backend->compile(state, &request, ignore, NULL, &error);
            workshop.backend->close(state);
        }
        cr_expect_eq(meter.out, 0, "%zu bytes leaked when call %zu failed", meter.out, n);
    }
    cr_expect_eq(code, FERRY_OK);
    cr_expect_gt(meter.calls, 2);
}

/* ---- cursors ---- */

/* The handler's view of a cursor, as jit/backend.h draws it. */
typedef struct CursorView {
    const TestUpcall *upcall;
    const uint64_t *stack;
    uint64_t state[CURSOR_STATE_SIZE / 8];
    uint64_t general[CURSOR_GENERAL_COUNT];
    double floats[CURSOR_FLOAT_COUNT][2];
} CursorView;

_Static_assert(sizeof(CursorView) == CURSOR_SIZE, "the picture has no gaps");

typedef struct Variadic {
    ferry_convention convention;
    uint64_t sources[2]; /* where the cursor is found: in slots, in pointers */
    CursorView seen;     /* a copy */
    uint64_t stack[4];   /* a copy of what is there */
    bool is_aligned;
} Variadic;

static void look(void *context, void *arguments, void *result) {
    Variadic *variadic = context;
    const CursorView *cursor = ((void **)arguments)[variadic->sources[variadic->convention == FERRY_POINTERS]];
    variadic->is_aligned = (uintptr_t)cursor % CURSOR_ALIGNMENT == 0;
    variadic->seen = *cursor;
    memcpy(variadic->stack, cursor->stack, sizeof variadic->stack);
    *(long *)result = 11;
}

static void (*closure(TestCell *cell, const TestUpcall *shared, const char *declaration, ferry_convention convention,
                      ferry_quality quality, bool keep_errno))(void) {
    ShapeOptions options = upcall("...", convention, keep_errno);
    Made made = workshop_make_stub(&workshop, declaration, &options, quality);
    cell->entry = made.code;
    cell->upcall = shared;
    return workshop_thunk(&workshop, cell);
}

Test(jit_stub_cursor, registers_that_are_left_and_the_stack) {
    typedef long Function(const char *, double, ...);
    EACH_WAY(convention, quality) {
        TestUpcall shared = {.errno_offset = workshop_errno_offset()};
        Variadic variadic = {.convention = convention, .sources = {2, 2}};
        TestCell cell = {.handler = look, .context = &variadic};
        Function *code = (Function *)closure(&cell, &shared, "long f(const char *, double, ...)", convention, quality,
                                             quality == FERRY_QUICK);
        dirty_stack();
        cr_expect_eq(code("", 1.0, 1L, 2.0, 2L, 3.0, 3L, 4.0, 4L, 5.0, 5L, 6.0, 6L, 7.0, 7L, 8.0, 8L, 9.0, 9L), 11);
        cr_expect(variadic.is_aligned);
        cr_expect_eq(variadic.seen.upcall, &shared);
        cr_expect(variadic.seen.state[0] == 0 && variadic.seen.state[1] == 0);
        for (uint64_t i = 1; i < 6; i++) cr_expect_eq(variadic.seen.general[i], i);
        for (int i = 1; i < 8; i++) cr_expect_eq(variadic.seen.floats[i][0], i + 1);
        cr_expect(variadic.stack[0] == 6 && variadic.stack[1] == 7 && variadic.stack[2] == 8);
    }
}

typedef struct Odd {
    char c[21];
} Odd;

/* The fixed arguments take all general registers and part of the stack. */
Test(jit_stub_cursor, the_stack_begins_behind_the_fixed_arguments) {
    typedef long Function(long, long, long, long, long, long, int, Odd, ...);
    Odd odd = {{0}};
    EACH_WAY(convention, quality) {
        TestUpcall shared = {0};
        Variadic variadic = {.convention = convention, .sources = {10, 8}};
        TestCell cell = {.handler = look, .context = &variadic};
        Function *code = (Function *)closure(
            &cell, &shared, "long f(long, long, long, long, long, long, int, struct { char c[21]; }, ...)", convention,
            quality, false);
        dirty_stack();
        cr_expect_eq(code(1, 2, 3, 4, 5, 6, 7, odd, 0xaaaaL, 0.5, 0xbbbbL), 11);
        cr_expect(variadic.stack[0] == 0xaaaa && variadic.stack[1] == 0xbbbb);
        cr_expect_eq(variadic.seen.floats[0][0], 0.5);
    }
}

/* Unnamed bit-fields that find no register are not passed at all. What the handler gets of them is memory that it may
 * write to. */
static void scribble(void *context, void *arguments, void *result) {
    char **pointers = arguments;
    (void)result;
    memset(pointers[7], 0xee, 8);
    memset(pointers[9], 0xee, 8);
    *(int *)context = pointers[0] == NULL ? 0 : *(int *)(void *)pointers[8];
}

Test(jit_stub_code, values_that_are_not_passed_have_memory_too) {
    typedef void Function(long, long, long, long, long, long, int);
    static const char declaration[] = "typedef struct { long : 64; } unnamed; "
                                      "void f(struct { }, long, long, long, long, long, long, unnamed, int, unnamed);";
    const Placement *placement = workshop_place(&workshop, declaration);
    cr_assert(placement->values[0].mode == MODE_IGNORED && placement->values[7].mode == MODE_IGNORED &&
              placement->values[9].mode == MODE_IGNORED);
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        int seen = 0;
        ShapeOptions options = upcall("", FERRY_POINTERS, false);
        Made made = workshop_make_stub(&workshop, declaration, &options, quality);
        TestCell cell = {.entry = made.code, .handler = scribble, .context = &seen};
        Function *code = (Function *)workshop_thunk(&workshop, &cell);
        dirty_stack();
        code(1, 2, 3, 4, 5, 6, 77);
        cr_expect_eq(seen, 77);
    }
}
