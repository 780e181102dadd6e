#!/usr/bin/env bash
# Configures and builds one preset: scripts/build.sh PRESET [-DOPTION=VALUE ...]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh
preset=$1
shift
case $preset in
    clang | asan | tsan | fuzz) set -- -DCMAKE_C_COMPILER="$CLANG" -DCMAKE_CXX_COMPILER="$CLANGXX" "$@" ;;
esac
targets=()
[ "$preset" != fuzz ] || targets=(--target fuzzers)
mkdir -p build
log=build/$preset.log
if ! { cmake --preset "$preset" "$@" && cmake --build "build/$preset" -j "$JOBS" "${targets[@]}"; } >"$log" 2>&1; then
    grep -E -A6 'error:|CMake Error|undefined reference|multiple definition|warning:|cannot find' "$log" | grep -v '^: &&' | head -80 || tail -40 "$log"
    echo "scripts/build.sh $preset: failed, the whole log is in $log"
    exit 1
fi
