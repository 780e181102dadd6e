/* consumer.c: a program outside the tree. Prints the path its call went and the result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/ferry.h>

static int call(const char *policy) {
    ferry_error error;
    /* Nothing ready-made: that the LLVM module is found where it was installed is a part of the test. */
    ferry_engine_options options = {.policy = strcmp(policy, "never") == 0 ? FERRY_NEVER : FERRY_NOW,
                                    .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == NULL) return fprintf(stderr, "%s\n", error.message), 1;
    const ferry_signature *signature = ferry_signature_parse(engine, "int atoi(const char *)", NULL, &error);
    ferry_binding *binding =
        signature == NULL ? NULL : ferry_bind(engine, signature, (void (*)(void))atoi, NULL, &error);
    if (binding == NULL) return fprintf(stderr, "%s\n", error.message), 1;
    const char *text = "1234";
    int64_t result = 0;
    ferry_call(binding, &text, &result);
    printf("%s %d %s\n", ferry_version(), (int)result,
           ferry_binding_path(binding) == FERRY_PATH_LIBFFI ? "libffi" : "code");
    ferry_binding_free(binding);
    return ferry_engine_free(engine, &error) == FERRY_OK ? 0 : 1;
}

int main(int count, char **arguments) {
    return call(count > 1 ? arguments[1] : "now");
}
