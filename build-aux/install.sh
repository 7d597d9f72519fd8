#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh: copy what $BUILD holds to where apxs says, below $DESTDIR. A
# flow.conf that is there stays; the new one is put beside it.
set -eu
modules=$("$APXS" -q LIBEXECDIR)
sbin=$("$APXS" -q SBINDIR)
conf=$("$APXS" -q SYSCONFDIR)
include=$("$APXS" -q INCLUDEDIR)

put() { # mode, from, to
    mkdir -p "$DESTDIR${3%/*}"
    install -m "$1" "$2" "$DESTDIR$3"
    echo "installed $DESTDIR$3"
}

put_conf() { # to
    if [ ! -e "$DESTDIR$1" ]; then
        put 644 conf/flow.conf "$1"
    elif ! cmp -s conf/flow.conf "$DESTDIR$1"; then
        put 644 conf/flow.conf "$1.new"
        echo "kept      $DESTDIR$1, which differs"
    fi
}

put 644 "$BUILD/mod_flow.so" "$modules/mod_flow.so"
put 755 "$BUILD/flowctl" "$sbin/flowctl"

# The packages inside of the module want their licenses to go with them.
share=$("$APXS" -q datadir)/mod_flow
for license in "$BUILD"/lib/LICENSE.*; do
    put 644 "$license" "$share/${license##*/}"
done

for preset in connectors/presets/*.json; do
    put 644 "$preset" "$share/presets/${preset##*/}"
done

# What a connector in a module of its own includes: -I.../mod_flow
for header in mod_flow/base/*.h mod_flow/data/*.h mod_flow/script/*.h \
    mod_flow/flow/*.h; do
    case $header in *_private.h) continue ;; esac
    mkdir -p "$DESTDIR$include/${header%/*}"
    install -m 644 "$header" "$DESTDIR$include/$header"
done
echo "installed $DESTDIR$include/mod_flow (headers for connectors)"

if [ -d "$conf/mods-available" ]; then
    load=$BUILD/flow.load
    echo "LoadModule flow_module $modules/mod_flow.so" >"$load"
    put 644 "$load" "$conf/mods-available/flow.load"
    put_conf "$conf/mods-available/flow.conf"
    echo "Next: a2enmod flow, then apachectl configtest"
else
    put_conf "$conf/extra/flow.conf"
    echo "Next: add to httpd.conf"
    echo "    LoadModule flow_module $modules/mod_flow.so"
    echo "    Include $conf/extra/flow.conf"
fi
