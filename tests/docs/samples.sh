#!/usr/bin/env bash
# samples.sh SOURCE-DIR BUILD-DIR CC PAGE...: the samples of the pages, compiled and run.
#   ```c        a program; without `main` it is the middle of one (see head and foot below)
#   ```text     right after it: what it prints
#   ```console  lines "$ command" and what each prints (standard output and error)
set -uo pipefail
source=$1
build=$2
compiler=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# Splits page $1 into files $2/NUMBER.KIND (NUMBER is the line of the fence).
split_page() {
    awk -v folder="$2" '
        /^```/ && !inside { inside = 1; kind = substr($0, 4); out = sprintf("%s/%05d.%s", folder, NR, kind)
                            if (kind == "text") out = wanted; else if (kind != "c") wanted = ""
                            if (kind == "c") wanted = sprintf("%s/%05d.expected", folder, NR)
                            if (out != "") printf "" > out
                            next }
        /^```/ { inside = 0; if (out != "") close(out); if (kind == "text") wanted = ""; next }
        inside && out != "" { print > out }
        !inside && NF { wanted = "" }' "$1"
}

head='#include <ferry/ferry.h>
#include "samples.h"
int main(void) {
    ferry_error error;
    ferry_engine *engine = ferry_engine_create(NULL, &error);
    if (engine == NULL) return 1;
    {
'
foot='
    }
    return ferry_engine_free(engine, &error) == FERRY_OK ? 0 : 1;
}'

# verdict WHERE WANTED-FILE GOT-FILE STATUS
verdict() {
    if [ "$4" = 0 ] && cmp -s "$2" "$3"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$1: failed (status $4)"
        diff -u --label "on the page" --label "printed" "$2" "$3" | head -40
    fi
}

run_program() {
    local file=$1 where=$2 program=${1%.c} status=0
    if ! grep -q 'int main' "$file"; then
        { echo "$head"; cat "$file"; echo "$foot"; } >"$program-whole.c"
        file=$program-whole.c
    fi
    [ -e "$program.expected" ] || : >"$program.expected"
    if ! "$compiler" -std=gnu17 -Wall -Wextra -Werror "$file" -o "$program" -I"$source/include" \
        -I"$source/tests/docs" -L"$build/lib" -lferry -lm -Wl,-rpath,"$build/lib" >"$program.log" 2>&1; then
        failed=$((failed + 1))
        echo "$where: does not compile"
        head -20 "$program.log"
        return
    fi
    "$program" >"$program.got" 2>&1 || status=$?
    verdict "$where" "$program.expected" "$program.got" $status
}

run_console() {
    local file=$1 where=$2 command
    : >"$file.got"
    while read -r command; do
        echo "\$ $command" >>"$file.got"
        (cd "$folder/console" && PATH=$build/bin:$PATH LD_LIBRARY_PATH=$build/lib bash -c "$command") >>"$file.got" 2>&1 </dev/null
    done < <(sed -n 's/^\$ //p' "$file")
    verdict "$where" "$file" "$file.got" 0
}

for page in "$@"; do
    folder=$work/$(basename "$page" .md)
    mkdir -p "$folder/console" # where commands may leave files
    split_page "$page" "$folder"
    for file in "$folder"/*; do
        where=${page#"$source"/}:$(basename "$file" | sed 's/^0*//;s/\..*//')
        case $file in
            *-whole.c) ;;
            *.c) run_program "$file" "$where" ;;
            *.console) run_console "$file" "$where" ;;
        esac
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
