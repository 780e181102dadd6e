/* folder.c: folders of this run's own, for caches and bundles, gone when it ends. The user's own are never touched. */
#define _GNU_SOURCE
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

void folders_forget_users(void) {
    setenv("FERRY_CACHE_DIR", "off", 1);
    unsetenv("FERRY_BUNDLES");
}

bool folder_make(Folder *folder) {
    const char *parent = getenv("TMPDIR");
    int length = snprintf(folder->path, sizeof folder->path, "%s/ferry-bench-XXXXXX",
                          parent != NULL && *parent != 0 ? parent : "/tmp");
    if (length > 0 && (size_t)length < sizeof folder->path && mkdtemp(folder->path) != NULL) return true;
    fprintf(stderr, "ferry-bench: no folder %s can be made\n", folder->path);
    folder->path[0] = 0;
    return false;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)kind, (void)where;
    return remove(path);
}

void folder_remove(Folder *folder) {
    if (folder->path[0] != 0) nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    folder->path[0] = 0;
}

/* ---- bundles: `ferry aot`, the one beside this program ---- */

static bool find_ferry(char *path) {
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0) return false;
    path[length] = 0;
    char *name = strrchr(path, '/');
    if (name == NULL) return false;
    snprintf(name, (size_t)(path + PATH_MAX - name), "/ferry");
    return access(path, X_OK) == 0;
}

static void become_ferry(char *program, char *bundle, char *declarations) {
    static char aot[] = "aot", kind[] = "--bundle", output[] = "--output";
    char *words[] = {program, aot, kind, output, bundle, declarations, NULL};
    if (freopen("/dev/null", "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL) execv(program, words);
    _exit(127);
}

bool bundle_make(const Folder *folder, const char *declarations, char *bundle, size_t size) {
    char program[PATH_MAX], text[sizeof folder->path + 16];
    snprintf(text, sizeof text, "%s/bench.h", folder->path);
    snprintf(bundle, size, "%s/bench.so", folder->path);
    FILE *file = fopen(text, "w");
    if (file == NULL) return false;
    bool written = fputs(declarations, file) >= 0;
    if (fclose(file) != 0 || !written || !find_ferry(program)) return false;
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) become_ferry(program, bundle, text);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && access(bundle, R_OK) == 0;
}
