#!/usr/bin/env bash
# clang-tidy over the library and its tools, with the compile commands of the clang build: scripts/tidy.sh [FILE ...]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh
[ -e build/clang/compile_commands.json ] || scripts/build.sh clang
if [ $# = 0 ]; then
    mapfile -t files < <(find abi trampolines runtime jit prelude cli bench -name '*.c' | sort)
    set -- "${files[@]}"
fi
printf '%s\n' "$@" | xargs -P "$JOBS" -n 4 "$CLANG_TIDY" -p build/clang --quiet --warnings-as-errors='*' 2>/dev/null
