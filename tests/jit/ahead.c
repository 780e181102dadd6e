/* Objects that are made ahead of time: what is in them, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead_order.h"

TestSuite(jit_ahead, .init = order_open_all, .fini = order_close_all);

static void check_relocations(const Elf *elf) {
    size_t distances = 0;
    for (size_t i = 0; i < elf->header->e_shnum; i++) {
        const Elf64_Shdr *section = &elf->sections[i];
        cr_expect_neq(section->sh_type, SHT_REL);
        if (section->sh_type != SHT_RELA) continue;
        bool is_table = strcmp(elf_section_name(elf, section), ".rela.rodata") == 0;
        cr_expect(is_table || strcmp(elf_section_name(elf, section), ".rela.eh_frame") == 0, "%s",
                  elf_section_name(elf, section));
        const Elf64_Rela *relocations = (const void *)(elf->bytes + section->sh_offset);
        size_t count = section->sh_size / sizeof *relocations;
        for (size_t k = 0; k < count; k++) cr_expect_eq(ELF64_R_TYPE(relocations[k].r_info), R_X86_64_PC32);
        if (is_table) distances = count;
    }
    cr_expect_eq(distances, SHAPES);
}

Test(jit_ahead, every_relocation_is_relative_to_its_place_and_the_table_read_only) {
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        order_fill(quality);
        ObjectFile object = order_make(&order.request, order_ignore);
        Elf elf = elf_of(object.bytes);
        check_relocations(&elf);
        const Elf64_Shdr *table = elf_section(&elf, ".rodata"), *stack = elf_section(&elf, ".note.GNU-stack");
        cr_assert_not_null(table);
        cr_expect_eq(table->sh_flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_MERGE), SHF_ALLOC);
        cr_expect_eq(table->sh_size, sizeof order.table + 4 * SHAPES);
        cr_expect_eq(table->sh_addralign, 16);
        cr_expect_eq(table->sh_offset, object.table_at);
        cr_expect_eq(memcmp(object.bytes + object.table_at, order.table, sizeof order.table), 0);
        cr_assert_not_null(stack);
        cr_expect_eq(stack->sh_flags & SHF_EXECINSTR, 0);
        cr_expect_not_null(elf_section(&elf, ".note.gnu.property"), "landing pads are not announced");
        cr_expect_null(elf_section(&elf, ".comment"));
        order.workshop.backend->free_object(&object);
        cr_expect_null(object.bytes);
    }
}

Test(jit_ahead, the_table_is_the_only_global_symbol_and_as_visible_as_asked) {
    order_fill(FERRY_QUICK);
    for (int hidden = 0; hidden <= 1; hidden++) {
        order.request.table_hidden = hidden;
        ObjectFile object = order_make(&order.request, order_ignore);
        Elf elf = elf_of(object.bytes);
        const Elf64_Sym *table = elf_symbol(&elf, "the_table");
        cr_assert_not_null(table);
        cr_expect_eq(ELF64_ST_BIND(table->st_info), STB_GLOBAL);
        cr_expect_eq(ELF64_ST_TYPE(table->st_info), STT_OBJECT);
        cr_expect_eq(ELF64_ST_VISIBILITY(table->st_other), hidden ? STV_HIDDEN : STV_DEFAULT);
        cr_expect_eq(table->st_size, sizeof order.table + 4 * SHAPES);
        const Elf64_Shdr *symbols = elf_section(&elf, ".symtab");
        cr_expect_eq(symbols->sh_info, symbols->sh_size / sizeof(Elf64_Sym) - 1, "local symbols come first");
        order.workshop.backend->free_object(&object);
    }
}

static void expect_function(const Elf *elf, const char *name) {
    const Elf64_Sym *symbol = elf_symbol(elf, name);
    cr_assert_not_null(symbol, "%s", name);
    cr_expect_eq(ELF64_ST_BIND(symbol->st_info), STB_LOCAL, "%s", name);
    cr_expect_eq(ELF64_ST_TYPE(symbol->st_info), STT_FUNC, "%s", name);
}

Test(jit_ahead, any_text_is_a_name) {
    static char large[5001];
    static const char *const odd[] = {
        "",           "with spaces, (commas) and \"quotes\"",
        "llvm.trap",  "llvm.memcpy.p0.p0.i64",
        ".Ltemp",     "line\nbreak\ttab\\",
        "\001raw",    "caf\xc3\xa9 \xff\xfe",
        "name@@V1.2", "$dollar",
        ".text",      "the_table",
        "memcpy",     "0",
        "trampoline", "stub3",
        large,
    };
    memset(large, 'n', sizeof large - 1);
    order_fill(FERRY_QUICK);
    for (size_t i = 0; i < COUNT_OF(odd); i++) order.names[i] = odd[i];
    order.names[SHAPES - 1] = order.names[SHAPES - 2] = "twice";
    ObjectFile object = order_make(&order.request, order_keep);
    Elf elf = elf_of(object.bytes);
    for (size_t i = 0; i < SHAPES; i++) {
        char symbol[6000];
        snprintf(symbol, sizeof symbol, "ferry:%s", order.names[i]);
        expect_function(&elf, symbol);
    }
    cr_expect_eq(order.blobs, SHAPES);
    order_store(&object, "odd.o");
    order_run("cd %s && cc -shared -nostdlib odd.o -o odd.so", order.folder);
    order.workshop.backend->free_object(&object);
}

Test(jit_ahead, the_same_request_gives_the_same_bytes) {
    for (ferry_quality quality = FERRY_QUICK; quality <= FERRY_BETTER; quality++) {
        order_fill(quality);
        ObjectFile first = order_make(&order.request, order_ignore);
        for (int i = 0; i < 3; i++) {
            if (i == 1) workshop_make(&order.workshop, "float f(float, short)", FERRY_POINTERS, quality);
            if (i == 2) { /* another state */
                ferry_error error = {0};
                order.workshop.backend->close(order.workshop.state);
                cr_assert_eq(order.workshop.backend->open(NULL, &order.workshop.state, &error), FERRY_OK);
            }
            ObjectFile again = order_make(&order.request, order_ignore);
            cr_assert_eq(again.size, first.size);
            cr_expect_eq(again.table_at, first.table_at);
            cr_expect_eq(memcmp(again.bytes, first.bytes, first.size), 0, "run %d differs", i);
            order.workshop.backend->free_object(&again);
        }
        order.workshop.backend->free_object(&first);
    }
}

/* ---- many ---- */

static ferry_code count_blobs(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)error;
    cr_assert_eq(index, order.blobs++);
    cr_assert_gt(blob->code_size, 0);
    return FERRY_OK;
}

#define MANY 4096 /* six parameters of four types */

Test(jit_ahead, thousands_of_functions_in_one_object) {
    static const char *const types[] = {"long", "double", "int", "short"};
    static const Shape *shapes[MANY];
    static const char *names[MANY];
    for (size_t i = 0; i < MANY; i++) {
        char text[200] = "long f(";
        for (size_t k = 0, rest = i; k < 6; k++, rest /= 4)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", types[rest % 4], k < 5 ? ", " : ")");
        shapes[i] = workshop_shape(&order.workshop, text, FERRY_SLOTS, false);
        names[i] = "f";
    }
    order_fill(FERRY_QUICK);
    order.request.compile.shapes = shapes;
    order.request.compile.count = MANY;
    order.request.names = names;
    ObjectFile object = order_make(&order.request, count_blobs);
    cr_expect_eq(order.blobs, MANY);
    order.blobs = 0;
    Elf elf = elf_of(object.bytes);
    cr_expect_eq(elf_section(&elf, ".rela.rodata")->sh_size, MANY * sizeof(Elf64_Rela));
    order.workshop.backend->free_object(&object);
    workshop_make(&order.workshop, "long f(long)", FERRY_SLOTS, FERRY_QUICK);
}

/* ---- what is refused ---- */

static void expect_refused(const ObjectRequest *request, const char *word) {
    ferry_error error = {0};
    ObjectFile object = {0};
    ferry_code code =
        order.workshop.backend->object(order.workshop.state, request, order_ignore, NULL, &object, &error);
    cr_expect_eq(code, FERRY_INVALID, "%s", word);
    cr_expect_not_null(strstr(error.message, word), "%s: %s", word, error.message);
    cr_expect_null(object.bytes);
    order.workshop.backend->free_object(&object);
}

Test(jit_ahead, a_request_that_makes_no_sense_is_refused) {
    static const char *const no_identifiers[] = {"", "1st", "with space", "a-b", "caf\xc3\xa9", "llvm.used"};
    order_fill(FERRY_QUICK);
    const ObjectRequest good = order.request;
    ObjectRequest bad = good;
    bad.compile.count = 0;
    expect_refused(&bad, "at least one shape");
    bad = good, bad.compile.shapes = NULL;
    expect_refused(&bad, "at least one shape");
    bad = good, bad.compile.target = NULL;
    expect_refused(&bad, "a target");
    bad = good, bad.compile.quality = FERRY_BY_SHAPE;
    expect_refused(&bad, "quality 0");
    bad = good, bad.compile.bound = &order, bad.compile.count = 1;
    expect_refused(&bad, "not bound");
    bad = good, bad.table_name = NULL;
    expect_refused(&bad, "no C identifier");
    for (size_t i = 0; i < COUNT_OF(no_identifiers); i++) {
        bad = good, bad.table_name = no_identifiers[i];
        expect_refused(&bad, "no C identifier");
    }
    bad = good, bad.table = NULL;
    expect_refused(&bad, "table");
    bad = good, bad.table_size = 0;
    expect_refused(&bad, "0 bytes");
    bad = good, bad.table_size = 12;
    expect_refused(&bad, "12 bytes");
    bad = good, bad.names = NULL;
    expect_refused(&bad, "names");
    order.names[5] = NULL;
    expect_refused(&good, "function 5");
}

Test(jit_ahead, a_table_or_a_number_of_functions_that_no_distance_spans_is_too_large) {
    ferry_error error = {0};
    ObjectFile object = {0};
    order_fill(FERRY_QUICK);
    order.request.table_size = (size_t)1 << 30; /* refused before a byte of it is read */
    cr_expect_eq(
        order.workshop.backend->object(order.workshop.state, &order.request, order_ignore, NULL, &object, &error),
        FERRY_TOO_LARGE);
    cr_expect_null(object.bytes);
}

static ferry_code refuse(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)blob;
    return index == 3 ? fail(error, FERRY_NO_CODE, "no room for blob %zu", index) : FERRY_OK;
}

Test(jit_ahead, an_error_of_the_sink_ends_it_without_an_object) {
    ferry_error error = {0};
    ObjectFile object = {0};
    order_fill(FERRY_QUICK);
    cr_expect_eq(order.workshop.backend->object(order.workshop.state, &order.request, refuse, NULL, &object, &error),
                 FERRY_NO_CODE);
    cr_expect_str_eq(error.message, "no room for blob 3");
    cr_expect_null(object.bytes);
    object = order_make(&order.request, order_ignore);
    order.workshop.backend->free_object(&object);
}

Test(jit_ahead, compiles_and_dumps_of_no_quality_are_refused) {
    ferry_error error = {0};
    char *text = NULL;
    const Shape *shape = workshop_shape(&order.workshop, "long f(long)", FERRY_SLOTS, false);
    for (int quality = 0; quality <= 3; quality += 3) {
        CompileRequest request = workshop_request(&order.workshop, &shape, (ferry_quality)quality);
        cr_expect_eq(order.workshop.backend->compile(order.workshop.state, &request, order_ignore, NULL, &error),
                     FERRY_INVALID);
        cr_expect_eq(order.workshop.backend->dump(order.workshop.state, &request, DUMP_IR, &text, &error),
                     FERRY_INVALID);
    }
}
