// linked.cpp: the same from C++, shorter, and with the shared library.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "ferry/ferry.h"
#include "linked_cpp.h"
#include "no_exec.h"

static void compare(void *context, void *arguments, void *result) {
    auto values = static_cast<const int *const *>(arguments);
    ++*static_cast<int *>(context);
    *static_cast<std::int64_t *>(result) = (*values[0] > *values[1]) - (*values[0] < *values[1]);
}

static bool call(ferry_engine *engine) {
    ferry_error error;
    const ferry_signature *signature =
        ferry_signature_parse(engine, "struct d { int q, r; }; struct d div(int, int)", nullptr, &error);
    auto function = reinterpret_cast<void (*)()>(static_cast<std::div_t (*)(int, int)>(std::div));
    ferry_binding *binding = ferry_bind(engine, signature, function, nullptr, &error);
    std::int64_t arguments[] = {17, 5};
    std::div_t result{};
    ferry_call(binding, arguments, &result);
    ferry_tier tier = ferry_binding_tier(binding);
    ferry_binding_free(binding);
    std::printf("div: %d %d by %s\n", result.quot, result.rem, ferry_tier_text(tier));
    return result.quot == 3 && result.rem == 2 && tier == FERRY_TIER_BUNDLE;
}

static bool be_called(ferry_engine *engine) {
    ferry_error error;
    int calls = 0, numbers[] = {9, 7, 8, 1};
    const ferry_signature *signature =
        ferry_signature_parse(engine, "int compare(const void *, const void *)", nullptr, &error);
    ferry_closure *closure = ferry_closure_create(engine, signature, compare, &calls, nullptr, &error);
    if (closure == nullptr) return std::printf("%s\n", error.message), false;
    auto code = reinterpret_cast<int (*)(const void *, const void *)>(ferry_closure_code(closure));
    std::qsort(numbers, 4, sizeof numbers[0], code);
    bool compiled = ferry_closure_tier(closure) == FERRY_TIER_BUNDLE;
    std::printf("qsort: %d calls by %s\n", calls, ferry_tier_text(ferry_closure_tier(closure)));
    return ferry_closure_release(closure, &error) == FERRY_OK && compiled && numbers[0] == 1 && numbers[3] == 9;
}

int main() {
    if (!forbid_executable_memory()) return 77;
    if (!executable_memory_is_deadly()) return std::puts("the filter lets executable memory pass"), 1;
    ferry_error error;
    ferry_engine_options options{};
    options.policy = FERRY_NEVER;
    options.without = FERRY_SOURCE_PRELUDE;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == nullptr || ferry_engine_add_linked(engine, &linked_cpp, &error) != FERRY_OK)
        return std::puts(error.message), 1;
    bool good = call(engine) && be_called(engine);
    if (is_mapped("LLVM")) return std::puts("LLVM is mapped"), 1;
    return ferry_engine_free(engine, &error) == FERRY_OK && good ? 0 : 1;
}
