#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# npm.sh: the programs that tests and benchmarks compare with, pinned, below
# $BUILD/npm. Does nothing when they are there.
set -u
newman=6.2.2
handlebars=4.7.10
npm=$BUILD/npm
mkdir -p "$npm"

version_of() { # package
    sed -n 's/^ *"version": "\(.*\)",$/\1/p' \
        "$npm/node_modules/$1/package.json" 2>/dev/null
}
if [ "$(version_of newman)" != $newman ] ||
    [ "$(version_of handlebars)" != $handlebars ]; then
    echo "installing newman $newman and handlebars $handlebars into $npm"
    (cd "$npm" && echo '{"private":true}' >package.json &&
        npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
            newman@$newman handlebars@$handlebars) </dev/null || exit 1
fi
