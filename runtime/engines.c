/* engines.c: all engines of the process, because fork and exit concern them all.
 *
 *   fork   whatever an engine's thread is doing would stay half done in the child: so the thread that forks waits until
 *          it is between two batches, and holds every engine's locks meanwhile
 *   exit   LLVM's destructors run at exit; no thread may be inside of LLVM then, or go there afterwards. Handlers run
 * in the reverse order of their registration, and LLVM registers destructors when it is loaded and, for what it makes
 * at the first use, in its first compiles. So ours is registered when a maker starts, after the loading, and again
 *          after the first compiles. That leaves the moments in between. But before all handlers glibc runs the
 * destructors of the leaving thread's thread-local objects: where that is the main thread, with which nearly every
 * program ends, one of ours ends all threads then. (So where only the main thread ends, no more code is made.) On other
 *          threads it cannot be told from the thread's own end, and only waits until LLVM is loaded
 */
#define _GNU_SOURCE
#include "runtime/engine.h"

#include <stdlib.h>
#include <unistd.h>

#define FIRST_COMPILES 16

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static Engine *engines;
static bool watching_forks;
static atomic_bool exiting;

/* ---- fork ---- */

static void before_fork(void) {
    pthread_mutex_lock(&list_mutex);
    for (Engine *engine = engines; engine != NULL; engine = engine->next_engine) {
        work_lock(engine);
        engine_lock(engine);
        pool_hold(&engine->pool);
    }
    cache_before_fork();
}

static void release_all(bool in_child) {
    cache_after_fork(in_child);
    for (Engine *engine = engines; engine != NULL; engine = engine->next_engine) {
        if (in_child) maker_after_fork(engine);
        pool_release(&engine->pool);
        engine_unlock(engine);
        work_unlock(engine);
    }
    pthread_mutex_unlock(&list_mutex);
}

static void after_fork_in_parent(void) {
    release_all(false);
}

static void after_fork_in_child(void) {
    release_all(true);
}

/* ---- exit ---- */

/* The thread ends, whoever else is inside of LLVM gets out, and from then on nobody gets in: see shape_code.c. */
static void at_exit(void) {
    atomic_store(&exiting, true);
    pthread_mutex_lock(&list_mutex);
    for (Engine *engine = engines; engine != NULL; engine = engine->next_engine) {
        maker_stop(engine);
        work_lock(engine);
        work_unlock(engine);
        maker_wake(engine);
    }
    pthread_mutex_unlock(&list_mutex);
}

/* Once for each library, however many engines load it; where there is no memory for a handler it is tried again. No
 * lock: at_exit waits for threads that come here. */
void engines_watch_exit(const void *library) {
    static _Atomic(const void *) watched[8];
    static const char thread = 0;
    const void *key = library != NULL ? library : &thread;
    _Atomic(const void *) *place = NULL;
    for (size_t i = 0; i < COUNT_OF(watched) && place == NULL; i++) {
        const void *before = NULL;
        if (atomic_compare_exchange_strong(&watched[i], &before, key)) place = &watched[i];
        if (before == key) return;
    }
    if (atexit(at_exit) != 0 && place != NULL) atomic_store(place, NULL);
}

void engines_watch_again(void) {
    static atomic_uint compiles;
    if (atomic_fetch_add(&compiles, 1) < FIRST_COMPILES) (void)atexit(at_exit);
}

/* ---- LLVM is loaded, or a thread leaves ---- */

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

/* glibc's, by which C++'s thread-local destructors are run; elsewhere it may be missing. */
extern int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *library) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

static void leave_thread(void *object) {
    (void)object;
    if (gettid() == getpid()) at_exit();
    pthread_mutex_lock(&loading);
    pthread_mutex_unlock(&loading);
}

void engines_watch_thread(void) {
    static _Thread_local bool watched;
    if (watched || __cxa_thread_atexit_impl == NULL) return;
    watched = __cxa_thread_atexit_impl(leave_thread, NULL, (void *)&__dso_handle) == 0;
}

bool engines_load_begin(void) {
    pthread_mutex_lock(&loading);
    if (!atomic_load(&exiting)) return true;
    pthread_mutex_unlock(&loading);
    return false;
}

void engines_load_end(void) {
    pthread_mutex_unlock(&loading);
}

bool engines_exiting(void) {
    return atomic_load(&exiting);
}

/* ---- the list ---- */

static ferry_code watch_forks(ferry_error *error) {
    if (watching_forks) return FERRY_OK;
    TRY(process_watch(error));
    watching_forks = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    return watching_forks ? FERRY_OK : fail_out_of_memory(error, "the fork handlers");
}

ferry_code engines_add(Engine *engine, ferry_error *error) {
    pthread_mutex_lock(&list_mutex);
    ferry_code code = watch_forks(error);
    if (code == FERRY_OK) {
        engine->next_engine = engines;
        if (engines != NULL) engines->previous_engine = engine;
        engines = engine;
    }
    pthread_mutex_unlock(&list_mutex);
    return code;
}

void engines_remove(Engine *engine) {
    pthread_mutex_lock(&list_mutex);
    if (engine->next_engine != NULL) engine->next_engine->previous_engine = engine->previous_engine;
    if (engine->previous_engine != NULL)
        engine->previous_engine->next_engine = engine->next_engine;
    else
        engines = engine->next_engine;
    pthread_mutex_unlock(&list_mutex);
}
