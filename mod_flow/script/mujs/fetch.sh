#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# fetch.sh DESTDIR: leave mujs 1.3.6 with our patches in DESTDIR.
#
# The source comes from Debian's trixie source package, with apt, from the
# mirror that this machine uses anyway; nothing of the machine's apt
# configuration is changed. MUJS_SRC=DIR takes an unpacked mujs 1.3.6 instead.
# Does nothing when DESTDIR is already complete. Quiet unless it fails.

set -eu

version=1.3.6
sha256=d52501cd9539e37ef95e8494323da25c7d10d3738cd95757cf71d248447dafa9
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail()
{
    echo "fetch.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: fetch.sh DESTDIR"
dest=$1
here=$(cd "$(dirname "$0")" && pwd)
[ -z "${MUJS_SRC:-}" ] || MUJS_SRC=$(cd "$MUJS_SRC" && pwd) ||
    fail "MUJS_SRC: no such directory"

# What DESTDIR was made from: this script, the patches, our files, the source.
stamp=$(cat "$here"/*.patch "$here"/js*.[ch] "$here/../lib"/*.js \
    "$here/fetch.sh" | sha256sum | cut -d' ' -f1)
stamp="$stamp ${MUJS_SRC:-debian}"
if [ -f "$dest/one.c" ] && [ "$(cat "$dest/.stamp" 2>/dev/null)" = "$stamp" ]
then
    exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# The mirrors of apt's configuration, "SUITES<tab>URI" a line, both formats.
mirrors()
{
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] || continue
        awk '
            function flush(  n, i, u) {
                n = split(uris, u, /[ \t]+/)
                if (types ~ /deb/)
                    for (i = 1; i <= n; i++)
                        if (u[i] != "") print suites "\t" u[i]
                types = uris = suites = ""
            }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            /^[Tt]ypes:/ { sub(/^[^:]*:/, ""); types = $0 }
            /^[Uu][Rr][Ii]s:/ { sub(/^[^:]*:/, ""); uris = $0 }
            /^[Ss]uites:/ { sub(/^[^:]*:/, ""); suites = $0 }
            END { flush() }' "$f"
    done
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] || continue
        sed -n -e 's/\[[^]]*\]//' \
            -e 's/^[ \t]*deb\(-src\)\{0,1\}[ \t]\{1,\}\([^ \t]*\)[ \t]\{1,\}\([^ \t]*\).*/\3\t\2/p' "$f"
    done
}

# The main archive of this machine: the entry with a plain release name.
mirror()
{
    mirrors >"$tmp/mirrors"
    for suite in bookworm trixie stable bullseye sid; do
        uri=$(awk -F'\t' -v s="$suite" '
            { n = split($1, a, /[ \t]+/)
              for (i = 1; i <= n; i++) if (a[i] == s) { print $2; exit } }' \
            "$tmp/mirrors")
        if [ -n "$uri" ]; then
            echo "$uri"
            return
        fi
    done
}

download()
{
    uri=$(mirror)
    [ -n "$uri" ] || fail "apt's configuration names no Debian mirror;" \
        "unpack mujs $version somewhere and set MUJS_SRC"
    [ -f "$keyring" ] || fail "$keyring is missing;" \
        "install debian-archive-keyring"
    mkdir -p "$tmp/apt/lists/partial" "$tmp/apt/cache/archives/partial" \
        "$tmp/apt/empty" "$tmp/get"
    : >"$tmp/apt/status"
    cat >"$tmp/apt/sources.sources" <<END
Types: deb-src
URIs: $uri
Suites: trixie
Components: main
Signed-By: $keyring
END
    # As root apt would switch to its own user, who may not write here.
    set -- -q \
        -o Dir::Etc::sourcelist="$tmp/apt/sources.sources" \
        -o Dir::Etc::sourceparts="$tmp/apt/empty" \
        -o Dir::State="$tmp/apt" \
        -o Dir::State::status="$tmp/apt/status" \
        -o Dir::State::lists="$tmp/apt/lists" \
        -o Dir::Cache="$tmp/apt/cache" \
        -o Acquire::Languages=none \
        -o Acquire::Retries=3 \
        -o APT::Sandbox::User="$(id -un)" \
        -o Debug::NoLocking=1
    apt-get "$@" update >"$tmp/log" 2>&1 || {
        cat "$tmp/log" >&2
        fail "apt-get update failed for $uri trixie"
    }
    (cd "$tmp/get" &&
        apt-get "$@" --download-only --only-source source "mujs=$version-1") \
        >"$tmp/log" 2>&1 || {
        cat "$tmp/log" >&2
        fail "apt-get source mujs=$version-1 failed"
    }
    tarball=$tmp/get/mujs_$version.orig.tar.xz
    [ -f "$tarball" ] || fail "the source package has no mujs_$version.orig.tar.xz"
    echo "$sha256  $tarball" | sha256sum --quiet -c - >"$tmp/log" 2>&1 || {
        cat "$tmp/log" >&2
        fail "mujs_$version.orig.tar.xz is not the file that we know"
    }
    mkdir "$tmp/src"
    tar -xJf "$tarball" -C "$tmp/src" --strip-components=1 ||
        fail "cannot unpack mujs_$version.orig.tar.xz"
}

if [ -n "${MUJS_SRC:-}" ]; then
    [ -f "$MUJS_SRC/one.c" ] || fail "MUJS_SRC: no one.c in $MUJS_SRC"
    mkdir "$tmp/src"
    cp -R "$MUJS_SRC/." "$tmp/src/"
else
    download
fi

for p in "$here"/*.patch; do
    (cd "$tmp/src" && patch -p1 -F0 -s --no-backup-if-mismatch) <"$p" \
        >"$tmp/log" 2>&1 || {
        cat "$tmp/log" >&2
        fail "$(basename "$p") does not apply; is this mujs $version?"
    }
done
cp "$here"/js*.[ch] "$tmp/src/"
# Our JavaScript as C strings, a line each.
for js in "$here/../lib"/*.js; do
    sed -e 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' "$js" \
        >"$tmp/src/$(basename "$js" .js).h"
done

rm -rf "$dest"
mkdir -p "$dest" || fail "cannot write $dest"
cp "$tmp"/src/*.[ch] "$tmp/src/COPYING" "$dest/"
echo "$stamp" >"$dest/.stamp"
