/* tests/fuzz/cache_fuzz.c: data files of the cache with anything in them.
 *
 *     byte 0      bits 0 to 4: after how many allocations memory runs out, in steps; 31: never. Bit 5: something is put
 *     byte 1      the file to begin with: nothing but zeros, or one with few or more entries, as ferry writes it
 *     the rest    changes of it, each: page; offset in it, 2 bytes; number of bytes; bytes. Page 255 cuts the file off
 *
 * Checked: what is found is what belongs to the key, entries that are listed have texts that end, memory is given back;
 * and after a put, when there was memory, the file passes every check and has what was put.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "tests/unit/cache_ground.h"

enum { SAMPLES = 16, NEW = 9000, BUDGET_STEP = 3 };

typedef struct Budget {
    size_t allocations; /* left before memory runs out; SIZE_MAX: never */
    size_t held;        /* bytes that were not given back */
} Budget;

static void check(bool condition, const char *rule) {
    if (condition) return;
    fprintf(stderr, "broken rule: %s\n", rule);
    abort();
}

static void *allocate(void *context, size_t size) {
    Budget *budget = context;
    if (budget->allocations == 0) return NULL;
    if (budget->allocations != SIZE_MAX) budget->allocations--;
    void *pointer = malloc(size);
    if (pointer != NULL) budget->held += size;
    return pointer;
}

static void give_back(void *context, void *pointer, size_t size) {
    Budget *budget = context;
    check(budget->held >= size, "no more is given back than was taken");
    budget->held -= size;
    free(pointer);
}

static bool check_entry(void *context, const CacheEntry *entry) {
    size_t *texts = context;
    *texts += strlen(entry->maker) + strlen(entry->name);
    if (entry->damage != NULL) *texts += strlen(entry->damage);
    return true;
}

static void get_all(Cache *cache) {
    ferry_error error = {0};
    for (uint32_t i = 0; i < SAMPLES; i++) {
        Outcome outcome = sample_look(cache, i, &error);
        check(outcome != WRONG_BYTES, "what is found is what was put under that key");
        if (outcome == DAMAGED) check(error.message[0] != '\0', "a damage is described");
    }
}

static void list_all(Cache *cache) {
    ferry_error error = {0};
    CacheStatistics statistics;
    size_t texts = 0;
    ferry_code listed = cache_list(cache, check_entry, &texts, &error);
    check(listed == FERRY_OK || listed == FERRY_UNFIT || listed == FERRY_OUT_OF_MEMORY, "a list ends");
    if (cache_statistics(cache, &statistics, &error) == FERRY_OK)
        check(statistics.bytes <= statistics.file_bytes, "no more is in use than there is");
}

static void put_one(Cache *cache, const Ground *ground, bool may_fail) {
    ferry_error error = {0};
    size_t written;
    ferry_code code = samples_put(cache, NEW, 1, &written, &error);
    if (may_fail && code == FERRY_OUT_OF_MEMORY) return;
    if (code != FERRY_OK) fprintf(stderr, "%s\n", error.message);
    check(code == FERRY_OK, "a put repairs every file");
    bool right = file_is_right(ground->file, &error);
    if (!right) fprintf(stderr, "%s\n", error.message);
    check(right, "what was written passes every check");
    if (!may_fail) check(sample_look(cache, NEW, &error) == HIT, "what was put is found");
}

/* ---- files to begin with ---- */

typedef struct Base {
    uint32_t entries; /* in each of the transactions; they leave free pages behind */
    unsigned transactions;
    uint8_t *bytes;
    size_t size;
} Base;

static Base bases[] = {{0, 0, NULL, 0}, {1, 1, NULL, 0}, {3, 4, NULL, 0}, {8, 2, NULL, 0}};

enum { BASES = sizeof bases / sizeof bases[0], ZEROS = 6 * 4096, ENTRY_TIME = 1700000000 };

static void put_entries(const Base *base, Environment *environment) {
    static Sample sample;
    static uint8_t value[2 * SAMPLE_CODE_MOST];
    ferry_error error;
    for (uint32_t i = 0; i < base->entries * base->transactions; i++) {
        sample_make(&sample, i);
        value_encode(&sample.item, ENTRY_TIME, value);
        CacheName name = cache_name_of(&sample.item.key);
        ferry_code code = environment_put(environment, &name, value, value_size(&sample.item), false, &error);
        if (code == FERRY_OK && i % base->entries == base->entries - 1) code = environment_commit(environment, &error);
        check(code == FERRY_OK, "an entry can be put");
    }
}

static void make_base(Base *base, const Ground *ground) {
    Environment environment;
    ferry_error error;
    if (base->entries == 0) {
        base->size = ZEROS;
        base->bytes = calloc(1, base->size);
        return;
    }
    file_write(ground->file, "", 0);
    int file = open(ground->file, O_RDWR | O_CLOEXEC);
    check(environment_open(&environment, ground->file, file, CACHE_LIMIT, &error) == FERRY_OK, "there is LMDB");
    put_entries(base, &environment);
    environment_close(&environment);
    close(file);
    base->bytes = file_read(ground->file, &base->size);
}

/* The folder of this process, with a lock file, so that the data file counts as ferry's. */
static const Ground *private_ground(void) {
    static Ground ground;
    static bool made;
    if (!made) {
        check(ground_open(&ground), "there is a folder");
        check(mkdir(ground.folder, 0700) == 0 || errno == EEXIST, "there is a folder");
        file_write(ground.lock, "", 0);
        for (size_t i = 0; i < BASES; i++) make_base(&bases[i], &ground);
        made = true;
    }
    return &ground;
}

static void write_changed(const Base *base, const Ground *ground, const uint8_t *bytes, size_t size) {
    uint8_t *file = malloc(base->size);
    size_t end = base->size, at = 0;
    check(file != NULL, "there is memory");
    memcpy(file, base->bytes, base->size);
    while (at + 4 <= size) {
        size_t offset = (size_t)bytes[at] * 4096 + (bytes[at + 1] | (size_t)bytes[at + 2] << 8) % 4096;
        size_t count = bytes[at + 3];
        bool cut = bytes[at] == 255;
        at += 4;
        if (count > size - at) count = size - at;
        if (cut) end = (offset % 4096 * 16 + count) % (base->size + 1);
        if (!cut && offset < base->size)
            memcpy(file + offset, bytes + at, count < base->size - offset ? count : base->size - offset);
        if (!cut) at += count;
    }
    file_write(ground->file, file, end);
    free(file);
}

/* ---- one input ---- */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const Ground *ground = private_ground();
    if (size < 2) return 0;
    bool puts = (bytes[0] & 0x20) != 0;
    size_t steps = bytes[0] & 0x1fU;
    Budget budget = {.allocations = steps == 0x1f ? SIZE_MAX : steps * BUDGET_STEP};
    ferry_allocator allocator = {&budget, allocate, give_back};
    ferry_error error = {0};
    Cache *cache;
    write_changed(&bases[bytes[1] % BASES], ground, bytes + 2, size - 2);
    if (cache_open(ground->folder, 0, &allocator, &cache, &error) == FERRY_OK) {
        get_all(cache);
        list_all(cache);
        if (puts) put_one(cache, ground, steps != 0x1f);
        cache_close(cache);
    }
    check(budget.held == 0, "all memory is given back");
    return 0;
}
