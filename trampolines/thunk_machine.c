/* trampolines/thunk_machine.c: what a thunk is, a row for each architecture. */
#include "trampolines/parts.h"

#if defined(__x86_64__) && defined(__LP64__)

/*   +0    endbr64
 *   +4    lea r10, [rip + DISTANCE]     its cell
 *   +11   jmp [r10]
 *   +14   int3 ...                      also so that no processor runs on behind the jump */
#define DISTANCE    (THUNK_SPAN - 11)
#define BYTE(index) ((uint8_t)(DISTANCE >> 8 * (index)))

static const ThunkMachine machine = {
    .code = {0xf3, 0x0f, 0x1e, 0xfa,                               /* endbr64 */
             0x4c, 0x8d, 0x15, BYTE(0), BYTE(1), BYTE(2), BYTE(3), /* lea */
             0x41, 0xff, 0x22},                                    /* jmp */
    .code_size = 14,
    .filler = 0xcc,
    .cie = {1, 0,        /* version; no augmentation, so addresses are absolute */
            1, 0x78, 16, /* alignments 1 and -8, return register */
            0x0c, 7, 8,  /* DW_CFA_def_cfa rsp+8 */
            0x90, 1},    /* DW_CFA_offset rip at cfa-8 */
};

const ThunkMachine *thunk_machine(void) {
    return &machine;
}

#define RELAY_AT_TEXT THUNK_TEXT(THUNK_RELAY_AT)

__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl thunk_relay_code\n"
        ".hidden thunk_relay_code\n"
        ".type thunk_relay_code, @function\n"
        "thunk_relay_code:\n"
        ".cfi_startproc\n"
        "    endbr64\n"
        "    movq " RELAY_AT_TEXT "(%r10), %r10\n"
        "    jmpq *(%r10)\n"
        ".cfi_endproc\n"
        ".size thunk_relay_code, . - thunk_relay_code\n"
        ".popsection\n");

extern const unsigned char thunk_relay_code[] __attribute__((visibility("hidden")));

const void *thunk_relay(void) {
    return thunk_relay_code;
}

#else

const ThunkMachine *thunk_machine(void) {
    return NULL;
}

const void *thunk_relay(void) {
    return NULL;
}

#endif
