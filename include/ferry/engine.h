/* ferry/engine.h: the owner of everything.
 *
 * An engine owns types, signatures, shapes, machine code and bindings. There are no process globals: any number of
 * engines may live at once and know nothing of each other. All functions may be called from any thread unless they
 * say otherwise.
 */
#ifndef FERRY_ENGINE_H
#define FERRY_ENGINE_H

#include "ferry/type.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_VERSION_MAJOR 0
#define FERRY_VERSION_MINOR 1
#define FERRY_VERSION_PATCH 0
#define FERRY_VERSION       "0.1.0"

/* The version of the library that is running, as "0.1.0". */
FERRY_API const char *ferry_version(void);

/* Where ferry's own memory comes from. allocate returns NULL when there is none, else memory aligned to 16 that is
 * not cleared; release gets back what allocate returned, with its size. Both may be called from any thread that uses
 * the engine, with one of the engine's locks held: they must not call ferry. Machine code and LLVM's own memory do not
 * come from here. */
typedef struct ferry_allocator {
    void *context;
    void *(*allocate)(void *context, size_t size);
    void (*release)(void *context, void *pointer, size_t size);
} ferry_allocator;

/* When machine code is made for a shape that there is none for yet. Under each of them ready-made code is used where
 * there is some (see ferry_source). */
typedef enum ferry_policy {
    FERRY_BACKGROUND,  /* at once, on a thread of the engine's own; until it is there calls go through libffi */
    FERRY_NOW,         /* at once, before the binding or the closure is returned */
    FERRY_AFTER_CALLS, /* on a thread of the engine's own, once a signature was called `after_calls` times */
    FERRY_ON_REQUEST,  /* by ferry_prepare and ferry_closures_prepare alone; until then calls go through libffi */
    FERRY_NEVER        /* never: LLVM is not even loaded, and no memory is made executable: what is neither in the
                          prelude nor in a bundle goes through libffi for ever. (But the library's own thunks are enough
                          for 2,048 closures at once; the further ones need pages of thunks.) */
} ferry_policy;

/* How much LLVM tries. */
typedef enum ferry_quality {
    FERRY_BY_SHAPE, /* quick where that makes no slower code, better where it does */
    FERRY_QUICK,    /* codegen level none: about 0.2 ms per shape */
    FERRY_BETTER    /* codegen level default: about 1 ms */
} ferry_quality;

/* Where ready-made code is looked for, in this order, when a shape is asked for that has no code yet. */
typedef enum ferry_source {
    FERRY_SOURCE_PRELUDE = 1, /* the common shapes, part of this library */
    FERRY_SOURCE_BUNDLES = 2, /* what ferry_engine_add_bundle and ferry_engine_add_linked gave (ferry/bundle.h), and
                                 the files that $FERRY_BUNDLES names when the engine is made */
    FERRY_SOURCE_CACHE = 4,   /* the user's cache on disk, which also keeps what is made: `ferry cache` */
    FERRY_SOURCE_ALL = 7
} ferry_source;

/* What went wrong where nobody could be told: inside a call by C, or beside what was asked for. */
typedef enum ferry_event {
    FERRY_LATE_CALL,    /* C called a closure after its end */
    FERRY_STALE_HANDLE, /* a handle was released, retained or revoked when its closure had no references any more */
    FERRY_STOPPED_EXCEPTION, /* an exception ended at a closure with FERRY_STOP */
    FERRY_STOPPED_LONGJMP,   /* a longjmp did */
    FERRY_IGNORED_CACHE, /* the cache, or what was found in it, is not fit to be used; at most once for each engine */
    FERRY_IGNORED_BUNDLE /* a bundle of $FERRY_BUNDLES, or what was found in one, is not */
} ferry_event;

typedef struct ferry_report {
    ferry_event event;
    const char *name;                 /* the closure's; NULL: it has none, or it is not known any more */
    const ferry_signature *signature; /* the closure's; NULL: not known any more */
    const char *message;              /* a sentence with all that is known; valid during the call */
} ferry_report;

/* Called on the thread where it happened, inside the call, with none of ferry's locks held: it may use ferry, but must
 * return, and must be fit for wherever C calls the closure (a signal handler, for one). FERRY_IGNORED_CACHE and
 * FERRY_IGNORED_BUNDLE come inside of ferry_engine_create, which has not returned the engine then, ferry_bind,
 * ferry_closure_create and the functions that prepare. */
typedef void (*ferry_report_function)(void *context, const ferry_report *report);

/* All zero is the default. */
typedef struct ferry_engine_options {
    ferry_allocator allocator; /* allocate NULL: malloc */
    ferry_policy policy;
    ferry_quality quality;
    const char *target;           /* a name of `ferry targets` that this machine can run; NULL: the best that it can */
    uint32_t after_calls;         /* FERRY_AFTER_CALLS; 0: 100 */
    unsigned without;             /* sources that are not used: FERRY_SOURCE_CACHE | ... */
    const char *cache_folder;     /* NULL: $FERRY_CACHE_DIR ("off": no cache), else $XDG_CACHE_HOME/ferry, else
                                     ~/.cache/ferry; no cache where the process runs with more rights than its user */
    size_t cache_limit;           /* bytes on disk, at least 64 KB; 0: 64 MB */
    const char *backend;          /* path of the LLVM module; NULL: $FERRY_BACKEND, else where it was installed */
    bool perf_map;                /* write /tmp/perf-PID.map, so that perf names trampolines */
    bool gdb;                     /* tell debuggers of each trampoline through GDB's JIT interface */
    ferry_report_function report; /* NULL: events are only counted */
    void *report_context;
    size_t quarantine; /* at least so many closures end after one before its memory is used again; 0: 256 */
} ferry_engine_options;

/* options may be NULL. NULL is returned on failure. */
FERRY_API ferry_engine *ferry_engine_create(const ferry_engine_options *options, ferry_error *error);

/* Frees the engine and everything it owns, code included: no call may be under way, and no function pointer of its
 * closures may be called any more. With bindings, closures or scopes still alive it frees nothing and returns
 * FERRY_IN_USE with their number. NULL is allowed. */
FERRY_API ferry_code ferry_engine_free(ferry_engine *engine, ferry_error *error);

/* The name of the engine's target. */
FERRY_API const char *ferry_engine_target(const ferry_engine *engine);

typedef struct ferry_statistics {
    size_t bindings;      /* alive now */
    size_t binding_bytes; /* of one binding */
    size_t closures; /* alive now: with references, or with calls under way that a finalizer or a boundary counts */
    size_t closure_bytes; /* of one closure, beside the 48 bytes of code that all of them share page by page */
    size_t closure_bytes_mapped;
    uint64_t late_calls; /* events, as they are reported */
    uint64_t stale_handles;
    uint64_t stopped;         /* exceptions and longjmps */
    size_t shapes;            /* known */
    size_t blobs;             /* in executable memory: made, or copied from the cache */
    size_t code_bytes;        /* machine code in all blobs */
    size_t unwind_bytes;      /* unwind tables of all blobs */
    size_t slab_bytes_used;   /* code and unwind tables with padding */
    size_t slab_bytes_mapped; /* of memory for code, counted once although it is mapped twice */
    size_t arena_bytes;       /* held for types, layouts, placements and shapes */

    /* shapes, by where their code came from */
    size_t from_prelude;
    size_t from_bundles;
    size_t from_cache;
    size_t compiled;
    size_t without_code; /* asked for and answered by libffi, for now or for ever */
    size_t waiting;      /* of those: code was asked for and is on its way */

    /* what it took, over the engine's life */
    uint64_t load_nanoseconds;    /* loading LLVM */
    uint64_t compile_nanoseconds; /* in LLVM */
    uint64_t place_nanoseconds; /* copying code into executable memory; of the cache's it is part of the reading too */
    uint64_t cache_read_nanoseconds;
    uint64_t cache_write_nanoseconds;
    uint64_t requests; /* compiles: each is a batch of one or more shapes */
    uint64_t cache_misses;
    uint64_t cache_written; /* entries */
    bool thread_running;    /* that makes code in the background */
    bool backend_loaded;
    char backend_version[32]; /* "LLVM 22.1.8" once loaded */

    /* what could not be done, and why: "" while nothing failed */
    char backend_error[376]; /* no machine code can be made */
    char thunk_error[376]; /* no memory for closures' thunks: those that come with the library are all that there are */
    char cache_error[376]; /* the cache is not used, or something in it was not */
    char bundle_error[376]; /* a bundle of $FERRY_BUNDLES was refused, or something in a bundle was */
    char thread_error[376]; /* no thread could be started: what waits for it is made by ferry_engine_wait */
} ferry_statistics;

FERRY_API void ferry_engine_statistics(ferry_engine *engine, ferry_statistics *statistics);

/* Returns once all code that was asked for before the call is there, or known to be impossible; until then it waits, at
 * most so many milliseconds (UINT64_MAX: for as long as it takes): FERRY_TIMEOUT. Then every binding's next call goes
 * by its code. Any thread, but not from the allocator. */
FERRY_API ferry_code ferry_engine_wait(ferry_engine *engine, uint64_t milliseconds, ferry_error *error);

#ifdef __cplusplus
}
#endif
#endif
