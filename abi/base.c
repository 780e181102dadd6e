/* base.c: errors, the user's allocator, hashing. */
#include "abi/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail_with(ferry_error *error, ferry_code code, const char *format, ...) {
    error->code = code;
    error->line = 0;
    error->column = 0;
    error->excerpt[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

ferry_code fail_within(ferry_error *error, ferry_code code, const char *format, ...) {
    char inner[sizeof error->message];
    memcpy(inner, error->message, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof error->message) return code;
    snprintf(error->message + length, sizeof error->message - (size_t)length, "%s", inner);
    return code;
}

void *memory_new(const ferry_allocator *allocator, size_t size) {
    if (allocator == NULL || allocator->allocate == NULL) return calloc(1, size);
    void *pointer = allocator->allocate(allocator->context, size);
    if (pointer != NULL) memset(pointer, 0, size);
    return pointer;
}

void memory_release(const ferry_allocator *allocator, void *pointer, size_t size) {
    if (pointer == NULL) return;
    if (allocator == NULL || allocator->allocate == NULL) {
        free(pointer);
    } else if (allocator->release != NULL) {
        allocator->release(allocator->context, pointer, size);
    }
}

uint64_t hash_number(uint64_t seed, uint64_t number) {
    uint64_t mixed = (seed ^ number) + UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size) {
    const unsigned char *byte = bytes;
    uint64_t hash = hash_number(seed, size);
    for (; size >= 8; size -= 8, byte += 8) {
        uint64_t word;
        memcpy(&word, byte, 8);
        hash = hash_number(hash, word);
    }
    uint64_t rest = 0;
    if (size != 0) memcpy(&rest, byte, size);
    return hash_number(hash, rest);
}
