/* Shared libraries and the functions in them. */
#define _GNU_SOURCE /* dladdr1, RTLD_DEFAULT */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "cli/call.h"

bool library_open(const char *name, void **library) {
    *library = NULL;
    if (name[0] == '\0' || strcmp(name, "-") == 0) return true;
    *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    if (*library != NULL) return true;
    const char *reason = dlerror();
    bool is_path = strchr(name, '/') != NULL;
    complain("cannot load the library: %s", reason != NULL ? reason : name);
    if (strstr(reason != NULL ? reason : "", "invalid ELF header") != NULL)
        fprintf(stderr, "    (a file that only the linker reads? Name the library itself, as libm.so.6)\n");
    else if (!is_path)
        fprintf(stderr, "    (a library is named by its file, as libz.so.1, or by a path, as ./libmine.so)\n");
    return false;
}

/* A variable's address is found by dlsym as well, and jumping there would crash. */
static bool is_data(const void *address) {
    Dl_info info;
    void *entry = NULL;
    if (dladdr1(address, &info, &entry, RTLD_DL_SYMENT) == 0 || entry == NULL || info.dli_saddr != address)
        return false;
    const ElfW(Sym) *symbol = entry;
    unsigned type = symbol->st_info & 0xF;
    return type == STT_OBJECT || type == STT_TLS || type == STT_COMMON;
}

bool library_find(const char *library_name, Callee *callee) {
    const char *where = callee->library != NULL ? library_name : "what is loaded";
    void *address = dlsym(callee->library != NULL ? callee->library : RTLD_DEFAULT, callee->name);
    if (address == NULL) {
        complain("there is no symbol '%s' in %s", callee->name, where);
        return false;
    }
    if (is_data(address)) {
        complain("'%s' in %s is a variable, not a function", callee->name, where);
        return false;
    }
    memcpy(&callee->function, &address, sizeof address); /* ISO C has no cast from data to function pointers */
    return true;
}
