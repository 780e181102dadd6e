/* What the machine code looks like: sizes, landing pads, jumps, names, unwind tables, dumps. */
#include <stdio.h>
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
    "float f(float, float, float, float, float, float, float, float, float, float, float, float)",
    "int f(const char *, ..., int, double, long)",
    "struct s { double x, y; } f(struct s)",
    "struct s { long x, y, z; } f(struct s)",
    "struct s { char c[7]; } f(struct s)",
    "__int128 f(__int128, long)",
    "long double f(long double)",
    "_Complex long double f(_Complex long double)",
    "__float128 f(__float128, _Complex float)",
    "_Float16 f(_Float16, __bf16)",
};

static bool is_jump(const Made *made) {
    const uint8_t *end = made->code + made->size;
    bool by_register = end[-2] == 0xff && (end[-1] & 0xf8) == 0xe0; /* jmp *%r */
    bool by_memory = end[-3] == 0xff && (end[-2] & 0xf8) == 0x60;   /* jmp *n(%r) */
    return by_register || by_memory;
}

Test(jit_code, every_trampoline_begins_with_a_landing_pad) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(declarations); i++) {
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, declarations[i], convention, quality);
            cr_expect_eq(memcmp(made.code, endbr64, sizeof endbr64), 0, "%s", declarations[i]);
        }
    }
    workshop_close(&workshop);
}

Test(jit_code, twelve_scalars_in_slots_take_at_most_160_bytes) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < 8; i++) {
        Made made = workshop_make(&workshop, declarations[i], FERRY_SLOTS, FERRY_QUICK);
        cr_expect_leq(made.size, 160, "%s: %zu bytes", declarations[i], made.size);
        cr_expect_leq(made.unwind_size, 96, "%s: %zu bytes of unwind table", declarations[i], made.unwind_size);
    }
    workshop_close(&workshop);
}

Test(jit_code, a_call_that_returns_nothing_is_a_jump) {
    static const char *const jumps[] = {
        "void f(void)",
        "void f(long, double, short, void *)",
        "struct s { long x[4]; } f(long)",
        "void f(const char *, ..., int, double)",
    };
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, jumps[i], convention, quality);
            cr_expect(is_jump(&made), "%s", jumps[i]);
        }
    }
    Made smallest = workshop_make(&workshop, jumps[0], FERRY_SLOTS, FERRY_QUICK);
    cr_expect_leq(smallest.size, 10);
    workshop_close(&workshop);
}

Test(jit_code, a_call_with_stack_arguments_or_a_result_is_no_jump) {
    static const char *const calls[] = {
        "long f(void)",
        "void f(struct { long x[3]; })",
        "void f(long, long, long, long, long, long, long)",
    };
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        EACH_WAY(convention, quality) {
            Made made = workshop_make(&workshop, calls[i], convention, quality);
            cr_expect_not(is_jump(&made), "%s", calls[i]);
        }
    }
    workshop_close(&workshop);
}

static size_t count(const char *text, const char *word) {
    size_t found = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) found++;
    return found;
}

Test(jit_code, there_is_no_call_but_the_targets) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < COUNT_OF(declarations); i++) {
        EACH_WAY(convention, quality) {
            char *text = workshop_dump(&workshop, declarations[i], convention, quality, DUMP_ASSEMBLY);
            size_t calls = count(text, "call") + count(text, "jmp");
            cr_expect_eq(calls, 1, "%s has %zu calls:\n%s", declarations[i], calls, text);
            workshop.backend->free_text(text);
        }
    }
    workshop_close(&workshop);
}

Test(jit_code, two_slots_are_never_read_as_one_vector) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    for (size_t i = 0; i < 12; i++) {
        char *text = workshop_dump(&workshop, declarations[i], FERRY_SLOTS, FERRY_BETTER, DUMP_ASSEMBLY);
        cr_expect_eq(count(text, "movup") + count(text, "movap") + count(text, "movdq"), 0, "%s:\n%s", declarations[i],
                     text);
        workshop.backend->free_text(text);
    }
    workshop_close(&workshop);
}

Test(jit_code, the_blob_is_named_after_its_shape) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *shape = workshop_shape(&workshop, "double f(int, double)", FERRY_SLOTS, false);
    char name[128], expected[160];
    shape_name(shape, name, sizeof name);
    CompileRequest request = workshop_request(&workshop, &shape, FERRY_QUICK);
    snprintf(expected, sizeof expected, "ferry:%s", name);
    Made shared = workshop_make_request(&workshop, &request);
    cr_expect_str_eq(shared.name, expected);
    request.bound = name;
    snprintf(expected, sizeof expected, "ferry:%s bound", name);
    Made bound = workshop_make_request(&workshop, &request);
    cr_expect_str_eq(bound.name, expected);
    workshop_close(&workshop);
}

Test(jit_code, the_ir_is_readable) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    char *text = workshop_dump(&workshop, "long f(long, double)", FERRY_SLOTS, FERRY_QUICK, DUMP_IR);
    cr_expect_not_null(strstr(text, "define void @trampoline(ptr %binding, ptr %arguments, ptr %result)"), "%s", text);
    cr_expect_not_null(strstr(text, "noimplicitfloat"), "%s", text);
    workshop.backend->free_text(text);
    workshop_close(&workshop);
}

Test(jit_code, the_assembly_is_instructions_and_labels) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    char *text = workshop_dump(&workshop, "void f(void)", FERRY_SLOTS, FERRY_QUICK, DUMP_ASSEMBLY);
    cr_expect_eq(strncmp(text, "trampoline:\n\tendbr64\n", 21), 0, "%s", text);
    cr_expect_eq(count(text, "\t."), 0, "%s", text);
    workshop.backend->free_text(text);
    workshop_close(&workshop);
}

/* Every blob's table is complete on its own: | CIE | FDE | 0 |. */
static void check_unwind(const Blob *blob) {
    uint32_t cie_length, fde_length, pointer, range, end;
    memcpy(&cie_length, blob->unwind, 4);
    size_t fde = 4 + (size_t)cie_length;
    cr_assert_lt(fde + 16, blob->unwind_size);
    memcpy(&fde_length, blob->unwind + fde, 4);
    memcpy(&pointer, blob->unwind + fde + 4, 4);
    memcpy(&range, blob->unwind + fde + 12, 4);
    memcpy(&end, blob->unwind + blob->unwind_size - 4, 4);
    cr_expect_eq(blob->unwind_size, fde + 4 + fde_length + 4);
    cr_expect_eq(pointer, fde + 4, "the entry does not point to its CIE");
    cr_expect_eq(range, blob->code_size);
    cr_expect_eq(blob->unwind_fixup, fde + 8);
    cr_expect_eq(end, 0);
}

typedef struct Batch {
    size_t next;
    size_t sizes[COUNT_OF(declarations)];
} Batch;

static ferry_code take(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Batch *batch = context;
    (void)error;
    cr_expect_eq(index, batch->next++, "blobs arrive in order");
    batch->sizes[index] = blob->code_size;
    check_unwind(blob);
    return FERRY_OK;
}

Test(jit_code, a_batch_gives_the_blobs_of_single_compiles_in_order) {
    Workshop workshop;
    workshop_open(&workshop, "x86_64-sysv");
    const Shape *shapes[COUNT_OF(declarations)];
    Batch batch = {0};
    ferry_error error = {0};
    for (size_t i = 0; i < COUNT_OF(declarations); i++)
        shapes[i] = workshop_shape(&workshop, declarations[i], FERRY_SLOTS, false);
    CompileRequest request = workshop_request(&workshop, shapes, FERRY_QUICK);
    request.count = COUNT_OF(declarations);
    ferry_code code = workshop.backend->compile(workshop.state, &request, take, &batch, &error);
    cr_assert_eq(code, FERRY_OK, "%s", error.message);
    cr_assert_eq(batch.next, COUNT_OF(declarations));
    for (size_t i = 0; i < COUNT_OF(declarations); i++)
        cr_expect_eq(workshop_make(&workshop, declarations[i], FERRY_SLOTS, FERRY_QUICK).size, batch.sizes[i], "%s",
                     declarations[i]);
    workshop_close(&workshop);
}
