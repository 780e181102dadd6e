# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: where the tools are. The newest LLVM of 19 to 22 that is installed.
first_command() {
    local name
    for name in "$@"; do
        if command -v "$name" >/dev/null; then echo "$name"; return; fi
    done
    echo "$1" # so that the message names it
}

JOBS=${JOBS:-$(nproc)}
CLANG=${CLANG:-$(first_command clang-22 clang-21 clang-20 clang-19 clang)}
CLANGXX=${CLANG/clang/clang++}
CLANG_FORMAT=$(first_command clang-format-22 clang-format-21 clang-format-20 clang-format-19 clang-format)
CLANG_TIDY=$(first_command clang-tidy-22 clang-tidy-21 clang-tidy-20 clang-tidy-19 clang-tidy)

# All C and C++ sources of the project, one a line; not the texts that tests read.
sources() {
    find abi bench cli examples include jit prelude runtime tests trampolines \( -path tests/golden -o -path tests/fuzz/corpus \) -prune -o \
        \( -name '*.[ch]' -o -name '*.cpp' \) -print | sort
}
