/* Many processes and threads with one cache. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "ground.h"

static Ground ground;

static void open_ground(void) {
    cr_assert(ground_open(&ground));
}

static void close_ground(void) {
    ground_close(&ground);
}

TestSuite(cache_processes, .init = open_ground, .fini = close_ground, .timeout = 120);

/* ---- two hundred at once ---- */

enum { PROCESSES = 200, SHARED = 60, OWN = 3 };

typedef struct Tally {
    int gate[2]; /* a pipe: nobody goes on before the parent closes it */
    _Atomic int puts, refused, hits;
} Tally;

/* Looks for what all of them want, makes what it does not find, and puts something of its own; 0, or the step that
 * went wrong. */
static int live(Tally *tally, uint32_t self) {
    Cache *cache;
    size_t written;
    ferry_error error = {0};
    uint32_t state = self;
    char nothing;
    close(tally->gate[1]);
    if (read(tally->gate[0], &nothing, 1) != 0) return 6;
    if (cache_open(ground.folder, 0, NULL, &cache, &error) != FERRY_OK) return 1;
    for (int i = 0; i < 10; i++) {
        uint32_t number = next_random(&state) % SHARED;
        Outcome outcome = sample_look(cache, number, &error);
        if (outcome != HIT && outcome != MISS) return 2;
        if (outcome == HIT) atomic_fetch_add(&tally->hits, 1);
        if (outcome == HIT) continue;
        ferry_code code = samples_put(cache, number, 1, &written, &error);
        if (code != FERRY_OK && code != FERRY_TIMEOUT) return 3;
    }
    ferry_code code = samples_put(cache, 1000 + self * OWN, OWN, &written, &error);
    if (code != FERRY_OK && (code != FERRY_TIMEOUT || strstr(error.message, "others have been writing") == NULL))
        return 4;
    atomic_fetch_add(code == FERRY_OK ? &tally->puts : &tally->refused, 1);
    for (uint32_t i = 0; i < OWN && code == FERRY_OK; i++)
        if (sample_look(cache, 1000 + self * OWN + i, &error) != HIT) return 5;
    cache_close(cache);
    return 0;
}

Test(cache_processes, two_hundred_at_once_find_and_put_and_nothing_is_lost) {
    Tally *tally = new_shared(sizeof *tally);
    pid_t children[PROCESSES];
    cr_assert_eq(pipe(tally->gate), 0);
    for (uint32_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) _exit(live(tally, i));
    }
    close(tally->gate[1]);
    for (int i = 0; i < PROCESSES; i++) cr_assert_eq(exit_code_of(children[i]), 0);
    expect_right(&ground);
    Cache *cache = open_cache(&ground, 0);
    CacheStatistics statistics;
    ferry_error error;
    cr_assert_eq(cache_statistics(cache, &statistics, &error), FERRY_OK);
    int puts = atomic_load(&tally->puts);
    cr_assert_eq(puts + atomic_load(&tally->refused), PROCESSES);
    cr_assert_geq(statistics.entries, (size_t)puts * OWN);
    cr_assert_gt(puts, 0, "on a busy machine most wait for too long, but not all");
    cr_assert_gt(atomic_load(&tally->hits), 0);
    cache_close(cache);
    munmap(tally, sizeof *tally);
}

/* ---- readers below writers ---- */

/* Writes without end, a file that is full now and then. */
static void write_for_ever(size_t limit) {
    Cache *cache;
    size_t written;
    ferry_error error = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    if (cache_open(ground.folder, limit, NULL, &cache, &error) != FERRY_OK) _exit(1);
    for (uint32_t first = 1000;; first += 7) {
        ferry_code code = samples_put(cache, first, 7, &written, &error);
        if (code != FERRY_OK && strstr(error.message, "others have been writing") == NULL) _exit(2);
    }
}

static void expect_readable_below_writers(size_t limit) {
    Cache *cache = open_cache(&ground, limit);
    put(cache, 0, 20);
    pid_t writers[2];
    for (int i = 0; i < 2; i++) {
        writers[i] = fork();
        if (writers[i] == 0) write_for_ever(limit);
    }
    size_t looks = 0;
    for (double end = seconds() + 1; seconds() < end; looks++) {
        ferry_error error = {0};
        Outcome outcome = sample_look(cache, (uint32_t)looks % 3000, &error);
        cr_assert(outcome == HIT || outcome == MISS, "%d: %s", outcome, error.message);
    }
    for (int i = 0; i < 2; i++) {
        int status;
        cr_assert_eq(waitpid(writers[i], &status, WNOHANG), 0, "it still writes");
        kill(writers[i], SIGKILL);
        waitpid(writers[i], &status, 0);
    }
    expect_right(&ground);
    cache_close(cache);
}

Test(cache_processes, below_writers_readers_see_hits_and_misses_but_never_damage) {
    expect_readable_below_writers(0);
}

Test(cache_processes, below_writers_that_make_room_readers_see_no_damage_either) {
    expect_readable_below_writers(256 << 10);
}

Test(cache_processes, a_file_that_another_process_made_anew_is_noticed) {
    Cache *cache = open_cache(&ground, 0);
    put(cache, 0, 5);
    expect(cache, 1, HIT);
    pid_t child = fork();
    if (child == 0) {
        Cache *other;
        size_t count;
        ferry_error error;
        if (cache_open(ground.folder, 0, NULL, &other, &error) != FERRY_OK) _exit(1);
        if (cache_clear(other, &count, &error) != FERRY_OK || count != 5) _exit(2);
        if (samples_put(other, 100, 5, &count, &error) != FERRY_OK) _exit(3);
        _exit(0);
    }
    cr_assert_eq(exit_code_of(child), 0);
    sleep_microseconds(50 * 1000);
    expect(cache, 100, HIT);
    expect(cache, 0, MISS);
    cache_close(cache);
}

/* ---- a writer that was stopped ---- */

Test(cache_processes, a_stopped_writer_holds_nobody_up_for_longer_than_patience) {
    Cache *cache = open_cache(&ground, 0);
    size_t written = 1;
    ferry_error error = {0};
    int status;
    put(cache, 0, 5);
    pid_t child = fork();
    if (child == 0) {
        CacheLock lock;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind, for whom others would wait */
        if (lock_take(ground.folder, false, 0, NULL, &lock, &error) != FERRY_OK) _exit(1);
        raise(SIGSTOP);
        _exit(2);
    }
    cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
    cr_assert(WIFSTOPPED(status));
    double start = seconds();
    cr_assert_eq(samples_put(cache, 5, 5, &written, &error), FERRY_TIMEOUT);
    double took = seconds() - start;
    cr_assert_eq(written, 0);
    cr_assert_not_null(strstr(error.message, "others have been writing"), "%s", error.message);
    cr_assert(took > 0.15 && took < 2, "%g seconds", took);
    expect(cache, 4, HIT);
    expect(cache, 5, MISS);
    start = seconds();
    cr_assert_eq(samples_put(cache, 0, 5, &written, &error), FERRY_OK, "what is there needs no lock");
    cr_assert_lt(seconds() - start, 0.5);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    put(cache, 5, 5);
    expect(cache, 5, HIT);
    cache_close(cache);
}

/* ---- threads and forks ---- */

typedef struct Writer {
    _Atomic bool stop;
    _Atomic uint32_t puts;
    uint32_t first;
} Writer;

static void *write_until_stopped(void *context) {
    Writer *writer = context;
    Cache *cache;
    size_t written;
    ferry_error error;
    if (cache_open(ground.folder, 0, NULL, &cache, &error) != FERRY_OK) return "open";
    while (!atomic_load(&writer->stop)) {
        uint32_t number = writer->first + atomic_load(&writer->puts);
        ferry_code code = samples_put(cache, number, 1, &written, &error);
        if (code != FERRY_OK && strstr(error.message, "others have been writing") == NULL) return "put";
        if (code == FERRY_OK && sample_look(cache, number, &error) != HIT) return "get";
        if (code == FERRY_OK) atomic_fetch_add(&writer->puts, 1);
    }
    cache_close(cache);
    return NULL;
}

Test(cache_processes, threads_of_one_process_put_beside_each_other) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    Writer writers[THREADS] = {0};
    for (uint32_t i = 0; i < THREADS; i++) {
        writers[i].first = i * 100000;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_until_stopped, &writers[i]), 0);
    }
    sleep_microseconds(500 * 1000);
    for (int i = 0; i < THREADS; i++) atomic_store(&writers[i].stop, true);
    Cache *cache = open_cache(&ground, 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        void *failed;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed, "%s", (const char *)failed);
        uint32_t puts = atomic_load(&writers[i].puts);
        cr_assert_gt(puts, 0);
        for (uint32_t j = 0; j < puts; j += 9) expect(cache, i * 100000 + j, HIT);
    }
    cache_close(cache);
    expect_right(&ground);
}

static void in_parent(void) {
    cache_after_fork(false);
}

static void in_child(void) {
    cache_after_fork(true);
}

/* With what it inherited, and with what it opens itself. */
static int live_on(Cache *inherited, uint32_t self) {
    Cache *own;
    size_t written;
    ferry_error error = {0};
    alarm(20);
    if (sample_look(inherited, 1, &error) != HIT) return 1;
    ferry_code code = FERRY_TIMEOUT;
    for (int i = 0; i < 50 && code == FERRY_TIMEOUT; i++) /* a busy machine may exceed a writer's patience */
        code = samples_put(inherited, self, 1, &written, &error);
    if (code != FERRY_OK) return 2;
    if (sample_look(inherited, self, &error) != HIT) return 3;
    if (cache_open(ground.folder, 0, NULL, &own, &error) != FERRY_OK) return 4;
    if (sample_look(own, self, &error) != HIT) return 5;
    cache_close(own);
    cache_close(inherited);
    return 0;
}

Test(cache_processes, children_forked_while_a_thread_writes_get_and_put) {
    enum { CHILDREN = 30 };
    Writer writer = {.first = 500000};
    pthread_t thread;
    Cache *cache = open_cache(&ground, 0);
    put(cache, 0, 5);
    cr_assert_eq(pthread_atfork(cache_before_fork, in_parent, in_child), 0);
    cr_assert_eq(pthread_create(&thread, NULL, write_until_stopped, &writer), 0);
    for (uint32_t i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) _exit(live_on(cache, 1000 + i));
        int code = exit_code_of(child);
        cr_assert_eq(code, 0, "child %u: step %d", i, code);
        expect(cache, 1000 + i, HIT);
    }
    void *failed;
    atomic_store(&writer.stop, true);
    pthread_join(thread, &failed);
    cr_assert_null(failed, "%s", (const char *)failed);
    cr_assert_gt(atomic_load(&writer.puts), 0);
    for (uint32_t i = 0; i < atomic_load(&writer.puts); i++) expect(cache, 500000 + i, HIT);
    cache_close(cache);
    expect_right(&ground);
}
