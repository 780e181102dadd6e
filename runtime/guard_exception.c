/* guard_exception.c: what was thrown, and its end.
 *
 * A C++ exception is ended as a `catch` would do it, by the two functions of the C++ ABI that a compiler calls for one;
 * only they take it out of std::uncaught_exceptions. They have to be those of the C++ runtime that made the exception
 * (there may be several in a process, or one that was loaded later than ferry), which is where its cleanup function
 * lies. Everything else, and all if that runtime hides them, is deleted as the unwinder's ABI says. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/guard.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

/* std::type_info begins so. */
typedef struct TypeInfo {
    const void *table;
    const char *name;
} TypeInfo;

typedef struct Runtime {
    void *(*begin_catch)(void *exception);
    void (*end_catch)(void);
    TypeInfo *(*current_type)(void);
    char *(*demangle)(const char *name, char *buffer, size_t *size, int *status);
} Runtime;

/* Those that are linked with ferry. */
extern void *__cxa_begin_catch(void *exception) __attribute__((weak));
extern void __cxa_end_catch(void) __attribute__((weak));
extern TypeInfo *__cxa_current_exception_type(void) __attribute__((weak));
extern char *__cxa_demangle(const char *name, char *buffer, size_t *size, int *status) __attribute__((weak));

/* ---- the runtime that made an exception ---- */

static void look_up(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
}

/* NULL if unknown, as in programs that are linked statically. */
static void *library_of(void (*function)(void), const char **path) {
    Dl_info info;
    void *address;
    memcpy(&address, &function, sizeof address);
    if (function == NULL || dladdr(address, &info) == 0) return NULL;
    if (path != NULL) *path = info.dli_fname;
    return info.dli_fbase;
}

static bool is_complete(const Runtime *runtime) {
    return runtime->begin_catch != NULL && runtime->end_catch != NULL && runtime->current_type != NULL;
}

static bool find_runtime(const struct _Unwind_Exception *exception, Runtime *runtime) {
    const char *path = NULL;
    const void *owner = library_of((void (*)(void))exception->exception_cleanup, &path);
    *runtime = (Runtime){__cxa_begin_catch, __cxa_end_catch, __cxa_current_exception_type, __cxa_demangle};
    if (is_complete(runtime) && library_of((void (*)(void))runtime->begin_catch, NULL) == owner) return true;
    void *library = owner != NULL ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (library == NULL) return false;
    look_up(library, "__cxa_begin_catch", &runtime->begin_catch);
    look_up(library, "__cxa_end_catch", &runtime->end_catch);
    look_up(library, "__cxa_current_exception_type", &runtime->current_type);
    look_up(library, "__cxa_demangle", &runtime->demangle);
    dlclose(library); /* the exception's own code keeps it */
    return is_complete(runtime) && library_of((void (*)(void))runtime->begin_catch, NULL) == owner;
}

/* ---- the two ends ---- */

static void end_as_caught(const Runtime *runtime, struct _Unwind_Exception *exception, const Guard *guard) {
    runtime->begin_catch(exception);
    const TypeInfo *type = runtime->current_type();
    const char *name = type == NULL ? "unknown" : type->name + (type->name[0] == '*'); /* '*': of one file */
    int status = -1;
    char *spelled = type != NULL && runtime->demangle != NULL ? runtime->demangle(name, NULL, NULL, &status) : NULL;
    snprintf(guard->what, guard->size, "a C++ exception of type %s", spelled != NULL && status == 0 ? spelled : name);
    free(spelled);
    runtime->end_catch();
}

/* A class is eight characters, the first in the highest byte, which say vendor and language. */
static void spell_class(uint64_t class, char spelling[8 * 4 + 1]) {
    char *at = spelling;
    if (class == 0) at += snprintf(at, 4, "0x0");
    for (; class != 0; class <<= 8) {
        unsigned byte = (unsigned)(class >> 56);
        bool printable = byte >= 0x20 && byte < 0x7f && byte != '\\';
        at += snprintf(at, 5, printable ? "%c" : "\\x%02x", byte);
    }
    *at = '\0';
}

static void end_as_foreign(struct _Unwind_Exception *exception, const Guard *guard) {
    char spelling[8 * 4 + 1];
    spell_class(exception->exception_class, spelling);
    snprintf(guard->what, guard->size, "an exception of class %s", spelling);
    _Unwind_DeleteException(exception);
}

/* "GNUCC++" and a zero byte, or another vendor's; the last byte is 1 for one that was thrown again by an exception_ptr.
 */
static bool is_cxx(uint64_t class) {
    return (class & 0xfffffffe) == 0x432b2b00;
}

void guard_delete(struct _Unwind_Exception *exception, const Guard *guard) {
    Runtime runtime;
    if (is_cxx(exception->exception_class) && find_runtime(exception, &runtime))
        end_as_caught(&runtime, exception, guard);
    else
        end_as_foreign(exception, guard);
}
