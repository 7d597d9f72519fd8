#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pytest.sh STAGE [ARGUMENT...]: run tests/httpd with Debian's python, whatever
# other one comes first on PATH, and leave the counts in $BUILD/results.
set -u
stage=$1
shift
mkdir -p "$BUILD/results"
xml=$BUILD/results/$stage.xml
rm -f "$xml" "$BUILD/results/$stage"

PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -ra --tb=short \
    -p no:cacheprovider --junitxml="$xml" tests/httpd "$@" </dev/null
rc=$?

[ ! -s "$xml" ] || /usr/bin/python3 - "$xml" >"$BUILD/results/$stage" <<'END'
import sys
from xml.etree import ElementTree
passed, failed, skipped = set(), set(), set()
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    name = case.get("classname"), case.get("name")
    kinds = {child.tag for child in case}
    (failed if kinds & {"failure", "error"} else
     skipped if "skipped" in kinds else passed).add(name)
print(len(passed - failed), len(failed))
END
exit $rc
