#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# fetch.sh DESTDIR: leave harness/, test/language/ and test/built-ins/ of
# tc39/test262 in DESTDIR, at the commit that selected.txt and failing.txt are
# about. TEST262_SRC=DIR takes them from a checkout instead. Does nothing when
# DESTDIR is complete. Status 2: there is no way to get them here.

set -eu

commit=be13516fb6441b950ba8a3df97eb34062c186972
source=https://github.com/tc39/test262

[ $# -eq 1 ] || {
    echo "usage: fetch.sh DESTDIR" >&2
    exit 1
}
dest=$1
stamp="$commit ${TEST262_SRC:-}"
if [ "$(cat "$dest/.stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
rm -rf "$dest"
mkdir -p "$dest"
if [ -n "${TEST262_SRC:-}" ]; then
    mkdir "$dest/test"
    cp -R "$TEST262_SRC/harness" "$dest/"
    cp -R "$TEST262_SRC/test/language" "$TEST262_SRC/test/built-ins" \
        "$dest/test/"
else
    git init -q "$dest/git"
    # a commit's name is a hash of all that is in it
    if ! git -C "$dest/git" fetch -q --depth 1 "$source" "$commit" \
        >"$dest/log" 2>&1; then
        cat "$dest/log" >&2
        echo "fetch.sh: cannot get $source; set TEST262_SRC to a checkout" \
            "of $commit" >&2
        exit 2
    fi
    git -C "$dest/git" archive "$commit" harness test/language test/built-ins |
        tar -x -C "$dest"
    rm -rf "$dest/git"
fi
echo "$stamp" >"$dest/.stamp"
