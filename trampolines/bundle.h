/* trampolines/bundle.h: code that was made ahead of time, and the table by which it is found.
 *
 * The prelude, objects of `ferry aot` and bundles are the same thing: functions in .text, their unwind tables in
 * .eh_frame, and in .rodata one table that describes them. Nothing in it is relocated when it is loaded.
 *
 *     table     +0                header
 *               +entries_at       entries, sorted by digest
 *               +shapes_at        descriptions: for each entry the bytes of its shape, then its name and a zero
 *               +size             distances: for each entry 4 bytes: address of its code - address of the table
 *
 * All numbers are little-endian, but for the distances, which are the linker's work and have the target's byte order.
 * The table without its distances is `size` bytes, covered by the header's checksum; an entry's checksum covers its
 * code.
 *
 * An entry's digest is that of its shape's bytes from `value_count` on, as the little-endian machine has them: two
 * shapes with one digest do not exist. So a prelude may leave the descriptions out (shape_size 0, name_size 0) to stay
 * small; it is part of the library that made it. Elsewhere they must be there, and agree with the digest.
 */
#ifndef FERRY_TRAMPOLINES_BUNDLE_H
#define FERRY_TRAMPOLINES_BUNDLE_H

#include "abi/base.h"
#include "trampolines/digest.h"

#define BUNDLE_MAGIC  "ferry\0\r\n" /* 8 bytes; not a text */
#define BUNDLE_FORMAT 1             /* of this table */

/* Of the code: where it finds what in bindings, cells and upcalls, and what a shape says. One more with every change of
 * jit/backend.h's offsets, of Shape, or of what a trampoline does. */
#define BUNDLE_CONTRACT 1

typedef struct BundleHeader {
    char magic[8];
    uint32_t format;
    uint32_t contract;
    uint64_t checksum; /* of the bytes from `size` (the next field) on, up to the table's size */
    uint32_t size;     /* of the table without the distances; a multiple of 8 */
    uint32_t count;
    uint32_t entries_at;
    uint32_t shapes_at;
    char ferry[16]; /* versions, zero-padded, for people */
    char llvm[32];
    char target[40];   /* the target's name; a code for it runs wherever that target does */
    char features[88]; /* what the code needs of the processor, as LLVM names it: "+avx,+avx2" */
} BundleHeader;

typedef struct BundleEntry {
    Digest digest;
    uint64_t checksum;   /* of the code */
    uint32_t shape_at;   /* in the table */
    uint32_t shape_size; /* of the whole Shape, its first fields included */
    uint32_t name_size;  /* of its name behind it, without the zero */
    uint32_t code_size;
    uint32_t quality; /* ferry_quality: FERRY_QUICK or FERRY_BETTER */
    uint32_t zero;
} BundleEntry;

/* Of a Shape: where it says how many bytes it has, and where what decides about the code, its key, begins. */
enum { BUNDLE_BYTES_OFFSET = 8, BUNDLE_KEY_OFFSET = 12 };

/* The first byte that the table's checksum covers. */
enum { BUNDLE_CHECKED_OFFSET = offsetof(BundleHeader, size) };

_Static_assert(sizeof(BundleHeader) == 216, "no padding");
_Static_assert(sizeof(BundleEntry) == 48, "no padding");

/* Of a shape's bytes; they are at least BUNDLE_KEY_OFFSET. */
static inline Digest bundle_digest(const void *shape, size_t size) {
    return digest_of(0, (const uint8_t *)shape + BUNDLE_KEY_OFFSET, size - BUNDLE_KEY_OFFSET);
}

/* ---- reading: bundle.c ---- */

/* A range of addresses. */
typedef struct BundleRange {
    const uint8_t *start;
    size_t size;
} BundleRange;

/* A table that was checked. Plain view: owns nothing. */
typedef struct Bundle {
    const uint8_t *table;
    const BundleHeader *header;
    const BundleEntry *entries;
    const int32_t *distances; /* NULL: the table was read from a file, its code is not at hand */
    BundleRange code;         /* where code may lie */
} Bundle;

/* Trusts nothing but that table.size bytes can be read: magic, format, contract, sizes, order, that descriptions lie in
 * the table and agree with the digests, the checksum, and that all code lies in `code` (not with code.start NULL: then
 * the distances are not read either, and a prelude's table will do, without descriptions). FERRY_UNFIT with the reason.
 * What the code needs of the machine is the caller's to check: by header->target and header->features, which are
 * terminated. The code itself is checked when it is found. */
MUST_USE ferry_code bundle_open(BundleRange table, BundleRange code, Bundle *bundle, ferry_error *error);

/* The prelude: no checks but those of its format; costs some nanoseconds. */
void bundle_open_own(const void *table, Bundle *bundle);

/* The index of the entry with that digest, or -1. */
int64_t bundle_find(const Bundle *bundle, Digest digest);

/* Entry `index`'s code. FERRY_UNFIT where its checksum is wrong: it has been damaged since it was made. */
MUST_USE ferry_code bundle_code(const Bundle *bundle, size_t index, const uint8_t **code, ferry_error *error);
const char *bundle_name(const Bundle *bundle, size_t index); /* "" in a prelude */

/* One line of printable characters (bytes of UTF-8 among them), with its zero, in at most `size` bytes. */
bool bundle_is_text(const char *text, size_t size);

/* ---- files: bundle_file.c ---- */

/* A bundle file is a shared object and, behind its end, a trailer that covers all bytes before it, since the dynamic
 * loader trusts what it loads. */
#define BUNDLE_TRAILER_MAGIC "ferryend"
typedef struct BundleTrailer {
    char magic[8];
    uint64_t size; /* of what lies before it */
    Digest digest; /* of that */
} BundleTrailer;

/* The name of the table's symbol in a bundle file. */
#define BUNDLE_SYMBOL "ferry_bundle_table"

/* Checks the file as a whole (whose it is, who may write it or, in a folder above it, replace it; trailer; its table as
 * it lies in the file), loads it, and opens its table. The file stays loaded for as long as the process, also when its
 * table is refused then. FERRY_SYSTEM, FERRY_UNFIT, FERRY_OUT_OF_MEMORY; each message names the path. */
MUST_USE ferry_code bundle_load(const char *path, const ferry_allocator *allocator, Bundle *bundle, ferry_error *error);

/* For a table that is linked into the program: finds out what can be read and what can be executed around it. */
MUST_USE ferry_code bundle_linked(const void *table, Bundle *bundle, ferry_error *error);

/* Reads bytes of a file, aligned to 8, ELF or not: the first table in it that can be opened without its code.
 * *table_at: where. */
MUST_USE ferry_code bundle_scan(const uint8_t *bytes, size_t size, Bundle *bundle, size_t *table_at,
                                ferry_error *error);

/* Ends a file's bytes with a trailer: fills it in for the `size` bytes before it. */
void bundle_seal(const void *bytes, size_t size, BundleTrailer *trailer);

/* ---- writing: bundle_write.c ---- */

typedef struct BundleItem {
    const void *shape; /* its bytes; NULL: only its digest is kept */
    uint32_t shape_size;
    Digest digest;
    const char *name;
    ferry_quality quality;
} BundleItem;

/* Lays out a table for the items, which it sorts by digest and must all be different; checksums of the code and of the
 * table are still missing. Memory is the arena's. */
MUST_USE ferry_code bundle_write(const BundleHeader *about, BundleItem *items, size_t count, Arena *arena,
                                 uint8_t **table, size_t *size, ferry_error *error);
/* Fills in what is known only once the code is there. */
void bundle_write_code(uint8_t *table, size_t index, const void *code, size_t size);
void bundle_write_checksum(uint8_t *table);

/* ---- the prelude: prelude.o, made while ferry is built; prelude_none.c stands in for it in the maker ---- */
extern const uint8_t ferry_prelude[];

#endif
