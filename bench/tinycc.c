/* tinycc.c: limit.c once more, compiled by TinyCC from memory: what a program gets that makes its wrappers as C text.
 */
#include "bench/bench.h"

#ifdef BENCH_TINYCC

#include <libtcc.h>
#include <stdlib.h>
#include <string.h>

/* The text of both files, one after the other; the list's guard keeps limit.c from looking for it. */
__asm__(".section .rodata\n"
        "bench_limit_text:\n"
        ".incbin \"" BENCH_SIGNATURES_FILE "\"\n"
        ".incbin \"" BENCH_LIMIT_FILE "\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char bench_limit_text[];

struct TinyCC {
    TCCState *state;
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

static TCCState *compile(const char *text, const char *prefix) {
    static char name[] = "ferry-bench: TinyCC";
    TCCState *state = tcc_new();
    if (state == NULL) return NULL;
    tcc_set_error_func(state, name, tell);
    tcc_set_options(state, "-nostdlib");
    tcc_set_output_type(state, TCC_OUTPUT_MEMORY);
    tcc_define_symbol(state, "PREFIX", prefix);
    tcc_add_symbol(state, "memmove", address_of_memmove()); /* its structs are copied by calls */
    tcc_add_symbol(state, "memcpy", address_of_memmove());
    if (tcc_compile_string(state, text) == 0 && tcc_relocate(state, TCC_RELOCATE_AUTO) == 0) return state;
    tcc_delete(state);
    return NULL;
}

TinyCC *tinycc_open(void) {
    TCCState *state = compile(bench_limit_text, "tcc");
    TinyCC *tinycc = state != NULL ? malloc(sizeof *tinycc) : NULL;
    if (tinycc == NULL && state != NULL) tcc_delete(state);
    if (tinycc != NULL) tinycc->state = state;
    return tinycc;
}

Entry *tinycc_find(const TinyCC *tinycc, const char *symbol) {
    char name[64];
    if (tinycc == NULL) return NULL;
    snprintf(name, sizeof name, "tcc_slots_%s", symbol);
    void *address = tcc_get_symbol(tinycc->state, name);
    Entry *entry;
    memcpy(&entry, &address, sizeof entry);
    return entry;
}

void tinycc_close(TinyCC *tinycc) {
    if (tinycc == NULL) return;
    tcc_delete(tinycc->state);
    free(tinycc);
}

bool tinycc_compile_one(void) {
    TCCState *state = compile("void w(void *function, const long *arguments, long *result) {\n"
                              "    *result = ((long (*)(long, long, long, long, long, long))function)(\n"
                              "        arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],\n"
                              "        arguments[5]);\n"
                              "}\n",
                              "tcc");
    bool made = state != NULL && tcc_get_symbol(state, "w") != NULL;
    if (state != NULL) tcc_delete(state);
    return made;
}

#else

TinyCC *tinycc_open(void) {
    return NULL;
}

Entry *tinycc_find(const TinyCC *tinycc, const char *symbol) {
    (void)tinycc;
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
