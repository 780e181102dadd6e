/* vm.h: a virtual machine as small as one can be: functions of pointers that load, compare and return.
 *
 * A program sees its closure's arguments and nothing else of C; every use that compares goes through it. */
#ifndef FERRY_TESTS_USES_VM_H
#define FERRY_TESTS_USES_VM_H

#include "support.h"

typedef enum Opcode {
    PUSH_ARGUMENT, /* operand: which; a pointer or an 8-byte integer */
    LOAD_INT,      /* operand: offset from the pointer on top, which it replaces */
    LOAD_DOUBLE,
    LOAD_POINTER,
    COMPARE,         /* the two on top as integers: -1, 0 or 1 */
    COMPARE_DOUBLES, /* as doubles */
    MULTIPLY,
    RETURN
} Opcode;

typedef struct Instruction {
    Opcode opcode;
    int operand;
} Instruction;

typedef struct Program {
    ferry_convention convention;
    const Instruction *code;
    uint64_t calls;
} Program;

typedef union Word {
    int64_t integer;
    double real;
    unsigned char *pointer;
} Word;

static inline int64_t sign(bool less, bool greater) {
    return greater - less;
}

/* The closures' handler; context is the program. */
static inline void vm_run(void *context, void *arguments, void *result) {
    Program *program = context;
    Word stack[8], *top = stack; /* top: the newest */
    program->calls++;
    for (const Instruction *next = program->code;; next++) {
        switch (next->opcode) {
        case PUSH_ARGUMENT: (++top)->integer = ARGUMENT(int64_t, program->convention, arguments, next->operand); break;
        case LOAD_INT: top->integer = *(const int *)(const void *)(top->pointer + next->operand); break;
        case LOAD_DOUBLE: top->real = *(const double *)(const void *)(top->pointer + next->operand); break;
        case LOAD_POINTER: top->pointer = *(unsigned char **)(void *)(top->pointer + next->operand); break;
        case COMPARE:
            top--;
            top[0].integer = sign(top[0].integer<top[1].integer, top[0].integer> top[1].integer);
            break;
        case COMPARE_DOUBLES:
            top--;
            top[0].integer = sign(top[0].real<top[1].real, top[0].real> top[1].real);
            break;
        case MULTIPLY:
            top--;
            top[0].integer *= top[1].integer;
            break;
        case RETURN: give(result, top->integer); return;
        }
    }
}

/* int f(const int *, const int *) */
static const Instruction compare_ints[] = {{PUSH_ARGUMENT, 0}, {LOAD_INT, 0}, {PUSH_ARGUMENT, 1},
                                           {LOAD_INT, 0},      {COMPARE, 0},  {RETURN, 0}};

#endif
