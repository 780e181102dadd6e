/* Living code: placing, running, taking away. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code_blobs.h"

static CodeSpace *open_space(const ferry_allocator *allocator) {
    CodeSpace *space = NULL;
    ferry_error error;
    cr_assert_eq(code_space_open(allocator, &(CodeOptions){0}, &space, &error), FERRY_OK);
    return space;
}

static Code *add(CodeSpace *space, const Blob *blob) {
    Code *code = NULL;
    ferry_error error = {0};
    cr_assert_eq(code_add(space, blob, &code, &error), FERRY_OK, "%s", error.message);
    return code;
}

static Code *add_constant(CodeSpace *space, int value, size_t size) {
    HandMade made;
    hand_made_constant(&made, value, size);
    return add(space, &made.blob);
}

Test(slab, code_that_was_added_runs_and_lies_at_a_multiple_of_16) {
    CodeSpace *space = open_space(NULL);
    for (int i = 0; i < 100; i++) {
        const Code *code = add_constant(space, i * 7, (size_t)(6 + i));
        cr_assert_eq(call_constant(code), i * 7);
        cr_assert_eq((uintptr_t)code->entry % 16, 0);
        cr_assert_eq(code->code_size, (uint32_t)(6 + i));
    }
    code_space_close(space);
}

Test(slab, opening_maps_nothing_and_closing_leaves_nothing) {
    Meter meter = {0};
    ferry_allocator allocator = meter_allocator(&meter);
    size_t mappings = count_mappings(), files = count_files();
    CodeSpace *space = open_space(&allocator);
    cr_assert_eq(count_mappings(), mappings);
    add_constant(space, 1, 6);
    cr_assert_eq(count_mappings(), mappings + 2);
    cr_assert_eq(count_files(), files, "no descriptor stays open");
    code_space_close(space);
    cr_assert_eq(count_mappings(), mappings);
    cr_assert_eq(meter.blocks, 0);
    cr_assert_eq(meter.bytes, 0);
    code_space_close(NULL);
}

/* The permissions of the mapping that holds address, as "r-xs". */
static void permissions_of(const void *address, char permissions[5]) {
    FILE *maps = fopen("/proc/self/maps", "re");
    cr_assert_not_null(maps);
    char line[4096];
    permissions[0] = '\0';
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin, end;
        char found[5];
        cr_assert_eq(sscanf(line, "%lx-%lx %4s", &begin, &end, found), 3);
        if (strstr(line, "memfd:ferry") != NULL) {
            cr_assert(strchr(found, 'w') == NULL || strchr(found, 'x') == NULL, "writable and executable: %s", line);
        }
        if ((uintptr_t)address >= begin && (uintptr_t)address < end) memcpy(permissions, found, sizeof found);
    }
    fclose(maps);
}

Test(slab, no_page_is_writable_and_executable) {
    CodeSpace *space = open_space(NULL);
    char permissions[5];
    for (int i = 0; i < 500; i++) {
        const Code *code = add_constant(space, i, (size_t)(6 + i % 300));
        if (i % 50 == 0) {
            permissions_of(code->entry, permissions);
            cr_assert_str_eq(permissions, "r-xs");
        }
    }
    code_space_close(space);
}

/* As a debugger writes: without regard for permissions. */
static void poke(const void *address, uint8_t byte) {
    FILE *memory = fopen("/proc/self/mem", "r+be");
    cr_assert_not_null(memory);
    cr_assert_eq(fseek(memory, (long)(uintptr_t)address, SEEK_SET), 0);
    cr_assert_eq(fwrite(&byte, 1, 1, memory), 1);
    cr_assert_eq(fclose(memory), 0);
}

Test(slab, breakpoints_of_debuggers_do_not_hide_code_that_is_made_later) {
    CodeSpace *space = NULL;
    ferry_error error;
    cr_assert_eq(code_space_open(NULL, &(CodeOptions){.gdb = true}, &space, &error), FERRY_OK);
    Code *first = add_constant(space, 1, 20);
    poke(first->entry, 0xcc);
    cr_assert_eq(*(const uint8_t *)first->entry, 0xcc, "the breakpoint is there");
    poke(first->entry, 0xb8);
    Code *second = add_constant(space, 2, 20);
    cr_assert_eq(call_constant(first), 1);
    cr_assert_eq(call_constant(second), 2);
    code_remove(space, first);
    cr_assert_eq(call_constant(add_constant(space, 3, 20)), 3);
    cr_assert_eq(count_mappings(), 2, "the slab that was written into is gone");
    code_space_close(space);
}

Test(slab, the_place_of_removed_code_is_used_again) {
    CodeSpace *space = open_space(NULL);
    Code *first = add_constant(space, 1, 100);
    Code *second = add_constant(space, 2, 100);
    const void *place = first->entry;
    cr_assert_eq(call_constant(first), 1);
    code_remove(space, first);
    Code *third = add_constant(space, 3, 98);
    cr_assert_eq(third->entry, place);
    cr_assert_eq(call_constant(third), 3);
    cr_assert_eq(call_constant(second), 2);
    code_space_close(space);
}

Test(slab, adding_and_removing_forever_takes_no_more_memory) {
    Meter meter = {0};
    ferry_allocator allocator = meter_allocator(&meter);
    CodeSpace *space = open_space(&allocator);
    CodeStatistics before, after;
    code_remove(space, add_constant(space, 1, 40));
    code_remove(space, add_constant(space, 1, 500));
    code_statistics(space, &before);
    size_t blocks = meter.blocks;
    for (int i = 0; i < 20000; i++) code_remove(space, add_constant(space, i, 40));
    code_statistics(space, &after);
    cr_assert_eq(after.mapped_bytes, before.mapped_bytes);
    cr_assert_eq(meter.blocks, blocks);
    cr_assert_eq(after.blobs, 0);
    cr_assert_eq(after.used_bytes, 0);
    code_space_close(space);
}

enum { MANY = 4000 };

Test(slab, many_pieces_of_code_keep_apart_whatever_the_order_of_removal) {
    static Code *codes[MANY];
    static int values[MANY];
    CodeSpace *space = open_space(NULL);
    unsigned seed = 12345;
    for (int round = 0; round < 3 * MANY; round++) {
        seed = seed * 1103515245 + 12345;
        size_t i = seed / 65536 % MANY;
        if (codes[i] != NULL) {
            cr_assert_eq(call_constant(codes[i]), values[i]);
            code_remove(space, codes[i]);
            codes[i] = NULL;
        } else {
            values[i] = round;
            codes[i] = add_constant(space, round, 6 + seed % 500);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        if (codes[i] != NULL) cr_assert_eq(call_constant(codes[i]), values[i]);
    }
    code_space_close(space);
}

Test(slab, slabs_that_are_empty_are_unmapped) {
    static Code *codes[MANY];
    CodeSpace *space = open_space(NULL);
    CodeStatistics full, empty;
    for (int i = 0; i < MANY; i++) codes[i] = add_constant(space, i, 100);
    code_statistics(space, &full);
    cr_assert_gt(full.mapped_bytes, MANY * 100);
    for (int i = 0; i < MANY; i++) code_remove(space, codes[i]);
    code_statistics(space, &empty);
    cr_assert_leq(empty.mapped_bytes, 64 * 1024, "one slab is kept");
    cr_assert_eq(count_mappings(), 2);
    code_space_close(space);
}

Test(slab, code_larger_than_a_slab_gets_a_slab_of_its_own) {
    enum { LARGE = 300 * 1024 + 1 };
    static uint8_t bytes[LARGE];
    HandMade made;
    hand_made_constant(&made, 5, 6);
    memcpy(bytes + LARGE - 6, made.code, 6);
    memset(bytes, 0x90, LARGE - 6);
    hand_made_describe(&made, bytes, LARGE, NULL, 0);
    CodeSpace *space = open_space(NULL);
    Code *code = add(space, &made.blob);
    cr_assert_eq(call_constant(code), 5);
    code_remove(space, code);
    CodeStatistics statistics;
    code_statistics(space, &statistics);
    cr_assert_eq(statistics.mapped_bytes, 0);
    cr_assert_eq(count_mappings(), 0);
    code_space_close(space);
}

Test(slab, a_shape_of_160_bytes_of_code_takes_less_than_256_bytes) {
    static const uint8_t program[35]; /* a table entry of 52 bytes: rbp and three more registers are saved */
    static uint8_t bytes[160] = {0xc3};
    HandMade made;
    CodeSpace *space = open_space(NULL);
    CodeStatistics statistics;
    hand_made_describe(&made, bytes, sizeof bytes, program, sizeof program);
    for (int i = 0; i < 1000; i++) add(space, &made.blob);
    code_statistics(space, &statistics);
    cr_assert_eq(statistics.blobs, 1000);
    cr_assert_eq(statistics.code_bytes, 160 * 1000);
    cr_assert_eq(statistics.unwind_bytes, 52 * 1000);
    cr_assert_lt(statistics.used_bytes, 256 * 1000);
    cr_assert_lt(statistics.mapped_bytes, 256 * 1000 + 64 * 1024);
    code_space_close(space);
}

Test(slab, without_memory_adding_fails_cleanly_and_can_be_repeated) {
    HandMade small, large;
    hand_made_constant(&small, 3, 60);
    static uint8_t bytes[100000] = {0xc3};
    hand_made_describe(&large, bytes, sizeof bytes, NULL, 0);
    const Blob *blobs[] = {&small.blob, &large.blob};
    for (size_t fail_at = 1, failures = 1; failures != 0; fail_at++) {
        Meter meter = {.fail_at = fail_at};
        ferry_allocator allocator = meter_allocator(&meter);
        CodeSpace *space = NULL;
        ferry_error error = {0};
        failures = 0;
        if (code_space_open(&allocator, &(CodeOptions){.gdb = true}, &space, &error) == FERRY_OK) {
            for (size_t i = 0; i < COUNT_OF(blobs); i++) {
                Code *code = NULL;
                if (code_add(space, blobs[i], &code, &error) == FERRY_OK) continue;
                failures++;
                cr_assert_eq(error.code, FERRY_OUT_OF_MEMORY);
                cr_assert_null(code);
                meter.fail_at = 0;
                cr_assert_eq(code_add(space, blobs[i], &code, &error), FERRY_OK, "%s", error.message);
            }
            code_space_close(space);
        } else {
            failures++;
            cr_assert_eq(error.code, FERRY_OUT_OF_MEMORY);
        }
        cr_assert_eq(meter.blocks, 0);
        cr_assert_eq(count_mappings(), 0);
    }
}

Test(slab, absurd_blobs_are_refused) {
    HandMade made;
    Code *code = NULL;
    ferry_error error;
    CodeSpace *space = open_space(NULL);
    hand_made_constant(&made, 1, 6);
    made.blob.code = NULL;
    cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_INVALID);
    made.blob.code = made.code;
    made.blob.code_size = (size_t)1 << 62;
    cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_TOO_LARGE);
    made.blob.code_size = 6;
    made.blob.unwind_size = (size_t)1 << 62;
    cr_assert_eq(code_add(space, &made.blob, &code, &error), FERRY_TOO_LARGE);
    cr_assert_null(code);
    code_space_close(space);
}
