/* Shapes: what shares code and what must not. */
#include <string.h>

#include "tests/unit/world.h"

static const Shape *shape(World *world, const char *text, ferry_convention convention, bool capture_errno) {
    const Shape *made = NULL;
    const ShapeOptions options = {.convention = convention, .capture_errno = capture_errno};
    ferry_code code = shape_of(place(world, text), &options, &world->arena, &made, &world->error);
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

/* What of an int's slot lies beyond it may travel along: so it is one shape with a long. Elsewhere it is not. */
Test(shape, an_int_in_a_slot_is_a_long) {
    static const struct {
        const char *left, *right;
        ShapeOptions options;
        bool same;
    } pairs[] = {
        {"void f(int, unsigned)", "void f(long, char *)", {.convention = FERRY_SLOTS}, true},
        {"void f(long, long, long, long, long, long, int)",
         "void f(long, long, long, long, long, long, long)",
         {.convention = FERRY_SLOTS},
         true},
        {"void f(int)", "void f(long)", {.convention = FERRY_POINTERS}, false},
        {"void f(int)", "void f(long)", {.direction = UPCALL, .convention = FERRY_SLOTS}, false},
        {"int f(void)", "long f(void)", {.convention = FERRY_SLOTS}, false},
        {"void f(short)", "void f(long)", {.convention = FERRY_SLOTS}, false},
        {"void f(float)", "void f(double)", {.convention = FERRY_SLOTS}, false},
    };
    World world;
    open_world(&world, "x86_64-sysv");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const Shape *left = NULL, *right = NULL;
        ferry_error error;
        cr_assert_eq(shape_of(place(&world, pairs[i].left), &pairs[i].options, &world.arena, &left, &error), FERRY_OK);
        cr_assert_eq(shape_of(place(&world, pairs[i].right), &pairs[i].options, &world.arena, &right, &error),
                     FERRY_OK);
        cr_expect_eq(shape_equal(left, right), pairs[i].same, "%s, %s", pairs[i].left, pairs[i].right);
    }
    close_world(&world);
}

/* Shapes come from files too: what is read of them is checked first. */
Test(shape, one_from_elsewhere_is_sound_or_not) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Shape *made =
        shape(&world, "struct {double d; long n;} f(struct {long a[4];}, int, float)", FERRY_SLOTS, true);
    uint64_t words[128];
    cr_assert_leq(made->bytes, sizeof words);
    memcpy(words, made, made->bytes);
    cr_expect(shape_is_sound(words, made->bytes));
    cr_expect_not(shape_is_sound(words, made->bytes - 8));
    cr_expect_not(shape_is_sound(words, 8));
    size_t unsound = 0;
    for (size_t bit = 0; bit < (size_t)made->bytes * 8; bit++) {
        char name[256];
        ((unsigned char *)words)[bit / 8] ^= (unsigned char)(1U << bit % 8);
        if (shape_is_sound(words, made->bytes))
            shape_name((const Shape *)(const void *)words, name, sizeof name);
        else
            unsound++;
        ((unsigned char *)words)[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    cr_expect_gt(unsound, 400); /* counts, indices, sizes, enumerations */
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
    expect_name("double f(double, int, unsigned char)", "slots f64(f64,i64,u8)");
    expect_name("struct {long a[4];} f(struct {double d; long n;})", "slots hidden32a8({f64,i64})");
    expect_name("int f(char *, ..., long double)", "slots i32(i64,...,mem16a16)");
    expect_name("void f(void)", "slots void()");
}

/* ---- upcalls ---- */

static const Shape *upcall_shape(World *world, const char *text, const ShapeOptions *options) {
    const Shape *made = NULL;
    ferry_code code = shape_of(place(world, text), options, &world->arena, &made, &world->error);
    cr_assert(code == FERRY_OK, "%s: %s", text, world->error.message);
    return made;
}

static bool upcalls_share(const char *left, const char *right, ShapeOptions options) {
    World world;
    open_world(&world, "x86_64-sysv");
    bool equal = shape_equal(upcall_shape(&world, left, &options), upcall_shape(&world, right, &options));
    close_world(&world);
    return equal;
}

static const ShapeOptions up_slots = {.direction = UPCALL, .convention = FERRY_SLOTS};
static const ShapeOptions up_pointers = {.direction = UPCALL, .convention = FERRY_POINTERS};
static const ShapeOptions up_late = {.direction = UPCALL_LATE};

Test(shape, a_narrow_argument_fills_the_handler_s_slot_but_lies_bare_behind_a_pointer) {
    cr_expect_not(upcalls_share("void f(int)", "void f(unsigned)", up_slots));
    cr_expect_not(upcalls_share("void f(short)", "void f(unsigned short)", up_slots));
    cr_expect(upcalls_share("void f(int)", "void f(unsigned)", up_pointers));
    cr_expect(upcalls_share("void f(short)", "void f(unsigned short)", up_pointers));
    cr_expect(upcalls_share("void f(long)", "void f(char *)", up_slots));
}

Test(shape, of_a_narrow_result_c_relies_on_32_bits) {
    cr_expect(upcalls_share("int f(void)", "unsigned f(void)", up_slots));
    cr_expect_not(upcalls_share("short f(void)", "unsigned short f(void)", up_slots));
    cr_expect_not(upcalls_share("signed char f(void)", "_Bool f(void)", up_pointers));
}

Test(shape, a_hidden_result_is_c_s_memory_whatever_its_size) {
    cr_expect(upcalls_share("struct {char c[17];} f(void)", "struct {_Alignas(64) long a[99];} f(void)", up_slots));
    cr_expect_not(upcalls_share("struct {char c[17];} f(void)", "void f(void *)", up_slots));
}

Test(shape, behind_a_pointer_a_value_has_its_type_s_alignment) {
    cr_expect_not(upcalls_share("void f(__int128)", "void f(struct {long a, b;})", up_pointers));
    cr_expect(upcalls_share("void f(__int128)", "void f(struct {long a, b;})", up_slots));
}

Test(shape, the_late_shape_knows_only_the_result) {
    cr_expect(upcalls_share("int f(long, double, struct {long a[9];})", "unsigned f(void)", up_late));
    cr_expect(upcalls_share("struct {long a[3];} f(int)", "struct {long a[9];} f(double)", up_late));
    cr_expect_not(upcalls_share("int f(void)", "float f(void)", up_late));
    World world;
    open_world(&world, "x86_64-sysv");
    ShapeOptions pointers = up_late;
    pointers.convention = FERRY_POINTERS;
    pointers.keep_errno = pointers.cursor = true;
    cr_expect(shape_equal(upcall_shape(&world, "int f(int, ...,long)", &pointers),
                          upcall_shape(&world, "int f(void)", &up_late)));
    close_world(&world);
}

Test(shape, direction_errno_and_cursor_are_part_of_it) {
    World world;
    open_world(&world, "x86_64-sysv");
    const ShapeOptions down = {.convention = FERRY_SLOTS}, kept = {.direction = UPCALL, .keep_errno = true},
                       cursor = {.direction = UPCALL, .cursor = true};
    const Shape *up = upcall_shape(&world, "long f(long)", &up_slots);
    cr_expect_not(shape_equal(up, upcall_shape(&world, "long f(long)", &down)));
    cr_expect_not(shape_equal(up, upcall_shape(&world, "long f(long)", &kept)));
    cr_expect_not(shape_equal(up, upcall_shape(&world, "long f(long)", &cursor)));
    cr_expect_eq(upcall_shape(&world, "long f(long, struct {int a[3];})", &up_slots)->sources, 3);
    cr_expect_eq(upcall_shape(&world, "long f(long, struct {}, int)", &up_pointers)->sources, 3);
    close_world(&world);
}

static void expect_upcall_name(const char *text, ShapeOptions options, const char *expected) {
    World world;
    open_world(&world, "x86_64-sysv");
    char name[128];
    shape_name(upcall_shape(&world, text, &options), name, sizeof name);
    cr_expect_str_eq(name, expected);
    close_world(&world);
}

Test(shape, the_name_of_an_upcall_tells_its_direction) {
    expect_upcall_name("double f(double, int)", up_slots, "upcall slots f64(f64,i32)");
    expect_upcall_name("struct {long a[4];} f(char *, ...,int)",
                       (ShapeOptions){.direction = UPCALL, .convention = FERRY_POINTERS, .keep_errno = true},
                       "upcall pointers+errno hidden(i64,i32)");
    expect_upcall_name("int f(char *)", (ShapeOptions){.direction = UPCALL, .cursor = true},
                       "upcall slots i32(i64,...)");
    expect_upcall_name("double f(double, int)", up_late, "late f64()");
}
