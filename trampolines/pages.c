/* trampolines/pages.c: one memfd, mapped twice. The file is closed at once; the mappings keep it alive. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "trampolines/parts.h"

/* A few instructions that do nothing outside of valgrind. Where its header is not installed, neither is it. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_DISCARD_TRANSLATIONS(address, size) ((void)(address), (void)(size))
#endif

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

size_t pages_unit(void) {
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

/* What is short now may be there later; what the system forbids will not be. */
static bool is_shortage(int reason) {
    return reason == ENOMEM || reason == EMFILE || reason == ENFILE || reason == ENOSPC || reason == EAGAIN;
}

ferry_code pages_refuse(ferry_error *error, const char *call) {
    ferry_code code = is_shortage(errno) ? FERRY_OUT_OF_MEMORY : FERRY_NO_CODE;
    return fail(error, code, "no executable memory: %s: %s", call, strerror(errno));
}

/* Growing a file beyond this limit would raise SIGXFSZ. */
static bool is_over_file_limit(size_t size) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur;
}

/* The file itself is never to be executed as a program. Where vm.memfd_noexec is 2 that has to be said; kernels before
 * 6.3 do not know the word. Mapping it executable is another matter, and allowed. */
static int open_memory(void) {
    int file = memfd_create("ferry", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    return file < 0 && errno == EINVAL ? memfd_create("ferry", MFD_CLOEXEC) : file;
}

ferry_code pages_open(size_t size, const char *what, int *file, ferry_error *error) {
    if (is_over_file_limit(size)) {
        return fail(error, FERRY_NO_CODE, "no executable memory: RLIMIT_FSIZE is below the %zu bytes of %s", size,
                    what);
    }
    *file = open_memory();
    return *file < 0 ? pages_refuse(error, "memfd_create") : FERRY_OK;
}

/* Reserves the memory too: a page that could not be had later would be a SIGBUS. */
static bool grow(int file, size_t size) {
    int result;
    do {
        result = fallocate(file, 0, 0, (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

static ferry_code map_twice(int file, size_t size, bool debuggable, Pages *pages, ferry_error *error) {
    if (!grow(file, size)) return pages_refuse(error, "fallocate of a memfd");
    void *writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (writable == MAP_FAILED) return pages_refuse(error, "mmap(PROT_READ | PROT_WRITE) of a memfd");
    void *executable = mmap(NULL, size, PROT_READ | PROT_EXEC, debuggable ? MAP_PRIVATE : MAP_SHARED, file, 0);
    if (executable == MAP_FAILED) {
        ferry_code code = pages_refuse(error, "mmap(PROT_READ | PROT_EXEC) of a memfd");
        munmap(writable, size);
        return code;
    }
    *pages = (Pages){.writable = writable, .executable = executable, .size = size, .debuggable = debuggable};
    return FERRY_OK;
}

ferry_code pages_map(size_t size, bool debuggable, Pages *pages, ferry_error *error) {
    int file = -1;
    size = round_up(size, pages_unit());
    TRY(pages_open(size, "a slab", &file, error));
    ferry_code code = map_twice(file, size, debuggable, pages, error);
    close(file);
    return code;
}

void pages_unmap(const Pages *pages) {
    munmap(pages->writable, pages->size);
    munmap((void *)(uintptr_t)pages->executable, pages->size);
}

void pages_written(const Pages *pages, size_t offset, size_t size) {
    char *begin = (char *)(uintptr_t)(pages->executable + offset);
    __builtin___clear_cache(begin, begin + size);
}

void pages_forget(const Pages *pages, size_t offset, size_t size) {
    VALGRIND_DISCARD_TRANSLATIONS(pages->executable + offset, size);
}
