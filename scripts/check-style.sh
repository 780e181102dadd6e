#!/usr/bin/env bash
# The house rules, as greps (docs/conventions.md has the reasons). Prints file:line: what; exit 1 when there is anything.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh

file_lines=600
function_lines=80

long_files() {
    sources | xargs wc -l | awk -v limit=$file_lines '$2 != "total" && $1 > limit {print $2 ":1: " $1 " lines, at most " limit}'
}

# In code that clang-format wrote, a body begins with a line in column 1 that ends with ") {" and ends with "}".
long_functions() {
    sources | grep '\.c$' | xargs awk -v limit=$function_lines '
        FNR == 1 { start = 0 }
        /^[A-Za-z].*\{$/ && !/^(struct|union|enum|typedef struct|typedef union|typedef enum|extern)[^(]*\{$/ && !/= *\{$/ { start = FNR }
        /^    .*\) \{$/ && start == 0 && open == 1 { start = FNR }
        /^}/ {
            if (start && FNR - start - 1 > limit) print FILENAME ":" start ": a function of " FNR - start - 1 " lines, at most " limit
            start = 0
        }'
}

# find_lines WHAT PATTERN FOLDERS...: lines of sources that match the extended pattern
find_lines() {
    local what=$1 pattern=$2
    shift 2
    grep -rnE --include='*.[ch]' --include='*.cpp' -e "$pattern" "$@" 2>/dev/null | cut -c1-160 | sed "s|\$|   ($what)|" || true
}

existing() { for folder in "$@"; do [ -d "$folder" ] && echo "$folder"; done; }
library=$(existing abi trampolines runtime jit)
everything=$(existing include abi trampolines runtime jit prelude cli bench examples tests)

# shellcheck disable=SC2086
bad=$(
    long_files
    long_functions
    find_lines 'abi has no conditional code' '^ *# *(if|elif|ifdef)\b' abi
    find_lines 'finish it or leave it out' '\b(TODO|FIXME|XXX|HACK)\b' $everything
    find_lines 'the library neither prints nor ends the process' '\b(printf|puts|putchar|fprintf|perror|exit|_exit|abort|assert) *\(' $library |
        grep -vE 'format *\(printf|static_assert|_Static_assert|fprintf\(file' || true
    find_lines 'memory comes from ferry_allocator' '\b(malloc|calloc|realloc|strdup|asprintf|alloca) *\(' $library |
        grep -vE '^abi/base\.c:' || true
    find_lines 'no sizes of the host in abi' '\bsizeof *\( *(int|long|short|void *\*|size_t|wchar_t|double|long double)\b' abi
    find_lines 'unbounded string functions' '\b(strcpy|strcat|sprintf|gets|vsprintf) *\(' $library cli bench
    find_lines 'trailing blank' '[[:blank:]]+$' $everything
    # header guards: the path in capitals
    for header in $(find include abi trampolines runtime jit prelude cli bench -name '*.h' 2>/dev/null); do
        guard=FERRY_$(echo "${header#include/ferry/}" | tr 'a-z/.-' 'A-Z___')
        grep -q "^#ifndef $guard\$" "$header" || echo "$header:1: the header guard is not $guard"
    done
)
if [ -n "$bad" ]; then
    echo "$bad"
    exit 1
fi
