/* Bundles as files: what is loaded, and who may have written it; and tables that are part of the program. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle_files.h"
#include "code_blobs.h"

TestSuite(bundle_file, .init = enter_bundle_folder, .fini = leave_bundle_folder);

Test(bundle_file, a_bundle_is_loaded_once_and_its_code_runs) {
    Made made;
    make_file("good.so", &(Plan){.number = 100}, &made);
    size_t files = count_files();
    Bundle bundle = loaded("good.so");
    expect_works(&bundle, &made);
    Bundle again = loaded("./good.so");
    cr_assert_eq(again.table, bundle.table, "the same file is not loaded twice");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/good.so", bundle_folder);
    cr_assert_eq(loaded(path).table, bundle.table);
    run("ln -s good.so link.so");
    cr_assert_eq(loaded("link.so").table, bundle.table, "a link may lead to it");
    cr_assert_eq(count_files(), files);
    Dl_info place;
    cr_assert_neq(dladdr(bundle.table, &place), 0);
    cr_assert_str_eq(place.dli_fname, path, "debuggers and profilers find the file");
    free_made(&made);
}

Test(bundle_file, a_bundle_without_entries_is_one) {
    Made made;
    make_table(0, true, true, &made);
    write_assembler(&made, &(Plan){0});
    run("cc -nostdlib -shared -o empty.so bundle.s");
    size_t size;
    uint8_t *bytes = read_all("empty.so", &size);
    seal("empty.so", bytes, size);
    Bundle bundle = loaded("empty.so");
    cr_assert_eq(bundle.header->count, 0);
    free(bytes);
    free_made(&made);
}

Test(bundle_file, one_segment_for_everything_will_do) {
    Made made;
    make_file("together.so", &(Plan){.options = "-shared -Wl,-z,noseparate-code"}, &made);
    Bundle bundle = loaded("together.so");
    expect_works(&bundle, &made);
    free_made(&made);
}

Test(bundle_file, the_code_may_lie_apart_from_other_code) {
    Made made;
    const Plan plan = {.code = ".apart, \"ax\", @progbits", .options = "-shared -Wl,--section-start=.apart=0x800000"};
    make_file("apart.so", &plan, &made);
    run("test $(readelf -lW apart.so | grep -c 'LOAD.* R E ') = 2");
    Bundle bundle = loaded("apart.so");
    expect_works(&bundle, &made);
    free_made(&made);
}

Test(bundle_file, no_file_of_the_kind) {
    expect_refused("none.so", FERRY_SYSTEM, "it cannot be found: No such file or directory");
    expect_refused("", FERRY_SYSTEM, "it cannot be found: No such file or directory");
    run("mkdir folder && mkfifo pipe && ln -s loop loop && : > empty && head -c 20 /dev/zero > short");
    run("chmod 755 folder && chmod 644 pipe empty short && seq 1000 > text && chmod 644 text");
    expect_refused("folder", FERRY_UNFIT, "it is a folder");
    expect_refused("pipe", FERRY_UNFIT, "it is no regular file");
    expect_refused("/dev/null", FERRY_UNFIT, "it is no regular file");
    expect_refused("loop", FERRY_SYSTEM, "it cannot be found: Too many levels of symbolic links");
    expect_refused("empty", FERRY_UNFIT, "it is no bundle: too short");
    expect_refused("short", FERRY_UNFIT, "it is no bundle: too short");
    expect_refused("text", FERRY_UNFIT, "it is no bundle, or its end is missing");
    expect_refused("text/x.so", FERRY_SYSTEM, "it cannot be found: Not a directory");
    run("truncate -s 3G large && chmod 644 large");
    expect_refused("large", FERRY_UNFIT, "it is too large for a bundle");
}

Test(bundle_file, very_long_names) {
    char name[5000];
    memset(name, 'x', sizeof name);
    name[4999] = '\0';
    expect_refused(name, FERRY_SYSTEM, "it cannot be found: File name too long");
}

/* ---- who may write it ---- */

Test(bundle_file, others_may_not_write_it) {
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    static const mode_t bad[] = {0775, 0757, 0622, 0664, 0666, 0777};
    char reason[80];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        chmod("good.so", bad[i]);
        snprintf(reason, sizeof reason, "it may be written by others than its owner (mode %03o)", bad[i]);
        expect_refused("good.so", FERRY_UNFIT, reason);
    }
    cr_assert_not(is_loaded("./good.so"));
    chmod("good.so", 0444);
    Bundle bundle = loaded("good.so");
    expect_works(&bundle, &made);
    free_made(&made);
}

Test(bundle_file, others_may_not_replace_it) {
    Made made;
    char reason[200];
    make_file("good.so", &(Plan){0}, &made);
    run("mkdir -p open/below && mv good.so open/below");
    static const mode_t bad[] = {0775, 0757, 0777};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        chmod("open", bad[i]);
        snprintf(reason, sizeof reason, "a folder above it may be written by others than its owner: %s/open",
                 bundle_folder);
        expect_refused("open/below/good.so", FERRY_UNFIT, reason);
        run("ln -sf open/below/good.so link.so");
        expect_refused("link.so", FERRY_UNFIT, reason);
    }
    chmod("open", 01777);
    Bundle bundle = loaded("open/below/good.so");
    expect_works(&bundle, &made);
    free_made(&made);
}

Test(bundle_file, it_is_the_users_or_roots) {
    if (geteuid() != 0) cr_skip_test("only root can give files away");
    Made made;
    char reason[200];
    make_file("good.so", &(Plan){0}, &made);
    run("mkdir theirs && cp good.so theirs && chown 12345 good.so theirs");
    expect_refused("good.so", FERRY_UNFIT, "it belongs to neither the user nor root");
    snprintf(reason, sizeof reason, "a folder above it belongs to neither the user nor root: %s/theirs", bundle_folder);
    expect_refused("theirs/good.so", FERRY_UNFIT, reason);
    run("chown 12345 theirs/good.so && chown 0 good.so && chmod 755 . && chown 12345 .");
    cr_assert_eq(seteuid(12345), 0);
    Bundle theirs = loaded("theirs/good.so"), roots = loaded("good.so");
    expect_works(&theirs, &made);
    expect_works(&roots, &made);
    cr_assert_eq(seteuid(0), 0);
    run("chown 0 .");
    free_made(&made);
}

/* In a child, for which that folder is the whole file system: 0 where the reason is the one expected. */
static int load_below(const char *root) {
    Bundle bundle;
    ferry_error error = {0};
    if (chroot(root) != 0) return 2;
    bool refused = bundle_load("/good.so", NULL, &bundle, &error) == FERRY_UNFIT;
    return refused && strstr(error.message, "a folder above it may be written by others than its owner: /") ? 0 : 1;
}

Test(bundle_file, others_may_not_write_the_root_folder) {
    if (geteuid() != 0) cr_skip_test("only root can change the root folder");
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    run("mkdir root && mv good.so root && chmod 777 root");
    pid_t child = fork();
    if (child == 0) _exit(load_below("root"));
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    free_made(&made);
}

/* ---- memory ---- */

Test(bundle_file, no_memory_is_said_and_nothing_is_kept) {
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    Meter meter = {.fail_at = 1};
    ferry_allocator allocator = meter_allocator(&meter);
    Bundle bundle;
    ferry_error error = {0};
    size_t files = count_files();
    cr_assert_eq(bundle_load("good.so", &allocator, &bundle, &error), FERRY_OUT_OF_MEMORY);
    cr_assert_str_eq(error.message, "bundle good.so: no memory for a bundle");
    meter = (Meter){0};
    cr_assert_eq(bundle_load("good.so", &allocator, &bundle, &error), FERRY_OK);
    cr_assert_eq(meter.requests, 1);
    cr_assert_eq(meter.blocks, 0);
    cr_assert_eq(meter.bytes, 0);
    cr_assert_eq(count_files(), files);
    free_made(&made);
}

/* ---- tables that are part of the program ---- */

static uint64_t writable[sizeof(BundleHeader) / 8] = {1};

Test(bundle_file, a_linked_table_lies_in_read_only_data_beside_code) {
    Made made;
    Bundle bundle = {0};
    ferry_error error = {0};
    make_unsealed("linked.so", &(Plan){0}, &made);
    void *library = dlopen("./linked.so", RTLD_NOW);
    cr_assert_not_null(library);
    const void *table = dlsym(library, BUNDLE_SYMBOL);
    cr_assert_eq(bundle_linked(table, &bundle, &error), FERRY_OK, "%s", error.message);
    expect_works(&bundle, &made);
    cr_assert_eq(bundle_linked((const uint8_t *)table + 8, &bundle, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "there is no table of a bundle in it");
    cr_assert_eq(bundle_linked(made.bytes, &bundle, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "no part of the program holds the table");
    cr_assert_eq(bundle_linked(writable, &bundle, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "the table lies where the program can write");
    cr_assert_eq(bundle_linked(NULL, &bundle, &error), FERRY_UNFIT);
    cr_assert_str_eq(error.message, "no part of the program holds the table");
    free_made(&made);
}

Test(bundle_file, a_linked_table_may_not_reach_outside) {
    static const Plan plans[] = {{.distance = "0"}, {.section = ".data"}, {.broken_table = true}};
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        Made made;
        char path[20];
        snprintf(path, sizeof path, "./linked-%zu.so", i);
        make_unsealed(path, &plans[i], &made);
        void *library = dlopen(path, RTLD_NOW);
        cr_assert_not_null(library);
        Bundle bundle;
        ferry_error error = {0};
        cr_assert_eq(bundle_linked(dlsym(library, BUNDLE_SYMBOL), &bundle, &error), FERRY_UNFIT);
        free_made(&made);
    }
}
