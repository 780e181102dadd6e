/* guard_unwind.c: the frame that exceptions stop at or are seen in, without a C++ runtime.
 *
 * guard_enter has unwind tables that name a personality of our own: the function that the unwinder asks what a frame
 * does about an exception. A handler for everything, it says; or nothing, but it tells that the exception came by. */
#include "runtime/guard.h"

#if defined(__x86_64__) && defined(__LP64__)

#include <unwind.h>

/* The exception, or so, is in rax when the unwinder jumps to a landing pad. */
enum { DWARF_RAX = 0, DWARF_RBX = 3 };

GUARD_FRAME_SYMBOL _Unwind_Reason_Code guard_personality(int version, _Unwind_Action actions,
                                                         _Unwind_Exception_Class class,
                                                         struct _Unwind_Exception *exception,
                                                         struct _Unwind_Context *context);
GUARD_FRAME_SYMBOL void guard_caught(struct _Unwind_Exception *exception, const Guard *guard);
extern GUARD_FRAME_SYMBOL const char guard_landed[];

/* All registers that a function has to give back are pushed, since guard_return finds them spoiled.
 *
 *     rsp -> +0   padding
 *            +8   r15, r14, r13, r12, rbx, rbp
 *            +56  return address                    rbx: the guard, while the handler runs */
#define PUSH(register) "pushq %" register "\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %" register ", 0\n"
#define POP(register)  "popq %" register "\n.cfi_adjust_cfa_offset -8\n.cfi_restore %" register "\n"

static_assert(RETURNED == 0 && THREW == 1 && JUMPED == 2, "they stand as numbers below");
static_assert(GUARD_STACK_OFFSET == 0, "it is left out below");

/* One instruction a line: */
/* clang-format off */
__asm__(".pushsection .text\n"
        ".hidden guard_enter, guard_return, guard_called, guard_landed, guard_personality, guard_caught\n"
        ".globl guard_enter, guard_return, guard_called, guard_landed\n"
        ".p2align 4\n"
        ".type guard_enter, @function\n"
        "guard_enter:\n"
        ".cfi_startproc\n"
        ".cfi_personality 0x9b, .Lguard_personality\n" /* indirect, relative to the program counter, 4 bytes */
        "endbr64\n"
        PUSH("rbp") PUSH("rbx") PUSH("r12") PUSH("r13") PUSH("r14") PUSH("r15")
        "subq $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "movq %r8, %rbx\n"
        "movq %rsp, (%r8)\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "movq %rdx, %rsi\n"
        "movq %rcx, %rdx\n"
        "call *%rax\n"
        "guard_called:\n"
        "xorl %eax, %eax\n"
        ".Lguard_leave:\n"
        ".cfi_remember_state\n"
        "addq $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        POP("r15") POP("r14") POP("r13") POP("r12") POP("rbx") POP("rbp")
        "ret\n"
        ".cfi_restore_state\n"
        "guard_landed:\n"
        "endbr64\n"
        "movq %rax, %rdi\n"
        "movq %rbx, %rsi\n"
        "call guard_caught\n"
        "movl $1, %eax\n"
        "jmp .Lguard_leave\n"
        ".cfi_endproc\n"
        ".size guard_enter, . - guard_enter\n"

        ".p2align 4\n"
        ".type guard_return, @function\n"
        "guard_return:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "movq (%rdi), %rsp\n"
        "movl $2, %eax\n"
        "jmp .Lguard_leave\n"
        ".cfi_endproc\n"
        ".size guard_return, . - guard_return\n"
        ".popsection\n"

        ".pushsection .data.rel.ro.local, \"aw\", @progbits\n"
        ".p2align 3\n"
        ".Lguard_personality:\n"
        ".quad guard_personality\n"
        ".popsection\n");
/* clang-format on */

static _Unwind_Reason_Code stop(_Unwind_Action actions, struct _Unwind_Exception *exception,
                                struct _Unwind_Context *context) {
    if ((actions & _UA_SEARCH_PHASE) != 0) return _URC_HANDLER_FOUND;
    _Unwind_SetGR(context, DWARF_RAX, (_Unwind_Word)exception);
    _Unwind_SetIP(context, (_Unwind_Word)guard_landed);
    return _URC_INSTALL_CONTEXT;
}

/* What is left to do runs here, on top of the frames that are being left: no landing pad is needed, and the unwinder
 * goes on as if nothing had been. */
static _Unwind_Reason_Code let_pass(Guard *guard) {
    guard->over = true;
    if (guard->left == NULL) return _URC_CONTINUE_UNWIND;
    guard_unwatch(guard);
    guard->left(guard->argument);
    return _URC_CONTINUE_UNWIND;
}

/* While anything but the handler is called (or, when a thread is cancelled between two instructions, nothing), rbx does
 * not hold the guard, or the guard has already answered. */
__attribute__((used)) _Unwind_Reason_Code guard_personality(int version, _Unwind_Action actions,
                                                            _Unwind_Exception_Class class,
                                                            struct _Unwind_Exception *exception,
                                                            struct _Unwind_Context *context) {
    (void)class;
    bool searching = (actions & _UA_SEARCH_PHASE) != 0, forced = (actions & _UA_FORCE_UNWIND) != 0;
    if (version != 1) return searching ? _URC_FATAL_PHASE1_ERROR : _URC_FATAL_PHASE2_ERROR;
    if (_Unwind_GetIP(context) != (_Unwind_Word)guard_called) return _URC_CONTINUE_UNWIND;
    Guard *guard = (Guard *)_Unwind_GetGR(context, DWARF_RBX); /* NOLINT(performance-no-int-to-ptr): it was one */
    if (guard->stops && !forced) return stop(actions, exception, context);
    return searching ? _URC_CONTINUE_UNWIND : let_pass(guard);
}

__attribute__((used)) void guard_caught(struct _Unwind_Exception *exception, const Guard *guard) {
    guard_delete(exception, guard);
}

#else /* ---- other architectures: everything goes through ---- */

const char guard_called[1];

Departure guard_enter(ferry_handler handler, void *context, void *arguments, void *result, Guard *guard) {
    (void)guard;
    handler(context, arguments, result);
    return RETURNED;
}

#endif
