/* Unwind tables of living code: what the unwinder finds, and tables that are refused. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "code_blobs.h"

/* libgcc's, behind every throw. */
struct dwarf_eh_bases {
    void *text;
    void *data;
    void *function;
};
const void *_Unwind_Find_FDE(void *address, struct dwarf_eh_bases *bases);

static CodeSpace *open_space(void) {
    CodeSpace *space = NULL;
    ferry_error error;
    cr_assert_eq(code_space_open(NULL, &(CodeOptions){0}, &space, &error), FERRY_OK);
    return space;
}

static Code *add(CodeSpace *space, const Blob *blob) {
    Code *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(code_add(space, blob, &code, &error), FERRY_OK, "%s", error.message);
    return code;
}

/* The function whose table entry the unwinder finds for an address, or NULL. */
static const void *function_at(const void *address) {
    struct dwarf_eh_bases bases = {0};
    return _Unwind_Find_FDE((void *)(uintptr_t)address, &bases) == NULL ? NULL : bases.function;
}

/* The functions of a backtrace, innermost first. */
static const void *functions[64];
static size_t depth;

static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *ignored) {
    (void)ignored;
    if (depth < COUNT_OF(functions)) functions[depth++] = (const void *)_Unwind_GetRegionStart(context);
    return _URC_NO_REASON;
}

static __attribute__((noinline)) void look_back(void) {
    depth = 0;
    _Unwind_Backtrace(note, NULL);
    __asm__ volatile(""); /* not a tail call */
}

static __attribute__((noinline)) void go_through(const Code *code) {
    void (*trampoline)(void (*)(void));
    memcpy(&trampoline, &code->entry, sizeof trampoline);
    trampoline(look_back);
    __asm__ volatile("");
}

/* A backtrace from the end of look_back, code, go_through is complete. */
static void expect_backtrace_through(const Code *code) {
    go_through(code);
    size_t i = 0;
    while (i < depth && functions[i] != code->entry) i++;
    cr_assert_lt(i, depth, "the code is in it");
    cr_assert_gt(i, 0);
    cr_assert_lt(i + 3, depth, "and callers behind it");
    cr_assert_eq(functions[i - 1], (const void *)(uintptr_t)&look_back);
    cr_assert_eq(functions[i + 1], (const void *)(uintptr_t)&go_through);
}

Test(code_unwind, a_backtrace_goes_through_code) {
    CodeSpace *space = open_space();
    HandMade made;
    hand_made_caller(&made);
    for (int i = 0; i < 50; i++) add(space, &made.blob);
    const Code *code = add(space, &made.blob);
    expect_backtrace_through(code);
    code_space_close(space);
}

Test(code_unwind, reused_places_unwind_by_their_new_table) {
    CodeSpace *space = open_space();
    HandMade plain, caller;
    hand_made_caller(&plain);
    memset(plain.unwind + 41, 0, 8); /* as if nothing were pushed */
    hand_made_caller(&caller);
    Code *first = add(space, &plain.blob);
    const void *place = first->entry;
    cr_assert_not_null(function_at(place)); /* sorted by now */
    code_remove(space, first);
    Code *second = add(space, &caller.blob);
    cr_assert_eq(second->entry, place);
    expect_backtrace_through(second); /* by the new table, not the old one */
    code_space_close(space);
}

enum { MANY = 2000 };

Test(code_unwind, each_of_many_pieces_is_found_by_every_address_in_it) {
    static const Code *codes[MANY];
    HandMade made;
    CodeSpace *space = open_space();
    for (int i = 0; i < MANY; i++) {
        hand_made_constant(&made, i, (size_t)(6 + i % 400));
        codes[i] = add(space, &made.blob);
        if (i % 100 == 0) cr_assert_eq(function_at(codes[i]->entry), codes[i]->entry, "while some are still to come");
    }
    for (int i = 0; i < MANY; i++) {
        const uint8_t *entry = codes[i]->entry;
        cr_assert_eq(function_at(entry), entry);
        cr_assert_eq(function_at(entry + codes[i]->code_size - 1), entry);
    }
    code_space_close(space);
    cr_assert_null(function_at(codes), "and nothing where there is no code");
}

Test(code_unwind, after_closing_nothing_is_found) {
    CodeSpace *space = open_space();
    HandMade made;
    hand_made_constant(&made, 1, 6);
    const void *entry = add(space, &made.blob)->entry;
    cr_assert_not_null(function_at(entry));
    code_space_close(space);
    cr_assert_null(function_at(entry));
}

Test(code_unwind, tables_of_another_cie_live_beside) {
    CodeSpace *space = open_space();
    HandMade one, other;
    hand_made_caller(&one);
    hand_made_caller(&other);
    other.unwind[22] = 0x2e; /* DW_CFA_GNU_args_size 0 */
    const Code *first = add(space, &one.blob);
    const Code *second = add(space, &other.blob);
    const Code *third = add(space, &one.blob);
    expect_backtrace_through(first);
    expect_backtrace_through(second);
    expect_backtrace_through(third);
    cr_assert_eq((uintptr_t)first->entry / 4096, (uintptr_t)third->entry / 4096, "one CIE, one slab");
    cr_assert_neq((uintptr_t)first->entry / 4096, (uintptr_t)second->entry / 4096);
    code_space_close(space);
}

/* One byte of a good table, changed. */
static const struct Flaw {
    size_t at;
    uint8_t value;
    const char *told;
} flaws[] = {
    {0, 255, "no complete CIE"},
    {0, 0, "no complete CIE"},
    {4, 1, "does not begin with a CIE"},
    {8, 3, "version 1"},
    {9, 'e', "augmentation"},
    {10, 'P', "augmentation"},
    {11, 'L', "augmentation"},
    {15, 2, "pc-relative"},
    {16, 0x00, "pc-relative"},
    {24, 255, "no complete FDE"},
    {24, 0, "no complete FDE"},
    {28, 4, "does not belong"},
    {36, 200, "other bytes"},
    {36, 0, "other bytes"},
    {40, 1, "augmentation"},
    {24, 20, "does not end"},
    {0, 24, ""},
};

Test(code_unwind, a_table_with_a_flaw_is_refused_with_the_reason) {
    CodeSpace *space = open_space();
    for (size_t i = 0; i < COUNT_OF(flaws); i++) {
        HandMade made;
        Code *code = NULL;
        ferry_error error = {0};
        hand_made_caller(&made);
        made.unwind[flaws[i].at] = flaws[i].value;
        cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_INVALID, "flaw %zu", i);
        cr_assert_not_null(strstr(error.message, flaws[i].told), "flaw %zu: %s", i, error.message);
    }
    code_space_close(space);
}

Test(code_unwind, a_table_that_is_cut_off_anywhere_is_refused) {
    CodeSpace *space = open_space();
    HandMade made;
    Code *code = NULL;
    ferry_error error;
    hand_made_caller(&made);
    size_t whole = made.blob.unwind_size;
    for (size_t size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size + 1); /* so that a sanitizer sees reads beyond it */
        memcpy(copy, made.unwind, size);
        made.blob.unwind = size == 0 ? NULL : copy;
        made.blob.unwind_size = size;
        cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_INVALID, "%zu bytes", size);
        free(copy);
    }
    made.blob.unwind = made.unwind;
    made.blob.unwind_size = whole;
    made.blob.unwind_fixup--;
    cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_INVALID);
    code_space_close(space);
}

/* Every value of every byte: refused or placed, and then never in the way of the unwinder. */
Test(code_unwind, no_change_of_one_byte_of_a_table_does_harm) {
    CodeSpace *space = open_space();
    HandMade made;
    hand_made_caller(&made);
    for (size_t at = 0; at < made.blob.unwind_size; at++) {
        for (int value = 0; value < 256; value++) {
            Code *code = NULL;
            ferry_error error;
            HandMade changed = made;
            changed.unwind[at] = (uint8_t)value;
            changed.blob.unwind = changed.unwind;
            if (code_add(space, &changed.blob, &code, &error) != FERRY_OK) continue;
            cr_assert_eq(function_at(code->entry), code->entry);
            code_remove(space, code);
        }
    }
    code_space_close(space);
}
