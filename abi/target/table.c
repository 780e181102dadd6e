/* table.c: the one list of targets. Within a family the base line comes first. */
#include "abi/target/rows.h"

#include <string.h>

static const Target *const targets[] = {
    &target_x86_64_sysv,
    &target_x86_64_sysv_avx,
    &target_x86_64_sysv_avx512,
};

size_t target_count(void) {
    return COUNT_OF(targets);
}

const Target *target_at(size_t index) {
    return index < COUNT_OF(targets) ? targets[index] : NULL;
}

const Target *target_find(const char *name) {
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        if (strcmp(targets[i]->name, name) == 0) return targets[i];
    }
    return NULL;
}
