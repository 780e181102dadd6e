/* backend_load.c: finding and loading the LLVM module.
 *
 * Where, in this order; the first that is given decides alone:
 *   1. the engine's option `backend`
 *   2. the environment's FERRY_BACKEND, unless the process runs with more rights than its user
 *   3. the newest module found next to the file that holds this library (libferry.so, or the program that it is
 *      linked into), in its `ferry` folder, in ../lib/ferry from there, or where it was installed
 *
 * The library itself is never unmapped: LLVM leaves destructors behind that run at exit.
 */
#define _GNU_SOURCE
#include "runtime/engine.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FERRY_BACKEND_DIR
#define FERRY_BACKEND_DIR "/usr/local/lib/ferry"
#endif

/* The modules, newest first, and the LLVM libraries that they were linked to when ferry was built. */
#ifndef FERRY_LLVM_LIBRARIES
#define FERRY_LLVM_LIBRARIES ""
#endif
static const char *const names[] = {"ferry-llvm22.so", "ferry-llvm21.so", "ferry-llvm20.so", "ferry-llvm19.so"};
static const char libraries[] = FERRY_LLVM_LIBRARIES; /* "22=/usr/lib/llvm-22/lib/libLLVM.so,..." */

/* Relative ones begin at the folder of the file that holds this library. */
static const char *const folders[] = {".", "ferry", "../lib/ferry", FERRY_BACKEND_DIR};

static bool exists(char *path, const char *origin, const char *folder, const char *name) {
    if (folder[0] != '/' && origin[0] == '\0') return false;
    int length = folder[0] == '/' ? snprintf(path, PATH_MAX, "%s/%s", folder, name)
                                  : snprintf(path, PATH_MAX, "%s/%s/%s", origin, folder, name);
    return length > 0 && length < PATH_MAX && access(path, R_OK) == 0;
}

/* The folder of the file that holds this function, into a buffer of PATH_MAX. */
static void find_origin(char *origin) {
    Dl_info info;
    char *resolved = NULL;
    if (dladdr(&names, &info) != 0 && info.dli_fname != NULL) {
        /* For the program itself the name may be argv[0], which need not be a path. */
        resolved =
            strchr(info.dli_fname, '/') != NULL ? realpath(info.dli_fname, origin) : realpath("/proc/self/exe", origin);
    }
    char *slash = resolved != NULL ? strrchr(origin, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
    } else {
        origin[0] = '\0'; /* unknown: never the current folder, which anybody may have written to */
    }
}

static bool search(char *path) {
    char origin[PATH_MAX];
    find_origin(origin);
    for (size_t name = 0; name < COUNT_OF(names); name++) {
        for (size_t folder = 0; folder < COUNT_OF(folders); folder++) {
            if (exists(path, origin, folders[folder], names[name])) return true;
        }
    }
    return false;
}

static ferry_code check_version(const Backend *backend, const char *path, ferry_error *error) {
    if (backend == NULL) return fail(error, FERRY_BACKEND, "%s: %s returned NULL", path, BACKEND_SYMBOL);
    if (backend->version == BACKEND_VERSION) return FERRY_OK;
    return fail(error, FERRY_BACKEND, "%s is of interface version %u, this library needs %u", path,
                (unsigned)backend->version, (unsigned)BACKEND_VERSION);
}

static ferry_code load(Loaded *loaded, const char *path, ferry_error *error) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) return fail(error, FERRY_BACKEND, "the LLVM module cannot be loaded: %s", dlerror());
    void *symbol = dlsym(library, BACKEND_SYMBOL);
    BackendFunction *function;
    memcpy(&function, &symbol, sizeof function); /* ISO C has no conversion from void * to a function pointer */
    const Backend *backend = function != NULL ? function() : NULL;
    ferry_code code = function != NULL ? check_version(backend, path, error)
                                       : fail(error, FERRY_BACKEND, "%s has no symbol %s", path, BACKEND_SYMBOL);
    if (code != FERRY_OK) {
        dlclose(library);
        return code;
    }
    loaded->library = library;
    loaded->backend = backend;
    return FERRY_OK;
}

/* found: room for PATH_MAX. NULL: there is none. */
static const char *find(const char *path, char *found) {
    if (path == NULL) path = secure_getenv("FERRY_BACKEND");
    if (path == NULL) path = search(found) ? found : NULL;
    return path;
}

/* The library that a module of that name was linked to, into a buffer of PATH_MAX; false: not known. */
static bool library_of(const char *module, char *library) {
    const char *name = strrchr(module, '/');
    name = name != NULL ? name + 1 : module;
    for (const char *row = libraries; *row != '\0';) {
        size_t length = strcspn(row, ",");
        const char *path = memchr(row, '=', length);
        char pattern[32];
        if (path != NULL && path - row < 8) {
            snprintf(pattern, sizeof pattern, "ferry-llvm%.*s.so", (int)(path - row), row);
            int size = (int)(row + length - (path + 1));
            if (strcmp(pattern, name) == 0 && snprintf(library, PATH_MAX, "%.*s", size, path + 1) < PATH_MAX)
                return true;
        }
        row += length + (row[length] == ',');
    }
    return false;
}

static size_t identify(const char *path, char *buffer, size_t size) {
    struct stat file;
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    if (stat(path, &file) != 0) return (size_t)snprintf(buffer, size, "%s (missing)", name);
    return (size_t)snprintf(buffer, size, "%s (%lld bytes, %lld.%09ld)", name, (long long)file.st_size,
                            (long long)file.st_mtim.tv_sec, (long)file.st_mtim.tv_nsec);
}

void backend_identity(const char *path, char *buffer, size_t size) {
    char found[PATH_MAX], library[PATH_MAX];
    buffer[0] = '\0';
    path = find(path, found);
    if (path == NULL) return;
    size_t length = identify(path, buffer, size);
    if (!library_of(path, library) || length + 4 >= size) return;
    length += (size_t)snprintf(buffer + length, size - length, " + ");
    identify(library, buffer + length, size - length);
}

static ferry_code find_and_load(Loaded *loaded, const char *path, ferry_error *error) {
    char found[PATH_MAX];
    path = find(path, found);
    if (path == NULL)
        return fail(error, FERRY_BACKEND,
                    "the LLVM module was not found: no ferry-llvm{22,21,20,19}.so next to ferry or in %s",
                    FERRY_BACKEND_DIR);
    return load(loaded, path, error);
}

/* Want of memory passes, so it is the one failure that is not remembered. */
ferry_code backend_load(Loaded *loaded, const char *path, const ferry_allocator *allocator, ferry_error *error) {
    if (loaded->failed) {
        *error = loaded->failure;
        return error->code;
    }
    if (loaded->state != NULL) return FERRY_OK;
    ferry_code code = loaded->backend == NULL ? find_and_load(loaded, path, error) : FERRY_OK;
    if (loaded->backend != NULL) code = loaded->backend->open(allocator, &loaded->state, error);
    if (code == FERRY_OK || code == FERRY_OUT_OF_MEMORY) return code;
    loaded->failed = true;
    loaded->failure = *error;
    return code;
}

void backend_unload(Loaded *loaded) {
    if (loaded->state != NULL) loaded->backend->close(loaded->state);
    if (loaded->library != NULL) dlclose(loaded->library);
    *loaded = (Loaded){.library = NULL};
}
