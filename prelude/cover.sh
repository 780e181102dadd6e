#!/usr/bin/env bash
# What the patterns are good for: prelude/cover.sh FERRY_PRELUDE [PATTERNS]. Preprocesses the headers of the libraries
# that this machine has and says which share of their functions and callbacks has a shape that the patterns ask for.
set -euo pipefail
maker=$(realpath "$1")
cd "$(dirname "$0")"
patterns=${2:-common.txt}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# library | flags | headers
libraries() {
    cat <<'END'
libc|-D_GNU_SOURCE|stdio stdlib string strings unistd fcntl time signal pthread sys/socket sys/stat sys/mman sys/types sys/wait sys/time sys/epoll sys/ioctl sys/uio netdb arpa/inet poll dirent dlfcn ctype wchar wctype locale search setjmp semaphore sched pwd grp termios iconv regex glob fnmatch ftw fts getopt libgen spawn mqueue aio threads uchar inttypes sys/inotify sys/eventfd sys/timerfd sys/signalfd sys/resource sys/select sys/sysinfo sys/utsname syslog utime err error argp obstack printf
libm|-std=c17 -D_XOPEN_SOURCE=700|math complex fenv
zlib||zlib
sqlite3||sqlite3
openssl||openssl/ssl openssl/evp openssl/x509 openssl/bio openssl/err openssl/rand
libuv|-I/usr/include/node|uv
opengl||GL/gl GL/glext
egl||EGL/egl
x11||X11/Xlib X11/Xutil
xcb||xcb/xcb
libxml2|-I/usr/include/libxml2|libxml/parser libxml/tree libxml/xpath libxml/xmlreader libxml/xmlwriter
python|-I/usr/include/python3.11|Python
freetype|-I/usr/include/freetype2|ft2build freetype/freetype freetype/ftoutln freetype/ftglyph
fontconfig||fontconfig/fontconfig
libgit2||git2
expat||expat
libpng||stdio png
libjpeg||stdio jpeglib
llvm-c|-I/usr/lib/llvm-22/include|llvm-c/Core llvm-c/Target llvm-c/TargetMachine llvm-c/Object llvm-c/DebugInfo
cblas||cblas
lzma||lzma
bzip2||stdio bzlib
brotli||brotli/encode brotli/decode
pcre2|-DPCRE2_CODE_UNIT_WIDTH=8|pcre2
lmdb||lmdb
ncurses||ncurses form menu
readline||stdio readline/readline readline/history
tcl||tcl8.6/tcl
libpq|-I/usr/include/postgresql|libpq-fe
libyaml||yaml
z3||stdbool stdint z3
gnutls||gnutls/gnutls gnutls/x509
libssh2||libssh2 libssh2_sftp
xxhash||xxhash
END
}

# Ferry's parser has no sizeof; what C libraries write with it are numbers of their data model.
preprocess() {
    local flags header
    read -ra flags <<<"$1"
    for header in $2; do echo "#include <$header.h>"; done |
        gcc "${flags[@]}" -E -P -x c - 2>/dev/null |
        sed '/^ *#/d; s/sizeof *(unsigned long\( int\)\?)/8/g; s/sizeof *(int)/4/g; s/sizeof *(__[a-z]*_mask)/8/g'
}

files=()
while IFS='|' read -r name flags headers; do
    if preprocess "$flags" "$headers" >"$folder/$name"; then files+=("$folder/$name"); fi
done < <(libraries)
"$maker" --cover "$patterns" "${files[@]}"
