#!/usr/bin/env bash
# What the prelude adds to the library: size.sh LIBRARY LIBRARY_WITHOUT. At most 256 KB, nothing for the dynamic linker
# to do, nothing writable, nothing that is seen from outside.
set -euo pipefail
with=$1
without=$2
limit=$((256 * 1024))

# loaded LIBRARY FLAGS: bytes of all loaded sections whose flags match
loaded() {
    local size flags bytes=0
    while read -r _ _ size _ flags _; do
        if [[ $flags == *A* && $flags == *$2* ]]; then bytes=$((bytes + 16#$size)); fi
    done < <(readelf -SW "$1" | sed -nE 's/^ *\[ *[1-9][0-9]*\] [^ ]+ +[A-Z0-9_]+ +//p')
    echo $bytes
}
relocations() { readelf -rW "$1" | grep -cE '^[0-9a-f]{16} '; }
fail() { echo "$1"; exit 1; }

added=$(($(loaded "$with" A) - $(loaded "$without" A)))
echo "the prelude adds $added bytes to $(basename "$with")"
[ "$added" -le $limit ] || fail "that is more than $limit"
[ "$added" -ge $((limit / 2)) ] || fail "that is less than half of what it may: is it there?"
[ "$(loaded "$with" W)" = "$(loaded "$without" W)" ] || fail "some of it is writable"
[ "$(relocations "$with")" = "$(relocations "$without")" ] ||
    fail "$(relocations "$with") dynamic relocations, $(relocations "$without") without it"
! readelf -dW "$with" | grep -q TEXTREL || fail "the dynamic linker has to write into code"
! readelf --dyn-syms -W "$with" | grep -q ferry_prelude || fail "ferry_prelude is exported"
