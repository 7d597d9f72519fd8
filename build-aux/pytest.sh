#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pytest.sh STAGE [ARGUMENT...]: run tests/httpd with Debian's python, whatever
# other one comes first on PATH, and leave the counts in $BUILD/results.
set -u
stage=$1
shift
mkdir -p "$BUILD/results"
xml=$BUILD/results/$stage.xml

PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -ra -p no:cacheprovider \
    --junitxml="$xml" tests/httpd "$@" </dev/null
rc=$?

count() { sed -n "s/.*<testsuite [^>]*$1=\"\([0-9]*\)\".*/\1/p" "$xml"; }
if [ -s "$xml" ]; then
    failed=$(($(count failures) + $(count errors)))
    passed=$(($(count tests) - failed - $(count skipped)))
    echo "$passed $failed" >"$BUILD/results/$stage"
fi
exit $rc
