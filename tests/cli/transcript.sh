#!/bin/sh
# Runs the commands of a transcript and compares what they print, to both outputs, with what it says.
#
#   transcript.sh FERRY LIBRARY TRANSCRIPT [--update]
#
# A transcript has lines `$ command`, the output below each, and `[N]` where the exit status N is not 0. Lines that
# begin with # are remarks. $LIB in a command is the library of this folder. The user's own cache and bundles are left
# alone.
set -u
PATH=$(dirname "$1"):$PATH
LIB=$2
transcript=$3
LC_ALL=C
NO_COLOR=1
FERRY_CACHE_DIR=off
export PATH LIB LC_ALL NO_COLOR FERRY_CACHE_DIR
unset FERRY_BUNDLES LD

actual=$(mktemp) || exit 1
trap 'rm -f "$actual"' EXIT

while IFS= read -r line; do
    case $line in
    '$ '*)
        printf '%s\n' "$line"
        output=$(eval "${line#??}" 2>&1 </dev/null)
        status=$?
        if [ -n "$output" ]; then printf '%s\n' "$output"; fi
        if [ "$status" -ne 0 ]; then printf '[%d]\n' "$status"; fi
        ;;
    '#'*) printf '%s\n' "$line" ;;
    esac
done <"$transcript" >"$actual"

if ! grep -q '^\$ ' "$actual"; then
    echo "$transcript has no command" >&2
    exit 1
fi
if [ "${4-}" = --update ]; then
    cp "$actual" "$transcript"
    exit 0
fi
diff -u "$transcript" "$actual"
