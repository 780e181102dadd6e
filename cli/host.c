/* This machine: its target, and the files that were installed with this program. */
#include <string.h>
#include <unistd.h>

#include "abi/target.h"
#include "cli/cli.h"

const char *host_target(ferry_error *error) {
    const ferry_engine_options options = {.policy = FERRY_NEVER};
    ferry_engine *engine = ferry_engine_create(&options, error);
    if (engine == NULL) return NULL;
    const Target *target = target_find(ferry_engine_target(engine)); /* its name outlives the engine */
    if (ferry_engine_free(engine, error) != FERRY_OK || target == NULL) return NULL;
    return target->name;
}

char *host_file(Heap *heap, const char *name) {
    static const char *const places[] = {"", "../libexec/ferry/", "../libexec/", "../lib/ferry/"};
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return NULL;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) return NULL;
    slash[1] = '\0';
    for (size_t i = 0; i < LENGTH_OF(places); i++) {
        char *path = heap_format(heap, "%s%s%s", self, places[i], name);
        if (access(path, X_OK) == 0) return path;
    }
    return NULL;
}
