#!/bin/sh
# Golden files: what `ferry abi` says of every paragraph of declarations.h, one file for each target.
#   run.sh FERRY            compares; a difference is shown as a diff, and fails
#   run.sh --update FERRY   writes the files anew, to be reviewed as a diff
set -u
export LC_ALL=C.UTF-8 # the drawing's characters
unset COLUMNS
here=$(cd "$(dirname "$0")" && pwd)
update=no
if [ "${1:-}" = --update ]; then
    update=yes
    shift
fi
ferry=${1:?usage: run.sh [--update] FERRY}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Paragraphs are separated by empty lines; the first is the file's comment.
awk -v RS= -v work="$work" 'NR > 1 { file = sprintf("%s/%03d.h", work, NR - 1); print > file; close(file) }' \
    "$here/declarations.h"

show() { # TARGET
    for paragraph in "$work"/*.h; do
        cat "$paragraph"
        echo
        "$ferry" abi --target "$1" "$(cat "$paragraph")" 2>&1 | sed 's/^/    /; s/ *$//'
        echo
    done
}

status=0
for target in x86_64-sysv x86_64-sysv-avx x86_64-sysv-avx512; do
    show "$target" >"$work/$target.txt"
    if [ "$update" = yes ]; then
        cp "$work/$target.txt" "$here/$target.txt"
    elif ! diff -u "$here/$target.txt" "$work/$target.txt"; then
        status=1
    fi
done
[ "$status" = 0 ] || echo "run.sh: placements changed; if that is right: $0 --update $ferry" >&2
exit "$status"
