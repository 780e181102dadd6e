/* tests/diff/source.c: the C file of a batch. Of each case what its types need, a callee and a caller. */
#include <stdlib.h>

#include "diff.h"

static void prelude(FILE *out) {
    declare_prelude(out);
    fputs("struct helpers {\n"
          "    void (*argument)(int number);\n"
          "    void (*check)(const void *value, int kind);\n"
          "    void (*widened)(long long value);\n"
          "    void (*check_bits)(const unsigned __int128 *value, int width, int is_bool);\n"
          "    void (*put)(void *value, int kind);\n"
          "    void (*put_bits)(unsigned __int128 *value, int width, int is_bool);\n"
          "    int (*pick)(int count);\n"
          "    void (*garbage)(void *bytes, unsigned long size);\n"
          "    void (*done)(void);\n"
          "    void (*calling)(void);\n"
          "    void (*called)(void);\n"
          "} const *diff_helpers;\n"
          "#define H diff_helpers\n",
          out);
    /* clang keeps a __bf16 as a float for a while and comes back through its runtime library, which gcc's lacks. */
    fputs("#ifdef __clang__\n"
          "__asm__(\".text\\n.weak __truncsfbf2\\n.hidden __truncsfbf2\\n__truncsfbf2:\\n\"\n"
          "        \"movd %xmm0, %eax\\n shrl $16, %eax\\n movd %eax, %xmm0\\n ret\");\n"
          "#endif\n",
          out);
}

static void declarations(Declare *declare, const ferry_signature *signature, size_t number) {
    char name[24];
    fprintf(declare->out, "#line 1 \"case_%zu\"\n", number);
    declare_needs_of_signature(declare, signature);
    snprintf(name, sizeof name, "r%zu", number);
    fputs("\ntypedef ", declare->out);
    declare_type(declare, ferry_signature_result(signature), name);
    fputs(";\n", declare->out);
}

static void emit_case(FILE *out, const Case *item, size_t number, char *const *skipped) {
    Declare declare = {.out = out, .dialect = FOR_COMPILER, .prefix = number};
    if (skipped[CALLEE] != NULL && skipped[CALLER] != NULL) return;
    declarations(&declare, item->signature, number);
    if (skipped[CALLEE] == NULL) callee_emit(&declare, item->signature, number, item->gcc_unoptimised);
    if (skipped[CALLER] == NULL) caller_emit(&declare, item->signature, number);
    declare_free(&declare);
}

void source_write(const char *path, const Case *cases, size_t count, char *const *skipped) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        exit(2);
    }
    prelude(out);
    for (size_t i = 0; i < count; i++) emit_case(out, &cases[i], i, &skipped[job_of(i, CALLEE)]);
    fclose(out);
}
