#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: templates against handlebars.js. Prints "passed failed" last.
#
# RENDER  render.c's program     NODE_PATH  where handlebars is
set -u
here=$(cd "$(dirname "$0")" && pwd)
node "$here/differential.js" "$RENDER" "${TEMPLATES:-3000}"
