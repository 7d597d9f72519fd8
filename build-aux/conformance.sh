#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh: install the pinned newman below $BUILD/npm and let
# tests/conformance/run.sh use it. That script gets NEWMAN (the program), BUILD
# and REPORT (where newman's JSON report goes), starts the demo on a free port
# and stops it again.
set -u
version=6.2.2
npm=$BUILD/npm
mkdir -p "$npm" "$BUILD/results"

have=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' \
    "$npm/node_modules/newman/package.json" 2>/dev/null)
if [ "$have" != $version ]; then
    echo "installing newman $version into $npm"
    (cd "$npm" && echo '{"private":true}' >package.json &&
        npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
            newman@$version) </dev/null || exit 1
fi

NEWMAN=$npm/node_modules/.bin/newman
REPORT=$BUILD/results/newman.json
export NEWMAN REPORT
rm -f "$REPORT"
sh tests/conformance/run.sh
rc=$?
if [ -s "$REPORT" ]; then
    node -e '
const s = JSON.parse(require("fs").readFileSync(process.argv[1])).run.stats;
const failed = s.assertions.failed + s.requests.failed + s.scripts.failed;
console.log(s.assertions.total - s.assertions.failed, failed);
' "$REPORT" >"$BUILD/results/conformance"
fi
exit $rc
