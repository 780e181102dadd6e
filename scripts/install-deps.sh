#!/usr/bin/env bash
# Installs what ferry's build (demo) or its tests too (check, the default) need and this machine lacks.
#   scripts/install-deps.sh [demo|check]
# On Debian from Debian's own packages, with sudo unless run by root; elsewhere it says what is missing and exits with 1.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-check}

has_command() { command -v "$1" >/dev/null; }
has_header() { has_command gcc && printf '#include <%s>\n' "$1" | gcc -E -x c - >/dev/null 2>&1; }
has_library() { has_command pkg-config && pkg-config --exists "$1 >= $2"; }
has_cmake() { has_command cmake && printf '3.25\n%s\n' "$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')" | sort -CV; }
has_llvm() { [ -e "$("llvm-config-$1" --includedir 2>/dev/null)/llvm-c/Core.h" ]; }
has_sanitizers() { has_command "clang-$1" && [ -e "$("clang-$1" -print-file-name=libclang_rt.fuzzer-x86_64.a)" ]; }

# The newest LLVM that is here, or else that the package lists offer.
newest_llvm() {
    local v
    for v in 22 21 20 19; do
        if has_llvm "$v" || offers "llvm-$v-dev"; then echo "$v"; return; fi
    done
}
offers() { has_command apt-cache && [[ $(apt-cache policy "$1" 2>/dev/null) == *Candidate:\ [0-9]* ]]; }

# package | how to see that it is there | in words
needed() {
    cat <<END
gcc|has_command gcc|a C compiler (gcc)
binutils|has_command objcopy|binutils
make|has_command make|make
cmake|has_cmake|CMake 3.25 or newer
ninja-build|has_command ninja|Ninja
pkg-config|has_command pkg-config|pkg-config
libffi-dev|has_library libffi 3.4|libffi 3.4 with headers
liblmdb-dev|has_header lmdb.h|LMDB with headers (the cache on disk)
libxxhash-dev|has_header xxhash.h|xxHash with headers
libtcc-dev|has_header libtcc.h|libtcc with headers (for the bench)
zlib1g-dev|has_header zlib.h|zlib with headers
llvm-$1-dev|has_llvm $1|LLVM 19 to 22 with headers, as llvm-config-NN
clang-$1|has_command clang-$1|clang of that LLVM
END
    [ "$purpose" = demo ] && return
    cat <<END
g++|has_command g++|a C++ compiler (g++)
libclang-rt-$1-dev|has_sanitizers $1|clang's sanitizers and libFuzzer
clang-format-$1|has_command clang-format-$1|clang-format
clang-tidy-$1|has_command clang-tidy-$1|clang-tidy
llvm-19-dev|has_llvm 19|LLVM 19 with headers
libcriterion-dev|has_library criterion 2.4|Criterion 2.4
libsqlite3-dev|has_library sqlite3 3.9|SQLite 3.9 with headers (closures are tested in it)
gdb|has_command gdb|gdb
python3|has_command python3|Python 3 (for checks of the bench)
END
}

# Lines of needed that are not there.
missing() {
    local package probe words
    while IFS='|' read -r package probe words; do
        $probe || echo "$package|$words"
    done < <(needed "$1")
}

is_debian() { [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-99}" -ge 12 ]); }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

llvm=$(newest_llvm)
list=$(missing "${llvm:-22}")
[ -z "$list" ] && exit 0

if ! is_debian; then
    echo "ferry needs what is missing here; please install:"
    echo "$list" | sed 's/\([^|]*\)|\(.*\)/  \2   (Debian: \1)/'
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing from Debian's packages: $(echo "$list" | cut -d'|' -f1 | tr '\n' ' ')"
as_root apt-get update -q </dev/null
llvm=$(newest_llvm)
[ -n "$llvm" ] || { echo "No LLVM of 19 to 22 among this system's packages"; exit 1; }
mapfile -t packages < <(missing "$llvm" | cut -d'|' -f1)
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" </dev/null
list=$(missing "$llvm")
if [ -n "$list" ]; then
    echo "Still missing after the installation:" && echo "$list" | sed 's/.*|/  /'
    exit 1
fi
