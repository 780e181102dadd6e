#!/bin/sh
# gdb.sh PROBE: gdb names the trampoline, and its backtrace goes through it from every instruction in it.
set -eu
probe=$1
command -v gdb >/dev/null || { echo "gdb is not installed: skipped"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/commands" <<'END'
set pagination off
set confirm off
set breakpoint pending on
set debuginfod enabled off
tbreak probe_caller
run
tbreak *code_begin
continue
define walk
  while $pc >= (unsigned long)code_begin && $pc < (unsigned long)code_end
    echo @step\n
    backtrace
    stepi
  end
end
walk
tbreak probe_callee
continue
echo @callee\n
backtrace
finish
walk
echo @end\n
backtrace
continue
END
gdb -nx -batch -x "$folder/commands" --args "$probe" gdb >"$folder/output" 2>&1 || true
if grep -q 'ptrace: Operation not permitted\|Could not trace' "$folder/output"; then
    echo "tracing is not permitted here: skipped"
    exit 77
fi

# Each backtrace: the trampoline by its name, then probe_caller, then main.
awk '
    /^@/ { finish_one(); kind = $1; seen = 0; next }
    /^#[0-9]/ && /ferry:slots/ { if (seen == 0) seen = 1 }
    /^#[0-9]/ && /probe_caller/ { if (seen == 1) seen = 2 }
    /^#[0-9]/ && /main/ { if (seen == 2) seen = 3 }
    function finish_one() {
        if (kind == "@step" || kind == "@callee") {
            count[kind]++
            if (seen != 3) { print "a backtrace that is not complete, number " count[kind] " of " kind; bad = 1 }
        }
    }
    END {
        finish_one()
        if (count["@step"] < 5) { print "only " count["@step"] + 0 " instructions were seen"; bad = 1 }
        if (count["@callee"] != 1) { print "the callee was not reached"; bad = 1 }
        if (!bad) print count["@step"] " instructions, each with a complete backtrace"
        exit bad
    }' "$folder/output" || { cat "$folder/output"; exit 1; }
grep -q 'exited normally' "$folder/output" || { cat "$folder/output"; exit 1; }
