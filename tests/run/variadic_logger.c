/* variadic_logger.c: a printf-like function whose body is a handler with a cursor. */
#include "closure_support.h"

typedef struct Logger {
    const ferry_type *integer, *longer, *real, *extended, *text;
    char line[256];
} Logger;

/* One conversion, with the specification that stands in [from, end). */
static int convert(Logger *logger, ferry_cursor *cursor, const char *specification, char *out, size_t size) {
    char kind = specification[strlen(specification) - 1];
    bool is_long = strchr(specification, 'l') != NULL, is_extended = strchr(specification, 'L') != NULL;
    int integer;
    long longer;
    double real;
    long double extended;
    const char *text;
    ferry_error error;
    ferry_code code;
    switch (kind) {
    case 's':
        code = ferry_cursor_next(cursor, logger->text, &text, &error);
        cr_assert_eq(code, FERRY_OK, "%s", error.message);
        return snprintf(out, size, specification, text);
    case 'f':
    case 'g':
        code = is_extended ? ferry_cursor_next(cursor, logger->extended, &extended, &error)
                           : ferry_cursor_next(cursor, logger->real, &real, &error);
        cr_assert_eq(code, FERRY_OK, "%s", error.message);
        return is_extended ? snprintf(out, size, specification, extended) : snprintf(out, size, specification, real);
    default:
        code = is_long ? ferry_cursor_next(cursor, logger->longer, &longer, &error)
                       : ferry_cursor_next(cursor, logger->integer, &integer, &error);
        cr_assert_eq(code, FERRY_OK, "%s", error.message);
        return is_long ? snprintf(out, size, specification, longer) : snprintf(out, size, specification, integer);
    }
}

static void write_log(void *context, void *arguments, void *result) {
    Logger *logger = context;
    const char *format = ((const char **)arguments)[0];
    ferry_cursor *cursor = ((void **)arguments)[1];
    size_t used = 0;
    while (*format != '\0') {
        char specification[16] = {0};
        size_t length = *format == '%' ? strcspn(format + 1, "dscgfxu%") + 2 : 1;
        cr_assert_lt(length, sizeof specification);
        memcpy(specification, format, length);
        format += length;
        if (length == 1 || specification[1] == '%')
            logger->line[used++] = specification[0];
        else
            used += (size_t)convert(logger, cursor, specification, logger->line + used, sizeof logger->line - used);
    }
    logger->line[used] = '\0';
    *(int *)result = (int)used;
}

typedef int Print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPECT_LINE(...)                                                                                               \
    do {                                                                                                               \
        char expected[256];                                                                                            \
        int length = snprintf(expected, sizeof expected, __VA_ARGS__);                                                 \
        cr_expect_eq(print(__VA_ARGS__), length);                                                                      \
        cr_expect_str_eq(logger.line, expected);                                                                       \
    } while (0)

Test(variadic_closure, a_logger_writes_what_printf_writes) {
    for (size_t w = 0; w < CLOSURE_WAYS; w += 2) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        Logger logger = {.integer = ferry_type_scalar(engine, FERRY_INT, NULL),
                         .longer = ferry_type_scalar(engine, FERRY_LONG, NULL),
                         .real = ferry_type_scalar(engine, FERRY_DOUBLE, NULL),
                         .extended = ferry_type_scalar(engine, FERRY_LONG_DOUBLE, NULL),
                         .text = ferry_type_parse(engine, NULL, "const char *", NULL)};
        ferry_closure *closure = new_closure(engine, "int print(const char *, ...)", write_log, &logger, NULL);
        Print *print = (Print *)ferry_closure_code(closure);
        EXPECT_LINE("nothing at all");
        EXPECT_LINE("100%% of %d", -3);
        EXPECT_LINE("%s=%5d, %-8s|%08.3f|%lx|%c", "count", 42, "left", 2.5, -1L, 'q');
        EXPECT_LINE("%g %g %g %g %g %g %g %g %g %g", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0);
        EXPECT_LINE("%d %d %d %d %d %d %d %d %Lg %s", 1, 2, 3, 4, 5, 6, 7, 8, 9.5L, "end");
        EXPECT_LINE("%Lf%d%Lf%g%ld", 1.5L, 2, 3.5L, 4.5, 5L);
        release(closure);
        free_engine(engine);
    }
}
