/* samples.h: what the fragments of the guide lean on. */
#ifndef FERRY_TESTS_DOCS_SAMPLES_H
#define FERRY_TESTS_DOCS_SAMPLES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pair {
    double x;
    long n;
};

__attribute__((unused)) static struct pair sample_scale(struct pair pair, int factor) {
    return (struct pair){pair.x * factor, pair.n * factor};
}

__attribute__((unused)) static void sample_order(void *context, void *arguments, void *result) {
    const long *const *slots = (const long *const *)arguments;
    (void)context;
    *(int *)result = (*slots[0] > *slots[1]) - (*slots[0] < *slots[1]);
}

__attribute__((unused)) static void *count_allocate(void *context, size_t size) {
    void *pointer = malloc(size);
    if (pointer != NULL) __atomic_fetch_add((size_t *)context, size, __ATOMIC_RELAXED);
    return pointer;
}

__attribute__((unused)) static void count_release(void *context, void *pointer, size_t size) {
    __atomic_fetch_sub((size_t *)context, size, __ATOMIC_RELAXED);
    free(pointer);
}

#endif
