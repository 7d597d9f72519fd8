#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: Postman's runner against the demo, as the article uses Postman.
#
# NEWMAN  the program     BUILD  mod_flow.so and flowctl     REPORT  JSON report
set -u
here=$(cd "$(dirname "$0")" && pwd)
run=$(mktemp -d "${TMPDIR:-/tmp}/mod_flow-newman.XXXXXX")
port=$(/usr/bin/python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')

RUN=$run PORT=$port sh conf/demo/run.sh >"$run.log" 2>&1 &
demo=$!
# shellcheck disable=SC2317 # called by the trap
stop() {
    kill "$demo" 2>/dev/null
    wait "$demo" 2>/dev/null
    rm -rf "$run" "$run.log"
}
trap stop EXIT

tries=0
until grep -q '^Serving on' "$run.log"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$demo" 2>/dev/null; then
        cat "$run.log"
        echo "the demo did not start, or its play failed" >&2
        exit 1
    fi
    sleep 0.2
done

token() {
    "$BUILD/flowctl" --state-dir "$run/state" token create --expires 1h "$@"
}
full=$(token --name newman --full) || exit 1
other=$(token --name elsewhere --api something-else) || exit 1

"$NEWMAN" run "$here/article.postman_collection.json" --color off \
    --env-var "base=http://127.0.0.1:$port" --env-var "token=$full" \
    --env-var "other=$other" --env-var hookKey=demo-hook-key \
    --timeout-request 30000 \
    --reporters cli,json --reporter-json-export "$REPORT" </dev/null
