#!/usr/bin/env bash
# scripts/bench.sh [OPTION ...]: the bench of the release build; JSON and SVG go to build/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/release/bin/ferry-bench ] || scripts/build.sh release
mkdir -p build/bench
exec build/release/bin/ferry-bench --json build/bench/ferry.json --svg build/bench/ferry.svg "$@"
