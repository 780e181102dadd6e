/* output.c: prelude.o for the linker, prelude.txt for people and tests. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude/prelude.h"

static ferry_code close_written(FILE *file, const char *path, ferry_error *error) {
    const bool bad = ferror(file) != 0;
    if (fclose(file) == 0 && !bad) return FERRY_OK;
    return fail(error, FERRY_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
}

ferry_code write_object(const char *path, const AheadObject *object, ferry_error *error) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return fail(error, FERRY_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
    fwrite(object->bytes, 1, object->size, file);
    return close_written(file, path, error);
}

typedef struct Line {
    const char *name; /* two shapes may have one: a struct that travels as a double does, and a double */
    Digest digest;
    uint32_t code_size;
    uint32_t unwind_size;
} Line;

static int by_name(const void *left_line, const void *right_line) {
    const Line *left = left_line, *right = right_line;
    const int order = strcmp(left->name, right->name);
    return order != 0 ? order : digest_compare(left->digest, right->digest);
}

static const char *name_of(const Shape *shape, Arena *arena) {
    const size_t length = shape_name(shape, NULL, 0);
    char *name = arena_new(arena, length + 1);
    if (name != NULL) shape_name(shape, name, length + 1);
    return name;
}

/* The order of the table is that of digests, which says nothing to anybody. */
static Line *sorted_lines(const AheadObject *object, Arena *arena) {
    Line *lines = arena_array(arena, object->count, sizeof *lines);
    for (size_t i = 0; i < object->count && lines != NULL; i++) {
        size_t size;
        const void *key = shape_key(object->shapes[i], &size);
        lines[i] = (Line){.name = name_of(object->shapes[i], arena),
                          .digest = digest_of(0, key, size),
                          .code_size = object->code_sizes[i],
                          .unwind_size = object->unwind_sizes[i]};
        if (lines[i].name == NULL) return NULL;
    }
    if (lines != NULL) qsort(lines, object->count, sizeof *lines, by_name);
    return lines;
}

ferry_code write_list(const char *path, const Target *target, const AheadObject *object, Arena *arena,
                      ferry_error *error) {
    const Line *lines = sorted_lines(object, arena);
    if (lines == NULL) return fail_out_of_memory(error, "the list");
    FILE *file = fopen(path, "w");
    if (file == NULL) return fail(error, FERRY_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
    fprintf(file, "# What is in the prelude of %s: bytes of code, bytes of unwind table, digest, shape\n",
            target->name);
    for (size_t i = 0; i < object->count; i++) {
        fprintf(file, "%u %u %016" PRIx64 "%016" PRIx64 " %s\n", lines[i].code_size, lines[i].unwind_size,
                lines[i].digest.high, lines[i].digest.low, lines[i].name);
    }
    return close_written(file, path, error);
}
