#!/usr/bin/env bash
# scripts/failures.sh LOG: what went wrong in the output of `ctest -V`: the last lines of each test that failed.
export LC_ALL=C
log=$1
sed -n 's/^ *[0-9]*\/[0-9]* *Test *#\([0-9]*\): \([^ ]*\) .*\*\*\*\(.*\)/\1 \2 \3/p' "$log" | grep -v Skipped |
    while read -r id name verdict; do
        echo "--- $name: $verdict"
        grep -a "^$id: " "$log" | sed "s/^$id: //" |
            { grep -anE 'FAIL|CRASH|ERROR|[Ff]ailed|error:|assert|SUMMARY|Unexpected|seed' || true; } | head -30
        echo "    ... its last lines:"
        grep -a "^$id: " "$log" | sed "s/^$id: //" | tail -25
    done
echo "--- the whole output is in $log"
