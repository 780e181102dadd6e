/* trampolines/process.c: the process-wide state of the library (all but who has which of the thunks that come with it,
 * see thunk_supply.c), because its subjects are process-wide:
 *
 *   forks   Parent and child share slabs. What was in them at the fork may be running in the other process, so its
 * place must not be used again; only the C library can tell that a fork happened. (A bare clone system call goes
 *           unnoticed in the parent.)
 *   mutex   GDB's JIT interface has one list for all engines. It is held over a fork, so that no child inherits a
 *           half-linked list or a mutex whose owner is not there.
 */
#include <stdatomic.h>

#include "trampolines/parts.h"

pthread_mutex_t process_debugger_mutex = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t watch_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool watching;
static _Atomic uint64_t forks;
static _Atomic uint64_t life;

static void before_fork(void) {
    pthread_mutex_lock(&watch_mutex);
    pthread_mutex_lock(&process_debugger_mutex);
    atomic_fetch_add(&forks, 1);
}

static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&process_debugger_mutex);
    pthread_mutex_unlock(&watch_mutex);
}

static void after_fork_in_child(void) {
    atomic_fetch_add(&life, 1);
    after_fork_in_parent();
}

ferry_code process_watch(ferry_error *error) {
    pthread_mutex_lock(&watch_mutex);
    if (!watching) watching = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    bool done = watching;
    pthread_mutex_unlock(&watch_mutex);
    return done ? FERRY_OK : fail_out_of_memory(error, "the fork handlers");
}

uint64_t process_forks(void) {
    return atomic_load(&forks);
}

uint64_t process_life(void) {
    return atomic_load(&life);
}
