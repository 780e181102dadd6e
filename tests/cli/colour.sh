#!/bin/sh
# Colour is for terminals, and only for those who want it.
#
#   colour.sh FERRY
set -u
ferry=$1 failed=0
escape=$(printf '\033')
TERM=xterm
export TERM
unset NO_COLOR

expect() { # "has" or "lacks", what, output
    case $3 in
    *"$escape["*) found=has ;;
    *) found=lacks ;;
    esac
    if [ "$found" != "$1" ]; then
        echo "$2: the output $found colour"
        failed=1
    fi
}

if ! command -v script >/dev/null; then
    echo "the program script (package bsdutils) is needed for a terminal"
    exit 1
fi
expect lacks "in a pipe" "$("$ferry" targets)"
expect has "on a terminal" "$(script -qec "'$ferry' targets" /dev/null </dev/null)"
expect lacks "with NO_COLOR" "$(NO_COLOR=1 script -qec "'$ferry' targets" /dev/null </dev/null)"
expect lacks "with TERM=dumb" "$(TERM=dumb script -qec "'$ferry' targets" /dev/null </dev/null)"
expect lacks "with --plain" "$(script -qec "'$ferry' abi --plain 'void f(void)'" /dev/null </dev/null)"
exit $failed
