#!/usr/bin/env bash
# scripts/count-tests.sh LOG: the tests in the output of `ctest -V`, as "N passed, N failed". A Criterion program says
# its own numbers, others may end with "N passed, N failed"; a program that says nothing is one test.
awk '
    { sub(/\r$/, ""); gsub(/\033\[[0-9;]*m/, "") }
    /^[0-9]+: .*Synthesis: Tested:/ {
        id = $1; sub(/:$/, "", id)
        for (i = 1; i < NF; i++) {
            if ($i == "Tested:") tested = $(i + 1)
            if ($i == "Passing:") passing = $(i + 1)
            if ($i == "Crashing:") crashing = $(i + 1) # after the test itself passed: a leak, say
        }
        if (tested - passing < crashing) passing = tested - crashing
        good[id] += passing; bad[id] += tested - passing; counted[id] = 1
        next
    }
    /^[0-9]+: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
        id = $1; sub(/:$/, "", id)
        good[id] += $2; bad[id] += $4; counted[id] = 1
        next
    }
    /^ *[0-9]+\/[0-9]+ +Test +#[0-9]+:/ {
        id = $0; sub(/^[^#]*#/, "", id); sub(/:.*/, "", id)
        if (/ Passed /) { if (!counted[id]) good[id] = 1 }
        else if (/\*\*\*Skipped/) { skipped++ }
        else if (!bad[id]) bad[id] = 1
        seen[id] = 1
    }
    END {
        for (id in seen) { passed += good[id]; failed += bad[id] }
        if (skipped) printf "%d programs skipped\n", skipped
        printf "%d passed, %d failed\n", passed, failed
    }' "$1"
