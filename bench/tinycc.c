/* tinycc.c: limit.c and stubs.c once more, compiled by TinyCC from memory: what a program gets that makes its wrappers
 * and stubs as C text. */
#include "bench/bench.h"

#ifdef BENCH_TINYCC

#include <libtcc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The texts, one after the other; the list's guard keeps them from looking for what they include. */
__asm__(".section .rodata\n"
        "bench_limit_text:\n"
        ".incbin \"" BENCH_FOLDER "/signatures.h\"\n"
        ".incbin \"" BENCH_FOLDER "/limit.h\"\n"
        ".incbin \"" BENCH_FOLDER "/limit.c\"\n"
        ".incbin \"" BENCH_FOLDER "/stubs.c\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char bench_limit_text[];

struct TinyCC {
    TCCState *state;
    void *memory; /* of the code; not TinyCC's own, which marks too few pages executable when code reaches over their
                     edge */
    size_t size;
};

static void tell(void *prefix, const char *message) {
    fprintf(stderr, "%s: %s\n", (const char *)prefix, message);
}

static void *address_of_memmove(void) {
    void *(*function)(void *, const void *, size_t) = memmove;
    void *address;
    memcpy(&address, &function, sizeof address);
    return address;
}

/* From the compiler's hands into memory of its own. */
static bool load(TinyCC *tinycc) {
    int size = tcc_relocate(tinycc->state, NULL);
    if (size < 0) return false;
    tinycc->size = (size_t)size;
    void *memory = mmap(NULL, tinycc->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    tinycc->memory = memory;
    return tcc_relocate(tinycc->state, memory) == 0 && mprotect(memory, tinycc->size, PROT_READ | PROT_EXEC) == 0;
}

static bool compile(TinyCC *tinycc, const char *text) {
    static char name[] = "ferry-bench: TinyCC";
    *tinycc = (TinyCC){.state = tcc_new()};
    if (tinycc->state == NULL) return false;
    tcc_set_error_func(tinycc->state, name, tell);
    tcc_set_options(tinycc->state, "-nostdlib");
    tcc_set_output_type(tinycc->state, TCC_OUTPUT_MEMORY);
    tcc_define_symbol(tinycc->state, "PREFIX", "tcc");
    tcc_add_symbol(tinycc->state, "memmove", address_of_memmove()); /* its structs are copied by calls */
    tcc_add_symbol(tinycc->state, "memcpy", address_of_memmove());
    return tcc_compile_string(tinycc->state, text) == 0 && load(tinycc);
}

static void discard(TinyCC *tinycc) {
    if (tinycc->state != NULL) tcc_delete(tinycc->state);
    if (tinycc->memory != NULL) munmap(tinycc->memory, tinycc->size);
}

TinyCC *tinycc_open(void) {
    TinyCC *tinycc = malloc(sizeof *tinycc);
    if (tinycc != NULL && compile(tinycc, bench_limit_text)) return tinycc;
    tinycc_close(tinycc);
    return NULL;
}

const void *tinycc_find(const TinyCC *tinycc, const char *kind, const char *symbol) {
    char name[64];
    if (tinycc == NULL) return NULL;
    snprintf(name, sizeof name, "tcc_%s_%s", kind, symbol);
    return tcc_get_symbol(tinycc->state, name);
}

void tinycc_close(TinyCC *tinycc) {
    if (tinycc == NULL) return;
    discard(tinycc);
    free(tinycc);
}

bool tinycc_compile_one(void) {
    TinyCC tinycc;
    bool made = compile(&tinycc, "void w(void *function, const long *arguments, long *result) {\n"
                                 "    *result = ((long (*)(long, long, long, long, long, long))function)(\n"
                                 "        arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],\n"
                                 "        arguments[5]);\n"
                                 "}\n");
    made = made && tcc_get_symbol(tinycc.state, "w") != NULL;
    discard(&tinycc);
    return made;
}

#else

TinyCC *tinycc_open(void) {
    return NULL;
}

const void *tinycc_find(const TinyCC *tinycc, const char *kind, const char *symbol) {
    (void)tinycc;
    (void)kind;
    (void)symbol;
    return NULL;
}

void tinycc_close(TinyCC *tinycc) {
    (void)tinycc;
}

bool tinycc_compile_one(void) {
    return false;
}

#endif
