/* Bundle files that are damaged, or whole and yet no bundles: refused, and mostly before the loader sees them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle_files.h"

TestSuite(bundle_damage, .init = enter_bundle_folder, .fini = leave_bundle_folder);

Test(bundle_damage, files_cut_off_at_every_length) {
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    size_t size;
    uint8_t *bytes = read_all("good.so", &size);
    run("cp good.so cut.so");
    for (size_t length = size; length-- > 0;) {
        Bundle bundle;
        ferry_error error = {0};
        cr_assert_eq(truncate("cut.so", (off_t)length), 0);
        cr_assert_eq(bundle_load("cut.so", NULL, &bundle, &error), FERRY_UNFIT, "%zu: %s", length, error.message);
    }
    cr_assert_not(is_loaded("./cut.so"));
    free(bytes);
    free_made(&made);
}

Test(bundle_damage, every_byte_counts) {
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    size_t size;
    uint8_t *bytes = read_all("good.so", &size);
    int file = open("good.so", O_RDWR | O_CLOEXEC);
    cr_assert_geq(file, 0);
    for (size_t i = 0; i < size; i++) {
        Bundle bundle;
        ferry_error error = {0};
        uint8_t wrong = bytes[i] ^ (uint8_t)(1 << i % 8);
        cr_assert_eq(pwrite(file, &wrong, 1, (off_t)i), 1);
        cr_assert_eq(bundle_load("good.so", NULL, &bundle, &error), FERRY_UNFIT, "byte %zu: %s", i, error.message);
        cr_assert_eq(pwrite(file, &bytes[i], 1, (off_t)i), 1);
    }
    close(file);
    cr_assert_not(is_loaded("./good.so"));
    Bundle bundle = loaded("good.so");
    expect_works(&bundle, &made);
    free(bytes);
    free_made(&made);
}

Test(bundle_damage, the_trailer_of_another_file) {
    Made made, other;
    make_file("good.so", &(Plan){0}, &made);
    make_file("other.so", &(Plan){.number = 4}, &other);
    size_t size, other_size;
    uint8_t *bytes = read_all("good.so", &size), *others = read_all("other.so", &other_size);
    BundleTrailer trailer;
    memcpy(&trailer, others + other_size - sizeof trailer, sizeof trailer);
    trailer.size = size - sizeof trailer;
    memcpy(bytes + size - sizeof trailer, &trailer, sizeof trailer);
    write_all("swapped.so", bytes, size);
    expect_refused("swapped.so", FERRY_UNFIT, "it is damaged: its digest is wrong");
    trailer.size++;
    memcpy(bytes + size - sizeof trailer, &trailer, sizeof trailer);
    write_all("swapped.so", bytes, size);
    char reason[100];
    snprintf(reason, sizeof reason, "it is damaged: %zu bytes before the trailer, not %zu", size - sizeof trailer,
             size - sizeof trailer + 1);
    expect_refused("swapped.so", FERRY_UNFIT, reason);
    run("(cat good.so; echo more) > more.so && chmod 755 more.so");
    expect_refused("more.so", FERRY_UNFIT, "it is no bundle, or its end is missing");
    free(others);
    free(bytes);
    free_made(&other);
    free_made(&made);
}

/* ---- sealed, and yet no bundle that can be used ---- */

typedef struct Wrong {
    Plan plan;
    ferry_code code;
    const char *reason;
} Wrong;

Test(bundle_damage, sealed_files_that_lie) {
    static const Wrong wrongs[] = {
        {{.broken_table = true}, FERRY_UNFIT, "its table is damaged: its checksum is wrong"},
        {{.options = "-r"}, FERRY_UNFIT, "it is no shared object"},
        {{.symbol = "another"}, FERRY_UNFIT, "it does not export its table, ferry_bundle_table"},
        {{.section = ".data"}, FERRY_UNFIT, "the table lies where the program can write"},
        {{.distance = "0"}, FERRY_UNFIT, "its table is damaged: entry 1: its code is not where code may be"},
        {{.distance = "0x7fffffff"}, FERRY_UNFIT, "its table is damaged: entry 1: its code is not where code may be"},
        {{.distance = "0x80000000"}, FERRY_UNFIT, "its table is damaged: entry 1: its code is not where code may be"},
    };
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        Made made;
        char path[20];
        snprintf(path, sizeof path, "wrong-%zu.so", i);
        make_file(path, &wrongs[i].plan, &made);
        expect_refused(path, wrongs[i].code, wrongs[i].reason);
        free_made(&made);
    }
    cr_assert_not(is_loaded("./wrong-0.so"), "what is known to be wrong is not loaded");
}

Test(bundle_damage, a_shared_object_that_is_no_bundle) {
    run("echo 'int x;' > x.c && cc -shared -fPIC -o x.so x.c && chmod 755 x.so");
    expect_refused("x.so", FERRY_UNFIT, "it is no bundle, or its end is missing");
    size_t size;
    uint8_t *bytes = read_all("x.so", &size);
    seal("x.so", bytes, size);
    expect_refused("x.so", FERRY_UNFIT, "there is no table of a bundle in it");
    free(bytes);
}

/* Fields of the ELF header, all of them two bytes or less. */
typedef struct Head {
    size_t at;
    uint8_t value;
    const char *reason;
} Head;

Test(bundle_damage, another_machines) {
    static const Head heads[] = {
        {0, 0, "it is no shared object"},
        {4, 1, "it is made for another machine: x86_64-linux"},
        {16, 2, "it is no shared object"},
        {18, 0x99, "it is made for another machine: x86_64-linux"},
    };
    Made made;
    make_file("good.so", &(Plan){0}, &made);
    size_t size;
    uint8_t *bytes = read_all("good.so", &size);
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        uint8_t kept = bytes[heads[i].at];
        bytes[heads[i].at] = heads[i].value;
        seal("head.so", bytes, size - sizeof(BundleTrailer));
        expect_refused("head.so", FERRY_UNFIT, heads[i].reason);
        bytes[heads[i].at] = kept;
    }
    cr_assert_not(is_loaded("./head.so"));
    free(bytes);
    free_made(&made);
}

Test(bundle_damage, code_that_is_not_what_the_table_says) {
    Made made;
    make_file("code.so", &(Plan){.broken_code = true}, &made);
    Bundle bundle = loaded("code.so");
    for (size_t i = 0; i < COUNT; i++) {
        const uint8_t *code;
        ferry_error error = {0};
        cr_assert_eq(bundle_code(&bundle, i, &code, &error), i == 1 ? FERRY_UNFIT : FERRY_OK);
    }
    free_made(&made);
}

/* What the loader cannot load, though it is whole: here, a library that it needs is missing. */
Test(bundle_damage, the_loaders_reason_is_given) {
    Made made;
    run("echo 'int x;' > x.c && cc -shared -fPIC -o libgone.so x.c");
    make_file("needs.so", &(Plan){.options = "-shared -Wl,--no-as-needed -L. -lgone"}, &made);
    Bundle bundle;
    ferry_error error = {0};
    cr_assert_eq(bundle_load("needs.so", NULL, &bundle, &error), FERRY_SYSTEM);
    cr_assert_not_null(strstr(error.message, "bundle needs.so: dlopen: libgone.so"), "%s", error.message);
    free_made(&made);
}

Test(bundle_damage, a_new_file_under_a_name_that_is_loaded) {
    Made made, other;
    make_file("good.so", &(Plan){0}, &made);
    Bundle bundle = loaded("good.so");
    make_file("new.so", &(Plan){.number = 5}, &other);
    run("mv new.so good.so");
    expect_refused("good.so", FERRY_UNFIT, "another file of this name is loaded already");
    run("cp good.so again.so");
    Bundle again = loaded("again.so");
    expect_works(&bundle, &made);
    expect_works(&again, &other);
    free_made(&other);
    free_made(&made);
}
