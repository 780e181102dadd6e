/* A program to be looked at with gdb and perf: main calls a C function through a binding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/ferry.h"

/* For gdb: where the code lies. */
const char *volatile code_begin;
const char *volatile code_end;

/* Not static, so that they keep their names. */
int probe_callee(int number, double half);
void probe_caller(const ferry_binding *binding, const uint64_t *arguments, uint64_t *result);

__attribute__((noinline)) int probe_callee(int number, double half) {
    static volatile int calls;
    calls = calls + 1;
    return number + (int)(2 * half);
}

__attribute__((noinline)) void probe_caller(const ferry_binding *binding, const uint64_t *arguments, uint64_t *result) {
    ferry_call(binding, arguments, result);
    __asm__ volatile("" ::: "memory"); /* not a tail call */
}

static const ferry_signature *make_signature(ferry_engine *engine, ferry_error *error) {
    const ferry_type *integer = ferry_type_scalar(engine, FERRY_INT, error);
    const ferry_type *real = ferry_type_scalar(engine, FERRY_DOUBLE, error);
    const ferry_type *parameters[] = {integer, real};
    return ferry_signature_create(engine, integer, parameters, 2, false, error);
}

static int call_through(ferry_engine *engine, ferry_error *error) {
    const ferry_signature *signature = make_signature(engine, error);
    ferry_binding *binding =
        signature != NULL ? ferry_bind(engine, signature, (void (*)(void))probe_callee, NULL, error) : NULL;
    if (binding == NULL) return 1;
    size_t size = 0;
    code_begin = ferry_binding_code(binding, &size);
    code_end = code_begin + size;
    if (code_begin == NULL) {
        fprintf(stderr, "no code: %s\n", ferry_binding_reason(binding));
        return 1;
    }
    uint64_t arguments[2] = {40}, result = 0;
    double half = 1.0;
    memcpy(&arguments[1], &half, sizeof half);
    probe_caller(binding, arguments, &result);
    printf("%p %zx %d\n", (const void *)code_begin, size, (int)result);
    ferry_binding_free(binding);
    return (int)result == 42 ? 0 : 1;
}

/* probe [perf|gdb] */
int main(int count, char **words) {
    ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL};
    ferry_error error = {0};
    options.perf_map = count > 1 && strcmp(words[1], "perf") == 0;
    options.gdb = count > 1 && strcmp(words[1], "gdb") == 0;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    int status = engine != NULL ? call_through(engine, &error) : 1;
    if (status != 0) fprintf(stderr, "probe: %s\n", error.message);
    if (ferry_engine_free(engine, &error) != FERRY_OK) status = 1;
    return status;
}
