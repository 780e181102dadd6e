#!/bin/sh
# The test of diff_tests: with a deliberate fault it fails, and prints a declaration that shows the fault when replayed
# with it and passes without it.
set -u
diff_tests=$1
output=$(mktemp)
trap 'rm -f "$output"' EXIT

fail() {
    echo "inject.sh: $1" >&2
    cat "$output" >&2
    exit 1
}

# $1: calls, where ferry writes arguments, or upcalls, where it writes results
find_fault() {
    "$diff_tests" --only "$1" --inject --target x86_64-sysv --seed 1 --count 6 >"$output" 2>&1 &&
        fail "$1: a deliberate fault was not found"
    grep -q '^[0-9]* passed, [1-9][0-9]* failed, [0-9]* skipped$' "$output" || fail "$1: no count of failures"

    # replay: diff_tests --inject --only SIDE --seed N --replay 'DECLARATION'
    line=$(grep '^replay: ' "$output" | head -n 1)
    seed=$(printf '%s\n' "$line" | sed "s/.*--seed \([0-9]*\) .*/\1/")
    declaration=$(printf '%s\n' "$line" | sed "s/.*--replay '\(.*\)'\$/\1/")
    [ -n "$declaration" ] || fail "$1: no line to replay"
    case $declaration in
    *short*) ;;
    *) fail "$1: the reduced declaration lacks the faulty type: $declaration" ;;
    esac
    [ ${#declaration} -le 80 ] || fail "$1: the declaration was not reduced: $declaration"

    "$diff_tests" --only "$1" --inject --seed "$seed" --replay "$declaration" >"$output" 2>&1 &&
        fail "$1: the fault does not replay: $declaration"
    "$diff_tests" --seed "$seed" --replay "$declaration" >"$output" 2>&1 ||
        fail "$1: without the fault it fails too: $declaration"
    echo "$1: found, reduced and replayed: $declaration"
}

find_fault calls
find_fault upcalls
