/* Layout: sizes, alignments, offsets and leaves, against numbers from gcc and clang (tests/layout compares thousands).
 */
#include <stddef.h>

#include "tests/unit/world.h"

/* The compiler of this test says what is right. */
#define EXPECT_SAME(text, ...)                                                                                         \
    do {                                                                                                               \
        World world;                                                                                                   \
        open_world(&world, "x86_64-sysv");                                                                             \
        const Layout *layout = lay(&world, text);                                                                      \
        cr_expect_eq(layout->size, sizeof(__VA_ARGS__), "%s: size %zu", text, (size_t)layout->size);                   \
        cr_expect_eq(layout->alignment, _Alignof(__VA_ARGS__), "%s: alignment", text);                                 \
        close_world(&world);                                                                                           \
    } while (0)
#define SAME(...) EXPECT_SAME(#__VA_ARGS__, __VA_ARGS__)

Test(layout, scalars_have_the_compilers_size) {
    SAME(_Bool);
    SAME(char);
    SAME(unsigned short);
    SAME(int);
    SAME(long);
    SAME(long long);
    SAME(__int128);
    SAME(float);
    SAME(double);
    SAME(long double);
    SAME(__float128);
    SAME(_Complex float);
    SAME(_Complex double);
    SAME(_Complex long double);
    SAME(void *);
    SAME(int (*)(void));
    SAME(wchar_t);
    SAME(size_t);
}

Test(layout, structs_pad_between_members_and_at_the_end) {
    SAME(struct {
        char a;
        double b;
        char c;
    });
    SAME(struct {
        char a;
        struct {
            short b;
            char c;
        } d[3];
        long double e;
    });
    SAME(union {
        char a[5];
        int b;
    });
    SAME(struct {});
    SAME(struct {
        char a;
        int b[0];
    });
    SAME(struct {
        short a;
        int tail[];
    });
}

Test(layout, attributes_pack_and_align) {
    SAME(struct __attribute__((packed)) {
        char a;
        long b;
        short c;
    });
    SAME(struct {
        char a;
        long b __attribute__((packed));
        short c;
    });
    SAME(struct __attribute__((aligned(32))) { char a; });
    SAME(struct __attribute__((packed, aligned(4))) {
        char a;
        long b;
    });
    SAME(struct {
        _Alignas(16) char a;
        char b;
    });
    SAME(struct __attribute__((packed)) {
        char a;
        long b __attribute__((aligned(4)));
    });
}

Test(layout, bitfields_follow_their_declared_type) {
    SAME(struct {
        int a : 3;
        int b : 30;
    });
    SAME(struct {
        char a;
        int b : 25;
    });
    SAME(struct {
        char a : 5;
        char b : 5;
    });
    SAME(struct {
        long a : 40;
        int b : 20;
        short c : 9;
    });
    SAME(struct {
        char a;
        int : 0;
        char b;
    });
    SAME(struct {
        char a;
        int : 9;
        char b;
    });
    SAME(struct { int : 0; });
    SAME(struct {
        _Bool a : 1;
        _Bool b : 1;
    });
    SAME(struct __attribute__((packed)) {
        int a : 3;
        long b : 50;
        char c;
    });
    SAME(union {
        int a : 3;
        long b : 33;
    });
    SAME(struct { int a : 7 __attribute__((aligned(8))); });
}

Test(layout, vectors_align_to_their_size) {
    World world;
    open_world(&world, "x86_64-sysv");
    static const struct {
        const char *text;
        uint64_t size;
    } rows[] = {{"typeof_v4", 4}, {"typeof_v8", 8}, {"typeof_v16", 16}, {"typeof_v32", 32}, {"typeof_v64", 64}};
    const Type *element;
    cr_assert_eq(type_scalar(&world.types, FERRY_SHORT, &element, &world.error), FERRY_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const Type *vector;
        const Layout *layout;
        cr_assert_eq(type_vector(&world.types, element, (uint32_t)rows[i].size, &vector, &world.error), FERRY_OK);
        cr_assert_eq(layout_of(&world.layouts, vector, &layout, &world.error), FERRY_OK);
        cr_expect_eq(layout->size, rows[i].size);
        cr_expect_eq(layout->alignment, rows[i].size);
    }
    close_world(&world);
}

Test(layout, leaves_are_the_flattened_scalars) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Layout *layout =
        lay(&world, "struct { char a; struct { short b; int c : 5, d : 6; } e[2]; float _Complex z; }");
    static const struct {
        uint32_t offset, bits;
        ferry_kind kind;
    } expected[] = {{0, 8, FERRY_CHAR}, {32, 16, FERRY_SHORT}, {48, 5, FERRY_INT},
                    {53, 6, FERRY_INT}, {64, 16, FERRY_SHORT}, {80, 5, FERRY_INT},
                    {85, 6, FERRY_INT}, {96, 32, FERRY_FLOAT}, {128, 32, FERRY_FLOAT}};
    cr_assert_eq(layout->leaf_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        cr_expect_eq(layout->leaves[i].bit_offset, expected[i].offset, "leaf %zu", i);
        cr_expect_eq(layout->leaves[i].bits, expected[i].bits, "leaf %zu", i);
        cr_expect_eq(layout->leaves[i].kind, expected[i].kind, "leaf %zu", i);
    }
    close_world(&world);
}

Test(layout, equal_leaves_of_a_union_are_kept_once) {
    World world;
    open_world(&world, "x86_64-sysv");
    cr_expect_eq(lay(&world, "union { int a; int b; float c; }")->leaf_count, 2);
    close_world(&world);
}

Test(layout, parts_are_the_members_of_one_level) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Layout *layout = lay(&world, "struct { char a; struct { short b; } c[3]; int : 3; }");
    cr_assert_eq(layout->part_count, 3);
    cr_expect_eq(layout->parts[1].bit_offset, 16);
    cr_expect(layout->parts[2].unnamed && layout->parts[2].bits == 3);
    const Layout *array = layout->parts[1].layout;
    cr_assert_eq(array->part_count, 1);
    cr_expect_eq(array->parts[0].layout->part_count, 1);
    close_world(&world);
}

Test(layout, a_layout_is_made_once) {
    World world;
    open_world(&world, "x86_64-sysv");
    cr_expect_eq(lay(&world, "struct { int a; }"), lay(&world, "struct { int a; }"));
    close_world(&world);
}

static void expect_refused(const char *text, ferry_code expected) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Layout *layout;
    ferry_code code = layout_of(&world.layouts, read_type(&world, text), &layout, &world.error);
    cr_expect_eq(code, expected, "%s: %s", text, world.error.message);
    close_world(&world);
}

Test(layout, what_has_no_size_is_refused_with_its_reason) {
    expect_refused("void", FERRY_INVALID);
    expect_refused("int (void)", FERRY_INVALID);
    expect_refused("struct unknown", FERRY_INCOMPLETE);
    expect_refused("struct { char a[1LL << 61]; }", FERRY_TOO_LARGE);
    expect_refused("struct { char a[1LL << 60], b[1LL << 60]; }", FERRY_TOO_LARGE);
}

Test(layout, a_type_too_large_to_look_inside_still_has_offsets) {
    World world;
    open_world(&world, "x86_64-sysv");
    const Layout *layout = lay(&world, "struct { char a[1LL << 40]; int b; }");
    cr_expect(!layout->has_leaves);
    cr_expect_eq(layout->member_offsets[1], UINT64_C(8) << 40);
    close_world(&world);
}

Test(layout, a_bitfield_wider_than_its_type_is_refused) {
    World world;
    open_world(&world, "x86_64-sysv");
    Member member = {.name = "a", .type = read_type(&world, "int"), .is_bitfield = true, .bits = 33};
    const Type *type;
    const Layout *layout;
    cr_assert_eq(type_record(&world.types, FERRY_STRUCT, NULL, &member, 1, NULL, &type, &world.error), FERRY_OK);
    cr_expect_eq(layout_of(&world.layouts, type, &layout, &world.error), FERRY_INVALID);
    close_world(&world);
}
