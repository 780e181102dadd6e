/* tests/diff/caller.c: the text of a C function that calls a function pointer with known leaves and checks every leaf
 * of what comes back.
 *
 *     typedef int p0_0;
 *     typedef struct s0_2 p0_1;
 *     void drive_0(void (*code)(void)) {
 *         p0_0 a0;
 *         H->garbage((void *)&a0, sizeof a0);
 *         H->argument(0);
 *         H->put((void *)&a0, 7);
 *         ...
 *         H->calling();
 *         r0 result = ((r0 (*)(p0_0, p0_1))code)(a0, a1);
 *         long long wide = result;
 *         H->called();
 *         H->argument(255);
 *         H->check((void *)&result, 36);
 *         H->widened(wide);
 *     }
 *
 * `wide` is taken from the register in which a narrow result arrived, before its address is known to anybody: what the
 * compiler relies on shows there.
 */
#include "diff.h"

/* A record without a tag is another type each time that it is spelled: so every parameter's type has a name. */
static void name_parameters(Declare *declare, const ferry_signature *signature, size_t number) {
    for (size_t i = 0; i < ferry_signature_count(signature); i++) {
        char name[48];
        snprintf(name, sizeof name, "p%zu_%zu", number, i);
        fputs("typedef ", declare->out);
        declare_type(declare, ferry_signature_parameter(signature, i), name);
        fputs(";\n", declare->out);
    }
}

static void make_argument(FILE *out, const ferry_type *type, size_t number, size_t index) {
    char name[24];
    snprintf(name, sizeof name, "a%zu", index);
    fprintf(out, "    p%zu_%zu %s;\n    H->argument(%zu);\n    H->garbage((void *)&%s, sizeof %s);\n", number, index,
            name, index, name, name);
    leaves_emit(out, type, name, true);
}

static void function_pointer(FILE *out, const ferry_signature *signature, size_t number) {
    size_t fixed = ferry_signature_fixed(signature);
    bool variadic = ferry_signature_is_variadic(signature);
    fprintf(out, "((r%zu (*)(", number);
    for (size_t i = 0; i < fixed; i++) fprintf(out, "%sp%zu_%zu", i > 0 ? ", " : "", number, i);
    fputs(variadic ? ", ..." : fixed == 0 ? "void" : "", out);
    fputs("))code)", out);
}

static void call(FILE *out, const ferry_signature *signature, size_t number) {
    const ferry_type *result = ferry_signature_result(signature);
    fputs("    H->calling();\n    ", out);
    if (ferry_type_kind(result) != FERRY_VOID) fprintf(out, "r%zu result = ", number);
    function_pointer(out, signature, number);
    fputc('(', out);
    for (size_t i = 0; i < ferry_signature_count(signature); i++) fprintf(out, "%sa%zu", i > 0 ? ", " : "", i);
    fputs(");\n", out);
    if (is_narrow_integer(result)) fputs("    long long wide = result;\n", out);
    fputs("    H->called();\n", out);
}

void caller_emit(Declare *declare, const ferry_signature *signature, size_t number) {
    FILE *out = declare->out;
    const ferry_type *result = ferry_signature_result(signature);
    fprintf(out, "#line 1 \"caller_%zu\"\n", number);
    name_parameters(declare, signature, number);
    fprintf(out, "void drive_%zu(void (*code)(void)) {\n", number);
    for (size_t i = 0; i < ferry_signature_count(signature); i++)
        make_argument(out, ferry_signature_parameter(signature, i), number, i);
    call(out, signature, number);
    if (ferry_type_kind(result) != FERRY_VOID) {
        fprintf(out, "    H->argument(%d);\n", RESULT_NUMBER);
        leaves_emit(out, result, "result", false);
    }
    if (is_narrow_integer(result)) fputs("    H->widened(wide);\n", out);
    fputs("}\n", out);
}
