#!/bin/sh
# Start a private httpd with the demo, play the article through against it,
# print each request and answer, then serve until Ctrl-C.
#
# BUILD  where mod_flow.so and flowctl are     PORT  default 8080
# RUN    the server root, an empty directory that is removed at the end
#        (default: a temporary one)             ONCE=1  stop after the play
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-build}" && pwd)
port=${PORT:-8080}
base=http://127.0.0.1:$port
apache=$(command -v apache2 || command -v httpd || echo /usr/sbin/apache2)
modules=$("${APXS:-apxs}" -q LIBEXECDIR)
case $port in
"" | *[!0-9]* | ??????*) bad_port=1 ;;
*) if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then bad_port=1; fi ;;
esac
if [ -n "${bad_port:-}" ]; then
    echo "PORT is '$port'; it must be a number from 1 to 65535" >&2
    exit 1
fi
run=${RUN:-$(mktemp -d "${TMPDIR:-/tmp}/mod_flow-demo.XXXXXX")}
pid=

# shellcheck disable=SC2317 # called by the trap
stop() {
    # make, the shell and the terminal may all pass a signal on; one is enough
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

DEMO_SHOP_TOKEN=demo-shop-token
DEMO_ERP_PASSWORD=demo-erp-password
DEMO_HOOK_KEY=demo-hook-key
export DEMO_SHOP_TOKEN DEMO_ERP_PASSWORD DEMO_HOOK_KEY

if curl -s -o /dev/null --max-time 2 "$base/"; then
    echo "port $port is taken; choose another: PORT=8081" >&2
    exit 1
fi

chmod 755 "$run"
mkdir "$run/erp"
user=
if [ "$(id -u)" = 0 ]; then
    user=$(printf 'User www-data\nGroup www-data')
    chown www-data:www-data "$run/erp"
fi
awk -v run="$run" -v port="$port" -v modules="$modules" -v build="$build" \
    -v demo="$here" -v user="$user" '{
        gsub(/@RUN@/, run); gsub(/@PORT@/, port); gsub(/@BUILD@/, build)
        gsub(/@MODULES@/, modules); gsub(/@DEMO@/, demo); gsub(/@USER@/, user)
        print
    }' "$here/httpd.conf.in" >"$run/httpd.conf"

"$apache" -f "$run/httpd.conf" -DFOREGROUND &
pid=$!
tries=0
until curl -s -o /dev/null --max-time 2 "$base/server-status?auto"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
        echo "httpd did not start:" >&2
        cat "$run/error.log" >&2 2>/dev/null || true
        exit 1
    fi
    sleep 0.1
done

BASE=$base STATE=$run/state FLOWCTL=$build/flowctl sh "$here/play.sh"

if [ -n "${ONCE:-}" ]; then
    exit 0
fi
echo
echo "Serving on $base until Ctrl-C (log: $run/error.log)."
echo "Try:  curl -s $base/server-status?auto | grep Flow"
wait "$pid"
