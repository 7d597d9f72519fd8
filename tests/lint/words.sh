#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Words that have no place in the tree: unfinished work, and names of machines.
# Patches are left out: they quote what others wrote.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ban() { # pattern, rule
    find . \( -name .git -o -path "./${BUILD:-build}" -o -name node_modules \
        -o -name __pycache__ \) -prune -o -type f \
        ! -path ./tests/lint/words.sh ! -path ./tests/lint/selftest.sh \
        ! -path ./LICENSE ! -name '*.patch' -print0 |
        xargs -0 grep -nIE "$1" /dev/null |
        sed "s|^\./\([^:]*:[0-9]*\):.*|\1: $2|" >>"$found"
}

ban '(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)' \
    'finish it, or file it; no notes to self'
ban '(^|[^A-Za-z0-9._~*/-])/(work|root|tmp/w|tmp/b-[a-z]+|home/[a-z]+)(/|$)' \
    'path of one machine'
ban '(deb|security|ftp|snapshot)\.debian\.org|registry\.npmjs\.org|pypi\.org' \
    'host of a package registry'
ban '[Ii]ssues? #?[0-9]' 'number of an issue'
verdict
