#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL of the tests' own: no network, a socket in its directory.
#
#   pgsql.sh start DIR     make it if need be, start it, print how to connect
#   pgsql.sh stop DIR      stop it (immediately)
#   pgsql.sh kill DIR      kill -9 of all its processes
#
# Root runs it as the user postgres. Its data are not synced to the disk:
# what the tests kill is processes, not the machine.
set -eu
what=$1 dir=$2
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null |
    sort -V | tail -n 1)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    echo "pgsql.sh: PostgreSQL is not installed (package postgresql)" >&2
    exit 3
fi

as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

start() {
    mkdir -p "$dir"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$dir"; fi
    chmod 755 "$dir"
    if [ ! -d "$dir/data" ]; then
        as_user "$bin/initdb" -D "$dir/data" -U flow -A trust -E UTF8 \
            --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 </dev/null || {
            cat "$dir/initdb.log" >&2
            exit 1
        }
        cat >>"$dir/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 150
shared_buffers = 64MB
fsync = ${PGSQL_FSYNC:-off}
max_wal_size = 1GB
log_line_prefix = '%m %p %a '
autovacuum_naptime = 5s
END
    fi
    # What a kill left behind keeps a new one from starting.
    i=0
    while ! as_user "$bin/pg_ctl" -D "$dir/data" -w -t 30 -l "$dir/data/log" \
        start >"$dir/start.log" 2>&1 </dev/null; do
        i=$((i + 1))
        if [ $i -ge 10 ]; then
            cat "$dir/start.log" "$dir/data/log" >&2
            exit 1
        fi
        sleep 0.5
    done
    echo "host=$dir user=flow dbname=postgres"
}

case $what in
start) start ;;
stop)
    as_user "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 ||
        :
    ;;
kill)
    pid=$(head -n 1 "$dir/data/postmaster.pid")
    children=$(ps -o pid= --ppid "$pid")
    # shellcheck disable=SC2086
    kill -9 "$pid" $children 2>/dev/null || :
    ;;
*)
    echo "pgsql.sh: start, stop or kill" >&2
    exit 2
    ;;
esac
