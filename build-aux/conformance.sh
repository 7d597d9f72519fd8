#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh: compare with pinned programs below $BUILD/npm.
#
# handlebars: tests/conformance/handlebars/run.sh gets RENDER (our renderer) and
# NODE_PATH, and ends with "passed failed".
# newman: tests/conformance/run.sh gets NEWMAN (the program), BUILD and REPORT
# (where newman's JSON report goes), starts the demo on a free port and stops it
# again.
set -u
npm=$BUILD/npm
mkdir -p "$BUILD/results"
sh build-aux/npm.sh || exit 1

NODE_PATH=$(cd "$npm" && pwd)/node_modules
RENDER=$BUILD/render
export NODE_PATH RENDER
templates=$BUILD/results/conformance-templates
sh tests/conformance/handlebars/run.sh >"$templates"
templates_rc=$?
cat "$templates"

NEWMAN=$npm/node_modules/.bin/newman
REPORT=$BUILD/results/newman.json
export NEWMAN REPORT
rm -f "$REPORT"
sh tests/conformance/run.sh
rc=$?
passed=0 failed=$((rc != 0))
if [ -s "$REPORT" ]; then
    counts=$(node -e '
const s = JSON.parse(require("fs").readFileSync(process.argv[1])).run.stats;
const failed = s.assertions.failed + s.requests.failed + s.scripts.failed;
console.log(s.assertions.total - s.assertions.failed, failed);
' "$REPORT")
    passed=${counts% *} failed=${counts#* }
fi
counts=$(sed -n '$s/^\([0-9]* [0-9]*\)$/\1/p' "$templates")
counts=${counts:-0 1}
echo "$((passed + ${counts% *})) $((failed + ${counts#* }))" \
    >"$BUILD/results/conformance"
[ $rc -eq 0 ] || exit $rc
exit $templates_rc
