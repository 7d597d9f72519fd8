#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: every check of style and consistency; each counts as one.
set -u
results=$BUILD/results
mkdir -p "$results"
passed=0 failed=0

check() { # name, command...
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok     $name"
    else
        failed=$((failed + 1))
        echo "FAILED $name"
    fi
}

format() {
    find mod_flow connectors tests -name '*.[ch]' -exec \
        clang-format --dry-run -Werror {} + 2>&1 |
        sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format has it; see make format/p' |
        awk -F : '!seen[$1]++ { print; bad = 1 } END { exit bad }'
}
shell() {
    find . \( -path "./$BUILD" -o -name .git \) -prune -o -name '*.sh' -exec \
        shellcheck -x .ci/run {} +
}
tidy() { $SUBMAKE -k tidy; }

check selftest sh tests/lint/selftest.sh
for script in layers banned headers directives messages size words; do
    check "$script" sh "tests/lint/$script.sh"
done
check shellcheck shell
check clang-format format
check clang-tidy tidy

echo "$passed $failed" >"$results/lint"
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
