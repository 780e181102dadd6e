/* Shapes: what shares code and what must not. */
#include <string.h>

#include "tests/unit/world.h"

static const Shape *shape(World *world, const char *text, ferry_convention convention, bool capture_errno) {
    const Shape *made = NULL;
    ferry_code code = shape_of(place(world, text), convention, capture_errno, &world->arena, &made, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s", text, world->error.message);
    return made;
}

static bool is_shared(const char *left, const char *right, ferry_convention convention) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Shape *one = shape(&world, left, convention, false), *other = shape(&world, right, convention, false);
    bool equal = shape_equal(one, other);
    cr_expect_eq(equal, one->hash == other->hash);
    close_world(&world);
    return equal;
}

static void expect_shared(const char *left, const char *right) {
    cr_expect(is_shared(left, right, FERRY_SLOTS), "%s and %s", left, right);
    cr_expect(is_shared(left, right, FERRY_POINTERS), "%s and %s", left, right);
}

static void expect_apart(const char *left, const char *right) {
    cr_expect_not(is_shared(left, right, FERRY_SLOTS), "%s and %s", left, right);
    cr_expect_not(is_shared(left, right, FERRY_POINTERS), "%s and %s", left, right);
}

Test(shape, what_makes_no_difference_to_the_code_is_gone) {
    expect_shared("long f(long)", "void *f(unsigned long)");
    expect_shared("void f(int)", "void f(unsigned)");
    expect_shared("void f(long)", "void f(struct {char *p;})");
    expect_shared("void f(double)", "void f(struct {double d;})");
    expect_shared("void f(double)", "void f(struct {float a, b;})");
    expect_shared("void f(struct {long a, b;})", "void f(union {void *p[2]; char c[16];})");
    expect_shared("enum e {A} f(void)", "unsigned f(void)");
    expect_shared("void f(_Float16)", "void f(__bf16)");
    expect_shared("__float128 f(__float128)", "struct {__float128 q;} f(struct {__float128 q;})");
    expect_shared("typedef int v __attribute__((vector_size(16))); v f(v)", "__float128 f(__float128)");
    expect_shared("void f(struct {float a, b;})", "void f(struct {_Float16 h[4];})");
}

Test(shape, what_makes_a_difference_is_kept) {
    expect_apart("int f(void)", "unsigned f(void)");
    expect_apart("void f(short)", "void f(unsigned short)");
    expect_apart("void f(float)", "void f(int)");
    expect_apart("void f(float)", "void f(double)");
    expect_apart("void f(float)", "void f(_Float16)");
    expect_apart("double f(double, double, double, double, double, double, double, double, double)",
                 "double f(double, double, double, double, double, double, double, double, struct {double d[3];})");
    expect_apart("void f(struct {char c[3];})", "void f(struct {char c[4];})");
    expect_apart("int f(int, ..., int)", "int f(int, int)");
    expect_apart("struct {int a;} f(void)", "int f(void)");
    expect_apart("long double f(void)", "double f(void)");
    expect_apart("void f(struct {long a[3];})", "void f(struct {long a[4];})");
}

Test(shape, conventions_and_errno_are_part_of_it) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Shape *slots = shape(&world, "int f(int)", FERRY_SLOTS, false);
    cr_expect_not(shape_equal(slots, shape(&world, "int f(int)", FERRY_POINTERS, false)));
    cr_expect_not(shape_equal(slots, shape(&world, "int f(int)", FERRY_SLOTS, true)));
    close_world(&world);
}

Test(shape, sources_count_slots_or_pointers_and_skip_no_argument) {
    World world;
    open_world(&world, "x86_64-sysv");
    const char *text = "void f(struct {long a[3];}, struct {}, char, struct {char c[9];}, int)";
    const Shape *slots = shape(&world, text, FERRY_SLOTS, true), *pointers = shape(&world, text, FERRY_POINTERS, true);
    static const uint32_t in_slots[] = {0, 3, 4, 6}, in_pointers[] = {0, 2, 3, 4};
    cr_assert_eq(slots->value_count, 4);
    cr_assert_eq(pointers->value_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(slots->values[i].source, in_slots[i]);
        cr_expect_eq(pointers->values[i].source, in_pointers[i]);
    }
    cr_expect_eq(slots->sources, 7);
    cr_expect_eq(pointers->sources, 5);
    close_world(&world);
}

static void expect_name(const char *text, const char *expected) {
    World world;
    open_world(&world, "x86_64-sysv");
    char name[128], shorter[8];
    const Shape *made = shape(&world, text, FERRY_SLOTS, false);
    size_t length = shape_name(made, name, sizeof name);
    cr_expect_str_eq(name, expected);
    cr_expect_eq(length, strlen(expected));
    cr_expect_eq(shape_name(made, shorter, sizeof shorter), length);
    cr_expect_eq(strncmp(shorter, expected, sizeof shorter - 1), 0);
    cr_expect_eq(shape_name(made, NULL, 0), length);
    close_world(&world);
}

Test(shape, its_name_tells_what_travels) {
    expect_name("double f(double, int, unsigned char)", "slots f64(f64,i32,u8)");
    expect_name("struct {long a[4];} f(struct {double d; long n;})", "slots hidden32a8({f64,i64})");
    expect_name("int f(char *, ..., long double)", "slots i32(i64,...,mem16a16)");
    expect_name("void f(void)", "slots void()");
}
