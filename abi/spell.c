/* abi/spell.c: types and signatures as C writes them, so that reading the spelling gives the same type again.
 *
 * C's declarators grow around the name: a type is written as what stands left of the name, the name, and what stands
 * right of it.
 *
 *     pointer to array 3 of function pointers:    int (*(*name)[3])(void)
 *                                                 \___left____/   \__right_/
 *
 * Tagged types are written by their tag, untagged structs with their members. What only C23 can say is said its way:
 * `int [[gnu::aligned(2)]] *` points to an int that is aligned to 2.
 */
#include "abi/type.h"

#include <stdio.h>
#include <string.h>

/* Types may contain one another many times over; nobody reads a spelling beyond this, and it ends with "...". */
#define SPELL_LIMIT (1 << 20)

typedef struct Writer {
    char *buffer;
    size_t size;
    size_t length; /* that the whole would have */
    char last;
} Writer;

static bool is_full(const Writer *writer) {
    return writer->length >= SPELL_LIMIT;
}

static void put_always(Writer *writer, const char *text) {
    size_t length = strlen(text);
    if (length == 0) return;
    if (writer->length < writer->size) {
        size_t room = writer->size - writer->length;
        memcpy(writer->buffer + writer->length, text, length < room ? length : room);
    }
    writer->length += length;
    writer->last = text[length - 1];
}

static void put(Writer *writer, const char *text) {
    if (!is_full(writer)) put_always(writer, text);
}

static void put_number(Writer *writer, const char *before, uint64_t number, const char *after) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    put(writer, before);
    put(writer, digits);
    put(writer, after);
}

/* A blank where two words, or a word and a star, would touch. */
static void separate(Writer *writer) {
    if (writer->length != 0 && writer->last != '*' && writer->last != '(' && writer->last != ' ') put(writer, " ");
}

static void put_left(Writer *writer, const Type *type);
static void put_right(Writer *writer, const Type *type);

static bool has_suffix(const Type *type) {
    const Type *stripped = type_strip(type);
    return stripped->kind == FERRY_ARRAY || stripped->kind == FERRY_FUNCTION;
}

static bool is_untagged_record(const Type *type) {
    const Type *stripped = type_strip(type);
    return (stripped->kind == FERRY_STRUCT || stripped->kind == FERRY_UNION) && stripped->name == NULL;
}

static void put_declaration(Writer *writer, const Type *type, const char *name) {
    put_left(writer, type);
    if (name != NULL) {
        separate(writer);
        put(writer, name);
    } else if (type->kind == FERRY_FUNCTION) {
        separate(writer);
    }
    put_right(writer, type);
}

static void put_attributes(Writer *writer, bool packed, uint64_t alignment) {
    if (!packed && alignment == 0) return;
    put(writer, "__attribute__((");
    if (packed) put(writer, "packed");
    if (packed && alignment != 0) put(writer, ", ");
    if (alignment != 0) put_number(writer, "aligned(", alignment, ")");
    put(writer, "))");
}

/* Attributes of an anonymous struct as a member stand in front of it, where only _Alignas means the same to all
 * compilers: a packed one, which only the builders can make, has no spelling that can be read. */
static void put_anonymous(Writer *writer, const Member *member) {
    put_attributes(writer, member->packed, 0);
    if (member->packed) put(writer, " ");
    if (member->alignment != 0) put_number(writer, "_Alignas(", member->alignment, ") ");
    put_declaration(writer, member->type, NULL);
}

static void put_member(Writer *writer, const Member *member) {
    bool is_anonymous = member->name == NULL && !member->is_bitfield && is_untagged_record(member->type);
    put(writer, " ");
    if (is_anonymous) {
        put_anonymous(writer, member);
    } else {
        put_declaration(writer, member->type, member->name);
        if (member->is_bitfield) put_number(writer, " : ", member->bits, "");
        if (member->packed || member->alignment != 0) put(writer, " ");
        put_attributes(writer, member->packed, member->alignment);
    }
    put(writer, ";");
}

static void put_record(Writer *writer, const Type *type) {
    put(writer, type->kind == FERRY_STRUCT ? "struct " : "union ");
    if (type->name != NULL) {
        put(writer, type->name);
        return;
    }
    put_attributes(writer, type->packed, type->alignment);
    if (type->packed || type->alignment != 0) put(writer, " ");
    put(writer, "{");
    for (size_t index = 0; index < type->member_count && !is_full(writer); index++)
        put_member(writer, &type->members[index]);
    put(writer, type->member_count != 0 ? " }" : "}");
}

static void put_enum(Writer *writer, const Type *type) {
    put(writer, type->name != NULL ? "enum " : "enum : ");
    put(writer, type->name != NULL ? type->name : kind_spelling(type->base->kind));
}

static void put_pointer_left(Writer *writer, const Type *type) {
    put_left(writer, type->base);
    separate(writer);
    put(writer, has_suffix(type->base) ? "(*" : "*");
}

static void put_aligned_left(Writer *writer, const Type *type) {
    put_left(writer, type->base);
    if (type->base->kind == FERRY_ARRAY) return; /* written after its bound */
    if (writer->last != '*') put(writer, " ");
    put_number(writer, "[[gnu::aligned(", type->alignment, ")]]");
}

static void put_left(Writer *writer, const Type *type) {
    if (is_full(writer)) return;
    switch (type->kind) {
    case FERRY_POINTER: put_pointer_left(writer, type); break;
    case FERRY_ARRAY: put_left(writer, type->base); break;
    case FERRY_FUNCTION: put_left(writer, type->signature->result); break;
    case FERRY_ALIGNED: put_aligned_left(writer, type); break;
    case FERRY_STRUCT:
    case FERRY_UNION: put_record(writer, type); break;
    case FERRY_ENUM: put_enum(writer, type); break;
    case FERRY_VECTOR:
        put_left(writer, type->base);
        put_number(writer, " __attribute__((vector_size(", type->count, ")))");
        break;
    default: put(writer, kind_spelling(type->kind)); break;
    }
}

/* A call that has no arguments after the `...` says so with a void. */
static void put_parameters(Writer *writer, const Signature *signature) {
    put(writer, "(");
    for (size_t index = 0; index < signature->count && !is_full(writer); index++) {
        if (index == signature->fixed) put(writer, index == 0 ? "..., " : ", ...");
        if (index != 0) put(writer, ", ");
        put_declaration(writer, signature->parameters[index], NULL);
    }
    if (signature->variadic && signature->count == signature->fixed) {
        put(writer, signature->count == 0 ? "..." : ", ...");
        if (signature->of_call) put(writer, ", void");
    }
    if (!signature->variadic && signature->count == 0) put(writer, "void");
    put(writer, ")");
}

static void put_array_right(Writer *writer, const Type *array, uint64_t alignment) {
    if (array->count == FERRY_FLEXIBLE) {
        put(writer, "[]");
    } else {
        put_number(writer, "[", array->count, "]");
    }
    if (alignment != 0) put_number(writer, " [[gnu::aligned(", alignment, ")]]");
    put_right(writer, array->base);
}

static void put_right(Writer *writer, const Type *type) {
    if (is_full(writer)) return;
    switch (type->kind) {
    case FERRY_POINTER:
        if (has_suffix(type->base)) put(writer, ")");
        put_right(writer, type->base);
        break;
    case FERRY_ARRAY: put_array_right(writer, type, 0); break;
    case FERRY_FUNCTION:
        put_parameters(writer, type->signature);
        put_right(writer, type->signature->result);
        break;
    case FERRY_ALIGNED:
        if (type->base->kind == FERRY_ARRAY) {
            put_array_right(writer, type->base, type->alignment);
        } else {
            put_right(writer, type->base);
        }
        break;
    default: break;
    }
}

static size_t finish(Writer *writer) {
    if (is_full(writer)) put_always(writer, "...");
    if (writer->size != 0) writer->buffer[writer->length < writer->size ? writer->length : writer->size - 1] = '\0';
    return writer->length;
}

size_t type_spell(const Type *type, const char *name, char *buffer, size_t size) {
    Writer writer = {.buffer = buffer, .size = size};
    put_declaration(&writer, type, name);
    return finish(&writer);
}

size_t signature_spell(const Signature *signature, const char *name, char *buffer, size_t size) {
    Writer writer = {.buffer = buffer, .size = size};
    Type function = {.kind = FERRY_FUNCTION, .signature = signature};
    put_declaration(&writer, &function, name);
    return finish(&writer);
}
