/* maker.c: the engine's thread that makes code, and the queue of what it is to make.
 *
 * The queue is a list that anybody pushes to with one exchange, in the middle of a call too, and that is taken as a
 * whole by whoever holds `work`. Waking the thread costs a system call, so it is done only when the thread sleeps:
 *
 *     asker    1  push             thread   1  asleep = true
 *              2  asleep?                   2  queue empty?
 *              3  ring                      3  wait for the bell
 *
 * Whichever 1 comes first, the other side's 2 sees it. Once awake the thread waits a little before it takes the queue,
 * so that what comes in a burst is made in a batch: in one compile each costs a fifth. */
#define _GNU_SOURCE
#include "runtime/engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define GATHER_NANOSECONDS 400000
#define YIELD_NANOSECONDS  50000
#define LOOK_NANOSECONDS   500000

/* ---- the work lock ---- */

void work_lock(Engine *engine) {
    atomic_fetch_add(&engine->maker.wanted, 1);
    pthread_mutex_lock(&engine->maker.work);
    atomic_fetch_sub(&engine->maker.wanted, 1);
}

void work_unlock(Engine *engine) {
    pthread_mutex_unlock(&engine->maker.work);
}

static void nap(long nanoseconds) {
    const struct timespec time = {.tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

/* ---- asking ---- */

void shape_request(Engine *engine, ShapeEntry *entry) {
    Maker *maker = &engine->maker;
    if (shape_code(entry) != NULL || atomic_load(&entry->reason) != NULL) return;
    if (atomic_load_explicit(&entry->queued, memory_order_relaxed)) return;
    if (atomic_exchange(&entry->queued, true)) return;
    atomic_fetch_add(&maker->asked, 1);
    ShapeEntry *first = atomic_load(&maker->queue);
    do {
        atomic_store_explicit(&entry->next, first, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak(&maker->queue, &first, entry));
    if (atomic_exchange(&maker->asleep, false)) sem_post(&maker->bell);
}

/* ---- making: under work ---- */

/* The queue's newest is its first: turned round, so that who asked first is served first. */
static void take_queue(Maker *maker) {
    ShapeEntry *entry = atomic_exchange(&maker->queue, NULL);
    while (entry != NULL) {
        ShapeEntry *older = atomic_load_explicit(&entry->next, memory_order_relaxed);
        atomic_store_explicit(&entry->next, atomic_load(&maker->taken), memory_order_relaxed);
        atomic_store(&maker->taken, entry);
        entry = older;
    }
}

static size_t take_batch(Maker *maker, ShapeEntry **batch) {
    size_t count = 0;
    if (atomic_load(&maker->taken) == NULL) take_queue(maker);
    ShapeEntry *entry = atomic_load(&maker->taken);
    for (; entry != NULL && count < MAKER_BATCH; count++) {
        batch[count] = entry;
        entry = atomic_load_explicit(&entry->next, memory_order_relaxed);
    }
    atomic_store(&maker->taken, entry);
    return count;
}

static void finish(Engine *engine, ShapeEntry *const *batch, size_t count) {
    engine_lock(engine);
    for (size_t i = 0; i < count; i++) atomic_store(&batch[i]->queued, false);
    engine->maker.finished += count;
    pthread_cond_broadcast(&engine->maker.made);
    engine_unlock(engine);
}

/* false: there was nothing to make. */
static bool make_batch(Engine *engine) {
    ShapeEntry *batch[MAKER_BATCH];
    size_t count = take_batch(&engine->maker, batch);
    if (count == 0) return false;
    shapes_make_queued(engine, batch, count);
    finish(engine, batch, count);
    return true;
}

/* ---- the thread ---- */

static bool has_work(Maker *maker) {
    return atomic_load(&maker->queue) != NULL || atomic_load(&maker->taken) != NULL;
}

/* false: it is to end. */
static bool wait_for_work(Maker *maker) {
    while (!atomic_load(&maker->stop)) {
        atomic_store(&maker->asleep, true);
        bool is_woken = !has_work(maker) && !atomic_load(&maker->stop);
        while (is_woken && sem_wait(&maker->bell) != 0 && errno == EINTR) {
        }
        atomic_store(&maker->asleep, false);
        if (!has_work(maker)) continue;
        nap(GATHER_NANOSECONDS);
        return !atomic_load(&maker->stop);
    }
    return false;
}

bool maker_is_stopping(const Engine *engine) {
    return engine->maker.in_thread && atomic_load(&engine->maker.stop);
}

/* LLVM's destructors may be running already: see engines.c. */
void maker_look_round(const Engine *engine) {
    if (engine->maker.in_thread) nap(LOOK_NANOSECONDS);
}

/* Whoever else wants to make code, or to fork, goes first. */
static bool make_one_batch(Engine *engine) {
    Maker *maker = &engine->maker;
    while (atomic_load(&maker->wanted) != 0 && !atomic_load(&maker->stop)) nap(YIELD_NANOSECONDS);
    if (atomic_load(&maker->stop)) return false;
    pthread_mutex_lock(&maker->work);
    maker->in_thread = true;
    bool made = make_batch(engine);
    maker->in_thread = false;
    pthread_mutex_unlock(&maker->work);
    return made;
}

static void *run(void *argument) {
    Engine *engine = argument;
    do {
        while (make_one_batch(engine)) {
        }
    } while (wait_for_work(&engine->maker));
    return NULL;
}

/* With all signals blocked: the process's handlers are not to run on this thread. */
static int start_thread(Engine *engine) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&engine->maker.thread, NULL, run, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0) pthread_setname_np(engine->maker.thread, "ferry-maker");
    return failure;
}

void maker_start(Engine *engine) {
    Maker *maker = &engine->maker;
    atomic_store(&maker->orphaned, false);
    if (atomic_load(&maker->running) || maker->error != NULL || engines_exiting()) return;
    engines_watch_exit(NULL);
    engines_watch_thread();
    atomic_store(&maker->stop, false);
    int failure = start_thread(engine);
    atomic_store(&maker->running, failure == 0);
    if (failure == 0) return;
    maker->error = arena_string(&engine->arena, strerror(failure));
    if (maker->error == NULL) maker->error = "no memory";
}

/* Waits for no lock: in the middle of a call somebody else may hold it, who starts the thread as well as anybody. */
void maker_revive(Engine *engine) {
    if (!atomic_load_explicit(&engine->maker.orphaned, memory_order_relaxed)) return;
    if (pthread_mutex_trylock(&engine->lock) != 0) return;
    maker_start(engine);
    engine_unlock(engine);
}

void maker_stop(Engine *engine) {
    Maker *maker = &engine->maker;
    engine_lock(engine);
    bool running = atomic_exchange(&maker->running, false);
    pthread_t thread = maker->thread;
    engine_unlock(engine);
    if (!running) return;
    atomic_store(&maker->stop, true);
    sem_post(&maker->bell);
    pthread_join(thread, NULL);
    maker_wake(engine); /* whoever waits for it now has to do without */
}

void maker_wake(Engine *engine) {
    engine_lock(engine);
    pthread_cond_broadcast(&engine->maker.made);
    engine_unlock(engine);
}

/* ---- waiting ---- */

static void make_here(Engine *engine) {
    engine_unlock(engine);
    work_lock(engine);
    make_batch(engine);
    work_unlock(engine);
    engine_lock(engine);
}

static uint64_t nanoseconds_of(const struct timespec *time) {
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

static bool is_over(const struct timespec *until) {
    return until != NULL && clock_now() >= nanoseconds_of(until);
}

/* The earlier of the two: that, and a little later than now. Without a thread nobody wakes who looked between the two
 * halves of an asker's push. */
static struct timespec soon(const struct timespec *until) {
    uint64_t time = clock_now() + LOOK_NANOSECONDS;
    if (until != NULL && nanoseconds_of(until) < time) time = nanoseconds_of(until);
    return (struct timespec){.tv_sec = (time_t)(time / 1000000000), .tv_nsec = (long)(time % 1000000000)};
}

bool maker_wait(Engine *engine, const struct timespec *until) {
    Maker *maker = &engine->maker;
    if (is_over(until) || engines_exiting()) return false;
    if (atomic_load(&maker->running)) {
        if (until != NULL) pthread_cond_timedwait(&maker->made, &engine->lock, until);
        if (until == NULL) pthread_cond_wait(&maker->made, &engine->lock);
    } else if (has_work(maker)) {
        make_here(engine);
    } else {
        const struct timespec moment = soon(until);
        pthread_cond_timedwait(&maker->made, &engine->lock, &moment);
    }
    return true;
}

static struct timespec time_in(uint64_t milliseconds) {
    uint64_t now = clock_now();
    uint64_t most = (uint64_t)INT64_MAX - now, wait = milliseconds < most / 1000000 ? milliseconds * 1000000 : most;
    return (struct timespec){.tv_sec = (time_t)((now + wait) / 1000000000),
                             .tv_nsec = (long)((now + wait) % 1000000000)};
}

ferry_code ferry_engine_wait(ferry_engine *engine, uint64_t milliseconds, ferry_error *error) {
    ferry_error scratch;
    if (error == NULL) error = &scratch;
    TRY(check_pointer(engine, "engine", error));
    const struct timespec until = time_in(milliseconds);
    Maker *maker = &engine->maker;
    engine_lock(engine);
    uint64_t asked = atomic_load(&maker->asked);
    bool in_time = true;
    while (maker->finished < asked && in_time) in_time = maker_wait(engine, &until);
    uint64_t missing = maker->finished < asked ? asked - maker->finished : 0;
    engine_unlock(engine);
    if (missing == 0) return FERRY_OK;
    if (engines_exiting()) return fail(error, FERRY_BACKEND, ENDING_TEXT);
    return fail(error, FERRY_TIMEOUT, "code of %llu shapes is not there after %llu ms", (unsigned long long)missing,
                (unsigned long long)milliseconds);
}

/* ---- life ---- */

/* sem_init and pthread_mutex_init cannot fail with these arguments on Linux. */
ferry_code maker_open(Engine *engine, ferry_error *error) {
    Maker *maker = &engine->maker;
    pthread_condattr_t monotonic;
    pthread_mutex_init(&maker->work, NULL);
    sem_init(&maker->bell, 0, 0);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int failure = pthread_cond_init(&maker->made, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return failure == 0 ? FERRY_OK : fail_out_of_memory(error, "an engine");
}

void maker_close(Engine *engine) {
    Maker *maker = &engine->maker;
    maker_stop(engine);
    pthread_cond_destroy(&maker->made);
    sem_destroy(&maker->bell);
    pthread_mutex_destroy(&maker->work);
}

static void forget(void *context, ShapeEntry *entry) {
    (void)context;
    atomic_store(&entry->queued, false);
}

static size_t remember(ShapeEntry *first) {
    size_t count = 0;
    for (ShapeEntry *entry = first; entry != NULL; entry = atomic_load_explicit(&entry->next, memory_order_relaxed)) {
        atomic_store(&entry->queued, true);
        count++;
    }
    return count;
}

/* Threads that had claimed something are not here; nor are those that waited for the bell or the condition. */
void maker_after_fork(Engine *engine) {
    Maker *maker = &engine->maker;
    shape_entry_each(engine, forget, NULL);
    size_t waiting = remember(atomic_load(&maker->queue)) + remember(atomic_load(&maker->taken));
    atomic_store(&maker->asked, maker->finished + waiting);
    atomic_store(&maker->orphaned, atomic_load(&maker->running) || waiting != 0);
    pthread_condattr_t monotonic;
    atomic_store(&maker->running, false);
    atomic_store(&maker->asleep, false);
    atomic_store(&maker->wanted, 0);
    sem_init(&maker->bell, 0, 0);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&maker->made, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
