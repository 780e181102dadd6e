/* shapes.c: a small C library that passes structs by value, as libraries do. `make demo` calls it through ferry. */

typedef struct Point {
    double x, y;
} Point;

typedef struct Box {
    Point low, high;
} Box;

typedef struct Tally {
    long count, sum, largest;
} Tally;

typedef struct Color {
    unsigned char red, green, blue, alpha;
} Color;

Point point_middle(Point a, Point b);
Box box_around(Point a, Point b, Point c);
double box_area(Box box);
Tally tally_numbers(const int *numbers, long count);
Color color_mix(Color a, Color b, float share);

Point point_middle(Point a, Point b) {
    return (Point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

static double smallest(double a, double b, double c) {
    double smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

static double largest(double a, double b, double c) {
    double larger = a > b ? a : b;
    return larger > c ? larger : c;
}

Box box_around(Point a, Point b, Point c) {
    return (Box){{smallest(a.x, b.x, c.x), smallest(a.y, b.y, c.y)}, {largest(a.x, b.x, c.x), largest(a.y, b.y, c.y)}};
}

double box_area(Box box) {
    return (box.high.x - box.low.x) * (box.high.y - box.low.y);
}

Tally tally_numbers(const int *numbers, long count) {
    Tally tally = {count, 0, count > 0 ? numbers[0] : 0};
    for (long i = 0; i < count; i++) {
        tally.sum += numbers[i];
        if (numbers[i] > tally.largest) tally.largest = numbers[i];
    }
    return tally;
}

static unsigned char mix(unsigned char a, unsigned char b, float share) {
    return (unsigned char)((float)a + ((float)b - (float)a) * share);
}

Color color_mix(Color a, Color b, float share) {
    return (Color){mix(a.red, b.red, share), mix(a.green, b.green, share), mix(a.blue, b.blue, share),
                   mix(a.alpha, b.alpha, share)};
}
