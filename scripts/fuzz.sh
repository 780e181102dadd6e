#!/usr/bin/env bash
# scripts/fuzz.sh SECONDS: each libFuzzer target for so long, starting from its corpus (build/corpus/NAME).
# scripts/fuzz.sh forever: those in turn, and random signatures against gcc and clang, until stopped. What is found is
# left in build/fuzz-found.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh
seconds=${1:-15}
scripts/build.sh fuzz

# fuzz_one PROGRAM SECONDS
fuzz_one() {
    local name corpus
    name=$(basename "$1")
    corpus=build/corpus/$name
    mkdir -p "$corpus" build/fuzz-found
    local seeds=()
    [ ! -d "tests/fuzz/corpus/${name#fuzz_}" ] || seeds=("tests/fuzz/corpus/${name#fuzz_}")
    ASAN_OPTIONS=detect_leaks=1 "$1" -max_total_time="$2" -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="build/fuzz-found/$name-" "$corpus" "${seeds[@]}" 2>&1 |
        tee "build/$name.log" | grep -E 'ERROR|SUMMARY|Test unit|DONE|runtime error' || true
    return "${PIPESTATUS[0]}"
}

if [ "$seconds" != forever ]; then
    good=0
    bad=0
    for program in build/fuzz/bin/fuzz_*; do
        echo "$program, $seconds s"
        if fuzz_one "$program" "$seconds"; then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    echo "$good passed, $bad failed"
    [ $bad = 0 ] && [ $good -gt 0 ]
    exit
fi

scripts/build.sh gcc
build/gcc/bin/diff_tests --forever &
differential=$!
trap 'kill $differential 2>/dev/null || true' EXIT
while kill -0 $differential 2>/dev/null; do
    for program in build/fuzz/bin/fuzz_*; do
        fuzz_one "$program" 300
    done
done
wait $differential
