/* abi/parse_record.c: struct and union. */
#include "abi/parse_internal.h"

#include <stdio.h>
#include <string.h>

/* The members that were read so far. Names are interned: equal names are equal pointers. */
typedef struct Members {
    ferry_kind kind; /* of the record */
    Member *list;
    size_t count;
    size_t capacity;
    Table names;
    bool has_flexible;
    Token flexible_at;
} Members;

static const char *const tag_prefixes[] = {[FERRY_ENUM] = "enum", [FERRY_STRUCT] = "struct", [FERRY_UNION] = "union"};

ferry_code parse_find_tag(Parser *parser, const Token *tag, ferry_kind kind, const Symbol **symbol) {
    *symbol = scope_lookup(parser->scope, SPACE_TAG, token_text(parser, tag), tag->length);
    if (*symbol == NULL || (*symbol)->declaration.type->kind == kind) return FERRY_OK;
    char quote[QUOTE_BYTES];
    return parse_fail(parser, tag, FERRY_INVALID, "%s was declared as %s before, not as %s",
                      parse_quote(parser, tag, quote), tag_prefixes[(*symbol)->declaration.type->kind],
                      tag_prefixes[kind]);
}

ferry_code parse_declare_tag(Parser *parser, const Token *tag, const Type *type) {
    const char *prefix = tag_prefixes[type->kind];
    size_t prefix_length = strlen(prefix) + 1;
    char *name = arena_new(&parser->scratch, prefix_length + tag->length + 1);
    if (name == NULL) return fail_out_of_memory(parser->error, "the name of a tag");
    memcpy(name, prefix, prefix_length - 1);
    name[prefix_length - 1] = ' ';
    memcpy(name + prefix_length, token_text(parser, tag), tag->length);
    ferry_declaration declaration = {.what = FERRY_DECLARED_TAG, .type = type};
    TRY(type_intern_name(parser->types, name, prefix_length + tag->length, &declaration.name, parser->error));
    return scope_append(parser->scope, SPACE_TAG, &declaration, NULL, parser->error);
}

static bool name_is(const void *value, const void *key) {
    return value == key;
}

static ferry_code add_name(Parser *parser, Members *members, const Token *at, const char *name) {
    uint64_t hash = hash_number(0, (uint64_t)(uintptr_t)name);
    if (table_find(&members->names, hash, name_is, name) != NULL) {
        return parse_fail(parser, at, FERRY_INVALID, "two members are named '%.40s'", name);
    }
    if (!table_reserve(&members->names)) return fail_out_of_memory(parser->error, "the members of a struct");
    table_insert(&members->names, hash, name);
    return FERRY_OK;
}

static bool is_record(const Type *type) {
    return type->kind == FERRY_STRUCT || type->kind == FERRY_UNION;
}

/* The names of an anonymous member count as those of the record around it. */
static ferry_code add_names(Parser *parser, Members *members, const Token *at, const Member *member) {
    if (member->name != NULL) return add_name(parser, members, at, member->name);
    const Type *type = type_strip(member->type);
    if (member->is_bitfield || !is_record(type)) return FERRY_OK;
    for (size_t index = 0; index < type->member_count; index++)
        TRY(add_names(parser, members, at, &type->members[index]));
    return FERRY_OK;
}

static ferry_code check_member(Parser *parser, Members *members, const Token *at, const Member *member) {
    const Type *type = type_strip(member->type);
    if (members->count == TYPE_MEMBER_LIMIT) {
        return parse_fail(parser, at, FERRY_TOO_LARGE, "more than %d members", TYPE_MEMBER_LIMIT);
    }
    if (members->has_flexible) {
        return parse_fail(parser, &members->flexible_at, FERRY_INVALID,
                          "a flexible array must be the last member of its struct");
    }
    if (type->kind == FERRY_FUNCTION || type->kind == FERRY_VOID) {
        return parse_fail(parser, at, FERRY_INVALID, "a member cannot be %s",
                          type->kind == FERRY_VOID ? "void" : "a function, only a pointer to one");
    }
    if (!type->complete) {
        return parse_fail(parser, at, FERRY_INCOMPLETE, "a member needs a complete type: %s %.40s is not defined yet",
                          tag_prefixes[type->kind], type->name);
    }
    bool is_flexible = type->kind == FERRY_ARRAY && type->count == FERRY_FLEXIBLE;
    if (is_flexible && members->kind == FERRY_UNION) {
        return parse_fail(parser, at, FERRY_INVALID, "a flexible array cannot be a member of a union");
    }
    members->has_flexible = is_flexible;
    members->flexible_at = *at;
    return FERRY_OK;
}

static ferry_code add_member(Parser *parser, Members *members, const Token *at, const Member *member) {
    TRY(check_member(parser, members, at, member));
    TRY(add_names(parser, members, at, member));
    members->list = parse_grow(parser, members->list, members->count, &members->capacity, sizeof *members->list);
    if (members->list == NULL) return fail_out_of_memory(parser->error, "the members of a struct");
    members->list[members->count++] = *member;
    return FERRY_OK;
}

static ferry_code read_width(Parser *parser, const Specifiers *specifiers, const Declarator *declarator,
                             Member *member) {
    Constant width;
    TRY(parse_advance(parser));
    Token at = parser->token;
    TRY(parse_constant(parser, &width));
    const Type *type = type_strip(member->type);
    char quote[QUOTE_BYTES];
    parse_quote(parser, &declarator->at, quote);
    if (type->kind != FERRY_ENUM && !kind_is_integer(type->kind)) {
        return parse_fail(parser, &declarator->at, FERRY_INVALID, "a bit-field needs an integer type");
    }
    if (specifiers->alignas != 0) {
        return parse_fail(parser, &specifiers->alignas_at, FERRY_SYNTAX, "_Alignas cannot align a bit-field");
    }
    if (constant_is_negative(&width) || width.bits > 128) {
        return parse_fail(parser, &at, FERRY_INVALID, "the width of a bit-field must be 0 to 128");
    }
    if (width.bits == 0 && declarator->named) {
        return parse_fail(parser, &at, FERRY_INVALID, "the bit-field %s has width 0; only one without a name can",
                          quote);
    }
    const Type *base = type->kind == FERRY_ENUM ? type->base : type;
    uint32_t limit = kind_width(base->kind).bits;
    if (limit != 0 && width.bits > limit) {
        return parse_fail(parser, &at, FERRY_INVALID, "%llu bits do not fit the type of the bit-field, which has %u",
                          (unsigned long long)width.bits, limit);
    }
    member->is_bitfield = true;
    member->bits = (uint32_t)width.bits;
    return FERRY_OK;
}

static uint64_t larger(uint64_t left, uint64_t right) {
    return left > right ? left : right;
}

/* One declarator of a member declaration; `int : 3` has none before its width. */
static ferry_code read_declarator(Parser *parser, Members *members, const Specifiers *specifiers,
                                  Declarator *declarator) {
    const Type *base;
    Member member = {.packed = specifiers->attributes.packed, .alignment = specifiers->alignas};
    declarator->at = parser->token;
    if (!token_is(&parser->token, ':')) TRY(parse_declarator(parser, NAME_REQUIRED, declarator));
    TRY(parse_gnu_attributes(parser, &declarator->attributes));
    bool is_bitfield = token_is(&parser->token, ':');
    if (is_bitfield && declarator->first == NULL) {
        member.type = specifiers->type;
        TRY(read_width(parser, specifiers, declarator, &member));
        TRY(parse_attributes(parser, &declarator->attributes));
    }
    TRY(parse_vector_base(parser, &declarator->attributes, specifiers->type, &base));
    if (!member.is_bitfield) TRY(parse_build(parser, base, declarator, false, &member.type));
    member.packed |= declarator->attributes.packed;
    member.alignment =
        larger(member.alignment, larger(specifiers->attributes.alignment, declarator->attributes.alignment));
    if (declarator->named) {
        TRY(type_intern_name(parser->types, token_text(parser, &declarator->at), declarator->at.length, &member.name,
                             parser->error));
    }
    return add_member(parser, members, &declarator->at, &member);
}

static ferry_code read_declarators(Parser *parser, Members *members, const Specifiers *specifiers) {
    Declarator declarator = {0};
    while (true) {
        TRY(read_declarator(parser, members, specifiers, &declarator));
        if (!token_is(&parser->token, ',')) break;
        TRY(parse_advance(parser));
        declarator = (Declarator){0};
        TRY(parse_gnu_attributes(parser, &declarator.attributes));
    }
    return parse_punctuator(parser, ';', "',' or ';'");
}

static ferry_code add_anonymous(Parser *parser, Members *members, const Specifiers *specifiers) {
    if (!specifiers->defines_untagged) {
        if (specifiers->declares_tag) return FERRY_OK; /* only a tag, no member */
        return parse_expected(parser, "the name of a member");
    }
    const Attributes *attributes = &specifiers->attributes;
    if (attributes->packed || attributes->alignment != 0) {
        return parse_fail(parser, attributes->packed ? &attributes->packed_at : &attributes->aligned_at,
                          FERRY_UNSUPPORTED,
                          "gcc ignores attributes in front of an anonymous struct or union, clang does not: write them "
                          "behind its '}'");
    }
    Member member = {.type = specifiers->type, .alignment = specifiers->alignas};
    return add_member(parser, members, &specifiers->at, &member);
}

static ferry_code read_member(Parser *parser, Members *members) {
    Specifiers specifiers;
    if (token_is(&parser->token, ';')) return parse_advance(parser);
    if (token_is_keyword(&parser->token, KEYWORD_ASSERT)) return parse_static_assert(parser);
    TRY(parse_specifiers(parser, CONTEXT_MEMBER, &specifiers));
    if (!token_is(&parser->token, ';')) return read_declarators(parser, members, &specifiers);
    TRY(add_anonymous(parser, members, &specifiers));
    return parse_advance(parser);
}

static ferry_code read_body(Parser *parser, const Token *tag, Members *members) {
    OpenTag open = {.outer = parser->open};
    if (tag != NULL) {
        open.name = token_text(parser, tag);
        open.length = tag->length;
        parser->open = &open;
    }
    TRY(parse_enter(parser));
    TRY(parse_advance(parser));
    while (!token_is(&parser->token, '}')) {
        if (parser->token.kind == TOKEN_END) return parse_expected(parser, "a member or '}'");
        TRY(read_member(parser, members));
    }
    TRY(parse_advance(parser));
    parse_leave(parser);
    parser->open = open.outer;
    return FERRY_OK;
}

static bool is_being_defined(const Parser *parser, const Token *tag) {
    for (const OpenTag *open = parser->open; open != NULL; open = open->outer) {
        bool same = open->length == tag->length && memcmp(open->name, token_text(parser, tag), tag->length) == 0;
        if (same) return true;
    }
    return false;
}

static ferry_code intern_tag(Parser *parser, const Token *tag, const char **name) {
    *name = NULL;
    if (tag == NULL) return FERRY_OK;
    return type_intern_name(parser->types, token_text(parser, tag), tag->length, name, parser->error);
}

/* The tag means what was read from now on; the same definition once more is none. */
static ferry_code complete_tag(Parser *parser, const Token *tag, const Type **type) {
    const Symbol *symbol;
    TRY(parse_find_tag(parser, tag, (*type)->kind, &symbol));
    if (symbol == NULL || !symbol->declaration.type->complete) return parse_declare_tag(parser, tag, *type);
    char quote[QUOTE_BYTES];
    if (!types_agree(symbol->declaration.type, *type)) {
        return parse_fail(parser, tag, FERRY_INVALID, "%s %s was defined with other members before",
                          tag_prefixes[(*type)->kind], parse_quote(parser, tag, quote));
    }
    *type = symbol->declaration.type;
    return FERRY_OK;
}

static ferry_code define(Parser *parser, const Token *at, ferry_kind kind, const Token *tag, Attributes *attributes,
                         const Type **type) {
    Members members = {.kind = kind, .names = {.allocator = parser->scratch.allocator}};
    const Symbol *symbol;
    const char *name;
    char quote[QUOTE_BYTES];
    if (tag != NULL && is_being_defined(parser, tag)) {
        return parse_fail(parser, tag, FERRY_INVALID, "%s is defined inside of itself",
                          parse_quote(parser, tag, quote));
    }
    if (tag != NULL) TRY(parse_find_tag(parser, tag, kind, &symbol));
    ferry_code code = read_body(parser, tag, &members);
    table_free(&members.names);
    TRY(code);
    TRY(parse_gnu_attributes(parser, attributes));
    if (attributes->vector_bytes != 0) return refuse_attributes(parser, attributes, "on a struct or union");
    ferry_record_options options = {.packed = attributes->packed, .alignment = attributes->alignment};
    TRY(intern_tag(parser, tag, &name));
    code = type_record(parser->types, kind, name, members.list, members.count, &options, type, parser->error);
    TRY(parse_placed(parser, at, code));
    return tag != NULL ? complete_tag(parser, tag, type) : FERRY_OK;
}

static ferry_code refer(Parser *parser, ferry_kind kind, const Token *tag, const Type **type) {
    const Symbol *symbol;
    const char *name;
    TRY(parse_find_tag(parser, tag, kind, &symbol));
    if (symbol != NULL) {
        *type = symbol->declaration.type;
        return FERRY_OK;
    }
    TRY(intern_tag(parser, tag, &name));
    TRY(type_incomplete(parser->types, kind, name, type, parser->error));
    if (is_being_defined(parser, tag)) return FERRY_OK;
    return parse_declare_tag(parser, tag, *type);
}

ferry_code parse_record(Parser *parser, Specifiers *specifiers) {
    Token at = parser->token, tag = {0};
    ferry_kind kind = (ferry_kind)at.keyword->value;
    Attributes attributes = {0};
    TRY(parse_advance(parser));
    TRY(parse_attributes(parser, &attributes));
    bool has_tag = parser->token.kind == TOKEN_NAME;
    if (has_tag) {
        tag = parser->token;
        TRY(parse_advance(parser));
    }
    specifiers->declares_tag = true;
    if (token_is(&parser->token, '{')) {
        specifiers->defines_untagged = !has_tag;
        return define(parser, &at, kind, has_tag ? &tag : NULL, &attributes, &specifiers->type);
    }
    if (!has_tag) return parse_expected(parser, "a tag or '{'");
    return refer(parser, kind, &tag, &specifiers->type);
}
