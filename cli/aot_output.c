/* What `ferry aot` writes for an object: nothing in it depends on the day, the folder or the user. */
#define _GNU_SOURCE /* open_memstream */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/aot.h"

/* ---- files ---- */

static bool fail_file(Aot *aot, const char *what, const char *path) {
    complain("cannot %s %s: %s", what, path, strerror(errno));
    aot->status = EXIT_MACHINE;
    return false;
}

/* The declarations would be lost. */
static bool is_input(const Aot *aot, const char *path) {
    struct stat output, input;
    if (stat(path, &output) != 0) return false;
    for (size_t i = 0; i < aot->invocation->argument_count; i++) {
        const char *argument = aot->invocation->arguments[i];
        bool same = strcmp(argument, "-") != 0 && stat(argument, &input) == 0 && input.st_dev == output.st_dev &&
                    input.st_ino == output.st_ino;
        if (same) return true;
    }
    return false;
}

static bool write_all(int file, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* Beside the file, and renamed once it is complete. Nobody else may write it: bundles that others may write are
 * refused.
 */
bool aot_write_file(Aot *aot, const char *path, const void *bytes, size_t size) {
    if (is_input(aot, path)) {
        complain("%s is one of the files that are read: choose another --output", path);
        aot->status = EXIT_USAGE;
        return false;
    }
    const char *part = heap_format(aot->heap, "%s.%ld.part", path, (long)getpid());
    int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) return fail_file(aot, "write", path);
    bool good = write_all(file, bytes, size);
    int reason = errno;
    if (close(file) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(part, path) == 0) return true;
    if (good) reason = errno;
    unlink(part);
    errno = reason;
    return fail_file(aot, "write", path);
}

/* A text that is made as to a file. */
typedef struct Draft {
    FILE *out;
    char *bytes;
    size_t size;
} Draft;

static bool draft_open(Aot *aot, Draft *draft) {
    draft->out = open_memstream(&draft->bytes, &draft->size);
    return draft->out != NULL || fail_file(aot, "make", "a text");
}

static bool draft_write(Aot *aot, Draft *draft, const char *path) {
    bool good = fflush(draft->out) == 0 && ferror(draft->out) == 0;
    if (!good) fail_file(aot, "make", path);
    good = good && aot_write_file(aot, path, draft->bytes, draft->size);
    fclose(draft->out);
    free(draft->bytes);
    return good;
}

/* ---- the header ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void print_header(const Aot *aot, const AheadObject *object, FILE *out) {
    fprintf(out,
            "/* Made by ferry aot %s for %s: the code of %zu shape%s, to be linked with %s.o. An engine uses it after\n"
            " *\n"
            " *     ferry_engine_add_linked(engine, &%s, &error);\n"
            " */\n"
            "#ifndef FERRY_AOT_%s_H\n"
            "#define FERRY_AOT_%s_H\n"
            "\n"
            "#include <ferry/bundle.h>\n"
            "\n"
            "#ifdef __cplusplus\n"
            "extern \"C\" {\n"
            "#endif\n"
            "\n"
            "extern const struct ferry_bundle %s;\n"
            "\n"
            "#ifdef __cplusplus\n"
            "}\n"
            "#endif\n"
            "#endif\n",
            ferry_version(), aot->model.target->name, object->count, object->count == 1 ? "" : "s",
            base_name(aot->stem), aot->symbol, aot->symbol, aot->symbol, aot->symbol);
}

bool aot_write_header(Aot *aot, const AheadObject *object) {
    Draft draft;
    if (!draft_open(aot, &draft)) return false;
    print_header(aot, object, draft.out);
    return draft_write(aot, &draft, heap_format(aot->heap, "%s.h", aot->stem));
}

/* ---- the manifest ---- */

/* Each declaration once, in the order of the text. */
static void write_served(Json *json, const Aot *aot, const Shape *shape) {
    const Callee *last = NULL;
    json_open(json, "serves", '[');
    for (size_t i = 0; i < aot->use_count; i++) {
        const Use *use = &aot->uses[i];
        if (use->callee == last || use->shape->hash != shape->hash || !shape_equal(use->shape, shape)) continue;
        json_string(json, NULL, use->callee->spelling);
        last = use->callee;
    }
    json_close(json, ']');
}

static void write_shape(Json *json, const Aot *aot, const AheadObject *object, size_t index) {
    const Shape *shape = object->shapes[index];
    size_t length = shape_name(shape, NULL, 0), size;
    char *name = heap_new(aot->heap, length + 1);
    shape_name(shape, name, length + 1);
    const void *key = shape_key(shape, &size);
    Digest digest = digest_of(0, key, size);
    json_open(json, NULL, '{');
    json_string(json, "name", name);
    json_string(
        json, "digest",
        heap_format(aot->heap, "%016llx%016llx", (unsigned long long)digest.high, (unsigned long long)digest.low));
    json_number(json, "code_bytes", object->code_sizes[index]);
    json_number(json, "unwind_bytes", object->unwind_sizes[index]);
    write_served(json, aot, shape);
    json_close(json, '}');
}

static void write_skipped(Json *json, const Aot *aot) {
    json_open(json, "skipped", '[');
    for (size_t i = 0; i < aot->skipped_count; i++) {
        json_open(json, NULL, '{');
        json_string(json, "declaration", aot->skipped[i].what);
        json_number(json, "line", aot->skipped[i].place.line);
        json_string(json, "reason", aot->skipped[i].reason);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static uint64_t code_bytes(const AheadObject *object) {
    uint64_t sum = 0;
    for (size_t i = 0; i < object->count; i++) sum += object->code_sizes[i];
    return sum;
}

static void print_manifest(const Aot *aot, const AheadObject *object, const char *llvm, FILE *out) {
    Json json = {.out = out};
    json_open(&json, NULL, '{');
    json_string(&json, "ferry", ferry_version());
    json_string(&json, "llvm", llvm);
    json_number(&json, "format", BUNDLE_FORMAT);
    json_number(&json, "contract", BUNDLE_CONTRACT);
    json_string(&json, "target", aot->model.target->name);
    json_string(&json, "features", aot->model.target->cpu_features);
    json_string(&json, "quality", aot->quality == FERRY_QUICK ? "quick" : "better");
    json_string(&json, "symbol", aot->symbol);
    json_number(&json, "code_bytes", code_bytes(object));
    json_number(&json, "table_bytes", object->table_size + 4 * object->count);
    json_open(&json, "shapes", '[');
    for (size_t i = 0; i < object->count; i++) write_shape(&json, aot, object, i);
    json_close(&json, ']');
    write_skipped(&json, aot);
    json_close(&json, '}');
}

bool aot_write_manifest(Aot *aot, const AheadObject *object, const char *llvm) {
    Draft draft;
    if (!draft_open(aot, &draft)) return false;
    print_manifest(aot, object, llvm, draft.out);
    return draft_write(aot, &draft, heap_format(aot->heap, "%s.json", aot->stem));
}
