/* trampolines/cache_environment.c: the one user of LMDB.
 *
 * An environment lives only as long as one write, under the lock of cache_lock.c, so LMDB's own locks are switched off:
 * one of its kind cannot be waited for with patience, and readers of ferry's need none. It also means that no mapping
 * of a file is left that somebody may cut off, and none that a child inherits. Nothing is flushed to the disk: what a
 * crash of the machine tears is found to be damaged, and made anew.
 */
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

static ferry_code check(Environment *environment, int result, const char *what, ferry_error *error) {
    if (result == MDB_SUCCESS) return FERRY_OK;
    environment->full = result == MDB_MAP_FULL || result == MDB_TXN_FULL;
    bool damaged = result == MDB_CORRUPTED || result == MDB_PAGE_NOTFOUND || result == MDB_INVALID ||
                   result == MDB_BAD_TXN || result == MDB_VERSION_MISMATCH || result == MDB_PANIC;
    return fail(error, damaged ? FERRY_UNFIT : FERRY_SYSTEM, "%s: %s", what, mdb_strerror(result));
}

/* That LMDB opened by name what was checked. */
static bool is_same(MDB_env *env, int file) {
    int opened;
    struct stat checked, found;
    return mdb_env_get_fd(env, &opened) == MDB_SUCCESS && fstat(opened, &found) == 0 && fstat(file, &checked) == 0 &&
           found.st_dev == checked.st_dev && found.st_ino == checked.st_ino;
}

static ferry_code begin(Environment *environment, ferry_error *error) {
    TRY(check(environment, mdb_txn_begin(environment->env, NULL, 0, &environment->transaction), "beginning", error));
    return check(environment, mdb_dbi_open(environment->transaction, NULL, 0, &environment->database), "opening",
                 error);
}

static ferry_code open_file(Environment *environment, const char *path, int file, size_t limit, ferry_error *error) {
    unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NOTLS;
    TRY(check(environment, mdb_env_create(&environment->env), "LMDB", error));
    TRY(check(environment, mdb_env_set_mapsize(environment->env, limit), "its size", error));
    TRY(check(environment, mdb_env_open(environment->env, path, flags, 0600), "opening", error));
    if (!is_same(environment->env, file)) return fail(error, FERRY_SYSTEM, "it was exchanged while it was opened");
    return begin(environment, error);
}

ferry_code environment_open(Environment *environment, const char *path, int file, size_t limit, ferry_error *error) {
    *environment = (Environment){0};
    ferry_code code = open_file(environment, path, file, limit, error);
    if (code != FERRY_OK) environment_close(environment);
    return code;
}

ferry_code environment_put(Environment *environment, const CacheName *name, const void *value, size_t size, bool last,
                           ferry_error *error) {
    MDB_val key = {.mv_size = sizeof name->bytes, .mv_data = (void *)(uintptr_t)name->bytes};
    MDB_val data = {.mv_size = size, .mv_data = (void *)(uintptr_t)value};
    if (environment->transaction == NULL) TRY(begin(environment, error));
    return check(environment,
                 mdb_put(environment->transaction, environment->database, &key, &data, last ? MDB_APPEND : 0),
                 "writing", error);
}

ferry_code environment_commit(Environment *environment, ferry_error *error) {
    if (environment->transaction == NULL) return FERRY_OK;
    int result = mdb_txn_commit(environment->transaction);
    environment->transaction = NULL; /* gone, whatever the result */
    return check(environment, result, "writing", error);
}

void environment_close(Environment *environment) {
    if (environment->transaction != NULL) mdb_txn_abort(environment->transaction);
    if (environment->env != NULL) mdb_env_close(environment->env);
    environment->transaction = NULL;
    environment->env = NULL;
}
