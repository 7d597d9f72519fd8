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

fuzz() { # program, name, corpus
    found=$BUILD/fuzz/found/$2
    dict=tests/fuzz/$2.dict
    mkdir -p "$found"
    [ -f "$dict" ] && dict=-dict=$dict || dict=
    # shellcheck disable=SC2086
    "$1" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 \
        -rss_limit_mb=2048 -verbosity=0 $dict -artifact_prefix="$found/" \
        "$found" "$3"
}

for program; do
    name=${program##*/fuzz_}
    corpus=tests/fuzz/corpus/$name
    if [ "$mode" = replay ]; then
        "$program" "$corpus"
    else
        fuzz "$program" "$name" "$corpus"
    fi && rc=ok || rc=FAILED
    echo "$rc fuzz_$name"
    case $rc in
    ok) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)) ;;
    esac
done
[ "$mode" = run ] || echo "$passed $failed" >"$BUILD/results/fuzz-replay"
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
