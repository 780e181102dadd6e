/* tests/diff/callee.c: the text of a C function that checks every leaf of its arguments and returns known leaves.
 *
 *     struct s0_1 case_0(int a0, struct s0_2 a1) {
 *         diff_helpers->argument(0);
 *         diff_helpers->check(&a0, 7);
 *         diff_helpers->widened(a0);
 *         diff_helpers->argument(1);
 *         diff_helpers->check(&a1.m1, 36);
 *         ...
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

void callee_prelude(FILE *out) {
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

static void head(Declare *declare, const ferry_signature *signature, size_t number) {
    FILE *out = declare->out;
    fprintf(out, "r%zu case_%zu(", number, number);
    for (size_t i = 0; i < ferry_signature_fixed(signature); i++) {
        char name[24];
        snprintf(name, sizeof name, "a%zu", i);
        if (i > 0) fputs(", ", out);
        declare_type(declare, ferry_signature_parameter(signature, i), name);
    }
    if (ferry_signature_is_variadic(signature))
        fputs(", ...", out);
    else if (ferry_signature_count(signature) == 0)
        fputs("void", out);
    fputs(") {\n", out);
}

static void variadic_arguments(Declare *declare, const ferry_signature *signature) {
    size_t fixed = ferry_signature_fixed(signature);
    fprintf(declare->out, "    va_list list;\n    va_start(list, a%zu);\n", fixed - 1);
    for (size_t i = fixed; i < ferry_signature_count(signature); i++) {
        char name[24];
        snprintf(name, sizeof name, "a%zu", i);
        fputs("    ", declare->out);
        declare_type(declare, ferry_signature_parameter(signature, i), name);
        fprintf(declare->out, " = va_arg(list, __typeof__(%s));\n", name);
    }
    fputs("    va_end(list);\n", declare->out);
}

static void check_argument(Emitter *emitter, const ferry_type *type, size_t number) {
    char name[24];
    snprintf(name, sizeof name, "a%zu", number);
    fprintf(emitter->out, "    H->argument(%zu);\n", number);
    value(emitter, type, name);
    if (is_narrow_integer(type)) fprintf(emitter->out, "    H->widened(%s);\n", name);
}

static void body(Emitter *emitter, const ferry_signature *signature, size_t number) {
    FILE *out = emitter->out;
    size_t count = ferry_signature_count(signature);
    const ferry_type *result = ferry_signature_result(signature);
    bool is_void = ferry_type_kind(result) == FERRY_VOID;
    for (size_t i = 0; i < count; i++) check_argument(emitter, ferry_signature_parameter(signature, i), i);
    for (size_t i = 0; i < count; i++) fprintf(out, "    H->garbage((void *)&a%zu, sizeof a%zu);\n", i, i);
    if (!is_void) {
        emitter->put = true;
        fprintf(out, "    r%zu result;\n    H->garbage(&result, sizeof result);\n    H->argument(%d);\n", number,
                RESULT_NUMBER);
        value(emitter, result, "result");
    }
    fprintf(out, "    H->done();\n%s}\n", is_void ? "" : "    return result;\n");
}

void callee_emit(FILE *out, const ferry_signature *signature, size_t number, bool gcc_unoptimised) {
    char name[24];
    Declare declare = {.out = out, .dialect = FOR_COMPILER, .prefix = number};
    Emitter emitter = {.out = out};
    fprintf(out, "#line 1 \"case_%zu\"\n", number);
    declare_needs_of_signature(&declare, signature);
    snprintf(name, sizeof name, "r%zu", number);
    fputs("\ntypedef ", out);
    declare_type(&declare, ferry_signature_result(signature), name);
    fputs(";\n", out);
    if (gcc_unoptimised) fputs("#ifndef __clang__\n__attribute__((optimize(\"O0\")))\n#endif\n", out);
    head(&declare, signature, number);
    if (ferry_signature_is_variadic(signature)) variadic_arguments(&declare, signature);
    body(&emitter, signature, number);
    declare_free(&declare);
}
