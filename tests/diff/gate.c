/* tests/diff/gate.c: what stands between a compiled caller and a closure: garbage wherever the C ABI promises nothing,
 * and a look at what the closure must preserve.
 *
 * The caller's return address is taken off the stack and kept, so that the closure finds registers and stack as it
 * would without the gate:
 *
 *     caller  --call-->  gate  --call-->  closure
 *                 |                           |
 *     stack:   return | arguments          gate's | the same arguments
 *
 * Garbage: in registers that carry no argument, above what narrow arguments fill of their register or stack slot, in
 * rax (in al only where the call is not variadic), r10, r11 and below the stack pointer. rbx, rbp, r12..r15 hold
 * garbage that must be there again afterwards.
 */
#include <assert.h>
#include <string.h>

#include "diff.h"

enum { GENERAL_COUNT = 6, VECTOR_COUNT = 8, PRESERVED_COUNT = 6, RED_BYTES = 2048 };

typedef struct StackWord {
    int64_t offset; /* from the first argument on the stack; negative: there are no more */
    uint64_t keep, junk;
} StackWord;

typedef struct Gate {
    uint8_t keep_vectors[VECTOR_COUNT][16]; /* +0 */
    uint8_t junk_vectors[VECTOR_COUNT][16]; /* +128 */
    uint64_t keep_general[GENERAL_COUNT];   /* +256 rdi, rsi, rdx, rcx, r8, r9 */
    uint64_t junk_general[GENERAL_COUNT];   /* +304 */
    uint64_t keep_rax, junk_rax;            /* +352, +360 */
    uint64_t preserved[PRESERVED_COUNT];    /* +368 rbx, rbp, r12..r15 on the way in */
    uint64_t found[PRESERVED_COUNT];        /* +416 on the way out */
    uint64_t own[PRESERVED_COUNT];          /* +464 the caller's */
    void (*target)(void);                   /* +512 */
    uint64_t back;                          /* +520 */
    uint64_t stack_before, stack_after;     /* +528, +536 */
    uint64_t red;                           /* +544 what fills the memory below the stack pointer */
    uint32_t mxcsr_before, mxcsr_after;     /* +552, +556 */
    uint64_t x87_before, x87_after;         /* +560, +568 control words */
    uint64_t flags_after;                   /* +576 */
    uint64_t passed;                        /* +584 how often */
    StackWord words[MAX_ARGUMENTS + 1];     /* +592 */
} Gate;

#define AT(member, offset) static_assert(offsetof(Gate, member) == (offset), "the assembly below finds it there")
AT(junk_vectors, 128);
AT(keep_general, 256);
AT(junk_general, 304);
AT(junk_rax, 360);
AT(preserved, 368);
AT(found, 416);
AT(own, 464);
AT(target, 512);
AT(stack_before, 528);
AT(red, 544);
AT(mxcsr_after, 556);
AT(x87_after, 568);
AT(flags_after, 576);
AT(passed, 584);
AT(words, 592);
static_assert(sizeof(StackWord) == 24, "the assembly below steps so far");

extern Gate diff_gate_state __attribute__((visibility("hidden"), aligned(16)));
Gate diff_gate_state;
void diff_gate(void);

#define STATE(offset) "diff_gate_state+" #offset "(%rip)"
#define VECTOR(register, keep, junk)                                                                                   \
    "    andps " STATE(keep) ", %" register "\n"                                                                       \
                                            "    orps " STATE(junk) ", %" register "\n"
#define GENERAL(register, keep, junk)                                                                                  \
    "    andq " STATE(keep) ", %" register "\n"                                                                        \
                                           "    orq " STATE(junk) ", %" register "\n"
#define PRESERVED(register, before, after, own)                                                                        \
    "    movq %" register ", " STATE(after) "\n"                                                                       \
                                            "    movq " STATE(own) ", %" register "\n"

__asm__(
    ".text\n"
    ".p2align 4\n"
    ".hidden diff_gate\n"
    ".globl diff_gate\n"
    ".type diff_gate, @function\n"
    "diff_gate:\n"
    "    popq " STATE(520) "\n"
                           "    incq " STATE(584) "\n"
                                                  "    movq %rbx, " STATE(464) "\n"
                                                                               "    movq %rbp, " STATE(
                                                                                   472) "\n"
                                                                                        "    movq %r12, " STATE(480) "\n"
                                                                                                                     " "
                                                                                                                     " "
                                                                                                                     " "
                                                                                                                     " "
                                                                                                                     "m"
                                                                                                                     "o"
                                                                                                                     "v"
                                                                                                                     "q"
                                                                                                                     " "
                                                                                                                     "%"
                                                                                                                     "r"
                                                                                                                     "1"
                                                                                                                     "3"
                                                                                                                     ","
                                                                                                                     " " STATE(488) "\n"
                                                                                                                                    "    movq %r14, " STATE(496) "\n"
                                                                                                                                                                 "    movq %r15, " STATE(504) "\n"
                                                                                                                                                                                              "    movq %rsp, " STATE(528) "\n"
                                                                                                                                                                                                                           "    leaq " STATE(592) ", %r11\n"
                                                                                                                                                                                                                                                  "1:  movq (%r11), %r10\n"
                                                                                                                                                                                                                                                  "    testq %r10, %r10\n"
                                                                                                                                                                                                                                                  "    js 2f\n"
                                                                                                                                                                                                                                                  "    movq (%rsp,%r10), %rbx\n"
                                                                                                                                                                                                                                                  "    andq 8(%r11), %rbx\n"
                                                                                                                                                                                                                                                  "    orq 16(%r11), %rbx\n"
                                                                                                                                                                                                                                                  "    movq %rbx, (%rsp,%r10)\n"
                                                                                                                                                                                                                                                  "    addq $24, %r11\n"
                                                                                                                                                                                                                                                  "    jmp 1b\n"
                                                                                                                                                                                                                                                  "2:  movq " STATE(544) ", %r10\n"
                                                                                                                                                                                                                                                                         "    leaq -2048(%rsp), %r11\n"
                                                                                                                                                                                                                                                                         "3:  movq %r10, (%r11)\n"
                                                                                                                                                                                                                                                                         "    addq $8, %r11\n"
                                                                                                                                                                                                                                                                         "    cmpq %rsp, %r11\n"
                                                                                                                                                                                                                                                                         "    jb 3b\n" VECTOR("xmm0",
                                                                                                                                                                                                                                                                                              0, 128) VECTOR("xmm1",
                                                                                                                                                                                                                                                                                                             16, 144) VECTOR("xmm2",
                                                                                                                                                                                                                                                                                                                             32,
                                                                                                                                                                                                                                                                                                                             160) VECTOR("xmm3",
                                                                                                                                                                                                                                                                                                                                         48,
                                                                                                                                                                                                                                                                                                                                         176) VECTOR("xmm4",
                                                                                                                                                                                                                                                                                                                                                     64, 192) VECTOR("xmm5",
                                                                                                                                                                                                                                                                                                                                                                     80, 208) VECTOR("xmm6", 96, 224) VECTOR("xmm7",
                                                                                                                                                                                                                                                                                                                                                                                                             112,
                                                                                                                                                                                                                                                                                                                                                                                                             240) GENERAL("rdi", 256, 304) GENERAL("rsi", 264, 312) GENERAL("rdx",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                            272, 320) GENERAL("rcx", 280, 328) GENERAL("r8",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       288, 336) GENERAL("r9",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         296, 344) GENERAL("rax",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           352,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           360) "    stmxcsr " STATE(552) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "    fnstcw " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              560) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "    movq " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       368) ", %rbx\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "    movq " STATE(376) ", %rbp\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "    movq " STATE(384) ", %r12\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "    movq " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              392) ", %r13\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "    movq " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       400) ", %r14\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "    movq " STATE(408) ", %r15\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "    movq %r10, %r11\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "    call *" STATE(512) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "    movq %rsp, " STATE(536) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "    movq " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            528) ", %rsp\n" PRESERVED("rbx",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      368,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      416,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      464) PRESERVED("rbp", 376, 424,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     472) PRESERVED("r12",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    384, 432, 480) PRESERVED("r13", 392, 440, 488) PRESERVED("r14",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             400,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             448,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             496) PRESERVED("r15",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            408, 456, 504) "    stmxcsr " STATE(556) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "    fnstcw " STATE(568) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "    pushfq\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "    popq " STATE(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  576) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "    cld\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "    jmp *" STATE(520) "\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              ".size diff_gate, .-diff_gate\n");

/* ---- where garbage may be ---- */

static void note_piece(Junk *junk, const Piece *piece) {
    uint32_t rest = piece->size % 8;
    if (piece->on_stack && rest != 0 && junk->word_count < MAX_ARGUMENTS) {
        junk->words[junk->word_count].offset = piece->stack_offset + piece->size - rest;
        junk->words[junk->word_count++].bytes = (uint8_t)rest;
    } else if (!piece->on_stack && piece->bank == BANK_GENERAL) {
        junk->general[piece->number] = (uint8_t)piece->size;
    } else if (!piece->on_stack && piece->bank == BANK_FLOAT) {
        junk->vectors[piece->number] = (uint8_t)(piece->size < 16 ? piece->size : 16);
    }
}

void junk_of(Junk *junk, const Placement *placement) {
    *junk = (Junk){.hidden_result = placement->hidden_result, .variadic = placement->signature->variadic};
    if (placement->hidden_result) junk->general[placement->result.pieces[0].number] = 8;
    for (size_t i = 0; i < placement->count; i++) {
        const PlacedValue *value = &placement->values[i];
        for (size_t j = 0; j < value->piece_count; j++) note_piece(junk, &value->pieces[j]);
    }
}

static void mask(Random *random, void *keep, void *junk, size_t size, size_t bytes) {
    memset(keep, 0, size);
    random_fill(random, junk, size);
    memset(keep, 0xff, bytes);
    memset(junk, 0, bytes);
}

/* ---- through it ---- */

void gate_open(const Junk *junk, void (*target)(void), Random *random) {
    Gate *gate = &diff_gate_state;
    memset(gate, 0, sizeof *gate);
    gate->target = target;
    for (size_t i = 0; i < GENERAL_COUNT; i++)
        mask(random, &gate->keep_general[i], &gate->junk_general[i], 8, junk->general[i]);
    for (size_t i = 0; i < VECTOR_COUNT; i++)
        mask(random, gate->keep_vectors[i], gate->junk_vectors[i], 16, junk->vectors[i]);
    mask(random, &gate->keep_rax, &gate->junk_rax, 8, junk->variadic);
    random_fill(random, gate->preserved, sizeof gate->preserved);
    gate->red = random_next(random);
    for (size_t i = 0; i < junk->word_count; i++) {
        gate->words[i].offset = (int64_t)junk->words[i].offset;
        mask(random, &gate->words[i].keep, &gate->words[i].junk, 8, junk->words[i].bytes);
    }
    gate->words[junk->word_count].offset = -1;
}

void (*gate_code(void))(void) {
    return diff_gate;
}

const char *gate_failure(void) {
    const Gate *gate = &diff_gate_state;
    uint32_t controls = 0xffc0; /* of mxcsr; below are the sticky exceptions */
    if (gate->passed != 1) return "the function pointer was not called exactly once";
    if (gate->stack_after != gate->stack_before) return "the stack pointer has changed";
    if (memcmp(gate->found, gate->preserved, sizeof gate->found) != 0) return "a register that C preserves has changed";
    if (((gate->mxcsr_before ^ gate->mxcsr_after) & controls) != 0) return "mxcsr has changed";
    if (gate->x87_before != gate->x87_after) return "the x87 control word has changed";
    if ((gate->flags_after & 0x400) != 0) return "the direction flag is set";
    return NULL;
}

bool x87_is_empty(void) {
    struct {
        uint32_t control, status, tags, rest[4];
    } environment;
    __asm__ volatile("fnstenv %0\n\tfldenv %0" : "+m"(environment));
    return (environment.tags & 0xffff) == 0xffff;
}
