/* variadic.c: a library that reports its errors through `int (*log)(void *, const char *, ...)`. */
#include <stdarg.h>
#include <stdio.h>

#include "support.h"

typedef int Log(void *user, const char *format, ...);

/* ---- the library: as an XML parser would ---- */

typedef struct Parser {
    Log *log;
    void *user;
} Parser;

static int parse_document(const Parser *parser) {
    int total = 0;
    total += parser->log(parser->user, "line %d, column %d: ", 12, -7);
    total += parser->log(parser->user, "element <%s> has %ld attributes, %g %% of %lu", "table", -3000000000L, 12.5,
                         18000000000000000000ul);
    total += parser->log(parser->user, "nothing else");
    total += parser->log(parser->user, "%c%c %d %d %d %d %d %d %d|%g %g %g %g %g %g %g %g %g %g|%s", 'o', 'k', 1, 2, 3,
                         4, 5, 6, 7, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 1e300, "the end");
    total += parser->log(parser->user, "%Lg and %d and %Lg", 1.25L, 3, 1e4000L);
    total += parser->log(parser->user, "%s: %g %s %Lg %s", "mixed", -0.5, "up", 2.5L, "again");
    return total;
}

/* ---- what it is to be compared with ---- */

typedef struct Journal {
    ferry_convention convention;
    const ferry_type *types[128]; /* by conversion */
    char text[2048];
    size_t length;
    int calls;
} Journal;

static int log_in_c(void *user, const char *format, ...) {
    Journal *journal = user;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(journal->text + journal->length, sizeof journal->text - journal->length, format, arguments);
    va_end(arguments);
    journal->length += (size_t)length;
    journal->calls++;
    return length;
}

/* ---- the virtual machine's side: it reads the format and fetches what that promises ---- */

typedef union Value {
    int i;
    long l;
    double d;
    long double ld;
    const char *s;
} Value;

/* A conversion is named by its last letter; `l` and `L` by their own. */
static int print_one(char *text, size_t size, char kind, const Value *value) {
    switch (kind) {
    case 'd': return snprintf(text, size, "%d", value->i);
    case 'c': return snprintf(text, size, "%c", value->i);
    case 'l': return snprintf(text, size, "%ld", value->l);
    case 'u': return snprintf(text, size, "%lu", (unsigned long)value->l);
    case 'g': return snprintf(text, size, "%g", value->d);
    case 'L': return snprintf(text, size, "%Lg", value->ld);
    default: return snprintf(text, size, "%s", value->s);
    }
}

static const char *conversion(const char *format, char *kind) {
    *kind = *format;
    if (*format != 'l' && *format != 'L') return format + 1;
    if (format[1] == 'u') *kind = 'u';
    return format + 2;
}

static void log_in_vm(void *context, void *arguments, void *result) {
    Journal *journal = context;
    ferry_error error;
    size_t start = journal->length;
    bool slots = journal->convention == FERRY_SLOTS;
    ferry_cursor *cursor = ((ferry_cursor **)arguments)[2]; /* in both conventions */
    cr_assert_eq(ARGUMENT(void *, journal->convention, arguments, 0), journal, "%d", slots);
    const char *format = ARGUMENT(const char *, journal->convention, arguments, 1);
    while (*format != '\0') {
        char *end = journal->text + journal->length, kind;
        if (*format != '%' || *++format == '%') {
            *end = *format++;
            journal->length++;
            continue;
        }
        Value value;
        format = conversion(format, &kind);
        ferry_code code = ferry_cursor_next(cursor, journal->types[(int)kind], &value, &error);
        cr_assert_eq(code, FERRY_OK, "%c: %s", kind, error.message);
        journal->length += (size_t)print_one(end, sizeof journal->text - journal->length, kind, &value);
    }
    journal->text[journal->length] = '\0';
    journal->calls++;
    give(result, (int64_t)(journal->length - start));
}

static const struct {
    char kind;
    const char *type;
} kinds[] = {{'d', "int"},    {'c', "int"},         {'l', "long"},        {'u', "unsigned long"},
             {'g', "double"}, {'L', "long double"}, {'s', "const char *"}};

Test(uses, a_variadic_error_callback) {
    static Journal expected;
    const Parser native = {log_in_c, &expected};
    int total = parse_document(&native);
    cr_assert_eq(expected.calls, 6);
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        static Journal journal;
        journal = (Journal){.convention = way->convention};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            journal.types[(int)kinds[i].kind] = ferry_type_parse(engine, NULL, kinds[i].type, NULL);
        ferry_closure *closure = new_closure(engine, way, "int log(void *, const char *, ...)", log_in_vm, &journal);
        const Parser parser = {CODE(Log *, closure), &journal};
        cr_expect_eq(parse_document(&parser), total, "%s", way->name);
        cr_expect_eq(journal.calls, expected.calls);
        cr_expect_str_eq(journal.text, expected.text, "%s", way->name);
        release(closure);
        free_engine(engine);
    }
}
