/* trampolines/cache_lock.c: who may write.
 *
 * Between processes, and threads: two locks on bytes of a file of its own, taken in this order.
 *
 *     byte 1   who is next. Given up as soon as byte 0 is had: who writes all the time waits in line like all others
 *     byte 0   who writes
 *
 * They belong to the open file, and the kernel takes them from a process that dies. Nobody sleeps in them: a process
 * that was stopped must not stop others, so they are asked for again and again until patience ends; and the line is
 * left when half of it is over. A mutex is held together with byte 0. It keeps forks away while there are files and
 * mappings that no child must inherit. It and two counts are the process's; nothing else is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned writes;
static _Atomic unsigned forking; /* threads that are about to: writers let them go first */

void cache_before_fork(void) {
    atomic_fetch_add(&forking, 1);
    pthread_mutex_lock(&writing);
    atomic_fetch_sub(&forking, 1);
}

/* The child's only thread is the one that holds the mutex, and no environment of a writer is open in it. */
void cache_after_fork(bool in_child) {
    if (in_child) atomic_store(&forking, 0); /* the others are not there */
    pthread_mutex_unlock(&writing);
}

unsigned lock_writes(void) {
    return atomic_load_explicit(&writes, memory_order_acquire);
}

static int64_t now_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void drop(CacheLock *lock) {
    if (lock->file >= 0) close(lock->file);
    if (lock->folder >= 0) close(lock->folder);
    *lock = (CacheLock){.folder = -1, .file = -1};
}

/* ---- whose file it is ---- */

/* Where a folder has no lock file yet, a file that is there may be anybody's: only one that is whole and has nothing
 * but ferry's values in it is ferry's. */
static ferry_code check_file(int file, const ferry_allocator *allocator, ferry_error *error) {
    CachePages pages;
    bool changed;
    CacheRows rows = {0};
    cache_pages_open(&pages, file, allocator);
    ferry_code code = cache_pages_refresh(&pages, &changed, error);
    if (code == FERRY_OK) code = cache_pages_check(&pages, error);
    if (code == FERRY_OK) code = rows_read(&rows, &pages, false, error);
    if (code == FERRY_OK && !rows.all_marked) code = fail(error, FERRY_UNFIT, "its entries are not ferry's");
    rows_free(&rows);
    cache_pages_close(&pages);
    return code;
}

static ferry_code claim(const char *path, int folder, const ferry_allocator *allocator, ferry_error *error) {
    int file;
    struct stat status;
    TRY(folder_open_file(folder, path, CACHE_FILE, O_RDONLY, &file, error));
    if (file < 0) return FERRY_OK;
    ferry_code code = FERRY_OK;
    if (fstat(file, &status) != 0 || status.st_size != 0) code = check_file(file, allocator, error);
    close(file);
    if (code == FERRY_OK || code == FERRY_OUT_OF_MEMORY) return code;
    return fail_within(error, code,
                       "%s/%s is not known to be ferry's, and is left alone until somebody deletes it: ", path,
                       CACHE_FILE);
}

static ferry_code open_lock(const char *path, bool make, const ferry_allocator *allocator, CacheLock *lock,
                            ferry_error *error) {
    TRY(make ? folder_make(path, &lock->folder, error) : folder_open(path, &lock->folder, error));
    if (lock->folder < 0) return FERRY_OK;
    TRY(folder_open_file(lock->folder, path, CACHE_LOCK, O_RDWR, &lock->file, error));
    if (lock->file >= 0) return FERRY_OK;
    TRY(claim(path, lock->folder, allocator, error));
    return folder_open_file(lock->folder, path, CACHE_LOCK, O_RDWR | O_CREAT, &lock->file, error);
}

/* ---- the two bytes ---- */

typedef enum Byte { WRITES, NEXT } Byte;

static bool lock_byte(int file, Byte byte, short how) {
    struct flock what = {.l_type = how, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(file, F_OFD_SETLK, &what) == 0;
}

/* Closing would do it too, unless a child of a bare clone has the file. */
static void unlock_byte(int file, Byte byte) {
    lock_byte(file, byte, F_UNLCK);
}

/* false: somebody else has it, or *code says why it cannot be had. */
static bool try_byte(const char *path, const CacheLock *lock, Byte byte, ferry_code *code, ferry_error *error) {
    if (lock_byte(lock->file, byte, F_WRLCK)) return true;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
        *code = fail(error, FERRY_SYSTEM, "%s/%s cannot be locked: %s", path, CACHE_LOCK, strerror(errno));
    return false;
}

/* ---- taking ---- */

typedef struct Wait {
    const char *path;
    bool make;
    const ferry_allocator *allocator;
    bool is_next;
    bool late; /* no more standing in line */
} Wait;

/* Somebody may have taken the file, or the folder, away and made another one. */
static bool is_current(const Wait *wait, const CacheLock *lock) {
    return folder_is_same(lock->file, lock->folder, CACHE_LOCK) && folder_is_same(lock->folder, AT_FDCWD, wait->path);
}

static void give_up(Wait *wait, CacheLock *lock) {
    if (wait->is_next) unlock_byte(lock->file, NEXT);
    wait->is_next = false;
    drop(lock);
}

/* With the mutex. */
static bool try_writing(Wait *wait, CacheLock *lock, ferry_code *code, ferry_error *error) {
    if (!try_byte(wait->path, lock, WRITES, code, error)) return false;
    if (is_current(wait, lock)) return true;
    unlock_byte(lock->file, WRITES);
    give_up(wait, lock);
    return false;
}

/* true: lock is had, or there is nothing to lock. */
static bool attempt(Wait *wait, CacheLock *lock, ferry_code *code, ferry_error *error) {
    if (lock->file < 0) *code = open_lock(wait->path, wait->make, wait->allocator, lock, error);
    if (*code != FERRY_OK || lock->file < 0) return *code == FERRY_OK;
    if (!wait->is_next) wait->is_next = try_byte(wait->path, lock, NEXT, code, error);
    if (*code != FERRY_OK || !(wait->is_next || wait->late)) return false;
    if (atomic_load(&forking) != 0 || pthread_mutex_trylock(&writing) != 0) return false;
    if (try_writing(wait, lock, code, error)) {
        if (wait->is_next) unlock_byte(lock->file, NEXT);
        return true;
    }
    pthread_mutex_unlock(&writing);
    return false;
}

ferry_code lock_take(const char *path, bool make, unsigned milliseconds, const ferry_allocator *allocator,
                     CacheLock *lock, ferry_error *error) {
    int64_t start = now_microseconds(), patience = (int64_t)milliseconds * 1000, waited = 0;
    Wait wait = {.path = path, .make = make, .allocator = allocator};
    struct timespec pause = {0};
    ferry_code code = FERRY_OK;
    *lock = (CacheLock){.folder = -1, .file = -1};
    while (!attempt(&wait, lock, &code, error)) {
        waited = now_microseconds() - start;
        if (code == FERRY_OK && waited >= patience)
            code = fail(error, FERRY_TIMEOUT, "%s: others have been writing for %u ms", path, milliseconds);
        if (code != FERRY_OK) {
            give_up(&wait, lock);
            return code;
        }
        wait.late = waited > patience / 2;
        pause.tv_nsec = wait.is_next ? 250 * 1000 : 1000 * 1000 + waited % 3000 * 1000;
        nanosleep(&pause, NULL);
    }
    return FERRY_OK;
}

void lock_give(CacheLock *lock) {
    if (lock->file < 0) return;
    atomic_fetch_add_explicit(&writes, 1, memory_order_release);
    unlock_byte(lock->file, WRITES);
    drop(lock);
    pthread_mutex_unlock(&writing);
}
