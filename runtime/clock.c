/* clock.c: the time, for figures and for waiting. */
#define _POSIX_C_SOURCE 200809L
#include "runtime/engine.h"

uint64_t clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}
