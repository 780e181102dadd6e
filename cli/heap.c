/* Memory that lives until the command ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { HEAP_ALIGNMENT = 64 };

/* In front of every piece, on a cache line of its own so that the piece is aligned as the widest vector wants it. */
typedef struct HeapBlock {
    _Alignas(64) struct HeapBlock *older;
} HeapBlock;

static _Noreturn void run_dry(void) {
    complain("out of memory");
    exit(EXIT_MACHINE);
}

void *heap_new(Heap *heap, size_t size) {
    if (size > SIZE_MAX / 2) run_dry();
    size_t whole = (sizeof(HeapBlock) + size + HEAP_ALIGNMENT - 1) / HEAP_ALIGNMENT * HEAP_ALIGNMENT;
    HeapBlock *block = aligned_alloc(HEAP_ALIGNMENT, whole);
    if (block == NULL) run_dry();
    memset(block, 0, whole);
    block->older = heap->newest;
    heap->newest = block;
    return block + 1;
}

char *heap_format(Heap *heap, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0) run_dry();
    char *text = heap_new(heap, (size_t)length + 1);
    va_start(list, format);
    vsnprintf(text, (size_t)length + 1, format, list);
    va_end(list);
    return text;
}

char *heap_copy(Heap *heap, const char *bytes, size_t length) {
    char *text = heap_new(heap, length + 1);
    memcpy(text, bytes, length);
    return text;
}

/* Until the end or an error; the caller looks at which. */
static char *read_all(Heap *heap, FILE *file, size_t *length) {
    size_t capacity = 4096;
    char *text = heap_new(heap, capacity);
    for (*length = 0;;) {
        size_t wanted = capacity - *length - 1, got = fread(text + *length, 1, wanted, file);
        *length += got;
        if (got < wanted) return text;
        char *larger = heap_new(heap, 2 * capacity);
        memcpy(larger, text, *length);
        text = larger;
        capacity *= 2;
    }
}

static char *read_stream(Heap *heap, FILE *file, const char *path, size_t *length) {
    char *text = read_all(heap, file, length);
    if (ferror(file) == 0) return text;
    complain("cannot read %s: %s", path, strerror(errno));
    return NULL;
}

char *heap_read_bytes(Heap *heap, const char *path, size_t *length) {
    if (strcmp(path, "-") == 0) return read_stream(heap, stdin, path, length);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        complain("cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = read_stream(heap, file, path, length);
    fclose(file);
    return text;
}

char *heap_read_file(Heap *heap, const char *path) {
    size_t length;
    return heap_read_bytes(heap, path, &length);
}

void heap_free(Heap *heap) {
    while (heap->newest != NULL) {
        HeapBlock *block = heap->newest;
        heap->newest = block->older;
        free(block);
    }
}
