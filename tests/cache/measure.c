/* How long the cache takes, printed for people: open and a first hit, further hits, misses, putting 1 and 50.
 *
 *     cache_measure [ENTRIES]
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/cache_ground.h"

enum { ROUNDS = 200 };

static double microseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double now(void) {
    return microseconds(CLOCK_MONOTONIC);
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void print(const char *what, double *times, int count) {
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("%-40s %9.2f us (best %.2f)\n", what, times[count / 2], times[0]);
}

static void check(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "broken: %s\n", what);
    exit(1);
}

/* In a process that did nothing before. */
static int look_first(const char *folder) {
    static Sample sample;
    Cache *cache;
    ferry_error error;
    Arena arena = {0};
    Blob blob;
    bool found;
    struct rusage usage[2];
    sample_make(&sample, 1);
    getrusage(RUSAGE_SELF, &usage[0]);
    double start = now();
    check(cache_open(folder, 0, NULL, &cache, &error) == FERRY_OK, "open");
    check(cache_get(cache, &sample.item.key, &arena, &blob, &found, &error) == FERRY_OK && found, "hit");
    double result[2] = {now() - start};
    getrusage(RUSAGE_SELF, &usage[1]);
    result[1] = (double)(usage[1].ru_minflt - usage[0].ru_minflt);
    check(write(1, result, sizeof result) == sizeof result, "write");
    return 0;
}

static void first_hit(const char *program, const char *folder, double result[2]) {
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execl(program, program, "first", folder, (char *)NULL);
        _exit(1);
    }
    check(read(ends[0], result, 2 * sizeof *result) == 2 * sizeof *result, "read");
    close(ends[0]);
    close(ends[1]);
    waitpid(child, NULL, 0);
}

static void measure_first_hits(const char *folder) {
    double times[ROUNDS], faults[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double result[2];
        first_hit("/proc/self/exe", folder, result);
        times[round] = result[0];
        faults[round] = result[1];
    }
    print("open and first hit in a fresh process", times, ROUNDS);
    qsort(faults, ROUNDS, sizeof *faults, by_size);
    printf("%-40s %9.0f\n", "  page faults of these", faults[ROUNDS / 2]);
}

static void measure_gets(const char *what, Cache *cache, uint32_t first, uint32_t count, bool expected) {
    static Sample sample;
    double times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        Arena arena = {0};
        Blob blob;
        bool found;
        ferry_error error;
        sample_make(&sample, first + (uint32_t)round * 7 % count);
        double start = now();
        ferry_code code = cache_get(cache, &sample.item.key, &arena, &blob, &found, &error);
        times[round] = now() - start;
        check(code == FERRY_OK && found == expected, what);
        arena_free(&arena);
    }
    print(what, times, ROUNDS);
}

static void measure_puts(const char *what, Cache *cache, uint32_t first, uint32_t count, int rounds) {
    static Sample samples[50];
    CacheItem items[50];
    double times[ROUNDS], used[ROUNDS];
    for (int round = 0; round < rounds; round++) {
        size_t written;
        ferry_error error = {0};
        for (uint32_t i = 0; i < count; i++) {
            sample_make(&samples[i], first + (uint32_t)round * count + i);
            items[i] = samples[i].item;
        }
        double start = now(), busy = microseconds(CLOCK_THREAD_CPUTIME_ID);
        ferry_code code = cache_put(cache, items, count, &written, &error);
        times[round] = now() - start;
        used[round] = microseconds(CLOCK_THREAD_CPUTIME_ID) - busy;
        if (code != FERRY_OK) fprintf(stderr, "%s\n", error.message);
        check(code == FERRY_OK && written == count, what);
    }
    print(what, times, rounds);
    print("  CPU time of these", used, rounds);
}

int main(int count, char **arguments) {
    if (count > 2) return look_first(arguments[2]);
    uint32_t entries = count > 1 ? (uint32_t)atoi(arguments[1]) : 300;
    Ground ground;
    Cache *cache;
    ferry_error error;
    size_t written;
    check(ground_open(&ground), "a folder");
    check(cache_open(ground.folder, 0, NULL, &cache, &error) == FERRY_OK, "open");
    measure_gets("miss, no folder", cache, 0, entries, false);
    double start = now();
    for (uint32_t first = 0; first < entries; first += 50)
        check(samples_put(cache, first, 50, &written, &error) == FERRY_OK, "put");
    printf("%-40s %9.2f us\n", "all entries, 50 at once, each batch", (now() - start) / (double)(entries / 50));
    measure_first_hits(ground.folder);
    measure_gets("further hit", cache, 0, entries, true);
    measure_gets("miss", cache, 1000000, entries, false);
    measure_puts("put of 1", cache, 2000000, 1, 50);
    measure_puts("put of 50", cache, 3000000, 50, 10);
    CacheStatistics statistics;
    check(cache_statistics(cache, &statistics, &error) == FERRY_OK, "statistics");
    printf("%zu entries, %zu bytes of a file of %zu in use\n", statistics.entries, statistics.bytes,
           statistics.file_bytes);
    cache_close(cache);
    ground_close(&ground);
    return 0;
}
