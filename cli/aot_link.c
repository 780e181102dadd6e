/* An object to a bundle: the system's linker makes a shared object of it, and a trailer seals that.
 *
 * The linker works in a folder of its own on files that always have the same names, so that nothing of the place where
 * it ran gets into the bundle. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/aot.h"

/* What of a linker's own choice would make the bundle differ, or load less safely, is chosen here. */
static const char *const linker_options[] = {
    "-shared",
    "--build-id=none",
    "--hash-style=gnu",
    "--eh-frame-hdr",
    "-z",
    "noexecstack",
    "-z",
    "text",
    "-z",
    "relro",
    "-z",
    "now",
    "-z",
    "defs",
    "-nostdlib",
};

typedef struct Workshop {
    char folder[PATH_MAX];
    const char *object;
    const char *library;
} Workshop;

static bool fail_system(Aot *aot, const char *what, const char *path, int reason) {
    complain("cannot %s %s: %s", what, path, strerror(reason));
    aot->status = EXIT_MACHINE;
    return false;
}

static bool workshop_open(Aot *aot, Workshop *workshop) {
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') parent = "/tmp";
    int length = snprintf(workshop->folder, sizeof workshop->folder, "%s/ferry-aot-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof workshop->folder)
        return fail_system(aot, "make a folder in", parent, ENAMETOOLONG);
    if (mkdtemp(workshop->folder) == NULL) return fail_system(aot, "make a folder in", parent, errno);
    workshop->object = heap_format(aot->heap, "%s/bundle.o", workshop->folder);
    workshop->library = heap_format(aot->heap, "%s/bundle.so", workshop->folder);
    return true;
}

static void workshop_close(const Workshop *workshop) {
    unlink(workshop->object);
    unlink(workshop->library);
    rmdir(workshop->folder);
}

/* ---- the linker ---- */

/* errno's value; 0: it ran, and *status is its exit status as of waitpid. */
static int spawn(const char *const *words, int *status) {
    pid_t child;
    int reason = posix_spawnp(&child, words[0], NULL, NULL, (char *const *)(uintptr_t)words, environ);
    if (reason != 0) return reason;
    while (waitpid(child, status, 0) < 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

static int run_linker(Aot *aot, const char *linker, const Workshop *workshop, int *status) {
    size_t count = LENGTH_OF(linker_options);
    const char **words = heap_new(aot->heap, (count + 5) * sizeof *words);
    words[0] = linker;
    memcpy(words + 1, linker_options, sizeof linker_options);
    words[count + 1] = "-o";
    words[count + 2] = workshop->library;
    words[count + 3] = workshop->object;
    return spawn(words, status);
}

/* A program that is not there ends with 127 where spawning cannot tell. */
static bool is_missing(int reason, int status) {
    return reason == ENOENT || (reason == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static bool fail_linker(Aot *aot, const char *linker, int reason, int status) {
    aot->status = EXIT_MACHINE;
    if (reason != 0 || is_missing(reason, status)) {
        complain("cannot start the linker %s: %s", linker, strerror(reason != 0 ? reason : ENOENT));
    } else if (WIFSIGNALED(status)) {
        complain("the linker %s was killed by signal %d", linker, WTERMSIG(status));
    } else {
        complain("the linker %s failed with status %d: it must be one for %s (--linker, or $LD, names another)", linker,
                 WEXITSTATUS(status), aot->model.target->triple);
    }
    return false;
}

/* The one that was asked for, alone; otherwise the first that is there. */
static bool link_with_any(Aot *aot, const Workshop *workshop) {
    const char *asked = option_value(aot->invocation, "linker"), *named = getenv("LD");
    if (asked == NULL && named != NULL && named[0] != '\0') asked = named;
    const char *const candidates[] = {asked != NULL ? asked : "ld.lld", "ld"};
    size_t count = asked != NULL ? 1 : LENGTH_OF(candidates);
    for (size_t i = 0;; i++) {
        int status = 0, reason = run_linker(aot, candidates[i], workshop, &status);
        if (reason == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
        if (i + 1 == count || !is_missing(reason, status)) return fail_linker(aot, candidates[i], reason, status);
    }
}

/* ---- the bundle ---- */

static bool seal(Aot *aot, const Workshop *workshop) {
    size_t size;
    const char *bytes = heap_read_bytes(aot->heap, workshop->library, &size);
    if (bytes == NULL) {
        aot->status = EXIT_MACHINE;
        return false;
    }
    BundleTrailer trailer;
    bundle_seal(bytes, size, &trailer);
    uint8_t *sealed = heap_new(aot->heap, size + sizeof trailer);
    memcpy(sealed, bytes, size);
    memcpy(sealed + size, &trailer, sizeof trailer);
    return aot_write_file(aot, heap_format(aot->heap, "%s.so", aot->stem), sealed, size + sizeof trailer);
}

bool aot_link(Aot *aot, const AheadObject *object) {
    Workshop workshop;
    if (!workshop_open(aot, &workshop)) return false;
    bool good = aot_write_file(aot, workshop.object, object->bytes, object->size) && link_with_any(aot, &workshop) &&
                seal(aot, &workshop);
    workshop_close(&workshop);
    return good;
}
