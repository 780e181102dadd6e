#define _GNU_SOURCE
#include "bundle_files.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code_blobs.h"

char bundle_folder[64];

void enter_bundle_folder(void) {
    umask(022);
    strcpy(bundle_folder, "/tmp/ferry-bundle-XXXXXX");
    cr_assert_not_null(mkdtemp(bundle_folder));
    cr_assert_eq(chdir(bundle_folder), 0);
}

void run(const char *format, ...) {
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_eq(system(command), 0, "%s", command);
}

void leave_bundle_folder(void) {
    cr_assert_eq(chdir("/"), 0);
    run("chmod -R u+rwx %s && rm -rf %s", bundle_folder, bundle_folder);
}

/* ---- making files ---- */

static void write_bytes(FILE *text, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) fprintf(text, "%s%u", i % 32 == 0 ? "\n.byte " : ",", bytes[i]);
    fputc('\n', text);
}

static void write_text(FILE *text, const Made *made, const Plan *plan) {
    const char *symbol = plan->symbol != NULL ? plan->symbol : BUNDLE_SYMBOL;
    fprintf(text, ".section %s\n.balign 16\n", plan->section != NULL ? plan->section : ".rodata");
    fprintf(text, ".globl %s\n.type %s, @object\n%s:\ntable:\n", symbol, symbol, symbol);
    write_bytes(text, made->bytes, made->table_size);
    for (size_t i = 0; i < made->count; i++) {
        if (i == 1 && plan->distance != NULL)
            fprintf(text, ".long %s\n", plan->distance);
        else
            fprintf(text, ".long code_%zu - table\n", i);
    }
    /* A sanitizer looks at what is before a function that is called. */
    fprintf(text, ".text\nret\n.section %s\n.skip 64\n", plan->code != NULL ? plan->code : ".text");
    for (size_t i = 0; i < made->count; i++) {
        fprintf(text, ".balign 16\ncode_%zu:\n", i);
        write_bytes(text, made->items[i].code, made->items[i].code_size);
    }
    fprintf(text, ".section .note.GNU-stack,\"\",@progbits\n");
}

uint8_t *read_all(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = calloc(1, *size + sizeof(BundleTrailer));
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

void write_all(const char *path, const uint8_t *bytes, size_t size) {
    unlink(path);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
    chmod(path, 0755);
}

void seal(const char *path, uint8_t *bytes, size_t size) {
    BundleTrailer trailer;
    bundle_seal(bytes, size, &trailer);
    memcpy(bytes + size, &trailer, sizeof trailer);
    write_all(path, bytes, size + sizeof trailer);
}

void write_assembler(const Made *made, const Plan *plan) {
    FILE *text = fopen("bundle.s", "w");
    cr_assert_not_null(text);
    write_text(text, made, plan);
    fclose(text);
}

void make_unsealed(const char *path, const Plan *plan, Made *made) {
    make_table(plan->number != 0 ? plan->number : COUNT, true, true, made);
    if (plan->broken_table) made_header(made)->checksum++;
    if (plan->broken_code) made->items[1].code[made->items[1].code_size - 1] ^= 1;
    write_assembler(made, plan);
    run("cc -nostdlib %s -o %s bundle.s", plan->options != NULL ? plan->options : "-shared", path);
}

void make_file(const char *path, const Plan *plan, Made *made) {
    size_t size;
    make_unsealed(path, plan, made);
    uint8_t *bytes = read_all(path, &size);
    seal(path, bytes, size);
    free(bytes);
}

/* ---- loading ---- */

Bundle loaded(const char *path) {
    Bundle bundle = {0};
    ferry_error error = {0};
    cr_assert_eq(bundle_load(path, NULL, &bundle, &error), FERRY_OK, "%s", error.message);
    return bundle;
}

void expect_refused(const char *path, ferry_code code, const char *reason) {
    Bundle bundle = {0};
    ferry_error error = {0};
    char message[sizeof error.message];
    size_t files = count_files();
    cr_assert_eq(bundle_load(path, NULL, &bundle, &error), code, "%s: %s", reason, error.message);
    cr_assert_eq(error.code, code);
    snprintf(message, sizeof message, "bundle %.120s: %s", path, reason);
    cr_assert_str_eq(error.message, message);
    cr_assert_null(bundle.table);
    cr_assert_eq(count_files(), files, "no descriptor stays open");
}

bool is_loaded(const char *path) {
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (library != NULL) dlclose(library);
    return library != NULL;
}

void expect_works(const Bundle *bundle, const Made *made) {
    cr_assert_eq(bundle->header->count, made->count);
    for (size_t i = 0; i < made->count; i++) {
        const uint8_t *code;
        ferry_error error = {0};
        int64_t index = bundle_find(bundle, made->items[i].digest);
        cr_assert_eq(index, (int64_t)i);
        cr_assert_eq(bundle_code(bundle, i, &code, &error), FERRY_OK, "%s", error.message);
        cr_assert_str_eq(bundle_name(bundle, i), made->items[i].name);
        int (*function)(void);
        memcpy(&function, &code, sizeof function);
        cr_assert_eq((uint32_t)function(), made->numbers[i]);
    }
}
