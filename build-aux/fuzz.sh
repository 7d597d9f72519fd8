#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh run|replay PROGRAM...: fuzz for FUZZ_SECONDS each (new inputs go to
# $BUILD/fuzz/found/<name>, the corpus in the tree is only read), or replay the
# corpus.
set -u
mode=$1
shift
mkdir -p "$BUILD/results"
passed=0 failed=0
for program; do
    name=${program##*/fuzz_}
    corpus=tests/fuzz/corpus/$name
    if [ "$mode" = replay ]; then
        "./$program" "$corpus"
    else
        found=$BUILD/fuzz/found/$name
        mkdir -p "$found"
        dict=tests/fuzz/$name.dict
        [ -f "$dict" ] && dict=-dict=$dict || dict=
        # shellcheck disable=SC2086
        "./$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 \
            -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 $dict \
            -artifact_prefix="$found/" "$found" "$corpus"
    fi
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok     fuzz_$name"
    else
        failed=$((failed + 1))
        echo "FAILED fuzz_$name"
    fi
done
[ "$mode" = run ] || echo "$passed $failed" >"$BUILD/results/fuzz-replay"
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
