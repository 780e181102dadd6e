#!/usr/bin/env bash
# aot.sh FERRY DECLARATIONS: the same input gives the same bytes, wherever and whenever; the manifest says what is in the
# object; and what --inspect says of files that were changed.
set -euo pipefail
ferry=$1
declarations=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    echo "$*"
    failed=1
}
# expect TEXT COMMAND...: what the command prints has the text in it
expect() {
    local wanted=$1 got
    shift
    got=$("$@" 2>&1 </dev/null) || true
    case $got in *"$wanted"*) ;; *) complain "$* does not say \"$wanted\" but: $got" ;; esac
}
# refused COMMAND...: with exit status 1
refused() {
    local status=0
    "$@" >/dev/null 2>&1 </dev/null || status=$?
    [ $status = 1 ] || complain "$*: status $status"
}

# ---- the same bytes ----
mkdir -p "$work/one" "$work/another/deeper"
cp "$declarations" "$work/one/sample.decl"
cp "$declarations" "$work/another/deeper/copy.h"
options="--errno also --convention both --upcalls all"
# shellcheck disable=SC2086
make() { # folder, file
    (cd "$work/$1" && "$ferry" aot $options -o sample "$2" && "$ferry" aot $options --bundle -o sample - <"$2")
}
make one sample.decl
sleep 1.1
(umask 077 && HOME=/nonexistent TZ=Asia/Tokyo LC_ALL=C TMPDIR=$work/another make another/deeper copy.h)
for file in sample.o sample.h sample.json sample.so; do
    cmp "$work/one/$file" "$work/another/deeper/$file" || failed=1
done
[ -z "$(find "$work/another" -name 'ferry-aot-*')" ] || complain "the linker's folder is left"

# Another order of the same declarations is another manifest, but the same code.
sed -n '/^double pow/p;/^long labs/p' "$declarations" >"$work/two.decl"
sed '1!G;h;$!d' "$work/two.decl" >"$work/reversed.decl"
"$ferry" aot -o "$work/two" --name code "$work/two.decl"
"$ferry" aot -o "$work/reversed" --name code "$work/reversed.decl"
cmp "$work/two.o" "$work/reversed.o" || failed=1

# ---- manifest, object and bundle agree ----
listed() { # the digests that a JSON text has, in order
    sed -n 's/^ *"digest": "\(.*\)",$/\1/p' | tr '\n' ' '
}
from_manifest=$(listed <"$work/one/sample.json")
[ "$(echo "$from_manifest" | wc -w)" -ge 30 ] || complain "the manifest lists only: $from_manifest"
[ "$(echo "$from_manifest" | tr ' ' '\n' | grep . | sort -u | wc -l)" = "$(echo "$from_manifest" | wc -w)" ] ||
    complain "a digest is listed twice"
for file in sample.o sample.so; do
    [ "$("$ferry" aot --inspect --json "$work/one/$file" | listed)" = "$from_manifest" ] ||
        complain "$file has other shapes than the manifest"
done
grep -qF '"int snprintf(char *, size_t, char *, ..., int, double)"' "$work/one/sample.json" ||
    complain "the manifest does not tell what a shape serves"

# ---- changed files ----
bundle=$work/one/sample.so
size=$(stat -c %s "$bundle")
expect "as it was made" "$ferry" aot --inspect "$bundle"
expect "it fits" "$ferry" aot --inspect -- "$work/one/sample.o"
head -c $((size - 40)) "$bundle" >"$work/cut.so"
expect "end is missing" "$ferry" aot --inspect "$work/cut.so"
refused "$ferry" aot --inspect "$work/cut.so"
head -c $((size - 1)) "$bundle" >"$work/cut.so"
expect "end is missing" "$ferry" aot --inspect "$work/cut.so"
head -c 300 "$bundle" >"$work/cut.so"
refused "$ferry" aot --inspect "$work/cut.so"
head -c 2000 "$work/one/sample.o" >"$work/cut.o"
refused "$ferry" aot --inspect "$work/cut.o"
# a byte of the code: found without the seal too
cp "$bundle" "$work/flipped.so"
text=$(readelf -SW "$bundle" | sed -n 's/.* \.text *PROGBITS *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
printf '\x0f' | dd of="$work/flipped.so" bs=1 seek=$((0x$text)) conv=notrunc status=none
expect "not those that were sealed" "$ferry" aot --inspect "$work/flipped.so"
head -c $((size - 32)) "$work/flipped.so" >"$work/unsealed.so"
expect "is damaged" "$ferry" aot --inspect "$work/unsealed.so"
refused "$ferry" aot --inspect "$work/unsealed.so"
# the program itself, which has the prelude
expect "content" "$ferry" aot --inspect "$ferry"

# ---- what cannot be written ----
refused "$ferry" aot -o "$work/none/sample" "$declarations"
refused "$ferry" aot --bundle --linker false -o "$work/sample" "$declarations"
expect "cannot start the linker" "$ferry" aot --bundle --linker /nonexistent -o "$work/sample" "$declarations"
[ ! -e "$work/sample.so" ] || complain "a bundle is there although its linker failed"
cp "$declarations" "$work/input.h"
expect "one of the files that are read" "$ferry" aot -o "$work/input" "$work/input.h"
cmp "$work/input.h" "$declarations" || failed=1

exit $failed
