/* ferry aot --inspect: what is in a file, whether it is as it was made, and whether it would be used here. */
#include <string.h>

#include "cli/aot.h"

/* What is known of one table in a file. */
typedef struct Finding {
    const char *path;
    const uint8_t *bytes;
    size_t size;
    Bundle bundle;
    size_t table_at;
    bool sealed;        /* it has a trailer, and that is right */
    bool code_known;    /* it is linked, so that its code could be looked at */
    const char *damage; /* NULL: none */
    const char *misfit; /* why this machine's engines would not use it; NULL: they would */
} Finding;

/* ---- damage ---- */

static const char *check_trailer(Finding *finding) {
    BundleTrailer trailer, right;
    if (finding->size < sizeof trailer) return NULL;
    size_t size = finding->size - sizeof trailer;
    memcpy(&trailer, finding->bytes + size, sizeof trailer);
    if (memcmp(trailer.magic, BUNDLE_TRAILER_MAGIC, sizeof trailer.magic) != 0) return NULL;
    bundle_seal(finding->bytes, size, &right);
    finding->sealed = memcmp(&trailer, &right, sizeof trailer) == 0;
    return finding->sealed ? NULL : "its bytes are not those that were sealed";
}

static const char *find_damage(Heap *heap, Finding *finding) {
    ferry_error error = {0};
    const char *damage = check_trailer(finding);
    if (damage != NULL) return damage;
    if (aot_check_code(finding->bytes, finding->size, &finding->bundle, finding->table_at, &finding->code_known,
                       &error) != FERRY_OK)
        return heap_format(heap, "%s", error.message);
    if (aot_is_cut(finding->bytes, finding->size)) return "its end is missing";
    if (!finding->sealed && aot_exports(finding->bytes, finding->size, BUNDLE_SYMBOL))
        return "it is a bundle without its seal: the end is missing";
    return NULL;
}

/* ---- fitness ---- */

static const char *find_misfit(Heap *heap, const BundleHeader *header) {
    const Target *made_for = target_find(header->target), *own = host_best_target();
    const char *missing = NULL;
    if (made_for == NULL) return heap_format(heap, "it is for %s, a target that is not known", header->target);
    if (!host_can_run(made_for, &missing) || !host_has(header->features, &missing))
        return heap_format(heap, "its code needs %s, which this machine has not", missing);
    if (own == NULL || own == made_for || strcmp(own->baseline, made_for->name) == 0) return NULL;
    return heap_format(heap, "it is only for engines whose target is %s; this machine's usual one is %s",
                       made_for->name, own->name);
}

/* ---- what is shown ---- */

static const char *hexadecimal(Heap *heap, Digest digest) {
    return heap_format(heap, "%016llx%016llx", (unsigned long long)digest.high, (unsigned long long)digest.low);
}

static const char *quality_name(const BundleEntry *entry) {
    return entry->quality == FERRY_QUICK ? "quick" : "better";
}

static uint64_t code_bytes(const Bundle *bundle) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bundle->header->count; i++) sum += bundle->entries[i].code_size;
    return sum;
}

static const char *state_of(const Finding *finding) {
    if (finding->damage != NULL) return finding->damage;
    if (finding->sealed) return "as it was made: a bundle with its seal";
    if (finding->code_known) return "as it was made: table and code";
    return "the table is as it was made; code is looked at only where it is linked";
}

static void print_line(const Screen *screen, const char *title, Style style, const char *text) {
    fprintf(screen->out, "  %-8s  ", title);
    screen_print(screen, style, "%s\n", text);
}

static void print_shapes(Invocation *invocation, const Bundle *bundle) {
    Heap *heap = &invocation->heap;
    Grid grid = {.heap = heap,
                 .columns = 4,
                 .titles = {"shape", "bytes", "quality", "digest"},
                 .right = {[1] = true},
                 .styles = {[3] = STYLE_DIM}};
    for (size_t i = 0; i < bundle->header->count; i++) {
        const BundleEntry *entry = &bundle->entries[i];
        const char *name = bundle_name(bundle, i);
        grid_add(&grid, (const char *const[]){name[0] != '\0' ? name : "(digest only)",
                                              heap_format(heap, "%u", entry->code_size), quality_name(entry),
                                              hexadecimal(heap, entry->digest)});
    }
    grid_print(&grid, &invocation->screen);
}

static void print_finding(Invocation *invocation, const Finding *finding) {
    const Screen *screen = &invocation->screen;
    Heap *heap = &invocation->heap;
    const BundleHeader *header = finding->bundle.header;
    screen_print(screen, STYLE_BOLD, "%s\n", finding->path);
    if (header->count == 0) {
        print_line(screen, "content", STYLE_PLAIN, "a table without code");
        return;
    }
    print_line(screen, "made by", STYLE_PLAIN, heap_format(heap, "ferry %s, %s", header->ferry, header->llvm));
    print_line(
        screen, "for", STYLE_PLAIN,
        heap_format(heap, "%s%s%s", header->target, header->features[0] != '\0' ? ", with " : "", header->features));
    print_line(screen, "state", finding->damage != NULL ? STYLE_RED : STYLE_GREEN, state_of(finding));
    print_line(screen, "here", finding->misfit != NULL ? STYLE_YELLOW : STYLE_GREEN,
               finding->misfit != NULL ? finding->misfit : "it fits");
    print_line(screen, "content", STYLE_PLAIN,
               heap_format(heap, "%u shape%s, %llu bytes of code", header->count, header->count == 1 ? "" : "s",
                           (unsigned long long)code_bytes(&finding->bundle)));
    fputc('\n', screen->out);
    print_shapes(invocation, &finding->bundle);
}

static void write_finding(Json *json, Heap *heap, const Finding *finding) {
    const Bundle *bundle = &finding->bundle;
    json_open(json, NULL, '{');
    json_string(json, "file", finding->path);
    json_number(json, "table_at", finding->table_at);
    json_string(json, "ferry", bundle->header->ferry);
    json_string(json, "llvm", bundle->header->llvm);
    json_number(json, "format", bundle->header->format);
    json_number(json, "contract", bundle->header->contract);
    json_string(json, "target", bundle->header->target);
    json_string(json, "features", bundle->header->features);
    json_bool(json, "sealed", finding->sealed);
    json_bool(json, "code_checked", finding->sealed || finding->code_known);
    json_string(json, "damage", finding->damage);
    json_string(json, "misfit", finding->misfit);
    json_number(json, "code_bytes", code_bytes(bundle));
    json_open(json, "shapes", '[');
    for (size_t i = 0; i < bundle->header->count; i++) {
        const char *name = bundle_name(bundle, i);
        json_open(json, NULL, '{');
        json_string(json, "name", name[0] != '\0' ? name : NULL);
        json_string(json, "digest", hexadecimal(heap, bundle->entries[i].digest));
        json_number(json, "code_bytes", bundle->entries[i].code_size);
        json_string(json, "quality", quality_name(&bundle->entries[i]));
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

/* ---- looking ---- */

typedef struct Look {
    Invocation *invocation;
    Json *json; /* NULL: text */
    size_t shown;
    int status;
} Look;

static void show(Look *look, Finding *finding) {
    Invocation *invocation = look->invocation;
    finding->damage = find_damage(&invocation->heap, finding);
    finding->misfit = find_misfit(&invocation->heap, finding->bundle.header);
    if (finding->damage != NULL) look->status = EXIT_MACHINE;
    if (look->json != NULL) {
        write_finding(look->json, &invocation->heap, finding);
        return;
    }
    if (look->shown++ > 0) fputc('\n', invocation->screen.out);
    print_finding(invocation, finding);
}

/* The next table at or behind byte `from`. */
static ferry_code find(Finding *finding, size_t from, ferry_error *error) {
    TRY(bundle_scan(finding->bytes + from, finding->size - from, &finding->bundle, &finding->table_at, error));
    finding->table_at += from;
    return FERRY_OK;
}

/* A program may carry several: what is linked into it, and the library's own. */
static void look_into(Look *look, const char *path) {
    ferry_error error = {0};
    Heap *heap = &look->invocation->heap;
    size_t size, count = 0, from = 0;
    const char *bytes = heap_read_bytes(heap, path, &size);
    Finding finding = {.path = path, .bytes = (const uint8_t *)bytes, .size = size};
    if (bytes == NULL) look->status = EXIT_MACHINE;
    if (bytes == NULL) return;
    for (; find(&finding, from, &error) == FERRY_OK; count++) {
        show(look, &finding);
        from = finding.table_at + finding.bundle.header->size;
    }
    if (count > 0) return;
    const char *broken_seal = check_trailer(&finding);
    complain("%s: %s", path, broken_seal != NULL ? broken_seal : error.message);
    look->status = EXIT_MACHINE;
}

/* The others are for making. */
static bool check_options(const Invocation *invocation) {
    for (size_t i = 0; i < OPTION_LIMIT && invocation->command->options[i].name != NULL; i++) {
        const char *name = invocation->command->options[i].name;
        if (invocation->values[i] == NULL || strcmp(name, "inspect") == 0 || strcmp(name, "json") == 0) continue;
        complain("--%s is for making code: --inspect only looks", name);
        return false;
    }
    return true;
}

int aot_inspect(Invocation *invocation) {
    if (!expect_arguments(invocation, 1, SIZE_MAX) || !check_options(invocation)) return EXIT_USAGE;
    Json json = {.out = invocation->screen.out};
    Look look = {.invocation = invocation, .json = option_given(invocation, "json") ? &json : NULL};
    if (look.json != NULL) json_open(&json, NULL, '[');
    for (size_t i = 0; i < invocation->argument_count; i++) look_into(&look, invocation->arguments[i]);
    if (look.json != NULL) json_close(&json, ']');
    return look.status;
}
