/* ferry --version: what works together here. */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "runtime/engine.h"

/* Newer versions of libffi tell their number; of an older one only the file that it was loaded from does. */
static const char *libffi_version(Heap *heap) {
    void *symbol = dlsym(RTLD_DEFAULT, "ffi_get_version");
    const char *(*get_version)(void);
    memcpy(&get_version, &symbol, sizeof get_version);
    if (get_version != NULL) return get_version();
    void *call = dlsym(RTLD_DEFAULT, "ffi_call");
    Dl_info info;
    if (call == NULL || dladdr(call, &info) == 0 || info.dli_fname == NULL) return "linked into this program";
    char *path = realpath(info.dli_fname, NULL);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? heap_format(heap, "%s", slash + 1) : info.dli_fname;
    free(path);
    return name;
}

static const char *without_name(const char *version) {
    return strncmp(version, "LLVM ", 5) == 0 ? version + 5 : version;
}

static void print_llvm(const Screen *screen) {
    Loaded loaded = {0};
    ferry_error error = {0};
    if (backend_load(&loaded, NULL, NULL, &error) == FERRY_OK)
        fprintf(screen->out, "LLVM    %s\n", without_name(loaded.backend->llvm));
    else
        fprintf(screen->out, "LLVM    not available, calls go through libffi: %s\n", error.message);
    backend_unload(&loaded);
}

int print_version(Invocation *invocation) {
    const Screen *screen = &invocation->screen;
    ferry_error error = {0};
    const char *target = host_target(&error);
    fprintf(screen->out, "ferry   %s\n", ferry_version());
    fprintf(screen->out, "target  %s\n", target != NULL ? target : error.message);
    print_llvm(screen);
    fprintf(screen->out, "libffi  %s\n", libffi_version(&invocation->heap));
    return EXIT_DONE;
}
