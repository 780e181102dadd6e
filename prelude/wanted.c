/* wanted.c: the shapes that the patterns ask for, each once, in order of priority. */
#include <string.h>

#include "prelude/prelude.h"

typedef struct Collector {
    Model *model;
    WantedList *list;
} Collector;

static bool is_of(const void *wanted, const void *shape) {
    return shape_equal(((const Wanted *)wanted)->shape, shape);
}

Wanted *wanted_find(const WantedList *list, const Shape *shape) {
    return (Wanted *)table_find(&list->by_shape, shape->hash, is_of, shape);
}

static bool reserve(WantedList *list, Arena *arena) {
    if (list->count < list->room) return table_reserve(&list->by_shape);
    size_t room = list->room != 0 ? 2 * list->room : 1024;
    Wanted **items = arena_array(arena, room, sizeof(Wanted *));
    if (items == NULL) return false;
    if (list->count != 0) memcpy(items, list->items, list->count * sizeof(Wanted *));
    list->items = items;
    list->room = room;
    return table_reserve(&list->by_shape);
}

static ferry_code add(const Collector *collector, const Shape *shape, Wanted **wanted, ferry_error *error) {
    WantedList *list = collector->list;
    *wanted = wanted_find(list, shape);
    if (*wanted != NULL) return FERRY_OK;
    *wanted = arena_new(&collector->model->arena, sizeof(Wanted));
    if (*wanted == NULL || !reserve(list, &collector->model->arena)) return fail_out_of_memory(error, "the shapes");
    (*wanted)->shape = shape;
    list->items[list->count++] = *wanted;
    table_insert(&list->by_shape, shape->hash, *wanted);
    return FERRY_OK;
}

static ferry_code collect(void *context, const Signature *signature, const Way *way, ferry_error *error) {
    const Collector *collector = context;
    ShapeOptions options = way->options;
    const Shape *shape, *late_shape;
    Wanted *wanted, *late = NULL;
    TRY(model_shape(collector->model, signature, &options, &shape, error));
    if (options.direction == UPCALL) {
        options.direction = UPCALL_LATE;
        TRY(model_shape(collector->model, signature, &options, &late_shape, error));
        TRY(add(collector, late_shape, &late, error));
    }
    TRY(add(collector, shape, &wanted, error));
    wanted->late = late;
    return FERRY_OK;
}

ferry_code wanted_read(Model *model, const char *path, WantedList *list, ferry_error *error) {
    char *text;
    *list = (WantedList){.count = 0};
    TRY(read_whole(&model->arena, path, &text, error));
    Collector collector = {.model = model, .list = list};
    ferry_code code = patterns_read(model, text, collect, &collector, error);
    if (code != FERRY_OK) return fail_within(error, code, "%s: ", path);
    return list->count != 0 ? FERRY_OK : fail(error, FERRY_INVALID, "%s: no pattern", path);
}

void wanted_close(WantedList *list) {
    table_free(&list->by_shape);
}
