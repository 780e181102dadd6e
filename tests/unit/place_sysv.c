/* The System V section of the corner cases, one named test for each line. Placements are compared as text:
 *
 *   result: registers, or "hidden rdi", or "-"          then each argument: pieces "xmm0 xmm1", "stack+0", "-"
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/world.h"

static void tell(const Placement *placement, const PlacedValue *value, char *text, size_t size) {
    size_t used = strlen(text);
    if (value->mode == MODE_IGNORED) snprintf(text + used, size - used, "-");
    if (value->mode == MODE_POINTER) used += (size_t)snprintf(text + used, size - used, "hidden ");
    for (size_t i = 0; i < value->piece_count; i++) {
        const Piece *piece = &value->pieces[i];
        const char *gap = i == 0 ? "" : " ";
        if (piece->on_stack) {
            used += (size_t)snprintf(text + used, size - used, "%sstack+%llu", gap,
                                     (unsigned long long)piece->stack_offset);
        } else {
            used += (size_t)snprintf(text + used, size - used, "%s%s", gap, piece_register(placement->target, piece));
        }
    }
}

static void expect_on(const char *target, const char *declaration, const char *expected) {
    World world;
    open_world(&world, target);
    const Placement *placement = place(&world, declaration);
    char text[1024] = "";
    tell(placement, &placement->result, text, sizeof text);
    for (size_t i = 0; i < placement->count; i++) {
        strcat(text, i == 0 ? ": " : ", ");
        tell(placement, &placement->values[i], text, sizeof text);
    }
    cr_expect_str_eq(text, expected, "%s\n   got %s\n  want %s", declaration, text, expected);
    close_world(&world);
}

static void expect(const char *declaration, const char *expected) {
    expect_on("x86_64-sysv", declaration, expected);
}

static void expect_dispute(const char *target, const char *declaration, bool of_result) {
    World world;
    open_world(&world, target);
    const Placement *placement = place(&world, declaration);
    const PlacedValue *value = of_result ? &placement->result : &placement->values[0];
    cr_expect_not_null(value->dispute, "%s", declaration);
    close_world(&world);
}

Test(sysv, case_01_any_integer_field_makes_its_eightbyte_integer) {
    expect("struct {float f; int i;} f(struct {float f; int i;})", "rax: rdi");
    expect("void f(struct {int i; float f; double d;})", "-: rdi xmm0");
}

Test(sysv, case_02_three_floats_take_two_vector_registers) {
    expect("struct {float f[3];} f(struct {float f[3];})", "xmm0 xmm1: xmm0 xmm1");
}

Test(sysv, case_03_a_struct_without_registers_gives_back_what_it_took) {
    expect("void f(long, long, long, long, long, struct {long a, b;}, long, double)",
           "-: rdi, rsi, rdx, rcx, r8, stack+0, r9, xmm0");
    expect("void f(double, double, double, double, double, double, double, double, struct {long n; double d;}, long)",
           "-: xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, stack+0, rdi");
    expect("void f(long, long, long, long, long, long, struct {double d; long n;}, double)",
           "-: rdi, rsi, rdx, rcx, r8, r9, stack+0, xmm0");
}

Test(sysv, case_04_int128_is_never_split_and_its_stack_slot_is_16_aligned) {
    expect("void f(long, long, long, long, long, __int128)", "-: rdi, rsi, rdx, rcx, r8, stack+0");
    expect("void f(long, long, long, long, long, long, long, __int128, long)",
           "-: rdi, rsi, rdx, rcx, r8, r9, stack+0, stack+16, stack+32");
}

Test(sysv, case_05_after_a_stacked_int128_r9_is_still_used) {
    expect("void f(long, long, long, long, long, __int128, long)", "-: rdi, rsi, rdx, rcx, r8, stack+0, r9");
}

Test(sysv, case_06_int128_aligns_to_16) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Placement *placement = place(&world, "void f(struct {char c; __int128 n;})");
    cr_expect_eq(placement->values[0].layout->alignment, 16);
    cr_expect_eq(placement->values[0].layout->size, 32);
    close_world(&world);
    expect("__int128 f(__int128)", "rax rdx: rdi rsi");
}

Test(sysv, case_07_an_unaligned_field_is_memory) {
    expect("struct __attribute__((packed)) {char c; int i;} f(struct __attribute__((packed)) {char c; int i;})",
           "hidden rdi: stack+0");
    expect("typedef long __attribute__((aligned(4))) half; void f(struct {int a; half b; int c;})", "-: stack+0");
}

Test(sysv, case_08_packed_fields_are_not_realigned) {
    expect("void f(struct __attribute__((packed)) {int a; char b; char c[3];}, struct __attribute__((packed)) {long a; "
           "char b;})",
           "-: rdi, rsi rdx");
    expect("void f(struct __attribute__((packed)) {short a; char b; short c;})", "-: stack+0");
}

Test(sysv, case_09_long_double_goes_in_memory_and_returns_in_st0) {
    expect("long double f(long double, int, long double)", "st0: stack+0, rdi, stack+16");
    expect("struct {long double x;} f(struct {long double x;})", "st0: stack+0");
}

Test(sysv, case_10_x87up_without_x87_is_memory) {
    expect("union {long double x; int i;} f(union {long double x; int i;})", "hidden rdi: stack+0");
    expect("void f(union {long double x; double d;})", "-: stack+0");
}

Test(sysv, case_11_complex_long_double_returns_in_st0_and_st1) {
    expect("_Complex long double f(_Complex long double)", "st0 st1: stack+0");
    expect("struct {_Complex long double z;} f(void)", "hidden rdi");
}

Test(sysv, case_12_complex_float_is_one_register_complex_double_two) {
    expect("_Complex float f(_Complex float, _Complex double)", "xmm0: xmm0, xmm1 xmm2");
    expect("_Complex double f(void)", "xmm0 xmm1");
    expect("_Complex __float128 f(_Complex __float128)", "hidden rdi: stack+0");
}

#define V32 "typedef double v4 __attribute__((vector_size(32))); "
#define V64 "typedef double v8 __attribute__((vector_size(64))); "

Test(sysv, case_13_wide_vectors_travel_in_registers_only_when_named_and_the_feature_is_on) {
    expect_on("x86_64-sysv", V32 "v4 f(v4)", "hidden rdi: stack+0");
    expect_on("x86_64-sysv-avx", V32 "v4 f(v4)", "ymm0: ymm0");
    expect_on("x86_64-sysv-avx", V32 "int f(int, ..., v4, double)", "rax: rdi, stack+0, xmm0");
    expect_on("x86_64-sysv-avx", V64 "v8 f(v8)", "hidden rdi: stack+0");
    expect_on("x86_64-sysv-avx512", V64 V32 "v8 f(v8, v4)", "zmm0: zmm0, ymm1");
    expect_on("x86_64-sysv-avx", V32 "struct {v4 v;} f(struct {v4 v;})", "ymm0: ymm0");
    expect_dispute("x86_64-sysv-avx", V32 "int f(v4, ...,int)", false);
}

Test(sysv, case_14_without_avx_a_wide_vector_returns_in_memory) {
    expect_on("x86_64-sysv", V64 "v8 f(void)", "hidden rdi");
}

Test(sysv, case_15_small_vectors) {
    expect("typedef char v __attribute__((vector_size(4))); v f(v)", "rax: rdi");
    expect("typedef int v __attribute__((vector_size(8))); v f(v)", "xmm0: xmm0");
    expect("typedef long v __attribute__((vector_size(8))); v f(v)", "xmm0: xmm0");
    expect("typedef double v __attribute__((vector_size(8))); v f(v)", "hidden rdi: stack+0");
    expect("typedef float v __attribute__((vector_size(4))); void f(v)", "-: stack+0");
    expect_dispute("x86_64-sysv", "typedef float v __attribute__((vector_size(4))); void f(v)", false);
    expect_dispute("x86_64-sysv", "typedef double v __attribute__((vector_size(8))); v f(void)", true);
}

Test(sysv, case_16_a_struct_of_float128_is_one_register) {
    expect("struct {__float128 q;} f(struct {__float128 q;}, __float128)", "xmm0: xmm0, xmm1");
    expect("void f(union {__float128 q; long n;})", "-: rdi xmm0");
}

Test(sysv, case_17_flexible_array_members_are_disputed) {
    expect("void f(struct {long n; char tail[];})", "-: rdi");
    expect_dispute("x86_64-sysv", "void f(struct {long n; char tail[];})", false);
    expect_dispute("x86_64-sysv", "struct {long n; char tail[];} f(void)", true);
}

Test(sysv, case_18_bitfields_are_integer_in_each_eightbyte_that_they_touch) {
    expect("void f(struct {float f; int a : 3;})", "-: rdi");
    expect("void f(struct {double d; int a : 3;})", "-: xmm0 rdi");
    expect("void f(struct {double d; int : 0; float f;})", "-: xmm0 xmm1");
    expect("void f(struct {float f; int : 32;})", "-: rdi");
    expect_dispute("x86_64-sysv", "void f(struct {float f; int : 32;})", false);
}

Test(sysv, case_19_a_union_merges_all_its_members) {
    expect("union {float f; int i;} f(union {float f; int i;})", "rax: rdi");
    expect("void f(union {double d; float f[2];})", "-: xmm0");
    expect("void f(union {struct {double d; long n;} s; double e[2];})", "-: xmm0 rdi");
}

Test(sysv, case_20_narrow_integers_say_how_they_are_extended) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Placement *placement = place(&world, "signed char f(short, unsigned char, _Bool, int, long)");
    cr_expect_eq(placement->result.extension, EXTEND_SIGN);
    cr_expect_eq(placement->values[0].extension, EXTEND_SIGN);
    cr_expect_eq(placement->values[1].extension, EXTEND_ZERO);
    cr_expect_eq(placement->values[2].extension, EXTEND_ZERO);
    cr_expect_eq(placement->values[3].extension, EXTEND_SIGN);
    cr_expect_eq(placement->values[4].extension, EXTEND_NONE);
    close_world(&world);
}

Test(sysv, case_21_a_shorter_tail_is_a_shorter_piece) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Placement *placement = place(&world, "void f(struct {int n[3];}, struct {float x[3];}, struct {char c[5];})");
    cr_expect_eq(placement->values[0].pieces[1].size, 4);
    cr_expect_eq(placement->values[1].pieces[1].size, 4);
    cr_expect_eq(placement->values[2].pieces[0].size, 5);
    close_world(&world);
}

Test(sysv, case_22_al_counts_the_vector_registers_of_a_variadic_call) {
    World world;
    open_world(&world, "x86_64-sysv");
    cr_expect_eq(place(&world, "int f(const char *, ..., double, int, double)")->vector_count, 2);
    cr_expect_eq(place(&world, "int f(double, ..., int)")->vector_count, 1);
    cr_expect_eq(place(&world, "int f(double)")->vector_count, 0);
    close_world(&world);
}

Test(sysv, case_23_an_unpromoted_variadic_argument_is_refused) {
    World world;
    open_world(&world, "x86_64-sysv");
    static const char *const refused[] = {"int f(int, ..., float)", "int f(int, ..., short)", "int f(int, ..., _Bool)",
                                          "int f(int, ..., char)"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        const Signature *signature;
        const char *name;
        ferry_code code = parse_signature(&world.types, NULL, refused[i], &signature, &name, &world.error);
        cr_expect_neq(code, FERRY_OK, "%s", refused[i]);
        cr_expect(strstr(world.error.message, "promotes") != NULL, "%s: %s", refused[i], world.error.message);
    }
    close_world(&world);
}

Test(sysv, case_24_empty_structs_are_ignored) {
    expect("struct {} f(int, struct {}, int)", "-: rdi, -, rsi");
    expect("void f(struct {struct {} a; int b;})", "-: rdi");
}

Test(sysv, a_struct_over_16_bytes_is_memory) {
    expect("struct {long a, b, c;} f(struct {long a, b, c;}, int)", "hidden rdi: stack+0, rsi");
}

Test(sysv, overaligned_structs_keep_their_alignment_on_the_stack) {
    expect("void f(struct __attribute__((aligned(32))) {long a[5];}, long double, "
           "struct __attribute__((aligned(64))) {char c[65];})",
           "-: stack+0, stack+64, stack+128");
}

Test(sysv, a_padded_second_eightbyte_does_not_travel) {
    expect("void f(struct __attribute__((aligned(16))) {double d;}, double)", "-: xmm0, xmm1");
}

Test(sysv, half_and_bfloat_travel_in_vector_registers) {
    expect("_Float16 f(_Float16, __bf16, struct {_Float16 h[3];})", "xmm0: xmm0, xmm1, xmm2");
}

Test(sysv, registers_run_out_one_file_at_a_time) {
    expect("double f(int, double, long, float, short, double, char, void *, long, double, double, double, double, "
           "double, double)",
           "xmm0: rdi, xmm0, rsi, xmm1, rdx, xmm2, rcx, r8, r9, xmm3, xmm4, xmm5, xmm6, xmm7, stack+0");
}

Test(sysv, a_zero_width_bitfield_of_a_union_counts_for_its_first_byte_alone) {
    expect("struct s {short m; union {int : 0;} u;}; void f(struct s)", "-: rdi");
    expect("union u {__float128 q; unsigned __int128 : 0;}; void f(union u)", "-: rdi xmm0");
}

Test(sysv, a_bitfield_like_an_integer_is_unaligned_like_one) {
    expect("struct s {short m; struct {int n : 32;} t __attribute__((packed));}; void f(struct s)", "-: stack+0");
    expect("struct s {char m; struct {int n : 16;} t __attribute__((packed));}; void f(struct s)", "-: stack+0");
    expect("struct s {char m; struct {int n : 31;} t __attribute__((packed));}; void f(struct s)", "-: rdi");
    expect("struct s {char m; struct {int a : 8, n : 16;} t __attribute__((packed));}; void f(struct s)", "-: rdi");
    expect("struct s {char m; struct __attribute__((packed)) {int n : 32;} t;}; void f(struct s)", "-: rdi");
}

Test(sysv, a_flexible_array_alone_is_nothing_to_gcc_and_memory_to_clang) {
    expect("struct s {int m[];}; void f(struct s, int)", "-: -, rdi");
}

Test(sysv, an_argument_too_large_for_any_stack_is_refused) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Signature *signature;
    const Placement *placement;
    const char *name;
    cr_assert_eq(
        parse_signature(&world.types, NULL, "void f(struct {char c[1L << 40];})", &signature, &name, &world.error),
        FERRY_OK);
    ferry_code code = place_signature(&world.layouts, &world.arena, signature, &placement, &world.error);
    cr_expect_eq(code, FERRY_TOO_LARGE);
    close_world(&world);
}

Test(sysv, a_variadic_function_without_its_arguments_is_no_call) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Type *type;
    const Signature *signature;
    const Placement *placement;
    cr_assert_eq(type_scalar(&world.types, FERRY_INT, &type, &world.error), FERRY_OK);
    cr_assert_eq(signature_create(&world.types, type, &type, 1, true, &signature, &world.error), FERRY_OK);
    cr_expect_eq(place_signature(&world.layouts, &world.arena, signature, &placement, &world.error), FERRY_INVALID);
    close_world(&world);
}
