/* The cache and what others could do to it: owners, permissions, links, files that are something else. */
#include <criterion/criterion.h>
#include <lmdb.h>
#include <sys/wait.h>

#include "cache_ground.h"

static Ground ground;

static void open_ground(void) {
    cr_assert(ground_open(&ground));
}

static void close_ground(void) {
    ground_close(&ground);
}

TestSuite(cache_rights, .init = open_ground, .fini = close_ground);

/* A cache with the samples 0 to 9. */
static void fill(void) {
    Cache *cache;
    size_t written;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground.folder, 0, NULL, &cache, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(samples_put(cache, 0, 10, &written, &error), FERRY_OK, "%s", error.message);
    cache_close(cache);
}

/* Neither opened nor, by one that was opened before, written; path and reason are named. */
static void expect_refused(Cache *before, const char *path, const char *reason) {
    Cache *cache = NULL;
    size_t written = 1;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground.folder, 0, NULL, &cache, &error), FERRY_UNFIT, "%s", error.message);
    cr_assert_null(cache);
    cr_assert_not_null(strstr(error.message, path), "%s", error.message);
    cr_assert_not_null(strstr(error.message, reason), "%s", error.message);
    cr_assert_eq(samples_put(before, 500, 1, &written, &error), FERRY_UNFIT, "%s", error.message);
    cr_assert_not_null(strstr(error.message, reason), "%s", error.message);
    cr_assert_eq(written, 0);
    cache_close(before);
}

static Cache *open_before(void) {
    Cache *cache = NULL;
    ferry_error error = {0};
    cr_assert_eq(cache_open(ground.folder, 0, NULL, &cache, &error), FERRY_OK, "%s", error.message);
    return cache;
}

Test(cache_rights, a_folder_that_its_group_or_all_may_write_is_refused) {
    fill();
    Cache *cache = open_before();
    cr_assert_eq(chmod(ground.folder, 0720), 0);
    expect_refused(cache, ground.folder, "others may write it (mode 0720)");
    cr_assert_eq(chmod(ground.folder, 0700), 0);
    cache = open_before();
    cr_assert_eq(chmod(ground.folder, 0702), 0);
    expect_refused(cache, ground.folder, "others may write it");
    cr_assert_eq(chmod(ground.folder, 0755), 0);
    cache_close(open_before());
}

Test(cache_rights, a_file_that_others_may_write_is_refused) {
    fill();
    Cache *cache = open_before();
    cr_assert_eq(chmod(ground.file, 0606), 0);
    expect_refused(cache, ground.file, "others may write it");
}

Test(cache_rights, a_lock_file_that_others_may_write_is_refused_to_writers) {
    fill();
    Cache *cache = open_before();
    size_t written;
    ferry_error error;
    cr_assert_eq(chmod(ground.lock, 0620), 0);
    cr_assert_eq(samples_put(cache, 500, 1, &written, &error), FERRY_UNFIT);
    cr_assert_not_null(strstr(error.message, ground.lock), "%s", error.message);
    cr_assert_eq(sample_look(cache, 1, &error), HIT);
    cache_close(cache);
}

Test(cache_rights, a_folder_or_file_of_somebody_else_is_refused) {
    if (geteuid() != 0) cr_skip_test("only root can give files away");
    fill();
    Cache *cache = open_before();
    cr_assert_eq(chown(ground.file, 12345, (gid_t)-1), 0);
    expect_refused(cache, ground.file, "it belongs to user 12345");
    cr_assert_eq(chown(ground.file, 0, (gid_t)-1), 0);
    cache = open_before();
    cr_assert_eq(chown(ground.folder, 12345, (gid_t)-1), 0);
    expect_refused(cache, ground.folder, "it belongs to user 12345");
}

Test(cache_rights, symbolic_links_are_refused_wherever_they_point) {
    char elsewhere[160];
    fill();
    Cache *cache = open_before();
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", ground.root);
    cr_assert_eq(rename(ground.folder, elsewhere), 0);
    cr_assert_eq(symlink(elsewhere, ground.folder), 0);
    expect_refused(cache, ground.folder, "it is a symbolic link");
    char slash[128];
    ferry_error error;
    snprintf(slash, sizeof slash, "%s/", ground.folder);
    cr_assert_eq(cache_open(slash, 0, NULL, &cache, &error), FERRY_UNFIT, "nor behind a slash");
    cr_assert_eq(unlink(ground.folder), 0);
    cr_assert_eq(rename(elsewhere, ground.folder), 0);
    cache = open_before();
    cr_assert_eq(rename(ground.file, elsewhere), 0);
    cr_assert_eq(symlink(elsewhere, ground.file), 0);
    expect_refused(cache, ground.file, "it is a symbolic link");
}

/* Nothing is created where it points, either. */
Test(cache_rights, a_dangling_link_is_refused_and_not_followed) {
    char elsewhere[160];
    fill();
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", ground.root);
    cr_assert_eq(unlink(ground.lock), 0);
    cr_assert_eq(symlink(elsewhere, ground.lock), 0);
    Cache *cache = open_before();
    size_t written;
    ferry_error error;
    cr_assert_eq(samples_put(cache, 500, 1, &written, &error), FERRY_UNFIT, "%s", error.message);
    cr_assert_neq(access(elsewhere, F_OK), 0);
    cache_close(cache);
}

Test(cache_rights, things_that_are_no_files_are_refused_without_waiting) {
    fill();
    Cache *cache = open_before();
    cr_assert_eq(unlink(ground.file), 0);
    cr_assert_eq(mkfifo(ground.file, 0600), 0);
    expect_refused(cache, ground.file, "it is not a regular file");
    cr_assert_eq(unlink(ground.file), 0);
    cache = open_before();
    cr_assert_eq(mkdir(ground.file, 0700), 0);
    expect_refused(cache, ground.file, "it is not a regular file");
}

Test(cache_rights, a_file_in_the_place_of_the_folder_is_refused) {
    file_write(ground.folder, "x", 1);
    Cache *cache = NULL;
    ferry_error error;
    cr_assert_eq(cache_open(ground.folder, 0, NULL, &cache, &error), FERRY_UNFIT, "%s", error.message);
    cr_assert_not_null(strstr(error.message, "it is not a folder"), "%s", error.message);
}

/* As another user where this one may do everything: 0, or the step that went wrong. */
static int use_read_only(void) {
    Cache *cache;
    size_t written = 1;
    ferry_error error = {0};
    if (geteuid() == 0 && setuid(65534) != 0) return 1;
    if (cache_open(ground.folder, 0, NULL, &cache, &error) != FERRY_OK) return 2;
    if (sample_look(cache, 1, &error) != HIT) return 3;
    if (samples_put(cache, 500, 1, &written, &error) != FERRY_SYSTEM || written != 0) return 4;
    if (strstr(error.message, ground.folder) == NULL) return 5;
    if (samples_put(cache, 0, 10, &written, &error) != FERRY_OK || written != 0) return 6;
    if (sample_look(cache, 1, &error) != HIT || sample_look(cache, 500, &error) != MISS) return 7;
    cache_close(cache);
    return 0;
}

static void give_away(const char *path) {
    if (geteuid() == 0) cr_assert_eq(chown(path, 65534, (gid_t)-1), 0);
}

static int in_child(int (*function)(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(function());
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(cache_rights, in_a_read_only_folder_putting_fails_and_reading_goes_on) {
    fill();
    give_away(ground.root);
    give_away(ground.folder);
    give_away(ground.file);
    cr_assert_eq(unlink(ground.lock), 0);
    cr_assert_eq(chmod(ground.file, 0400), 0);
    cr_assert_eq(chmod(ground.folder, 0500), 0);
    cr_assert_eq(in_child(use_read_only), 0);
}

static int put_below_read_only(void) {
    Cache *cache;
    size_t written;
    ferry_error error = {0};
    if (geteuid() == 0 && setuid(65534) != 0) return 1;
    if (cache_open(ground.folder, 0, NULL, &cache, &error) != FERRY_OK) return 2;
    if (sample_look(cache, 1, &error) != MISS) return 3;
    if (samples_put(cache, 500, 1, &written, &error) != FERRY_SYSTEM) return 4;
    cache_close(cache);
    return 0;
}

Test(cache_rights, a_folder_that_cannot_be_made_is_no_harm) {
    give_away(ground.root);
    cr_assert_eq(chmod(ground.root, 0500), 0);
    cr_assert_eq(in_child(put_below_read_only), 0);
    cr_assert_eq(chmod(ground.root, 0700), 0);
}

/* ---- files of others ---- */

/* Putting and clearing are refused, and the file is left as it is. */
static void expect_left_alone(void) {
    size_t before, after, count = 1;
    ferry_error error = {0};
    uint8_t *old = file_read(ground.file, &before);
    Cache *cache = open_before();
    Outcome outcome = sample_look(cache, 1, &error);
    cr_assert(outcome == MISS || outcome == DAMAGED);
    cr_assert_eq(samples_put(cache, 0, 3, &count, &error), FERRY_UNFIT, "%s", error.message);
    cr_assert_not_null(strstr(error.message, "is not known to be ferry's, and is left alone"), "%s", error.message);
    cr_assert_eq(cache_clear(cache, &count, &error), FERRY_UNFIT);
    cr_assert_eq(count, 0);
    uint8_t *new = file_read(ground.file, &after);
    cr_assert(before == after && memcmp(old, new, before) == 0);
    cr_assert_neq(access(ground.lock, F_OK), 0, "nothing is made beside it");
    free(old);
    free(new);
    cache_close(cache);
}

Test(cache_rights, a_foreign_file_is_neither_used_nor_changed) {
    char text[9000];
    memset(text, 'x', sizeof text);
    cr_assert_eq(mkdir(ground.folder, 0700), 0);
    file_write(ground.file, text, sizeof text);
    expect_left_alone();
    file_write(ground.file, text, 10);
    expect_left_alone();
}

static void make_foreign_database(size_t key_size, const char *value) {
    MDB_env *env;
    MDB_txn *transaction;
    MDB_dbi database;
    cr_assert_eq(mkdir(ground.folder, 0700), 0);
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_open(env, ground.folder, 0, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &transaction), 0);
    cr_assert_eq(mdb_dbi_open(transaction, NULL, 0, &database), 0);
    for (int i = 0; i < 100; i++) {
        char bytes[32] = "a key of somebody else's";
        bytes[0] = (char)('a' + i);
        MDB_val key = {key_size, bytes}, data = {strlen(value), (void *)(uintptr_t)value};
        cr_assert_eq(mdb_put(transaction, database, &key, &data, 0), 0);
    }
    cr_assert_eq(mdb_txn_commit(transaction), 0);
    mdb_env_close(env);
}

Test(cache_rights, a_foreign_database_is_neither_used_nor_changed) {
    make_foreign_database(24, "a value");
    expect_left_alone();
}

Test(cache_rights, a_foreign_database_with_keys_like_ours_is_neither_used_nor_changed) {
    make_foreign_database(16, "a value that is long enough to have a head, if only it were one of a value of ferry's");
    expect_left_alone();
}

/* Somebody copied the data file alone. */
Test(cache_rights, a_whole_file_of_ferrys_is_known_without_its_lock_file) {
    fill();
    cr_assert_eq(unlink(ground.lock), 0);
    Cache *cache = open_before();
    size_t written;
    ferry_error error = {0};
    cr_assert_eq(samples_put(cache, 5, 10, &written, &error), FERRY_OK, "%s", error.message);
    cr_assert_eq(written, 5);
    for (uint32_t i = 0; i < 15; i++) cr_assert_eq(sample_look(cache, i, &error), HIT);
    cache_close(cache);
}
