#!/bin/sh
# Every command and every option that the command's help lists is in each completion file and in the manual page.
#
#   completions.sh FERRY SOURCE
set -u
ferry=$1 source=$2 failed=0

expect() { # file, what
    if ! grep -qF -e "$2" "$source/$1"; then
        echo "$1 lacks $2"
        failed=1
    fi
}

commands=$("$ferry" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' | grep -v '^ferry$')
count=0
for command in $commands; do
    for file in cli/completions/ferry.bash cli/completions/_ferry cli/completions/ferry.fish docs/ferry.1; do
        expect $file "$command"
    done
    if [ "$command" = bench ]; then continue; fi
    for option in $("$ferry" "$command" --help | sed -n 's/^  .* --\([a-z-]*\).*/\1/p' | sort -u); do
        case $option in help | version) continue ;; esac
        count=$((count + 1))
        expect cli/completions/ferry.bash "--$option"
        expect cli/completions/_ferry "--$option"
        expect cli/completions/ferry.fish "-l $option"
        expect docs/ferry.1 "Fl -$option"
    done
done
if [ "$count" -lt 10 ]; then
    echo "only $count options were found in the help"
    failed=1
fi
bash -n "$source/cli/completions/ferry.bash" || failed=1
exit $failed
