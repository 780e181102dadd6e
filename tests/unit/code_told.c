/* Who is told of living code: debuggers by GDB's JIT interface, perf by its map. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code_blobs.h"

/* As a debugger sees them. */
struct jit_code_entry {
    struct jit_code_entry *next;
    struct jit_code_entry *previous;
    const uint8_t *file;
    uint64_t size;
};

extern struct jit_descriptor {
    uint32_t version;
    uint32_t action;
    struct jit_code_entry *relevant;
    struct jit_code_entry *first;
} __jit_debug_descriptor;

static CodeSpace *open_space(bool perf_map, bool gdb) {
    CodeSpace *space = NULL;
    ferry_error error = {0};
    CodeOptions options = {.perf_map = perf_map, .gdb = gdb};
    cr_assert_eq(code_space_open(NULL, &options, &space, &error), FERRY_OK, "%s", error.message);
    return space;
}

static Code *add_named(CodeSpace *space, const char *name) {
    HandMade made;
    Code *code = NULL;
    ferry_error error;
    hand_made_constant(&made, 1, 20);
    made.blob.name = name;
    return code_add(space, &made.blob, &code, &error) == FERRY_OK ? code : NULL;
}

static size_t count_entries(void) {
    size_t count = 0;
    const struct jit_code_entry *previous = NULL;
    for (const struct jit_code_entry *each = __jit_debug_descriptor.first; each != NULL; each = each->next) {
        cr_assert_eq(each->previous, previous);
        previous = each;
        count++;
    }
    return count;
}

Test(code_told, the_list_of_debuggers_holds_what_lives) {
    enum { COUNT = 20 };
    Code *codes[COUNT];
    CodeSpace *space = open_space(false, true), *other = open_space(false, true);
    cr_assert_eq(__jit_debug_descriptor.version, 1);
    for (int i = 0; i < COUNT; i++) codes[i] = add_named(i % 2 ? space : other, "f");
    cr_assert_eq(count_entries(), COUNT);
    for (int i = 0; i < COUNT; i += 3) code_remove(i % 2 ? space : other, codes[i]);
    cr_assert_eq(count_entries(), COUNT - 7);
    code_space_close(space);
    cr_assert_lt(count_entries(), COUNT / 2);
    code_space_close(other);
    cr_assert_eq(count_entries(), 0);
}

Test(code_told, without_the_option_no_debugger_is_told) {
    CodeSpace *space = open_space(false, false);
    cr_assert_not_null(add_named(space, "f"));
    cr_assert_null(__jit_debug_descriptor.first);
    code_space_close(space);
}

Test(code_told, the_object_for_debuggers_names_the_code_and_its_place) {
    CodeSpace *space = open_space(false, true);
    const Code *code = add_named(space, "ferry:slots i64(i32,f64)");
    const struct jit_code_entry *entry = __jit_debug_descriptor.first;
    const Elf64_Ehdr *header = (const void *)entry->file;
    cr_assert_arr_eq(header->e_ident, ELFMAG, SELFMAG);
    cr_assert_eq(header->e_machine, EM_X86_64);
    cr_assert_leq(header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr), entry->size);
    const Elf64_Shdr *sections = (const void *)(entry->file + header->e_shoff);
    const char *strings = (const char *)entry->file + sections[header->e_shstrndx].sh_offset;
    const Elf64_Sym *symbol = NULL;
    for (int i = 1; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &sections[i];
        if (section->sh_type != SHT_NOBITS) cr_assert_leq(section->sh_offset + section->sh_size, entry->size);
        if (strcmp(strings + section->sh_name, ".text") == 0) cr_assert_eq(section->sh_addr, (uintptr_t)code->entry);
        if (section->sh_type == SHT_SYMTAB)
            symbol = (const Elf64_Sym *)(const void *)(entry->file + section->sh_offset) + 1;
    }
    cr_assert_not_null(symbol);
    cr_assert_str_eq(strings + symbol->st_name, "ferry:slots i64(i32,f64)");
    cr_assert_eq(symbol->st_size, 20);
    cr_assert_str_eq(strings + sections[symbol->st_shndx].sh_name, ".text");
    code_space_close(space);
}

static void path_of_map(pid_t process, char path[64]) {
    snprintf(path, 64, "/tmp/perf-%ld.map", (long)process);
}

/* Whether a map has a line of its own for that code; usable in a child. */
static bool map_has(pid_t process, const Code *code, const char *name) {
    char path[64], line[1024], wanted[1024];
    path_of_map(process, path);
    snprintf(wanted, sizeof wanted, "%lx 14 %s\n", (unsigned long)code->entry, name);
    FILE *map = fopen(path, "re");
    bool found = false;
    while (map != NULL && fgets(line, sizeof line, map) != NULL) found |= strcmp(line, wanted) == 0;
    if (map != NULL) fclose(map);
    return found;
}

Test(code_told, the_perf_map_has_a_line_for_each_piece_of_code) {
    char path[64];
    path_of_map(getpid(), path);
    unlink(path);
    CodeSpace *space = open_space(true, false), *other = open_space(true, false);
    const Code *first = add_named(space, "first"), *second = add_named(other, "second one"),
               *third = add_named(space, "a\nb");
    cr_assert(map_has(getpid(), first, "first"));
    cr_assert(map_has(getpid(), second, "second one"));
    cr_assert(map_has(getpid(), third, "a?b"), "a name cannot forge a line");
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    code_space_close(space);
    code_space_close(other);
    unlink(path);
}

Test(code_told, a_long_name_is_cut_off_in_the_perf_map_not_the_line) {
    char path[64], name[2000], line[4096] = "";
    path_of_map(getpid(), path);
    unlink(path);
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CodeSpace *space = open_space(true, false);
    cr_assert_not_null(add_named(space, name));
    FILE *map = fopen(path, "re");
    cr_assert_not_null(fgets(line, sizeof line, map));
    cr_assert_eq(line[strlen(line) - 1], '\n');
    cr_assert_eq(strlen(line), 511);
    fclose(map);
    code_space_close(space);
    unlink(path);
}

static int told_in_child(CodeSpace *space, const Code *old) {
    const Code *own = add_named(space, "own");
    if (own == NULL) return 1;
    if (!map_has(getpid(), old, "old")) return 2;
    if (!map_has(getpid(), own, "own")) return 3;
    if (map_has(getppid(), own, "own")) return 4;
    code_space_close(space);
    char path[64];
    path_of_map(getpid(), path);
    return unlink(path) == 0 ? 0 : 5;
}

Test(code_told, a_child_writes_a_perf_map_of_its_own_with_what_it_inherited) {
    char path[64];
    path_of_map(getpid(), path);
    CodeSpace *space = open_space(true, false);
    const Code *old = add_named(space, "old");
    pid_t child = fork();
    if (child == 0) _exit(told_in_child(space, old));
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
    code_space_close(space);
    unlink(path);
}

/* /tmp is everybody's. Each of these lies where the map should be. */
static void lay_link(const char *path) {
    cr_assert_eq(symlink("/tmp/ferry-not-a-map", path), 0);
}
static void lay_pipe(const char *path) {
    cr_assert_eq(mkfifo(path, 0600), 0);
}
static void lay_folder(const char *path) {
    cr_assert_eq(mkdir(path, 0700), 0);
}
static void lay_second_name(const char *path) {
    char other[80];
    snprintf(other, sizeof other, "%s.other", path);
    FILE *file = fopen(other, "we");
    cr_assert_not_null(file);
    fclose(file);
    cr_assert_eq(link(other, path), 0);
}

Test(code_told, a_perf_map_that_is_not_a_plain_file_of_ours_is_refused) {
    void (*const traps[])(const char *) = {lay_link, lay_pipe, lay_folder, lay_second_name};
    char path[64], other[80];
    path_of_map(getpid(), path);
    snprintf(other, sizeof other, "%s.other", path);
    for (size_t i = 0; i < COUNT_OF(traps); i++) {
        unlink(path);
        traps[i](path);
        CodeSpace *space = NULL;
        ferry_error error = {0};
        CodeOptions options = {.perf_map = true};
        cr_assert_eq(code_space_open(NULL, &options, &space, &error), FERRY_SYSTEM, "trap %zu", i);
        cr_assert_not_null(strstr(error.message, path), "%s", error.message);
        cr_assert_null(space);
        cr_assert_eq(remove(path), 0);
    }
    cr_assert_neq(access("/tmp/ferry-not-a-map", F_OK), 0, "nothing was written through the link");
    unlink(other);
}
