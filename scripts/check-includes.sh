#!/usr/bin/env bash
# Who may include whom (docs/conventions.md): each room's own list; everything else between quotes is refused.
set -euo pipefail
cd "$(dirname "$0")/.."

# folder | patterns of what its files may include between quotes
rules() {
    cat <<'END'
include/ferry|ferry/*
abi|abi/* ferry/*
trampolines|abi/base.h trampolines/* ferry/*
jit|abi/* jit/* trampolines/blob.h ferry/*
runtime|abi/* trampolines/* jit/backend.h runtime/* ferry/*
bench|ferry/* bench/* trampolines/thunk.h
cli|ferry/* cli/* abi/* jit/backend.h runtime/* trampolines/bundle.h trampolines/cache.h trampolines/digest.h
prelude|ferry/* prelude/* abi/* jit/backend.h runtime/* trampolines/bundle.h trampolines/digest.h
tests/run|ferry/* tests/run/*
tests/unit|ferry/* abi/* trampolines/* runtime/* tests/unit/*
tests/jit|ferry/* abi/* jit/* trampolines/blob.h tests/jit/*
END
}

# check_folder FOLDER PATTERN...: its quoted includes that none of the patterns matches
check_folder() {
    local folder=$1 file line included pattern allowed
    shift
    while IFS=$'\t' read -r file line included; do
        allowed=
        # a name without a folder is a file beside the includer
        if [[ $included != */* && -e ${file%/*}/$included ]]; then allowed=yes; fi
        for pattern in "$@"; do
            # shellcheck disable=SC2053
            if [[ $included == $pattern ]]; then allowed=yes; fi
        done
        [ -n "$allowed" ] || echo "$file:$line: \"$included\" may not be included here"
    done < <(grep -rnE --include='*.[ch]' --include='*.cpp' '^ *# *include *"' "$folder" |
        sed -E 's/^([^:]*):([0-9]+):[^"]*"([^"]*)".*/\1\t\2\t\3/')
}

bad=$(
    while IFS='|' read -r folder patterns; do
        [ -d "$folder" ] || continue
        set -f
        # shellcheck disable=SC2086
        set -- $patterns
        set +f
        check_folder "$folder" "$@"
    done < <(rules)
    grep -rnE '^ *# *include *[<"]llvm' --include='*.[ch]' --include='*.cpp' --exclude-dir=build . |
        grep -vE '^\./(jit|tests/jit)/' | sed 's/$/   (LLVM lives in jit\/ only)/' || true
    grep -rnE '^ *# *include *[<"](ffi|libtcc|dlfcn|pthread|unistd|sys/)' --include="*.[ch]" abi 2>/dev/null |
        sed 's/$/   (abi knows no operating system)/' || true
)
if [ -n "$bad" ]; then
    echo "$bad"
    exit 1
fi
