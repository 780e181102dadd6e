/* ferry call: one call of one function of one library. */
#define _GNU_SOURCE /* strerrorname_np */
#include <errno.h>
#include <string.h>

#include "cli/call.h"

static const char *const conventions[] = {[FERRY_SLOTS] = "slots", [FERRY_POINTERS] = "pointers"};

/* The last function that the text declares. */
static bool find_function(const Values *values, const char *text, Callee *callee) {
    ferry_error error = {0};
    if (ferry_scope_parse(values->scope, text, &error) != FERRY_OK) {
        complain_error(&error);
        return false;
    }
    for (size_t i = ferry_scope_count(values->scope); i-- > 0;) {
        const ferry_declaration *row = ferry_scope_at(values->scope, i);
        if (row->what != FERRY_DECLARED_FUNCTION) continue;
        callee->name = row->name;
        callee->signature = row->signature;
        return true;
    }
    complain("the text declares no function: %s", text);
    return false;
}

static const char *errno_name(int number) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    const char *name = number != 0 ? strerrorname_np(number) : NULL;
    return name != NULL ? name : "";
#else
    (void)number;
    return "";
#endif
}

static void print_errno(int number) {
    const char *name = errno_name(number);
    fprintf(stderr, "errno %d%s%s: %s\n", number, name[0] != '\0' ? " " : "", name, strerror(number));
}

static void print_path(const Invocation *invocation, const ferry_binding *binding) {
    size_t size = 0;
    ferry_binding_code(binding, &size);
    switch (ferry_binding_path(binding)) {
    case FERRY_PATH_CODE:
        fprintf(stderr, "path: machine code of its shape, %zu bytes (%s)\n", size,
                ferry_tier_text(ferry_binding_tier(binding)));
        break;
    case FERRY_PATH_BOUND: fprintf(stderr, "path: machine code of its own, %zu bytes\n", size); break;
    case FERRY_PATH_LIBFFI:
        fprintf(stderr, "path: libffi: %s\n",
                option_given(invocation, "never") ? "--never" : ferry_binding_reason(binding));
        break;
    }
}

/* What the call left in the memory that was made for its pointers. */
static void print_memory(const Call *call) {
    for (size_t i = 0; i < ferry_signature_count(call->callee.signature); i++) {
        if (call->pointed[i].type == NULL) continue;
        fprintf(stdout, "argument %zu: ", i + 1);
        value_write(call->values, stdout, call->pointed[i].type, call->pointed[i].memory);
        fputc('\n', stdout);
    }
}

/* Output that the function wrote with stdio comes first, since it is the same stdio. */
static void print_outcome(const Invocation *invocation, const Call *call, const ferry_binding *binding) {
    const ferry_type *type = ferry_signature_result(call->callee.signature);
    if (ferry_type_kind(type) != FERRY_VOID) {
        value_write(call->values, stdout, type, call->result);
        fputc('\n', stdout);
    }
    if (option_given(invocation, "show-memory")) print_memory(call);
    fflush(stdout);
    if (call->errno_place != NULL) print_errno(*call->errno_place);
    if (option_given(invocation, "path")) print_path(invocation, binding);
}

static int bind_and_call(const Invocation *invocation, Call *call) {
    const ferry_binding_options options = {.convention = call->convention,
                                           .bound = option_given(invocation, "bound"),
                                           .capture_errno = call->errno_place != NULL};
    ferry_error error = {0};
    ferry_binding *binding =
        ferry_bind(call->values->engine, call->callee.signature, call->callee.function, &options, &error);
    if (binding == NULL) return complain_error(&error);
    crash_watch(call->callee.name);
    errno = 0;
    ferry_call(binding, call->arguments, call->result);
    print_outcome(invocation, call, binding);
    ferry_binding_free(binding);
    return EXIT_DONE;
}

static int run_in(const Invocation *invocation, Values *values) {
    char **words = invocation->arguments;
    int captured = 0;
    size_t convention = option_choice(invocation, "convention", conventions, LENGTH_OF(conventions));
    if (convention == SIZE_MAX) return EXIT_USAGE;
    Call call = {.values = values,
                 .convention = (ferry_convention)convention,
                 .errno_place = option_given(invocation, "show-errno") ? &captured : NULL};
    if (!find_function(values, words[1], &call.callee) || !library_open(words[0], &call.callee.library) ||
        !library_find(words[0], &call.callee))
        return EXIT_USAGE;
    values->library = call.callee.library;
    bool ready = arguments_read(&call, words + 2, invocation->argument_count - 2) && arguments_pass(&call);
    return ready ? bind_and_call(invocation, &call) : EXIT_USAGE;
}

static int run(Invocation *invocation) {
    if (!expect_arguments(invocation, 2, SIZE_MAX)) return EXIT_USAGE;
    const bool never = option_given(invocation, "never"); /* ready-made code is code too */
    const ferry_engine_options options = {.policy = never ? FERRY_NEVER : FERRY_NOW,
                                          .without = never ? FERRY_SOURCE_ALL : 0};
    ferry_error error = {0};
    Values values = {.heap = &invocation->heap, .strings = option_given(invocation, "string")};
    values.engine = ferry_engine_create(&options, &error);
    if (values.engine == NULL) return complain_error(&error);
    values.scope = ferry_scope_create(values.engine, &error);
    int status = values.scope != NULL ? run_in(invocation, &values) : complain_error(&error);
    ferry_scope_free(values.scope);
    if (ferry_engine_free(values.engine, &error) != FERRY_OK) return complain_error(&error);
    return status;
}

const Command call_command = {
    .name = "call",
    .summary = "call a function of a shared library",
    .usage = "[OPTIONS] LIBRARY DECLARATION ARGUMENTS...",
    .description = "Calls the last function that DECLARATION declares, and prints its result as C would write it.\n"
                   "LIBRARY is the name or path of a shared library; - stands for libc and all else that is loaded.\n"
                   "Options come before LIBRARY, so that an argument may begin with a dash.\n"
                   "\n"
                   "How arguments are written\n"
                   "  integers      10  -0x1f  0b101  017  'a'  true, or an enumerator that DECLARATION declares\n"
                   "  floats        1.5  1e-3  0x1p-4  inf  nan; complex ones 1+2i\n"
                   "  char *        the text itself; \\n and C's other escapes mean what they mean in C\n"
                   "  pointers      NULL  0x7f00  &symbol  '{1, 2, 3}' (memory with these values)\n"
                   "                '\"text\"' for void * and pointers to bytes, '(int[4]){1}' for memory of any type\n"
                   "  structs       '{1, {2.5, 3}}'  '{.x = 1}'; unions, arrays and vectors too\n"
                   "  after `...`   12 is an int (a long when it is large), 1.5 a double, all else a char *; or give\n"
                   "                the types in the declaration: 'int printf(const char *, ..., unsigned char *)'",
    .examples = "  ferry call libm.so.6 'double pow(double, double)' 2 10\n"
                "  ferry call - 'int printf(const char *, ...)' 'pi is %.3f, %s\\n' 3.14159 roughly\n"
                "  ferry call - 'typedef struct { int quot, rem; } div_t; div_t div(int, int)' 10 3\n"
                "  ferry call -m libm.so.6 'double frexp(double, int *)' 10 '{0}'\n"
                "  ferry call -s - 'char *getenv(const char *)' HOME\n"
                "  ferry call -e - 'int close(int)' -1",
    .options = {{"string", NULL, "show pointers to char as strings", 's'},
                {"show-errno", NULL, "show errno as it was right after the call", 'e'},
                {"show-memory", NULL, "show what the call left in the memory of its pointers", 'm'},
                {"convention", "NAME", "how values are handed over: slots (as usual) or pointers", 'c'},
                {"bound", NULL, "compile code for this very function", 'b'},
                {"never", NULL, "compile nothing: call through libffi", 'n'},
                {"path", NULL, "tell which way the call went, and why", 'p'}},
    .options_first = true,
    .run = run,
};
