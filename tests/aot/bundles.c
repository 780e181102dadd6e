/* bundles.c: bundles as engines meet them: given by name or by the environment, and misfits of every kind, each of
 * which is refused with its reason while everything else goes on. AOT_BUNDLE is made from sample.decl for x86_64-sysv.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferry/ferry.h"
#include "trampolines/bundle.h"

#define FUNCTION(name) ((void (*)(void))(name))

typedef struct Bytes {
    uint8_t *bytes;
    size_t size;
} Bytes;

/* ---- files ---- */

static char folder[64];

static void open_folder(void) {
    strcpy(folder, "/tmp/ferry-aot-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    unsetenv("FERRY_BUNDLES");
}

static void close_folder(void) {
    DIR *list = opendir(folder);
    if (list == NULL) return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
    rmdir(folder);
}

TestSuite(bundles, .init = open_folder, .fini = close_folder);

static Bytes read_bundle(void) {
    FILE *file = fopen(AOT_BUNDLE, "rb");
    cr_assert_not_null(file, "%s", AOT_BUNDLE);
    Bytes read = {.bytes = aligned_alloc(64, 1 << 20)};
    read.size = fread(read.bytes, 1, 1 << 20, file);
    cr_assert(feof(file) != 0 && read.size > sizeof(BundleTrailer));
    fclose(file);
    return read;
}

/* Each file has a name of its own: what was loaded once stays. */
static const char *write_bundle(Bytes bytes, mode_t mode) {
    static char path[128];
    static unsigned number;
    snprintf(path, sizeof path, "%s/%u.so", folder, number++);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert(file >= 0 && write(file, bytes.bytes, bytes.size) == (ssize_t)bytes.size && fchmod(file, mode) == 0);
    close(file);
    return path;
}

static BundleHeader *header_of(Bytes bytes) {
    Bundle bundle;
    size_t table_at;
    ferry_error error;
    cr_assert_eq(bundle_scan(bytes.bytes, bytes.size, &bundle, &table_at, &error), FERRY_OK, "%s", error.message);
    return (BundleHeader *)(void *)(bytes.bytes + table_at);
}

/* All checksums are right again: only what was edited tells. */
static void seal(Bytes bytes, BundleHeader *header) {
    BundleTrailer trailer;
    bundle_write_checksum((uint8_t *)header);
    bundle_seal(bytes.bytes, bytes.size - sizeof trailer, &trailer);
    memcpy(bytes.bytes + bytes.size - sizeof trailer, &trailer, sizeof trailer);
}

/* ---- engines ---- */

static ferry_engine *open_engine(ferry_policy policy) {
    ferry_error error;
    const ferry_engine_options options = {
        .policy = policy, .without = FERRY_SOURCE_PRELUDE | FERRY_SOURCE_CACHE, .target = "x86_64-sysv"};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine, "%s", error.message);
    return engine;
}

static void close_engine(ferry_engine *engine) {
    ferry_error error;
    cr_assert_eq(ferry_engine_free(engine, &error), FERRY_OK, "%s", error.message);
}

static ferry_binding *bind_labs(ferry_engine *engine) {
    ferry_error error;
    const ferry_signature *signature = ferry_signature_parse(engine, "long labs(long)", NULL, &error);
    cr_assert_not_null(signature);
    ferry_binding *binding = ferry_bind(engine, signature, FUNCTION(labs), NULL, &error);
    cr_assert_not_null(binding, "%s", error.message);
    return binding;
}

static void expect_labs(ferry_binding *binding, ferry_tier tier) {
    int64_t argument = -77, result = 0;
    ferry_call(binding, &argument, &result);
    cr_assert_eq(result, 77);
    cr_assert_eq(ferry_binding_tier(binding), tier, "%s", ferry_tier_text(ferry_binding_tier(binding)));
}

/* The engine says so, and works. */
static void expect_refused(const char *path, ferry_code wanted, const char *reason) {
    ferry_error error = {0};
    ferry_engine *engine = open_engine(FERRY_NEVER);
    ferry_code code = ferry_engine_add_bundle(engine, path, &error);
    cr_assert_eq(code, wanted, "%s: %s", ferry_code_text(code), error.message);
    cr_assert_not_null(strstr(error.message, reason), "\"%s\" does not say \"%s\"", error.message, reason);
    cr_assert_not_null(strstr(error.message, path), "\"%s\" does not name %s", error.message, path);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_LIBFFI);
    ferry_binding_free(binding);
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    cr_assert_eq(statistics.from_bundles, 0);
    close_engine(engine);
}

/* ---- what fits ---- */

Test(bundles, code_comes_from_a_bundle) {
    ferry_error error;
    ferry_engine *engine = open_engine(FERRY_NEVER);
    cr_assert_eq(ferry_engine_add_bundle(engine, AOT_BUNDLE, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(ferry_engine_add_bundle(engine, AOT_BUNDLE, &error), FERRY_OK, "twice: %s", error.message);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_BUNDLE);
    ferry_binding_free(binding);
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    cr_assert_eq(statistics.from_bundles, 1);
    cr_assert_eq(statistics.compiled, 0);
    cr_assert_not(statistics.backend_loaded);
    close_engine(engine);
}

Test(bundles, bindings_that_are_there_already_find_their_code) {
    ferry_error error;
    ferry_engine *engine = open_engine(FERRY_NEVER);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_LIBFFI);
    cr_assert_eq(ferry_engine_add_bundle(engine, AOT_BUNDLE, &error), FERRY_OK, "%s", error.message);
    int64_t argument = -1, result = 0;
    ferry_call(binding, &argument, &result);
    expect_labs(binding, FERRY_TIER_BUNDLE);
    ferry_binding_free(binding);
    close_engine(engine);
}

Test(bundles, the_environment_names_them) {
    char paths[512];
    Bytes bytes = read_bundle();
    snprintf(paths, sizeof paths, "%s/missing.so:%s", folder, write_bundle(bytes, 0644));
    setenv("FERRY_BUNDLES", paths, 1);
    ferry_engine *engine = open_engine(FERRY_NEVER);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_BUNDLE);
    ferry_binding_free(binding);
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    cr_assert_not_null(strstr(statistics.bundle_error, "missing.so"), "%s", statistics.bundle_error);
    close_engine(engine);
    free(bytes.bytes);
}

Test(bundles, engines_without_them_do_not_look) {
    setenv("FERRY_BUNDLES", AOT_BUNDLE, 1);
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_NEVER, .without = FERRY_SOURCE_ALL, .target = "x86_64-sysv"};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_LIBFFI);
    ferry_binding_free(binding);
    close_engine(engine);
}

static void count_report(void *context, const ferry_report *report) {
    if (report->event == FERRY_IGNORED_BUNDLE) ++*(int *)context;
}

Test(bundles, a_bad_one_of_the_environment_is_reported_once) {
    ferry_error error;
    int reports = 0;
    Bytes bytes = read_bundle();
    bytes.bytes[bytes.size / 2] ^= 1;
    setenv("FERRY_BUNDLES", write_bundle(bytes, 0644), 1);
    const ferry_engine_options options = {
        .policy = FERRY_NEVER, .without = FERRY_SOURCE_CACHE, .report = count_report, .report_context = &reports};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    cr_assert_not_null(engine);
    for (int i = 0; i < 3; i++) ferry_binding_free(bind_labs(engine));
    cr_assert_eq(reports, 1);
    close_engine(engine);
    free(bytes.bytes);
}

/* ---- what does not ---- */

Test(bundles, another_target) {
    Bytes bytes = read_bundle();
    BundleHeader *header = header_of(bytes);
    memset(header->target, 0, sizeof header->target);
    strcpy(header->target, "vax-vms");
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "vax-vms");
    memset(header->target, 0, sizeof header->target);
    strcpy(header->target, "x86_64-sysv-avx");
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "x86_64-sysv-avx");
    free(bytes.bytes);
}

Test(bundles, processor_features_that_are_not_here) {
    Bytes bytes = read_bundle();
    BundleHeader *header = header_of(bytes);
    strcpy(header->features, "+sse3,+flux-capacitor");
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "flux-capacitor");
    free(bytes.bytes);
}

Test(bundles, other_versions) {
    Bytes bytes = read_bundle();
    BundleHeader *header = header_of(bytes);
    header->contract++;
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "contract 2");
    header->contract--;
    header->format++;
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "format 2");
    header->format--;
    seal(bytes, header);
    const char *path = write_bundle(bytes, 0644); /* with both as they were it is used: the refusals are theirs */
    ferry_error error;
    ferry_engine *engine = open_engine(FERRY_NEVER);
    cr_assert_eq(ferry_engine_add_bundle(engine, path, &error), FERRY_OK, "%s", error.message);
    close_engine(engine);
    free(bytes.bytes);
}

Test(bundles, an_entry_that_lies_about_its_shape) {
    Bytes bytes = read_bundle();
    BundleHeader *header = header_of(bytes);
    BundleEntry *entries = (BundleEntry *)(void *)((uint8_t *)header + header->entries_at);
    uint8_t *shape = (uint8_t *)header + entries[0].shape_at;
    shape[entries[0].shape_size - 1] ^= 1;
    seal(bytes, header);
    expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "another shape than its digest");
    free(bytes.bytes);
}

/* The loader would run it; only the checksum of the code tells. */
Test(bundles, damaged_code_under_right_seals_is_not_used) {
    ferry_error error;
    Bytes bytes = read_bundle();
    BundleHeader *header = header_of(bytes);
    BundleEntry *entries = (BundleEntry *)(void *)((uint8_t *)header + header->entries_at);
    for (uint32_t i = 0; i < header->count; i++) entries[i].checksum ^= 1;
    seal(bytes, header);
    ferry_engine *engine = open_engine(FERRY_NEVER);
    cr_assert_eq(ferry_engine_add_bundle(engine, write_bundle(bytes, 0644), &error), FERRY_OK, "%s", error.message);
    ferry_binding *binding = bind_labs(engine);
    expect_labs(binding, FERRY_TIER_LIBFFI);
    ferry_binding_free(binding);
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    cr_assert_not_null(strstr(statistics.bundle_error, "damaged"), "%s", statistics.bundle_error);
    close_engine(engine);
    free(bytes.bytes);
}

Test(bundles, cut_off_anywhere) {
    Bytes whole = read_bundle();
    size_t count = 0;
    for (size_t size = 0; size < whole.size; size += 1 + whole.size / 40, count++)
        expect_refused(write_bundle((Bytes){whole.bytes, size}, 0644), FERRY_UNFIT, "it is no bundle");
    cr_assert_gt(count, 30);
    expect_refused(write_bundle((Bytes){whole.bytes, whole.size - 1}, 0644), FERRY_UNFIT, "it is no bundle");
    free(whole.bytes);
}

Test(bundles, a_flipped_bit_anywhere) {
    Bytes bytes = read_bundle();
    for (size_t at = 0; at < bytes.size; at += 1 + bytes.size / 60) {
        bytes.bytes[at] ^= 0x10;
        expect_refused(write_bundle(bytes, 0644), FERRY_UNFIT, "");
        bytes.bytes[at] ^= 0x10;
    }
    free(bytes.bytes);
}

Test(bundles, others_may_write_it) {
    Bytes bytes = read_bundle();
    expect_refused(write_bundle(bytes, 0664), FERRY_UNFIT, "written by others");
    expect_refused(write_bundle(bytes, 0646), FERRY_UNFIT, "written by others");
    free(bytes.bytes);
}

Test(bundles, what_is_no_file) {
    char path[128];
    snprintf(path, sizeof path, "%s/none.so", folder);
    expect_refused(path, FERRY_SYSTEM, "No such file");
    expect_refused(folder, FERRY_UNFIT, "folder");
    ferry_error error;
    ferry_engine *engine = open_engine(FERRY_NEVER);
    cr_assert_eq(ferry_engine_add_bundle(engine, NULL, &error), FERRY_INVALID);
    cr_assert_eq(ferry_engine_add_bundle(NULL, AOT_BUNDLE, &error), FERRY_INVALID);
    cr_assert_eq(ferry_engine_add_linked(engine, NULL, &error), FERRY_INVALID);
    close_engine(engine);
}
