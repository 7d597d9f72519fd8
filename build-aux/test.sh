#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh STAGE...: build, run the stages of the test suite, all of them even
# when one fails, and end with one line that counts what each one left in
# $BUILD/results/<stage> ("passed failed"). Called by Makefile.apxs.
set -u
export TESTING=1
results=$BUILD/results
rm -rf "$results" && mkdir -p "$results"

if ! $SUBMAKE all; then
    echo "the build failed"
    echo "mod_flow: 0 passed, 1 failed"
    exit 1
fi

passed=0 failed=0 broken=
for stage; do
    echo "== $stage"
    started=$(date +%s)
    $SUBMAKE -k "$stage"
    rc=$?
    p=0 f=0
    if [ -f "$results/$stage" ]; then
        read -r p f <"$results/$stage"
    fi
    # A stage that could not run, or lost its count, is a failure too.
    if [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ "$f" -ne 0 ]; then broken="$broken $stage"; fi
    echo "== $stage: $p passed, $f failed, $(($(date +%s) - started)) s"
    passed=$((passed + p))
    failed=$((failed + f))
done

[ -z "$broken" ] || echo "failed stages:$broken"
echo "mod_flow: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
