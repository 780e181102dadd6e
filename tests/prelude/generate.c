/* generate.c: from the patterns to C: functions, callers, and tables of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude/prelude.h"

enum { CASE_LIMIT = 8192, TYPE_LIMIT = 64, SPELLING_LIMIT = 1024 };

typedef struct Case {
    const Signature *signature;
    unsigned ways;
} Case;

static Case cases[CASE_LIMIT];
static size_t case_count;
static const Type *types[TYPE_LIMIT];
static size_t type_count;

static size_t index_of_type(const Type *type) {
    size_t i = 0;
    while (i < type_count && types[i] != type) i++;
    if (i == type_count) types[type_count++] = type;
    return i;
}

static ferry_code collect(void *context, const Signature *signature, const Way *way, ferry_error *error) {
    (void)context;
    size_t i = 0;
    while (i < case_count && cases[i].signature != signature) i++;
    if (i == CASE_LIMIT || type_count + signature->count + 1 >= TYPE_LIMIT)
        return fail(error, FERRY_TOO_LARGE, "more cases or types than the tables have room for");
    if (i == case_count) cases[case_count++] = (Case){.signature = signature};
    cases[i].ways |= 1U << (way - ways);
    for (size_t k = 0; k < signature->count; k++) index_of_type(signature->parameters[k]);
    if (signature->result->kind != FERRY_VOID) index_of_type(signature->result);
    return FERRY_OK;
}

static unsigned ways_of(const Case *each, Direction direction) {
    unsigned mask = 0;
    for (size_t i = 0; i < way_count; i++) mask |= (unsigned)(ways[i].options.direction == direction) << i;
    return each->ways & mask;
}

/* ---- the text ---- */

static const char *spelled(const Type *type, const char *name) {
    static char buffer[SPELLING_LIMIT];
    type_spell(type, name, buffer, sizeof buffer);
    return buffer;
}

static void print_declarations(const char *path, bool as_string) {
    char line[SPELLING_LIMIT];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "typedef ", 8) != 0) continue;
        line[strcspn(line, "#")] = '\0';
        strrchr(line, ';')[1] = '\0';
        printf(as_string ? "    \"%s\\n\"\n" : "%s\n", line);
    }
    if (file != NULL) fclose(file);
}

static void print_mask(const Layout *layout) {
    char mask[256] = "";
    memset(mask, '.', layout->size);
    for (size_t i = 0; i < layout->leaf_count; i++) {
        const Leaf *leaf = &layout->leaves[i];
        const bool wide = leaf->kind == FERRY_LONG_DOUBLE;
        memset(mask + leaf->bit_offset / 8, wide ? 'x' : 'v', wide ? 10 : leaf->bits / 8);
    }
    printf("\"%s\"", mask);
}

static ferry_code print_types(Model *model, ferry_error *error) {
    for (size_t i = 0; i < type_count; i++) {
        const Layout *layout;
        TRY(layout_of(&model->layouts, types[i], &layout, error));
        const bool narrow = type_is_integral(types[i]) && layout->size < 8;
        printf("static const Facts t%zu = {%zu, %d, %d, ", i, (size_t)layout->size, narrow,
               narrow && type_is_signed(model->target, types[i]));
        print_mask(layout);
        printf("}; /* %s */\n", spelled(types[i], NULL));
    }
    return FERRY_OK;
}

static void print_callee(size_t index, const Signature *signature) {
    printf("static %s f%zu(", spelled(signature->result, NULL), index);
    for (size_t i = 0; i < signature->count; i++) {
        char name[24];
        snprintf(name, sizeof name, "a%zu", i);
        printf("%s%s", i != 0 ? ", " : "", spelled(signature->parameters[i], name));
    }
    printf("%s) {\n", signature->count == 0 ? "void" : "");
    for (size_t i = 0; i < signature->count; i++) printf("    note(%zu, &a%zu, sizeof a%zu);\n", i, i, i);
    printf("    leave_errno();\n");
    if (signature->result->kind != FERRY_VOID)
        printf("    %s;\n    memcpy(&r, answer, sizeof r);\n    return r;\n", spelled(signature->result, "r"));
    printf("}\n");
}

static void print_caller(size_t index, const Signature *signature) {
    printf("static void c%zu(ferry_function *code, void *const *values, void *result) {\n    (void)values;\n"
           "    (void)result;\n",
           index);
    for (size_t i = 0; i < signature->count; i++) {
        char name[24];
        snprintf(name, sizeof name, "a%zu", i);
        printf("    %s;\n    memcpy(&a%zu, values[%zu], sizeof a%zu);\n", spelled(signature->parameters[i], name), i, i,
               i);
    }
    const bool gives = signature->result->kind != FERRY_VOID;
    printf("    ");
    if (gives) printf("%s = ", spelled(signature->result, "r"));
    printf("((%s (*)(", spelled(signature->result, NULL));
    for (size_t i = 0; i < signature->count; i++)
        printf("%s%s", i != 0 ? ", " : "", spelled(signature->parameters[i], NULL));
    printf("%s))code)(", signature->count == 0 ? "void" : "");
    for (size_t i = 0; i < signature->count; i++) printf("%sa%zu", i != 0 ? ", " : "", i);
    printf(");\n%s}\n", gives ? "    memcpy(result, &r, sizeof r);\n" : "");
}

static void print_case(size_t index) {
    const Case *each = &cases[index];
    const Signature *signature = each->signature;
    char text[SPELLING_LIMIT];
    signature_spell(signature, "f", text, sizeof text);
    printf("    {\"%s\", ", text);
    printf(ways_of(each, DOWNCALL) != 0 ? "(ferry_function *)f%zu, " : "NULL, ", index);
    printf(ways_of(each, UPCALL) != 0 ? "c%zu, " : "NULL, ", index);
    printf("%u, ", each->ways);
    if (signature->result->kind == FERRY_VOID)
        printf("NULL");
    else
        printf("&t%zu", index_of_type(signature->result));
    printf(", %zu, {", signature->count);
    for (size_t i = 0; i < signature->count; i++)
        printf("%s&t%zu", i != 0 ? ", " : "", index_of_type(signature->parameters[i]));
    printf("%s}},\n", signature->count == 0 ? "NULL" : "");
}

static ferry_code print_all(Model *model, const char *path, ferry_error *error) {
    printf("/* From %s by generate.c. */\n#include <string.h>\n\n#include \"cases.h\"\n\n", path);
    print_declarations(path, false);
    printf("const char declarations[] =\n");
    print_declarations(path, true);
    printf("    ;\nconst char *const way_names[] = {\n");
    for (size_t i = 0; i < way_count; i++) printf("    \"%s\",\n", ways[i].name);
    printf("};\nconst size_t case_way_count = %zu;\n", way_count);
    TRY(print_types(model, error));
    for (size_t i = 0; i < case_count; i++) {
        if (ways_of(&cases[i], DOWNCALL) != 0) print_callee(i, cases[i].signature);
        if (ways_of(&cases[i], UPCALL) != 0) print_caller(i, cases[i].signature);
    }
    printf("const Case cases[] = {\n");
    for (size_t i = 0; i < case_count; i++) print_case(i);
    printf("};\nconst size_t case_count = sizeof cases / sizeof cases[0];\n");
    return FERRY_OK;
}

static ferry_code generate(Model *model, const char *path, ferry_error *error) {
    char *text;
    TRY(read_whole(&model->arena, path, &text, error));
    TRY(patterns_read(model, text, collect, NULL, error));
    return print_all(model, path, error);
}

int main(int count, char **arguments) {
    if (count != 3 || freopen(arguments[2], "w", stdout) == NULL) return 2; /* PATTERNS FILE */
    const Target *target;
    ferry_error error = {0};
    Model model;
    if (model_target(&target, &error) != FERRY_OK) return 2;
    ferry_code code = model_open(&model, target, &error);
    if (code == FERRY_OK) code = generate(&model, arguments[1], &error);
    model_close(&model);
    if (code != FERRY_OK) fprintf(stderr, "%s: %s\n", arguments[1], error.message);
    return code == FERRY_OK && fclose(stdout) == 0 ? 0 : 1;
}
