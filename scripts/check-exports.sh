#!/usr/bin/env bash
# The libraries of a build show the public names and nothing else: scripts/check-exports.sh [BUILD-DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/gcc}

# What is marked FERRY_API, and the two symbols by which debuggers find a JIT compiler.
public=$({
    cat include/ferry/*.h | tr '\n' ' ' | grep -oE 'FERRY_API [^;(]*[ *]ferry_[a-z0-9_]+\(' |
        grep -oE 'ferry_[a-z0-9_]+\($' | tr -d '('
    printf '__jit_debug_descriptor\n__jit_debug_register_code\n'
} | sort -u)

# compare WHAT: names on standard input against the public ones
compare() {
    local found
    found=$(sort -u)
    if [ "$found" != "$2" ]; then
        echo "$1 does not show what it should (< only shown, > only declared):"
        diff <(echo "$found") <(echo "$2") | grep '^[<>]'
        return 1
    fi
}
nm -D --defined-only "$build/lib/libferry.so" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | compare libferry.so "$public"
nm -g --defined-only "$build/lib/libferry.a" 2>/dev/null | awk 'NF == 3 {print $3}' | compare libferry.a "$public"
for module in "$build"/lib/ferry/*.so; do
    nm -D --defined-only "$module" | awk '{print $3}' | compare "$module" ferry_backend
done
if readelf -d "$build/lib/libferry.so" | grep -q 'NEEDED.*LLVM'; then
    echo "libferry.so is linked to LLVM"
    exit 1
fi
