#!/usr/bin/env bash
# install.sh BUILD-DIR CC CXX: installs the build into a temporary folder, builds the consumer in four ways and runs it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
compiler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
passed=0
failed=0

# expect WHAT WANTED COMMAND...: the command prints just that
expect() {
    local what=$1 wanted=$2 got
    shift 2
    got=$("$@" 2>&1) || got="$got (status $?)"
    if [ "$got" = "$wanted" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: wanted "%s", got "%s"\n' "$what" "$wanted" "$got"
    fi
}

cmake --install "$build" --prefix "$prefix" >"$work/install.log"
version=$(sed -n 's/^#define FERRY_VERSION  *"\(.*\)"/\1/p' "$prefix/include/ferry/engine.h")
lib=$(dirname "$(find "$prefix" -name libferry.a)")
# The build itself must not help: no program of it is beside what is installed.
unset FERRY_BACKEND

cmake -S "$here/project" -B "$work/project" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$2" \
    -DCMAKE_CXX_COMPILER="$3" >"$work/project.log" 2>&1 && cmake --build "$work/project" >>"$work/project.log" 2>&1 ||
    { cat "$work/project.log"; exit 1; }
expect "CMake, shared" "$version 1234 code" "$work/project/by_cmake_shared"
expect "CMake, shared, slow path" "$version 1234 libffi" "$work/project/by_cmake_shared" never
# A static program lies in no prefix: it is told where the modules are.
module=$(find "$lib/ferry" -name 'ferry-llvm*.so' | sort | tail -1)
expect "CMake, static" "$version 1234 code" env FERRY_BACKEND="$module" "$work/project/by_cmake_static"
expect "CMake, static, slow path" "$version 1234 libffi" "$work/project/by_cmake_static" never
expect "CMake, C++" 5 "$work/project/by_cmake_cpp"

export PKG_CONFIG_PATH=$lib/pkgconfig
# The prefix was chosen after configuring: pkg-config is told, as packagers do.
pc() { pkg-config --define-variable=prefix="$prefix" "$@" ferry; }
# shellcheck disable=SC2046
"$compiler" "$here/consumer.c" -o "$work/by_pc_shared" $(pc --cflags --libs) -Wl,-rpath,"$lib"
expect "pkg-config, shared" "$version 1234 code" "$work/by_pc_shared"
mkdir "$work/static" && cp "$lib/libferry.a" "$work/static"
# shellcheck disable=SC2046
"$compiler" "$here/consumer.c" -o "$work/by_pc_static" -L"$work/static" $(pc --static --cflags --libs | sed "s|-L$lib||")
expect "pkg-config, static" "$version 1234 code" env FERRY_BACKEND="$module" "$work/by_pc_static"
expect "pkg-config, version" "$version" pc --modversion

expect "the command" 1024 "$prefix/bin/ferry" call libm.so.6 'double pow(double, double)' 2 10
expect "the command finds no module of the build" "" sh -c "strings -d '$prefix/bin/ferry' | grep -F '$build' || true"
for file in share/man/man1/ferry.1 share/bash-completion/completions/ferry; do
    expect "$file is installed" yes sh -c "[ -e '$prefix/$file' ] && echo yes"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
