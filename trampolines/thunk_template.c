/* trampolines/thunk_template.c: where the code of thunks comes from.
 *
 * It is written to a file in memory, not to a mapping of one, and the file is then sealed: there is no address at which
 * a thunk could ever have been changed, nor can mprotect make one. The file is closed at once.
 *
 * All thunks are the same, so a few pages of them are mapped over and over: by mremap, which makes a second mapping of
 * a shared one when it is told that the old size is 0 (mremap(2)), and so needs neither the descriptor nor the right to
 * make new executable mappings. The first template is small, since most programs have few closures; larger ones follow,
 * so that many thunks do not take many mappings. Each way may be refused, and then the other one is good enough. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trampolines/parts.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* A million thunks take some 290 mappings with this, and it stays in a processor's second cache. */
enum { LARGEST_TEMPLATE = 192 * 1024 };

/* What is written at once: the same block many times. */
enum { BLOCK_THUNKS = 16, BLOCK_SIZE = BLOCK_THUNKS * THUNK_BYTES, BLOCKS_AT_ONCE = 64 };

size_t thunk_template_smallest(void) {
    return 3 * pages_unit(); /* THUNK_BYTES is 3 * 16, a page a power of two */
}

static_assert(THUNK_BYTES == 3 * 16, "so that three pages hold a whole number of thunks");
static_assert(LARGEST_TEMPLATE % (3 * 4096) == 0, "the largest template holds a whole number of thunks");

static void fill_block(uint8_t block[BLOCK_SIZE], const ThunkMachine *machine) {
    memset(block, machine->filler, BLOCK_SIZE);
    for (size_t at = 0; at < BLOCK_SIZE; at += THUNK_BYTES) memcpy(block + at, machine->code, machine->code_size);
}

/* size is a multiple of BLOCK_SIZE. Whatever part of the last block was written is written again. */
static bool write_thunks(int file, const ThunkMachine *machine, size_t size) {
    uint8_t block[BLOCK_SIZE];
    struct iovec blocks[BLOCKS_AT_ONCE];
    fill_block(block, machine);
    for (size_t i = 0; i < BLOCKS_AT_ONCE; i++) blocks[i] = (struct iovec){.iov_base = block, .iov_len = BLOCK_SIZE};
    for (size_t done = 0; done < size;) {
        size_t left = (size - done) / BLOCK_SIZE;
        ssize_t written = pwritev(file, blocks, (int)(left < BLOCKS_AT_ONCE ? left : BLOCKS_AT_ONCE), (off_t)done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        if (written < BLOCK_SIZE) {
            errno = ENOSPC;
            return false;
        }
        done += (size_t)written / BLOCK_SIZE * BLOCK_SIZE;
    }
    return true;
}

/* A call that was to replace a mapping may have failed after it took the old one away. Then somebody else's could come
 * there, and would be unmapped with ours. Leaves errno alone. */
static void hold(uint8_t *at, size_t size) {
    int reason = errno;
    void *held = mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (held != MAP_FAILED && held != at) munmap(held, size); /* before Linux 4.17 the address is only a wish */
    errno = reason;
}

/* From the file, or where that is -1 from the template's first copy. */
static bool map_piece(const ThunkTemplate *template, int file, uint8_t *at, size_t size) {
    void *piece = file >= 0 ? mmap(at, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0)
                            : mremap((void *)(uintptr_t)template->code, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    if (piece == MAP_FAILED) hold(at, size);
    return piece != MAP_FAILED;
}

static bool map_pieces(const ThunkTemplate *template, int file, uint8_t *at, size_t size) {
    for (size_t done = 0; done < size; done += template->size) {
        size_t left = size - done;
        if (!map_piece(template, file, at + done, left < template->size ? left : template->size)) return false;
    }
    __builtin___clear_cache((char *)at, (char *)at + size);
    return true;
}

static size_t wanted_size(size_t size) {
    size_t largest = LARGEST_TEMPLATE < thunk_template_smallest() ? thunk_template_smallest() : LARGEST_TEMPLATE;
    return size < largest ? size : largest;
}

static ferry_code map_file(ThunkTemplate *made, const ThunkMachine *machine, int file, uint8_t *at, size_t size,
                           ferry_error *error) {
    if (!write_thunks(file, machine, made->size)) return pages_refuse(error, "pwritev to a memfd");
    /* Kernels before 5.1 do not know this seal, and those before 6.3 got no file that can be sealed. */
    (void)fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
    if (!map_pieces(made, file, at, size)) return pages_refuse(error, "mmap(PROT_READ | PROT_EXEC) of a memfd");
    return FERRY_OK;
}

static ferry_code map_new(ThunkTemplate *template, const ThunkMachine *machine, uint8_t *at, size_t size,
                          ferry_error *error) {
    ThunkTemplate made = {.code = at, .size = wanted_size(size)};
    int file = -1;
    TRY(pages_open(made.size, "the thunks", &file, error));
    ferry_code code = map_file(&made, machine, file, at, size, error);
    close(file);
    if (code == FERRY_OK) *template = made;
    return code;
}

static ferry_code map_copies(const ThunkTemplate *template, uint8_t *at, size_t size, ferry_error *error) {
    return map_pieces(template, -1, at, size) ? FERRY_OK : pages_refuse(error, "mremap of the thunks");
}

ferry_code thunk_template_map(ThunkTemplate *template, const ThunkMachine *machine, uint8_t *at, size_t size,
                              ferry_error *error) {
    if (template->size == 0) return map_new(template, machine, at, size, error);
    ferry_error refused, ignored;
    bool enough = template->size >= wanted_size(size);
    if (!enough && map_new(template, machine, at, size, &ignored) == FERRY_OK) return FERRY_OK;
    ferry_code code = map_copies(template, at, size, &refused);
    if (code == FERRY_OK || (enough && map_new(template, machine, at, size, &ignored) == FERRY_OK)) return FERRY_OK;
    *error = refused;
    return code;
}
