#!/usr/bin/env bash
# scripts/format.sh: is everything formatted? With -i: format it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh
if [ "${1:-}" = -i ]; then
    sources | xargs "$CLANG_FORMAT" -i
else
    sources | xargs "$CLANG_FORMAT" --dry-run -Werror
fi
