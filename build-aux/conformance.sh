#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh: compare with pinned programs below $BUILD/npm.
#
# handlebars: tests/conformance/handlebars/run.sh gets RENDER (our renderer) and
# NODE_PATH, and ends with "passed failed".
# test262: tests/conformance/test262/run.py gets $BUILD/esrun, and ends likewise;
# left out when fetch.sh has no way to get test262.
# es: generated programs in node and in the script engine.
# far: tests/conformance/far/run.sh gets BUILD and the NODE_PATH of what
# far/package-lock.json pins, and ends with "passed failed".
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

language=$BUILD/results/conformance-language
: >"$language"
sh tests/conformance/test262/fetch.sh "$BUILD/test262"
language_rc=$?
if [ $language_rc -eq 2 ]; then
    language_rc=0
    echo "test262 is left out"
elif [ $language_rc -eq 0 ]; then
    /usr/bin/python3 tests/conformance/test262/run.py "$BUILD/esrun" \
        "$BUILD/test262" >"$language"
    language_rc=$?
    cat "$language"
fi
node tests/conformance/es/differential.js "$BUILD/esrun" 3000
differential_rc=$?
far=$BUILD/npm-far
mkdir -p "$far"
if ! cmp -s tests/conformance/far/package-lock.json "$far/installed.json"; then
    echo "installing the far ends of tests/conformance/far into $far"
    rm -f "$far/installed.json"
    cp tests/conformance/far/package.json tests/conformance/far/package-lock.json \
        "$far/"
    (cd "$far" && npm ci --ignore-scripts --no-audit --no-fund \
        --loglevel=error) </dev/null || exit 1
    cp "$far/package-lock.json" "$far/installed.json"
fi
ends=$BUILD/results/conformance-far
NODE_PATH=$(cd "$far" && pwd)/node_modules \
    BUILD=$(cd "$BUILD" && pwd) sh tests/conformance/far/run.sh >"$ends"
ends_rc=$?
cat "$ends"

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
for part in "$templates" "$ends"; do
    counts=$(sed -n '$s/^\([0-9]* [0-9]*\)$/\1/p' "$part")
    counts=${counts:-0 1}
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
done
counts=$(sed -n '$s/^\([0-9]* [0-9]*\)$/\1/p' "$language")
counts=${counts:-0 $language_rc}
passed=$((passed + ${counts% *} + (differential_rc == 0)))
failed=$((failed + ${counts#* } + (differential_rc != 0)))
echo "$passed $failed" >"$BUILD/results/conformance"
for code in $rc $templates_rc $ends_rc $language_rc; do
    [ "$code" -eq 0 ] || exit "$code"
done
exit $differential_rc
