/* tests/diff/declare.c: types and signatures as declarations, for compilers and for ferry's parser.
 *
 * Both dialects differ in the few things that C compilers spell in their own ways: enums with a fixed underlying type,
 * and the complex of __float128.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/type.h"
#include "diff.h"

static const char *const spellings[FERRY_SCALAR_COUNT] = {
#define SPELLING(name, spelling) spelling,
    FERRY_SCALARS(SPELLING)
#undef SPELLING
};

/* An enumerator that makes gcc 12, which lacks `enum e : T`, choose that type. */
static const struct {
    ferry_kind kind;
    const char *attribute, *enumerators;
} enum_recipes[] = {
    {FERRY_SCHAR, "__attribute__((packed)) ", "%s_0 = -1"},
    {FERRY_UCHAR, "__attribute__((packed)) ", "%s_0 = 255"},
    {FERRY_SHORT, "__attribute__((packed)) ", "%s_0 = -32768"},
    {FERRY_USHORT, "__attribute__((packed)) ", "%s_0 = 65535"},
    {FERRY_INT, "", "%s_0 = -1"},
    {FERRY_UINT, "", "%s_0 = 1"},
    {FERRY_LONG, "", "%1$s_0 = -1, %1$s_1 = 0x7fffffffffff"},
    {FERRY_ULONG, "", "%s_0 = 0xffffffffffff"},
};

void declare_prelude(FILE *out) {
    fputs("#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <sys/types.h>\n"
          "#ifdef __clang__\ntypedef _Complex __float128 complex_float128;\n"
          "#else\ntypedef _Complex _Float128 complex_float128;\n#endif\n",
          out);
}

void declare_free(Declare *declare) {
    free(declare->seen);
    *declare = (Declare){0};
}

static size_t number_of(const Declare *declare, const ferry_type *type) {
    size_t number = 0;
    while (number < declare->count && declare->seen[number] != type) number++;
    return number;
}

static void remember(Declare *declare, const ferry_type *type) {
    if (declare->count == declare->capacity) {
        declare->capacity = declare->capacity == 0 ? 64 : 2 * declare->capacity;
        declare->seen = realloc(declare->seen, declare->capacity * sizeof *declare->seen);
        if (declare->seen == NULL) abort();
    }
    declare->seen[declare->count++] = type;
}

/* A declarator under construction: what has been put around the name so far. */
static char *around(const char *format, const char *inner) {
    char *text;
    if (asprintf(&text, format, inner) < 0) abort();
    return text;
}

static void put_parameters(Declare *declare, const ferry_signature *signature) {
    FILE *out = declare->out;
    for (size_t i = 0; i < signature->count; i++) {
        if (i > 0) fputs(", ", out);
        if (signature->variadic && i == signature->fixed) fputs("..., ", out);
        declare_type(declare, signature->parameters[i], "");
    }
    if (signature->variadic && signature->fixed == signature->count)
        fputs(signature->count > 0 ? ", ..." : "...", out);
    else if (signature->count == 0)
        fputs("void", out);
}

static void put_function(Declare *declare, const ferry_signature *signature, const char *name) {
    char *parameters = NULL;
    size_t size;
    FILE *saved = declare->out;
    declare->out = open_memstream(&parameters, &size);
    if (declare->out == NULL) abort();
    fprintf(declare->out, "%s(", name);
    put_parameters(declare, signature);
    fputc(')', declare->out);
    fclose(declare->out);
    declare->out = saved;
    declare_type(declare, signature->result, parameters);
    free(parameters);
}

static void put_attributes(FILE *out, const char *before, bool packed, uint64_t alignment) {
    if (packed) fprintf(out, "%s__attribute__((packed))", before);
    if (alignment != 0) fprintf(out, "%s__attribute__((aligned(%llu)))", before, (unsigned long long)alignment);
}

static void put_member(Declare *declare, const ferry_member *member) {
    char width[24] = "";
    if (member->is_bitfield) snprintf(width, sizeof width, " : %u", member->bits);
    declare_type(declare, member->type, member->name == NULL ? "" : member->name);
    fputs(width, declare->out);
    put_attributes(declare->out, " ", member->packed, member->alignment);
    fputs("; ", declare->out);
}

static void put_record(Declare *declare, const ferry_type *type, bool body) {
    FILE *out = declare->out;
    fputs(type->kind == FERRY_UNION ? "union" : "struct", out);
    if (body) put_attributes(out, " ", type->packed, type->alignment);
    if (type->name != NULL) fprintf(out, " %s", type->name);
    if (!body) return;
    fputs(" { ", out);
    for (size_t i = 0; i < type->member_count; i++) put_member(declare, &type->members[i]);
    fputc('}', out);
}

static void put_named(FILE *out, const char *name) {
    if (name[0] != 0) fprintf(out, " %s", name);
}

static void put_derived(Declare *declare, const ferry_type *type, const char *name) {
    char *inner;
    if (type->kind == FERRY_POINTER) {
        bool parenthesised = type->base->kind == FERRY_ARRAY || type->base->kind == FERRY_FUNCTION;
        inner = around(parenthesised ? "(*%s)" : "*%s", name);
    } else if (type->count == FERRY_FLEXIBLE) {
        inner = around("%s[]", name);
    } else {
        if (asprintf(&inner, "%s[%llu]", name, (unsigned long long)type->count) < 0) abort();
    }
    declare_type(declare, type->base, inner);
    free(inner);
}

void declare_type(Declare *declare, const ferry_type *type, const char *name) {
    FILE *out = declare->out;
    switch (type->kind) {
    case FERRY_POINTER:
    case FERRY_ARRAY: put_derived(declare, type, name); return;
    case FERRY_FUNCTION: put_function(declare, type->signature, name); return;
    case FERRY_STRUCT:
    case FERRY_UNION: put_record(declare, type, type->name == NULL); break;
    case FERRY_VECTOR:
    case FERRY_ALIGNED: fprintf(out, "t%zu_%zu", declare->prefix, number_of(declare, type)); break;
    case FERRY_ENUM:
        if (type->name == NULL) return declare_type(declare, type->base, name);
        fprintf(out, "enum %s", type->name);
        break;
    case FERRY_COMPLEX_FLOAT128:
        fputs(declare->dialect == FOR_COMPILER ? "complex_float128" : spellings[type->kind], out);
        break;
    default: fputs(spellings[type->kind], out); break;
    }
    put_named(out, name);
}

static void define_enum(Declare *declare, const ferry_type *type) {
    FILE *out = declare->out;
    const char *name = type->name, *base = spellings[type->base->kind];
    if (declare->dialect == FOR_FERRY) {
        fprintf(out, "enum %s : %s { %s_0 }; ", name, base, name);
        return;
    }
    fprintf(out, "\n#ifdef __clang__\nenum %s : %s { %s_0 };\n#else\n", name, base, name);
    for (size_t i = 0; i < COUNT_OF(enum_recipes); i++) {
        if (enum_recipes[i].kind != type->base->kind) continue;
        fprintf(out, "enum %s%s { ", enum_recipes[i].attribute, name);
        char *enumerators = around(enum_recipes[i].enumerators, name);
        fprintf(out, "%s };", enumerators);
        free(enumerators);
    }
    fputs("\n#endif\n", out);
}

static void define_typedef(Declare *declare, const ferry_type *type) {
    char name[48];
    snprintf(name, sizeof name, "t%zu_%zu", declare->prefix, number_of(declare, type));
    fputs("typedef ", declare->out);
    declare_type(declare, type->base, name);
    if (type->kind == FERRY_ALIGNED)
        put_attributes(declare->out, " ", false, type->alignment);
    else
        fprintf(declare->out, " __attribute__((vector_size(%llu)))", (unsigned long long)type->count);
    fputs("; ", declare->out);
}

void declare_needs(Declare *declare, const ferry_type *type) {
    if (type->kind < FERRY_SCALAR_COUNT || number_of(declare, type) < declare->count) return;
    if (type->base != NULL) declare_needs(declare, type->base);
    if (type->signature != NULL) declare_needs_of_signature(declare, type->signature);
    for (size_t i = 0; i < type->member_count; i++) declare_needs(declare, type->members[i].type);
    remember(declare, type);
    bool is_record = type->kind == FERRY_STRUCT || type->kind == FERRY_UNION;
    if (type->kind == FERRY_ENUM && type->name != NULL) define_enum(declare, type);
    if (type->kind == FERRY_ALIGNED || type->kind == FERRY_VECTOR) define_typedef(declare, type);
    if (!is_record || type->name == NULL) return;
    put_record(declare, type, type->complete);
    fputs("; ", declare->out);
}

void declare_needs_of_signature(Declare *declare, const ferry_signature *signature) {
    declare_needs(declare, signature->result);
    for (size_t i = 0; i < signature->count; i++) declare_needs(declare, signature->parameters[i]);
}

char *declare_signature(const ferry_signature *signature, const char *name) {
    char *text = NULL;
    size_t size;
    Declare declare = {.out = open_memstream(&text, &size), .dialect = FOR_FERRY};
    if (declare.out == NULL) abort();
    declare_needs_of_signature(&declare, signature);
    put_function(&declare, signature, name);
    fputc(';', declare.out);
    fclose(declare.out);
    declare_free(&declare);
    return text;
}
