#!/usr/bin/env bash
# install.sh BUILD-DIR CC CXX: installs the build into a temporary folder, builds the consumer in four ways and runs it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
compiler=$2
cpp_compiler=$3
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
unset FERRY_BACKEND FERRY_BUNDLES
export FERRY_CACHE_DIR=off

# build_project SOURCE BUILD TARGET
build_project() {
    if ! { cmake -S "$1" -B "$2" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_CXX_COMPILER="$cpp_compiler" && cmake --build "$2" --target "$3"; } >"$2.log" 2>&1; then
        cat "$2.log"
        exit 1
    fi
}
build_project "$here/project" "$work/project" all
expect "CMake, shared" "$version 1234 code" "$work/project/by_cmake_shared"
expect "CMake, shared, slow path" "$version 1234 libffi" "$work/project/by_cmake_shared" never
# A static program lies in no prefix: it is told where the modules are.
module=$(find "$lib/ferry" -name 'ferry-llvm*.so' | sort | tail -1)
expect "CMake, static" "$version 1234 code" env FERRY_BACKEND="$module" "$work/project/by_cmake_static"
expect "CMake, static, slow path" "$version 1234 libffi" "$work/project/by_cmake_static" never
expect "CMake, C++" 5 "$work/project/by_cmake_cpp"
expect "ferry_add_trampolines" "42 by bundle, LLVM not loaded" "$work/project/by_aot"
expect "ferry_add_trampolines in a library" "42 by bundle, LLVM not loaded" "$work/project/by_aot_library"
# When a declaration changes the code is made anew.
cp -r "$here" "$work/copy"
build_project "$work/copy/project" "$work/again" by_aot
manifest=$(find "$work/again" -path '*by_aot/*' -name ahead_code.json)
expect "the manifest" 1 grep -c '"name": "slots ' "$manifest"
echo 'double f(double, float, double);' >>"$work/copy/ahead_code.decl"
build_project "$work/copy/project" "$work/again" by_aot
expect "the manifest, after a change" 2 grep -c '"name": "slots ' "$manifest"

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
expect "a bundle by the command" "long f(long, float, short)" sh -c "cd '$work' && echo 'long f(long, float, short);' |
    '$prefix/bin/ferry' aot --bundle -o by_command - && '$prefix/bin/ferry' aot --inspect by_command.so |
    grep -q 'it fits' && echo 'long f(long, float, short)'"
for file in share/man/man1/ferry.1 share/bash-completion/completions/ferry; do
    expect "$file is installed" yes sh -c "[ -e '$prefix/$file' ] && echo yes"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
