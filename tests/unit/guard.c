/* guard.c: handlers that are left by longjmp or an exception. C++ exceptions are thrown in tests/unwind. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <malloc.h>

#include "tests/unit/guard.h"

/* ---- staying inside ---- */

static void copy(void *context, void *arguments, void *result) {
    memcpy(result, arguments, *(size_t *)context);
}

Test(guard, context_arguments_and_result_reach_the_handler) {
    size_t size = 8;
    uint64_t argument = UINT64_C(0x1122334455667788), result = 0;
    char what[8] = "nothing";
    cr_expect_eq(guard_call(copy, &size, &argument, &result, NULL, NULL, what, sizeof what), RETURNED);
    cr_expect_eq(result, argument);
    cr_expect_str_eq(what, "nothing");
    int left = 0;
    result = 0;
    guard_pass(copy, &size, &argument, &result, count, &left);
    cr_expect_eq(result, argument);
    cr_expect_eq(left, 0);
}

static void jump_inside(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    jmp_buf near;
    if (setjmp(near) == 0) jump(near, NULL, NULL);
    ++*(int *)context;
}

Test(guard, a_longjmp_inside_the_handler_is_let_alone) {
    int landed = 0, left = 0;
    cr_expect_eq(guarded(jump_inside, &landed), RETURNED);
    guard_pass(jump_inside, &landed, NULL, NULL, count, &left);
    cr_expect_eq(landed, 2);
    cr_expect_eq(left, 0);
}

/* ---- longjmp ---- */

static void jump_plainly(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    _longjmp(*(jmp_buf *)context, 1);
}

static void jump_with_mask(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    siglongjmp(*(sigjmp_buf *)context, 1);
}

/* What longjmp is with _FORTIFY_SOURCE. */
extern _Noreturn void ____longjmp_chk_for_tests(struct __jmp_buf_tag *place, int value) __asm__("__longjmp_chk");

static void jump_checked(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    ____longjmp_chk_for_tests(*(jmp_buf *)context, 1);
}

static const ferry_handler jumps[] = {jump, jump_plainly, jump_with_mask, jump_checked};

Test(guard, every_kind_of_longjmp_is_stopped) {
    for (volatile size_t i = 0; i < COUNT_OF(jumps); i++) {
        sigjmp_buf far;
        if (sigsetjmp(far, 1) != 0) cr_assert(false, "%zu was not stopped", i);
        cr_expect_eq(guarded(jumps[i], far), JUMPED, "%zu", i);
    }
}

Test(guard, every_kind_of_longjmp_is_seen_and_goes_on) {
    for (volatile size_t i = 0; i < COUNT_OF(jumps); i++) {
        sigjmp_buf far;
        static volatile int left;
        left = 0;
        if (sigsetjmp(far, 1) == 0) {
            guard_pass(jumps[i], far, NULL, NULL, count, (void *)(uintptr_t)&left);
            cr_assert(false, "it was stopped");
        }
        cr_expect_eq(left, 1);
    }
}

typedef struct Nested {
    jmp_buf *far;
    Departure inner;
    int after;
} Nested;

static void guard_again(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Nested *nested = context;
    nested->inner = guarded(jump, nested->far);
    nested->after++;
}

/* Lands between the guards. */
static void jump_to_the_middle(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    jmp_buf middle;
    Nested *nested = context;
    nested->far = &middle;
    if (setjmp(middle) == 0) guard_again(context, NULL, NULL);
    nested->after++;
}

static void return_then_jump(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    int landed = 0;
    guarded(jump_inside, &landed);
    jump(context, NULL, NULL);
}

Test(guard, the_innermost_guard_that_is_jumped_over_stops) {
    jmp_buf far;
    Nested nested = {.far = &far};
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    cr_expect_eq(guarded(guard_again, &nested), RETURNED);
    cr_expect_eq(nested.inner, JUMPED);
    cr_expect_eq(nested.after, 1);
    cr_expect_eq(guarded(jump_to_the_middle, &nested), RETURNED);
    cr_expect_eq(nested.after, 3);
    cr_expect_eq(guarded(return_then_jump, far), JUMPED);
}

typedef struct Passing {
    ferry_handler handler;
    void *context;
    int left[2];
} Passing;

static void pass_twice(void *context, void *arguments, void *result) {
    Passing *passing = context;
    if (arguments == NULL)
        guard_pass(pass_twice, passing, passing, result, count, &passing->left[0]);
    else
        guard_pass(passing->handler, passing->context, NULL, NULL, count, &passing->left[1]);
}

Test(guard, all_that_are_passed_on_the_way_to_a_stop_are_told_once) {
    jmp_buf far;
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    Passing passing = {.handler = jump, .context = far};
    cr_expect_eq(guarded(pass_twice, &passing), JUMPED);
    cr_expect_eq(passing.left[0], 1);
    cr_expect_eq(passing.left[1], 1);
    Foreign foreign = {.exception = {.exception_class = 1}};
    Passing throwing = {.handler = raise_foreign, .context = &foreign};
    cr_expect_eq(guarded(pass_twice, &throwing), THREW);
    cr_expect_eq(throwing.left[0], 1);
    cr_expect_eq(throwing.left[1], 1);
}

/* What is called on the way may itself use guards. */
static void guard_on_the_way(void *context) {
    Nested *nested = context;
    guard_again(nested, NULL, NULL);
}

static jmp_buf two_jumps[2];

Test(guard, what_is_told_on_the_way_may_be_guarded_too) {
    if (setjmp(two_jumps[0]) != 0) cr_assert(false, "not stopped");
    static Nested nested = {.far = &two_jumps[0]};
    if (setjmp(two_jumps[1]) == 0) {
        guard_pass(jump, two_jumps[1], NULL, NULL, guard_on_the_way, &nested);
        cr_assert(false, "stopped");
    }
    cr_expect_eq(nested.inner, JUMPED);
    cr_expect_eq(nested.after, 1);
    cr_expect_eq(guarded(jump, two_jumps[0]), JUMPED);
}

static int told;

static void jump_on_the_way(void *context) {
    told++;
    jump(context, NULL, NULL);
}

Test(guard, what_is_told_on_the_way_may_jump_elsewhere_and_is_not_told_again) {
    if (setjmp(two_jumps[0]) == 0) {
        if (setjmp(two_jumps[1]) == 0) guard_pass(jump, two_jumps[1], NULL, NULL, jump_on_the_way, &two_jumps[0]);
        cr_assert(false, "the first jump went on");
    }
    cr_expect_eq(told, 1);
}

/* ---- exceptions ---- */

static uint64_t class_of(const char characters[8]) {
    uint64_t class = 0;
    for (int i = 0; i < 8; i++) class = class << 8 | (unsigned char)characters[i];
    return class;
}

static void check_foreign(const char characters[8], const char *expected) {
    char what[128];
    Foreign foreign = {.exception = {.exception_class = class_of(characters)}};
    cr_expect_eq(guard_call(raise_foreign, &foreign, NULL, NULL, NULL, NULL, what, sizeof what), THREW);
    cr_expect_str_eq(what, expected);
    cr_expect_eq(foreign.deleted, 1);
    cr_expect_eq(foreign.reason, _URC_FOREIGN_EXCEPTION_CAUGHT);
}

Test(guard, exceptions_are_stopped_described_and_deleted) {
    check_foreign("FERRYTST", "an exception of class FERRYTST");
    check_foreign("MOZ\0TEST", "an exception of class MOZ\\x00TEST");
    check_foreign("A\\\x80\n\0\0\0\0", "an exception of class A\\x5c\\x80\\x0a");
    check_foreign("\0\0\0\0\0\0\0\0", "an exception of class 0x0");
    check_foreign("ODD!C++\0", "an exception of class ODD!C++"); /* with no C++ runtime behind it */
}

Test(guard, a_description_is_cut_to_its_buffer) {
    char what[16];
    Foreign foreign = {.exception = {.exception_class = class_of("FERRYTST")}};
    cr_expect_eq(guard_call(raise_foreign, &foreign, NULL, NULL, NULL, NULL, what, sizeof what), THREW);
    cr_expect_str_eq(what, "an exception of");
}

/* An exception that nobody catches is not one for a guard_pass either: raising it returns. */
static void raise_and_look(void *context, void *arguments, void *result) {
    (void)arguments;
    (void)result;
    Foreign *foreign = context;
    foreign->reason = _Unwind_RaiseException(&foreign->exception);
}

static void *raise_uncaught(void *context) {
    int left = 0;
    guard_pass(raise_and_look, context, NULL, NULL, count, &left);
    cr_expect_eq(left, 0);
    return NULL;
}

Test(guard, an_exception_that_nobody_catches_does_not_leave_the_handler) {
    Foreign foreign = {.exception = {.exception_class = 7}};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, raise_uncaught, &foreign), 0);
    pthread_join(thread, NULL);
    cr_expect_eq(foreign.reason, _URC_END_OF_STACK);
}

/* ---- again and again ---- */

static const void *frame_of(Departure expected, ferry_handler handler, void *context) {
    char what[64];
    cr_assert_eq(guard_call(handler, context, NULL, NULL, NULL, NULL, what, sizeof what), expected);
    return __builtin_frame_address(0);
}

Test(guard, stopping_a_hundred_thousand_times_leaves_nothing_behind) {
    jmp_buf far;
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    Foreign foreign = {.exception = {.exception_class = 1}};
    const void *frame = frame_of(JUMPED, jump, far);
    frame_of(THREW, raise_foreign, &foreign);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(frame_of(JUMPED, jump, far), frame);
        if (i % 10 == 0) cr_assert_eq(frame_of(THREW, raise_foreign, &foreign), frame);
    }
    cr_expect_eq(mallinfo2().uordblks, before);
    cr_expect_eq(foreign.deleted, 10001);
}

/* ---- registers ---- */

/* context: a jmp_buf; or, when arguments is there too, a Foreign. */
void spoil_and_leave(void *context, void *arguments, void *result);
/* Departure of a guard_call of spoil_and_leave; after: what was then in the registers that a function gives back, where
 * 101, 102 and so on had been. */
Departure call_with_marks(void *context, void *arguments, uint64_t after[6]);

void spoil_and_leave(void *context, void *arguments, void *result) {
    (void)result;
    __asm__ volatile("xorl %%ebx, %%ebx; xorl %%r12d, %%r12d; xorl %%r13d, %%r13d; xorl %%r14d, %%r14d\n\t"
                     "xorl %%r15d, %%r15d" ::
                         : "rbx", "r12", "r13", "r14", "r15");
    if (arguments == NULL)
        jump(context, NULL, NULL);
    else
        raise_foreign(context, NULL, NULL);
}

#define EACH(instruction)                                                                                              \
    instruction("rbx", "101", "0") instruction("rbp", "102", "8") instruction("r12", "103", "16")                      \
        instruction("r13", "104", "24") instruction("r14", "105", "32") instruction("r15", "106", "40")
#define MARK(register, mark, offset) "movq $" mark ", %" register "\n"
#define KEEP(register, mark, offset) "movq %" register ", " offset "(%rcx)\n"
#define BACK(register, mark, offset) "movq " offset "(%rsp), %" register "\n"
#define SAVE(register, mark, offset) "movq %" register ", " offset "(%rsp)\n"
#define ROOM                         "120" /* 6 registers, after, what[64] */

__asm__(".pushsection .text\n"
        ".globl call_with_marks\n"
        ".type call_with_marks, @function\n"
        "call_with_marks:\n"
        "subq $" ROOM ", %rsp\n" EACH(SAVE) /* */
        "movq %rdx, 48(%rsp)\n"
        "movq %rsi, %rdx\n"
        "movq %rdi, %rsi\n"
        "movq spoil_and_leave@GOTPCREL(%rip), %rdi\n"
        "xorl %ecx, %ecx\n"
        "xorl %r8d, %r8d\n"
        "xorl %r9d, %r9d\n"
        "leaq 56(%rsp), %rax\n"
        "subq $16, %rsp\n"
        "movq %rax, (%rsp)\n"
        "movq $64, 8(%rsp)\n" /* */
        EACH(MARK)            /* */
        "call guard_call\n"
        "addq $16, %rsp\n"
        "movq 48(%rsp), %rcx\n" /* */
        EACH(KEEP)              /* */
        EACH(BACK)              /* */
        "addq $" ROOM ", %rsp\n"
        "ret\n"
        ".size call_with_marks, . - call_with_marks\n"
        ".popsection\n");

static void check_marks(Departure expected, void *context, void *arguments) {
    uint64_t after[6] = {0};
    cr_expect_eq(call_with_marks(context, arguments, after), expected);
    for (uint64_t i = 0; i < 6; i++) cr_expect_eq(after[i], 101 + i, "%d: %d", (int)i, (int)after[i]);
}

Test(guard, registers_are_given_back_after_a_stop) {
    jmp_buf far;
    if (setjmp(far) != 0) cr_assert(false, "not stopped");
    Foreign foreign = {.exception = {.exception_class = 1}};
    check_marks(JUMPED, far, NULL);
    check_marks(THREW, &foreign, &foreign);
}
