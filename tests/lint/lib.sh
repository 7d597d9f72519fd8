# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Shared by the lint scripts. Each of them takes the top of a tree (default:
# here), prints "file:line: rule" for what it finds and fails if it found any.
set -u
cd "${1:-.}" || exit 2
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT

# Our C files and headers, or those below the folders named.
c_files() {
    [ $# -gt 0 ] || set -- mod_flow connectors
    find "$@" -name '*.[ch]' 2>/dev/null | sort
}

# A C file with the insides of comments and strings blanked, line for line.
code() {
    awk '
    {
        n = length($0)
        out = ""
        for (i = 1; i <= n; ++i) {
            c = substr($0, i, 1)
            two = substr($0, i, 2)
            if (comment) {
                if (two == "*/") { comment = 0; ++i }
            } else if (quote != "") {
                if (c == "\\") { ++i }
                else if (c == quote) { quote = ""; out = out c }
            } else if (two == "/*") {
                comment = 1; ++i; out = out " "
            } else if (two == "//") {
                break
            } else {
                if (c == "\"" || c == "\047") { quote = c }
                out = out c
            }
        }
        quote = ""
        print out
    }' "$1"
}

# Lines of grep -n (from standard input) as "file:line: rule".
report() { # file, rule
    sed "s|^\([0-9]*\):.*|$1:\1: $2|" >>"$found"
}

# The script's result, to be its last command.
verdict() {
    sort -t : -k 1,1 -k 2,2n "$found"
    [ ! -s "$found" ]
}
