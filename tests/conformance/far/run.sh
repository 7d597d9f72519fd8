#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: the http connector against far ends that others have written. Prints
# "passed failed" last.
#
# BUILD  flowctl and mod_flow.so     NODE_PATH  the packages of package.json
set -u
here=$(cd "$(dirname "$0")" && pwd)
FLOWCTL=$BUILD/flowctl
export FLOWCTL
/usr/bin/python3 "$here/far.py"
