#!/usr/bin/env bash
# bench.sh FERRY-BENCH: a short run must succeed and write valid files; wrong usage must be refused.
set -euo pipefail
bench=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect STATUS TEXT OPTION...: the exit status, and a text that stands in the output.
expect() {
    local status=0 want=$1 text=$2
    shift 2
    "$bench" "$@" >"$work/output" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "ferry-bench $*: exit status $status, expected $want"
    grep -qF -e "$text" "$work/output" || fail "ferry-bench $*: no '$text' in its output"
}

expect 0 'Example:' --help
expect 2 '--help shows the options' --nonsense
expect 2 "'extra' is no option" extra
expect 2 "not '0'" --rounds 0
expect 2 "not '-3'" --rounds=-3
expect 2 "not '7x'" --rounds 7x
expect 2 '--filter: ' --filter '('
expect 2 'matches nothing' --filter 'no such row'
expect 1 'cannot write /nonexistent/x.json' --json /nonexistent/x.json

expect 0 'Goals' --quick --rounds 5 --json "$work/all.json" --svg "$work/all.svg"
cat "$work/output"
grep -q 'wrong result' "$work/output" && fail 'a measured function returned a wrong result'

if command -v python3 >/dev/null; then
    python3 "$here/check.py" "$work/all.json" "$work/all.svg" || fail 'check.py'
elif command -v jq >/dev/null; then
    jq -e '.context.date and (.benchmarks | length > 1000)' "$work/all.json" >/dev/null || fail 'the JSON file'
    if command -v xmllint >/dev/null; then xmllint --noout "$work/all.svg" || fail 'the plot'; fi
else
    echo 'neither python3 nor jq is here: the files were not checked'
fi

# Calls from C alone, and closures alone.
expect 0 'Upcalls: C calls the VM' --quick --rounds 3 --filter '^long\(long x6\)/upcall$'
grep -q '  fill' "$work/output" && fail 'calls to C were measured with calls from C alone'
grep -qE '(met|MISSED) +upcalls to slots within .*: [01] of 1;' "$work/output" || fail 'no goal for the one upcall'
expect 0 'ferry_recycle_of_1000' --quick --filter '^closures$'
grep -q '^Creating' "$work/output" && fail 'a part that the filter leaves out was measured'

# Start-up alone; neither the user's cache nor the temporary folders of the run are left behind.
mkdir "$work/home" "$work/tmp"
HOME=$work/home XDG_CACHE_HOME=$work/home TMPDIR=$work/tmp \
    expect 0 'warm_cache_alone_compiled' --quick --filter '^startup$'
grep -qE '^  (met|MISSED) +500 functions bound within 2 ms' "$work/output" || fail 'no goal for start-up'
[ -z "$(ls -A "$work/home")" ] || fail "the user's cache was written to"
[ -z "$(ls -A "$work/tmp")" ] || fail 'a temporary folder is left'

# A part of it: only the rows asked for, no process, nothing created.
expect 0 'long(long x6)' --quick --rounds 3 --filter '^long\(long x6\)/fill$'
grep -q 'void(void)' "$work/output" && fail 'a row that the filter leaves out was measured'
grep -q '^Creating' "$work/output" && fail 'a part that the filter leaves out was measured'

[ "$failures" = 0 ] && echo 'the bench works'
exit $((failures != 0))
