/* functions.h: the functions of sample.decl that no library has. */
#ifndef FERRY_TESTS_AOT_FUNCTIONS_H
#define FERRY_TESTS_AOT_FUNCTIONS_H

struct point {
    double x, y;
};
struct box {
    struct point low, high;
};
typedef void (*visitor)(void *context, struct point, float weight);
typedef long (*adder)(int count, ...);

static inline struct point middle(struct box box) {
    struct point point = {(box.low.x + box.high.x) / 2, (box.low.y + box.high.y) / 2};
    return point;
}

static inline long visit_all(visitor visit, void *context, long count) {
    for (long i = 0; i < count; i++) {
        struct point point = {(double)i, 0.5};
        visit(context, point, 2);
    }
    return count;
}

static inline long add_with(adder add) {
    return add(3, 10L, 20L, 30L);
}

#endif
