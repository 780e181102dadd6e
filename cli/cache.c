/* ferry cache: what engines keep on disk. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "trampolines/cache.h"

typedef struct Visit {
    Invocation *invocation;
    char folder[PATH_MAX];
    Cache *cache;
} Visit;

/* "812 bytes", "1.5 KB", "64 MB" */
static const char *human_size(Heap *heap, uint64_t bytes) {
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    if (bytes < 1024) return heap_format(heap, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.5 && unit + 1 < LENGTH_OF(units)) {
        value /= 1024;
        unit++;
    }
    bool whole = value >= 9.95 || value == (double)(uint64_t)value;
    return heap_format(heap, "%.*f %s", whole ? 0 : 1, value, units[unit]);
}

/* In the user's time zone; "never" for 0. */
static const char *human_date(Heap *heap, int64_t seconds, bool with_time) {
    time_t moment = (time_t)seconds;
    struct tm date;
    char text[64];
    if (seconds == 0 || localtime_r(&moment, &date) == NULL) return "never";
    if (strftime(text, sizeof text, with_time ? "%Y-%m-%d %H:%M" : "%Y-%m-%d", &date) == 0) return "never";
    return heap_format(heap, "%s", text);
}

static bool visit_open(Visit *visit, Invocation *invocation, int *status) {
    ferry_error error = {0};
    *visit = (Visit){.invocation = invocation};
    ferry_code code = cache_folder(option_value(invocation, "folder"), visit->folder, &error);
    if (code == FERRY_OK) code = cache_open(visit->folder, 0, NULL, &visit->cache, &error);
    if (code != FERRY_OK) *status = complain_error(&error);
    return code == FERRY_OK;
}

/* ---- stats ---- */

static void write_statistics(const Visit *visit, const CacheStatistics *statistics) {
    Json json = {.out = visit->invocation->screen.out};
    json_open(&json, NULL, '{');
    json_string(&json, "folder", visit->folder);
    json_number(&json, "entries", statistics->entries);
    json_number(&json, "bytes", statistics->bytes);
    json_number(&json, "file_bytes", statistics->file_bytes);
    json_number(&json, "limit", statistics->limit);
    json_signed(&json, "oldest_use", statistics->oldest_use);
    json_signed(&json, "newest_use", statistics->newest_use);
    json_close(&json, '}');
}

static void print_statistics(const Visit *visit, const CacheStatistics *statistics) {
    Heap *heap = &visit->invocation->heap;
    const char *const rows[][2] = {
        {"folder", visit->folder},
        {"entries", heap_format(heap, "%zu", statistics->entries)},
        {"used",
         heap_format(heap, "%s of %s", human_size(heap, statistics->bytes), human_size(heap, statistics->limit))},
        {"file", human_size(heap, statistics->file_bytes)},
        {"oldest use", human_date(heap, statistics->oldest_use, false)},
        {"newest use", human_date(heap, statistics->newest_use, false)},
    };
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        screen_print(&visit->invocation->screen, STYLE_BOLD, "%-10s", rows[i][0]);
        fprintf(visit->invocation->screen.out, "  %s\n", rows[i][1]);
    }
}

static int show_statistics(Visit *visit) {
    ferry_error error = {0};
    CacheStatistics statistics;
    if (cache_statistics(visit->cache, &statistics, &error) != FERRY_OK) return complain_error(&error);
    if (option_given(visit->invocation, "json"))
        write_statistics(visit, &statistics);
    else
        print_statistics(visit, &statistics);
    return EXIT_DONE;
}

/* ---- list ---- */

typedef struct Listing {
    Heap *heap;
    Json *json; /* NULL: the grid */
    Grid grid;
} Listing;

/* Symbols of trampolines begin so, for perf and debuggers. */
static const char *shape_of(const CacheEntry *entry) {
    static const char prefix[] = "ferry:";
    if (entry->name == NULL) return NULL;
    return strncmp(entry->name, prefix, strlen(prefix)) == 0 ? entry->name + strlen(prefix) : entry->name;
}

static void write_entry(Json *json, const CacheEntry *entry) {
    json_open(json, NULL, '{');
    json_string(json, "name", shape_of(entry));
    json_string(json, "maker", entry->maker);
    json_number(json, "code_bytes", entry->code_size);
    json_number(json, "bytes", entry->bytes);
    json_signed(json, "made", entry->made);
    json_signed(json, "used", entry->used);
    json_string(json, "damage", entry->damage);
    json_close(json, '}');
}

/* The entry's texts end with the call. */
static bool list_entry(void *context, const CacheEntry *entry) {
    Listing *listing = context;
    Heap *heap = listing->heap;
    if (listing->json != NULL) {
        write_entry(listing->json, entry);
        return true;
    }
    const char *maker =
        entry->damage != NULL ? heap_format(heap, "damaged: %s", entry->damage) : heap_format(heap, "%s", entry->maker);
    grid_add(&listing->grid,
             (const char *const[]){heap_format(heap, "%s", entry->name != NULL ? shape_of(entry) : "?"),
                                   heap_format(heap, "%zu", entry->code_size), human_size(heap, entry->bytes),
                                   human_date(heap, entry->made, true), human_date(heap, entry->used, false), maker});
    return true;
}

static int list(Visit *visit) {
    Invocation *invocation = visit->invocation;
    Json json = {.out = invocation->screen.out};
    Listing listing = {.heap = &invocation->heap,
                       .json = option_given(invocation, "json") ? &json : NULL,
                       .grid = {.heap = &invocation->heap,
                                .columns = 6,
                                .titles = {"shape", "code", "on disk", "made", "used", "made by"},
                                .right = {[1] = true, [2] = true},
                                .styles = {[5] = STYLE_DIM}}};
    ferry_error error = {0};
    if (listing.json != NULL) json_open(&json, NULL, '[');
    ferry_code code = cache_list(visit->cache, list_entry, &listing, &error);
    if (listing.json != NULL) json_close(&json, ']');
    if (listing.json == NULL && listing.grid.row_count > 0) grid_print(&listing.grid, &invocation->screen);
    return code == FERRY_OK ? EXIT_DONE : complain_error(&error);
}

/* ---- clear ---- */

static int clear(Visit *visit) {
    ferry_error error = {0}, ignored = {0};
    CacheStatistics before = {0}; /* of a damaged file nothing is known */
    size_t removed = 0;
    if (cache_statistics(visit->cache, &before, &ignored) != FERRY_OK) before = (CacheStatistics){0};
    if (cache_clear(visit->cache, &removed, &error) != FERRY_OK) return complain_error(&error);
    Heap *heap = &visit->invocation->heap;
    if (option_given(visit->invocation, "json")) {
        Json json = {.out = visit->invocation->screen.out};
        json_open(&json, NULL, '{');
        json_string(&json, "folder", visit->folder);
        json_number(&json, "removed", removed);
        json_number(&json, "bytes", before.bytes);
        json_close(&json, '}');
        return EXIT_DONE;
    }
    fprintf(visit->invocation->screen.out, "removed %zu entr%s, %s, from %s\n", removed, removed == 1 ? "y" : "ies",
            human_size(heap, before.bytes), visit->folder);
    return EXIT_DONE;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(Visit *visit);
} actions[] = {{"stats", show_statistics}, {"list", list}, {"clear", clear}};

static int run(Invocation *invocation) {
    if (!expect_arguments(invocation, 1, 1)) return EXIT_USAGE;
    const char *asked = invocation->arguments[0];
    for (size_t i = 0; i < LENGTH_OF(actions); i++) {
        if (strcmp(asked, actions[i].name) != 0) continue;
        Visit visit;
        int status = EXIT_MACHINE;
        if (!visit_open(&visit, invocation, &status)) return status;
        status = actions[i].run(&visit);
        cache_close(visit.cache);
        return status;
    }
    complain("'%s' cannot be done with a cache: it must be stats, list or clear", asked);
    return EXIT_USAGE;
}

const Command cache_command = {
    .name = "cache",
    .summary = "look at the cache of machine code, or empty it",
    .usage = "[OPTIONS] stats | list | clear",
    .description = "Engines keep the code that they make on disk, for the next process.\n"
                   "  stats   how many entries there are, and how large they are\n"
                   "  list    each entry: its code's bytes, when it was made and used last, and by what it was made\n"
                   "  clear   removes all of them; running programs go on\n"
                   "The folder is $FERRY_CACHE_DIR, else $XDG_CACHE_HOME/ferry, else ~/.cache/ferry.",
    .examples = "  ferry cache stats\n  ferry cache list --json\n  ferry cache clear --folder /tmp/cache",
    .options = {{"folder", "FOLDER", "another one than programs use", 'f'}, {"json", NULL, "for programs", 'j'}},
    .run = run,
};
