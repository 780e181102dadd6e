#!/usr/bin/env bash
# What is in the prelude: list.sh PRELUDE.TXT PROMISED. Sorted by name and digest, each shape once, all scalar signatures
# of up to six of long and double in slots, and all lines of PROMISED.
set -euo pipefail
export LC_ALL=C
list=$1
promised=$2
names=$(mktemp)
trap 'rm -f "$names"' EXIT
fail() { echo "$1"; exit 1; }

sed -E '/^#/d; s/^[0-9]+ [0-9]+ ([0-9a-f]{32}) (.*)/\2\t\1/' "$list" >"$names"
sort -cu "$names" || fail "$list is not sorted, or has a shape twice"
sed -i 's/\t.*//' "$names"

# all lists of so many of i64 and f64
lists() {
    local shorter
    if [ "$1" = 0 ]; then echo; return; fi
    lists $(($1 - 1)) | while read -r shorter; do
        echo "${shorter:+$shorter,}i64"
        echo "${shorter:+$shorter,}f64"
    done
}
wanted() {
    local count result list
    for count in 0 1 2 3 4 5 6; do
        lists $count | while read -r list; do
            for result in void i32 i64 f64; do echo "slots $result($list)"; done
        done
    done
    sed '/^#/d; /^$/d' "$promised"
}

missing=$(wanted | sort -u | comm -23 - "$names")
[ -z "$missing" ] || fail "not there:"$'\n'"$(echo "$missing" | head -20)"
echo "$(grep -c '' "$names") shapes, $(wanted | sort -u | grep -c '') of them promised"
