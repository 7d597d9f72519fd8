#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# unit.sh STAGE PROGRAM...: build cmocka programs, run them one after the other
# from the top of the tree, and sum up. One that does not build is a failure
# and does not keep the others from running. UNDER= is put in front of each
# (valgrind).
set -u
stage=$1
shift
logs=$BUILD/results/$stage.d
rm -rf "$logs" && mkdir -p "$logs"

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

if [ $# -gt 0 ] && ! $SUBMAKE -k "$@"; then
    # what an earlier build left behind must not stand in for this one
    for program; do $SUBMAKE -q "$program" 2>/dev/null || rm -f "$program"; done
fi

passed=0 failed=0

# One PostgreSQL for all programs that use one. TESTING=1 (`make test`): it is
# a failure that there is none.
pg_dir=
case " $* " in
*flow_queue* | *flow_committer* | *flow_worker* | *flow_store* | *flow_token* | \
    *flow_state_store* | *jobs_*)
    if [ -z "${FLOW_TEST_PGSQL:-}" ]; then
        pg_dir=$(mktemp -d /tmp/flow-pg-XXXXXX)
        trap 'sh tests/pgsql.sh stop "$pg_dir"; rm -rf "$pg_dir"' EXIT
        trap 'exit 1' INT TERM HUP
        if FLOW_TEST_PGSQL=$(sh tests/pgsql.sh start "$pg_dir"); then
            export FLOW_TEST_PGSQL
        else
            export FLOW_TEST_PGSQL=none
            echo "$stage: PostgreSQL cannot be started; no test uses it"
            if [ -n "${TESTING:-}" ]; then
                echo "FAILED PostgreSQL"
                failed=$((failed + 1))
            fi
        fi
    fi
    ;;
esac

if [ $# -eq 0 ]; then
    echo "$stage: there is no program to run"
    failed=1
fi
for program; do
    if [ ! -x "$program" ]; then
        echo "FAILED ${program##*/} was not built"
        failed=$((failed + 1))
        continue
    fi
    name=${program##*/}
    log=$logs/$name.log
    # shellcheck disable=SC2086
    timeout -k 5 "${UNIT_SECONDS:-120}" ${UNDER:-} "$program" >"$log" 2>&1 \
        </dev/null
    rc=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep '^\[  FAILED  \] ' "$log" | grep -v 'test(s)' | sort -u | wc -l)
    # A crash, a leak or a time-out: the program failed whatever it printed.
    if [ $rc -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    if [ $rc -ne 0 ]; then
        cat "$log"
        echo "FAILED $name (exit status $rc; $log)"
    elif [ "$ok" -eq 0 ]; then
        bad=1
        echo "FAILED $name ran no test"
    else
        echo "ok     $name ($ok)"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
done

echo "$passed $failed" >"$BUILD/results/$stage"
echo "$stage: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
