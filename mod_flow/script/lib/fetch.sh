#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# fetch.sh DESTDIR: leave the packages that scripts may import in DESTDIR, and
# DESTDIR/packages.c with their texts as C strings.
#
# They are fetched with npm, from the registry that this machine uses anyway,
# and must have the hashes that stand here. MODULES_SRC=DIR takes them from
# DIR/dayjs and DIR/sjcl (unpacked packages) instead. Does nothing when DESTDIR
# is already complete. Quiet unless it fails.

set -eu

fail()
{
    echo "fetch.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: fetch.sh DESTDIR"
dest=$1
here=$(cd "$(dirname "$0")" && pwd)
[ -z "${MODULES_SRC:-}" ] || MODULES_SRC=$(cd "$MODULES_SRC" && pwd) ||
    fail "MODULES_SRC: no such directory"

stamp=$(cat "$here"/*.sh "$here/sjcl_host.js" | sha256sum | cut -d' ' -f1)
stamp="$stamp ${MODULES_SRC:-npm}"
if [ -f "$dest/packages.c" ] && [ "$(cat "$dest/.stamp" 2>/dev/null)" = "$stamp" ]
then
    exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

get() # package, version, hash
{
    mkdir "$tmp/$1"
    if [ -n "${MODULES_SRC:-}" ]; then
        [ -d "$MODULES_SRC/$1" ] || fail "MODULES_SRC: no $1 in $MODULES_SRC"
        cp -R "$MODULES_SRC/$1/." "$tmp/$1/"
        return
    fi
    command -v npm >/dev/null || fail "npm is missing; install it, or unpack" \
        "$1 $2 somewhere and set MODULES_SRC"
    (cd "$tmp" && npm pack --silent --ignore-scripts --cache "$tmp/cache" \
        "$1@$2") >"$tmp/log" 2>&1 || {
        cat "$tmp/log" >&2
        fail "npm pack $1@$2 failed"
    }
    [ "$(openssl dgst -sha512 -binary "$tmp/$1-$2.tgz" | base64 -w 0)" = "$3" ] ||
        fail "$1-$2.tgz is not the file that we know"
    tar -xzf "$tmp/$1-$2.tgz" -C "$tmp/$1" --strip-components=1 ||
        fail "cannot unpack $1-$2.tgz"
}

get dayjs 1.11.13 'oaMBel6gjolK862uaPQOVTA7q3TZhuSvuMQAAglQDOWYO9A91IrAOUJEyKVlqJlHE0vq5p5UXxzdPfMH/x6xNg=='
get sjcl 1.0.8 'LzIjEQ0S0DpIgnxMEayM1rq9aGwGRG4OnZhCdjx7glTaJtf4zRfpg87ImfjSJjoW9vKpagd82McDOwbRT5kQKQ=='

mkdir "$tmp/out"
cp "$tmp/dayjs/LICENSE" "$tmp/out/LICENSE.dayjs"
cp "$tmp/sjcl/LICENSE.txt" "$tmp/out/LICENSE.sjcl"
cat "$tmp/sjcl/sjcl.js" "$here/sjcl_host.js" >"$tmp/out/sjcl.js"
for f in dayjs.min.js plugin/utc.js plugin/customParseFormat.js
do
    cp "$tmp/dayjs/$f" "$tmp/out/$(basename "$f")"
done
(cd "$tmp/out" && sh "$here/embed.sh" \
    dayjs=dayjs.min.js \
    dayjs/plugin/utc=utc.js \
    dayjs/plugin/customParseFormat=customParseFormat.js \
    sjcl=sjcl.js) >"$tmp/packages.c" || fail "a package is incomplete"
cp "$tmp/packages.c" "$tmp/out/"

rm -rf "$dest"
mkdir -p "$dest" || fail "cannot write $dest"
cp "$tmp"/out/* "$dest/"
echo "$stamp" >"$dest/.stamp"
