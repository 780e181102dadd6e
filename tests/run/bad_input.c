/* bad_input.c: what must not be handed in is answered with a defined error that names it. */
#include <stdint.h>

#include "support.h"

static long add(long a, double b) {
    return a + (long)b;
}

#define EXPECT_ERROR(expected, part)                                                                                   \
    do {                                                                                                               \
        cr_expect_eq(error.code, (expected), "line %d: code %d: %s", __LINE__, (int)error.code, error.message);        \
        cr_expect(strstr(error.message, (part)) != NULL, "line %d: \"%s\" does not name %s", __LINE__, error.message,  \
                  (part));                                                                                             \
        error.code = FERRY_OK;                                                                                         \
    } while (0)

#define REFUSED(call, expected, part)                                                                                  \
    do {                                                                                                               \
        cr_expect_null((call), "line %d: not refused", __LINE__);                                                      \
        EXPECT_ERROR(expected, part);                                                                                  \
    } while (0)

#define REFUSED_CODE(call, expected, part)                                                                             \
    do {                                                                                                               \
        cr_expect_eq((call), (expected), "line %d", __LINE__);                                                         \
        EXPECT_ERROR(expected, part);                                                                                  \
    } while (0)

/* ---- NULL ---- */

Test(bad_input, a_null_where_types_are_made_is_named) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *integer = ferry_type_scalar(engine, FERRY_INT, &error);
    const ferry_type *none[] = {integer, NULL};
    const ferry_member members[] = {{.name = "a"}};
    REFUSED(ferry_type_scalar(NULL, FERRY_INT, &error), FERRY_INVALID, "engine");
    REFUSED(ferry_type_pointer(NULL, integer, &error), FERRY_INVALID, "engine");
    REFUSED(ferry_type_pointer(engine, NULL, &error), FERRY_INVALID, "base");
    REFUSED(ferry_type_array(engine, NULL, 1, &error), FERRY_INVALID, "base");
    REFUSED(ferry_type_vector(engine, NULL, 16, &error), FERRY_INVALID, "base");
    REFUSED(ferry_type_enum(engine, "e", NULL, &error), FERRY_INVALID, "underlying");
    REFUSED(ferry_type_record(engine, FERRY_STRUCT, "s", NULL, 1, NULL, &error), FERRY_INVALID, "members");
    REFUSED(ferry_type_record(engine, FERRY_STRUCT, "s", members, 1, NULL, &error), FERRY_INVALID, "members[0].type");
    REFUSED(ferry_type_incomplete(engine, FERRY_STRUCT, NULL, &error), FERRY_INVALID, "name");
    REFUSED(ferry_type_aligned(engine, NULL, 8, &error), FERRY_INVALID, "base");
    REFUSED(ferry_type_function(engine, NULL, &error), FERRY_INVALID, "signature");
    REFUSED(ferry_signature_create(engine, NULL, NULL, 0, false, &error), FERRY_INVALID, "result");
    REFUSED(ferry_signature_create(engine, integer, NULL, 1, false, &error), FERRY_INVALID, "parameters");
    REFUSED(ferry_signature_create(engine, integer, none, 2, false, &error), FERRY_INVALID, "parameters[1]");
    REFUSED(ferry_signature_of_call(engine, NULL, NULL, 0, &error), FERRY_INVALID, "fixed");
    cr_expect_null(ferry_type_pointer(engine, NULL, NULL), "no error wanted");
    free_engine(engine);
}

Test(bad_input, a_null_where_text_is_parsed_or_types_are_measured_is_named) {
    ferry_error error;
    ferry_extent extent;
    uint64_t number;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *integer = ferry_type_scalar(engine, FERRY_INT, &error);
    ferry_scope *scope = ferry_scope_create(engine, &error);
    REFUSED(ferry_scope_create(NULL, &error), FERRY_INVALID, "engine");
    REFUSED_CODE(ferry_scope_parse(NULL, "int a;", &error), FERRY_INVALID, "scope");
    REFUSED_CODE(ferry_scope_parse(scope, NULL, &error), FERRY_INVALID, "text");
    REFUSED_CODE(ferry_scope_parse_bytes(scope, NULL, 3, &error), FERRY_INVALID, "text");
    REFUSED(ferry_type_parse(NULL, NULL, "int", &error), FERRY_INVALID, "engine");
    REFUSED(ferry_type_parse(engine, scope, NULL, &error), FERRY_INVALID, "text");
    REFUSED(ferry_signature_parse(NULL, "int f(void)", NULL, &error), FERRY_INVALID, "engine");
    REFUSED(ferry_signature_parse(engine, NULL, NULL, &error), FERRY_INVALID, "text");
    REFUSED_CODE(ferry_type_measure(NULL, integer, &extent, &error), FERRY_INVALID, "engine");
    REFUSED_CODE(ferry_type_measure(engine, NULL, &extent, &error), FERRY_INVALID, "type");
    REFUSED_CODE(ferry_type_measure(engine, integer, NULL, &error), FERRY_INVALID, "extent");
    REFUSED_CODE(ferry_type_slots(engine, integer, NULL, &error), FERRY_INVALID, "slots");
    REFUSED_CODE(ferry_type_locate(engine, integer, 0, NULL, &error), FERRY_INVALID, "bit_offset");
    REFUSED_CODE(ferry_type_locate(engine, integer, 0, &number, &error), FERRY_INVALID, "struct or union");
    cr_expect_eq(ferry_scope_count(NULL), 0);
    cr_expect_null(ferry_scope_at(scope, 0));
    cr_expect_null(ferry_scope_find(scope, NULL));
    ferry_scope_free(scope);
    ferry_scope_free(NULL);
    free_engine(engine);
}

Test(bad_input, a_null_where_bindings_are_made_is_named) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_signature *signature = parse(engine, "long f(long, double)");
    const ferry_signature *none = NULL;
    REFUSED(ferry_bind(NULL, signature, FUNCTION(add), NULL, &error), FERRY_INVALID, "engine");
    REFUSED(ferry_bind(engine, NULL, FUNCTION(add), NULL, &error), FERRY_INVALID, "signature");
    REFUSED(ferry_bind(engine, signature, NULL, NULL, &error), FERRY_INVALID, "function");
    REFUSED_CODE(ferry_prepare(NULL, &signature, 1, NULL, &error), FERRY_INVALID, "engine");
    REFUSED_CODE(ferry_prepare(engine, NULL, 1, NULL, &error), FERRY_INVALID, "signatures");
    REFUSED_CODE(ferry_prepare(engine, &none, 1, NULL, &error), FERRY_INVALID, "signatures[0]");
    REFUSED_CODE(ferry_call_checked(NULL, NULL, NULL, &error), FERRY_INVALID, "binding");
    ferry_binding_free(NULL);
    cr_expect_eq(ferry_binding_path(NULL), FERRY_PATH_LIBFFI);
    cr_expect_null(ferry_binding_signature(NULL));
    cr_expect_null(ferry_binding_code(NULL, NULL));
    free_engine(engine);
}

Test(bad_input, looking_at_null_finds_nothing) {
    char text[8] = "x";
    ferry_statistics statistics;
    cr_expect_eq(ferry_type_kind(NULL), FERRY_VOID);
    cr_expect(ferry_type_name(NULL) == NULL && ferry_type_base(NULL) == NULL && ferry_type_member(NULL, 0) == NULL);
    cr_expect(ferry_type_count(NULL) == 0 && ferry_type_member_count(NULL) == 0 && !ferry_type_is_complete(NULL));
    cr_expect(ferry_type_signature(NULL) == NULL && ferry_signature_result(NULL) == NULL);
    cr_expect(ferry_signature_count(NULL) == 0 && ferry_signature_fixed(NULL) == 0);
    cr_expect(ferry_signature_parameter(NULL, 0) == NULL && !ferry_signature_is_variadic(NULL));
    cr_expect_eq(ferry_type_format(NULL, "a", text, sizeof text), 0);
    cr_expect_str_eq(text, "");
    cr_expect_eq(ferry_signature_format(NULL, "a", NULL, 5), 0);
    cr_expect_null(ferry_engine_target(NULL));
    ferry_engine_statistics(NULL, &statistics);
    cr_expect_eq(statistics.bindings, 0);
    ferry_engine_statistics(NULL, NULL);
}

/* ---- options ---- */

static void *no_memory(void *context, size_t size) {
    (void)context;
    (void)size;
    return NULL;
}

Test(bad_input, an_option_out_of_its_range_is_named) {
    ferry_error error;
    ferry_engine_options policy = {.policy = (ferry_policy)17};
    ferry_engine_options quality = {.quality = (ferry_quality)17};
    ferry_engine_options allocator = {.allocator = {.allocate = no_memory}};
    ferry_binding_options convention = {.convention = (ferry_convention)17};
    REFUSED(ferry_engine_create(&policy, &error), FERRY_INVALID, "policy");
    REFUSED(ferry_engine_create(&quality, &error), FERRY_INVALID, "quality");
    REFUSED(ferry_engine_create(&allocator, &error), FERRY_INVALID, "allocator.release");
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_signature *signature = parse(engine, "long f(long, double)");
    REFUSED(ferry_bind(engine, signature, FUNCTION(add), &convention, &error), FERRY_INVALID, "convention");
    REFUSED_CODE(ferry_prepare(engine, &signature, 1, &convention, &error), FERRY_INVALID, "convention");
    free_engine(engine);
}

Test(bad_input, a_variadic_signature_is_bound_only_for_a_call) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *integer = ferry_type_scalar(engine, FERRY_INT, &error);
    const ferry_type *real = ferry_type_scalar(engine, FERRY_FLOAT, &error);
    const ferry_signature *variadic = ferry_signature_create(engine, integer, &integer, 1, true, &error);
    cr_assert_not_null(variadic, "%s", error.message);
    REFUSED(ferry_bind(engine, variadic, FUNCTION(add), NULL, &error), FERRY_INVALID, "ferry_signature_of_call");
    REFUSED(ferry_signature_of_call(engine, variadic, &real, 1, &error), FERRY_INVALID, "float");
    free_engine(engine);
}

/* ---- another engine's ---- */

Test(bad_input, objects_of_another_engine_are_refused) {
    ferry_error error;
    ferry_extent extent;
    ferry_engine *engine = new_engine(FERRY_NEVER), *other = new_engine(FERRY_NEVER);
    const ferry_type *mine = ferry_type_scalar(engine, FERRY_INT, &error);
    const ferry_type *foreign = ferry_type_scalar(other, FERRY_INT, &error);
    const ferry_type *mixed[] = {mine, foreign};
    const ferry_signature *signature = parse(other, "long f(long, double)");
    const ferry_member members[] = {{.name = "a", .type = mine}, {.name = "b", .type = foreign}};
    ferry_scope *scope = ferry_scope_create(other, &error);
    REFUSED(ferry_type_pointer(engine, foreign, &error), FERRY_FOREIGN, "base");
    REFUSED(ferry_type_array(engine, foreign, 3, &error), FERRY_FOREIGN, "base");
    REFUSED(ferry_type_vector(engine, foreign, 16, &error), FERRY_FOREIGN, "base");
    REFUSED(ferry_type_enum(engine, "e", foreign, &error), FERRY_FOREIGN, "underlying");
    REFUSED(ferry_type_record(engine, FERRY_STRUCT, "s", members, 2, NULL, &error), FERRY_FOREIGN, "members[1]");
    REFUSED(ferry_type_aligned(engine, foreign, 16, &error), FERRY_FOREIGN, "base");
    REFUSED(ferry_type_function(engine, signature, &error), FERRY_FOREIGN, "signature");
    REFUSED(ferry_signature_create(engine, foreign, NULL, 0, false, &error), FERRY_FOREIGN, "result");
    REFUSED(ferry_signature_create(engine, mine, mixed, 2, false, &error), FERRY_FOREIGN, "parameters[1]");
    REFUSED(ferry_signature_of_call(engine, signature, NULL, 0, &error), FERRY_FOREIGN, "fixed");
    REFUSED(ferry_type_parse(engine, scope, "int", &error), FERRY_FOREIGN, "scope");
    REFUSED_CODE(ferry_type_measure(engine, foreign, &extent, &error), FERRY_FOREIGN, "type");
    REFUSED(ferry_bind(engine, signature, FUNCTION(add), NULL, &error), FERRY_FOREIGN, "signature");
    REFUSED_CODE(ferry_prepare(engine, &signature, 1, NULL, &error), FERRY_FOREIGN, "signatures");
    ferry_scope_free(scope);
    free_engine(other);
    free_engine(engine);
}

/* ---- calls ---- */

Test(bad_input, checked_calls_name_a_null_or_misaligned_pointer) {
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_binding_options pointers = {.convention = FERRY_POINTERS, .capture_errno = true};
    ferry_binding *by_slots = bind(engine, "long f(long, double)", FUNCTION(add), NULL);
    ferry_binding *by_pointers = bind(engine, "long f(long, double)", FUNCTION(add), &pointers);
    int64_t slots[3] = {1}, result[2], number = 1;
    double real = 2;
    int captured;
    const void *good[] = {&number, &real, &captured};
    const void *null[] = {&number, NULL, &captured};
    const void *odd[] = {(char *)&number + 1, &real, &captured};
    const void *no_errno[] = {&number, &real, NULL};
    char *odd_slots = (char *)slots + 4, *odd_result = (char *)result + 4;
    REFUSED_CODE(ferry_call_checked(by_slots, NULL, result, &error), FERRY_INVALID, "arguments is NULL");
    REFUSED_CODE(ferry_call_checked(by_slots, odd_slots, result, &error), FERRY_INVALID, "multiple of 8");
    REFUSED_CODE(ferry_call_checked(by_slots, slots, NULL, &error), FERRY_INVALID, "result is NULL");
    REFUSED_CODE(ferry_call_checked(by_slots, slots, odd_result, &error), FERRY_INVALID, "result");
    REFUSED_CODE(ferry_call_checked(by_pointers, NULL, result, &error), FERRY_INVALID, "arguments is NULL");
    REFUSED_CODE(ferry_call_checked(by_pointers, null, result, &error), FERRY_INVALID, "arguments[1] (double) is NULL");
    REFUSED_CODE(ferry_call_checked(by_pointers, odd, result, &error), FERRY_INVALID, "arguments[0] (long)");
    REFUSED_CODE(ferry_call_checked(by_pointers, no_errno, result, &error), FERRY_INVALID, "errno");
    cr_expect_eq(ferry_call_checked(by_pointers, good, result, &error), FERRY_OK);
    cr_expect_eq(result[0], 3);
    ferry_binding_free(by_slots);
    ferry_binding_free(by_pointers);
    free_engine(engine);
}

/* ---- absurd sizes ---- */

static void append(char *text, size_t size, size_t *length, const char *part) {
    size_t more = strlen(part);
    cr_assert_lt(*length + more, size);
    memcpy(text + *length, part, more + 1);
    *length += more;
}

Test(bad_input, arrays_beyond_the_address_space_have_no_size) {
    ferry_error error;
    ferry_extent extent;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *character = ferry_type_scalar(engine, FERRY_CHAR, &error);
    const ferry_type *array = ferry_type_array(engine, character, UINT64_C(1) << 63, &error);
    if (array != NULL) error.code = ferry_type_measure(engine, array, &extent, &error);
    EXPECT_ERROR(FERRY_TOO_LARGE, "");
    const ferry_type *whole = ferry_type_array(engine, character, UINT64_C(1) << 62, &error);
    cr_assert_not_null(whole, "%s", error.message);
    const ferry_member members[] = {{.name = "a", .type = whole}, {.name = "b", .type = whole}};
    const ferry_type *record = ferry_type_record(engine, FERRY_STRUCT, NULL, members, 2, NULL, &error);
    if (record != NULL) error.code = ferry_type_measure(engine, record, &extent, &error);
    EXPECT_ERROR(FERRY_TOO_LARGE, "");
    const ferry_signature *by_value = parse(engine, "struct s { char c[1L << 62]; }; void f(struct s)");
    REFUSED(ferry_bind(engine, by_value, FUNCTION(add), NULL, &error), FERRY_TOO_LARGE, "");
    free_engine(engine);
}

Test(bad_input, ten_thousand_nested_structs_are_too_deep) {
    enum { DEPTH = 10000 };
    ferry_error error = {.code = FERRY_OK};
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *type = ferry_type_scalar(engine, FERRY_INT, &error);
    for (int i = 0; i < DEPTH && type != NULL; i++) {
        const ferry_member member = {.name = "inner", .type = type};
        type = ferry_type_record(engine, FERRY_STRUCT, NULL, &member, 1, NULL, &error);
    }
    cr_expect_null(type);
    EXPECT_ERROR(FERRY_TOO_LARGE, "");
    static char text[DEPTH * 24];
    size_t length = 0;
    for (int i = 0; i < DEPTH; i++) append(text, sizeof text, &length, "struct{");
    append(text, sizeof text, &length, "int x;");
    for (int i = 0; i < DEPTH; i++) append(text, sizeof text, &length, "}a;");
    cr_expect_null(ferry_type_parse(engine, NULL, text, &error));
    cr_expect(error.code == FERRY_TOO_LARGE || error.code == FERRY_SYNTAX, "%s", error.message);
    memset(text, '*', sizeof text - 1);
    memcpy(text, "int", 3);
    cr_expect_null(ferry_type_parse(engine, NULL, text, &error));
    memset(text, '(', sizeof text - 1);
    memcpy(text, "int", 3);
    cr_expect_null(ferry_type_parse(engine, NULL, text, &error));
    free_engine(engine);
}

Test(bad_input, a_hundred_thousand_parameters_are_too_many) {
    enum { MANY = 100000 };
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    const ferry_type *integer = ferry_type_scalar(engine, FERRY_INT, &error);
    const ferry_type **types = malloc(MANY * sizeof *types);
    size_t size = MANY * 5 + 64, length = 0;
    char *text = malloc(size);
    cr_assert(types != NULL && text != NULL);
    append(text, size, &length, "void f(int");
    for (int i = 0; i < MANY; i++) types[i] = integer;
    for (int i = 1; i < MANY; i++) append(text, size, &length, ",int");
    append(text, size, &length, ");");
    REFUSED(ferry_signature_create(engine, integer, types, MANY, false, &error), FERRY_TOO_LARGE, "");
    cr_expect_null(ferry_signature_parse(engine, text, NULL, &error));
    cr_expect_eq(error.code, FERRY_TOO_LARGE, "%s", error.message);
    free(types);
    free(text);
    free_engine(engine);
}

static long last_of_eight(long a, long b, long c, long d, long e, long f, long g, long h) {
    return a + b + c + d + e + f + g + 10 * h;
}

Test(bad_input, as_many_parameters_as_are_allowed_can_be_called) {
    enum { MOST = 1024 };
    ferry_error error;
    static int64_t slots[MOST];
    static const ferry_type *types[MOST];
    ferry_engine *engine = new_engine(FERRY_NEVER);
    for (int i = 0; i < MOST; i++) types[i] = ferry_type_scalar(engine, FERRY_LONG, &error);
    const ferry_signature *signature = ferry_signature_create(engine, types[0], types, MOST, false, &error);
    cr_assert_not_null(signature, "%s", error.message);
    ferry_binding *binding = ferry_bind(engine, signature, FUNCTION(last_of_eight), NULL, &error);
    cr_assert_not_null(binding, "%s", error.message);
    int64_t result = 0;
    slots[0] = 5;
    slots[7] = 7;
    ferry_call(binding, slots, &result); /* the callee looks at the first eight only */
    cr_expect_eq(result, 75);
    ferry_binding_free(binding);
    free_engine(engine);
}

/* ---- random text ---- */

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(bad_input, random_bytes_are_a_type_or_a_syntax_error) {
    static const char *const words[] = {"int",
                                        "struct",
                                        "{",
                                        "}",
                                        "(",
                                        ")",
                                        "[",
                                        "]",
                                        "*",
                                        ";",
                                        ",",
                                        ":",
                                        "x",
                                        "9",
                                        "unsigned",
                                        "enum",
                                        "=",
                                        "...",
                                        "union",
                                        "typedef",
                                        "__attribute__((packed))",
                                        "const",
                                        "_Alignas(16)",
                                        "-",
                                        "<<",
                                        "sizeof",
                                        "void",
                                        "double",
                                        "0x",
                                        "'",
                                        "\\"};
    ferry_error error;
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_scope *scope = ferry_scope_create(engine, &error);
    for (uint32_t seed = 0; seed < 3000; seed++) {
        char text[256];
        size_t length = 0;
        uint32_t state = seed;
        while (length < 200 && next_random(&state) % 24 != 0) {
            const char *word = words[next_random(&state) % (sizeof words / sizeof words[0])];
            bool wild = seed % 2 == 0;
            if (wild) text[length++] = (char)next_random(&state);
            if (!wild) append(text, sizeof text, &length, word);
            if (!wild) append(text, sizeof text, &length, " ");
        }
        memset(&error, 0, sizeof error);
        size_t before = ferry_scope_count(scope);
        ferry_code code = ferry_scope_parse_bytes(scope, text, length, &error);
        cr_assert_eq(code, error.code, "seed %u", seed);
        if (code != FERRY_OK) {
            cr_assert_eq(ferry_scope_count(scope), before, "seed %u: a failed text left declarations", seed);
            cr_assert_neq(error.message[0], '\0', "seed %u", seed);
        }
    }
    ferry_scope_free(scope);
    free_engine(engine);
}
