/* abi/parse_internal.h: what the files of the parser share, under the name of the file that owns it.
 *
 * Way of a text: bytes -> tokens (lex.c) -> specifiers and declarators (parse_specifier.c, parse_declarator.c)
 *   -> types (type.h) -> symbols of the scope (scope.c). Every production returns a must-use error that is already
 *   placed in the text.
 *
 * Invariants
 *   depth <= PARSE_DEPTH_LIMIT: every production that can contain itself counts one
 *   memory of a parse is in `scratch`; what survives it is interned in `types` or is a symbol
 *   symbols are only ever appended, so that undoing a failed text is cutting them off
 */
#ifndef FERRY_ABI_PARSE_INTERNAL_H
#define FERRY_ABI_PARSE_INTERNAL_H

#include "abi/parse.h"

#ifndef PARSE_DEPTH_LIMIT
#define PARSE_DEPTH_LIMIT 200 /* parentheses, braces, operators and parameter lists inside each other */
#endif

/* ---- lex.c ---------------------------------------------------------------------------------------------------- */

typedef enum KeywordClass {
    KEYWORD_WORD,      /* of a scalar type: value is a WORD_* */
    KEYWORD_QUALIFIER, /* const, restrict, ...: no part of a type here */
    KEYWORD_TYPEDEF,
    KEYWORD_STORAGE,  /* extern, static, auto, thread-local */
    KEYWORD_REGISTER, /* the one storage class of parameters */
    KEYWORD_FUNCTION, /* inline, _Noreturn */
    KEYWORD_RECORD,   /* value: FERRY_STRUCT or FERRY_UNION */
    KEYWORD_ENUM,
    KEYWORD_ATTRIBUTE, /* __attribute__ */
    KEYWORD_ALIGNAS,
    KEYWORD_SIZEOF, /* sizeof, _Alignof, offsetof: need a target */
    KEYWORD_ASSERT, /* _Static_assert */
    KEYWORD_ASM,
    KEYWORD_EXTENSION, /* __extension__: nothing */
    KEYWORD_REFUSED,   /* reason says why */
    KEYWORD_STATEMENT  /* if, return, ...: reserved, never part of a declaration */
} KeywordClass;

enum {
    WORD_VOID = 1 << 0,
    WORD_BOOL = 1 << 1,
    WORD_CHAR = 1 << 2,
    WORD_SHORT = 1 << 3,
    WORD_INT = 1 << 4,
    WORD_LONG = 1 << 5,
    WORD_LONG_LONG = 1 << 6, /* two of them */
    WORD_SIGNED = 1 << 7,
    WORD_UNSIGNED = 1 << 8,
    WORD_INT128 = 1 << 9,
    WORD_FLOAT16 = 1 << 10,
    WORD_BFLOAT16 = 1 << 11,
    WORD_FLOAT = 1 << 12,
    WORD_DOUBLE = 1 << 13,
    WORD_FLOAT128 = 1 << 14,
    WORD_COMPLEX = 1 << 15,
    WORD_FLOAT32 = 1 << 16, /* _Float32: float, but not in `long float` */
    WORD_FLOAT64 = 1 << 17
};

typedef struct Keyword {
    const char *spelling;
    KeywordClass class;
    uint32_t value;
    const char *reason; /* KEYWORD_REFUSED */
} Keyword;

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_KEYWORD,
    TOKEN_NUMBER,
    TOKEN_CHARACTER,
    TOKEN_STRING,
    TOKEN_PUNCTUATOR
} TokenKind;

typedef struct Token {
    TokenKind kind;
    uint32_t punctuator; /* its characters, the first in the low byte: '(' or PUNCTUATOR('<', '<') */
    const Keyword *keyword;
    size_t offset;
    size_t length;
} Token;

#define PUNCTUATOR(first, second) ((uint32_t)(first) | (uint32_t)(second) << 8)
#define ELLIPSIS                  ((uint32_t)'.' | (uint32_t)'.' << 8 | (uint32_t)'.' << 16)

typedef struct Lexer {
    const char *text;
    size_t length;
    size_t position; /* of the next byte to look at */
} Lexer;

MUST_USE ferry_code lex_next(Lexer *lexer, Token *token, ferry_error *error);
size_t utf8_length(const char *text, size_t length); /* of the character at text in bytes; 0: malformed */
/* All keywords that begin a type, for suggestions; *spelling NULL: another keyword; false: no more. */
bool lex_keyword_at(size_t index, const char **spelling);

/* ---- scope.c --------------------------------------------------------------------------------------------------- */

/* The value of an integer constant expression with the C type it has: (unsigned) int, or 64 bits wide. Signed values
 * are kept sign-extended, narrow unsigned ones zero-extended. */
typedef struct Constant {
    uint64_t bits;
    bool is_unsigned;
    bool is_wide;
    bool is_variable; /* names something that is no constant: only the bound of a parameter may */
} Constant;

typedef struct Symbol {
    ferry_declaration declaration;
    Constant constant; /* of an enumerator */
    const char *key;   /* the name without "struct " */
    size_t key_length;
    uint64_t hash;
    uint32_t older; /* the next symbol in its bucket, SYMBOL_NONE at the end */
} Symbol;
#define SYMBOL_NONE UINT32_MAX

/* Tags have a name space of their own. */
typedef enum NameSpace { SPACE_ORDINARY, SPACE_TAG } NameSpace;

struct ferry_scope {
    TypeTable *types;
    const ferry_allocator *allocator;
    Symbol *symbols;
    size_t count;
    size_t capacity;
    uint32_t *buckets;   /* the newest symbol of each */
    size_t bucket_count; /* a power of two, or 0 */
};

Symbol *scope_lookup(const Scope *scope, NameSpace space, const char *name, size_t length);
MUST_USE ferry_code scope_append(Scope *scope, NameSpace space, const ferry_declaration *declaration,
                                 const Constant *constant, ferry_error *error);
void scope_cut(Scope *scope, size_t count); /* back to the first `count` symbols */
/* The type with tags that have been completed meanwhile completed, outside of records and functions. */
MUST_USE ferry_code scope_refresh(const Scope *scope, const Type *type, const Type **refreshed, ferry_error *error);

/* ---- parse_names.c: the names that a text need not declare ------------------------------------------------------ */

typedef struct KnownName KnownName;
const KnownName *known_find(const char *name, size_t length);
bool known_at(size_t index, const char **name); /* false: no more */
MUST_USE ferry_code known_type(const KnownName *name, TypeTable *types, const Type **type, ferry_error *error);

/* ---- the parser ------------------------------------------------------------------------------------------------ */

/* A record whose body is being read; its tag names the incomplete type until the brace closes. */
typedef struct OpenTag {
    const char *name;
    size_t length;
    const struct OpenTag *outer;
} OpenTag;

typedef struct Parser {
    Lexer lexer;
    Token token;     /* the one to be read next */
    size_t last_end; /* where the token before it ended */
    Scope *scope;
    TypeTable *types;
    Arena scratch;
    const OpenTag *open;
    uint32_t depth;
    uint32_t parameter_lists; /* that we are inside of */
    uint32_t unevaluated;     /* > 0: in the branch of && || ?: that does not count */
    bool names_optional;      /* a function type without a name is a declaration too (signatures) */
    const Signature *unnamed; /* the last such */
    ferry_error *error;
} Parser;

/* parse_error.c */
ferry_code fail_in_text(const Lexer *lexer, size_t offset, ferry_error *error, ferry_code code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
ferry_code parse_fail(Parser *parser, const Token *at, ferry_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
ferry_code parse_expected(Parser *parser, const char *what); /* "expected WHAT, found ..." at the current token */
ferry_code parse_refused(Parser *parser, const Token *keyword);
/* "unknown type 'x', did you mean 'y'?"; wanted: FERRY_DECLARED_TYPEDEF or FERRY_DECLARED_ENUMERATOR. */
ferry_code parse_unknown(Parser *parser, const Token *name, ferry_declared wanted);
/* Gives an error that comes from the types its place; the code itself is returned. */
MUST_USE ferry_code parse_placed(Parser *parser, const Token *at, ferry_code code);
#define QUOTE_BYTES 64
const char *parse_quote(const Parser *parser, const Token *token, char buffer[QUOTE_BYTES]);

/* parse.c: moving through the tokens, and the entry points of parse.h */
MUST_USE ferry_code parse_advance(Parser *parser);
MUST_USE ferry_code parse_peek(Parser *parser, Token *token); /* the token after the current one */
MUST_USE ferry_code parse_enter(Parser *parser);              /* one level deeper; parse_leave when it is done */
static inline void parse_leave(Parser *parser) {
    parser->depth--;
}
MUST_USE ferry_code parse_punctuator(Parser *parser, uint32_t punctuator, const char *what); /* read it, or fail */
const char *token_text(const Parser *parser, const Token *token);
static inline bool token_is(const Token *token, uint32_t punctuator) {
    return token->kind == TOKEN_PUNCTUATOR && token->punctuator == punctuator;
}
static inline bool token_is_keyword(const Token *token, KeywordClass class) {
    return token->kind == TOKEN_KEYWORD && token->keyword->class == class;
}
bool token_is_word(const Parser *parser, const Token *token, const char *word); /* a name spelled like that */
/* An array in scratch with room for one more element of `size` bytes; NULL: no memory. */
void *parse_grow(Parser *parser, void *array, size_t count, size_t *capacity, size_t size);

/* parse_expression.c */
MUST_USE ferry_code parse_constant(Parser *parser, Constant *constant);
MUST_USE ferry_code parse_bound(Parser *parser, Constant *constant); /* inside parameters it may be variable */
MUST_USE ferry_code parse_static_assert(Parser *parser);
static inline bool constant_is_negative(const Constant *constant) {
    return !constant->is_unsigned && (int64_t)constant->bits < 0;
}

/* parse_number.c: literals, and how wide the integer kinds are where every target agrees */
MUST_USE ferry_code parse_number(Parser *parser, const Token *token, Constant *constant);
MUST_USE ferry_code parse_character(Parser *parser, const Token *token, Constant *constant);
typedef struct IntegerWidth {
    uint32_t bits; /* 0: differs between targets; then at least 32 (char: 8) and at most 64 */
    bool is_signed;
    bool sign_differs; /* char, wchar_t */
} IntegerWidth;
IntegerWidth kind_width(ferry_kind kind);

/* parse_attribute.c */
typedef struct Attributes {
    bool packed;
    uint64_t alignment;    /* the largest, 0: none */
    uint32_t vector_bytes; /* 0: none */
    Token packed_at;
    Token aligned_at;
    Token vector_at;
} Attributes;

bool token_starts_gnu(const Parser *parser);
MUST_USE ferry_code parse_starts_brackets(Parser *parser, bool *starts);          /* `[[` */
MUST_USE ferry_code parse_gnu_attributes(Parser *parser, Attributes *attributes); /* any number of __attribute__ */
MUST_USE ferry_code parse_brackets(Parser *parser, Attributes *attributes);       /* any number of [[...]] */
MUST_USE ferry_code parse_attributes(Parser *parser, Attributes *attributes);     /* both */
MUST_USE ferry_code parse_alignas(Parser *parser, uint64_t *alignment);
/* For positions where they would change what no type can say. */
MUST_USE ferry_code refuse_attributes(Parser *parser, const Attributes *attributes, const char *where);

/* parse_specifier.c */
typedef enum Context {
    CONTEXT_FILE,
    CONTEXT_MEMBER,
    CONTEXT_PARAMETER,
    CONTEXT_TYPE_NAME,
    CONTEXT_UNDERLYING /* `enum e : T`; [[...]] after T is about the enum */
} Context;

typedef struct Specifiers {
    Token at; /* the first token */
    const Type *type;
    bool is_typedef;
    bool declares_tag;     /* struct, union or enum: may stand without a declarator */
    bool defines_untagged; /* struct or union with a body and no tag: an anonymous member without a declarator */
    uint64_t alignas;
    Token alignas_at;
    Attributes attributes; /* of what is declared */
} Specifiers;

MUST_USE ferry_code parse_specifiers(Parser *parser, Context context, Specifiers *specifiers);
bool token_starts_type(const Parser *parser, const Token *token);

/* parse_record.c, parse_enum.c: at the keyword */
MUST_USE ferry_code parse_record(Parser *parser, Specifiers *specifiers);
MUST_USE ferry_code parse_enum(Parser *parser, Specifiers *specifiers);
MUST_USE ferry_code parse_declare_tag(Parser *parser, const Token *tag, const Type *type);
/* The newest symbol of a tag; fails when it is of another kind. *symbol NULL: none. */
MUST_USE ferry_code parse_find_tag(Parser *parser, const Token *tag, ferry_kind kind, const Symbol **symbol);

/* parse_declarator.c */
typedef enum DerivationKind { DERIVE_POINTER, DERIVE_ARRAY, DERIVE_FUNCTION } DerivationKind;

/* One `*`, `[n]` or `(parameters)`; a declarator is a list of them from the specifiers' type outwards:
 * `int (*f[3])(char)` is function(char), pointer, array 3. */
typedef struct Derivation {
    DerivationKind kind;
    Token at;
    struct Derivation *next;
    uint64_t alignment; /* of an attribute on this pointer or array */
    uint64_t count;     /* array */
    bool is_variable;   /* array: its bound is no constant */
    const Type **parameters;
    Token *places; /* of the parameters */
    size_t parameter_count;
    size_t fixed; /* parameters before the `...` */
    bool is_variadic;
    bool is_call; /* `...` is followed by the types of this call */
} Derivation;

typedef enum NameRule { NAME_REQUIRED, NAME_FORBIDDEN, NAME_OPTIONAL } NameRule;

typedef struct Declarator {
    Token at; /* the name, or where it would be */
    bool named;
    Derivation *first;
    Derivation *last;
    Attributes attributes; /* of what is declared */
} Declarator;

MUST_USE ferry_code parse_declarator(Parser *parser, NameRule rule, Declarator *declarator);
/* call_allowed: the outermost derivation may be a function with types after its `...`. */
MUST_USE ferry_code parse_build(Parser *parser, const Type *base, const Declarator *declarator, bool call_allowed,
                                const Type **type);
MUST_USE ferry_code parse_type_name(Parser *parser, bool call_allowed, const Type **type);
/* The base with the declarator's vector_size applied. */
MUST_USE ferry_code parse_vector_base(Parser *parser, const Attributes *attributes, const Type *base,
                                      const Type **vector);

/* parse_parameters.c */
MUST_USE ferry_code parse_parameters(Parser *parser, Derivation *function);

/* parse_declaration.c */
MUST_USE ferry_code parse_declarations(Parser *parser); /* up to the end of the text */

/* parse_same.c: C's compatibility of two declarations: equal but for tags that are incomplete in one of them. */
bool types_agree(const Type *left, const Type *right);

#endif
