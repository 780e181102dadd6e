/* files.c: nftw, ftw and scandir tell closures of a small tree; a stream whose file is a table of closures. */
#define _GNU_SOURCE
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

/* ---- a tree ---- */

static const char *const folders[] = {"one", "one/deep", "two"};
static const char *const files[] = {"one/deep/x.txt", "one/a.txt", "two/long.dat", "two/b.txt", "b.c", "a.c", "z.h"};
#define FOLDERS (sizeof folders / sizeof folders[0])
#define FILES   (sizeof files / sizeof files[0])

static void make_tree(char *root) {
    char path[256];
    strcpy(root, "/tmp/ferry-uses-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    for (size_t i = 0; i < FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fprintf(file, "%*s", (int)(i * 100 + 7), "");
        fclose(file);
    }
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where) {
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void remove_tree(const char *root) {
    cr_assert_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- what is seen of it: once by C, once by a handler ---- */

typedef struct Seen {
    ferry_convention convention;
    int stop_at; /* the call that answers 1000 + its number */
    int calls;
    int kinds[8];
    long bytes;
    int levels;
    char names[1024];
} Seen;

static int see(Seen *seen, const char *path, const struct stat *status, int kind, int base, int level) {
    seen->calls++;
    seen->kinds[kind]++;
    if (kind == FTW_F) seen->bytes += status->st_size;
    seen->levels += level;
    strncat(strcat(seen->names, " "), path + base, 64);
    return seen->calls == seen->stop_at ? 1000 + seen->calls : 0;
}

static Seen native;

static int see_in_c(const char *path, const struct stat *status, int kind, struct FTW *where) {
    return see(&native, path, status, kind, where->base, where->level);
}

static void see_in_vm(void *context, void *arguments, void *result) {
    Seen *seen = context;
    const struct FTW *where = ARGUMENT(struct FTW *, seen->convention, arguments, 3);
    give(result, see(seen, ARGUMENT(char *, seen->convention, arguments, 0),
                     ARGUMENT(struct stat *, seen->convention, arguments, 1),
                     ARGUMENT(int, seen->convention, arguments, 2), where->base, where->level));
}

static void expect_same(const Seen *seen, const char *name) {
    cr_expect_eq(seen->calls, native.calls, "%s", name);
    cr_expect_eq(seen->bytes, native.bytes, "%s", name);
    cr_expect_eq(seen->levels, native.levels, "%s", name);
    cr_expect_arr_eq(seen->kinds, native.kinds, sizeof native.kinds);
    cr_expect_str_eq(seen->names, native.names);
}

Test(uses, nftw_tells_of_every_file_and_stops_when_told) {
    char root[64];
    make_tree(root);
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        for (int stop = 0; stop < 6; stop += 5) {
            native = (Seen){.stop_at = stop};
            Seen seen = {.convention = way->convention, .stop_at = stop};
            ferry_closure *closure =
                new_closure(engine, way, "int f(const char *, const void *, int, void *)", see_in_vm, &seen);
            int expected = nftw(root, see_in_c, 4, FTW_PHYS | FTW_DEPTH);
            cr_assert_eq(expected, stop == 0 ? 0 : 1005);
            cr_assert_eq(native.calls, stop == 0 ? (int)(1 + FOLDERS + FILES) : 5);
            cr_expect_eq(nftw(root, CODE(__nftw_func_t, closure), 4, FTW_PHYS | FTW_DEPTH), expected);
            expect_same(&seen, way->name);
            release(closure);
        }
        free_engine(engine);
    }
    remove_tree(root);
}

static int see_flat_in_c(const char *path, const struct stat *status, int kind) {
    return see(&native, path, status, kind, 0, 1);
}

static void see_flat_in_vm(void *context, void *arguments, void *result) {
    Seen *seen = context;
    give(result, see(seen, ARGUMENT(char *, seen->convention, arguments, 0),
                     ARGUMENT(struct stat *, seen->convention, arguments, 1),
                     ARGUMENT(int, seen->convention, arguments, 2), 0, 1));
}

Test(uses, ftw_tells_of_every_file) {
    char root[64];
    make_tree(root);
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        native = (Seen){0};
        Seen seen = {.convention = way->convention};
        ferry_closure *closure =
            new_closure(engine, way, "int f(const char *, const void *, int)", see_flat_in_vm, &seen);
        cr_expect_eq(ftw(root, see_flat_in_c, 4), 0);
        cr_expect_eq(ftw(root, CODE(__ftw_func_t, closure), 4), 0);
        expect_same(&seen, way->name);
        release(closure);
        free_engine(engine);
    }
    remove_tree(root);
}

/* ---- scandir: files of C, backwards ---- */

static void is_of_c(void *context, void *arguments, void *result) {
    const struct dirent *entry = ARGUMENT(struct dirent *, *(ferry_convention *)context, arguments, 0);
    size_t length = strlen(entry->d_name);
    give(result, length > 2 && strcmp(entry->d_name + length - 2, ".c") == 0);
}

static void compare_backwards(void *context, void *arguments, void *result) {
    ferry_convention convention = *(ferry_convention *)context;
    const struct dirent *const *left = ARGUMENT(const struct dirent **, convention, arguments, 0);
    const struct dirent *const *right = ARGUMENT(const struct dirent **, convention, arguments, 1);
    give(result, strcmp((*right)->d_name, (*left)->d_name));
}

Test(uses, scandir_filters_and_sorts) {
    char root[64];
    make_tree(root);
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        ferry_convention convention = way->convention;
        struct dirent **names = NULL;
        ferry_closure *filter = new_closure(engine, way, "int f(const void *)", is_of_c, &convention);
        ferry_closure *order =
            new_closure(engine, way, "int f(const void **, const void **)", compare_backwards, &convention);
        int count = scandir(root, &names, CODE(int (*)(const struct dirent *), filter),
                            CODE(int (*)(const struct dirent **, const struct dirent **), order));
        cr_assert_eq(count, 2, "%s", way->name);
        cr_expect_str_eq(names[0]->d_name, "b.c");
        cr_expect_str_eq(names[1]->d_name, "a.c");
        for (int i = 0; i < count; i++) free(names[i]);
        free(names);
        release(filter);
        release(order);
        free_engine(engine);
    }
    remove_tree(root);
}

/* ---- a stream: cookie_io_functions_t is a table of functions that is passed by value ---- */

typedef struct Memory {
    char bytes[4096];
    size_t size;
    size_t position;
    int reads, writes, seeks, closes;
} Memory;

static void read_memory(void *context, void *arguments, void *result) {
    Memory *memory = context;
    uint64_t *slots = arguments;
    char *buffer = ((char **)arguments)[1];
    size_t left = memory->size - memory->position, size = slots[2] < left ? slots[2] : left;
    if (size > 100) size = 100; /* little at a time, as a socket would */
    memcpy(buffer, memory->bytes + memory->position, size);
    memory->position += size;
    memory->reads++;
    give(result, (int64_t)size);
}

static void write_memory(void *context, void *arguments, void *result) {
    Memory *memory = context;
    uint64_t *slots = arguments;
    size_t left = sizeof memory->bytes - memory->position, size = slots[2] < left ? slots[2] : left;
    memcpy(memory->bytes + memory->position, ((const char **)arguments)[1], size);
    memory->position += size;
    if (memory->position > memory->size) memory->size = memory->position;
    memory->writes++;
    give(result, (int64_t)size);
}

static void seek_memory(void *context, void *arguments, void *result) {
    Memory *memory = context;
    off64_t *offset = ((off64_t **)arguments)[1];
    int whence = (int)((int64_t *)arguments)[2];
    size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory->position : memory->size;
    memory->position = from + (size_t)*offset;
    *offset = (off64_t)memory->position;
    memory->seeks++;
    give(result, 0);
}

static void close_memory(void *context, void *arguments, void *result) {
    Memory *memory = context;
    memory->closes += ((Memory **)arguments)[0] == memory;
    give(result, 0);
}

#define COOKIE                                                                                                         \
    "struct cookie { ssize_t (*read)(void *, char *, size_t); ssize_t (*write)(void *, const char *, size_t);"         \
    " int (*seek)(void *, int64_t *, int); int (*close)(void *); }"

static ferry_interface *new_cookie(ferry_engine *engine, Memory *memory) {
    ferry_error error;
    const ferry_type *type = ferry_type_parse(engine, NULL, COOKIE, &error);
    cr_assert_not_null(type, "%s", error.message);
    const ferry_method methods[4] = {
        {read_memory, memory}, {write_memory, memory}, {seek_memory, memory}, {close_memory, memory}};
    const ferry_interface_options options = {.closure.name = "cookie"};
    ferry_interface *interface = ferry_interface_create(engine, type, methods, 4, &options, &error);
    cr_assert_not_null(interface, "%s", error.message);
    return interface;
}

/* The virtual machine opens it: the table goes to C by value. */
static FILE *open_cookie(ferry_engine *engine, Memory *memory, const char *mode, const void *table) {
    ferry_error error;
    const ferry_signature *signature = parse(engine, COOKIE "; void *fopencookie(void *, const char *, struct cookie)");
    ferry_binding *binding = ferry_bind(engine, signature, (void (*)(void))fopencookie, NULL, &error);
    cr_assert_not_null(binding, "%s", error.message);
    struct {
        void *cookie;
        const char *mode;
        cookie_io_functions_t functions;
    } slots = {memory, mode, {0}};
    memcpy(&slots.functions, table, sizeof slots.functions);
    FILE *file = NULL;
    ferry_call(binding, &slots, &file);
    ferry_binding_free(binding);
    cr_assert_not_null(file);
    return file;
}

Test(uses, a_stream_whose_file_is_in_the_virtual_machine) {
    for (const Way *way = ways; way < ways + WAYS; way += 2) { /* those with slots */
        ferry_engine *engine = new_engine(way);
        Memory memory = {0};
        ferry_interface *interface = new_cookie(engine, &memory);
        FILE *file = open_cookie(engine, &memory, "w+", ferry_interface_table(interface));
        for (int i = 0; i < 100; i++) fprintf(file, "line %d of %g\n", i, i / 8.0);
        cr_assert_eq(fseek(file, 0, SEEK_SET), 0);
        char *line = NULL, expected[64];
        size_t room = 0;
        int lines = 0;
        for (; getline(&line, &room, file) >= 0; lines++) {
            snprintf(expected, sizeof expected, "line %d of %g\n", lines, lines / 8.0);
            cr_assert_str_eq(line, expected, "%s", way->name);
        }
        free(line);
        cr_expect_eq(lines, 100);
        cr_expect_eq(memory.closes, 0);
        cr_expect_eq(fclose(file), 0);
        cr_expect_eq(memory.closes, 1);
        cr_expect_geq(memory.reads, (int)memory.size / 100);
        cr_expect(memory.writes > 0 && memory.seeks > 0);
        cr_expect_eq(ferry_interface_release(interface, NULL), FERRY_OK);
        free_engine(engine);
    }
}
