#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh SET...: install the Debian packages that a set of targets needs and
# that are missing. Silent network-wise when nothing is missing.
set -eu

list() {
    case $1 in
    build)
        echo gcc libc6-dev make apache2 apache2-dev libapr1-dev \
            libaprutil1-dev libaprutil1-dbd-sqlite3 libcurl4-openssl-dev \
            libssl-dev libxml2-dev zlib1g-dev libzip-dev libpcre2-dev \
            curl openssl ca-certificates dpkg-dev xz-utils
        # For the packages that scripts may import. Another source of node (a
        # newer one, say) is as good as Debian's.
        command -v npm >/dev/null || echo npm
        ;;
    test)
        echo libcmocka-dev valgrind clang libclang-rt-dev \
            clang-format clang-tidy shellcheck python3 python3-pytest python3-requests \
            postgresql libaprutil1-dbd-pgsql
        # Another source of node (a newer one, say) is as good as Debian's.
        command -v node >/dev/null || echo nodejs
        command -v npm >/dev/null || echo npm
        ;;
    bench)
        echo wrk webhook miller nginx
        command -v node >/dev/null || echo nodejs
        ;;
    *)
        echo "deps.sh: unknown set '$1'" >&2
        exit 2
        ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps: this is not a Debian system; install by hand what these are" \
        "called here:" >&2
    for set; do list "$set" >&2; done
    exit 1
fi

missing=
for set; do
    for package in $(list "$set"); do
        is_installed "$package" || missing="$missing $package"
    done
done
if [ -z "$missing" ]; then
    echo "deps: everything for '$*' is installed"
    exit 0
fi

echo "deps: installing with apt-get:$missing"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "deps: neither root nor sudo here; as root, run" >&2
    echo "    apt-get update && apt-get install$missing" >&2
    exit 1
fi

had_apache=no
if is_installed apache2; then had_apache=yes; fi

# RUNLEVEL=1: packages that bring a daemon do not start it.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1 || {
        cat "$log" >&2
        echo "deps: apt-get $1 failed" >&2
        exit 1
    }
}
apt update
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing
echo "deps: installed"

# We need Apache's files, not a second server on port 80. systemd starts it
# whatever RUNLEVEL says.
if [ $had_apache = no ] && is_installed apache2; then
    if [ -d /run/systemd/system ]; then
        $as_root systemctl disable --now apache2 || :
    else
        $as_root service apache2 stop >/dev/null 2>&1 || :
    fi
    echo "deps: the new apache2 is not running and will not start by itself"
fi
