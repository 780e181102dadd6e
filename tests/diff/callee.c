/* tests/diff/callee.c: the text of a C function that checks every leaf of its arguments and returns known leaves.
 *
 *     r0 case_0(int a0, struct s0_2 a1) {
 *         H->argument(0);
 *         H->check((void *)&a0, 7);
 *         H->widened(a0);
 *         H->argument(1);
 *         H->check((void *)&a1.m1, 36);
 *         ...
 */
#include "diff.h"

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

static void check_argument(FILE *out, const ferry_type *type, size_t number) {
    char name[24];
    snprintf(name, sizeof name, "a%zu", number);
    fprintf(out, "    H->argument(%zu);\n", number);
    leaves_emit(out, type, name, false);
    if (is_narrow_integer(type)) fprintf(out, "    H->widened(%s);\n", name);
}

static void body(FILE *out, const ferry_signature *signature, size_t number) {
    size_t count = ferry_signature_count(signature);
    const ferry_type *result = ferry_signature_result(signature);
    bool is_void = ferry_type_kind(result) == FERRY_VOID;
    for (size_t i = 0; i < count; i++) check_argument(out, ferry_signature_parameter(signature, i), i);
    for (size_t i = 0; i < count; i++) fprintf(out, "    H->garbage((void *)&a%zu, sizeof a%zu);\n", i, i);
    if (!is_void) {
        fprintf(out, "    r%zu result;\n    H->garbage(&result, sizeof result);\n    H->argument(%d);\n", number,
                RESULT_NUMBER);
        leaves_emit(out, result, "result", true);
    }
    fprintf(out, "    H->done();\n%s}\n", is_void ? "" : "    return result;\n");
}

void callee_emit(Declare *declare, const ferry_signature *signature, size_t number, bool gcc_unoptimised) {
    fprintf(declare->out, "#line 1 \"callee_%zu\"\n", number);
    if (gcc_unoptimised) fputs("#ifndef __clang__\n__attribute__((optimize(\"O0\")))\n#endif\n", declare->out);
    head(declare, signature, number);
    if (ferry_signature_is_variadic(signature)) variadic_arguments(declare, signature);
    body(declare->out, signature, number);
}
