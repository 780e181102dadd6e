/* Objects that were made ahead of time, linked and loaded: the linker leaves nothing to be relocated, and their code is
 * the code that compiles give. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "ahead_order.h"

TestSuite(jit_ahead_linked, .init = order_open_all, .fini = order_close_all);

static uint8_t *load(const char *name) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", order.folder, name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, size, file), size);
    fclose(file);
    return bytes;
}

typedef struct Linked {
    void *library;
    const uint8_t *table;
} Linked;

static const uint8_t *code_of(const Linked *linked, size_t index) {
    int32_t distance;
    memcpy(&distance, linked->table + sizeof order.table + 4 * index, sizeof distance);
    return linked->table + distance;
}

static Made made_of(const Linked *linked, size_t index) {
    Made made = {.code = code_of(linked, index), .size = order.sizes[index]};
    memcpy(&made.entry, &made.code, sizeof made.entry);
    return made;
}

/* Nothing for the dynamic loader to do, and no segment that is both writable and executable. */
static void check_library(const char *name) {
    uint8_t *bytes = load(name);
    Elf elf = elf_of(bytes);
    for (size_t i = 0; i < elf.header->e_shnum; i++) {
        bool is_dynamic = elf.sections[i].sh_type == SHT_RELA && (elf.sections[i].sh_flags & SHF_ALLOC) != 0;
        cr_expect_not(is_dynamic, "%s", elf_section_name(&elf, &elf.sections[i]));
    }
    const Elf64_Shdr *table = elf_section(&elf, ".rodata");
    cr_assert_not_null(table);
    cr_expect_eq(table->sh_flags & (SHF_ALLOC | SHF_WRITE), SHF_ALLOC);
    const Elf64_Phdr *segments = (const void *)(bytes + elf.header->e_phoff);
    for (size_t i = 0; i < elf.header->e_phnum; i++) {
        uint32_t flags = segments[i].p_flags;
        cr_expect_not((flags & PF_X) != 0 && (flags & PF_W) != 0, "segment %zu", i);
        if (segments[i].p_type == PT_GNU_STACK) cr_expect_eq(flags & PF_X, 0, "an executable stack");
    }
    free(bytes);
}

static Linked link_order(const char *name) {
    char path[200];
    ObjectFile object = order_make(&order.request, order_keep);
    order_store(&object, "shapes.o");
    order.workshop.backend->free_object(&object);
    order_run("cd %s && cc -shared -nostdlib -Wl,-z,now,-z,text shapes.o -o %s", order.folder, name);
    check_library(name);
    snprintf(path, sizeof path, "%s/%s", order.folder, name);
    Linked linked = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    cr_assert_not_null(linked.library, "%s", dlerror());
    linked.table = dlsym(linked.library, "the_table");
    return linked;
}

Test(jit_ahead_linked, every_distance_leads_to_the_code_that_a_compile_gives) {
    static const char *const libraries[] = {[FERRY_QUICK] = "quick.so", [FERRY_BETTER] = "better.so"};
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        order_fill(quality);
        Linked linked = link_order(libraries[quality]);
        cr_assert_not_null(linked.table);
        cr_expect_eq((uintptr_t)linked.table % 16, 0);
        cr_expect_eq(memcmp(linked.table, order.table, sizeof order.table), 0);
        for (size_t i = 0; i < SHAPES; i++) {
            CompileRequest request = workshop_request(&order.workshop, &order.shapes[i], quality);
            Made made = workshop_make_request(&order.workshop, &request);
            cr_expect_eq(order.sizes[i], made.size, "%s", order.names[i]);
            cr_expect_eq(memcmp(order.codes[i], made.code, made.size), 0, "%s: the sink's", order.names[i]);
            cr_expect_eq(memcmp(code_of(&linked, i), made.code, made.size), 0, "%s: the linked", order.names[i]);
            cr_expect_eq((uintptr_t)code_of(&linked, i) % 16, 0, "%s", order.names[i]);
        }
        order_forget_blobs();
    }
}

static long subtract(long a, long b) {
    errno = (int)a;
    return a - b;
}

static void handle(void *context, void *arguments, void *result) {
    const long *slots = arguments;
    long value = slots[0] * slots[1];
    memcpy(result, &value, sizeof value);
    ++*(int *)context;
}

static void answer_late(void *cell, void *arguments, void *result) {
    (void)cell, (void)arguments;
    memset(result, 0, 8);
}

Test(jit_ahead_linked, linked_code_works_both_ways) {
    order_fill(FERRY_BETTER);
    Linked linked = link_order("calls.so");
    long slots[] = {50, 8, 0}, result = 0;
    Made down = made_of(&linked, DOWN_TWO_LONGS), with_errno = made_of(&linked, DOWN_TWO_LONGS_ERRNO);
    call(&down, FUNCTION(subtract), slots, &result);
    cr_expect_eq(result, 42);
    int code = 0;
    int *where = &code;
    memcpy(&slots[2], &where, sizeof where);
    call(&with_errno, FUNCTION(subtract), slots, &result);
    cr_expect_eq(code, 50);

    int calls = 0;
    TestUpcall upcall = {.late = answer_late, .errno_offset = workshop_errno_offset()};
    TestCell cell = {.entry = code_of(&linked, UP_TWO_LONGS), .handler = handle, .context = &calls, .upcall = &upcall};
    long (*closure)(long, long);
    void (*thunk)(void) = workshop_thunk(&order.workshop, &cell);
    memcpy(&closure, &thunk, sizeof closure);
    cr_expect_eq(closure(6, 7), 42);
    cell.entry = code_of(&linked, LATE_TWO_LONGS);
    cr_expect_eq(closure(6, 7), 0);
    cr_expect_eq(calls, 1);
}

/* The frames from a call's target outwards. */
typedef struct Frames {
    uintptr_t addresses[64];
    int count;
} Frames;

static Frames frames;

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *argument) {
    (void)argument;
    if (frames.count == (int)COUNT_OF(frames.addresses)) return _URC_END_OF_STACK;
    frames.addresses[frames.count++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static long look_outwards(long a, long b) {
    _Unwind_Backtrace(add_frame, NULL);
    return a + b;
}

Test(jit_ahead_linked, an_unwinder_finds_its_way_through_linked_code) {
    order_fill(FERRY_BETTER);
    Linked linked = link_order("unwind.so");
    Made made = made_of(&linked, DOWN_TWO_LONGS);
    long slots[] = {50, 8}, result = 0;
    look_outwards(1, 2);
    Frames direct = frames;
    frames.count = 0;
    call(&made, FUNCTION(look_outwards), slots, &result);
    cr_expect_eq(result, 58);
    int at = 0;
    while (at < frames.count && frames.addresses[at] - (uintptr_t)made.code >= made.size) at++;
    cr_assert_lt(at, frames.count, "the trampoline's frame is not seen");
    int outside = direct.count - 2; /* those of this test's callers: without its own and the target's */
    cr_assert_gt(outside, 0);
    cr_assert_gt(frames.count - at, outside);
    for (int i = 1; i <= outside; i++)
        cr_expect_eq(frames.addresses[frames.count - i], direct.addresses[direct.count - i]);
}

Test(jit_ahead_linked, a_hidden_table_is_found_by_the_library_it_is_linked_into_and_by_no_other) {
    order_fill(FERRY_QUICK);
    order.request.table_hidden = true;
    cr_expect_null(link_order("hidden.so").table);
    order_run(
        "cd %s && echo 'extern const char the_table[] __attribute__((visibility(\"hidden\")));"
        "const void *table_of(void) { return the_table; }' >user.c && cc -O1 -fPIC -shared user.c shapes.o -o user.so",
        order.folder);
    char path[200];
    snprintf(path, sizeof path, "%s/user.so", order.folder);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(library, "%s", dlerror());
    void *symbol = dlsym(library, "table_of");
    const void *(*table_of)(void);
    cr_assert_not_null(symbol);
    memcpy(&table_of, &symbol, sizeof table_of);
    cr_expect_eq(memcmp(table_of(), order.table, sizeof order.table), 0);
}

/* The trampolines of `void f(void)` and `long f(long, long)`, called by a program of every kind. */
Test(jit_ahead_linked, programs_of_every_kind_link_it) {
    static const char program[] =
        "extern const unsigned char the_table[];"
        "static long target(long a, long b) { return a - b; }"
        "int main(void) {"
        "    const int *distances = (const int *)(the_table + 64);"
        "    struct { void *entry; long (*target)(long, long); } binding = {0, target};"
        "    long slots[] = {50, 8}, result = 0;"
        "    ((void (*)(void *, void *, void *))(the_table + distances[1]))(&binding, slots, &result);"
        "    return result != 42 || the_table[1] != 38;"
        "}";
    static const char *const kinds[] = {"-fPIE -pie", "-fno-pie -no-pie", "-fno-pie -static", "-fPIE -static-pie"};
    order_fill(FERRY_BETTER);
    ObjectFile object = order_make(&order.request, order_ignore);
    order_store(&object, "shapes.o");
    order.workshop.backend->free_object(&object);
    order_run("cat >%s/program.c <<'end'\n%s\nend", order.folder, program);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        order_run("cd %s && cc %s -Wl,-z,text,--fatal-warnings program.c shapes.o -o program && ./program",
                  order.folder, kinds[i]);
}
