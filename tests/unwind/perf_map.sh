#!/bin/sh
# perf_map.sh PROBE: the perf map has the trampoline's address, size and name; without the option there is none.
set -eu
probe=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"; rm -f "/tmp/perf-${pid:-none}.map"' EXIT

"$probe" perf >"$folder/output" & pid=$!
wait "$pid"
read -r address size result <"$folder/output"
[ "$result" = 42 ]
if ! grep -q "^${address#0x} $size ferry:slots" "/tmp/perf-$pid.map"; then
    echo "no line for $address $size in the map:"
    cat "/tmp/perf-$pid.map"
    exit 1
fi
grep "^${address#0x}" "/tmp/perf-$pid.map"
rm "/tmp/perf-$pid.map"

"$probe" >/dev/null & pid=$!
wait "$pid"
if [ -e "/tmp/perf-$pid.map" ]; then
    echo "a map that nobody asked for"
    exit 1
fi
