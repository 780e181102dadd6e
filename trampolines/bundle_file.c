/* trampolines/bundle_file.c: bundles as files, and tables that are part of the program.
 *
 * To load a file is to run it, so it must be trusted before: nobody but the user and root may be able to write it or to
 * put another in its place, which takes in every folder above it. A symbolic link may lead to it: what counts is where
 * it ends. That settles malice; damage is told by the trailer, and by the table as it lies in the file. What the loader
 * made of the name is then compared with that, since of a name that it knows it returns what it loaded before.
 *
 * The loader is given the file's real name, for the sake of debuggers and profilers, and not its descriptor's under
 * /proc, which would be safe from exchange too, but may stand for another file that was loaded under the same number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trampolines/bundle.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__s390x__)
#define MACHINE EM_S390
#elif defined(__loongarch__)
#define MACHINE EM_LOONGARCH
#elif defined(__arm__)
#define MACHINE EM_ARM
#elif defined(__i386__)
#define MACHINE EM_386
#else
#define MACHINE EM_NONE /* the loader has to tell */
#endif

/* Distances have 31 bits. */
#define FILE_LIMIT INT32_MAX

/* A file that is being loaded: descriptor and bytes are given back by forget. */
typedef struct File {
    const ferry_allocator *allocator;
    char path[PATH_MAX]; /* real: absolute, no symbolic link in it */
    int descriptor;
    uint8_t *bytes;
    size_t size; /* trailer included */
} File;

/* ---- tables in memory ---- */

#define CODE_LIMIT 4

/* The part of the program, or the shared object, in which a table lies. */
typedef struct Ground {
    BundleRange table; /* from the table to the end of what can be read there; start NULL: not found */
    bool written;      /* it may be changed while the program runs */
    BundleRange codes[CODE_LIMIT];
    size_t code_count;
} Ground;

/* A dl_iterate_phdr callback: is it this object? Then the answer is 1. */
static int look_at_object(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    Ground *ground = context;
    uintptr_t table = (uintptr_t)ground->table.start;
    bool found = false;
    ground->code_count = 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_R)) continue;
        uintptr_t start = (uintptr_t)(object->dlpi_addr + part->p_vaddr);
        if ((part->p_flags & PF_X) && !(part->p_flags & PF_W) && ground->code_count < CODE_LIMIT) {
            ground->codes[ground->code_count++] =
                (BundleRange){.start = (const uint8_t *)start, .size = part->p_filesz};
        }
        if (table < start || table - start >= part->p_filesz) continue;
        found = true;
        ground->table.size = part->p_filesz - (table - start);
        ground->written = (part->p_flags & PF_W) != 0;
    }
    return found;
}

static ferry_code find_ground(const void *table, Ground *ground, ferry_error *error) {
    *ground = (Ground){.table.start = table};
    if (table == NULL || dl_iterate_phdr(look_at_object, ground) != 1) {
        return fail(error, FERRY_UNFIT, "no part of the program holds the table");
    }
    if (ground->written) return fail(error, FERRY_UNFIT, "the table lies where the program can write");
    if (ground->code_count == 0) return fail(error, FERRY_UNFIT, "there is no code beside the table");
    return FERRY_OK;
}

/* Nearly always there is one range of code. */
static ferry_code open_on_ground(const Ground *ground, Bundle *bundle, ferry_error *error) {
    ferry_code code = bundle_open(ground->table, ground->codes[0], bundle, error);
    for (size_t i = 1; i < CODE_LIMIT && i < ground->code_count && code != FERRY_OK; i++) {
        ferry_error other;
        if (bundle_open(ground->table, ground->codes[i], bundle, &other) == FERRY_OK) code = FERRY_OK;
    }
    return code;
}

ferry_code bundle_linked(const void *table, Bundle *bundle, ferry_error *error) {
    Ground ground;
    TRY(find_ground(table, &ground, error));
    return open_on_ground(&ground, bundle, error);
}

/* ---- tables in bytes ---- */

#define FORMAT_LIMIT  255
#define REFUSED_LIMIT 16 /* since each table that is refused may have cost a checksum of all that follows */

/* Is there what could be a table's beginning, and not just the text of its magic, as it stands in this very code? */
static bool may_begin(const uint8_t *bytes) {
    BundleHeader header;
    memcpy(&header, bytes, sizeof header);
    return memcmp(header.magic, BUNDLE_MAGIC, sizeof header.magic) == 0 && header.format <= FORMAT_LIMIT;
}

ferry_code bundle_scan(const uint8_t *bytes, size_t size, Bundle *bundle, size_t *table_at, ferry_error *error) {
    unsigned refused = 0;
    for (size_t at = 0; at < size && size - at >= sizeof(BundleHeader) && refused < REFUSED_LIMIT; at += 8) {
        if (!may_begin(bytes + at)) continue;
        ferry_error why;
        BundleRange table = {.start = bytes + at, .size = size - at};
        if (bundle_open(table, (BundleRange){0}, bundle, &why) == FERRY_OK) {
            *table_at = at;
            return FERRY_OK;
        }
        if (refused++ == 0) *error = why;
    }
    return refused > 0 ? error->code : fail(error, FERRY_UNFIT, "there is no table of a bundle in it");
}

/* ---- whose file it is ---- */

static bool is_trusted(const struct stat *status) {
    return status->st_uid == geteuid() || status->st_uid == 0;
}

static bool others_may_write(const struct stat *status) {
    return (status->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static ferry_code failed_call(ferry_error *error, const char *call) {
    return fail(error, FERRY_SYSTEM, "%s: %s", call, strerror(errno));
}

/* path is one of the folders above the file. Where the sticky bit is set only a file's owner can replace it. */
static ferry_code check_folder(const char *path, ferry_error *error) {
    struct stat status;
    if (stat(path, &status) != 0) return failed_call(error, "a folder above it: stat");
    if (!is_trusted(&status)) {
        return fail(error, FERRY_UNFIT, "a folder above it belongs to neither the user nor root: %.200s", path);
    }
    if (others_may_write(&status) && !(status.st_mode & S_ISVTX)) {
        return fail(error, FERRY_UNFIT, "a folder above it may be written by others than its owner: %.200s", path);
    }
    return FERRY_OK;
}

static ferry_code check_folders(char *path, ferry_error *error) {
    TRY(check_folder("/", error));
    for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        ferry_code code = check_folder(path, error);
        *slash = '/';
        TRY(code);
    }
    return FERRY_OK;
}

static ferry_code check_status(const struct stat *status, ferry_error *error) {
    if (!S_ISREG(status->st_mode)) {
        return fail(error, FERRY_UNFIT, "it is %s", S_ISDIR(status->st_mode) ? "a folder" : "no regular file");
    }
    if (!is_trusted(status)) return fail(error, FERRY_UNFIT, "it belongs to neither the user nor root");
    if (others_may_write(status)) {
        return fail(error, FERRY_UNFIT, "it may be written by others than its owner (mode %03o)",
                    status->st_mode & 0777);
    }
    if (status->st_size > FILE_LIMIT) return fail(error, FERRY_UNFIT, "it is too large for a bundle");
    return FERRY_OK;
}

/* ---- what is in it ---- */

static ferry_code open_file(File *file, const char *path, ferry_error *error) {
    if (realpath(path, file->path) == NULL) return failed_call(error, "it cannot be found");
    TRY(check_folders(file->path, error));
    /* Whatever it is, it does not block, and becomes no terminal of the process. */
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (file->descriptor < 0) return failed_call(error, "open");
    struct stat status;
    if (fstat(file->descriptor, &status) != 0) return failed_call(error, "fstat");
    TRY(check_status(&status, error));
    file->size = (size_t)status.st_size;
    return FERRY_OK;
}

/* Reads all of the range; FERRY_UNFIT where the file has become shorter. */
static ferry_code read_range(const File *file, void *bytes, size_t at, size_t size, ferry_error *error) {
    for (size_t done = 0; done < size;) {
        ssize_t count = pread(file->descriptor, (uint8_t *)bytes + done, size - done, (off_t)(at + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed_call(error, "read");
        if (count == 0) return fail(error, FERRY_UNFIT, "it was being changed while it was read");
        done += (size_t)count;
    }
    return FERRY_OK;
}

/* The trailer first, so that no memory is spent on what is no bundle. */
static ferry_code read_file(File *file, ferry_error *error) {
    BundleTrailer trailer;
    if (file->size < sizeof trailer) return fail(error, FERRY_UNFIT, "it is no bundle: too short");
    size_t size = file->size - sizeof trailer;
    TRY(read_range(file, &trailer, size, sizeof trailer, error));
    if (memcmp(trailer.magic, BUNDLE_TRAILER_MAGIC, sizeof trailer.magic) != 0) {
        return fail(error, FERRY_UNFIT, "it is no bundle, or its end is missing");
    }
    if (trailer.size != size) {
        return fail(error, FERRY_UNFIT, "it is damaged: %zu bytes before the trailer, not %llu", size,
                    (unsigned long long)trailer.size);
    }
    file->bytes = memory_new(file->allocator, file->size);
    if (file->bytes == NULL) return fail_out_of_memory(error, "a bundle");
    TRY(read_range(file, file->bytes, 0, file->size, error));
    BundleTrailer right;
    bundle_seal(file->bytes, size, &right);
    if (memcmp(file->bytes + size, &right, sizeof right) != 0) {
        return fail(error, FERRY_UNFIT, "it is damaged: its digest is wrong");
    }
    return FERRY_OK;
}

/* The loader's own messages for these are misleading. */
static ferry_code check_machine(const File *file, const Bundle *bundle, ferry_error *error) {
    ElfW(Ehdr) head;
    memcpy(&head, file->bytes, sizeof head); /* a table is larger than that */
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_type != ET_DYN) {
        return fail(error, FERRY_UNFIT, "it is no shared object");
    }
    const int class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    bool fits = head.e_ident[EI_CLASS] == class && (MACHINE == EM_NONE || head.e_machine == MACHINE);
    return fits ? FERRY_OK : fail(error, FERRY_UNFIT, "it is made for another machine: %s", bundle->header->target);
}

/* ---- loading ---- */

/* There is no dlclose: code that is in use cannot go away. */
static ferry_code load_table(const File *file, const Bundle *checked, Bundle *bundle, ferry_error *error) {
    void *library = dlopen(file->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) return fail(error, FERRY_SYSTEM, "dlopen: %s", dlerror());
    const void *table = dlsym(library, BUNDLE_SYMBOL);
    if (table == NULL) return fail(error, FERRY_UNFIT, "it does not export its table, %s", BUNDLE_SYMBOL);
    Ground ground;
    TRY(find_ground(table, &ground, error));
    size_t size = checked->header->size;
    if (ground.table.size < size || memcmp(table, checked->table, size) != 0) {
        return fail(error, FERRY_UNFIT, "another file of this name is loaded already");
    }
    return open_on_ground(&ground, bundle, error);
}

static ferry_code load(File *file, const char *path, Bundle *bundle, ferry_error *error) {
    TRY(open_file(file, path, error));
    TRY(read_file(file, error));
    Bundle checked;
    size_t table_at;
    TRY(bundle_scan(file->bytes, file->size, &checked, &table_at, error));
    TRY(check_machine(file, &checked, error));
    return load_table(file, &checked, bundle, error);
}

static void forget(const File *file) {
    memory_release(file->allocator, file->bytes, file->size);
    if (file->descriptor >= 0) close(file->descriptor);
}

ferry_code bundle_load(const char *path, const ferry_allocator *allocator, Bundle *bundle, ferry_error *error) {
    File file = {.allocator = allocator, .descriptor = -1};
    ferry_code code = load(&file, path, bundle, error);
    forget(&file);
    return code == FERRY_OK ? FERRY_OK : fail_within(error, code, "bundle %.120s: ", path);
}

void bundle_seal(const void *bytes, size_t size, BundleTrailer *trailer) {
    *trailer = (BundleTrailer){.size = size, .digest = digest_of(0, bytes, size)};
    memcpy(trailer->magic, BUNDLE_TRAILER_MAGIC, sizeof trailer->magic);
}
