/* abi/parse_attribute.c: attributes, GNU's and C23's.
 *
 * An attribute is read in one of three ways: it makes a type (packed, aligned, vector_size), it cannot change how
 * values travel (ignored), or it is refused. Unknown ones are refused too: nobody knows what they change.
 */
#include "abi/parse_internal.h"

#include <string.h>

typedef enum AttributeClass { ATTRIBUTE_PACKED, ATTRIBUTE_ALIGNED, ATTRIBUTE_VECTOR, ATTRIBUTE_REFUSED } AttributeClass;

static const struct Rule {
    const char *name;
    AttributeClass class;
    const char *reason;
} rules[] = {
    {"packed", ATTRIBUTE_PACKED, NULL},
    {"aligned", ATTRIBUTE_ALIGNED, NULL},
    {"vector_size", ATTRIBUTE_VECTOR, NULL},
    {"ms_abi", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"sysv_abi", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"stdcall", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"fastcall", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"thiscall", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"cdecl", ATTRIBUTE_REFUSED, "it chooses a calling convention"},
    {"regparm", ATTRIBUTE_REFUSED, "it passes arguments in other registers"},
    {"sseregparm", ATTRIBUTE_REFUSED, "it passes arguments in other registers"},
    {"pcs", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"vectorcall", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"preserve_none", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"preserve_most", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"preserve_all", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"aarch64_vector_pcs", ATTRIBUTE_REFUSED, "it chooses another calling convention"},
    {"interrupt", ATTRIBUTE_REFUSED, "such a function cannot be called"},
    {"naked", ATTRIBUTE_REFUSED, "how such a function is called is not in its declaration"},
    {"target", ATTRIBUTE_REFUSED, "it changes which registers pass vectors"},
    {"target_clones", ATTRIBUTE_REFUSED, "it changes which registers pass vectors"},
    {"transparent_union", ATTRIBUTE_REFUSED, "the union travels as its first member"},
    {"mode", ATTRIBUTE_REFUSED, "it replaces the type; write the type that is meant"},
    {"scalar_storage_order", ATTRIBUTE_REFUSED, "it changes the order of bytes"},
    {"ms_struct", ATTRIBUTE_REFUSED, "it changes the layout"},
    {"gcc_struct", ATTRIBUTE_REFUSED, "it changes the layout"},
    {"ext_vector_type", ATTRIBUTE_REFUSED, "write the vector with vector_size"},
    {"neon_vector_type", ATTRIBUTE_REFUSED, "write the vector with vector_size"},
    {"address_space", ATTRIBUTE_REFUSED, "there are no pointers into other address spaces"},
    {"hardbool", ATTRIBUTE_REFUSED, "its values are not those of _Bool"},
};

/* What compilers, linkers and people are told, and calls are not. */
static const char *const harmless[] = {
    "access",
    "alias",
    "alloc_align",
    "alloc_size",
    "always_inline",
    "artificial",
    "assume_aligned",
    "availability",
    "cold",
    "common",
    "const",
    "constructor",
    "counted_by",
    "deprecated",
    "designated_init",
    "destructor",
    "diagnose_if",
    "enum_extensibility",
    "error",
    "externally_visible",
    "fallthrough",
    "fd_arg",
    "fd_arg_read",
    "fd_arg_write",
    "flag_enum",
    "flatten",
    "format",
    "format_arg",
    "gnu_inline",
    "hot",
    "ifunc",
    "leaf",
    "malloc",
    "may_alias",
    "maybe_unused",
    "no_icf",
    "no_instrument_function",
    "no_reorder",
    "no_sanitize",
    "no_sanitize_address",
    "no_sanitize_thread",
    "no_sanitize_undefined",
    "no_split_stack",
    "no_stack_limit",
    "no_stack_protector",
    "nocf_check",
    "noclone",
    "nocommon",
    "nodiscard",
    "noduplicate",
    "noescape",
    "noinit",
    "noinline",
    "noipa",
    "nonnull",
    "nonstring",
    "noplt",
    "noreturn",
    "nothrow",
    "null_terminated_string_arg",
    "optimize",
    "patchable_function_entry",
    "persistent",
    "pure",
    "reproducible",
    "retain",
    "returns_nonnull",
    "returns_twice",
    "section",
    "sentinel",
    "stack_protect",
    "strict_flex_array",
    "swift_name",
    "symver",
    "tainted_args",
    "tls_model",
    "unavailable",
    "unsequenced",
    "unused",
    "used",
    "visibility",
    "warn_if_not_aligned",
    "warn_unused",
    "warn_unused_result",
    "warning",
    "weak",
    "weakref",
    "zero_call_used_regs",
};

bool token_starts_gnu(const Parser *parser) {
    return token_is_keyword(&parser->token, KEYWORD_ATTRIBUTE);
}

ferry_code parse_starts_brackets(Parser *parser, bool *starts) {
    *starts = false;
    if (!token_is(&parser->token, '[')) return FERRY_OK;
    Token next;
    TRY(parse_peek(parser, &next));
    *starts = token_is(&next, '[');
    return FERRY_OK;
}

/* The name without the underscores of __name__. */
static void plain_name(const Parser *parser, const Token *token, const char **name, size_t *length) {
    *name = token_text(parser, token);
    *length = token->length;
    bool dressed = *length > 4 && memcmp(*name, "__", 2) == 0 && memcmp(*name + *length - 2, "__", 2) == 0;
    if (!dressed) return;
    *name += 2;
    *length -= 4;
}

static bool same_name(const char *known, const char *name, size_t length) {
    return strncmp(known, name, length) == 0 && known[length] == '\0';
}

static bool is_harmless(const char *name, size_t length) {
    for (size_t index = 0; index < COUNT_OF(harmless); index++)
        if (same_name(harmless[index], name, length)) return true;
    return false;
}

/* Skips ( ... ) with everything inside, where one begins. */
static ferry_code skip_arguments(Parser *parser) {
    if (!token_is(&parser->token, '(')) return FERRY_OK;
    size_t open = 0;
    do {
        const Token *token = &parser->token;
        if (token->kind == TOKEN_END) return parse_expected(parser, "')'");
        open += token_is(token, '(');
        open -= token_is(token, ')');
        TRY(parse_advance(parser));
    } while (open != 0);
    return FERRY_OK;
}

static ferry_code read_argument(Parser *parser, const Token *at, uint64_t limit, uint64_t *argument) {
    Constant value;
    TRY(parse_punctuator(parser, '(', "'('"));
    TRY(parse_constant(parser, &value));
    TRY(parse_punctuator(parser, ')', "')'"));
    if (constant_is_negative(&value) || value.bits > limit || !is_power_of_two(value.bits)) {
        char quote[QUOTE_BYTES];
        return parse_fail(parser, at, FERRY_INVALID, "the argument of %s must be a power of two up to %llu",
                          parse_quote(parser, at, quote), (unsigned long long)limit);
    }
    *argument = value.bits;
    return FERRY_OK;
}

#define ALIGNMENT_LIMIT (UINT64_C(1) << 28) /* gcc's own */

static ferry_code read_aligned(Parser *parser, const Token *at, Attributes *attributes) {
    uint64_t alignment = 0;
    if (!token_is(&parser->token, '(')) {
        return parse_fail(parser, at, FERRY_UNSUPPORTED,
                          "'aligned' without a number is not supported: the largest alignment differs between targets");
    }
    TRY(read_argument(parser, at, ALIGNMENT_LIMIT, &alignment));
    if (alignment > attributes->alignment) attributes->alignment = alignment;
    attributes->aligned_at = *at;
    return FERRY_OK;
}

static ferry_code read_vector(Parser *parser, const Token *at, Attributes *attributes) {
    uint64_t bytes = 0;
    TRY(read_argument(parser, at, UINT32_MAX, &bytes));
    attributes->vector_bytes = (uint32_t)bytes;
    attributes->vector_at = *at;
    return FERRY_OK;
}

static const struct Rule *find_rule(const char *name, size_t length) {
    for (size_t index = 0; index < COUNT_OF(rules); index++)
        if (same_name(rules[index].name, name, length)) return &rules[index];
    return NULL;
}

/* after the name, before its arguments; is_gnu: it may be one of GNU's that make types */
static ferry_code read_known(Parser *parser, const Token *at, bool is_gnu, Attributes *attributes) {
    const char *name;
    size_t length;
    char quote[QUOTE_BYTES];
    plain_name(parser, at, &name, &length);
    if (is_harmless(name, length)) return skip_arguments(parser);
    const struct Rule *rule = find_rule(name, length);
    parse_quote(parser, at, quote);
    if (rule == NULL || (!is_gnu && rule->class != ATTRIBUTE_REFUSED)) {
        return parse_fail(parser, at, FERRY_UNSUPPORTED,
                          "the attribute %s is not known: it may change how values travel", quote);
    }
    switch (rule->class) {
    case ATTRIBUTE_ALIGNED: return read_aligned(parser, at, attributes);
    case ATTRIBUTE_VECTOR: return read_vector(parser, at, attributes);
    case ATTRIBUTE_REFUSED:
        return parse_fail(parser, at, FERRY_UNSUPPORTED, "the attribute %s is not supported: %s", quote, rule->reason);
    case ATTRIBUTE_PACKED: break;
    }
    attributes->packed = true;
    attributes->packed_at = *at;
    return FERRY_OK;
}

static bool names_attribute(const Token *token) {
    return token->kind == TOKEN_NAME || token->kind == TOKEN_KEYWORD;
}

static ferry_code read_gnu(Parser *parser, Attributes *attributes) {
    TRY(parse_advance(parser));
    TRY(parse_punctuator(parser, '(', "'(('"));
    TRY(parse_punctuator(parser, '(', "'(('"));
    while (!token_is(&parser->token, ')')) {
        Token at = parser->token;
        if (token_is(&at, ',')) { /* empty ones are allowed */
            TRY(parse_advance(parser));
            continue;
        }
        if (!names_attribute(&at)) return parse_expected(parser, "the name of an attribute");
        TRY(parse_advance(parser));
        TRY(read_known(parser, &at, true, attributes));
        if (!token_is(&parser->token, ',') && !token_is(&parser->token, ')'))
            return parse_expected(parser, "',' or ')'");
    }
    TRY(parse_advance(parser));
    return parse_punctuator(parser, ')', "'))'");
}

/* An attribute with or without the name of its vendor before it: gnu::packed. */
static ferry_code read_vendor(Parser *parser, Attributes *attributes) {
    Token at = parser->token;
    bool is_gnu = false;
    if (!names_attribute(&at)) return parse_expected(parser, "the name of an attribute");
    TRY(parse_advance(parser));
    if (token_is(&parser->token, PUNCTUATOR(':', ':'))) {
        is_gnu = token_is_word(parser, &at, "gnu") || token_is_word(parser, &at, "__gnu__");
        bool is_clang = token_is_word(parser, &at, "clang") || token_is_word(parser, &at, "_Clang");
        char quote[QUOTE_BYTES];
        if (!is_gnu && !is_clang) {
            return parse_fail(parser, &at, FERRY_UNSUPPORTED,
                              "the attributes of %s are not known: they may change how values travel",
                              parse_quote(parser, &at, quote));
        }
        TRY(parse_advance(parser));
        at = parser->token;
        if (!names_attribute(&at)) return parse_expected(parser, "the name of an attribute");
        TRY(parse_advance(parser));
    }
    return read_known(parser, &at, is_gnu, attributes);
}

static ferry_code read_brackets(Parser *parser, Attributes *attributes) {
    TRY(parse_advance(parser));
    TRY(parse_advance(parser));
    while (!token_is(&parser->token, ']')) {
        if (token_is(&parser->token, ',')) {
            TRY(parse_advance(parser));
            continue;
        }
        TRY(read_vendor(parser, attributes));
        if (!token_is(&parser->token, ',') && !token_is(&parser->token, ']'))
            return parse_expected(parser, "',' or ']'");
    }
    TRY(parse_advance(parser));
    return parse_punctuator(parser, ']', "']]'");
}

ferry_code parse_gnu_attributes(Parser *parser, Attributes *attributes) {
    while (token_starts_gnu(parser)) TRY(read_gnu(parser, attributes));
    return FERRY_OK;
}

ferry_code parse_brackets(Parser *parser, Attributes *attributes) {
    bool starts;
    TRY(parse_starts_brackets(parser, &starts));
    while (starts) {
        TRY(read_brackets(parser, attributes));
        TRY(parse_starts_brackets(parser, &starts));
    }
    return FERRY_OK;
}

ferry_code parse_attributes(Parser *parser, Attributes *attributes) {
    bool starts;
    TRY(parse_starts_brackets(parser, &starts));
    while (starts || token_starts_gnu(parser)) {
        TRY(starts ? read_brackets(parser, attributes) : read_gnu(parser, attributes));
        TRY(parse_starts_brackets(parser, &starts));
    }
    return FERRY_OK;
}

ferry_code refuse_attributes(Parser *parser, const Attributes *attributes, const char *where) {
    const Token *at = attributes->vector_bytes != 0 ? &attributes->vector_at : &attributes->aligned_at;
    if (attributes->vector_bytes == 0 && attributes->alignment == 0) return FERRY_OK; /* packed changes nothing there */
    char quote[QUOTE_BYTES];
    return parse_fail(parser, at, FERRY_UNSUPPORTED, "the attribute %s is not supported %s",
                      parse_quote(parser, at, quote), where);
}

/* The alignment of a type where all targets agree, else 0. */
static uint64_t certain_alignment(const Type *type) {
    if (type->kind == FERRY_ALIGNED) return type->alignment;
    if (type->kind == FERRY_FLOAT) return 4;
    if (!kind_is_integer(type->kind)) return 0;
    uint32_t bits = kind_width(type->kind).bits;
    return bits == 1 ? 1 : bits <= 32 ? bits / 8 : 0; /* i386 aligns 64 bits to 4 */
}

static ferry_code read_alignas_type(Parser *parser, uint64_t *alignment) {
    Token at = parser->token;
    const Type *type;
    TRY(parse_type_name(parser, false, &type));
    *alignment = certain_alignment(type);
    if (*alignment != 0) return FERRY_OK;
    return parse_fail(
        parser, &at, FERRY_UNSUPPORTED,
        "_Alignas of a type is not supported here: its alignment differs between targets; write a number");
}

ferry_code parse_alignas(Parser *parser, uint64_t *alignment) {
    uint64_t wanted;
    TRY(parse_advance(parser));
    TRY(parse_punctuator(parser, '(', "'('"));
    if (token_starts_type(parser, &parser->token)) {
        TRY(read_alignas_type(parser, &wanted));
    } else {
        Token at = parser->token;
        Constant value;
        TRY(parse_constant(parser, &value));
        wanted = value.bits;
        if (wanted != 0 && (!is_power_of_two(wanted) || wanted > ALIGNMENT_LIMIT)) {
            return parse_fail(parser, &at, FERRY_INVALID,
                              "the argument of _Alignas must be 0 or a power of two up to %llu",
                              (unsigned long long)ALIGNMENT_LIMIT);
        }
    }
    if (wanted > *alignment) *alignment = wanted;
    return parse_punctuator(parser, ')', "')'");
}
