#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, and twice. mujs is looked for in $BUILD.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

common="-Imod_flow -I. $(apr-1-config --cppflags --includes) \
    $(apu-1-config --includes)"
errors=$(mktemp) || exit 2
trap 'rm -f "$found" "$errors"' EXIT

for file in $(c_files | grep '\.h$'); do
    case $file in
    mod_flow/httpd/*) room=-I$(apxs -q INCLUDEDIR) ;;
    mod_flow/data/*) room=$(xml2-config --cflags) ;;
    mod_flow/script/*) room=-I${BUILD:-build}/mujs ;;
    *) room= ;;
    esac
    # shellcheck disable=SC2086
    printf '#include "%s"\n#include "%s"\n' "$file" "$file" |
        ${CC:-cc} -std=gnu11 -Wall -Wextra -Wstrict-prototypes -Werror \
            -fsyntax-only $common $room -x c - 2>"$errors" ||
        sed -n 's|^\([^ :]*:[0-9]*\):[0-9]*: .*error: \(.*\)|\1: \2 (header compiled alone)|p' \
            "$errors" | sed 's|^\./||' | head -n 3 >>"$found"
    [ ! -s "$errors" ] || [ -s "$found" ] ||
        echo "$file:1: does not compile alone" >>"$found"
done
verdict
