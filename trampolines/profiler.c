/* trampolines/profiler.c: /tmp/perf-PID.map, in which perf looks up the names of code that is in no file.
 *
 *   address size name        in hexadecimal, one line for each blob, appended in one write
 *
 * perf reads it at the end of a run, so code that was taken away stays listed. Others may append to the same file.
 * /tmp is everybody's: only a regular file of our own, without other names, is written to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/parts.h"

enum { LINE_SIZE = 512 };

static bool is_safe(int file) {
    struct stat status;
    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1;
}

ferry_code perf_map_open(PerfMap *map, ferry_error *error) {
    char path[64];
    *map = (PerfMap){.file = -1, .process = getpid(), .life = process_life()};
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)map->process);
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (file < 0) return fail(error, FERRY_SYSTEM, "the perf map: open of %s: %s", path, strerror(errno));
    if (!is_safe(file)) {
        close(file);
        return fail(error, FERRY_SYSTEM, "the perf map: %s is not a regular file of this user's with one name", path);
    }
    map->file = file;
    return FERRY_OK;
}

void perf_map_close(PerfMap *map) {
    if (map->file >= 0) close(map->file);
    map->file = -1;
}

bool perf_map_is_mine(const PerfMap *map) {
    return map->process == getpid() && map->life == process_life();
}

void perf_map_add(const PerfMap *map, const void *entry, size_t size, const char *name) {
    char line[LINE_SIZE];
    if (map->file < 0) return;
    int length = snprintf(line, sizeof(line) - 1, "%jx %zx %s", (uintmax_t)(uintptr_t)entry, size, name);
    if (length < 0) return;
    if (length > LINE_SIZE - 2) length = LINE_SIZE - 2; /* the name is cut off */
    for (int i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ') line[i] = '?';
    }
    line[length] = '\n';
    while (write(map->file, line, (size_t)length + 1) < 0 && errno == EINTR) {
    }
}
