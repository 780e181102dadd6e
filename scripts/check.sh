#!/usr/bin/env bash
# All checks and tests: scripts/check.sh [STEP ...]. Without a step all of them, in the order of the list below;
# --list shows them. Ends with a table of the steps and a line "N passed, N failed" over all tests; a step without
# tests of its own counts as one. Exit status 0 when nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/tools.sh

# step | what it does
steps() {
    cat <<'END'
format|everything is formatted
includes|who may include whom
style|the house rules
gcc|build with gcc, warnings are errors
exports|the libraries show the public names only
test|all tests, gcc, newest LLVM
oldest|run and jit tests on LLVM 19
clang|build with clang, warnings are errors
tidy|clang-tidy
asan|tests with AddressSanitizer, undefined behaviour, leaks
tsan|threads with ThreadSanitizer
fuzz|each libFuzzer target for some seconds
END
}

step_format() { scripts/format.sh; }
step_includes() { scripts/check-includes.sh; }
step_style() { scripts/check-style.sh; }
step_gcc() { scripts/build.sh gcc; }
step_exports() { scripts/check-exports.sh build/gcc; }
step_test() { run_tests gcc; }
step_oldest() { FERRY_BACKEND=$PWD/build/gcc/lib/ferry/ferry-llvm19.so LOG=oldest run_tests gcc -L '^(run|uses|jit|diff)$' -E finds_faults; }
step_clang() { scripts/build.sh clang; }
step_tidy() { scripts/tidy.sh; }
step_asan() {
    scripts/build.sh asan || return 1
    ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1 \
        LSAN_OPTIONS=suppressions=$PWD/scripts/lsan.supp:print_suppressions=0 \
        UBSAN_OPTIONS=print_stacktrace=1 run_tests asan -L '^(unit|run|uses|jit|hostile|layout|golden|cli|unwind|cache|prelude)$'
}
step_tsan() {
    scripts/build.sh tsan || return 1
    TSAN_OPTIONS=halt_on_error=1 run_tests tsan -L '^(run)$'
}
step_fuzz() { scripts/fuzz.sh "${FUZZ_SECONDS:-15}"; }

# run_tests BUILD [ctest's arguments]: prints what failed, then the counts
run_tests() {
    local build=build/$1 log=build/tests-${LOG:-$1}.log status=0
    shift
    export FERRY_CACHE_DIR=off # whoever tests the cache has one of its own
    ctest --test-dir "$build" -j "$JOBS" -V --no-tests=error "$@" >"$log" 2>&1 </dev/null || status=1
    [ $status = 0 ] || scripts/failures.sh "$log"
    scripts/count-tests.sh "$log"
    return $status
}

if [ "${1:-}" = --list ]; then
    steps | sed 's/|/\t/' | expand -t 12
    exit 0
fi
[ $# -gt 0 ] || mapfile -t all < <(steps | cut -d'|' -f1)
[ $# -gt 0 ] || set -- "${all[@]}"

mkdir -p build
summary=
passed=0
failed=0
for step in "$@"; do
    words=$(steps | sed -n "s/^$step|//p")
    [ -n "$words" ] || { echo "no step $step; scripts/check.sh --list names them" >&2; exit 2; }
    printf '%-9s %s ...\n' "$step" "$words"
    began=$SECONDS
    if "step_$step" >"build/step-$step.log" 2>&1; then verdict=ok; else verdict=FAILED; fi
    [ $verdict = ok ] || sed 's/^/    /' "build/step-$step.log" | head -200
    counts=$(sed -n 's/^\([0-9]* passed, [0-9]* failed\)$/\1/p' "build/step-$step.log" | tail -1)
    if [ -z "$counts" ]; then
        if [ $verdict = ok ]; then counts='1 passed, 0 failed'; else counts='0 passed, 1 failed'; fi
    fi
    step_passed=${counts%% *}
    step_failed=${counts##*, }
    step_failed=${step_failed%% *}
    [ $verdict = ok ] || [ "$step_failed" -gt 0 ] || step_failed=1 # failed beside its tests: it does not pass unseen
    passed=$((passed + step_passed))
    failed=$((failed + step_failed))
    summary+=$(printf '%-9s %-7s %5d s  %6d passed %4d failed  %s' "$step" "$verdict" $((SECONDS - began)) \
        "$step_passed" "$step_failed" "$words")$'\n'
done
printf '\n%s%-9s         %5d s\n' "$summary" all "$SECONDS"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
