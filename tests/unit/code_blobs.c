#include "code_blobs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t cie[] = {20,   0,    0,   0,       /* length */
                              0,    0,    0,   0,       /* it is a CIE */
                              1,    'z',  'R', 0,       /* version, augmentation */
                              1,    0x78, 16,  1, 0x1b, /* alignments 1 and -8, return register, pc-relative */
                              0x0c, 7,    8,            /* DW_CFA_def_cfa rsp+8 */
                              0x90, 1,                  /* DW_CFA_offset rip at cfa-8 */
                              0,    0};

static void put(uint8_t *at, size_t value) {
    uint32_t word = (uint32_t)value;
    memcpy(at, &word, sizeof word);
}

void hand_made_describe(HandMade *made, const uint8_t *code, size_t size, const uint8_t *program, size_t program_size) {
    size_t fde_size = round_up(17 + program_size, 4);
    uint8_t *fde = made->unwind + sizeof cie;
    memset(made->unwind, 0, sizeof made->unwind);
    memcpy(made->unwind, cie, sizeof cie);
    put(fde, fde_size - 4);
    put(fde + 4, sizeof cie + 4);
    put(fde + 12, size);
    if (program_size != 0) memcpy(fde + 17, program, program_size);
    made->blob = (Blob){.code = code,
                        .code_size = size,
                        .unwind = made->unwind,
                        .unwind_size = sizeof cie + fde_size + 4,
                        .unwind_fixup = sizeof cie + 8,
                        .name = "hand made"};
}

void hand_made_constant(HandMade *made, int value, size_t size) {
    memset(made->code, 0x90, sizeof made->code);
    made->code[0] = 0xb8; /* mov eax, value */
    memcpy(made->code + 1, &value, 4);
    made->code[5] = 0xc3; /* ret */
    hand_made_describe(made, made->code, size, NULL, 0);
}

void hand_made_caller(HandMade *made) {
    static const uint8_t code[] = {0xf3, 0x0f, 0x1e, 0xfa, /* endbr64 */
                                   0x53,                   /* push rbx */
                                   0xff, 0xd7,             /* call rdi */
                                   0x5b, 0xc3};            /* pop rbx; ret */
    static const uint8_t program[] = {0x45, 0x0e, 16, 0x83, 2, 0x43, 0x0e, 8};
    hand_made_describe(made, code, sizeof code, program, sizeof program);
}

int call_constant(const Code *code) {
    int (*function)(void);
    memcpy(&function, &code->entry, sizeof function);
    return function();
}

static void *allocate(void *context, size_t size) {
    Meter *meter = context;
    meter->requests++;
    if (meter->fail_at != 0 && meter->requests >= meter->fail_at) return NULL;
    void *memory = malloc(size);
    if (memory == NULL) return NULL;
    meter->blocks++;
    meter->bytes += size;
    return memory;
}

static void release(void *context, void *pointer, size_t size) {
    Meter *meter = context;
    meter->blocks--;
    meter->bytes -= size;
    free(pointer);
}

ferry_allocator meter_allocator(Meter *meter) {
    return (ferry_allocator){.context = meter, .allocate = allocate, .release = release};
}

size_t count_mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t count = 0;
    char line[4096];
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) count += strstr(line, "memfd:ferry") != NULL;
    if (maps != NULL) fclose(maps);
    return count;
}

size_t count_files(void) {
    DIR *files = opendir("/proc/self/fd");
    size_t count = 0;
    while (files != NULL && readdir(files) != NULL) count++;
    if (files != NULL) closedir(files);
    return count;
}
