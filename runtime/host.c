/* host.c: which targets this machine can run.
 *
 * A row runs here when its triple names this architecture and system, and the CPU (with the kernel that saves its
 * registers) has every feature that the row asks for. */
#include "runtime/engine.h"

#include <string.h>

#include <errno.h>

#if defined(__x86_64__) && defined(__linux__)

/* The word at the thread pointer is its own address. errno lies in static thread-local storage in glibc and musl alike:
 * at the same distance on every thread. */
bool host_errno_offset(intptr_t *offset) {
    uintptr_t thread;
    __asm__("mov %%fs:0, %0" : "=r"(thread));
    *offset = (intptr_t)((uintptr_t)&errno - thread);
    return true;
}

static bool triple_is_host(const char *triple) {
    return strncmp(triple, "x86_64-", 7) == 0 && strstr(triple, "-linux-gnu") != NULL &&
           strstr(triple, "gnux32") == NULL;
}

/* LLVM's name of a feature, without its sign. Literals, because the builtin takes nothing else; it asks XCR0 too. */
static bool cpu_has(const char *name, size_t length) {
    const struct {
        const char *name;
        bool present;
    } features[] = {
        {"avx", __builtin_cpu_supports("avx") != 0},           {"avx2", __builtin_cpu_supports("avx2") != 0},
        {"fma", __builtin_cpu_supports("fma") != 0},           {"bmi", __builtin_cpu_supports("bmi") != 0},
        {"bmi2", __builtin_cpu_supports("bmi2") != 0},         {"popcnt", __builtin_cpu_supports("popcnt") != 0},
        {"sse3", __builtin_cpu_supports("sse3") != 0},         {"ssse3", __builtin_cpu_supports("ssse3") != 0},
        {"sse4.1", __builtin_cpu_supports("sse4.1") != 0},     {"sse4.2", __builtin_cpu_supports("sse4.2") != 0},
        {"avx512f", __builtin_cpu_supports("avx512f") != 0},   {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
        {"avx512cd", __builtin_cpu_supports("avx512cd") != 0}, {"avx512dq", __builtin_cpu_supports("avx512dq") != 0},
        {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
    };
    for (size_t i = 0; i < COUNT_OF(features); i++) {
        if (strncmp(features[i].name, name, length) == 0 && features[i].name[length] == '\0')
            return features[i].present;
    }
    return false;
}

#else

bool host_errno_offset(intptr_t *offset) {
    *offset = 0;
    return false;
}

static bool triple_is_host(const char *triple) {
    (void)triple;
    return false;
}

static bool cpu_has(const char *name, size_t length) {
    (void)name;
    (void)length;
    return false;
}

#endif

/* features: LLVM's list, "+avx,+avx2"; what begins with '-' asks for nothing. */
static const char *missing_feature(const char *features) {
    while (*features != '\0') {
        size_t length = strcspn(features, ",");
        if (features[0] == '+' && !cpu_has(features + 1, length - 1)) return features;
        features += length;
        if (*features == ',') features++;
    }
    return NULL;
}

bool host_has(const char *features, const char **missing) {
    *missing = missing_feature(features);
    return *missing == NULL;
}

bool host_can_run(const Target *target, const char **missing) {
    *missing = triple_is_host(target->triple) ? missing_feature(target->cpu_features) : target->triple;
    return *missing == NULL;
}

/* The one with the widest registers; of equals the first, which is the platform's own ABI. */
const Target *host_best_target(void) {
    const Target *best = NULL;
    const char *missing;
    for (size_t i = 0; i < target_count(); i++) {
        const Target *target = target_at(i);
        if (!host_can_run(target, &missing)) continue;
        if (best == NULL || target->vector_register_bytes > best->vector_register_bytes) best = target;
    }
    return best;
}
