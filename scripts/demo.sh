#!/usr/bin/env bash
# The tour: builds ferry and lets it call into libraries that know nothing of it. scripts/demo.sh [--no-bench]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -t 1 ]; then bold=$'\e[1m' blue=$'\e[34m' plain=$'\e[0m'; else bold='' blue='' plain=''; fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
# show COMMAND...: prints the command as one would type it, then runs it
show() {
    local word line='$'
    for word in "$@"; do
        case $word in *[!a-zA-Z0-9_./:=+-]* | '') line+=" '$word'" ;; *) line+=" $word" ;; esac
    done
    printf '%s%s%s\n' "$blue" "$line" "$plain"
    "$@"
}

printf 'Building (the log is build/release.log) ...\n'
scripts/build.sh release
PATH=$PWD/build/release/bin:$PATH
shapes=build/release/lib/libshapes.so

title "The C library and its mathematics"
show ferry call libm.so.6 'double pow(double, double)' 2 10
show ferry call libc.so.6 'size_t strlen(const char *)' 'across the river'
show ferry call libc.so.6 'int printf(const char *, ...)' '%d bottles, %.1f litres\n' 99 74.25
show ferry call libc.so.6 'typedef struct { int quot, rem; } div_t; div_t div(int, int)' 22 7
show ferry call --show-errno libc.so.6 'int close(int)' -1

title "zlib"
show ferry call --string libz.so.1 'const char *zlibVersion(void)'
show ferry call libz.so.1 'unsigned long crc32(unsigned long, const char *, unsigned)' 0 'hello, ferry' 12

title "Structs by value: examples/demo/shapes.c"
show ferry call "$shapes" 'struct point { double x, y; }; struct point point_middle(struct point, struct point)' '{0, 0}' '{3, 5}'
show ferry call "$shapes" 'struct point { double x, y; }; struct box { struct point low, high; };
double box_area(struct box)' '{{1, 1}, {4, 3}}'
show ferry call "$shapes" 'struct tally { long count, sum, largest; }; struct tally tally_numbers(const int *, long)' '{3, 1, 4, 1, 5}' 5
show ferry call "$shapes" 'struct color { unsigned char r, g, b, a; }; struct color color_mix(struct color, struct color, float)' \
    '{0, 100, 200, 255}' '{200, 100, 0, 255}' 0.25

title "Where every byte of such a call travels"
show ferry abi 'struct mixed { double x; long n; }; struct mixed f(int a, struct { float v[3]; } b, long double c)'

title "The machine code that was made for it"
show ferry asm 'double pow(double, double)'

if [ "${1:-}" != --no-bench ]; then
    title "How fast: nanoseconds a call (the whole bench: make bench)"
    scripts/bench.sh --quick --filter '^(create|closures)$|/(kept|upcall)$'
fi
