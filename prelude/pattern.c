/* pattern.c: from the lines of common.txt to signatures. The file itself explains what its lines say. */
#include <stdlib.h>
#include <string.h>

#include "prelude/prelude.h"

const Way ways[] = {
    {"slots", {.direction = DOWNCALL, .convention = FERRY_SLOTS}},
    {"slots+errno", {.direction = DOWNCALL, .convention = FERRY_SLOTS, .capture_errno = true}},
    {"pointers", {.direction = DOWNCALL, .convention = FERRY_POINTERS}},
    {"pointers+errno", {.direction = DOWNCALL, .convention = FERRY_POINTERS, .capture_errno = true}},
    {"closure-slots", {.direction = UPCALL, .convention = FERRY_SLOTS, .keep_errno = true}},
    {"closure-slots+errno", {.direction = UPCALL, .convention = FERRY_SLOTS}},
    {"closure-pointers", {.direction = UPCALL, .convention = FERRY_POINTERS, .keep_errno = true}},
    {"closure-pointers+errno", {.direction = UPCALL, .convention = FERRY_POINTERS}},
};
const size_t way_count = COUNT_OF(ways);

enum { WAY_LIMIT = COUNT_OF(ways), CHOICE_LIMIT = 24, GROUP_LIMIT = 12, PARAMETER_LIMIT = 16 };

/* Types of which one is taken. */
typedef struct Choice {
    const Type *types[CHOICE_LIMIT];
    size_t count;
} Choice;

/* So many parameters, each of them free to choose. */
typedef struct Group {
    Choice choice;
    size_t least;
    size_t most;
} Group;

typedef struct Pattern {
    const Way *ways[WAY_LIMIT];
    size_t way_count;
    Choice results;
    Group groups[GROUP_LIMIT];
    size_t group_count;
} Pattern;

typedef struct Reader {
    Model *model;
    WishSink *sink;
    void *context;
} Reader;

/* ---- reading ---- */

static ferry_code find_way(const char *name, const Way **way, ferry_error *error) {
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        *way = &ways[i];
        if (strcmp(ways[i].name, name) == 0) return FERRY_OK;
    }
    return fail(error, FERRY_INVALID, "there is no way '%s'", name);
}

/* What travels in one way alike need not be told apart: a pointer is written `pointer`, a type of more than one word by
 * a typedef. */
static ferry_code find_type(const Reader *reader, const char *name, const Type **type, ferry_error *error) {
    return parse_type(&reader->model->types, NULL, reader->model->scope, name, type, error);
}

static ferry_code read_choice(const Reader *reader, char *text, Choice *choice, ferry_error *error) {
    char *rest = NULL;
    for (char *name = strtok_r(text, "|", &rest); name != NULL; name = strtok_r(NULL, "|", &rest)) {
        if (choice->count == CHOICE_LIMIT) return fail(error, FERRY_TOO_LARGE, "more than %d types", CHOICE_LIMIT);
        TRY(find_type(reader, name, &choice->types[choice->count++], error));
    }
    return choice->count != 0 ? FERRY_OK : fail(error, FERRY_INVALID, "a type is missing");
}

/* "2" or "0..6", behind a star; text NULL: once. */
static ferry_code read_count(const char *text, Group *group, ferry_error *error) {
    group->least = group->most = 1;
    if (text == NULL) return FERRY_OK;
    char *end;
    bool good = *text != '.';
    group->least = group->most = strtoul(text, &end, 10);
    if (strncmp(end, "..", 2) == 0) group->most = strtoul(end + 2, &end, 10);
    good = good && *end == '\0' && group->least <= group->most && group->most <= PARAMETER_LIMIT && group->most != 0;
    return good ? FERRY_OK : fail(error, FERRY_INVALID, "how often? '*%s' is no count up to %d", text, PARAMETER_LIMIT);
}

static ferry_code read_group(const Reader *reader, char *text, Group *group, ferry_error *error) {
    char *star = strchr(text, '*');
    if (star != NULL) *star++ = '\0';
    TRY(read_count(star, group, error));
    return read_choice(reader, text, &group->choice, error);
}

static ferry_code read_ways(char *text, Pattern *pattern, ferry_error *error) {
    char *rest = NULL;
    for (char *name = strtok_r(text, "|", &rest); name != NULL; name = strtok_r(NULL, "|", &rest)) {
        if (pattern->way_count == WAY_LIMIT) return fail(error, FERRY_TOO_LARGE, "more than %d ways", WAY_LIMIT);
        TRY(find_way(name, &pattern->ways[pattern->way_count++], error));
    }
    return FERRY_OK;
}

static ferry_code read_pattern(const Reader *reader, char *line, Pattern *pattern, ferry_error *error) {
    char *rest = NULL;
    char *names = strtok_r(line, " ", &rest), *results = strtok_r(NULL, " ", &rest);
    if (results == NULL) return fail(error, FERRY_INVALID, "a pattern begins with ways and results");
    TRY(read_ways(names, pattern, error));
    TRY(read_choice(reader, results, &pattern->results, error));
    for (char *group = strtok_r(NULL, " ", &rest); group != NULL; group = strtok_r(NULL, " ", &rest)) {
        if (pattern->group_count == GROUP_LIMIT)
            return fail(error, FERRY_TOO_LARGE, "more than %d groups", GROUP_LIMIT);
        TRY(read_group(reader, group, &pattern->groups[pattern->group_count++], error));
    }
    return FERRY_OK;
}

/* ---- all signatures of a pattern, the shortest first ---- */

typedef struct Walk {
    const Reader *reader;
    const Pattern *pattern;
    const Type *parameters[PARAMETER_LIMIT];
    size_t count;
} Walk;

static ferry_code tell(const Walk *walk, ferry_error *error) {
    const Pattern *pattern = walk->pattern;
    const Reader *reader = walk->reader;
    for (size_t i = 0; i < pattern->results.count; i++) {
        const Signature *signature;
        TRY(signature_create(&reader->model->types, pattern->results.types[i], walk->parameters, walk->count, false,
                             &signature, error));
        for (size_t way = 0; way < pattern->way_count; way++) {
            TRY(reader->sink(reader->context, signature, pattern->ways[way], error));
        }
    }
    return FERRY_OK;
}

static ferry_code walk_groups(Walk *walk, size_t index, ferry_error *error);

static ferry_code walk_choices(Walk *walk, size_t index, size_t left, ferry_error *error) {
    if (left == 0) return walk_groups(walk, index + 1, error);
    if (walk->count == PARAMETER_LIMIT) return fail(error, FERRY_TOO_LARGE, "more than %d parameters", PARAMETER_LIMIT);
    const Choice *choice = &walk->pattern->groups[index].choice;
    for (size_t i = 0; i < choice->count; i++) {
        walk->parameters[walk->count++] = choice->types[i];
        TRY(walk_choices(walk, index, left - 1, error));
        walk->count--;
    }
    return FERRY_OK;
}

static ferry_code walk_groups(Walk *walk, size_t index, ferry_error *error) {
    if (index == walk->pattern->group_count) return tell(walk, error);
    const Group *group = &walk->pattern->groups[index];
    for (size_t count = group->least; count <= group->most; count++) TRY(walk_choices(walk, index, count, error));
    return FERRY_OK;
}

/* ---- the whole text ---- */

static ferry_code read_line(const Reader *reader, char *line, ferry_error *error) {
    line[strcspn(line, "#")] = '\0';
    line += strspn(line, " ");
    if (*line == '\0') return FERRY_OK;
    if (strncmp(line, "typedef ", 8) == 0) return scope_parse(reader->model->scope, line, strlen(line), error);
    Pattern pattern = {.way_count = 0};
    TRY(read_pattern(reader, line, &pattern, error));
    Walk walk = {.reader = reader, .pattern = &pattern};
    return walk_groups(&walk, 0, error);
}

ferry_code patterns_read(Model *model, char *text, WishSink *sink, void *context, ferry_error *error) {
    const Reader reader = {.model = model, .sink = sink, .context = context};
    for (size_t number = 1; text != NULL; number++) {
        char *line = strsep(&text, "\n");
        ferry_code code = read_line(&reader, line, error);
        if (code != FERRY_OK) return fail_within(error, code, "line %zu: ", number);
    }
    return FERRY_OK;
}
