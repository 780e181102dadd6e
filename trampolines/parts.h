/* trampolines/parts.h: what the files of this room know of each other, by the file that owns it.
 *
 * Glossary
 *   cell     the place of one blob's code in a slab
 *   frame    the place of one blob's FDE in a slab; frame i describes cell i
 *   program  the call frame instructions at the end of an FDE: all of it that differs from blob to blob
 *   thunk    see thunk.h, where cells are those of closures
 *   shared   said of a slab that a process inherited: its parent or its children may be running what is in it
 */
#ifndef FERRY_TRAMPOLINES_PARTS_H
#define FERRY_TRAMPOLINES_PARTS_H

#include <pthread.h>
#include <sys/types.h>

#include "trampolines/code.h"
#include "trampolines/thunk.h"

/* pages.c: memory that has a writable and an executable address.
 *     writable[i] and executable[i] are the same byte, for 0 <= i < size
 *
 * Debuggers cannot put breakpoints into shared memory (nor finish a function that returns into it). So for them
 * the executable mapping is private, which on Linux shows the same bytes until somebody writes into it; from then on
 * the page is the debugger's, and what is written to the other address no longer shows. See slab_fill. */
typedef struct Pages {
    uint8_t *writable;
    const uint8_t *executable;
    size_t size; /* a multiple of the page size */
    bool debuggable;
} Pages;

MUST_USE ferry_code pages_map(size_t size, bool debuggable, Pages *pages, ferry_error *error);
void pages_unmap(const Pages *pages);
/* Code was written. For processors whose instruction caches do not see that by themselves. */
void pages_written(const Pages *pages, size_t offset, size_t size);
/* Other code will come here. For valgrind, which does not see writes to another address of the same memory. */
void pages_forget(const Pages *pages, size_t offset, size_t size);

size_t pages_unit(void); /* the size of a page */
/* An empty memfd that may become that large; what says whose it is. */
MUST_USE ferry_code pages_open(size_t size, const char *what, int *file, ferry_error *error);
/* What to say of the call that has just set errno: shortage, or forbidden. */
ferry_code pages_refuse(ferry_error *error, const char *call);

/* unwind.c: the unwind table of a blob, taken apart. Everything points into the blob. */
typedef struct Unwind {
    const uint8_t *cie;
    uint32_t cie_size;
    uint32_t code_alignment_at;  /* in the CIE: the two alignments and the return register, */
    uint32_t code_alignment_end; /* one after the other up to here */
    uint32_t initial_at;         /* in the CIE: its instructions, to its end */
    const uint8_t *program;
    uint32_t program_size;
} Unwind;

/* Bytes of an FDE before its program: length, distance to the CIE, first address, range, size of augmentation (0). */
enum { FDE_FIXED_SIZE = 17 };

/* Of code, and of an unwind table. All distances in a slab of one blob then fit into 31 bits. */
enum { BLOB_SIZE_LIMIT = 1 << 28 };

MUST_USE ferry_code unwind_parse(const Blob *blob, Unwind *unwind, ferry_error *error);
static inline uint32_t unwind_frame_size(const Unwind *unwind) {
    return FDE_FIXED_SIZE + unwind->program_size;
}

/* slab.c
 *
 *     head         cells
 *     +-----------+-------------------------------------------+
 *     | CIE       | frame 0 | ... | frame n-1 | 0 | padding   |
 *     +-----------+-------------------------------------------+
 *     | cell 0    | cell 1  | ...             | cell n-1      |
 *     +-------------------------------------------------------+
 *
 *     frame i   at frames_at + i * frame_size     frame_size a multiple of 8
 *     cell i    at cells_at  + i * cell_size      cells_at and cell_size multiples of 16
 *     live + free_count + lost to a fork == fresh <= count
 *
 * The head is one complete .eh_frame section, registered with the unwinder once, when the slab is made: libgcc 12 keeps
 * registered tables in a list that every throw of the process walks, and one table for each blob makes all
 * exceptions slow (1,000 blobs: 7 times, 10,000: 60 times). All that the unwinder keeps or sorts by (addresses,
 * ranges, lengths) is constant from then on; a new blob only changes the program of its frame, which nobody
 * reads before the code runs. So no lock and no moment without a table is needed. */
typedef struct SlabKind {
    uint32_t cell_size;
    uint32_t frame_size;
    bool single; /* made for one blob and unmapped with it */
} SlabKind;

typedef struct Slab Slab;
struct Slab {
    Slab *next;
    Pages pages;
    SlabKind kind;
    uint32_t cie_size; /* without padding */
    uint32_t frames_at;
    uint32_t cells_at;
    uint32_t count;
    uint32_t live;
    bool stale;             /* a debugger has written into it: not for new code */
    uint32_t fresh;         /* cells from here on never held code */
    uint32_t free_count;    /* of free_cells: cells that did and are free again */
    pid_t process;          /* who made it */
    uint64_t life;          /* process_life() then */
    void *unwind_object[8]; /* libgcc's: it needs 6 words at most, and cannot grow because old crtbegin.o hold it */
    uint32_t free_cells[];  /* count */
};

MUST_USE ferry_code slab_kind_for(const Blob *blob, const Unwind *unwind, SlabKind *kind, ferry_error *error);
size_t slab_bytes(const SlabKind *kind, size_t earlier); /* for a slab when there are `earlier` ones of its kind */
MUST_USE ferry_code slab_new(const ferry_allocator *allocator, const SlabKind *kind, const Unwind *unwind, size_t bytes,
                             bool debuggable, Slab **slab, ferry_error *error);
void slab_free(const ferry_allocator *allocator, Slab *slab);
bool slab_is_of(const Slab *slab, const SlabKind *kind, const Unwind *unwind);
bool slab_is_same_kind(const Slab *left, const Slab *right);
bool slab_is_mine(const Slab *slab); /* not inherited from the process that forked this one */
bool slab_has_room(const Slab *slab);
uint32_t slab_take(Slab *slab);                           /* a cell, where there is room */
void slab_give(Slab *slab, uint32_t cell, bool reusable); /* back */
/* The entry; NULL where the executable address does not show what was written: the slab is stale. */
const uint8_t *slab_fill(Slab *slab, uint32_t cell, const Blob *blob, const Unwind *unwind);

/* process.c: process-wide state, see there; what else there is of it is in thunk_supply.c. */
uint64_t process_forks(void); /* how often this process and its ancestors have forked */
uint64_t process_life(void);  /* differs between a process and its children */
extern pthread_mutex_t process_debugger_mutex;

/* debugger.c */
typedef struct DebuggerEntry DebuggerEntry;
DebuggerEntry *debugger_new(const ferry_allocator *allocator, const Blob *blob,
                            const Unwind *unwind); /* NULL: memory */
void debugger_register(DebuggerEntry *entry, const void *code);
void debugger_free(const ferry_allocator *allocator, DebuggerEntry *entry); /* NULL is allowed */

/* profiler.c */
typedef struct PerfMap {
    int file; /* -1: none */
    pid_t process;
    uint64_t life;
} PerfMap;

MUST_USE ferry_code perf_map_open(PerfMap *map, ferry_error *error);
void perf_map_close(PerfMap *map);
bool perf_map_is_mine(const PerfMap *map); /* false in a child: open a new one */
void perf_map_add(const PerfMap *map, const void *entry, size_t size, const char *name);

/* thunk_machine.c: a thunk of this architecture. */
typedef struct ThunkMachine {
    uint8_t code[THUNK_BYTES];
    uint8_t filler; /* from code_size on */
    uint8_t code_size;
    uint8_t cie[16]; /* of its unwind table: from the version on, padded with zeros */
} ThunkMachine;

const ThunkMachine *thunk_machine(void); /* NULL: there are no thunks for it */

/* A number's digits, for assembly. */
#define THUNK_TEXT(...)     THUNK_TEXT_OF(__VA_ARGS__)
#define THUNK_TEXT_OF(text) #text

/* thunk_template.c: thunks in a sealed file, which nothing can write, mapped as often as wanted.
 *
 * A template is where its first copy lies, which must stay there. It is copied with mremap, so no descriptor is kept.
 */
typedef struct ThunkTemplate {
    const uint8_t *code;
    size_t size; /* 0: none yet */
} ThunkTemplate;

size_t thunk_template_smallest(void); /* the smallest whole number of pages that holds a whole number of thunks */
/* Fills [at, at + size), which is reserved, with thunks. Makes a larger template when that is worth it. Where it fails
 * the range is still reserved, with whatever in it. */
MUST_USE ferry_code thunk_template_map(ThunkTemplate *template, const ThunkMachine *machine, uint8_t *at, size_t size,
                                       ferry_error *error);

/* thunk_chunk.c: thunks with their cells, under one unwind table.
 *
 *     code                  code + size           code + THUNK_SPAN      code + THUNK_SPAN + size
 *     +---------------------+- - - - - - - - - - -+----------------------+
 *     | thunks (templates)  |  not ours           | cells                |
 *     +---------------------+- - - - - - - - - - -+----------------------+
 *
 *     size <= THUNK_SPAN, a multiple of the page size */
typedef struct ThunkFrames { /* .eh_frame: CIE, FDE, terminator */
    uint32_t cie_length;
    uint32_t cie_id;
    uint8_t cie[16];
    uint32_t fde_length;
    uint32_t fde_cie;
    uintptr_t begin;
    uintptr_t range;
    uint32_t terminator;
} ThunkFrames;

typedef struct ThunkChunk ThunkChunk;
struct ThunkChunk {
    ThunkChunk *next;
    uint8_t *code;
    size_t size;
    ThunkFrames frames;
    void *unwind_object[8]; /* libgcc's, as in a slab */
};

/* The template may be one that lies in an earlier chunk, and may lie in this one afterwards. */
MUST_USE ferry_code thunk_chunk_new(const ferry_allocator *allocator, ThunkTemplate *template, size_t size,
                                    ThunkChunk **chunk, ferry_error *error);
void thunk_chunk_free(const ferry_allocator *allocator, ThunkChunk *chunk);

/* thunk_supply.c: the thunks that come with the library. */
typedef struct ThunkLoan { /* what one space has of them */
    uint64_t runs[2];      /* a bit each */
} ThunkLoan;

size_t thunk_supply_count(void); /* 0 on architectures that have none */
/* A run of cells, all zero, also added to the loan; false: all are lent. Any thread, for a loan of its own. */
bool thunk_supply_lend(ThunkLoan *loan, void **first, size_t *count);
void thunk_supply_return(ThunkLoan *loan); /* all of it; the loan is empty then */
size_t thunk_supply_bytes(const ThunkLoan *loan);

#endif
