/* ahead.c: a program that carries its trampolines. Prints where the code came from that its call went by. */
#include <stdio.h>

#include <ferry/ferry.h>

#include "ahead_code.h"

static int twice(int value, float factor, short more) {
    return (int)((float)value * factor) + more;
}

static int call(ferry_engine *engine) {
    ferry_error error;
    ferry_statistics statistics;
    const ferry_signature *signature = ferry_signature_parse(engine, "int twice(int, float, short)", NULL, &error);
    ferry_binding *binding =
        signature == NULL ? NULL : ferry_bind(engine, signature, (void (*)(void))twice, NULL, &error);
    if (binding == NULL) return fprintf(stderr, "%s\n", error.message), 1;
    union {
        int64_t integer;
        float single;
    } arguments[] = {{.integer = 20}, {.single = 2}, {.integer = 2}};
    int64_t result = 0;
    ferry_call(binding, arguments, &result);
    ferry_engine_statistics(engine, &statistics);
    printf("%d by %s, LLVM %s\n", (int)result, ferry_tier_text(ferry_binding_tier(binding)),
           statistics.backend_loaded ? "loaded" : "not loaded");
    ferry_binding_free(binding);
    return 0;
}

int main(void) {
    ferry_error error;
    ferry_engine_options options = {.policy = FERRY_NEVER, .without = FERRY_SOURCE_PRELUDE};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL || ferry_engine_add_linked(engine, &ahead_code, &error) != FERRY_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    int failed = call(engine);
    return ferry_engine_free(engine, &error) == FERRY_OK && !failed ? 0 : 1;
}
