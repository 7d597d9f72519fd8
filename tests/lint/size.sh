#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files of at most 600 lines and functions of at most 80 lines, or a comment
# with "size:" and the reason in the file's first 30 lines, or right above the
# function. In tests, functions may be longer: their case tables are data.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

for file in $(c_files mod_flow connectors tests/unit tests/fuzz); do
    awk -v file="$file" '
    NR <= 30 && /size:/ { excused = 1 }

    # The comment in column 0 that ends on the line before the function.
    /^\/\*/ { note = 0; in_comment = 1 }
    in_comment && /size:/ { note = 1 }
    in_comment && /\*\// { in_comment = 0; note_end = NR; next }
    in_comment { next }

    # A function: from the first line of its head to its closing brace, both
    # of them in column 0 as clang-format leaves them.
    /^[A-Za-z_]/ && !head { head = NR; reason = note && note_end == NR - 1 }
    /^{/ { body = 1 }
    /^}/ {
        if (file !~ /^tests/ && body && head && NR - head + 1 > 80 && !reason) {
            print file ":" head ": function of " NR - head + 1 \
                " lines; 80 is the limit"
        }
        head = body = 0
    }
    /;[ \t]*$/ && !body { head = 0 }
    /^[ \t]*$/ && !body { head = 0 }
    /^#/ && !body { head = 0 }

    END {
        if (NR > 600 && !excused) {
            print file ":" NR ": file of " NR " lines; 600 is the limit"
        }
    }' "$file" >>"$found"
done
verdict
