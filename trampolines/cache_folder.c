/* trampolines/cache_folder.c: which folder, and whether it may be trusted. All that is checked is checked on the
 * descriptor that is then used. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/cache_parts.h"

/* ---- which ---- */

static ferry_code join(char *folder, const char *start, const char *middle, const char *end, ferry_error *error) {
    int length = snprintf(folder, PATH_MAX, "%s%s%s", start, middle, end);
    if (length < 0 || length >= PATH_MAX)
        return fail(error, FERRY_NO_CODE, "no cache: the name of its folder has more than %d bytes", PATH_MAX - 1);
    return FERRY_OK;
}

/* Of a name that somebody chose. It shall mean the same folder after a chdir. */
static ferry_code chosen(const char *name, const char *by, char *folder, ferry_error *error) {
    if (name[0] == '\0' || strcmp(name, "off") == 0)
        return fail(error, FERRY_NO_CODE, "no cache: %s is \"%s\"", by, name);
    if (name[0] == '/') return join(folder, name, "", "", error);
    char here[PATH_MAX];
    if (getcwd(here, sizeof here) == NULL)
        return fail(error, FERRY_NO_CODE, "no cache: %s is \"%s\", and the current folder cannot be told: %s", by, name,
                    strerror(errno));
    return join(folder, here, "/", name, error);
}

ferry_code cache_folder(const char *option, char *folder, ferry_error *error) {
    if (option != NULL) return chosen(option, "the option", folder, error);
    if (getauxval(AT_SECURE) != 0)
        return fail(error, FERRY_NO_CODE, "no cache: this process has more rights than its user");
    const char *name = secure_getenv("FERRY_CACHE_DIR");
    if (name != NULL) return chosen(name, "$FERRY_CACHE_DIR", folder, error);
    name = secure_getenv("XDG_CACHE_HOME"); /* to be ignored unless absolute, says its specification */
    if (name != NULL && name[0] == '/') return join(folder, name, "/ferry", "", error);
    name = secure_getenv("HOME");
    if (name != NULL && name[0] == '/') return join(folder, name, "/.cache/ferry", "", error);
    return fail(error, FERRY_NO_CODE, "no cache: neither $FERRY_CACHE_DIR, $XDG_CACHE_HOME nor $HOME names a folder");
}

/* ---- whose ---- */

static ferry_code check_owner(const struct stat *status, const char *path, const char *name, ferry_error *error) {
    const char *slash = name[0] == '\0' ? "" : "/";
    if (status->st_uid != geteuid())
        return fail(error, FERRY_UNFIT, "%s%s%s: not used: it belongs to user %lu, not to user %lu", path, slash, name,
                    (unsigned long)status->st_uid, (unsigned long)geteuid());
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(error, FERRY_UNFIT, "%s%s%s: not used: others may write it (mode %04o)", path, slash, name,
                    (unsigned)(status->st_mode & 07777));
    return FERRY_OK;
}

static ferry_code refuse(int folder, const char *path, const char *name, int number, ferry_error *error) {
    struct stat status;
    const char *slash = name[0] == '\0' ? "" : "/", *last = name[0] == '\0' ? path : name;
    if (fstatat(folder, last, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISLNK(status.st_mode))
            return fail(error, FERRY_UNFIT, "%s%s%s: not used: it is a symbolic link", path, slash, name);
        if (name[0] == '\0' && !S_ISDIR(status.st_mode))
            return fail(error, FERRY_UNFIT, "%s: not used: it is not a folder", path);
    }
    return fail(error, FERRY_SYSTEM, "%s%s%s cannot be opened: %s", path, slash, name, strerror(number));
}

ferry_code folder_open(const char *path, int *folder, ferry_error *error) {
    *folder = -1;
    int opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) return FERRY_OK;
    if (opened < 0) return refuse(AT_FDCWD, path, "", errno, error);
    struct stat status;
    ferry_code code = fstat(opened, &status) == 0
                          ? check_owner(&status, path, "", error)
                          : fail(error, FERRY_SYSTEM, "%s: no status: %s", path, strerror(errno));
    if (code != FERRY_OK) {
        close(opened);
        return code;
    }
    *folder = opened;
    return FERRY_OK;
}

/* All that is missing of a path. */
static ferry_code make_folders(const char *path, ferry_error *error) {
    char part[PATH_MAX];
    TRY(join(part, path, "", "", error));
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST && access(part, X_OK) != 0)
            return fail(error, FERRY_SYSTEM, "the folder %s cannot be made: %s", part, strerror(errno));
        *slash = '/';
    }
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        return fail(error, FERRY_SYSTEM, "the folder %s cannot be made: %s", part, strerror(errno));
    return FERRY_OK;
}

ferry_code folder_make(const char *path, int *folder, ferry_error *error) {
    TRY(folder_open(path, folder, error));
    if (*folder >= 0) return FERRY_OK;
    TRY(make_folders(path, error));
    TRY(folder_open(path, folder, error));
    if (*folder < 0) return fail(error, FERRY_SYSTEM, "the folder %s went away while it was made", path);
    return FERRY_OK;
}

ferry_code folder_open_file(int folder, const char *path, const char *name, int flags, int *file, ferry_error *error) {
    *file = -1;
    int opened = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
    if (opened < 0 && errno == ENOENT && (flags & O_CREAT) == 0) return FERRY_OK;
    if (opened < 0) return refuse(folder, path, name, errno, error);
    struct stat status;
    ferry_code code = fstat(opened, &status) == 0
                          ? check_owner(&status, path, name, error)
                          : fail(error, FERRY_SYSTEM, "%s/%s: no status: %s", path, name, strerror(errno));
    if (code == FERRY_OK && !S_ISREG(status.st_mode))
        code = fail(error, FERRY_UNFIT, "%s/%s: not used: it is not a regular file", path, name);
    if (code != FERRY_OK) {
        close(opened);
        return code;
    }
    *file = opened;
    return FERRY_OK;
}

bool folder_is_same(int file, int folder, const char *name) {
    struct stat mine, named;
    return fstat(file, &mine) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}
