/* cli/value.h: C literals to values in memory, and back.
 *
 *     type            how a person writes a value
 *     integers        10  -0x1f  0b101  017  'a'  '\n'  true  an enumerator; checked against the type's range
 *     floats          1.5  1e-3  0x1p-4  inf  nan; rounded to nearest
 *     complex         1+2i  -i  {1, 2}
 *     char *          the text itself, C's escapes decoded; inside braces and for other pointers "quoted"
 *     pointers        NULL  0x7f00  &symbol  {1, 2, 3} (memory with that)  (int[4]){1} (memory of that type)
 *     aggregates      {1, {2, 3}}  {.x = 1}  {[2] = 5, 6}  vectors too; a char array also as "text"
 *
 * Values are those of this machine. Whatever pointers point to is in the heap.
 */
#ifndef FERRY_CLI_VALUE_H
#define FERRY_CLI_VALUE_H

#include "cli/cli.h"

/* The widest integers that this compiler has: every C integer type fits. */
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 Wide;
#else
typedef uintmax_t Wide;
#endif

typedef struct Values {
    ferry_engine *engine;
    ferry_scope *scope; /* for enumerators and types in compound literals; may be NULL */
    Heap *heap;
    void *library; /* dlopen's, for &symbol; NULL: everything loaded */
    bool strings;  /* write pointers to char as strings */
} Values;

/* Where a value lies: `bit` and `bits` matter for a bit-field only. */
typedef struct Place {
    const ferry_type *type;
    char *memory;
    uint64_t bit;
    uint32_t bits;
    bool is_bitfield;
} Place;

/* What is wrong with a text, and at which byte of it. */
typedef struct Problem {
    char message[320];
    size_t column;
} Problem;

/* Memory that a pointer argument was given, for showing it after the call. type NULL: none. */
typedef struct Pointed {
    const ferry_type *type;
    void *memory;
} Pointed;

/* read.c. memory: of the type's size, cleared. pointed may be NULL. False: problem says why. */
bool value_read(const Values *values, const ferry_type *type, const char *text, void *memory, Pointed *pointed,
                Problem *problem);
/* read.c: the type of a variadic argument that is written so: int, long, double, char *, ... */
const ferry_type *value_infer(const Values *values, const char *text, Problem *problem);
/* write.c: as C would write it. */
void value_write(const Values *values, FILE *out, const ferry_type *type, const void *memory);

/* What the files below share. ------------------------------------------------------------------------------------ */

/* A text being read. */
typedef struct Reader {
    const Values *values;
    const char *text;
    const char *cursor;
    Problem *problem;
    Pointed *pointed; /* filled by the outermost pointer, then NULL */
    unsigned depth;   /* of braces inside each other */
} Reader;

/* kinds.c: types as values see them. */
const ferry_type *strip_type(const ferry_type *type); /* without typedefs' alignment */
bool is_integer_type(const ferry_type *type);         /* enums too, pointers not */
bool is_signed_type(const ferry_type *type);          /* of an integer type */
bool is_real_kind(ferry_kind kind);
ferry_kind complex_part(ferry_kind kind); /* FERRY_VOID: not complex */
bool is_char_pointer(const ferry_type *type);
bool has_byte_target(const ferry_type *pointer); /* points to void or to integers of one byte: strings will do */
bool measure_type(const Values *values, const ferry_type *type, ferry_extent *extent, Problem *problem);
bool find_member(const Values *values, const Place *record, size_t index, Place *member);
bool find_named_member(const Values *values, const Place *record, const char *name, size_t length, Place *member);
Place element_place(const Values *values, const Place *array, uint64_t index); /* of arrays, vectors, complex */
uint64_t element_count(const Values *values, const ferry_type *type);          /* of an array or vector; flexible: 0 */
size_t next_initialised(const ferry_type *record, size_t index); /* the member that a value without name is for */

/* bits.c: integers in memory. */
void store_integer(const Place *place, size_t size, Wide value);
Wide load_integer(const Place *place, size_t size, bool is_signed);      /* extended to the full width */
char *format_wide(Wide value, bool is_negative, char buffer[static 48]); /* decimal; returns its start */

/* floats.c: floating-point numbers in memory. */
size_t float_digits(ferry_kind kind); /* that always suffice to write it exactly back */
/* The number at the start of text, rounded to kind; *end behind it, == text when there is none. */
void scan_float(ferry_kind kind, const char *text, char **end, void *memory);
bool float_is_infinite(ferry_kind kind, const void *memory);
void write_float(FILE *out, ferry_kind kind, const void *memory); /* the shortest text that reads back the same */

/* literal.c: pieces of text. */
bool refuse_text(Reader *reader, const char *at, const char *format, ...) PRINTF(3, 4); /* false */
void skip_spaces(Reader *reader);
bool accept_char(Reader *reader, char c);
bool expect_char(Reader *reader, char c);
size_t token_length(const char *text); /* up to a space, comma, brace or equals sign */
bool at_delimiter(const char *text);
size_t name_length(const char *text); /* of an identifier; 0: none */
/* Decodes C's escapes up to `end` (exclusive); the result has a zero behind it. NULL after a refusal. */
char *decode_text(Reader *reader, const char *start, const char *end, size_t *length);
const char *
quoted_end(const char *text); /* the closing quote of a literal whose first byte is its opening one, or NULL */

typedef struct Integer {
    Wide magnitude;
    bool negative;
    bool is_unsigned; /* u */
    uint8_t longs;    /* l, ll */
    bool is_decimal;
} Integer;
typedef enum Scan { SCAN_DONE, SCAN_NOTHING, SCAN_FAILED } Scan;
Scan scan_integer(Reader *reader, Integer *integer); /* SCAN_FAILED after a refusal */

/* read_scalar.c, read_pointer.c, read_braces.c. The cursor stands at the value; afterwards behind it. */
bool read_integer(Reader *reader, const Place *place);
bool read_real(Reader *reader, ferry_kind kind, void *memory);
bool read_complex(Reader *reader, const Place *place);
bool read_pointer(Reader *reader, const Place *place);
bool read_aggregate(Reader *reader, const Place *place);
bool read_string_array(Reader *reader, const Place *place);
/* {...} as an array of base without a bound; *count elements at *memory, in the heap. */
bool read_open_array(Reader *reader, const ferry_type *base, char **memory, uint64_t *count);
bool read_place(Reader *reader, const Place *place); /* read.c */

#endif
