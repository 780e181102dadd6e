/* cover.c: which share of the functions of real headers has its shape among the wanted ones.
 *
 * Input are preprocessed headers, a file for each library. What ferry's parser refuses is counted and left out, as are
 * bodies of functions. A function counts for the first file that declares it, and not at all when it is variadic: what
 * travels in its calls is not known. Names of two underscores are a library's own affair. Callbacks are the different
 * types of function pointers among parameters, typedefs and members; typedefs called PFN... are of OpenGL's functions,
 * which are looked up by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude/prelude.h"

enum { MISSING_SHOWN = 12, DOWN = 4 };

/* A shape that is not wanted, and whose it is. */
typedef struct Missing {
    const Shape *shape;
    const char *example;
    size_t count;
} Missing;

typedef struct Counts {
    size_t functions;
    size_t variadic;
    size_t callbacks;
    size_t covered[8]; /* by way */
} Counts;

typedef struct Cover {
    Model model;
    WantedList wanted;
    Table names;      /* functions that were counted */
    Table signatures; /* callbacks that were counted */
    Table missing;
    Missing **list;
    size_t missing_count;
    size_t room;
    Counts counts; /* of the file at hand */
} Cover;

/* ---- cutting a text into declarations ---- */

/* The end of a literal that begins at text, or text. */
static const char *skip_literal(const char *text) {
    const char quote = *text;
    if (quote != '"' && quote != '\'') return text;
    for (text++; *text != quote && *text != '\0'; text++) text += *text == '\\' && text[1] != '\0';
    return text;
}

/* The next declaration, up to its ';' or, with *body set, up to the '{' of a function's body; *text goes behind it. */
static size_t next_piece(const char **text, bool *body) {
    const char *start = *text, *at = start;
    int depth = 0;
    char before = '\0';
    size_t length = 0;
    *body = false;
    for (; *at != '\0'; at++) {
        at = skip_literal(at);
        if (*at == '\0') break;
        if (*at == '{' && depth == 0 && before == ')') {
            *body = true;
            length = (size_t)(at - start);
        }
        depth += (*at == '{') - (*at == '}');
        if (depth == 0 && (*at == ';' || (*at == '}' && *body))) break;
        if (strchr(" \t\r\n", *at) == NULL) before = *at;
    }
    if (*at != '\0') at++;
    *text = at;
    return *body ? length : (size_t)(at - start);
}

/* ---- counting ---- */

static bool same_name(const void *left, const void *right) {
    return strcmp(left, right) == 0;
}

static bool same_pointer(const void *left, const void *right) {
    return left == right;
}

/* Is it new? */
static bool remember(Table *table, uint64_t hash, TableEqual *equal, const void *value) {
    if (table_find(table, hash, equal, value) != NULL || !table_reserve(table)) return false;
    table_insert(table, hash, value);
    return true;
}

static bool is_shape(const void *missing, const void *shape) {
    return shape_equal(((const Missing *)missing)->shape, shape);
}

static void add_missing(Cover *cover, const Shape *shape, const char *example) {
    Missing *missing = (Missing *)table_find(&cover->missing, shape->hash, is_shape, shape);
    if (missing == NULL) {
        missing = arena_new(&cover->model.arena, sizeof *missing);
        if (missing == NULL || cover->missing_count == cover->room || !table_reserve(&cover->missing)) return;
        *missing = (Missing){.shape = shape, .example = example};
        table_insert(&cover->missing, shape->hash, missing);
        cover->list[cover->missing_count++] = missing;
    }
    missing->count++;
}

static void count_ways(Cover *cover, const Signature *signature, Direction direction, const char *name) {
    ferry_error error;
    for (size_t i = 0; i < way_count; i++) {
        const Shape *shape;
        if (ways[i].options.direction != direction) continue;
        if (model_shape(&cover->model, signature, &ways[i].options, &shape, &error) != FERRY_OK) continue;
        if (wanted_find(&cover->wanted, shape) != NULL)
            cover->counts.covered[i]++;
        else
            add_missing(cover, shape, name);
    }
}

static void count_callback(Cover *cover, const Type *type, const char *name) {
    type = type_strip(type);
    if (strncmp(name, "PFN", 3) == 0) return;
    if (type->kind == FERRY_POINTER) type = type_strip(type->base);
    if (type->kind != FERRY_FUNCTION || type->signature->variadic) return;
    if (!remember(&cover->signatures, type->signature->hash, same_pointer, type->signature)) return;
    cover->counts.callbacks++;
    count_ways(cover, type->signature, UPCALL, name);
}

static void count_function(Cover *cover, const ferry_declaration *declaration) {
    const Signature *signature = declaration->signature;
    const char *name = declaration->name;
    if (strncmp(name, "__", 2) == 0) return;
    if (!remember(&cover->names, hash_bytes(0, name, strlen(name)), same_name, name)) return;
    cover->counts.functions++;
    cover->counts.variadic += signature->variadic;
    for (size_t i = 0; i < signature->count; i++) count_callback(cover, signature->parameters[i], name);
    if (!signature->variadic) count_ways(cover, signature, DOWNCALL, name);
}

static void count_declaration(Cover *cover, const ferry_declaration *declaration) {
    if (declaration->what == FERRY_DECLARED_FUNCTION) count_function(cover, declaration);
    if (declaration->what == FERRY_DECLARED_TYPEDEF) count_callback(cover, declaration->type, declaration->name);
    if (declaration->what != FERRY_DECLARED_TAG) return;
    for (size_t i = 0; i < declaration->type->member_count; i++) {
        count_callback(cover, declaration->type->members[i].type, declaration->name);
    }
}

/* Returns how many declarations were refused. */
static size_t parse_pieces(Scope *scope, Arena *arena, const char *text) {
    size_t refused = 0;
    ferry_error error;
    while (text[strspn(text, " \t\r\n")] != '\0') {
        bool body;
        const char *start = text;
        const size_t length = next_piece(&text, &body);
        char *piece = arena_new(arena, length + 2);
        if (piece == NULL) break;
        memcpy(piece, start, length);
        if (body) piece[length] = ';';
        refused += scope_parse(scope, piece, strlen(piece), &error) != FERRY_OK;
    }
    return refused;
}

/* ---- telling ---- */

static void print_head(void) {
    printf("%-12s %9s %8s %8s %9s", "", "functions", "variadic", "refused", "callbacks");
    for (size_t i = 0; i < way_count; i++) printf(" %s", ways[i].name);
    printf("\n");
}

static void print_counts(const char *path, const Counts *counts, size_t refused) {
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    printf("%-12.*s %9zu %8zu %8zu %9zu", (int)strcspn(name, "."), name, counts->functions, counts->variadic, refused,
           counts->callbacks);
    for (size_t i = 0; i < way_count; i++) {
        const size_t all = i < DOWN ? counts->functions - counts->variadic : counts->callbacks;
        const double share = all != 0 ? 100.0 * (double)counts->covered[i] / (double)all : 0;
        printf(" %*.1f", (int)strlen(ways[i].name), share);
    }
    printf("\n");
}

static int most_first(const void *left, const void *right) {
    const Missing *const *one = left, *const *other = right;
    return ((*one)->count < (*other)->count) - ((*one)->count > (*other)->count);
}

static void print_missing(const Cover *cover, const Way *way) {
    int shown = 0;
    printf("\nmissing, %s:\n", way->name);
    for (size_t i = 0; i < cover->missing_count && shown < MISSING_SHOWN; i++) {
        const Missing *missing = cover->list[i];
        const Shape *shape = missing->shape;
        char name[256];
        if (shape->direction != way->options.direction || shape->convention != way->options.convention ||
            shape->capture_errno != way->options.capture_errno || shape->keep_errno != way->options.keep_errno)
            continue;
        shape_name(shape, name, sizeof name);
        printf("  %4zu  %s    %s\n", missing->count, name, missing->example);
        shown++;
    }
}

static void add_counts(Counts *sum, const Counts *counts) {
    sum->functions += counts->functions;
    sum->variadic += counts->variadic;
    sum->callbacks += counts->callbacks;
    for (size_t i = 0; i < way_count; i++) sum->covered[i] += counts->covered[i];
}

static ferry_code cover_file(Cover *cover, const char *path, size_t *refused, ferry_error *error) {
    char *text;
    Scope *scope;
    TRY(read_whole(&cover->model.arena, path, &text, error));
    TRY(scope_open(&cover->model.types, NULL, &scope, error));
    cover->counts = (Counts){.functions = 0};
    *refused = parse_pieces(scope, &cover->model.arena, text);
    for (size_t i = 0; i < scope_count(scope); i++) count_declaration(cover, scope_at(scope, i));
    scope_close(scope);
    return FERRY_OK;
}

static ferry_code cover_files(Cover *cover, char *const *paths, int count, ferry_error *error) {
    Counts sum = {.functions = 0};
    size_t refused, refused_sum = 0;
    print_head();
    for (int i = 0; i < count; i++) {
        TRY(cover_file(cover, paths[i], &refused, error));
        print_counts(paths[i], &cover->counts, refused);
        add_counts(&sum, &cover->counts);
        refused_sum += refused;
    }
    print_counts("all", &sum, refused_sum);
    qsort(cover->list, cover->missing_count, sizeof(Missing *), most_first);
    for (size_t i = 0; i < way_count; i++) print_missing(cover, &ways[i]);
    return FERRY_OK;
}

ferry_code cover_report(const Target *target, const char *patterns, char *const *paths, int count, ferry_error *error) {
    Cover cover = {.room = 100000};
    ferry_code code = model_open(&cover.model, target, error);
    if (code == FERRY_OK) code = wanted_read(&cover.model, patterns, &cover.wanted, error);
    cover.list = arena_array(&cover.model.arena, cover.room, sizeof(Missing *));
    if (code == FERRY_OK && cover.list == NULL) code = fail_out_of_memory(error, "what is missing");
    if (code == FERRY_OK) code = cover_files(&cover, paths, count, error);
    table_free(&cover.names);
    table_free(&cover.signatures);
    table_free(&cover.missing);
    wanted_close(&cover.wanted);
    model_close(&cover.model);
    return code;
}
