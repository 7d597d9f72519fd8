#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# embed.sh NAME=FILE...: write a C file with the texts of the files, as
# flow_packages of script/flow_script_private.h.
# embed.sh -t NAME=FILE: the text of one file, as a string of that name.

set -eu

if [ "$1" = -t ]; then
    echo "extern const char ${2%%=*}[];"
    echo "const char ${2%%=*}[] = {"
    od -An -v -tu1 "${2#*=}" | sed 's/\([0-9][0-9]*\)/\1,/g'
    echo '0 };'
    exit 0
fi
echo '/* Made by embed.sh; the texts have licenses of their own. */'
echo 'typedef struct { const char *name, *text; } package_t;'
n=0
for pair; do
    [ -s "${pair#*=}" ] || {
        echo "embed.sh: ${pair#*=} is missing or empty" >&2
        exit 1
    }
    echo "static const char text_${n}[] = {"
    od -An -v -tu1 "${pair#*=}" | sed 's/\([0-9][0-9]*\)/\1,/g'
    echo '0 };'
    n=$((n + 1))
done
echo 'extern const package_t flow_packages[];'
echo 'const package_t flow_packages[] = {'
n=0
for pair; do
    echo "    { \"${pair%%=*}\", text_$n },"
    n=$((n + 1))
done
echo '    { 0, 0 }'
echo '};'
