/* abi/lex.c: bytes to tokens. Knows nothing of declarations but the keywords. */
#include "abi/parse_internal.h"

#include <stdlib.h>
#include <string.h>

/* Sorted by spelling, for bsearch. */
static const Keyword keywords[] = {
    {"_Accum", KEYWORD_REFUSED, 0, "there is no kind for fixed-point numbers"},
    {"_Alignas", KEYWORD_ALIGNAS, 0, NULL},
    {"_Alignof", KEYWORD_SIZEOF, 0, NULL},
    {"_Atomic", KEYWORD_REFUSED, 0,
     "an atomic type may be larger and stricter aligned than its base, as its target decides"},
    {"_BitInt", KEYWORD_REFUSED, 0, "there is no kind for integers of any width"},
    {"_Bool", KEYWORD_WORD, WORD_BOOL, NULL},
    {"_Complex", KEYWORD_WORD, WORD_COMPLEX, NULL},
    {"_Decimal128", KEYWORD_REFUSED, 0, "there is no kind for decimal floating point"},
    {"_Decimal32", KEYWORD_REFUSED, 0, "there is no kind for decimal floating point"},
    {"_Decimal64", KEYWORD_REFUSED, 0, "there is no kind for decimal floating point"},
    {"_Float128", KEYWORD_WORD, WORD_FLOAT128, NULL},
    {"_Float128x", KEYWORD_REFUSED, 0, "its format differs from target to target"},
    {"_Float16", KEYWORD_WORD, WORD_FLOAT16, NULL},
    {"_Float32", KEYWORD_WORD, WORD_FLOAT32, NULL},
    {"_Float32x", KEYWORD_WORD, WORD_FLOAT64, NULL},
    {"_Float64", KEYWORD_WORD, WORD_FLOAT64, NULL},
    {"_Float64x", KEYWORD_REFUSED, 0, "its format differs from target to target"},
    {"_Fract", KEYWORD_REFUSED, 0, "there is no kind for fixed-point numbers"},
    {"_Generic", KEYWORD_STATEMENT, 0, NULL},
    {"_Imaginary", KEYWORD_REFUSED, 0, "there is no kind for imaginary numbers"},
    {"_Nonnull", KEYWORD_QUALIFIER, 0, NULL},
    {"_Noreturn", KEYWORD_FUNCTION, 0, NULL},
    {"_Null_unspecified", KEYWORD_QUALIFIER, 0, NULL},
    {"_Nullable", KEYWORD_QUALIFIER, 0, NULL},
    {"_Sat", KEYWORD_REFUSED, 0, "there is no kind for fixed-point numbers"},
    {"_Static_assert", KEYWORD_ASSERT, 0, NULL},
    {"_Thread_local", KEYWORD_STORAGE, 0, NULL},
    {"__alignof", KEYWORD_SIZEOF, 0, NULL},
    {"__alignof__", KEYWORD_SIZEOF, 0, NULL},
    {"__asm", KEYWORD_ASM, 0, NULL},
    {"__asm__", KEYWORD_ASM, 0, NULL},
    {"__attribute", KEYWORD_ATTRIBUTE, 0, NULL},
    {"__attribute__", KEYWORD_ATTRIBUTE, 0, NULL},
    {"__auto_type", KEYWORD_REFUSED, 0, "types of expressions are not worked out"},
    {"__bf16", KEYWORD_WORD, WORD_BFLOAT16, NULL},
    {"__builtin_offsetof", KEYWORD_SIZEOF, 0, NULL},
    {"__cdecl", KEYWORD_REFUSED, 0, "a declaration cannot choose another calling convention yet"},
    {"__complex", KEYWORD_WORD, WORD_COMPLEX, NULL},
    {"__complex__", KEYWORD_WORD, WORD_COMPLEX, NULL},
    {"__const", KEYWORD_QUALIFIER, 0, NULL},
    {"__const__", KEYWORD_QUALIFIER, 0, NULL},
    {"__declspec", KEYWORD_REFUSED, 0, "write the attribute as __attribute__ or [[gnu::...]]"},
    {"__extension__", KEYWORD_EXTENSION, 0, NULL},
    {"__fastcall", KEYWORD_REFUSED, 0, "a declaration cannot choose another calling convention yet"},
    {"__float128", KEYWORD_WORD, WORD_FLOAT128, NULL},
    {"__fp16", KEYWORD_REFUSED, 0, "there is no kind for this format"},
    {"__ibm128", KEYWORD_REFUSED, 0, "there is no kind for this format"},
    {"__inline", KEYWORD_FUNCTION, 0, NULL},
    {"__inline__", KEYWORD_FUNCTION, 0, NULL},
    {"__int128", KEYWORD_WORD, WORD_INT128, NULL},
    {"__restrict", KEYWORD_QUALIFIER, 0, NULL},
    {"__restrict__", KEYWORD_QUALIFIER, 0, NULL},
    {"__seg_fs", KEYWORD_REFUSED, 0, "there are no pointers into other address spaces"},
    {"__seg_gs", KEYWORD_REFUSED, 0, "there are no pointers into other address spaces"},
    {"__signed", KEYWORD_WORD, WORD_SIGNED, NULL},
    {"__signed__", KEYWORD_WORD, WORD_SIGNED, NULL},
    {"__stdcall", KEYWORD_REFUSED, 0, "a declaration cannot choose another calling convention yet"},
    {"__thiscall", KEYWORD_REFUSED, 0, "a declaration cannot choose another calling convention yet"},
    {"__thread", KEYWORD_STORAGE, 0, NULL},
    {"__typeof", KEYWORD_REFUSED, 0, "types of expressions are not worked out"},
    {"__typeof__", KEYWORD_REFUSED, 0, "types of expressions are not worked out"},
    {"__vectorcall", KEYWORD_REFUSED, 0, "a declaration cannot choose another calling convention yet"},
    {"__volatile", KEYWORD_QUALIFIER, 0, NULL},
    {"__volatile__", KEYWORD_QUALIFIER, 0, NULL},
    {"alignas", KEYWORD_ALIGNAS, 0, NULL},
    {"alignof", KEYWORD_SIZEOF, 0, NULL},
    {"asm", KEYWORD_ASM, 0, NULL},
    {"auto", KEYWORD_STORAGE, 0, NULL},
    {"break", KEYWORD_STATEMENT, 0, NULL},
    {"case", KEYWORD_STATEMENT, 0, NULL},
    {"char", KEYWORD_WORD, WORD_CHAR, NULL},
    {"const", KEYWORD_QUALIFIER, 0, NULL},
    {"continue", KEYWORD_STATEMENT, 0, NULL},
    {"default", KEYWORD_STATEMENT, 0, NULL},
    {"do", KEYWORD_STATEMENT, 0, NULL},
    {"double", KEYWORD_WORD, WORD_DOUBLE, NULL},
    {"else", KEYWORD_STATEMENT, 0, NULL},
    {"enum", KEYWORD_ENUM, 0, NULL},
    {"extern", KEYWORD_STORAGE, 0, NULL},
    {"float", KEYWORD_WORD, WORD_FLOAT, NULL},
    {"for", KEYWORD_STATEMENT, 0, NULL},
    {"goto", KEYWORD_STATEMENT, 0, NULL},
    {"if", KEYWORD_STATEMENT, 0, NULL},
    {"inline", KEYWORD_FUNCTION, 0, NULL},
    {"int", KEYWORD_WORD, WORD_INT, NULL},
    {"long", KEYWORD_WORD, WORD_LONG, NULL},
    {"offsetof", KEYWORD_SIZEOF, 0, NULL},
    {"register", KEYWORD_REGISTER, 0, NULL},
    {"restrict", KEYWORD_QUALIFIER, 0, NULL},
    {"return", KEYWORD_STATEMENT, 0, NULL},
    {"short", KEYWORD_WORD, WORD_SHORT, NULL},
    {"signed", KEYWORD_WORD, WORD_SIGNED, NULL},
    {"sizeof", KEYWORD_SIZEOF, 0, NULL},
    {"static", KEYWORD_STORAGE, 0, NULL},
    {"static_assert", KEYWORD_ASSERT, 0, NULL},
    {"struct", KEYWORD_RECORD, FERRY_STRUCT, NULL},
    {"switch", KEYWORD_STATEMENT, 0, NULL},
    {"thread_local", KEYWORD_STORAGE, 0, NULL},
    {"typedef", KEYWORD_TYPEDEF, 0, NULL},
    {"typeof", KEYWORD_REFUSED, 0, "types of expressions are not worked out"},
    {"typeof_unqual", KEYWORD_REFUSED, 0, "types of expressions are not worked out"},
    {"union", KEYWORD_RECORD, FERRY_UNION, NULL},
    {"unsigned", KEYWORD_WORD, WORD_UNSIGNED, NULL},
    {"void", KEYWORD_WORD, WORD_VOID, NULL},
    {"volatile", KEYWORD_QUALIFIER, 0, NULL},
    {"while", KEYWORD_STATEMENT, 0, NULL},
};

/* Longest first. Digraphs stand for what they mean. */
static const struct {
    char spelling[4];
    uint32_t meaning;
} punctuators[] = {
    {"...", ELLIPSIS},
    {"<<", PUNCTUATOR('<', '<')},
    {">>", PUNCTUATOR('>', '>')},
    {"<=", PUNCTUATOR('<', '=')},
    {">=", PUNCTUATOR('>', '=')},
    {"==", PUNCTUATOR('=', '=')},
    {"!=", PUNCTUATOR('!', '=')},
    {"&&", PUNCTUATOR('&', '&')},
    {"||", PUNCTUATOR('|', '|')},
    {"::", PUNCTUATOR(':', ':')},
    {"<:", '['},
    {":>", ']'},
    {"<%", '{'},
    {"%>", '}'},
};
static const char single_punctuators[] = "()[]{}*,;:=+-/%&|^~!<>?.";

static bool is_digit(unsigned char byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_letter(unsigned char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '$';
}

size_t utf8_length(const char *text, size_t length) {
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 0) return 0;
    if (bytes[0] < 0x80) return 1;
    size_t wanted = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length < wanted) return 0;
    for (size_t index = 1; index < wanted; index++)
        if ((bytes[index] & 0xc0) != 0x80) return 0;
    if (bytes[0] == 0xe0 && bytes[1] < 0xa0) return 0; /* could be shorter */
    if (bytes[0] == 0xed && bytes[1] > 0x9f) return 0; /* a surrogate */
    if (bytes[0] == 0xf0 && bytes[1] < 0x90) return 0; /* could be shorter */
    if (bytes[0] == 0xf4 && bytes[1] > 0x8f) return 0; /* beyond the last character */
    return wanted;
}

bool lex_keyword_at(size_t index, const char **spelling) {
    if (index >= COUNT_OF(keywords)) return false;
    KeywordClass class = keywords[index].class;
    bool begins_type = class <= KEYWORD_ENUM && keywords[index].spelling[0] != '_';
    *spelling = begins_type ? keywords[index].spelling : NULL;
    return true;
}

/* The byte `ahead` bytes further, 0 beyond the end. */
static unsigned char look(const Lexer *lexer, size_t ahead) {
    return ahead < lexer->length - lexer->position ? (unsigned char)lexer->text[lexer->position + ahead] : 0;
}

/* Bytes of the backslash and line end at the position, 0: there are none. */
static size_t spliced_line(const Lexer *lexer) {
    if (look(lexer, 0) != '\\') return 0;
    if (look(lexer, 1) == '\n') return 2;
    return look(lexer, 1) == '\r' && look(lexer, 2) == '\n' ? 3 : 0;
}

static void skip_line_comment(Lexer *lexer) {
    while (lexer->position < lexer->length && look(lexer, 0) != '\n') {
        size_t splice = spliced_line(lexer);
        lexer->position += splice != 0 ? splice : 1;
    }
}

static ferry_code skip_block_comment(Lexer *lexer, ferry_error *error) {
    size_t start = lexer->position;
    lexer->position += 2;
    for (; lexer->position < lexer->length; lexer->position++) {
        if (look(lexer, 0) != '*' || look(lexer, 1) != '/') continue;
        lexer->position += 2;
        return FERRY_OK;
    }
    return fail_in_text(lexer, start, error, FERRY_SYNTAX,
                        "this comment is never closed: expected '*/', found the end "
                        "of the text");
}

static ferry_code skip_space(Lexer *lexer, ferry_error *error) {
    while (lexer->position < lexer->length) {
        unsigned char byte = look(lexer, 0);
        size_t splice = spliced_line(lexer);
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            lexer->position++;
        } else if (splice != 0) {
            lexer->position += splice;
        } else if (byte == '/' && look(lexer, 1) == '/') {
            skip_line_comment(lexer);
        } else if (byte == '/' && look(lexer, 1) == '*') {
            TRY(skip_block_comment(lexer, error));
        } else {
            break;
        }
    }
    return FERRY_OK;
}

typedef struct Word {
    const char *text;
    size_t length;
} Word;

static int compare_keyword(const void *key, const void *element) {
    const Word *word = key;
    const char *spelling = ((const Keyword *)element)->spelling;
    int order = strncmp(word->text, spelling, word->length);
    return order != 0 ? order : (spelling[word->length] == '\0' ? 0 : -1);
}

/* Bytes of the letter or digit at the position, 0: there is none. */
static size_t name_byte(const Lexer *lexer) {
    unsigned char byte = look(lexer, 0);
    if (is_letter(byte) || is_digit(byte)) return 1;
    if (byte < 0x80) return 0;
    return utf8_length(lexer->text + lexer->position, lexer->length - lexer->position);
}

static ferry_code read_quoted(Lexer *lexer, Token *token, ferry_error *error) {
    unsigned char quote = look(lexer, 0);
    const char *what = quote == '"' ? "string" : "character";
    token->kind = quote == '"' ? TOKEN_STRING : TOKEN_CHARACTER;
    lexer->position++;
    while (look(lexer, 0) != quote) {
        if (lexer->position >= lexer->length || look(lexer, 0) == '\n') {
            return fail_in_text(lexer, token->offset, error, FERRY_SYNTAX,
                                "this %s is never closed: expected %c, found the end of the %s", what, quote,
                                lexer->position >= lexer->length ? "text" : "line");
        }
        lexer->position += look(lexer, 0) == '\\' && lexer->length - lexer->position > 1 ? 2 : 1;
    }
    lexer->position++;
    return FERRY_OK;
}

static ferry_code read_name(Lexer *lexer, Token *token, ferry_error *error) {
    size_t bytes;
    while ((bytes = name_byte(lexer)) != 0) lexer->position += bytes;
    Word word = {lexer->text + token->offset, lexer->position - token->offset};
    unsigned char next = look(lexer, 0);
    if ((next == '"' || next == '\'') && word.length <= 2 && strchr("LUu", word.text[0]) != NULL) {
        return read_quoted(lexer, token, error); /* L'x', u8"x" */
    }
    token->keyword = bsearch(&word, keywords, COUNT_OF(keywords), sizeof keywords[0], compare_keyword);
    token->kind = token->keyword != NULL ? TOKEN_KEYWORD : TOKEN_NAME;
    return FERRY_OK;
}

/* A preprocessing number: what it means, and whether it means anything, is parse_number's business. */
static void read_number(Lexer *lexer, Token *token) {
    token->kind = TOKEN_NUMBER;
    size_t bytes;
    while (true) {
        unsigned char byte = look(lexer, 0);
        bool has_sign = strchr("eEpP", byte) != NULL && byte != 0 && (look(lexer, 1) == '+' || look(lexer, 1) == '-');
        bool separates = byte == '\'' && (is_letter(look(lexer, 1)) || is_digit(look(lexer, 1)));
        if (has_sign || separates) {
            lexer->position += 2;
        } else if (byte == '.') {
            lexer->position++;
        } else if ((bytes = name_byte(lexer)) != 0) {
            lexer->position += bytes;
        } else {
            break;
        }
    }
}

static ferry_code refuse_byte(Lexer *lexer, ferry_error *error) {
    unsigned char byte = look(lexer, 0);
    if (byte == '#') {
        return fail_in_text(lexer, lexer->position, error, FERRY_SYNTAX,
                            "there is no preprocessor here: lines that begin with # cannot be read; hand in the text "
                            "as it is after preprocessing");
    }
    if (byte > ' ' && byte < 0x7f) {
        return fail_in_text(lexer, lexer->position, error, FERRY_SYNTAX, "found '%c', which has no meaning in C", byte);
    }
    return fail_in_text(lexer, lexer->position, error, FERRY_SYNTAX, "found the byte 0x%02x, which is no text", byte);
}

static ferry_code read_punctuator(Lexer *lexer, Token *token, ferry_error *error) {
    token->kind = TOKEN_PUNCTUATOR;
    for (size_t index = 0; index < COUNT_OF(punctuators); index++) {
        size_t length = strlen(punctuators[index].spelling);
        if (lexer->length - lexer->position < length) continue;
        if (memcmp(lexer->text + lexer->position, punctuators[index].spelling, length) != 0) continue;
        token->punctuator = punctuators[index].meaning;
        lexer->position += length;
        return FERRY_OK;
    }
    unsigned char byte = look(lexer, 0);
    if (byte == 0 || strchr(single_punctuators, byte) == NULL) return refuse_byte(lexer, error);
    token->punctuator = byte;
    lexer->position++;
    return FERRY_OK;
}

ferry_code lex_next(Lexer *lexer, Token *token, ferry_error *error) {
    TRY(skip_space(lexer, error));
    *token = (Token){.kind = TOKEN_END, .offset = lexer->position};
    if (lexer->position >= lexer->length) return FERRY_OK;
    unsigned char byte = look(lexer, 0);
    if (is_digit(byte) || (byte == '.' && is_digit(look(lexer, 1)))) {
        read_number(lexer, token);
    } else if (name_byte(lexer) != 0) {
        TRY(read_name(lexer, token, error));
    } else if (byte == '"' || byte == '\'') {
        TRY(read_quoted(lexer, token, error));
    } else {
        TRY(read_punctuator(lexer, token, error));
    }
    token->length = lexer->position - token->offset;
    return FERRY_OK;
}
