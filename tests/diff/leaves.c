/* tests/diff/leaves.c: C text that checks or puts every leaf of a value.
 *
 *     H->check((void *)&a1.m1, 36);
 *     for (int i0 = 0; i0 < 3; i0++) {
 *         H->put((void *)&result.m2[i0], 7);
 *     }
 *
 * Leaves are named by their path in C, so that it is the compiler that says where they lie.
 */
#include <stdlib.h>
#include <string.h>

#include "diff.h"

typedef struct Emitter {
    FILE *out;
    bool put;       /* write the leaves, else check them */
    unsigned loops; /* open ones: names their counters */
} Emitter;

static void value(Emitter *emitter, const ferry_type *type, const char *path);

static char *join(const char *format, const char *path, const char *rest) {
    char *text;
    if (asprintf(&text, format, path, rest) < 0) abort();
    return text;
}

static void scalar(Emitter *emitter, ferry_kind kind, const char *path) {
    fprintf(emitter->out, "    H->%s((void *)&%s, %d);\n", emitter->put ? "put" : "check", path, (int)kind);
}

static void bitfield(Emitter *emitter, const ferry_member *member, const char *path) {
    int is_bool = kind_of(member->type) == FERRY_BOOL;
    if (emitter->put)
        fprintf(emitter->out, "    { unsigned __int128 v; H->put_bits(&v, %u, %d); %s = v; }\n", member->bits, is_bool,
                path);
    else
        fprintf(emitter->out, "    { unsigned __int128 v = %s; H->check_bits(&v, %u, %d); }\n", path, member->bits,
                is_bool);
}

static void elements(Emitter *emitter, const ferry_type *type, const char *path) {
    uint64_t count = ferry_type_count(type);
    if (count == FERRY_FLEXIBLE || count == 0) return;
    char index[24];
    unsigned loop = emitter->loops++;
    snprintf(index, sizeof index, "[i%u]", loop);
    fprintf(emitter->out, "    for (int i%u = 0; i%u < %llu; i%u++) {\n", loop, loop, (unsigned long long)count, loop);
    char *element = join("%s%s", path, index);
    value(emitter, ferry_type_base(type), element);
    free(element);
    fputs("    }\n", emitter->out);
    emitter->loops--;
}

/* An element of a vector has no address in C. */
static void vector(Emitter *emitter, const ferry_type *type, const char *path) {
    ferry_kind kind = kind_of(ferry_type_base(type));
    fprintf(emitter->out, "    for (int i = 0; i < %llu; i++) H->%s((char *)&%s + %u * i, %d);\n",
            (unsigned long long)ferry_type_count(type) / scalar_of(kind).size, emitter->put ? "put" : "check", path,
            scalar_of(kind).size, (int)kind);
}

static void member(Emitter *emitter, const ferry_member *item, const char *path) {
    bool anonymous = item->name == NULL || item->name[0] == 0;
    char *inside = anonymous ? join("%s%s", path, "") : join("%s.%s", path, item->name);
    if (item->is_bitfield)
        bitfield(emitter, item, inside);
    else
        value(emitter, item->type, inside);
    free(inside);
}

static void record(Emitter *emitter, const ferry_type *type, const char *path) {
    size_t count = ferry_type_member_count(type), values = 0;
    for (size_t i = 0; i < count; i++) values += !is_padding_member(ferry_type_member(type, i));
    if (values == 0) return;
    bool is_union = ferry_type_kind(type) == FERRY_UNION;
    if (is_union) fprintf(emitter->out, "    switch (H->pick(%zu)) {\n", values);
    for (size_t i = 0, number = 0; i < count; i++) {
        if (is_padding_member(ferry_type_member(type, i))) continue;
        if (is_union) fprintf(emitter->out, "    case %zu:;\n", number++);
        member(emitter, ferry_type_member(type, i), path);
        if (is_union) fputs("    break;\n", emitter->out);
    }
    if (is_union) fputs("    }\n", emitter->out);
}

static void value(Emitter *emitter, const ferry_type *type, const char *path) {
    type = strip(type);
    switch (ferry_type_kind(type)) {
    case FERRY_STRUCT:
    case FERRY_UNION: record(emitter, type, path); break;
    case FERRY_ARRAY: elements(emitter, type, path); break;
    case FERRY_VECTOR: vector(emitter, type, path); break;
    default: scalar(emitter, kind_of(type), path); break;
    }
}

void leaves_emit(FILE *out, const ferry_type *type, const char *path, bool put) {
    Emitter emitter = {.out = out, .put = put};
    value(&emitter, type, path);
}
