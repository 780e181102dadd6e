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

"$diff_tests" --inject --target x86_64-sysv --seed 1 --count 12 >"$output" 2>&1 &&
    fail "a deliberate fault was not found"
grep -q '^[0-9]* passed, [1-9][0-9]* failed, [0-9]* skipped$' "$output" || fail "no count of failures"

# replay: diff_tests --inject --seed N --replay 'DECLARATION'
line=$(grep '^replay: ' "$output" | head -n 1)
seed=$(printf '%s\n' "$line" | sed "s/.*--seed \([0-9]*\) .*/\1/")
declaration=$(printf '%s\n' "$line" | sed "s/.*--replay '\(.*\)'\$/\1/")
[ -n "$declaration" ] || fail "no line to replay"
case $declaration in
*short*) ;;
*) fail "the reduced declaration lacks the faulty type: $declaration" ;;
esac
[ ${#declaration} -le 80 ] || fail "the declaration was not reduced: $declaration"

"$diff_tests" --inject --seed "$seed" --replay "$declaration" >"$output" 2>&1 &&
    fail "the fault does not replay: $declaration"
"$diff_tests" --seed "$seed" --replay "$declaration" >"$output" 2>&1 ||
    fail "without the fault it fails too: $declaration"
echo "found, reduced and replayed: $declaration"
